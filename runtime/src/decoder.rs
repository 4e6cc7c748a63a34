//! Finds out how the records of one topic are decoded: by the schema id, once per id.
//!
//! In: a schema from the registry, and the events that have handlers. Out: an [`Entry`]. A writer's schema that was
//! known at build time is recognised by its fingerprint and decoded by generated code; any other Avro schema is resolved
//! into a plan (Avro 1.12, "Schema Resolution"); Protobuf's message indexes are looked up in the *writer's* file, since
//! messages may move in a file from version to version.
//!
//! Events are matched by full name among the handlers of the record's own topic, so that types of one name on two topics
//! never mix.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use eventwright_registry::{RegistryClient, RegistryError, ResolvedSchema};
use eventwright_schema::{Fingerprint, Reference, avro, proto};
use eventwright_wire::avro::{Plan, Transcoder};
use eventwright_wire::framing::{self, SchemaId};
use eventwright_wire::{EventSchema, Format, SchemaReference};
use tokio::time::Instant;

use crate::failure::Kind;
use crate::handler::Row;
use crate::registry;

/// How long an id that the registry does not know is not asked for again: long enough that a stream of bad records does
/// not flood the registry, short enough that a schema which arrives late is found.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// How many reasons are given for a schema that cannot be read; a hostile one could have thousands.
const SHOWN_REASONS: usize = 5;

/// By which code a payload is decoded.
#[derive(Debug)]
pub(crate) enum How {
    /// By generated code: the index into the event's writers.
    Writer(usize),
    /// By generated code too, from what a plan that was made at run time makes of it.
    Transcoder(Transcoder),
}

/// What is known of one schema id on one topic.
#[derive(Debug)]
pub(crate) enum Entry {
    /// An Avro schema of an event that has a handler.
    Avro(Known),
    /// A Protobuf file; its messages are told apart by their indexes.
    Protobuf { schema: proto::Schema, messages: Vec<(Vec<u32>, Known)> },
    /// A schema of an event that has no handler: its full name.
    Unknown(String),
    /// A schema that nothing can be decoded with.
    Unusable(Kind, String),
}

impl Entry {
    /// Returns the event that has a handler, and its payload, of the bytes behind a schema id.
    pub(crate) fn known<'a, 'b>(&'a self, bytes: &'b [u8]) -> Option<(&'a Known, &'b [u8])> {
        match self {
            Self::Avro(known) => Some((known, bytes)),
            Self::Protobuf { messages, .. } => {
                let (indexes, payload) = framing::split_message_indexes(bytes).ok()?;
                let (_, known) = messages.iter().find(|(place, _)| *place == indexes)?;
                Some((known, payload))
            }
            Self::Unknown(_) | Self::Unusable(..) => None,
        }
    }
}

/// An event that has a handler.
#[derive(Debug)]
pub(crate) struct Known {
    /// The index into the rows of the topic.
    pub(crate) row: usize,
    pub(crate) how: How,
    /// The writer's schema, where it was known at build time.
    pub(crate) writer: Option<&'static EventSchema>,
}

/// The entries of one topic.
pub(crate) struct Decoder {
    registry: RegistryClient,
    rows: Vec<Row>,
    /// Foreign ids come from the registry only, after it was asked, so that a quick hash does.
    entries: RwLock<HashMap<SchemaId, Cached, foldhash::fast::RandomState>>,
}

#[derive(Clone)]
struct Cached {
    entry: Arc<Entry>,
    /// Until when the entry holds; `None` for ever, because an id never changes its schema.
    until: Option<Instant>,
}

impl Decoder {
    pub(crate) fn new(registry: RegistryClient, rows: Vec<Row>) -> Self {
        Self { registry, rows, entries: RwLock::default() }
    }

    /// Returns the schemas that handlers read.
    pub(crate) fn readers(&self) -> impl Iterator<Item = &'static EventSchema> {
        self.rows.iter().map(|row| row.reader)
    }

    /// Returns what is known of an id without asking the registry.
    pub(crate) fn cached(&self, id: SchemaId, now: Instant) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let cached = entries.get(&id)?;
        cached.until.is_none_or(|until| now < until).then(|| Arc::clone(&cached.entry))
    }

    /// Returns how many ids are known.
    pub(crate) fn size(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns the names of the events that handlers take, row by row.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        self.readers().map(|reader| reader.event).collect()
    }

    /// Asks the registry for an id; after `Ok`, [`Decoder::cached`] knows it too.
    ///
    /// # Errors
    /// A registry that does not answer. What it says of the id itself is no error but an entry.
    pub(crate) async fn load(&self, id: SchemaId) -> Result<Arc<Entry>, RegistryError> {
        let (entry, until) = match self.registry.schema_by_id(id).await {
            Ok(schema) => (entry_for(&schema, &self.rows), None),
            Err(error) if registry::is_unknown_id(&error) => {
                let reason = format!("the registry does not know it: {error}");
                (Entry::Unusable(Kind::UnknownSchema, reason), Some(Instant::now() + UNKNOWN_FOR))
            }
            Err(error) if error.is_infrastructure() => return Err(error),
            Err(error) => {
                // An answer that makes no sense: the fault of this schema, if the registry answers other questions well.
                self.registry.level(None).await?;
                (Entry::Unusable(Kind::UnusableSchema, error.to_string()), Some(Instant::now() + UNKNOWN_FOR))
            }
        };
        let entry = Arc::new(entry);
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(id, Cached { entry: Arc::clone(&entry), until });
        Ok(entry)
    }
}

/// Returns how records with this schema are decoded, or why they cannot be.
fn entry_for(schema: &ResolvedSchema, rows: &[Row]) -> Entry {
    match schema.format {
        Format::Avro => avro_entry(schema, rows),
        Format::Protobuf => protobuf_entry(schema, rows),
        Format::Json => Entry::Unusable(Kind::UnusableSchema, "nothing is generated of JSON Schema".into()),
    }
}

fn avro_entry(schema: &ResolvedSchema, rows: &[Row]) -> Entry {
    let name = format!("schema {}", schema.id);
    let writer = match avro::parse_with(&name, &schema.text, &schema.references) {
        Ok(writer) => writer,
        Err(problems) => return Entry::Unusable(Kind::UnusableSchema, first(&problems)),
    };
    let Some((_, named)) = writer.root_named() else {
        return Entry::Unknown(writer.root().kind.word().to_owned());
    };
    // A version that was known at build time is recognised whatever it was called then.
    let fingerprint = writer.fingerprint();
    let writers = |(at, row)| find_writer(Format::Avro, fingerprint, row).map(|(index, known)| (at, index, known));
    if let Some((row, index, known)) = rows.iter().enumerate().find_map(writers) {
        return Entry::Avro(Known { row, how: How::Writer(index), writer: Some(known) });
    }
    let full_name = named.name.full();
    let Some((row_index, row)) = find_avro_row(&full_name, rows) else {
        return Entry::Unknown(full_name);
    };
    match plan(&writer, row.reader) {
        Ok(plan) => {
            let transcoder = Transcoder::beside(&plan, &known_plans(row));
            Entry::Avro(Known { row: row_index, how: How::Transcoder(transcoder), writer: None })
        }
        Err(reason) => Entry::Unusable(Kind::UnusableSchema, reason),
    }
}

/// Returns the plans that generated code was made of: what an unknown writer wrote may be like what a known one wrote.
fn known_plans(row: &Row) -> Vec<(usize, Plan)> {
    let plan = |known: &'static EventSchema| plan(&parse_known(known).ok()?, row.reader).ok();
    let plans = row.writers.iter().enumerate().filter(|(_, known)| known.format == Format::Avro);
    plans.filter_map(|(index, known)| Some((index, plan(known)?))).collect()
}

/// Finds the event of that name, or the one that says that it had this name once.
fn find_avro_row<'a>(full_name: &str, rows: &'a [Row]) -> Option<(usize, &'a Row)> {
    let avro = || rows.iter().enumerate().filter(|(_, row)| row.reader.format == Format::Avro);
    let had_this_name = |row: &Row| {
        let reader = parse_known(row.reader).ok();
        let aliases = reader.as_ref().and_then(|reader| reader.root_named()).map(|(_, named)| &named.aliases);
        aliases.is_some_and(|aliases| aliases.iter().any(|alias| alias.full() == full_name))
    };
    avro().find(|(_, row)| row.reader.full_name == full_name).or_else(|| avro().find(|(_, row)| had_this_name(row)))
}

fn find_writer(format: Format, fingerprint: Fingerprint, row: &Row) -> Option<(usize, &'static EventSchema)> {
    let equal = |known: &EventSchema| {
        known.format == format && known.fingerprint == fingerprint.crc64 && known.sha256 == fingerprint.sha256
    };
    row.writers.iter().copied().enumerate().find(|(_, known)| equal(known))
}

/// Resolves a writer's schema that was unknown at build time.
fn plan(writer: &avro::Schema, reader: &'static EventSchema) -> Result<Plan, String> {
    let name = format!("`{}` v{}", reader.event, reader.version);
    let schema = parse_known(reader)?;
    avro::resolve(writer, &schema).map_err(|errors| {
        let reasons: Vec<_> = errors.iter().take(SHOWN_REASONS).map(ToString::to_string).collect();
        format!("it cannot be read as {name}: {}", reasons.join("; "))
    })
}

fn parse_known(known: &'static EventSchema) -> Result<avro::Schema, String> {
    let mut references = Vec::new();
    flatten(known.references, &mut references);
    avro::parse_with(known.event, known.text, &references).map_err(|problems| first(&problems))
}

/// Appends references in dependency order, each name once.
fn flatten(references: &[SchemaReference], out: &mut Vec<Reference>) {
    for reference in references {
        flatten(reference.references, out);
        if !out.iter().any(|known| known.name == reference.name) {
            out.push(Reference { name: reference.name.to_owned(), text: reference.text.to_owned() });
        }
    }
}

fn protobuf_entry(schema: &ResolvedSchema, rows: &[Row]) -> Entry {
    let name = format!("schema {}", schema.id);
    let file = match proto::parse(&name, &schema.text, &schema.references) {
        Ok(file) => file,
        Err(problems) => return Entry::Unusable(Kind::UnusableSchema, first(&problems)),
    };
    let fingerprint = file.fingerprint();
    let known = |(row_index, row): (usize, &Row)| {
        let indexes = file.indexes_of(row.reader.full_name).filter(|_| row.reader.format == Format::Protobuf)?;
        let writer = find_writer(Format::Protobuf, fingerprint, row);
        // Protobuf's field numbers need no resolution: the reader's own code reads what any version wrote.
        let own = || row.writers.iter().position(|writer| writer.version == row.reader.version);
        let how = How::Writer(writer.map(|(index, _)| index).or_else(own)?);
        Some((indexes, Known { row: row_index, how, writer: writer.map(|(_, writer)| writer) }))
    };
    let messages: Vec<_> = rows.iter().enumerate().filter_map(known).collect();
    Entry::Protobuf { schema: file, messages }
}

fn first(problems: &[eventwright_schema::Diagnostic]) -> String {
    let problem = problems.first().map(ToString::to_string).unwrap_or_default();
    format!("it cannot be parsed: {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = r#"{"type":"record","name":"a.Order","fields":[{"name":"id","type":"string"}]}"#;
    const V2: &str = r#"{"type":"record","name":"a.Order","aliases":["b.Old"],"fields":[
        {"name":"id","type":"string"},{"name":"n","type":"int","default":0}]}"#;
    const FILE: &str = "syntax = \"proto3\"; package a; message Other {} message Paid { string id = 1; }";

    fn event(version: u32, format: Format, full_name: &'static str, text: &'static str) -> &'static EventSchema {
        let print = match format {
            Format::Avro => avro::parse("known", text).unwrap().fingerprint(),
            Format::Protobuf => proto::parse("known", text, &[]).unwrap().fingerprint(),
            Format::Json => unreachable!("nothing is generated of it"),
        };
        Box::leak(Box::new(EventSchema {
            event: "Order",
            version,
            format,
            full_name,
            prefix: "",
            topic: "orders",
            subject: "orders-value",
            text,
            references: &[],
            fingerprint: print.crc64,
            sha256: print.sha256,
            canonical_fingerprint: 0,
            message_indexes: &[],
        }))
    }

    fn rows() -> Vec<Row> {
        let avro = [event(1, Format::Avro, "a.Order", V1), event(2, Format::Avro, "a.Order", V2)];
        let proto = [event(1, Format::Protobuf, "a.Paid", FILE)];
        vec![
            Row { reader: proto[0], writers: Box::leak(Box::new(proto)) },
            Row { reader: avro[1], writers: Box::leak(Box::new(avro)) },
        ]
    }

    fn entry(format: Format, text: &str) -> Entry {
        let schema = ResolvedSchema { id: SchemaId(7), format, text: text.to_owned(), references: Vec::new() };
        entry_for(&schema, &rows())
    }

    #[test]
    fn a_writer_known_at_build_time_is_recognised_whatever_its_text_looks_like() {
        let check = |text: &str, index: usize| match entry(Format::Avro, text) {
            Entry::Avro(Known { row: 1, how: How::Writer(found), writer: Some(_) }) => assert_eq!(found, index),
            other => panic!("{other:?}"),
        };
        check(V1, 0);
        check(V2, 1);
        check(
            r#"{"doc":"x","fields":[{"type":"string","name":"id"}],"namespace":"a","name":"Order","type":"record"}"#,
            0,
        );
    }

    #[test]
    fn a_writer_that_is_unknown_is_resolved_by_name_or_former_name() {
        for name in ["a.Order", "b.Old"] {
            let text = format!(
                r#"{{"type":"record","name":"{name}","fields":[
                {{"name":"more","type":"long"}},{{"name":"id","type":"string"}}]}}"#
            );
            let found = entry(Format::Avro, &text);
            assert!(matches!(found, Entry::Avro(Known { row: 1, how: How::Transcoder(_), writer: None })), "{found:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let check = |format, text: &str, expected: &str| match entry(format, text) {
            Entry::Unusable(Kind::UnusableSchema, reason) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{other:?}"),
        };
        let other_type = r#"{"type":"record","name":"a.Order","fields":[{"name":"id","type":"int"}]}"#;
        check(Format::Avro, other_type, "it cannot be read as `Order` v2: `id`");
        check(Format::Avro, "{", "it cannot be parsed: schema 7:1:");
        check(Format::Protobuf, "message", "it cannot be parsed: schema 7:1:");
    }

    #[test]
    fn another_event_keeps_its_name() {
        let check = |text: &str, expected: &str| match entry(Format::Avro, text) {
            Entry::Unknown(name) => assert_eq!(name, expected),
            other => panic!("{other:?}"),
        };
        check(r#"{"type":"record","name":"c.Order","fields":[]}"#, "c.Order");
        check(r#""string""#, "string");
        check(r#"{"type":"record","name":"a.Paid","fields":[]}"#, "a.Paid");
    }

    #[test]
    fn a_protobuf_message_is_found_where_the_writers_file_has_it() {
        let check = |text: &str, place: &[u32], is_known: bool| match entry(Format::Protobuf, text) {
            Entry::Protobuf { messages, .. } => {
                let [(found, known)] = messages.as_slice() else { panic!("{messages:?}") };
                assert_eq!((found.as_slice(), known.row, known.writer.is_some()), (place, 0, is_known));
            }
            other => panic!("{other:?}"),
        };
        check(FILE, &[1], true);
        check("syntax = \"proto3\"; package a; message Paid { string id = 1; int64 n = 2; }", &[0], false);
    }
}
