//! Registers the schemas that events were compiled from, and finds out under which id they are registered.
//!
//! In: [`EventSchema`]s. Out: subject, version and id. A record is framed with the id of the schema of its own type,
//! looked up by the schema's text: never with the newest one of the subject, whose fields the bytes may not have.

use std::collections::HashMap;

use eventwright_registry::{ReferenceEntry, RegistryClient, RegistryError, SchemaText, SubjectVersion};
use eventwright_wire::{EventSchema, SchemaReference};

use crate::Error;
use crate::error::Kind;

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
        found.ok_or_else(|| not_registered(what, subject))
    }
}

fn not_registered(what: &str, subject: &str) -> Error {
    Error::new(
        Kind::NotRegistered,
        format!(
            "the schema of {what} is not registered under `{subject}`, so no consumer could decode its records; \
             help: register it with `eventwright::register`, or let producers do it with \
             `producer.auto_register: true` (EVENTWRIGHT_PRODUCER__AUTO_REGISTER=true)"
        ),
    )
}

fn failed(what: &str, error: RegistryError) -> Error {
    Error::of_registry(format!("{what}: {error}"), error)
}
