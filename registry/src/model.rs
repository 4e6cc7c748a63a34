//! What a registry holds, in Rust's terms: the values that the client takes and gives.

use std::fmt;

use eventwright_schema::Reference;
use eventwright_wire::Format;
use eventwright_wire::framing::SchemaId;
use serde::{Deserialize, Serialize};

/// A schema as it is registered: its text, and where in the registry the schemas are that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaText {
    /// The schema language.
    pub format: Format,
    /// The text; for Protobuf a `.proto` text or the base64 of a `FileDescriptorProto`.
    pub text: String,
    /// The schemas that the text itself names; their own references are theirs.
    pub references: Vec<ReferenceEntry>,
}

/// Where in the registry the schema is that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReferenceEntry {
    /// The name that the referring text uses: an Avro full name, or a Protobuf import path.
    pub name: String,
    /// The subject that the schema is registered under.
    pub subject: String,
    /// Its version there.
    pub version: u32,
}

/// Which version of a subject is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSpec {
    /// The newest that is not deleted.
    Latest,
    /// This one.
    Number(u32),
}

/// Where a schema is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The version under that subject, counted from 1.
    pub version: u32,
    /// The id, which all subjects with the same schema share.
    pub id: SchemaId,
}

/// One version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectSchema {
    /// The subject.
    pub subject: String,
    /// The version under that subject, counted from 1.
    pub version: u32,
    /// The id, which all subjects with the same schema share.
    pub id: SchemaId,
    /// The schema language.
    pub format: Format,
    /// The text.
    pub text: String,
    /// The schemas that the text itself names.
    pub references: Vec<ReferenceEntry>,
}

/// A schema with the texts of all that it refers to: enough to parse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSchema {
    /// The id.
    pub id: SchemaId,
    /// The schema language.
    pub format: Format,
    /// The text.
    pub text: String,
    /// All referenced schemas, also those of the referenced ones, each after the ones it uses itself.
    pub references: Vec<Reference>,
}

/// What the registry says of a schema that somebody wants to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompatibilityAnswer {
    /// Whether the schema could be registered as far as compatibility goes.
    pub is_compatible: bool,
    /// Why not, in the registry's words.
    #[serde(default)]
    pub messages: Vec<String>,
}

/// `latest`, or the number: as in the paths of the REST API.
impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Number(number) => number.fmt(f),
        }
    }
}
