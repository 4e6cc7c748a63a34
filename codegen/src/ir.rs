//! What is emitted, before it is text: events and shared types with their versions, and for Avro the Rust types and how
//! each known writer's bytes become them.

use eventwright_schema::{Diagnostic, Fingerprint, Format};
use eventwright_wire::avro::{Logical, Plan};
use proc_macro2::Ident;
use prost_types::FileDescriptorProto;
use serde_json::Value;

/// All that is emitted.
pub(crate) struct Lowered {
    pub(crate) types: Vec<SharedType>,
    pub(crate) events: Vec<Event>,
}

/// A shared type with all its versions.
pub(crate) struct SharedType {
    /// The manifest's name.
    pub(crate) name: String,
    /// The module of its versions.
    pub(crate) module: Ident,
    /// The name under which the newest version is re-exported.
    pub(crate) ident: Ident,
    /// Oldest first.
    pub(crate) versions: Vec<SharedVersion>,
    /// The manifest's place of the type, for collisions.
    pub(crate) diagnostic: Diagnostic,
}

/// One version of a shared type.
pub(crate) struct SharedVersion {
    pub(crate) number: u32,
    pub(crate) module: Ident,
    /// The Rust type; a fixed has none.
    pub(crate) root: Option<Ident>,
    /// The name by which schemas use it.
    pub(crate) reference_name: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) references: Vec<SharedPath>,
    pub(crate) body: Body,
}

/// Where a version of a shared type stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SharedPath {
    /// The module of the type.
    pub(crate) module: Ident,
    /// The module of the version in it.
    pub(crate) version: Ident,
}

/// An event with all its versions.
pub(crate) struct Event {
    /// The manifest's name.
    pub(crate) name: String,
    /// The module of its versions.
    pub(crate) module: Ident,
    /// The name under which the newest version is re-exported.
    pub(crate) ident: Ident,
    pub(crate) topic: String,
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    /// The manifest's place of the event, for collisions.
    pub(crate) diagnostic: Diagnostic,
}

/// One version of an event.
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) module: Ident,
    /// The Rust type of the event itself.
    pub(crate) root: Ident,
    pub(crate) schema: SchemaFacts,
    /// The field that is the key, as an expression's parts.
    pub(crate) key: Option<TextField>,
    pub(crate) id: Option<TextField>,
    pub(crate) body: Body,
}

/// What the `EventSchema` constant says.
pub(crate) struct SchemaFacts {
    pub(crate) format: Format,
    pub(crate) full_name: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) message_indexes: Vec<u32>,
    /// What the text itself refers to.
    pub(crate) references: Vec<SharedPath>,
}

/// A field that is used as text.
pub(crate) struct TextField {
    pub(crate) ident: Ident,
    pub(crate) form: TextForm,
    /// Whether the field is an `Option`.
    pub(crate) optional: bool,
}

/// How a field becomes text.
pub(crate) enum TextForm {
    /// It is text.
    Borrowed,
    /// It has `Display`.
    Display,
    /// It is a generated Avro enum: the symbol.
    Symbol,
    /// It is a Protobuf enum's number: the name, or the number where it has none.
    EnumName(syn::Path),
}

/// What a version consists of, by language.
pub(crate) enum Body {
    Avro(AvroBody),
    Protobuf(Box<ProtobufBody>),
}

/// The file of one version of a Protobuf event.
pub(crate) struct ProtobufBody {
    pub(crate) file: FileDescriptorProto,
    /// What the file imports, directly or not: prost-build must see it.
    pub(crate) imports: Vec<FileDescriptorProto>,
    /// The imports that are shared types: their Rust types stand in modules of their own.
    pub(crate) shared: Vec<SharedImport>,
}

/// An imported file that is a version of a shared type.
pub(crate) struct SharedImport {
    pub(crate) path: SharedPath,
    /// What the importing module calls the imported one.
    pub(crate) alias: Ident,
    /// The messages and enums at the file's top level: the full name with a dot in front, and the Rust name.
    pub(crate) types: Vec<(String, Ident)>,
}

/// The Rust types of one version of an Avro event or shared type, and its decoders.
pub(crate) struct AvroBody {
    pub(crate) types: Vec<Type>,
    /// Types that are defined elsewhere.
    pub(crate) reused: Vec<(Origin, Type)>,
    /// Whether the types are for the modules of events too.
    pub(crate) is_shared: bool,
    /// The writers that this version decodes by generated code, oldest first; it is one of them.
    pub(crate) writers: Vec<Writer>,
}

/// Where a type is defined that a version does not define itself.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// In the module of an older version.
    Older(Ident),
    /// In that of a shared type.
    Shared(SharedPath),
}

/// A writer that is known at build time.
pub(crate) struct Writer {
    /// The number of the writer's version.
    pub(crate) version: u32,
    /// The writer's module.
    pub(crate) module: Ident,
    pub(crate) plan: Plan,
}

/// A named Rust type.
#[derive(Clone)]
pub(crate) enum Type {
    Record(Record),
    Enum(Enum),
}

impl Type {
    pub(crate) fn ident(&self) -> &Ident {
        match self {
            Self::Record(record) => &record.ident,
            Self::Enum(one) => &one.ident,
        }
    }

    /// Returns the full name in the schema.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Record(record) => &record.name,
            Self::Enum(one) => &one.name,
        }
    }
}

impl AvroBody {
    /// Returns the type of that full name, whichever version defines it.
    pub(crate) fn type_of(&self, name: &str) -> Option<&Type> {
        self.types.iter().chain(self.reused.iter().map(|(_, one)| one)).find(|one| one.name() == name)
    }
}

/// A struct.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) ident: Ident,
    /// The full name in the schema.
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) fields: Vec<Field>,
    /// Whether a value may hold another of its own type.
    pub(crate) recursive: bool,
}

/// A field of a struct.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    /// The name in the schema.
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) ty: Ty,
    /// The default, in the JSON form of events.
    pub(crate) default: Option<Value>,
}

/// An enum without values.
#[derive(Clone)]
pub(crate) struct Enum {
    pub(crate) ident: Ident,
    /// The full name in the schema.
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    /// Each with its symbol.
    pub(crate) variants: Vec<(Ident, String)>,
}

/// The Rust type of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ty {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    /// A decimal in bytes, or in a fixed of that size.
    Decimal {
        precision: u32,
        scale: u32,
        fixed: Option<usize>,
    },
    Uuid,
    /// A uuid in a fixed of 16 bytes.
    UuidFixed,
    Date,
    TimeMillis,
    TimeMicros,
    Timestamp(Logical),
    LocalTimestamp(Logical),
    /// A union of null and one other branch.
    Option {
        inner: Box<Ty>,
        null_index: u32,
    },
    List(Box<Ty>),
    Map(Box<Ty>),
    /// A generated struct.
    Record {
        ident: Ident,
        name: String,
        boxed: bool,
    },
    /// A generated enum.
    Enum {
        ident: Ident,
        name: String,
    },
}

impl Ty {
    /// Returns whether serde's own form of the type is not its JSON form, here or inside.
    pub(crate) fn needs_json_form(&self) -> bool {
        match self {
            Self::Float | Self::Double | Self::Bytes | Self::Fixed(_) | Self::Decimal { .. } => true,
            Self::Option { inner, .. } | Self::List(inner) | Self::Map(inner) => inner.needs_json_form(),
            _ => false,
        }
    }
}
