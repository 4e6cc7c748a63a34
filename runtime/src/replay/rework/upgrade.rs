//! Writes Avro values anew with the newest schema of their subject, without generated code.
//!
//! In: bytes, framed with the id of the writer's schema. Out: the bytes that the newest schema writes, by Avro's resolution
//! (Avro 1.12, "Schema Resolution"). Protobuf needs none: fields that a message does not have take their default.

use std::collections::HashMap;
use std::sync::Arc;

use eventwright_registry::{RegistryClient, RegistryError, ResolvedSchema, VersionSpec};
use eventwright_schema::avro;
use eventwright_wire::Format;
use eventwright_wire::avro::{Scratch, Transcoder};
use eventwright_wire::framing::{self, SchemaId};

use super::super::letter::Letter;
use super::{Reworked, Rewritten, unanswered};
use crate::Error;

/// What is known of writers' schemas.
pub(crate) struct Upgrades {
    registry: RegistryClient,
    /// By the writer's schema and the topic, whose subject is the one that counts.
    known: HashMap<(SchemaId, String), Arc<Upgrade>>,
}

enum Upgrade {
    /// There is nothing newer, or the format needs nothing.
    AsItIs,
    To(Box<Target>),
    Refused(String),
}

/// The newest schema, and the way to it.
struct Target {
    transcoder: Transcoder,
    schema: avro::Schema,
    frame: Vec<u8>,
    version: u32,
}

impl Upgrades {
    pub(crate) fn new(registry: RegistryClient) -> Self {
        Self { registry, known: HashMap::new() }
    }

    /// Returns the letter's value as the newest schema writes it.
    ///
    /// # Errors
    /// A registry that does not answer.
    pub(crate) async fn apply(&mut self, letter: &Letter, topic: &str) -> Result<Reworked, Error> {
        let Some(value) = letter.record().value.as_deref() else { return Ok(Reworked::AsItIs) };
        let (id, payload) = match framing::split_header(value) {
            Ok(split) => split,
            Err(error) => return Ok(Reworked::Refused(format!("it cannot be decoded: {error}"))),
        };
        let place = (id, topic.to_owned());
        let upgrade = match self.known.get(&place) {
            Some(known) => Arc::clone(known),
            None => {
                let found = Arc::new(find(&self.registry, id, topic).await?);
                self.known.insert(place, Arc::clone(&found));
                found
            }
        };
        Ok(match &*upgrade {
            Upgrade::AsItIs => Reworked::AsItIs,
            Upgrade::Refused(why) => Reworked::Refused(why.clone()),
            Upgrade::To(target) => target.write(payload),
        })
    }
}

impl Target {
    fn write(&self, payload: &[u8]) -> Reworked {
        let mut scratch = Scratch::default();
        let bytes = match self.transcoder.transcode(payload, &mut scratch) {
            Ok(bytes) => bytes,
            Err(error) => return Reworked::Refused(format!("it cannot be decoded: {error}")),
        };
        // A transcoder copies what both schemas have in common unseen; what is written as new must be in order.
        if let Err(error) = avro::dynamic::decode_json(&self.schema, bytes) {
            return Reworked::Refused(format!("it cannot be decoded: {error}"));
        }
        let value = [&self.frame, bytes].concat();
        Reworked::Rewritten(Rewritten { value, key: None, event: None, version: self.version })
    }
}

/// Finds out what a writer's schema becomes on a topic.
async fn find(registry: &RegistryClient, id: SchemaId, topic: &str) -> Result<Upgrade, Error> {
    match ask(registry, id, topic).await {
        Ok(upgrade) => Ok(upgrade),
        Err(error) if error.is_infrastructure() => Err(unanswered(registry, error)),
        Err(error) => Ok(Upgrade::Refused(format!("its schema cannot be used: {error}"))),
    }
}

async fn ask(registry: &RegistryClient, id: SchemaId, topic: &str) -> Result<Upgrade, RegistryError> {
    let writer = registry.schema_by_id(id).await?;
    if writer.format != Format::Avro {
        return Ok(Upgrade::AsItIs);
    }
    let parsed = match parse(&writer) {
        Ok(parsed) => parsed,
        Err(why) => return Ok(Upgrade::Refused(why)),
    };
    let full_name = parsed.root_named().map(|(_, named)| named.name.full()).unwrap_or_default();
    let places = registry.subject_versions_of(id).await?;
    let Some(subject) = subject(&places, topic, &full_name) else {
        let why =
            format!("schema {id} is under none of the subjects that `{topic}` has, so there is no newest version");
        return Ok(Upgrade::Refused(why));
    };
    let newest = registry.version(subject, VersionSpec::Latest).await?;
    if newest.id == id {
        return Ok(Upgrade::AsItIs);
    }
    let resolved = registry.schema_by_id(newest.id).await?;
    let name = format!("version {} of `{subject}`", newest.version);
    let upgrade = parse(&resolved).and_then(|schema| target(&parsed, schema, newest.id, newest.version));
    Ok(match upgrade {
        Ok(target) => Upgrade::To(Box::new(target)),
        Err(why) => Upgrade::Refused(format!("it cannot become {name}: {why}")),
    })
}

fn parse(schema: &ResolvedSchema) -> Result<avro::Schema, String> {
    let parsed = avro::parse_with(&format!("schema {}", schema.id), &schema.text, &schema.references);
    parsed.map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())
}

fn target(writer: &avro::Schema, newest: avro::Schema, id: SchemaId, version: u32) -> Result<Target, String> {
    let plan = avro::resolve(writer, &newest);
    let plan = plan.map_err(|errors| errors.first().map(ToString::to_string).unwrap_or_default())?;
    let mut frame = Vec::new();
    framing::write_header(id, &mut frame);
    Ok(Target { transcoder: Transcoder::new(&plan), schema: newest, frame, version })
}

/// Of all subjects that a schema is registered under, returns the one that a record of this topic is written with: the
/// first that Confluent's three strategies name, or else the only one there is.
fn subject<'a>(places: &'a [(String, u32)], topic: &str, full_name: &str) -> Option<&'a str> {
    let rank = |subject: &str| match subject.strip_prefix(topic).and_then(|rest| rest.strip_prefix('-')) {
        Some("value") => Some(0),
        Some(rest) if rest == full_name => Some(1),
        _ if subject == full_name => Some(2),
        // A prefix of the environment stands before it.
        _ if !full_name.is_empty() && subject.ends_with(full_name) => Some(3),
        _ => None,
    };
    let ranked = places.iter().filter_map(|(subject, _)| Some((rank(subject)?, subject.as_str())));
    let only = if let [(only, _)] = places { Some(only.as_str()) } else { None };
    ranked.min().map(|(_, subject)| subject).or(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = r#"{"type":"record","name":"a.Order","fields":[{"name":"id","type":"string"}]}"#;
    const V2: &str = r#"{"type":"record","name":"a.Order","fields":[
        {"name":"n","type":"int","default":7},{"name":"id","type":"string"}]}"#;

    #[test]
    fn a_value_is_written_as_the_newest_schema_writes_it() {
        let parse = |text| avro::parse("test", text).unwrap();
        let target = target(&parse(V1), parse(V2), SchemaId(9), 2).unwrap();
        let expected = Rewritten { value: b"\0\0\0\0\x09\x0e\x04ab".to_vec(), key: None, event: None, version: 2 };
        assert_eq!(target.write(b"\x04ab"), Reworked::Rewritten(expected));
        for wrong in [&b""[..], b"\x04a", b"\x04abc", b"\x04a\xff"] {
            assert!(matches!(target.write(wrong), Reworked::Refused(_)), "{wrong:?}");
        }
    }

    #[test]
    fn the_subject_is_that_of_the_topic() {
        let check = |subjects: &[&str], expected: Option<&str>| {
            let places: Vec<_> = subjects.iter().map(|subject| ((*subject).to_owned(), 1)).collect();
            assert_eq!(subject(&places, "orders", "a.Order"), expected, "{subjects:?}");
        };
        check(&["a.Order", "orders-a.Order", "orders-value"], Some("orders-value"));
        check(&["x-value", "dev.a.Order"], Some("dev.a.Order"));
        check(&["copies-value"], Some("copies-value"));
        check(&["x-value", "y-value"], None);
        check(&[], None);
    }
}
