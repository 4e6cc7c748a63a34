//! Why a record could not be handed to a typed handler.

use std::fmt;

use eventwright_wire::DecodeError;
use eventwright_wire::framing::SchemaId;

/// Why a record could not be handed to a typed handler: bad bytes, an unknown schema, or an event that has no handler.
///
/// A registry that does not answer is none of these: the consumer waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeFailure {
    kind: Kind,
    schema_id: Option<SchemaId>,
    reason: String,
    error: Option<DecodeError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tombstone,
    Bytes,
    UnknownSchema,
    UnusableSchema,
    UnknownEvent,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Tombstone, Self::Bytes, Self::UnknownSchema, Self::UnusableSchema, Self::UnknownEvent];

    /// Returns the word for it in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Bytes => "bytes",
            Self::UnknownSchema => "unknown_schema",
            Self::UnusableSchema => "unusable_schema",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

impl DecodeFailure {
    pub(crate) fn new(kind: Kind, schema_id: Option<SchemaId>, reason: impl Into<String>) -> Self {
        Self { kind, schema_id, reason: reason.into(), error: None }
    }

    pub(crate) fn bytes(schema_id: Option<SchemaId>, error: DecodeError) -> Self {
        Self { kind: Kind::Bytes, schema_id, reason: error.to_string(), error: Some(error) }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the schema id that the record names, where it could be read.
    #[must_use]
    pub fn schema_id(&self) -> Option<u32> {
        self.schema_id.map(|SchemaId(id)| id)
    }

    /// Returns what was expected and what was found.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the path of the field that the bytes fail in, such as `items[2].sku`.
    #[must_use]
    pub fn field_path(&self) -> Option<String> {
        self.error.as_ref().map(DecodeError::path).filter(|path| !path.is_empty())
    }

    /// Returns whether the record has no value: in a compacted topic, the mark that its key was deleted.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.kind == Kind::Tombstone
    }

    /// Returns whether the bytes are not what the wire format, or the schema they name, says.
    #[must_use]
    pub fn is_bytes(&self) -> bool {
        self.kind == Kind::Bytes
    }

    /// Returns whether the registry does not know the schema id.
    #[must_use]
    pub fn is_unknown_schema(&self) -> bool {
        self.kind == Kind::UnknownSchema
    }

    /// Returns whether the schema is known, but cannot be parsed, or not be read as any version of ours.
    #[must_use]
    pub fn is_unusable_schema(&self) -> bool {
        self.kind == Kind::UnusableSchema
    }

    /// Returns whether the record is an event that has no handler.
    #[must_use]
    pub fn is_unknown_event(&self) -> bool {
        self.kind == Kind::UnknownEvent
    }
}

impl fmt::Display for DecodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema_id {
            Some(id) => write!(f, "schema id {id}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for DecodeFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.as_ref().map(|error| error as &(dyn std::error::Error + 'static))
    }
}
