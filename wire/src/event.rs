//! The contract between generated events and the runtime.
//!
//! A generated struct implements [`Event`]; a generated enum over all events of one topic implements [`TopicEvents`].
//! Both say which schemas they were compiled from, which writers' schemas they decode by generated code, and how to
//! decode any other writer's schema by a [`Transcoder`].

use std::borrow::Cow;

use crate::avro::Transcoder;
use crate::{DecodeError, EncodeError, RawRecord};

/// The schema language of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Apache Avro 1.12.
    Avro,
    /// Protocol Buffers, proto2 or proto3.
    Protobuf,
    /// JSON Schema, drafts 4 to 2020-12: checked for compatibility, not generated.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Avro, Self::Protobuf, Self::Json];

    /// Returns the word of the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
            Self::Json => "json",
        }
    }

    /// Returns the `schemaType` of the registry's REST API.
    #[must_use]
    pub const fn schema_type(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        }
    }
}

/// Everything that is known of one version of one event at build time.
#[derive(Debug)]
pub struct EventSchema {
    /// The event's name in the manifest, such as `OrderCreated`; of a key, the name of its type.
    pub event: &'static str,
    /// The number in `vN`, counted from 1.
    pub version: u32,
    /// The schema language.
    pub format: Format,
    /// The record's or message's full name, such as `com.example.OrderCreated`.
    pub full_name: &'static str,
    /// What topic and subject begin with, unless the process has a prefix of its own.
    pub prefix: &'static str,
    /// The topic, without prefix.
    pub topic: &'static str,
    /// The subject of the schema, without prefix.
    pub subject: &'static str,
    /// The schema file's text, as it is registered.
    pub text: &'static str,
    /// The schemas that the text refers to, in the order of registration.
    pub references: &'static [SchemaReference],
    /// CRC-64-AVRO of the canonical form: of the parsing canonical form with the logical attributes that change
    /// meaning for Avro, of the file's descriptor for Protobuf.
    pub fingerprint: u64,
    /// SHA-256 of the same form.
    pub sha256: [u8; 32],
    /// CRC-64-AVRO of the specification's parsing canonical form, which has no logical types: what single-object
    /// encoding tells schemas apart by. 0 for Protobuf.
    pub canonical_fingerprint: u64,
    /// Where the message stands in its file: `[0]` for the first, `[1, 0]` for the first inside the second. Empty for
    /// Avro.
    pub message_indexes: &'static [u32],
}

impl EventSchema {
    /// Returns the topic with what it begins with: the process's prefix, where it has one, or else the manifest's.
    #[must_use]
    pub fn prefixed_topic(&self, prefix: Option<&str>) -> String {
        format!("{}{}", prefix.unwrap_or(self.prefix), self.topic)
    }

    /// Returns the subject with what it begins with, as [`EventSchema::prefixed_topic`] does.
    #[must_use]
    pub fn prefixed_subject(&self, prefix: Option<&str>) -> String {
        format!("{}{}", prefix.unwrap_or(self.prefix), self.subject)
    }
}

/// A schema that another schema imports, registered under a subject of its own.
#[derive(Debug)]
pub struct SchemaReference {
    /// The name that the importing schema uses: an Avro full name or a Protobuf import path.
    pub name: &'static str,
    /// The subject it is registered under.
    pub subject: &'static str,
    /// Its text.
    pub text: &'static str,
    /// What it imports in turn.
    pub references: &'static [SchemaReference],
}

/// One version of an event, or of the key of a topic, as a Rust type. Implemented by generated code only.
pub trait Event: Sized + Send + 'static {
    /// The schema that this type was compiled from; it is the schema that the type writes.
    const SCHEMA: &'static EventSchema;

    /// The writers' schemas that [`Event::decode`] knows, oldest first, and then those whose values are
    /// [migrated](crate::Migrate); [`Event::SCHEMA`] is one of them.
    const WRITERS: &'static [&'static EventSchema];

    /// The index of [`Event::SCHEMA`] among [`Event::WRITERS`].
    const OWN_WRITER: usize = index_of(Self::SCHEMA, Self::WRITERS);

    /// Whether the type is the key of a topic: it travels beside an event and never as one. To send it or to subscribe to
    /// it does not compile.
    const IS_KEY: bool = false;

    /// The schema of the record's key, where the manifest names one: the key's bytes are then those of
    /// [`Event::encode_key`], framed with the id of this schema, and [`Event::key`] is `None`.
    const KEY_SCHEMA: Option<&'static EventSchema> = None;

    /// The topic, without prefix.
    const TOPIC: &'static str = Self::SCHEMA.topic;

    /// The subject of the value's schema, without prefix.
    const SUBJECT: &'static str = Self::SCHEMA.subject;

    /// Returns the record's key in text form, or `None` where the manifest names no key field or the field is null.
    fn key(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// Appends the bytes of the record's key, without frame, as [`Event::KEY_SCHEMA`] says; nothing where there is none.
    ///
    /// # Errors
    /// A value that the key's schema cannot hold. `out` then ends where it ended before.
    fn encode_key(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let _ = out;
        Ok(())
    }

    /// Returns the event's own id, where the manifest names the field that holds it.
    fn event_id(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// Appends the event's bytes, without frame, as [`Event::SCHEMA`] says.
    ///
    /// # Errors
    /// A value that the schema cannot hold, such as a decimal with too many digits. `out` then ends where it ended
    /// before.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Decodes bytes, without frame, that were written with `WRITERS[writer]`.
    ///
    /// # Errors
    /// Bytes that are not what that schema writes, or a `writer` that is not an index of [`Event::WRITERS`].
    fn decode(writer: usize, bytes: &[u8]) -> Result<Self, DecodeError>;

    /// Decodes bytes, without frame, that were written with a schema unknown at build time.
    ///
    /// # Errors
    /// Bytes that are not what the transcoder's writer writes, what it has no place for, or a transcoder for another
    /// reader; all bytes where the format is not Avro.
    fn decode_with(transcoder: &Transcoder, bytes: &[u8]) -> Result<Self, DecodeError> {
        let _ = bytes;
        Err(transcoder.for_another_reader())
    }
}

/// Returns the index of a version of an event among its writers.
pub(crate) const fn index_of(version: &EventSchema, mut writers: &[&EventSchema]) -> usize {
    let mut index = 0;
    while let [writer, rest @ ..] = writers {
        if writer.version == version.version {
            return index;
        }
        (index, writers) = (index + 1, rest);
    }
    panic!("the version is none of the writers")
}

/// How one event of a topic is decoded into `T`: the row that the runtime looks up by the writer's schema.
#[derive(Debug, Clone, Copy)]
pub struct EventDecoder<T> {
    /// The reader's schema.
    pub schema: &'static EventSchema,
    /// The writers' schemas known at build time.
    pub writers: &'static [&'static EventSchema],
    /// [`Event::decode`], and then into `T`.
    pub decode: fn(usize, &[u8]) -> Result<T, DecodeError>,
    /// [`Event::decode_with`], and then into `T`.
    pub decode_with: fn(&Transcoder, &[u8]) -> Result<T, DecodeError>,
}

impl<E: Event> EventDecoder<E> {
    /// Returns the row of an event that is decoded as itself.
    #[must_use]
    pub const fn of_event() -> Self {
        Self { schema: E::SCHEMA, writers: E::WRITERS, decode: E::decode, decode_with: E::decode_with }
    }
}

/// All events of one topic as one exhaustive enum. Implemented by generated code only.
pub trait TopicEvents: Sized + Send + 'static {
    /// The topic, without prefix.
    const TOPIC: &'static str;

    /// One row an event.
    const DECODERS: &'static [EventDecoder<Self>];

    /// Wraps a record whose schema is registered but is none of this topic's events.
    fn unknown(record: RawRecord) -> Self;
}
