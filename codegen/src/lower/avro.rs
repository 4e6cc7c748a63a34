//! Lowers the versions of an Avro event or shared type: Rust names and types for each, and the plan for each writer that
//! it decodes.

use std::collections::{BTreeSet, HashMap, HashSet};

use eventwright_schema::Diagnostic;
use eventwright_schema::avro::{self, Body as AvroKind, Kind, NamedId, Node, Schema};
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{LoadedReference, LoadedVersion};
use eventwright_schema::manifest::{DecodeForm, FieldName, SubjectStrategy};
use eventwright_wire::avro::Logical;

use self::union::FieldPlace;
use super::shared::SharedBody;
use super::{Place, key};
use crate::ir::{
    AvroBody, Body, Enum, Field, FieldDefault, Key, Origin, Record, SharedPath, TextField, TextForm, Ty, Type,
    TypePath, Union, Version, Writer,
};
use crate::names;
use crate::rust::{Ident, ToTokens};

mod naming;
mod union;

/// The types of older versions by their shape, for newer ones to share: module, and the type with its unions.
type Older = HashMap<String, (Ident, Vec<Type>)>;

/// Lowers all versions, oldest first.
pub(super) fn versions(place: &Place<'_>) -> Result<Vec<Version>, Vec<Diagnostic>> {
    let mut older = Older::new();
    let mut wrong = Vec::new();
    let mut lowered = Vec::new();
    for version in &place.event.versions {
        match lower_version(place, version, &mut older) {
            Ok(version) => lowered.push(version),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if wrong.is_empty() { Ok(lowered) } else { Err(wrong) }
}

/// Lowers all versions of a shared type, oldest first, with the forms that its users are decoded into.
pub(super) fn shared_versions(
    versions: &[LoadedVersion],
    forms: &[DecodeForm],
) -> Result<Vec<SharedBody>, Vec<Diagnostic>> {
    let mut older = Older::new();
    let mut wrong = Vec::new();
    let mut lowered = Vec::new();
    for version in versions {
        let schema = avro_schema(version);
        let mut types = Types::new(version, None);
        let (own, reused) = types.lower(&names::snake(&format!("v{}", version.number)), &mut older);
        types.check_forms(forms, &own, &reused);
        wrong.append(&mut types.wrong);
        let root = schema.root_named().filter(|(_, named)| !matches!(named.body, AvroKind::Fixed(_)));
        let root = root.map(|(id, _)| types.path(id).ident);
        let plan = avro::resolve(schema, schema).expect("every schema reads what it writes itself");
        let writers = vec![Writer { version: version.number, module: names::snake("own"), plan }];
        lowered.push(SharedBody {
            root,
            body: Body::Avro(AvroBody { types: own, reused, is_shared: true, writers, forms: forms.to_vec() }),
        });
    }
    if wrong.is_empty() { Ok(lowered) } else { Err(wrong) }
}

fn avro_schema(version: &LoadedVersion) -> &Schema {
    match &version.schema {
        AnySchema::Avro(schema) => schema,
        AnySchema::Protobuf(_) | AnySchema::Json(_) => {
            unreachable!("all versions of an event are of the manifest's format")
        }
    }
}

fn lower_version(place: &Place<'_>, version: &LoadedVersion, older: &mut Older) -> Result<Version, Vec<Diagnostic>> {
    let schema = avro_schema(version);
    let Some((root_id, root)) = schema.root_named().filter(|(_, named)| named.fields().is_some()) else {
        let (message, help) = match place.event.entry.subject {
            SubjectStrategy::Key => {
                let message = "a key's schema is a record, and this one is none";
                (message, "wrap the type in a record, or use `key`, which writes the text of a field")
            }
            _ => ("an event is a record, and this schema is none", "wrap the type in a record"),
        };
        return Err(vec![schema.diagnostic(schema.root().span, message, help)]);
    };
    let module = names::snake(&format!("v{}", version.number));
    let mut types = Types::new(version, Some(root_id));
    let (types_lowered, reused) = types.lower(&module, older);
    let forms = place.event.entry.decode.clone();
    types.check_forms(&forms, &types_lowered, &reused);
    let writers = writers(place, version);
    let root_record = types_lowered.iter().find_map(|one| match one {
        Type::Record(record) if record.name == root.name.full() => Some(record),
        _ => None,
    });
    let fields = root_record.map_or(&[][..], |record| &record.fields);
    let [text_key, id] = [&place.event.entry.key, &place.event.entry.id].map(|name| {
        let field = fields.iter().find(|field| Some(&field.name) == name.as_ref().map(|it| &it.name));
        text_field(place, version, name.as_ref()?, field).map_err(|diagnostic| types.wrong.push(diagnostic)).ok()?
    });
    let record_key = key::record(place, version, |of_key, wanted, _| key::in_avro(schema, fields, of_key, wanted));
    let record_key = record_key.map_err(|diagnostic| types.wrong.push(diagnostic)).ok().flatten();
    if !types.wrong.is_empty() {
        return Err(types.wrong);
    }
    Ok(Version {
        number: version.number,
        root: types.path(root_id).ident,
        module,
        schema: place.facts(version, &root.name.full(), Vec::new()),
        key: text_key.map(Key::Text).or(record_key),
        id,
        migrated: place.migrated(version.number),
        body: Body::Avro(AvroBody { types: types_lowered, reused, is_shared: false, writers, forms }),
    })
}

/// Resolves each writer that the version decodes by generated code. One that it cannot read has no code; where the event
/// promises to read it, the gate has said so.
fn writers(place: &Place<'_>, reader: &LoadedVersion) -> Vec<Writer> {
    let is_read = |writer: &&LoadedVersion| place.decodes(reader.number, writer.number);
    let resolved = place.event.versions.iter().filter(is_read).filter_map(|writer| {
        let plan = avro::resolve(avro_schema(writer), avro_schema(reader)).ok()?;
        Some(Writer { version: writer.number, module: names::snake(&format!("v{}", writer.number)), plan })
    });
    resolved.collect()
}

/// The naming of one version's types.
struct Types<'s> {
    schema: &'s Schema,
    /// The record of the event: each version has its own.
    root_id: Option<NamedId>,
    paths: Paths,
    /// What the schema refers to, each with the paths in its own module.
    shared: Vec<(&'s LoadedReference, Paths)>,
    /// The paths of the enums that stand for unions.
    unions: HashSet<String>,
    wrong: Vec<Diagnostic>,
}

type Paths = HashMap<NamedId, TypePath>;

impl<'s> Types<'s> {
    fn new(version: &'s LoadedVersion, root_id: Option<NamedId>) -> Self {
        let schema = avro_schema(version);
        let mut wrong = Vec::new();
        let all: Vec<_> = schema.all_named().map(|(id, _)| id).collect();
        let root = schema.root_named().map(|(id, _)| id);
        let paths = naming::paths(schema, &all, root, &mut wrong);
        let shared = |reference: &'s LoadedReference| {
            let root = schema.all_named().find(|(_, named)| named.name.full() == reference.name).map(|(id, _)| id);
            let within = root.map(|root| schema.named_within(root)).unwrap_or_default();
            let ids: Vec<_> = all.iter().copied().filter(|id| within.contains(id) || Some(*id) == root).collect();
            // What is wrong with it is said of the shared type.
            (reference, naming::paths(schema, &ids, root, &mut Vec::new()))
        };
        let shared = version.references.iter().map(shared).collect();
        Self { schema, root_id, paths, shared, unions: HashSet::new(), wrong }
    }

    fn path(&self, id: NamedId) -> TypePath {
        self.path_in(&self.paths, id)
    }

    /// Returns the path of a type in the module that defines `owner`, where the names of other types may be others.
    fn path_beside(&self, owner: NamedId, id: NamedId) -> TypePath {
        self.path_in(self.definition(owner).map_or(&self.paths, |(_, paths)| paths), id)
    }

    fn path_in(&self, paths: &Paths, id: NamedId) -> TypePath {
        let ident = || names::upper_camel(&self.schema.named(id).name.simple);
        let flat = || TypePath { module: None, ident: ident(), inside: false };
        paths.get(&id).cloned().unwrap_or_else(flat)
    }

    /// Returns the shared type that defines the type, if one does.
    fn definition(&self, id: NamedId) -> Option<&(&'s LoadedReference, Paths)> {
        self.shared.get(self.schema.reference_of(id)?)
    }

    /// Returns a text that is equal for two types if one Rust type, with the same path, can stand for both: what a shared
    /// type defines is another type than what a schema defines itself.
    fn shape(&self, id: NamedId) -> String {
        let within: BTreeSet<_> = self.schema.named_within(id).into_iter().chain([id]).collect();
        let paths = within.into_iter().map(|id| {
            let definition = self.definition(id).map(|(reference, _)| (&reference.type_name, reference.version));
            format!(" {} {definition:?}", self.path(id).to_token_stream())
        });
        self.schema.shape_of(id) + &paths.collect::<String>()
    }

    /// Returns the types that the version defines, and those that it takes from elsewhere.
    fn lower(&mut self, module: &Ident, older: &mut Older) -> (Vec<Type>, Vec<(Origin, Type)>) {
        let ids: Vec<_> = self.schema.all_named().map(|(id, _)| id).collect();
        let (mut types, mut reused) = (Vec::new(), Vec::new());
        for id in ids {
            if let Some((reference, _)) = self.definition(id) {
                reused.extend(self.shared_types(super::shared_path(reference), id));
                continue;
            }
            let holds_root =
                self.root_id.is_some_and(|root| id == root || self.schema.named_within(id).contains(&root));
            let shape = self.shape(id);
            if let Some((module, older)) = older.get(&shape).filter(|_| !holds_root) {
                self.claim_unions(older, id);
                reused.extend(older.iter().map(|one| (Origin::Older(module.clone()), one.clone())));
                continue;
            }
            let lowered = self.named_type(id);
            self.claim_unions(&lowered, id);
            if !holds_root {
                older.insert(shape, (module.clone(), lowered.clone()));
            }
            types.extend(lowered);
        }
        (types, reused)
    }

    /// Returns a type that a shared type defines, with its unions; what is wrong with it is said of the shared type.
    fn shared_types(&mut self, version: SharedPath, id: NamedId) -> Vec<(Origin, Type)> {
        let count = self.wrong.len();
        let lowered = self.named_type(id);
        self.wrong.truncate(count);
        self.claim_unions(&lowered, id);
        let module = self.path_beside(id, id).module;
        let defined = |one: &Type| TypePath { module: module.clone(), ..one.path().clone() };
        lowered.into_iter().map(|one| (Origin::Shared(version.clone(), defined(&one)), one)).collect()
    }

    fn claim_unions(&mut self, types: &[Type], id: NamedId) {
        for one in types {
            if let Type::Union(union) = one {
                self.claim(union, self.schema.named(id).span);
            }
        }
    }

    /// Returns the Rust types of a record or an enum: of a record its unions as well.
    fn named_type(&mut self, id: NamedId) -> Vec<Type> {
        let named = self.schema.named(id);
        let (path, name, doc) = (self.path(id), named.name.full(), named.doc.clone());
        match &named.body {
            AvroKind::Record(fields) => {
                let mut unions = Vec::new();
                let fields = fields.iter().filter_map(|field| self.field(id, field, &mut unions)).collect();
                self.check_fields(&fields, id);
                let recursive = named.recursive;
                let record = Type::Record(Record { path, name, doc, fields, recursive });
                std::iter::once(record).chain(unions.into_iter().map(Type::Union)).collect()
            }
            AvroKind::Enum { symbols, .. } => {
                let variants: Vec<_> =
                    symbols.iter().map(|symbol| (names::upper_camel(symbol), symbol.clone())).collect();
                let mut seen = HashSet::new();
                if let Some((variant, _)) = variants.iter().find(|(variant, _)| !seen.insert(variant.to_string())) {
                    let message = format!("two symbols of `{name}` are one variant `{variant}` in Rust");
                    self.wrong.push(self.schema.diagnostic(named.span, message, "rename one of them"));
                }
                vec![Type::Enum(Enum { path, name, doc, variants })]
            }
            // A fixed is an array of bytes and needs no type of its own.
            AvroKind::Fixed(_) => Vec::new(),
        }
    }

    /// Reports types whose names those of borrowed forms would be: `OrderRef` beside `Order`.
    fn check_forms(&mut self, forms: &[DecodeForm], own: &[Type], reused: &[(Origin, Type)]) {
        if !forms.contains(&DecodeForm::Borrowed) {
            return;
        }
        let types: Vec<_> = own.iter().chain(reused.iter().map(|(_, one)| one)).collect();
        for one in types.iter().filter(|one| !matches!(one, Type::Enum(_))) {
            let path = one.path();
            let borrowed = TypePath { ident: names::reference(&path.ident), ..path.clone() };
            if types.iter().any(|other| *other.path() == borrowed) {
                let message = format!(
                    "the borrowed form of `{}` and another type are one type `{}` in Rust",
                    path.ident, borrowed.ident
                );
                let span = self.schema.root().span;
                self.wrong.push(self.schema.diagnostic(
                    span,
                    message,
                    "rename the other type, or do not ask for the form",
                ));
            }
        }
    }

    fn check_fields(&mut self, fields: &Vec<Field>, id: NamedId) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for field in fields {
            if let Some(other) = seen.insert(field.ident.to_string(), &field.name) {
                let named = self.schema.named(id);
                let message = format!(
                    "the fields `{other}` and `{}` of `{}` are one field `{}` in Rust",
                    field.name, named.name, field.ident
                );
                self.wrong.push(self.schema.diagnostic(named.span, message, "rename one of them"));
            }
        }
    }

    fn field(&mut self, owner: NamedId, field: &avro::Field, unions: &mut Vec<Union>) -> Option<Field> {
        let mut place = FieldPlace::new(self, owner, &field.name);
        let ty = match self.ty(&field.node, &mut place) {
            Ok(ty) => ty,
            Err(NoType { what, help }) => {
                let message = format!("the field `{}` {what}", field.name);
                self.wrong.push(self.schema.diagnostic(field.node.span, message, help));
                return None;
            }
        };
        unions.extend(place.unions);
        let default = match avro::dynamic::default_of(self.schema, field) {
            Ok(default) => default
                .zip(avro::dynamic::default_bytes(self.schema, field))
                .map(|(value, bytes)| FieldDefault { value, bytes }),
            Err(error) => {
                let message =
                    format!("the default of the field `{}` is no value of its logical type: {error}", field.name);
                self.wrong.push(self.schema.diagnostic(field.span, message, "write another default"));
                None
            }
        };
        Some(Field {
            ident: names::snake(&field.name),
            name: field.name.clone(),
            doc: field.doc.clone(),
            ty,
            pii: field.pii,
            default,
        })
    }

    /// Returns the Rust type of a field, or why there is none yet.
    fn ty(&self, node: &Node, place: &mut FieldPlace) -> Result<Ty, NoType> {
        Ok(match (&node.kind, node.logical) {
            (Kind::Bytes, Logical::Decimal { precision, scale }) => Ty::Decimal { precision, scale, fixed: None },
            (Kind::String, Logical::Uuid) => Ty::Uuid,
            (Kind::Int, Logical::Date) => Ty::Date,
            (Kind::Int, Logical::TimeMillis) => Ty::TimeMillis,
            (Kind::Long, Logical::TimeMicros) => Ty::TimeMicros,
            (Kind::Long, logical @ (Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos)) => {
                Ty::Timestamp(logical)
            }
            (Kind::Long, Logical::None) => Ty::Long,
            (Kind::Long, local) => Ty::LocalTimestamp(local),
            (Kind::Null, _) => Ty::Null,
            (Kind::Boolean, _) => Ty::Boolean,
            (Kind::Int, _) => Ty::Int,
            (Kind::Float, _) => Ty::Float,
            (Kind::Double, _) => Ty::Double,
            (Kind::Bytes, _) => Ty::Bytes,
            (Kind::String, _) => Ty::String,
            (Kind::Array(item), _) => Ty::List(Box::new(unboxed(self.ty(item, place)?))),
            (Kind::Map(value), _) => Ty::Map(Box::new(unboxed(self.ty(value, place)?))),
            (Kind::Union(branches), _) => self.union(branches, place)?,
            (Kind::Named(id), _) => self.named_ty(*id, place.owner),
        })
    }

    fn named_ty(&self, id: NamedId, owner: NamedId) -> Ty {
        let named = self.schema.named(id);
        let (path, name) = (self.path(id), named.name.full());
        match (&named.body, named.logical) {
            (AvroKind::Record(_), _) => {
                let boxed = id == owner || self.schema.named_within(id).contains(&owner);
                Ty::Record { path, name, boxed }
            }
            (AvroKind::Enum { .. }, _) => Ty::Enum { path, name },
            (AvroKind::Fixed(size), Logical::Decimal { precision, scale }) => {
                Ty::Decimal { precision, scale, fixed: Some(*size) }
            }
            (AvroKind::Fixed(_), Logical::Uuid) => Ty::UuidFixed,
            (AvroKind::Fixed(_), Logical::Duration) => Ty::Duration,
            (AvroKind::Fixed(size), _) => Ty::Fixed(*size),
        }
    }
}

/// Why a field has no Rust type, and what to do.
struct NoType {
    what: String,
    help: &'static str,
}

/// Inside a list or a map a record needs no box of its own.
fn unboxed(ty: Ty) -> Ty {
    match ty {
        Ty::Record { path, name, .. } => Ty::Record { path, name, boxed: false },
        other => other,
    }
}

fn text_field(
    place: &Place<'_>,
    version: &LoadedVersion,
    name: &FieldName,
    field: Option<&Field>,
) -> Result<Option<TextField>, Diagnostic> {
    let refuse = |what: &str, help: &str| {
        let message = format!("the field `{}` of `{}` v{} {what}", name.name, place.event.entry.name, version.number);
        place.diagnostic(name.position, message, help)
    };
    let Some(field) = field else {
        // An older version may not have the field yet: its records then have no key.
        return match version.number == place.event.newest().number {
            true => Err(refuse("does not exist", "name a field of the event's record")),
            false => Ok(None),
        };
    };
    let (ty, optional) = match &field.ty {
        Ty::Option { inner, .. } => (inner.as_ref(), true),
        other => (other, false),
    };
    let help = "name a field of text, a whole number, a boolean, a uuid, an enum or a date";
    let form = match ty {
        Ty::String => TextForm::Borrowed,
        Ty::Enum { .. } => TextForm::Symbol,
        Ty::Boolean | Ty::Int | Ty::Long | Ty::Uuid | Ty::UuidFixed | Ty::Date => TextForm::Display,
        // 1.5 is read as 1.50 where the schema says two digits, and a time without its nanoseconds.
        Ty::Decimal { .. } | Ty::Timestamp(_) => {
            return Err(refuse("is rounded when it is encoded, which may change its text", help));
        }
        _ => return Err(refuse("has no text form", help)),
    };
    Ok(Some(TextField { ident: field.ident.clone(), form, optional }))
}
