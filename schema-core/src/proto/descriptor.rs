//! What a descriptor that came as bytes must be before it is used.
//!
//! protoc writes no other ones, but anybody can register bytes. prost-reflect takes more than the syntax can say, and
//! some of it ends in a panic; what passes here can be printed as text and means the same.

mod difference;
mod made;

use prost_reflect::FileDescriptor;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::Diagnostic;

/// What to do about a descriptor that no compiler has made.
pub(super) const HELP: &str = "compile the file again with protoc";

/// Every message, field and value is known by its full name: long names make many times as much of a short text.
const MAX_NAME_LEN: usize = 255;
const MAX_PACKAGE_LEN: usize = 1000;

/// Checks the names, types and map entries of a file that came as bytes and is not in a pool yet.
pub(super) fn check(name: &str, file: &FileDescriptorProto) -> Result<(), Vec<Diagnostic>> {
    or_refused(name, first_problem(file))
}

/// Checks what the fields of a file define that came as bytes and is in a pool.
pub(super) fn check_made(name: &str, file: &FileDescriptor) -> Result<(), Vec<Diagnostic>> {
    or_refused(name, made::problem(file))
}

/// Checks that a file which came as bytes says what the text says that it was printed as.
pub(super) fn check_printed(
    name: &str,
    file: &FileDescriptorProto,
    printed: &FileDescriptorProto,
) -> Result<(), Vec<Diagnostic>> {
    let cannot = |element| format!("{element} of the descriptor cannot be written as .proto text that means the same");
    or_refused(name, difference::first(file, printed).map(cannot))
}

fn or_refused(name: &str, problem: Option<String>) -> Result<(), Vec<Diagnostic>> {
    problem.map_or(Ok(()), |message| Err(vec![Diagnostic::of_file(name, message, HELP)]))
}

/// Checks how long the names of a file are, whatever it came as.
pub(super) fn check_lengths(name: &str, file: &FileDescriptorProto) -> Result<(), Vec<Diagnostic>> {
    let is_long = |name: &&str| name.len() > MAX_NAME_LEN;
    let (what, max, len) = match Elements::of(file).names.into_iter().find(is_long) {
        Some(long) => ("name", MAX_NAME_LEN, long.len()),
        None if file.package().len() > MAX_PACKAGE_LEN => ("package", MAX_PACKAGE_LEN, file.package().len()),
        None => return Ok(()),
    };
    let message = format!("expected a {what} of at most {max} bytes, found one of {len}");
    Err(vec![Diagnostic::of_file(name, message, format!("give it a shorter {what}"))])
}

fn first_problem(file: &FileDescriptorProto) -> Option<String> {
    if !["", "proto2", "proto3"].contains(&file.syntax()) {
        return Some(format!("expected the syntax proto2 or proto3, found {:?}", file.syntax()));
    }
    let Elements { names, messages, fields } = Elements::of(file);
    if let Some(name) = names.into_iter().find(|name| !is_identifier(name)) {
        return Some(format!("expected letters, digits and underscores as a name, found {name:?}"));
    }
    let is_broken = |message: &&DescriptorProto| is_map_entry(message) && !has_key_and_value(message);
    if let Some(entry) = messages.into_iter().find(is_broken) {
        return Some(format!("expected a key and a value, and nothing else, in the map entry `{}`", entry.name()));
    }
    fields.into_iter().find_map(problem_of_field)
}

/// What a file defines, however deep.
struct Elements<'a> {
    /// The names of all elements, and the parts of the package's.
    names: Vec<&'a str>,
    messages: Vec<&'a DescriptorProto>,
    fields: Vec<&'a FieldDescriptorProto>,
}

impl<'a> Elements<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let mut names: Vec<&str> = file.package().split('.').filter(|_| !file.package().is_empty()).collect();
        for service in &file.service {
            names.push(service.name());
            names.extend(service.method.iter().map(|method| method.name()));
        }
        let mut messages: Vec<&DescriptorProto> = file.message_type.iter().collect();
        let mut next = 0;
        while let Some(message) = messages.get(next) {
            names.push(message.name());
            names.extend(message.oneof_decl.iter().map(|oneof| oneof.name()));
            messages.extend(&message.nested_type);
            next += 1;
        }
        for of_enum in file.enum_type.iter().chain(messages.iter().flat_map(|message| &message.enum_type)) {
            names.push(of_enum.name());
            names.extend(of_enum.value.iter().map(|value| value.name()));
        }
        let in_messages = messages.iter().flat_map(|message| message.field.iter().chain(&message.extension));
        let fields: Vec<_> = file.extension.iter().chain(in_messages).collect();
        names.extend(fields.iter().map(|field| field.name()));
        Self { names, messages, fields }
    }
}

fn problem_of_field(field: &FieldDescriptorProto) -> Option<String> {
    let has_type = field.r#type.is_some_and(|of_field| Type::try_from(of_field).is_ok());
    let has_label = field.label.is_some_and(|label| Label::try_from(label).is_ok());
    let missing = match (has_type, has_label) {
        (true, true) if field.oneof_index.is_some() && field.label() != Label::Optional => {
            return Some(format!("expected no label for the field `{}`, which is in a oneof", field.name()));
        }
        (true, true) => return problem_of_group(field),
        (false, _) => "type",
        (true, false) => "label",
    };
    Some(format!("expected a {missing} for the field `{}`", field.name()))
}

/// The syntax names the field of a group after its type, so that text has no word for another name.
fn problem_of_group(field: &FieldDescriptorProto) -> Option<String> {
    let of_type = field.type_name().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_other = field.r#type() == Type::Group && field.name() != of_type;
    is_other.then(|| format!("expected the name `{of_type}` for the field of a group, found `{}`", field.name()))
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

fn has_key_and_value(entry: &DescriptorProto) -> bool {
    let is = |field: &FieldDescriptorProto, name: &str, number: i32| {
        field.name() == name && field.number() == number && field.label() == Label::Optional
    };
    let is_nothing_else = entry.nested_type.is_empty()
        && entry.enum_type.is_empty()
        && entry.extension.is_empty()
        && entry.oneof_decl.is_empty();
    match entry.field.as_slice() {
        [key, value] => is_nothing_else && is(key, "key", 1) && is(value, "value", 2) && value.r#type() != Type::Group,
        _ => false,
    }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
