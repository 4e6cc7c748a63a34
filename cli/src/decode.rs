//! Decodes records without generated code, each by the schema that its writer named.
//!
//! In: a record. Out: its value in the JSON form and where its schema is registered, or why it cannot be decoded. A
//! schema is looked up once per id; an id that is unknown is asked for again after a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use eventwright::wire::framing::{self, SchemaId};
use eventwright_registry::ResolvedSchema;
use eventwright_schema::Format;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::dynamic;
pub(crate) use eventwright_schema::dynamic::Pii;
use serde_json::Value;

use crate::manifest::EventNames;
use crate::registry::Registry;

/// How long an unknown id is not asked for again: a stream of bad records must not flood the registry.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// What is known of a record.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) schema_id: Option<SchemaId>,
    /// The subject and version that the schema is registered under.
    pub(crate) place: Option<(String, u32)>,
    pub(crate) event: Option<String>,
    /// The value, or why it cannot be decoded. A record without value, a tombstone, is `null` without schema.
    pub(crate) value: Result<Value, String>,
}

impl Decoded {
    pub(crate) fn without_schema(value: Result<Value, String>) -> Self {
        Self { schema_id: None, place: None, event: None, value }
    }
}

/// A key that has a schema of its own.
#[derive(Debug, PartialEq)]
pub(crate) struct DecodedKey {
    pub(crate) schema_id: SchemaId,
    /// The subject and version that the schema is registered under.
    pub(crate) place: (String, u32),
    pub(crate) value: Value,
}

/// Decodes records, and remembers schemas.
pub(crate) struct Decoder {
    registry: Registry,
    names: EventNames,
    pii: Pii,
    known: HashMap<SchemaId, Known>,
}

struct Known {
    /// The schema, or why it cannot be used.
    schema: Result<AnySchema, String>,
    /// The subjects and versions that the schema is registered under.
    places: Vec<(String, u32)>,
    /// Until when this holds; `None` for ever, because an id never changes its meaning.
    until: Option<Instant>,
}

impl Decoder {
    pub(crate) fn new(registry: Registry, names: EventNames, pii: Pii) -> Self {
        Self { registry, names, pii, known: HashMap::new() }
    }

    /// Decodes the value of a record of `topic`.
    ///
    /// # Errors
    /// A registry that does not answer. What is wrong with the record is in [`Decoded::value`].
    pub(crate) async fn decode(&mut self, topic: &str, value: Option<&[u8]>) -> anyhow::Result<Decoded> {
        let Some(value) = value else { return Ok(Decoded::without_schema(Ok(Value::Null))) };
        let (id, payload) = match framing::split_header(value) {
            Ok(split) => split,
            Err(error) => return Ok(Decoded::without_schema(Err(error.to_string()))),
        };
        self.look_up_once(id).await?;
        let known = self.known.get(&id).expect("it was just looked up");
        let dynamic::Decoded { full_name, value } = known.decode(payload, self.pii);
        let format = if matches!(known.schema, Ok(AnySchema::Protobuf(_))) { Format::Protobuf } else { Format::Avro };
        Ok(Decoded {
            schema_id: Some(id),
            place: place(&known.places, topic, full_name.as_deref()),
            event: full_name.map(|full_name| self.names.name(format, &full_name)),
            value,
        })
    }

    /// Decodes the key of a record of `topic`, where it is framed with the id of a key's schema; any other key, and one
    /// that such a schema does not write, is bytes and no more.
    ///
    /// # Errors
    /// A registry that does not answer.
    pub(crate) async fn decode_key(&mut self, topic: &str, key: Option<&[u8]>) -> anyhow::Result<Option<DecodedKey>> {
        let Some(Ok((schema_id, payload))) = key.map(framing::split_header) else { return Ok(None) };
        self.look_up_once(schema_id).await?;
        let known = self.known.get(&schema_id).expect("it was just looked up");
        let (place, value) = (key_place(&known.places, topic), known.decode(payload, self.pii).value.ok());
        Ok(place.zip(value).map(|(place, value)| DecodedKey { schema_id, place, value }))
    }

    async fn look_up_once(&mut self, id: SchemaId) -> anyhow::Result<()> {
        let now = Instant::now();
        if self.known.get(&id).is_none_or(|known| known.until.is_some_and(|until| until <= now)) {
            let known = look_up(&self.registry, id).await?;
            self.known.insert(id, known);
        }
        Ok(())
    }
}

impl Known {
    fn decode(&self, payload: &[u8], pii: Pii) -> dynamic::Decoded {
        match &self.schema {
            Ok(schema) => dynamic::decode(schema, payload, pii),
            Err(reason) => dynamic::Decoded { full_name: None, value: Err(reason.clone()) },
        }
    }
}

async fn look_up(registry: &Registry, id: SchemaId) -> anyhow::Result<Known> {
    let unusable =
        |reason| Known { schema: Err(reason), places: Vec::new(), until: Some(Instant::now() + UNKNOWN_FOR) };
    let resolved = match registry.ask(async |client| client.schema_by_id(id).await).await? {
        Ok(resolved) => resolved,
        Err(error) => return Ok(unusable(error.to_string())),
    };
    // Where a schema is registered is good to know; older registries cannot say so.
    let places = registry.ask(async |client| match client.subject_versions_of(id).await {
        Err(error) if matches!(error.status(), Some(404 | 405)) => Ok(Vec::new()),
        answer => answer,
    });
    let places = places.await?.unwrap_or_default();
    let ResolvedSchema { id, format, text, references } = &*resolved;
    let schema = dynamic::parse(*format, &format!("schema {id}"), text, references);
    Ok(Known { schema, places, until: None })
}

/// Of all subjects that a schema is registered under, returns the one that a record of this topic was most likely
/// written with: the subject that Confluent's three strategies name, in their order.
fn place(places: &[(String, u32)], topic: &str, full_name: Option<&str>) -> Option<(String, u32)> {
    let full_name = full_name.unwrap_or_default();
    let rank = |subject: &str| match subject.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-')) {
        Some("value") => 0,
        Some(rest) if rest == full_name => 1,
        _ if subject == full_name => 2,
        // A prefix of the environment stands before it.
        _ if !full_name.is_empty() && subject.ends_with(full_name) => 3,
        _ => 4,
    };
    places.iter().min_by_key(|(subject, _)| rank(subject)).cloned()
}

/// Returns the subject of a key's schema: that of the topic, or else that of another one, since records are copied from
/// topic to topic, to be tried again for example, with their keys as they are.
fn key_place(places: &[(String, u32)], topic: &str) -> Option<(String, u32)> {
    let topic_of = |subject: &str| subject.strip_suffix("-key").map(str::to_owned);
    let keys = places.iter().filter_map(|place| Some((topic_of(&place.0)?, place)));
    keys.min_by_key(|(of, _)| of != topic).map(|(_, place)| place.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_of_a_keys_subject() {
        let check = |subjects: &[&str], expected: Option<&str>| {
            let places: Vec<_> = subjects.iter().map(|subject| ((*subject).to_owned(), 1)).collect();
            assert_eq!(key_place(&places, "orders").map(|(subject, _)| subject).as_deref(), expected);
        };
        check(&["a-key", "orders-key", "orders-value"], Some("orders-key"));
        check(&["orders-value", "b-key"], Some("b-key"));
        check(&["orders-value", "key"], None);
    }

    #[test]
    fn the_subject_is_the_one_that_the_topics_records_are_written_with() {
        let check = |subjects: &[&str], expected: Option<&str>| {
            let places: Vec<_> = subjects.iter().map(|subject| ((*subject).to_owned(), 1)).collect();
            let found = place(&places, "orders", Some("shop.Order")).map(|(subject, _)| subject);
            assert_eq!(found.as_deref(), expected);
        };
        check(&["a", "shop.Order", "orders-shop.Order", "orders-value"], Some("orders-value"));
        check(&["a", "dev.shop.Order", "shop.Order", "orders-shop.Order"], Some("orders-shop.Order"));
        check(&["a", "dev.shop.Order", "shop.Order"], Some("shop.Order"));
        check(&["a-value", "dev.shop.Order"], Some("dev.shop.Order"));
        check(&["orders_old-value"], Some("orders_old-value"));
        check(&[], None);
    }
}
