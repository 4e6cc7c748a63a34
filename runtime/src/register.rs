//! Registers the schemas that events were compiled from, and finds out under which id they are registered.
//!
//! In: [`EventSchema`]s. Out: subject, version and id. A record is framed with the id of the schema of its own type,
//! looked up by the schema's text: never with the newest one of the subject, whose fields the bytes may not have.

use std::collections::HashMap;

use eventwright_registry::{
    CompatibilityAnswer, ReferenceEntry, RegistryClient, RegistryError, SchemaText, SubjectVersion, VersionSpec,
};
use eventwright_schema::compat::{Direction, Level};
use eventwright_wire::{EventSchema, Format, SchemaReference, framing};

use crate::error::Kind;
use crate::{Error, Settings};

/// Registers schemas in their order, each after the schemas it refers to; what is registered already stays as it is.
/// `prefix` is that of the settings: where it is `None`, subjects begin with the prefix of their manifest.
///
/// Returns subject, version and id of each, in the same order.
///
/// # Errors
/// A registry that does not answer, or that refuses a schema because it is not compatible.
pub async fn register(
    client: &RegistryClient,
    prefix: Option<&str>,
    schemas: &[&'static EventSchema],
) -> Result<Vec<SubjectVersion>, Error> {
    let mut walk = Walk { client, prefix, write: true, known: HashMap::new() };
    let mut registered = Vec::with_capacity(schemas.len());
    for schema in schemas {
        registered.push(walk.event(schema).await?);
    }
    Ok(registered)
}

/// Finds the registered version that equals `schema`.
pub(crate) async fn look_up(
    client: &RegistryClient,
    prefix: Option<&str>,
    schema: &'static EventSchema,
) -> Result<SubjectVersion, Error> {
    Walk { client, prefix, write: false, known: HashMap::new() }.event(schema).await
}

/// Returns what stands before the bytes that a schema describes: magic byte, id, and for Protobuf the message indexes.
///
/// # Errors
/// A schema that is not registered, unless the settings say that it is to be, or a registry that does not answer.
pub(crate) async fn frame(
    client: &RegistryClient,
    settings: &Settings,
    schema: &'static EventSchema,
) -> Result<Vec<u8>, Error> {
    let prefix = settings.prefix.as_deref();
    let found = match look_up(client, prefix, schema).await {
        Err(error) if error.is_not_registered() && settings.producer.auto_register => {
            register(client, prefix, &[schema]).await?.pop().ok_or(error)?
        }
        found => found?,
    };
    let mut frame = Vec::new();
    framing::write_header(found.id, &mut frame);
    if schema.format == Format::Protobuf {
        framing::write_message_indexes(schema.message_indexes, &mut frame);
    }
    Ok(frame)
}

/// One walk over schemas and the schemas that they refer to.
struct Walk<'a> {
    client: &'a RegistryClient,
    prefix: Option<&'a str>,
    write: bool,
    /// The references that this walk has been to, by subject and text.
    known: HashMap<(String, &'static str), u32>,
}

impl Walk<'_> {
    async fn event(&mut self, schema: &'static EventSchema) -> Result<SubjectVersion, Error> {
        let references = self.references(schema, schema.references).await?;
        let what = format!("`{}` v{}", schema.event, schema.version);
        let text = SchemaText { format: schema.format, text: schema.text.to_owned(), references };
        self.version(&what, &schema.prefixed_subject(self.prefix), &text).await
    }

    async fn references(
        &mut self,
        schema: &'static EventSchema,
        references: &'static [SchemaReference],
    ) -> Result<Vec<ReferenceEntry>, Error> {
        let mut entries = Vec::with_capacity(references.len());
        for reference in references {
            let subject = format!("{}{}", self.prefix.unwrap_or(schema.prefix), reference.subject);
            let version = match self.known.get(&(subject.clone(), reference.text)) {
                Some(version) => *version,
                None => self.reference(schema, reference, &subject).await?,
            };
            entries.push(ReferenceEntry { name: reference.name.to_owned(), subject, version });
        }
        Ok(entries)
    }

    /// Returns the version of a schema that `schema` refers to, directly or not.
    async fn reference(
        &mut self,
        schema: &'static EventSchema,
        reference: &'static SchemaReference,
        subject: &str,
    ) -> Result<u32, Error> {
        let references = Box::pin(self.references(schema, reference.references)).await?;
        let text = SchemaText { format: schema.format, text: reference.text.to_owned(), references };
        let found = self.version(&format!("`{}`", reference.name), subject, &text).await?;
        self.known.insert((subject.to_owned(), reference.text), found.version);
        Ok(found.version)
    }

    /// Returns the version of a schema whose references are registered.
    async fn version(&self, what: &str, subject: &str, text: &SchemaText) -> Result<SubjectVersion, Error> {
        if self.write {
            let id = self.client.register(subject, text).await;
            let id = id.map_err(|error| failed(&format!("cannot register {what} under `{subject}`"), error))?;
            tracing::debug!(what, subject, %id, "registered");
        }
        let found = self.client.lookup(subject, text).await;
        let found = found.map_err(|error| failed(&format!("cannot look up {what} under `{subject}`"), error))?;
        match found {
            Some(found) => Ok(found),
            None => Err(self.not_registered(what, subject, text).await),
        }
    }

    /// Returns the error for a schema that is not registered: whether it could be decides what there is to do.
    async fn not_registered(&self, what: &str, subject: &str, text: &SchemaText) -> Error {
        let url = self.client.shown();
        let lacking = format!("the schema of {what} is not registered under `{subject}` at `{url}`");
        let answer = self.client.check_compatibility(subject, VersionSpec::Latest, text).await;
        let text = match answer {
            Ok(CompatibilityAnswer { is_compatible: false, messages }) => {
                let why = messages.first().map_or_else(String::new, |message| format!(": {}", shortened(message)));
                format!(
                    "{lacking}, and it is not compatible with what is{why}; help: `eventwright check --registry {url}` \
                     shows why"
                )
            }
            // A registry that does not know the subject has nothing against it.
            _ => format!(
                "{lacking}, so no consumer could decode its records; help: run `eventwright register --registry {url}`, \
                 or let producers do it with `producer.auto_register: true` (EVENTWRIGHT_PRODUCER__AUTO_REGISTER=true)"
            ),
        };
        Error::new(Kind::NotRegistered, text)
    }
}

/// Cuts what a registry says of one finding, which may quote whole schemas.
fn shortened(message: &str) -> String {
    const MAX_CHARS: usize = 400;
    let mut chars = message.chars().filter(|letter| !letter.is_control());
    let mut text: String = chars.by_ref().take(MAX_CHARS).collect();
    text.extend(chars.next().map(|_| '…'));
    text
}

/// Checks that the schema which a consumer reads with is registered, and warns where the subject's level promises nothing to
/// it.
///
/// # Errors
/// A schema that is not registered, unless producers register theirs on first use, or a registry that does not answer.
pub(crate) async fn check_reader(
    client: &RegistryClient,
    settings: &Settings,
    reader: &'static EventSchema,
) -> Result<(), Error> {
    let prefix = settings.prefix.as_deref();
    let found = match look_up(client, prefix, reader).await {
        Err(error) if error.is_not_registered() && settings.producer.auto_register => return Ok(()),
        found => found?,
    };
    let subject = found.subject.as_str();
    let unread = |error| failed(&format!("cannot check the level of `{subject}`"), error);
    let own = client.level(Some(subject)).await.map_err(unread)?;
    let level = match own {
        Some(level) => Some(level),
        None => client.level(None).await.map_err(unread)?,
    };
    let latest = client.versions(subject).await.map_err(unread)?.last().copied();
    let lacking = level.as_deref().and_then(|level| unpromised(level, found.version, latest));
    if let (Some(lacking), Some(level)) = (lacking, level) {
        let (event, version) = (reader.event, reader.version);
        tracing::warn!(event, version, subject, level, "the subject's level does not promise that {lacking}");
    }
    Ok(())
}

/// Returns what a level does not promise to the reader of a version.
fn unpromised(level: &str, version: u32, latest: Option<u32>) -> Option<&'static str> {
    let level: Level = level.parse().ok()?;
    let promises = |direction| level.directions().contains(&direction);
    if !promises(Direction::Forward) && latest.is_some_and(|latest| latest > version) {
        return Some("this consumer can read what newer versions write");
    }
    let (reads_older, has_older) = (promises(Direction::Backward), version > 1);
    (has_older && !reads_older).then_some("this consumer can read what older versions wrote")
}

fn failed(what: &str, error: RegistryError) -> Error {
    Error::of_registry(format!("{what}: {error}"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_promises_what_its_directions_say() {
        let check = |level: &str, version: u32, latest: u32, expected: Option<&str>| {
            let lacking = unpromised(level, version, Some(latest));
            assert_eq!(lacking.is_some(), expected.is_some(), "{level} {version} of {latest}: {lacking:?}");
            assert!(expected.is_none_or(|word| lacking.is_some_and(|lacking| lacking.contains(word))));
        };
        check("BACKWARD", 2, 2, None);
        check("BACKWARD", 1, 2, Some("newer"));
        check("FORWARD", 1, 2, None);
        check("FORWARD", 2, 2, Some("older"));
        check("FULL_TRANSITIVE", 2, 3, None);
        check("NONE", 1, 1, None);
        check("NONE", 2, 2, Some("older"));
        check("A LEVEL OF ANOTHER REGISTRY", 1, 2, None);
    }
}
