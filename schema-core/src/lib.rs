//! What a schema is and what two schemas mean to each other: parsing with spans, canonical form, fingerprints,
//! resolution of a writer's against a reader's schema, and compatibility.
//!
//! In: schema text. Out: models, [`Diagnostic`]s, plans and reports. No network, no Kafka, no Rust text; the disk is
//! touched by `load` and `manifest` only.

#[cfg(feature = "avro")]
pub mod avro;
#[cfg(feature = "avro")]
pub mod compat;
mod diagnostic;
#[cfg(feature = "avro")]
pub mod diff;
#[cfg(feature = "proto")]
pub mod dynamic;
mod fingerprint;
#[cfg(feature = "avro")]
mod json;
#[cfg(feature = "json")]
pub mod json_schema;
#[cfg(feature = "manifest")]
pub mod lint;
#[cfg(feature = "manifest")]
pub mod load;
#[cfg(feature = "manifest")]
pub mod lock;
#[cfg(feature = "manifest")]
pub mod manifest;
#[cfg(feature = "proto")]
pub mod proto;

#[cfg(feature = "avro")]
use diagnostic::Marks;
pub use diagnostic::{Diagnostic, Position, Source};
pub use eventwright_wire::Format;
pub use fingerprint::{Fingerprint, crc64};
#[cfg(feature = "avro")]
pub use json::{compact_json, format_json};

/// The text of a schema that another schema refers to, by the name that the other one uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// A Protobuf import path; for Avro, which finds types by the names in the text, what messages call the text.
    pub name: String,
    /// The text of the referenced schema.
    pub text: String,
}
