//! Finds the schema that records are to be written with: in the manifest, then in the registry.
//!
//! In: an event or a subject. Out: a [`Target`]: how values are encoded, and what the record's headers say of them. A
//! schema of the manifest is looked up in the registry by its text, so that a record never names another version.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use eventwright::{RegistryError, Settings};
use eventwright_registry::{ResolvedSchema, SubjectSchema, VersionSpec};
use eventwright_schema::compat::{AnySchema, parse_any};
use eventwright_schema::load::{Loaded, LoadedEvent, LoadedVersion};

use crate::args::{Version, Versioned};
use crate::encode::Encoder;
use crate::exit::Failure;
use crate::manifest::{self, EventEntry, EventNames};
use crate::registering::Registering;
use crate::registry::Registry;
use crate::screen;

/// What values are written as.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) encoder: Encoder,
    /// The event's name, for the header.
    pub(crate) event: String,
    /// The version's number, for the header.
    pub(crate) version: u32,
    pub(crate) key: Option<Key>,
    /// The field that holds the event's own id.
    pub(crate) id: Option<String>,
    /// The topic that the manifest or the subject's name gives.
    pub(crate) topic: Option<String>,
}

/// What the record's key is made of.
#[derive(Debug)]
pub(crate) enum Key {
    /// The text of a field.
    Field(String),
    /// A record with a schema of its own.
    Record(Box<Encoder>),
}

/// Where targets are looked for.
pub(crate) struct Catalogue<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) settings: &'a Settings,
    pub(crate) manifest: &'a Path,
    pub(crate) names: EventNames,
    /// The message that is meant, where a Protobuf file has several.
    pub(crate) message: Option<&'a str>,
}

/// Whether a schema that is not registered is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registration {
    Look,
    Register,
}

impl Catalogue<'_> {
    /// Finds an event, in the manifest and then in the registry.
    pub(crate) async fn event(
        &self,
        event: &Versioned,
        topic: Option<&str>,
        registration: Registration,
    ) -> anyhow::Result<Target> {
        let name = &event.name;
        if let Version::Registry(_) = event.version {
            return self.event_of_registry(event, topic).await;
        }
        if let Some(loaded) = manifest::load(self.manifest)
            && let Some(found) = manifest::event(&loaded, self.manifest, name)?
        {
            return self.event_of_manifest(&loaded, found, event.version, registration).await;
        }
        if event.version != Version::Newest || registration == Registration::Register {
            bail!("{} has no event `{name}`", self.manifest.display());
        }
        self.event_of_registry(event, topic).await
    }

    async fn event_of_manifest(
        &self,
        loaded: &Loaded,
        (event, key): (&LoadedEvent, Option<&LoadedEvent>),
        version: Version,
        registration: Registration,
    ) -> anyhow::Result<Target> {
        let LoadedEvent { entry, versions } = event;
        let prefix = self.settings.prefix.as_deref().unwrap_or(&entry.prefix);
        let count = versions.len();
        let wanted = |one: &LoadedVersion| match version {
            Version::Manifest(number) => one.number == number,
            Version::Newest | Version::Registry(_) => usize::try_from(one.number) == Ok(count),
        };
        let found = versions.iter().find(|one| wanted(one));
        let version = found.ok_or_else(|| anyhow!("`{}` has the versions v1 to v{count} only", entry.name))?;
        let registering = Registering { catalogue: self, loaded, registration, prefix };
        let encoder = self::encoder(&registering, entry, version).await?;
        // An older version may not have the field yet.
        let field = |field: &Option<manifest::FieldName>| {
            field.as_ref().map(|field| field.name.clone()).filter(|name| encoder.has_field(name))
        };
        let (key_field, id) = (field(&entry.key), field(&entry.id));
        let topic = Some(format!("{prefix}{}", entry.topic));
        let key = match key {
            Some(key) => Some(Key::Record(Box::new(self::encoder(&registering, &key.entry, key.newest()).await?))),
            None => key_field.map(Key::Field),
        };
        Ok(Target { key, id, encoder, event: entry.name.clone(), version: version.number, topic })
    }

    /// Finds an event by the names of subjects and of their newest schemas.
    async fn event_of_registry(&self, event: &Versioned, topic: Option<&str>) -> anyhow::Result<Target> {
        let name = event.name.as_str();
        let subjects = self.registry.ask(async |client| client.subjects().await).await??;
        let versioned = |subject: &str, version| Versioned { name: subject.to_owned(), version };
        let mut found = None;
        for subject in candidates(&subjects, name, topic) {
            // A schema that cannot be used is not the one that is looked for.
            let newest = self.subject(&versioned(subject, Version::Newest), Some(name)).await;
            if let Some(newest) = newest.ok().filter(|newest| newest.event == name) {
                found = Some((subject, newest));
                break;
            }
        }
        let Some((subject, newest)) = found else {
            bail!(
                "no event `{name}` is in {} or in the registry; help: name its subject with --subject; there are {}",
                self.manifest.display(),
                some_of(&subjects)
            );
        };
        let target = match event.version {
            Version::Registry(_) => self.subject(&versioned(subject, event.version), Some(name)).await?,
            Version::Newest | Version::Manifest(_) => newest,
        };
        screen::note(format!("`{name}` is written as version {} of `{subject}` in the registry", target.version));
        Ok(target)
    }

    /// Finds a subject in the registry; `event` names the message that is meant where a Protobuf file has several.
    pub(crate) async fn subject(&self, subject: &Versioned, event: Option<&str>) -> anyhow::Result<Target> {
        let spec = match subject.version {
            Version::Newest => VersionSpec::Latest,
            Version::Registry(number) => VersionSpec::Number(number),
            Version::Manifest(number) => {
                return Err(Failure::usage(format!(
                    "`@v{number}` is a version of the manifest; help: a subject's version is `@{number}`"
                )));
            }
        };
        let name = subject.name.as_str();
        let SubjectSchema { version, id, .. } =
            match self.registry.ask(async |client| client.version(name, spec).await).await? {
                Ok(found) => found,
                Err(error) if error.is_not_found() => return Err(self.no_such_subject(name, error).await),
                Err(error) => return Err(error.into()),
            };
        let resolved = self.registry.ask(async |client| client.schema_by_id(id).await).await??;
        let ResolvedSchema { format, text, references, .. } = &*resolved;
        let label = format!("`{name}` version {version}");
        let schema = parse_any(*format, &label, text, references).map_err(|problems| {
            let problem = problems.first().map(ToString::to_string).unwrap_or_default();
            anyhow!("the schema cannot be used: {problem}")
        })?;
        let full_name = self.full_name(&schema, event).with_context(|| format!("cannot write {label}"))?;
        let encoder = Encoder::new(schema, full_name.as_deref(), id).map_err(|why| anyhow!("{label}: {why}"))?;
        let event = full_name.map_or_else(|| name.to_owned(), |full_name| self.names.name(*format, &full_name));
        let topic = name.strip_suffix("-value").map(str::to_owned);
        Ok(Target { encoder, event, version, key: None, id: None, topic })
    }

    /// Returns the full name of the record, or of the message that is meant; of several, the first one.
    fn full_name(&self, schema: &AnySchema, event: Option<&str>) -> anyhow::Result<Option<String>> {
        let schema = match schema {
            AnySchema::Avro(schema) => return Ok(schema.root_named().map(|(_, named)| named.name.full())),
            AnySchema::Protobuf(schema) => schema,
            AnySchema::Json(_) => return Ok(None),
        };
        let mut messages: Vec<_> = schema.file().messages().collect();
        let first = messages.first().map(|message| message.full_name().to_owned());
        let mut named: Vec<(String, String)> = Vec::new();
        while let Some(message) = messages.pop() {
            named.push((message.name().to_owned(), message.full_name().to_owned()));
            messages.extend(message.child_messages().filter(|child| !child.is_map_entry()));
        }
        let find = |wanted: &str| named.iter().find(|(name, full_name)| name == wanted || full_name == wanted);
        match (self.message, event) {
            (Some(wanted), _) => match find(wanted) {
                Some((_, full_name)) => Ok(Some(full_name.clone())),
                None => {
                    let names: Vec<_> = named.iter().map(|(_, full_name)| full_name.as_str()).collect();
                    bail!("the file has no message `{wanted}`; help: it has {}", names.join(", "))
                }
            },
            (None, event) => Ok(event.and_then(find).map(|(_, full_name)| full_name.clone()).or(first)),
        }
    }

    async fn no_such_subject(&self, subject: &str, error: RegistryError) -> anyhow::Error {
        let help = match self.registry.ask(async |client| client.subjects().await).await {
            Ok(Ok(subjects)) if !subjects.iter().any(|one| one == subject) => {
                format!("; help: there are {}", some_of(&subjects))
            }
            _ => String::new(),
        };
        let text = format!("{error}{help}");
        anyhow::Error::new(error).context(text)
    }
}

/// Returns the encoder of a version of an event or of a key.
async fn encoder(
    registering: &Registering<'_>,
    entry: &EventEntry,
    version: &LoadedVersion,
) -> anyhow::Result<Encoder> {
    let LoadedVersion { number, path, schema, .. } = version;
    let full_name = manifest::full_name(schema, &entry.name);
    let subject = format!("{}{}", registering.prefix, manifest::subject(entry, version));
    let label = format!("{} v{number}", entry.name);
    let id = registering.version(&label, &subject, version).await?.id;
    Encoder::new(schema.clone(), full_name.as_deref(), id).map_err(|why| anyhow!("{}: {why}", path.display()))
}

/// Returns the subjects that may be an event's, the likeliest first.
fn candidates<'s>(subjects: &'s [String], event: &str, topic: Option<&str>) -> Vec<&'s str> {
    let of_topic = topic.map(|topic| format!("{topic}-value"));
    let rank = |subject: &str| match subject.strip_suffix(event) {
        _ if of_topic.as_deref() == Some(subject) => Some(0),
        Some(before) if before.is_empty() || before.ends_with(['.', '-']) => Some(1),
        // Of a subject that is named after its topic, only the schema knows the event.
        _ if subject.ends_with("-value") => Some(2),
        _ => None,
    };
    let mut ranked: Vec<_> = subjects.iter().filter_map(|subject| Some((rank(subject)?, subject.as_str()))).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, subject)| subject).collect()
}

fn some_of(subjects: &[String]) -> String {
    /// More names than this help nobody.
    const MAX_NAMES: usize = 20;
    match subjects.len() {
        0 => "none".to_owned(),
        1..=MAX_NAMES => subjects.join(", "),
        many => format!("{} and {} more", subjects.get(..MAX_NAMES).unwrap_or_default().join(", "), many - MAX_NAMES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_subjects_of_an_event_come_first() {
        let subjects = ["a-value", "dev.shop.Order", "orders-shop.Order", "orders-value", "MyOrder", "b-key"];
        let subjects = subjects.map(str::to_owned);
        let found = candidates(&subjects, "Order", Some("orders"));
        assert_eq!(found, ["orders-value", "dev.shop.Order", "orders-shop.Order", "a-value"]);
        assert_eq!(candidates(&subjects, "MyOrder", None), ["MyOrder", "a-value", "orders-value"]);
    }
}
