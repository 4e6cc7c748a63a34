//! Lowers the versions of an Avro event or shared type: Rust names and types for each, and the plan for each writer that it decodes.

use std::collections::{BTreeSet, HashMap, HashSet};

use eventwright_schema::Diagnostic;
use eventwright_schema::avro::{self, Body as AvroKind, Kind, NamedId, Node, Schema};
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{LoadedReference, LoadedVersion};
use eventwright_schema::manifest::FieldName;
use eventwright_wire::avro::Logical;
use proc_macro2::Ident;

use super::Place;
use super::shared::SharedBody;
use crate::ir::{
    AvroBody, Body, Enum, Field, Origin, Record, SharedPath, TextField, TextForm, Ty, Type, Version, Writer,
};
use crate::names;

/// The types of older versions, for newer ones to share: module and type, by what makes two types one.
type Older = HashMap<TypeKey, (Ident, Type)>;

/// The shape of a type, and where the types inside it are defined: two of one shape hold different Rust types where one
/// defines in its own text what the other takes from a shared type.
type TypeKey = (String, BTreeSet<(String, SharedPath)>);

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

/// Lowers all versions of a shared type, oldest first.
pub(super) fn shared_versions(versions: &[LoadedVersion]) -> Result<Vec<SharedBody>, Vec<Diagnostic>> {
    let mut older = Older::new();
    let mut wrong = Vec::new();
    let mut lowered = Vec::new();
    for version in versions {
        let schema = avro_schema(version);
        let mut types = Types::new(version, None);
        let (own, reused) = types.lower(&names::snake(&format!("v{}", version.number)), &mut older);
        wrong.append(&mut types.wrong);
        let root = schema.root_named().filter(|(_, named)| !matches!(named.body, AvroKind::Fixed(_)));
        let root = root.map(|(id, _)| types.ident(id));
        let plan = avro::resolve(schema, schema).expect("every schema reads what it writes itself");
        let writers = vec![Writer { version: version.number, module: names::snake("own"), plan }];
        lowered.push(SharedBody { root, body: Body::Avro(AvroBody { types: own, reused, is_shared: true, writers }) });
    }
    if wrong.is_empty() { Ok(lowered) } else { Err(wrong) }
}

fn avro_schema(version: &LoadedVersion) -> &Schema {
    match &version.schema {
        AnySchema::Avro(schema) => schema,
        AnySchema::Protobuf(_) => unreachable!("all versions of an event are of the manifest's format"),
    }
}

fn lower_version(place: &Place<'_>, version: &LoadedVersion, older: &mut Older) -> Result<Version, Vec<Diagnostic>> {
    let schema = avro_schema(version);
    let Some((root_id, root)) = schema.root_named().filter(|(_, named)| named.fields().is_some()) else {
        let message = "an event is a record, and this schema is none";
        return Err(vec![schema.diagnostic(schema.root().span, message, "wrap the type in a record")]);
    };
    let module = names::snake(&format!("v{}", version.number));
    let mut types = Types::new(version, Some(root_id));
    let (types_lowered, reused) = types.lower(&module, older);
    let writers = writers(place, version, &mut types.wrong);
    let root_record = types_lowered.iter().find_map(|one| match one {
        Type::Record(record) if record.name == root.name.full() => Some(record),
        _ => None,
    });
    let [key, id] = [&place.event.entry.key, &place.event.entry.id].map(|name| {
        let field = root_record?.fields.iter().find(|field| Some(&field.name) == name.as_ref().map(|it| &it.name));
        text_field(place, version, name.as_ref()?, field).map_err(|diagnostic| types.wrong.push(diagnostic)).ok()?
    });
    if !types.wrong.is_empty() {
        return Err(types.wrong);
    }
    Ok(Version {
        number: version.number,
        root: types.ident(root_id),
        module,
        schema: place.facts(version, &root.name.full(), Vec::new()),
        key,
        id,
        body: Body::Avro(AvroBody { types: types_lowered, reused, is_shared: false, writers }),
    })
}

/// Resolves each writer that the version decodes by generated code; a writer that it cannot read is a finding.
fn writers(place: &Place<'_>, reader: &LoadedVersion, wrong: &mut Vec<Diagnostic>) -> Vec<Writer> {
    let entry = &place.event.entry;
    let reads_all = reader.number == place.event.newest().number || entry.readers.contains(&reader.number);
    let mut writers = Vec::new();
    for writer in &place.event.versions {
        let own = writer.number == reader.number;
        if !own && (!reads_all || entry.retired.contains(&writer.number)) {
            continue;
        }
        match avro::resolve(avro_schema(writer), avro_schema(reader)) {
            Ok(plan) => writers.push(Writer {
                version: writer.number,
                module: names::snake(&format!("v{}", writer.number)),
                plan,
            }),
            Err(errors) => wrong.extend(errors.iter().map(|error| {
                let schema = avro_schema(reader);
                let top = error.path.split(['.', '[']).next();
                let fields = schema.root_named().and_then(|(_, root)| root.fields()).unwrap_or_default();
                let field = fields.iter().find(|field| Some(field.name.as_str()) == top);
                let span = field.map_or(schema.root().span, |field| field.span);
                let message = format!("v{} cannot read what v{} writes: {error}", reader.number, writer.number);
                schema.diagnostic(span, message, "give a new field a default, and keep the types of old ones")
            })),
        }
    }
    writers
}

/// The naming of one version's types.
struct Types<'s> {
    schema: &'s Schema,
    references: &'s [LoadedReference],
    /// The record of the event: each version has its own.
    root_id: Option<NamedId>,
    idents: HashMap<NamedId, Ident>,
    wrong: Vec<Diagnostic>,
}

impl<'s> Types<'s> {
    fn new(version: &'s LoadedVersion, root_id: Option<NamedId>) -> Self {
        let schema = avro_schema(version);
        Self { schema, references: &version.references, root_id, idents: HashMap::new(), wrong: Vec::new() }
    }

    fn ident(&self, id: NamedId) -> Ident {
        let named = || names::upper_camel(&self.schema.named(id).name.simple);
        self.idents.get(&id).cloned().unwrap_or_else(named)
    }

    /// Returns the types that the version defines, and those that it takes from elsewhere.
    fn lower(&mut self, module: &Ident, older: &mut Older) -> (Vec<Type>, Vec<(Origin, Type)>) {
        let ids: Vec<_> = self.schema.all_named().map(|(id, _)| id).collect();
        self.name_all(&ids);
        let (mut types, mut reused) = (Vec::new(), Vec::new());
        for id in ids {
            if let Some(path) = self.shared_path(id) {
                reused.extend(self.shared_type(id).map(|one| (Origin::Shared(path), one)));
                continue;
            }
            let holds_root =
                self.root_id.is_some_and(|root| id == root || self.schema.named_within(id).contains(&root));
            let key = self.key(id);
            if let Some((module, one)) = older.get(&key).filter(|_| !holds_root) {
                reused.push((Origin::Older(module.clone()), one.clone()));
                continue;
            }
            let Some(lowered) = self.named_type(id) else { continue };
            if !holds_root {
                older.insert(key, (module.clone(), lowered.clone()));
            }
            types.push(lowered);
        }
        (types, reused)
    }

    /// Returns the modules of the shared type that defines the type, if one does.
    fn shared_path(&self, id: NamedId) -> Option<SharedPath> {
        self.references.get(self.schema.reference_of(id)?).map(super::shared_path)
    }

    fn key(&self, id: NamedId) -> TypeKey {
        let within = self.schema.named_within(id).into_iter();
        let shared = within.filter_map(|id| Some((self.schema.named(id).name.full(), self.shared_path(id)?)));
        (self.schema.shape_of(id), shared.collect())
    }

    /// A type that a shared type defines; what is wrong with it is said of the shared type.
    fn shared_type(&mut self, id: NamedId) -> Option<Type> {
        let count = self.wrong.len();
        let lowered = self.named_type(id);
        self.wrong.truncate(count);
        lowered
    }

    /// Gives every record and enum its Rust name; two that would share one are a finding.
    fn name_all(&mut self, ids: &[NamedId]) {
        let mut seen: HashMap<String, NamedId> = HashMap::new();
        for id in ids {
            let named = self.schema.named(*id);
            if matches!(named.body, AvroKind::Fixed(_)) {
                continue;
            }
            let ident = names::upper_camel(&named.name.simple);
            if let Some(other) = seen.insert(ident.to_string(), *id) {
                let other = &self.schema.named(other).name;
                let message = format!("`{}` and `{other}` are one type `{ident}` in Rust", named.name);
                self.wrong.push(self.schema.diagnostic(named.name_span, message, "rename one of them"));
            }
            self.idents.insert(*id, ident);
        }
    }

    fn named_type(&mut self, id: NamedId) -> Option<Type> {
        let named = self.schema.named(id);
        let (ident, name, doc) = (self.ident(id), named.name.full(), named.doc.clone());
        match &named.body {
            AvroKind::Record(fields) => {
                let fields = fields.iter().filter_map(|field| self.field(id, field)).collect();
                self.check_fields(&fields, id);
                let recursive = self.schema.named_within(id).contains(&id);
                Some(Type::Record(Record { ident, name, doc, fields, recursive }))
            }
            AvroKind::Enum { symbols, .. } => {
                let variants: Vec<_> =
                    symbols.iter().map(|symbol| (names::upper_camel(symbol), symbol.clone())).collect();
                let mut seen = HashSet::new();
                if let Some((variant, _)) = variants.iter().find(|(variant, _)| !seen.insert(variant.to_string())) {
                    let message = format!("two symbols of `{name}` are one variant `{variant}` in Rust");
                    self.wrong.push(self.schema.diagnostic(named.span, message, "rename one of them"));
                }
                Some(Type::Enum(Enum { ident, name, doc, variants }))
            }
            // A fixed is an array of bytes and needs no type of its own.
            AvroKind::Fixed(_) => None,
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

    fn field(&mut self, owner: NamedId, field: &avro::Field) -> Option<Field> {
        let ty = match self.ty(&field.node, owner) {
            Ok(ty) => ty,
            Err(NoType { what, help }) => {
                let message = format!("the field `{}` {what}", field.name);
                self.wrong.push(self.schema.diagnostic(field.node.span, message, help));
                return None;
            }
        };
        let default = match avro::dynamic::default_of(self.schema, field) {
            Ok(default) => default,
            Err(error) => {
                let message =
                    format!("the default of the field `{}` is no value of its logical type: {error}", field.name);
                self.wrong.push(self.schema.diagnostic(field.span, message, "write another default"));
                None
            }
        };
        Some(Field { ident: names::snake(&field.name), name: field.name.clone(), doc: field.doc.clone(), ty, default })
    }

    /// Returns the Rust type of a field of `owner`, or why there is none yet.
    fn ty(&self, node: &Node, owner: NamedId) -> Result<Ty, NoType> {
        Ok(match (&node.kind, node.logical) {
            (Kind::Bytes, Logical::Decimal { precision, scale }) => decimal(precision, scale, None)?,
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
            (Kind::Array(item), _) => Ty::List(Box::new(unboxed(self.ty(item, owner)?))),
            (Kind::Map(value), _) => Ty::Map(Box::new(unboxed(self.ty(value, owner)?))),
            (Kind::Union(branches), _) => self.union(branches, owner)?,
            (Kind::Named(id), _) => self.named_ty(*id, owner)?,
        })
    }

    fn union(&self, branches: &[Node], owner: NamedId) -> Result<Ty, NoType> {
        let (null_index, other) = match branches {
            [Node { kind: Kind::Null, .. }, other] => (0, other),
            [other, Node { kind: Kind::Null, .. }] => (1, other),
            _ => {
                return Err(NoType {
                    what: "is a union of other branches than null and one type, which has no Rust type yet",
                    help: "wrap the branches in a record each",
                });
            }
        };
        Ok(Ty::Option { inner: Box::new(self.ty(other, owner)?), null_index })
    }

    fn named_ty(&self, id: NamedId, owner: NamedId) -> Result<Ty, NoType> {
        let named = self.schema.named(id);
        let (ident, name) = (self.ident(id), named.name.full());
        Ok(match (&named.body, named.logical) {
            (AvroKind::Record(_), _) => {
                let boxed = id == owner || self.schema.named_within(id).contains(&owner);
                Ty::Record { ident, name, boxed }
            }
            (AvroKind::Enum { .. }, _) => Ty::Enum { ident, name },
            (AvroKind::Fixed(size), Logical::Decimal { precision, scale }) => decimal(precision, scale, Some(*size))?,
            (AvroKind::Fixed(_), Logical::Uuid) => Ty::UuidFixed,
            (AvroKind::Fixed(size), _) => Ty::Fixed(*size),
        })
    }
}

/// Why a field has no Rust type, and what to do.
struct NoType {
    what: &'static str,
    help: &'static str,
}

/// The digits that `rust_decimal::Decimal` holds whatever they are, and the most that it has after the point.
const DECIMAL_DIGITS: u32 = 28;

fn decimal(precision: u32, scale: u32, fixed: Option<usize>) -> Result<Ty, NoType> {
    if precision.max(scale) > DECIMAL_DIGITS {
        return Err(NoType {
            what: "has more digits than the 28 that its Rust type holds",
            help: "use a smaller precision, or bytes without logicalType",
        });
    }
    Ok(Ty::Decimal { precision, scale, fixed })
}

/// Inside a list or a map a record needs no box of its own.
fn unboxed(ty: Ty) -> Ty {
    match ty {
        Ty::Record { ident, name, .. } => Ty::Record { ident, name, boxed: false },
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
