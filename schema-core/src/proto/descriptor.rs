//! What a descriptor that came as bytes must be before it is used.
//!
//! protoc writes no other ones, but anybody can register bytes. prost-reflect takes more than the syntax can say, and
//! some of it ends in a panic; what passes here can be printed as text and means the same.

use prost_reflect::{DynamicMessage, FileDescriptor};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::Diagnostic;

/// What to do about a descriptor that no compiler has made.
pub(super) const HELP: &str = "compile the file again with protoc";

/// Checks the names, types and map entries of a file that is not in a pool yet.
pub(super) fn check(name: &str, file: &FileDescriptorProto) -> Result<(), Vec<Diagnostic>> {
    match first_problem(file) {
        None => Ok(()),
        Some(message) => Err(vec![Diagnostic::of_file(name, message, HELP)]),
    }
}

/// Checks that the options of a file can be read, those that are extensions included: prost-reflect keeps them as bytes
/// and panics where they are asked for.
pub(super) fn check_options(name: &str, file: &FileDescriptor) -> Result<(), Vec<Diagnostic>> {
    let descriptor = file.parent_pool().get_message_by_name("google.protobuf.FileDescriptorProto");
    let descriptor = descriptor.expect("the well-known types are in every pool");
    match DynamicMessage::decode(descriptor, file.encode_to_vec().as_slice()) {
        Ok(_) => Ok(()),
        Err(error) => Err(vec![Diagnostic::of_file(name, format!("an option cannot be read: {error}"), HELP)]),
    }
}

fn first_problem(file: &FileDescriptorProto) -> Option<String> {
    if !["", "proto2", "proto3"].contains(&file.syntax()) {
        return Some(format!("expected the syntax proto2 or proto3, found {:?}", file.syntax()));
    }
    let mut names: Vec<&str> = file.package().split('.').filter(|_| !file.package().is_empty()).collect();
    let mut fields: Vec<&FieldDescriptorProto> = file.extension.iter().collect();
    let mut messages: Vec<&DescriptorProto> = file.message_type.iter().collect();
    let mut enums: Vec<_> = file.enum_type.iter().collect();
    for service in &file.service {
        names.push(service.name());
        names.extend(service.method.iter().map(|method| method.name()));
    }
    while let Some(message) = messages.pop() {
        if is_map_entry(message) && !has_key_and_value(message) {
            return Some(format!("expected a key and a value in the map entry `{}`", message.name()));
        }
        names.push(message.name());
        names.extend(message.oneof_decl.iter().map(|oneof| oneof.name()));
        fields.extend(message.field.iter().chain(&message.extension));
        messages.extend(&message.nested_type);
        enums.extend(&message.enum_type);
    }
    for of_enum in enums {
        names.push(of_enum.name());
        names.extend(of_enum.value.iter().map(|value| value.name()));
    }
    names.extend(fields.iter().map(|field| field.name()));
    let wrong_name = names.into_iter().find(|name| !is_identifier(name));
    let wrong_name =
        wrong_name.map(|name| format!("expected letters, digits and underscores as a name, found {name:?}"));
    wrong_name.or_else(|| fields.into_iter().find_map(problem_of_field))
}

fn problem_of_field(field: &FieldDescriptorProto) -> Option<String> {
    let has_type = field.r#type.is_some_and(|of_field| Type::try_from(of_field).is_ok());
    let has_label = field.label.is_some_and(|label| Label::try_from(label).is_ok());
    let missing = match (has_type, has_label) {
        (true, true) => return None,
        (false, _) => "type",
        (true, false) => "label",
    };
    Some(format!("expected a {missing} for the field `{}`", field.name()))
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

fn has_key_and_value(entry: &DescriptorProto) -> bool {
    let is = |field: &FieldDescriptorProto, name: &str, number: i32| {
        field.name() == name && field.number() == number && field.label() == Label::Optional
    };
    match entry.field.as_slice() {
        [key, value] => is(key, "key", 1) && is(value, "value", 2) && value.r#type() != Type::Group,
        _ => false,
    }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
