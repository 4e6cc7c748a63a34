//! Events as codegen would write them: two versions of an Avro event, another event on its topic, and a Protobuf event
//! whose message moved in its file.

use std::borrow::Cow;

use eventwright::wire::avro::{AvroEvent, Reader, Transcoder, Writer, decode_whole};
use eventwright::wire::{DecodeError, DecodeErrorKind, EncodeError, EventDecoder, EventSchema, Format, TopicEvents};
use eventwright::wire::{prost, proto};
use eventwright::{Event, RawRecord};

pub(crate) const ORDER_V1: &str = r#"{"type":"record","name":"Order","namespace":"com.example","fields":[
  {"name":"id","type":"string"},{"name":"quantity","type":"int"}]}"#;
pub(crate) const ORDER_V2: &str = r#"{"type":"record","name":"Order","namespace":"com.example","fields":[
  {"name":"id","type":"string"},{"name":"quantity","type":"int"},{"name":"note","type":"string","default":"none"}]}"#;
/// Known to no program: a field in front, and one gone.
pub(crate) const ORDER_V3: &str = r#"{"type":"record","name":"Order","namespace":"com.example","fields":[
  {"name":"new","type":"long","default":0},{"name":"id","type":"string"},{"name":"quantity","type":"int"}]}"#;
pub(crate) const SHIPPED: &str = r#"{"type":"record","name":"Shipped","namespace":"com.example","fields":[
  {"name":"id","type":"string"}]}"#;
pub(crate) const PAID_V1: &str = "syntax = \"proto3\";
package com.example;
message Paid { string id = 1; }
";
pub(crate) const PAID_V2: &str = "syntax = \"proto3\";
package com.example;
message Other { string x = 1; }
message Paid { string id = 1; int64 amount = 2; }
";

/// The prefix of the manifest that the Avro events would come from; most tests set another one.
pub(crate) const MANIFEST_PREFIX: &str = "manifest.";

const fn avro(event: &'static str, version: u32, text: &'static str, prints: ([u8; 32], u64)) -> EventSchema {
    let order = event.len() == 5;
    EventSchema {
        event,
        version,
        format: Format::Avro,
        full_name: if order { "com.example.Order" } else { "com.example.Shipped" },
        prefix: MANIFEST_PREFIX,
        topic: "orders",
        subject: if order { "orders-value" } else { "com.example.Shipped" },
        text,
        references: &[],
        fingerprint: prints.1,
        sha256: prints.0,
        canonical_fingerprint: 0,
        message_indexes: &[],
    }
}

use super::fingerprints::{ORDER_V1_PRINTS, ORDER_V2_PRINTS, PAID_V1_PRINTS, PAID_V2_PRINTS, SHIPPED_V1_PRINTS};

pub(crate) static ORDER_V1_SCHEMA: EventSchema = avro("Order", 1, ORDER_V1, ORDER_V1_PRINTS);
pub(crate) static ORDER_V2_SCHEMA: EventSchema = avro("Order", 2, ORDER_V2, ORDER_V2_PRINTS);
pub(crate) static SHIPPED_SCHEMA: EventSchema = avro("Shipped", 1, SHIPPED, SHIPPED_V1_PRINTS);

const fn paid(
    version: u32,
    text: &'static str,
    prints: ([u8; 32], u64),
    message_indexes: &'static [u32],
) -> EventSchema {
    EventSchema {
        event: "Paid",
        version,
        format: Format::Protobuf,
        full_name: "com.example.Paid",
        prefix: "",
        topic: "payments",
        subject: "payments-value",
        text,
        references: &[],
        fingerprint: prints.1,
        sha256: prints.0,
        canonical_fingerprint: 0,
        message_indexes,
    }
}

pub(crate) static PAID_V1_SCHEMA: EventSchema = paid(1, PAID_V1, PAID_V1_PRINTS, &[0]);
pub(crate) static PAID_V2_SCHEMA: EventSchema = paid(2, PAID_V2, PAID_V2_PRINTS, &[1]);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderV1 {
    pub(crate) id: String,
    pub(crate) quantity: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) quantity: i32,
    pub(crate) note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shipped {
    pub(crate) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(prost_path = "eventwright::wire::prost")]
pub(crate) struct PaidV1 {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(prost_path = "eventwright::wire::prost")]
pub(crate) struct Paid {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(int64, tag = "2")]
    pub(crate) amount: i64,
}

/// All events that this program knows of the topic `orders`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OrdersEvent {
    Order(Order),
    Unknown(RawRecord),
}

impl Event for OrderV1 {
    const SCHEMA: &'static EventSchema = &ORDER_V1_SCHEMA;
    const WRITERS: &'static [&'static EventSchema] = &[&ORDER_V1_SCHEMA];

    fn key(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.id))
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut writer = Writer::new(out);
        writer.string(&self.id);
        writer.int(self.quantity);
        Ok(())
    }

    fn decode(writer: usize, bytes: &[u8]) -> Result<Self, DecodeError> {
        known(writer, 1)?;
        let mut reader = Reader::new(bytes);
        Ok(Self { id: reader.string()?, quantity: reader.int()? })
    }
}

impl Event for Order {
    const SCHEMA: &'static EventSchema = &ORDER_V2_SCHEMA;
    const WRITERS: &'static [&'static EventSchema] = &[&ORDER_V1_SCHEMA, &ORDER_V2_SCHEMA];

    fn key(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.id))
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.quantity < 0 {
            return Err(EncodeError::new("expected a quantity of at least 0"));
        }
        let mut writer = Writer::new(out);
        writer.string(&self.id);
        writer.int(self.quantity);
        writer.string(&self.note);
        Ok(())
    }

    fn decode(writer: usize, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_whole(writer, bytes)
    }

    fn decode_with(transcoder: &Transcoder, bytes: &[u8]) -> Result<Self, DecodeError> {
        transcoder.decode_owned(bytes)
    }
}

impl<'a> AvroEvent<'a> for Order {
    type Owned = Self;

    fn read(writer: usize, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        known(writer, 2)?;
        let (id, quantity) = (reader.string()?, reader.int()?);
        let note = if writer == 0 { "none".to_owned() } else { reader.string()? };
        Ok(Self { id, quantity, note })
    }
}

impl Event for Shipped {
    const SCHEMA: &'static EventSchema = &SHIPPED_SCHEMA;
    const WRITERS: &'static [&'static EventSchema] = &[&SHIPPED_SCHEMA];

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Writer::new(out).string(&self.id);
        Ok(())
    }

    fn decode(_: usize, bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { id: Reader::new(bytes).string()? })
    }
}

macro_rules! protobuf_event {
    ($type:ty, $schema:expr, $writers:expr) => {
        impl Event for $type {
            const SCHEMA: &'static EventSchema = $schema;
            const WRITERS: &'static [&'static EventSchema] = $writers;

            fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                proto::encode_into(self, out)
            }

            fn decode(_: usize, bytes: &[u8]) -> Result<Self, DecodeError> {
                proto::decode(bytes)
            }
        }
    };
}

protobuf_event!(PaidV1, &PAID_V1_SCHEMA, &[&PAID_V1_SCHEMA]);
protobuf_event!(Paid, &PAID_V2_SCHEMA, &[&PAID_V1_SCHEMA, &PAID_V2_SCHEMA]);

impl TopicEvents for OrdersEvent {
    const TOPIC: &'static str = "orders";
    const DECODERS: &'static [EventDecoder<Self>] = &[EventDecoder {
        schema: Order::SCHEMA,
        writers: Order::WRITERS,
        decode: |writer, bytes| Order::decode(writer, bytes).map(Self::Order),
        decode_with: |transcoder, bytes| Order::decode_with(transcoder, bytes).map(Self::Order),
    }];

    fn unknown(record: RawRecord) -> Self {
        Self::Unknown(record)
    }
}

fn known(writer: usize, count: usize) -> Result<(), DecodeError> {
    if writer < count { Ok(()) } else { Err(DecodeError::new(DecodeErrorKind::UnknownWriter(writer))) }
}
