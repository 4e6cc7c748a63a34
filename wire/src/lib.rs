//! What generated code names, and nothing else: the [`Event`] trait, the direct Avro codec, run-time plans, the
//! Confluent frame and the errors of decoding.
//!
//! In: bytes and typed values. Out: typed values and bytes. No I/O, no registry, no Kafka: those are in the crate
//! `eventwright`, which re-exports this one as `eventwright::wire`.

pub mod avro;
mod error;
mod event;
pub mod framing;
pub mod json;
mod migrate;
#[cfg(feature = "proto")]
pub mod proto;
mod record;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use event::{Event, EventDecoder, EventSchema, Format, SchemaReference, TopicEvents};
pub use migrate::{Migrate, upgrade};
pub use record::RawRecord;

// Generated code reaches these through us, so that a user depends on one crate only.
#[cfg(feature = "bigdecimal")]
pub use bigdecimal;
#[cfg(feature = "jiff")]
pub use jiff;
#[cfg(feature = "proto")]
pub use prost;
#[cfg(feature = "decimal")]
pub use rust_decimal;
pub use serde;
#[cfg(feature = "uuid")]
pub use uuid;

/// The form of generated code that this crate understands.
///
/// Generated code asserts that it equals the number that codegen wrote, so that two crates of different releases meet
/// in one clear sentence and not in a hundred type errors.
pub const CODEGEN_ABI: u32 = 5;
