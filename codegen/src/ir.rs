//! What is emitted, before it is text: events and shared types with their versions, and for Avro the Rust types and how
//! each known writer's bytes become them.

use crate::rust::{Ident, ToTokens, TokenStream, quote};
use eventwright_schema::manifest::DecodeForm;
use eventwright_schema::{Diagnostic, Fingerprint, Format};
use eventwright_wire::avro::{DECIMAL_DIGITS, Logical, Plan};
use prost_types::FileDescriptorProto;
use serde_json::Value;

/// All that is emitted.
pub(crate) struct Lowered {
    pub(crate) types: Vec<SharedType>,
    /// Then the keys.
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

/// An event, or the key of a topic, with all its versions.
pub(crate) struct Event {
    /// The manifest's name.
    pub(crate) name: String,
    /// The module of its versions.
    pub(crate) module: Ident,
    /// The name under which the newest version is re-exported.
    pub(crate) ident: Ident,
    pub(crate) topic: String,
    /// Whether it is the key of the topic.
    pub(crate) is_key: bool,
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    /// The versions whose values become the next version's by hand, oldest first: as far as the newest one needs them.
    pub(crate) migrate: Vec<u32>,
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
    pub(crate) key: Option<Key>,
    pub(crate) id: Option<TextField>,
    /// The numbers of the writers whose values are migrated, oldest first, each with that of the version that reads it: none but
    /// for the newest version.
    pub(crate) migrated: Vec<(u32, u32)>,
    pub(crate) body: Body,
}

/// What the `EventSchema` constant says.
pub(crate) struct SchemaFacts {
    pub(crate) format: Format,
    pub(crate) full_name: String,
    pub(crate) prefix: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) fingerprint: Fingerprint,
    /// What single-object encoding tells schemas apart by; 0 for Protobuf.
    pub(crate) canonical_fingerprint: u64,
    pub(crate) message_indexes: Vec<u32>,
    /// What the text itself refers to.
    pub(crate) references: Vec<SharedPath>,
}

/// What the record's key is made of.
pub(crate) enum Key {
    /// The text of a field.
    Text(TextField),
    /// A record with a schema of its own.
    Record(KeyRecord),
}

/// The key's record, in the newest version of its schema.
pub(crate) struct KeyRecord {
    /// The modules of the key and of that version.
    pub(crate) module: Ident,
    pub(crate) version: Ident,
    /// In the order of the key's schema.
    pub(crate) fields: Vec<KeyField>,
}

/// A field of the key's record, and where its value is from.
pub(crate) struct KeyField {
    /// The name in the schema.
    pub(crate) name: String,
    pub(crate) source: KeySource,
}

/// Where the value of a key's field is from.
pub(crate) enum KeySource {
    /// The event's field of that name.
    Event { ident: Ident, ty: Ty },
    /// The default of the key's schema, as bytes, since the event has no such field.
    Default(Vec<u8>),
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
    EnumName(TokenStream),
}

/// What a version consists of, by language.
pub(crate) enum Body {
    Avro(AvroBody),
    Protobuf(Box<ProtobufBody>),
}

/// The file of one version of a Protobuf event.
pub(crate) struct ProtobufBody {
    /// The numbers of the versions that this one decodes, oldest first; it is one of them. Of shared types none.
    pub(crate) writers: Vec<u32>,
    pub(crate) file: FileDescriptorProto,
    /// What the file imports, directly or not: prost-build must see it.
    pub(crate) imports: Vec<FileDescriptorProto>,
    /// The imports that are shared types: their Rust types stand in modules of their own.
    pub(crate) shared: Vec<SharedImport>,
    /// Whether its messages keep the fields that they do not know.
    pub(crate) preserves_unknown: bool,
}

/// An imported file that is a version of a shared type.
pub(crate) struct SharedImport {
    pub(crate) path: SharedPath,
    /// What the importing module calls the imported one.
    pub(crate) alias: Ident,
    /// The messages and enums at the file's top level: the full name with a dot in front, and the Rust name.
    pub(crate) types: Vec<(String, Ident)>,
    /// Whether its messages keep the fields that they do not know.
    pub(crate) preserves_unknown: bool,
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
    /// What is decoded into beside the owned types.
    pub(crate) forms: Vec<DecodeForm>,
}

/// Where a type is defined that a version does not define itself.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// In the module of an older version.
    Older(Ident),
    /// In that of a shared type, by its path there.
    Shared(SharedPath, TypePath),
}

/// A writer that is known at build time.
pub(crate) struct Writer {
    /// The number of the writer's version.
    pub(crate) version: u32,
    /// The writer's module.
    pub(crate) module: Ident,
    pub(crate) plan: Plan,
}

impl Type {
    /// Returns the types of the fields, or of the branches.
    pub(crate) fn parts(&self) -> Vec<&Ty> {
        match self {
            Self::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
            Self::Union(union) => union.variants.iter().map(|variant| &variant.ty).collect(),
            Self::Enum(_) => Vec::new(),
        }
    }
}

/// Where a type is: in its version's module, or there in the module of its namespace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TypePath {
    pub(crate) module: Option<Ident>,
    pub(crate) ident: Ident,
    /// Whether whoever names the type is in the module of a namespace.
    pub(crate) inside: bool,
}

impl TypePath {
    /// Returns the path as the module of a namespace writes it, or the version's own module.
    pub(crate) fn seen_from(&self, inside: bool) -> Self {
        Self { inside, ..self.clone() }
    }
}

impl ToTokens for TypePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { module, ident, inside } = self;
        let path = match module {
            Some(module) => quote!(#module::#ident),
            None => quote!(#ident),
        };
        if *inside { quote!(super::#path).to_tokens(tokens) } else { path.to_tokens(tokens) }
    }
}

/// A named Rust type.
#[derive(Clone)]
pub(crate) enum Type {
    Record(Record),
    Enum(Enum),
    Union(Union),
}

impl Type {
    pub(crate) fn path(&self) -> &TypePath {
        match self {
            Self::Record(record) => &record.path,
            Self::Enum(one) => &one.path,
            Self::Union(union) => &union.path,
        }
    }

    /// Returns the full name in the schema, or of a union its place.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Record(record) => &record.name,
            Self::Enum(one) => &one.name,
            Self::Union(union) => &union.place,
        }
    }
}

impl AvroBody {
    /// Returns the type of that full name, whichever version defines it.
    pub(crate) fn type_of(&self, name: &str) -> Option<&Type> {
        self.all_types().find(|one| one.name() == name)
    }

    /// Returns the record of the event itself.
    pub(crate) fn root(&self, version: &Version) -> &Type {
        let root = self.types.iter().find(|one| one.name() == version.schema.full_name);
        root.expect("the root of a version is never shared with an older one")
    }

    /// Returns the types that the version has, whichever version defines them.
    pub(crate) fn all_types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter().chain(self.reused.iter().map(|(_, one)| one))
    }
}

/// A struct.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) path: TypePath,
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
    /// Whether `Debug` masks it.
    pub(crate) pii: bool,
    pub(crate) default: Option<FieldDefault>,
}

/// The default of a field.
#[derive(Clone)]
pub(crate) struct FieldDefault {
    /// In the JSON form of events.
    pub(crate) value: Value,
    /// As the field's type writes it.
    pub(crate) bytes: Vec<u8>,
}

/// An enum without values.
#[derive(Clone)]
pub(crate) struct Enum {
    pub(crate) path: TypePath,
    /// The full name in the schema.
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    /// Each with its symbol.
    pub(crate) variants: Vec<(Ident, String)>,
}

/// An enum whose variants hold the branches of a union that are not null.
#[derive(Clone)]
pub(crate) struct Union {
    pub(crate) path: TypePath,
    /// The field that it is in, as `record#field`, which is no full name.
    pub(crate) place: String,
    pub(crate) variants: Vec<Variant>,
}

/// A branch of a union.
#[derive(Clone)]
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    /// The branch's name in the JSON form: the word of its type, or the full name of a named type.
    pub(crate) branch: String,
    /// The simple name of a named type, where the JSON form may use it as well.
    pub(crate) alias: Option<String>,
    /// The branch's index in the schema's union, null counted.
    pub(crate) index: usize,
    pub(crate) ty: Ty,
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
    Duration,
    Date,
    TimeMillis,
    TimeMicros,
    Timestamp(Logical),
    LocalTimestamp(Logical),
    /// A union with null: of the one other branch, or of a generated enum over the others.
    Option {
        inner: Box<Ty>,
        /// The index of null in the schema's union.
        null_index: usize,
    },
    List(Box<Ty>),
    Map(Box<Ty>),
    /// A generated struct.
    Record {
        path: TypePath,
        name: String,
        boxed: bool,
    },
    /// A generated enum.
    Enum {
        path: TypePath,
        name: String,
    },
    /// A generated enum over the branches of a union.
    Union {
        path: TypePath,
        place: String,
    },
}

impl Ty {
    /// Returns whether this is a decimal of more digits than `rust_decimal::Decimal` holds.
    pub(crate) fn is_big_decimal(&self) -> bool {
        matches!(self, Self::Decimal { precision, .. } if *precision > DECIMAL_DIGITS)
    }

    /// Returns the type as the module of a namespace names it.
    pub(crate) fn seen_from_inside(&self) -> Self {
        let inner = |ty: &Self| Box::new(ty.seen_from_inside());
        match self {
            Self::Option { inner: ty, null_index } => Self::Option { inner: inner(ty), null_index: *null_index },
            Self::List(item) => Self::List(inner(item)),
            Self::Map(value) => Self::Map(inner(value)),
            Self::Record { path, name, boxed } => {
                Self::Record { path: path.seen_from(true), name: name.clone(), boxed: *boxed }
            }
            Self::Enum { path, name } => Self::Enum { path: path.seen_from(true), name: name.clone() },
            Self::Union { path, place } => Self::Union { path: path.seen_from(true), place: place.clone() },
            other => other.clone(),
        }
    }
}
