//! From schemas to what is emitted: names Rust types, decides which types versions share, and resolves every known
//! writer against every reader.
//!
//! In: a loaded event. Out: its IR, or what the manifest or the schema asks for that cannot be generated.

mod avro;
mod key;
mod protobuf;

use std::collections::{BTreeSet, HashMap};

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::LoadedEvent;
use eventwright_schema::manifest::{Manifest, SubjectStrategy};

use crate::ir::{Event, SchemaFacts};
use crate::names;

pub(crate) use key::KeySchema;

/// Lowers one event; `keys` are those of all topics.
pub(crate) fn event(
    event: &LoadedEvent,
    keys: &[KeySchema<'_>],
    manifest: Option<&Manifest>,
) -> Result<Event, Vec<Diagnostic>> {
    let entry = &event.entry;
    let source = manifest.map_or("", |manifest| manifest.source.name.as_str());
    let key = match &entry.key_schema {
        // A key that could not be loaded has its findings already.
        Some(folder) => Some(keys.iter().find(|key| key.loaded.entry.folder == folder.folder).ok_or_else(Vec::new)?),
        None => None,
    };
    let place = Place { event, key, source };
    place.check_versions()?;
    let versions = match event.newest().schema {
        AnySchema::Avro(_) => avro::versions(&place)?,
        AnySchema::Protobuf(_) => protobuf::versions(&place)?,
    };
    Ok(Event {
        name: entry.name.clone(),
        module: names::snake(&entry.name),
        ident: names::upper_camel(&entry.name),
        topic: entry.topic.clone(),
        is_key: entry.subject == SubjectStrategy::Key,
        versions,
        diagnostic: place.diagnostic(entry.position, "", ""),
    })
}

/// Returns a diagnostic for each event or key whose Rust name or subject another one has.
pub(crate) fn collisions(events: &[Event]) -> Vec<Diagnostic> {
    let mut wrong = same_modules(events);
    wrong.extend(same_subjects(events));
    wrong
}

fn same_modules(events: &[Event]) -> Vec<Diagnostic> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut wrong = Vec::new();
    for event in events {
        if let Some(other) = seen.insert(event.module.to_string(), &event.name) {
            wrong.push(Diagnostic {
                message: format!("`{}` and `{other}` are one module `{}` in Rust", event.name, event.module),
                help: "rename one of them".into(),
                ..event.diagnostic.clone()
            });
        }
    }
    wrong
}

/// Versions of two events under one subject would be versions of each other for the registry.
fn same_subjects(events: &[Event]) -> Vec<Diagnostic> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut wrong = Vec::new();
    for event in events {
        let subjects: BTreeSet<_> = event.versions.iter().map(|version| version.schema.subject.as_str()).collect();
        for subject in subjects {
            if let Some(other) = seen.insert(subject, &event.name) {
                wrong.push(Diagnostic {
                    message: format!("`{other}` and `{}` have one subject `{subject}`", event.name),
                    help: "rename the record of one, or set subject = \"topic-record\" if their topics differ".into(),
                    ..event.diagnostic.clone()
                });
            }
        }
    }
    wrong
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
        for number in entry.readers.iter().chain(&entry.retired) {
            if *number > newest {
                let message = format!("`{}` has no version v{number}", entry.name);
                return Err(vec![self.diagnostic(entry.position, message, format!("the newest is v{newest}"))]);
            }
        }
        if entry.retired.contains(&newest) {
            let message = format!("v{newest} of `{}` is the newest version and cannot be retired", entry.name);
            return Err(vec![self.diagnostic(entry.position, message, "retire older versions only")]);
        }
        Ok(())
    }

    fn facts(&self, schema: &AnySchema, full_name: &str, message_indexes: Vec<u32>) -> SchemaFacts {
        let entry = &self.event.entry;
        SchemaFacts {
            format: entry.format,
            full_name: full_name.to_owned(),
            prefix: entry.prefix.clone(),
            subject: entry.subject.subject(&entry.topic, full_name),
            text: schema.text().to_owned(),
            fingerprint: match schema {
                AnySchema::Avro(schema) => schema.fingerprint(),
                AnySchema::Protobuf(schema) => schema.fingerprint(),
            },
            canonical_fingerprint: match schema {
                AnySchema::Avro(schema) => schema.canonical_fingerprint(),
                AnySchema::Protobuf(_) => 0,
            },
            message_indexes,
        }
    }
}
