//! What the commands take from a manifest: the events, by name and by the full name of their schemas.

use std::collections::HashMap;
use std::path::Path;

use anyhow::anyhow;
use eventwright_schema::Format;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{self, Loaded, LoadedEvent, LoadedVersion};
pub(crate) use eventwright_schema::manifest::{EventEntry, FieldName};

use crate::screen;

/// Where a manifest is looked for.
pub(crate) const DEFAULT: &str = "schemas/events.toml";

/// Returns what the manifest leads to, or `None` where the usual one does not exist.
pub(crate) fn load(path: &Path) -> Option<Loaded> {
    (path != Path::new(DEFAULT) || path.exists()).then(|| load::load(path))
}

/// Returns an event of the manifest and its key, where that has a schema, or `None` where there is no such event.
///
/// # Errors
/// A manifest that cannot be used, or an event whose schemas or whose key's cannot.
pub(crate) fn event<'l>(
    loaded: &'l Loaded,
    path: &Path,
    name: &str,
) -> anyhow::Result<Option<(&'l LoadedEvent, Option<&'l LoadedEvent>)>> {
    let is_defined = loaded.manifest.as_ref().is_none_or(|manifest| manifest.event(name).is_some());
    if let Some(event) = loaded.events.iter().find(|event| event.entry.name == name) {
        let folder = event.entry.key_schema.as_ref().map(|folder| &folder.folder);
        let key = loaded.keys.iter().find(|key| Some(&key.entry.folder) == folder);
        if folder.is_none() || key.is_some() {
            return Ok(Some((event, key)));
        }
    }
    if !is_defined {
        return Ok(None);
    }
    for diagnostic in &loaded.diagnostics {
        screen::warning(diagnostic);
    }
    Err(anyhow!("`{name}` cannot be used as long as {} leads to this", path.display()))
}

/// The names that a manifest has for records and messages.
#[derive(Debug, Default)]
pub(crate) struct EventNames(HashMap<(Format, String), String>);

impl EventNames {
    /// Returns the names of a manifest; what is wrong with it does not matter for looking at records.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let Some(loaded) = load(path) else { return Ok(Self::default()) };
        if loaded.manifest.is_none() && path != Path::new(DEFAULT) {
            let problem = loaded.diagnostics.first().map(ToString::to_string).unwrap_or_default();
            return Err(anyhow!("{problem}"));
        }
        let mut names = HashMap::new();
        for event in &loaded.events {
            for version in &event.versions {
                if let Some(full_name) = full_name(&version.schema, &event.entry.name) {
                    names.insert((event.entry.format, full_name), event.entry.name.clone());
                }
            }
        }
        Ok(Self(names))
    }

    /// Returns what the manifest calls a record or message, or else its name without package.
    pub(crate) fn name(&self, format: Format, full_name: &str) -> String {
        let simple = || full_name.rsplit('.').next().unwrap_or(full_name).to_owned();
        self.0.get(&(format, full_name.to_owned())).cloned().unwrap_or_else(simple)
    }
}

/// Returns the subject of a version of an event or of a key, without prefix.
pub(crate) fn subject(entry: &EventEntry, version: &LoadedVersion) -> String {
    let full_name = full_name(&version.schema, &entry.name);
    entry.subject.subject(&entry.topic, full_name.as_deref().unwrap_or_default())
}

/// Returns the full name of an event's record or message in one version of its schema.
pub(crate) fn full_name(schema: &AnySchema, event: &str) -> Option<String> {
    match schema {
        AnySchema::Avro(schema) => schema.root_named().map(|(_, named)| named.name.full()),
        AnySchema::Protobuf(schema) => {
            let mut messages = schema.file().messages();
            let named = schema.file().messages().find(|message| message.name() == event);
            // As codegen does: the message of the event's name, or else the only one.
            let found = named.or_else(|| messages.next().filter(|_| messages.next().is_none()));
            found.map(|message| message.full_name().to_owned())
        }
        AnySchema::Json(_) => None,
    }
}
