//! Lowers the versions of a Protobuf event or shared type: which message of the file it is, and the file's descriptor
//! for prost-build.

mod collisions;

use std::collections::BTreeMap;

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{LoadedReference, LoadedVersion};
use eventwright_schema::manifest::{FieldName, TypeEntry};
use eventwright_schema::proto::Schema;
use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use prost_types::FileDescriptorProto;

use super::Place;
use super::key::{self, Found};
use super::shared::SharedBody;
use crate::ir::{Body, Field, Key, ProtobufBody, SharedImport, SharedPath, TextField, TextForm, Ty, Version};
use crate::names;
use crate::rust::{Ident, format_ident, quote};

/// Lowers all versions, oldest first.
pub(super) fn versions(place: &Place<'_>) -> Result<Vec<Version>, Vec<Diagnostic>> {
    place.event.versions.iter().map(|version| lower_version(place, version)).collect()
}

fn lower_version(place: &Place<'_>, version: &LoadedVersion) -> Result<Version, Vec<Diagnostic>> {
    let AnySchema::Protobuf(schema) = &version.schema else {
        unreachable!("all versions of an event are of the manifest's format");
    };
    let path = version.path.display().to_string();
    let preserves_unknown = place.event.entry.preserve_unknown.is_some();
    check_types(version, schema, preserves_unknown)?;
    let message = event_message(schema, &place.event.entry.name).ok_or_else(|| {
        let what = format!("the file has no message `{}`", place.event.entry.name);
        vec![Diagnostic::of_file(&path, what, "name the event's message as the manifest names the event")]
    })?;
    if message.parent_message().is_some() {
        let what = format!("the message `{}` stands inside another one", message.name());
        return Err(vec![Diagnostic::of_file(&path, what, "move the event's message to the top level of the file")]);
    }
    let indexes = schema.indexes_of(message.full_name()).unwrap_or_default();
    let text = |name: &Option<FieldName>| match name {
        Some(name) => text_field(place, version, name, &message).map_err(|wrong| vec![wrong]),
        None => Ok(None),
    };
    let record_key = key::record(place, version, |_, _, wanted| key_field(&message, wanted));
    let record_key = record_key.map_err(|wrong| vec![wrong])?;
    Ok(Version {
        number: version.number,
        module: names::snake(&format!("v{}", version.number)),
        root: names::upper_camel(message.name()),
        schema: place.facts(version, message.full_name(), indexes),
        key: text(&place.event.entry.key)?.map(Key::Text).or(record_key),
        id: text(&place.event.entry.id)?,
        migrated: place.migrated(version.number),
        body: body(version, schema, preserves_unknown, comparable(place, version)),
    })
}

/// Returns the versions that a version decodes: any reads any other, but for migrations between them.
fn comparable(place: &Place<'_>, version: &LoadedVersion) -> Vec<u32> {
    let first = |number: u32| place.event.entry.first_comparable(number);
    let all = place.event.versions.iter().map(|one| one.number);
    all.filter(|number| first(*number) == first(version.number)).collect()
}

/// Lowers all versions of a shared type, oldest first.
pub(super) fn shared_versions(
    entry: &TypeEntry,
    versions: &[LoadedVersion],
) -> Result<Vec<SharedBody>, Vec<Diagnostic>> {
    versions.iter().map(|version| shared_version(entry, version)).collect()
}

fn shared_version(entry: &TypeEntry, version: &LoadedVersion) -> Result<SharedBody, Vec<Diagnostic>> {
    let AnySchema::Protobuf(schema) = &version.schema else {
        unreachable!("all versions of a type are of the manifest's format");
    };
    let preserves_unknown = entry.preserve_unknown.is_some();
    check_types(version, schema, preserves_unknown)?;
    let messages = schema.file().messages().map(|message| message.name().to_owned());
    let Some(root) =
        messages.chain(schema.file().enums().map(|one| one.name().to_owned())).find(|name| *name == entry.name)
    else {
        let what = format!("the file has no message or enum `{}`", entry.name);
        let help = "name one of them as the manifest names the shared type";
        return Err(vec![Diagnostic::of_file(version.path.display().to_string(), what, help)]);
    };
    Ok(SharedBody { root: Some(names::upper_camel(&root)), body: body(version, schema, preserves_unknown, Vec::new()) })
}

/// Says what in a file has no Rust type, or not one of its own.
fn check_types(version: &LoadedVersion, schema: &Schema, preserves_unknown: bool) -> Result<(), Vec<Diagnostic>> {
    let refuse = |what, help: &str| Diagnostic::of_file(version.path.display().to_string(), what, help);
    if let Some(field) = schema.file().messages().find_map(|message| dynamic_field(&message)) {
        let what = format!("the field `{}` has a type without a Rust type of its own", field.full_name());
        return Err(vec![refuse(what, "write a message that says what the field holds")]);
    }
    let taken = preserves_unknown.then_some(names::UNKNOWN_FIELDS);
    let collisions = collisions::of_file(schema.file(), taken);
    let mut wrong: Vec<_> = collisions.into_iter().map(|what| refuse(what, "rename one of them")).collect();
    for reference in &version.references {
        let alias = alias(reference).to_string();
        if let Some(message) = message_of_module(schema.file().messages(), &alias) {
            let what = format!("`{message}` and the import `{}` are one module `{alias}` in Rust", reference.name);
            wrong.push(refuse(what, "rename the message"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Returns the message for whose inner types prost-build makes a module of that name.
fn message_of_module(mut messages: impl Iterator<Item = MessageDescriptor>, module: &str) -> Option<String> {
    messages.find_map(|message| {
        let own = (names::snake(message.name()).as_str() == module).then(|| message.full_name().to_owned());
        own.or_else(|| message_of_module(message.child_messages(), module))
    })
}

fn body(version: &LoadedVersion, schema: &Schema, preserves_unknown: bool, writers: Vec<u32>) -> Body {
    Body::Protobuf(Box::new(ProtobufBody {
        writers,
        file: schema.file().file_descriptor_proto().clone(),
        imports: imports(schema.file()),
        shared: shared_imports(version, schema.file()),
        preserves_unknown,
    }))
}

fn shared_imports(version: &LoadedVersion, file: &FileDescriptor) -> Vec<SharedImport> {
    let pool = file.parent_pool();
    let import = |reference: &LoadedReference| {
        let imported = pool.get_file_by_name(&reference.name)?;
        let messages = imported.messages().map(|one| (format!(".{}", one.full_name()), names::upper_camel(one.name())));
        let enums = imported.enums().map(|one| (format!(".{}", one.full_name()), names::upper_camel(one.name())));
        let types = messages.chain(enums).collect();
        let (path, preserves_unknown) = (super::shared_path(reference), reference.preserves_unknown);
        Some(SharedImport { path, alias: alias(reference), types, preserves_unknown })
    };
    version.references.iter().filter_map(import).collect()
}

/// Returns what a module calls that of a shared type: never a keyword, and the same at each depth.
fn alias(reference: &LoadedReference) -> Ident {
    let SharedPath { module, version } = super::shared_path(reference);
    format_ident!("{}_{version}", names::plain(&module))
}

/// The well-known types that become Rust values; the others (`Any`, `Struct`, `FieldMask`, ...) are read by descriptor
/// only.
const WELL_KNOWN: [&str; 11] = [
    "Timestamp",
    "Duration",
    "DoubleValue",
    "FloatValue",
    "Int64Value",
    "UInt64Value",
    "Int32Value",
    "UInt32Value",
    "BoolValue",
    "StringValue",
    "BytesValue",
];

/// Returns the first field, of the message or of those inside it, whose type is well known and not one of those.
fn dynamic_field(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let own = message.fields().find(|field| match field.kind() {
        Kind::Message(ty) => ty.package_name() == "google.protobuf" && !WELL_KNOWN.contains(&ty.name()),
        Kind::Enum(ty) => ty.package_name() == "google.protobuf",
        _ => false,
    });
    own.or_else(|| message.child_messages().find_map(|child| dynamic_field(&child)))
}

/// Returns the files that a file imports, directly or not, each once.
fn imports(file: &FileDescriptor) -> Vec<FileDescriptorProto> {
    let mut open: Vec<_> = file.dependencies().collect();
    let mut seen = BTreeMap::new();
    while let Some(next) = open.pop() {
        if !seen.contains_key(next.name()) {
            open.extend(next.dependencies());
            seen.insert(next.name().to_owned(), next.file_descriptor_proto().clone());
        }
    }
    seen.into_values().collect()
}

/// The message of the event's name, or else the only message at the file's top level.
fn event_message(schema: &Schema, name: &str) -> Option<MessageDescriptor> {
    let named = schema.file().messages().find(|message| message.name() == name);
    named.or_else(|| {
        let mut messages = schema.file().messages();
        messages.next().filter(|_| messages.next().is_none())
    })
}

fn text_field(
    place: &Place<'_>,
    version: &LoadedVersion,
    name: &FieldName,
    message: &MessageDescriptor,
) -> Result<Option<TextField>, Diagnostic> {
    let refuse = |what: &str, help: &str| {
        let message = format!("the field `{}` of `{}` v{} {what}", name.name, place.event.entry.name, version.number);
        place.diagnostic(name.position, message, help)
    };
    let Some(field) = message.get_field_by_name(&name.name) else {
        return match version.number == place.event.newest().number {
            true => Err(refuse("does not exist", "name a field of the event's message")),
            false => Ok(None),
        };
    };
    let form = text_form(&field, version).ok_or_else(|| {
        refuse("has no text form", "name a field of text, a whole number, a bool or an enum that is not repeated")
    })?;
    let optional = field.supports_presence() && field.cardinality() != Cardinality::Required;
    Ok(Some(TextField { ident: names::snake(field.name()), form, optional }))
}

/// Looks a field of the key up in the message.
fn key_field(message: &MessageDescriptor, wanted: &Field) -> Found {
    let Some(field) = message.get_field_by_name(&wanted.name) else { return Found::Nothing };
    let optional = field.supports_presence() && field.cardinality() != Cardinality::Required;
    match key_type(&field) {
        Some(ty) if key::is_prost_type(&wanted.ty, &ty, optional) => {
            Found::Same { ident: names::snake(field.name()), ty: wanted.ty.clone() }
        }
        _ if field.is_list() => Found::Other(format!("repeated {:?}", field.kind())),
        _ if optional => Found::Other(format!("optional {:?}", field.kind())),
        _ => Found::Other(format!("{:?}", field.kind())),
    }
}

/// Returns the Rust type of a field as Avro's fields have it, where they have it.
fn key_type(field: &FieldDescriptor) -> Option<Ty> {
    if field.is_list() || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
        return None;
    }
    Some(match field.kind() {
        Kind::String => Ty::String,
        Kind::Bytes => Ty::Bytes,
        Kind::Bool => Ty::Boolean,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Ty::Int,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Ty::Long,
        _ => return None,
    })
}

fn text_form(field: &FieldDescriptor, version: &LoadedVersion) -> Option<TextForm> {
    if field.is_list() || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
        return None;
    }
    match field.kind() {
        Kind::String => Some(TextForm::Borrowed),
        Kind::Enum(descriptor) if descriptor.parent_message().is_none() => {
            let ident = names::upper_camel(descriptor.name());
            let file = descriptor.parent_file();
            Some(TextForm::EnumName(match version.references.iter().find(|one| one.name == file.name()).map(alias) {
                Some(module) => quote!(#module::#ident),
                None => quote!(#ident),
            }))
        }
        Kind::Enum(_) | Kind::Message(_) | Kind::Bytes | Kind::Double | Kind::Float => None,
        _ => Some(TextForm::Display),
    }
}
