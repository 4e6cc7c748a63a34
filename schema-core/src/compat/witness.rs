//! A witness: a value that a writer writes, and what its reader makes of it.
//!
//! It is made by the schema language's own part (`avro/witness.rs`, `proto/witness.rs`, `json_schema/witness.rs`) and holds only what
//! a decoder has said of its bytes: what does not prove itself is no witness.

use serde_json::Value;

/// A value of the writer's that the reader fails on, or reads as something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The value, in the JSON form of events.
    pub json: Value,
    /// What the writer writes for it, without frame.
    pub bytes: Vec<u8>,
    /// What the reader makes of the bytes.
    pub outcome: Outcome,
}

/// What a reader makes of bytes that it cannot read as what they were written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An error, in the decoder's words.
    Fails(String),
    /// Another value, in the JSON form of events.
    Reads(Value),
}

impl Outcome {
    /// Returns what happens to a reader, such as the readers of `v2`, in one line.
    #[must_use]
    pub fn of_readers(&self, label: &str) -> String {
        match self {
            Self::Fails(error) => format!("readers of {label} fail: {error}"),
            Self::Reads(value) => format!("readers of {label} read {value}"),
        }
    }
}
