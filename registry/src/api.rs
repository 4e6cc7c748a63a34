//! The JSON bodies of Confluent's REST API, shared by client and server so that both mean the same.
//!
//! Confluent leaves out `schemaType` for Avro and `references` where there are none; so do these types.

use eventwright_wire::Format;
use serde::{Deserialize, Serialize};

use crate::ReferenceEntry;

/// The media type of every request and answer.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A schema: the body of a registration, a lookup and a check, and the answer of `GET /schemas/ids/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaBody {
    #[serde(default)]
    pub(crate) schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) references: Option<Vec<ReferenceEntry>>,
}

/// The answer of a registration.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IdBody {
    pub(crate) id: u32,
}

/// One version of a subject: the answer of a lookup and of `GET /subjects/{subject}/versions/{version}`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SubjectSchemaBody {
    pub(crate) subject: String,
    pub(crate) version: u32,
    pub(crate) id: u32,
    #[serde(flatten)]
    pub(crate) schema: SchemaBody,
}

/// A place where a schema is registered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SubjectVersionBody {
    pub(crate) subject: String,
    pub(crate) version: u32,
}

/// The body of `PUT /config`, which is also its answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SetLevelBody {
    pub(crate) compatibility: String,
}

/// The answer of `GET /config`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LevelBody {
    pub(crate) compatibility_level: String,
}

/// The answer to whatever went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error_code: u32,
    pub(crate) message: String,
}

impl SchemaBody {
    /// Returns the body for a schema of that format.
    pub(crate) fn new(format: Format, schema: String, references: &[ReferenceEntry]) -> Self {
        Self {
            schema,
            schema_type: Some(format.schema_type().to_owned()).filter(|_| format != Format::Avro),
            references: Some(references.to_vec()).filter(|references| !references.is_empty()),
        }
    }

    /// Returns the format, or the `schemaType` that is none of ours.
    pub(crate) fn format(&self) -> Result<Format, &str> {
        match self.schema_type.as_deref() {
            None => Ok(Format::Avro),
            Some(name) => Format::ALL.into_iter().find(|format| format.schema_type() == name).ok_or(name),
        }
    }
}
