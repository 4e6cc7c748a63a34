//! Lowers the versions of a Protobuf event: which message of the file is the event, and its descriptor for prost-build.

mod collisions;

use std::collections::BTreeMap;

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::LoadedVersion;
use eventwright_schema::manifest::FieldName;
use eventwright_schema::proto::Schema;
use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use prost_types::FileDescriptorProto;

use super::Place;
use super::key::{self, Found};
use crate::ir::{Body, Field, Key, ProtobufBody, TextField, TextForm, Ty, Version};
use crate::names;

/// Lowers all versions, oldest first.
pub(super) fn versions(place: &Place<'_>) -> Result<Vec<Version>, Vec<Diagnostic>> {
    place.event.versions.iter().map(|version| lower_version(place, version)).collect()
}

fn lower_version(place: &Place<'_>, version: &LoadedVersion) -> Result<Version, Vec<Diagnostic>> {
    let AnySchema::Protobuf(schema) = &version.schema else {
        unreachable!("all versions of an event are of the manifest's format");
    };
    let path = version.path.display().to_string();
    let message = event_message(schema, &place.event.entry.name).ok_or_else(|| {
        let what = format!("the file has no message `{}`", place.event.entry.name);
        vec![Diagnostic::of_file(&path, what, "name the event's message as the manifest names the event")]
    })?;
    if message.parent_message().is_some() {
        let what = format!("the message `{}` stands inside another one", message.name());
        return Err(vec![Diagnostic::of_file(&path, what, "move the event's message to the top level of the file")]);
    }
    if let Some(field) = schema.file().messages().find_map(|message| dynamic_field(&message)) {
        let what = format!("the field `{}` has a type without a Rust type of its own", field.full_name());
        return Err(vec![Diagnostic::of_file(&path, what, "write a message that says what the field holds")]);
    }
    let collisions = collisions::of_file(schema.file());
    if !collisions.is_empty() {
        return Err(collisions
            .into_iter()
            .map(|what| Diagnostic::of_file(&path, what, "rename one of them"))
            .collect());
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
        schema: place.facts(&version.schema, message.full_name(), indexes),
        key: text(&place.event.entry.key)?.map(Key::Text).or(record_key),
        id: text(&place.event.entry.id)?,
        body: Body::Protobuf(Box::new(ProtobufBody {
            file: schema.file().file_descriptor_proto().clone(),
            imports: imports(schema.file()),
        })),
    })
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
    let form = text_form(&field).ok_or_else(|| {
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

fn text_form(field: &FieldDescriptor) -> Option<TextForm> {
    if field.is_list() || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
        return None;
    }
    match field.kind() {
        Kind::String => Some(TextForm::Borrowed),
        Kind::Enum(descriptor) if descriptor.parent_message().is_none() => {
            let ident = names::upper_camel(descriptor.name());
            Some(TextForm::EnumName(ident.into()))
        }
        Kind::Enum(_) | Kind::Message(_) | Kind::Bytes | Kind::Double | Kind::Float => None,
        _ => Some(TextForm::Display),
    }
}
