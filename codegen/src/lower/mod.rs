//! From schemas to what is emitted: names Rust types, decides which types versions share, and resolves every known
//! writer against every reader.
//!
//! In: what was loaded. Out: its IR, and what the manifest or a schema asks for that cannot be generated.

mod avro;
mod collisions;
mod key;
mod protobuf;
mod shared;

use std::collections::HashSet;

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{Loaded, LoadedEvent, LoadedReference, LoadedVersion};
use eventwright_schema::manifest::SubjectStrategy;

use self::key::KeySchema;
use crate::ir::{Event, Lowered, SchemaFacts, SharedPath};
use crate::names;

/// Lowers everything; what has findings is left out, and so is what uses it.
pub(crate) fn all(loaded: &Loaded, diagnostics: &mut Vec<Diagnostic>) -> Lowered {
    let source = loaded.manifest.as_ref().map_or("", |manifest| manifest.source.name.as_str());
    let types = shared::types(loaded, source, diagnostics);
    let known: HashSet<&str> = types.iter().map(|one| one.name.as_str()).collect();
    let mut lower = |one: &LoadedEvent, keys: &[KeySchema<'_>]| {
        let usable = one.versions.iter().all(|version| uses_only(version, &known));
        let lowered = usable.then(|| event(one, keys, source))?;
        lowered.map_err(|wrong| diagnostics.extend(wrong)).ok()
    };
    let keys: Vec<_> = loaded.keys.iter().filter_map(|key| Some((key, lower(key, &[])?))).collect();
    let schemas: Vec<_> = keys.iter().map(|(loaded, lowered)| KeySchema { loaded, lowered }).collect();
    let mut events: Vec<_> = loaded.events.iter().filter_map(|event| lower(event, &schemas)).collect();
    events.extend(keys.into_iter().map(|(_, key)| key));
    let lowered = Lowered { types, events };
    diagnostics.extend(collisions::find(&lowered));
    lowered
}

fn uses_only(version: &LoadedVersion, known: &HashSet<&str>) -> bool {
    version.references.iter().all(|reference| known.contains(reference.type_name.as_str()))
}

/// Returns the modules of what a reference is to.
fn shared_path(reference: &LoadedReference) -> SharedPath {
    SharedPath { module: names::snake(&reference.type_name), version: names::snake(&format!("v{}", reference.version)) }
}

/// Returns what the schema's own text refers to.
fn direct_references(version: &LoadedVersion) -> Vec<SharedPath> {
    version.references.iter().filter(|reference| reference.is_direct).map(shared_path).collect()
}

/// Lowers one event; `keys` are those of all topics.
fn event(event: &LoadedEvent, keys: &[KeySchema<'_>], source: &str) -> Result<Event, Vec<Diagnostic>> {
    let entry = &event.entry;
    let key = match &entry.key_schema {
        // A key that could not be loaded or lowered has its findings already.
        Some(folder) => Some(keys.iter().find(|key| key.loaded.entry.folder == folder.folder).ok_or_else(Vec::new)?),
        None => None,
    };
    let place = Place { event, key, source };
    place.check_versions()?;
    let versions = match event.newest().schema {
        AnySchema::Avro(_) => avro::versions(&place)?,
        AnySchema::Protobuf(_) => protobuf::versions(&place)?,
        AnySchema::Json(_) => unreachable!("the manifest refuses JSON Schema"),
    };
    Ok(Event {
        name: entry.name.clone(),
        module: names::snake(&entry.name),
        ident: names::upper_camel(&entry.name),
        topic: entry.topic.clone(),
        is_key: entry.subject == SubjectStrategy::Key,
        versions,
        migrate: place.migrations(),
        diagnostic: place.diagnostic(entry.position, "", ""),
    })
}

/// An event, its key and the manifest that it comes from, for messages.
pub(crate) struct Place<'e> {
    pub(crate) event: &'e LoadedEvent,
    /// The key of its topic, where that has a schema.
    key: Option<&'e KeySchema<'e>>,
    source: &'e str,
}

impl Place<'_> {
    fn diagnostic(
        &self,
        position: eventwright_schema::Position,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { source: self.source.to_owned(), position, message: message.into(), help: help.into() }
    }

    /// Checks that the manifest names versions that exist.
    fn check_versions(&self) -> Result<(), Vec<Diagnostic>> {
        let entry = &self.event.entry;
        let newest = self.event.newest().number;
        for number in entry.readers.iter().chain(&entry.retired).chain(&entry.migrate) {
            if *number > newest {
                let message = format!("`{}` has no version v{number}", entry.name);
                return Err(vec![self.diagnostic(entry.position, message, format!("the newest is v{newest}"))]);
            }
        }
        if entry.retired.contains(&newest) {
            let message = format!("v{newest} of `{}` is the newest version and cannot be retired", entry.name);
            return Err(vec![self.diagnostic(entry.position, message, "retire older versions only")]);
        }
        if entry.migrate.contains(&newest) {
            let message = format!("v{newest} of `{}` is the newest version and has none to be migrated to", entry.name);
            return Err(vec![self.diagnostic(entry.position, message, "migrate older versions only")]);
        }
        Ok(())
    }

    /// Returns the writers whose values are migrated for a version, each with the version that reads it.
    fn migrated(&self, version: u32) -> Vec<(u32, u32)> {
        let (entry, newest) = (&self.event.entry, self.event.newest().number);
        let first = entry.first_comparable(version);
        let older = self.event.versions.iter().map(|one| one.number).filter(|number| *number < first);
        let read = older.filter(|number| version == newest && !entry.retired.contains(number));
        read.map(|number| (number, entry.last_comparable(number, newest))).collect()
    }

    /// Returns the versions that are migrated by hand, as far as somebody reads what was written until then.
    fn migrations(&self) -> Vec<u32> {
        let read = self.migrated(self.event.newest().number);
        let mut steps = self.event.entry.migrate.clone();
        steps.sort_unstable();
        steps.dedup();
        steps.retain(|step| read.first().is_some_and(|(_, through)| through <= step));
        steps
    }

    /// Returns whether generated code of one version decodes what another one wrote.
    fn decodes(&self, reader: u32, writer: u32) -> bool {
        let (entry, newest) = (&self.event.entry, self.event.newest().number);
        let reads_all = reader == newest || entry.readers.contains(&reader);
        let is_comparable = entry.first_comparable(reader) == entry.first_comparable(writer);
        let reads_older = entry.migrate.contains(&reader) && writer < reader;
        writer == reader || (is_comparable && (reads_all || reads_older) && !entry.retired.contains(&writer))
    }

    fn facts(&self, version: &LoadedVersion, full_name: &str, message_indexes: Vec<u32>) -> SchemaFacts {
        let (entry, schema) = (&self.event.entry, &version.schema);
        SchemaFacts {
            format: entry.format,
            full_name: full_name.to_owned(),
            prefix: entry.prefix.clone(),
            subject: entry.subject.subject(&entry.topic, full_name),
            text: schema.text().to_owned(),
            fingerprint: match schema {
                AnySchema::Avro(schema) => schema.fingerprint(),
                AnySchema::Protobuf(schema) => schema.fingerprint(),
                AnySchema::Json(_) => unreachable!("the manifest refuses JSON Schema"),
            },
            canonical_fingerprint: match schema {
                AnySchema::Avro(schema) => schema.canonical_fingerprint(),
                AnySchema::Protobuf(_) | AnySchema::Json(_) => 0,
            },
            message_indexes,
            references: direct_references(version),
        }
    }
}
