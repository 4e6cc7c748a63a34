//! The messages that the lines of fields define: groups, and the entries of maps.
//!
//! In: a linked file. Out: the first of them that no line of the syntax can define. Printing goes down from the field into its
//! group, so that a group around its own field would never end.

use std::collections::HashSet;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::{Label, Type};

/// Returns what is wrong with the first that cannot be written.
pub(super) fn problem(file: &FileDescriptor) -> Option<String> {
    let mut lines: Vec<Line> = file.extensions().map(|extension| Line::of_extension(&extension)).collect();
    let mut messages: Vec<MessageDescriptor> = file.messages().collect();
    let mut next = 0;
    while let Some(message) = messages.get(next).cloned() {
        lines.extend(message.fields().map(|field| Line::of_field(&field)));
        lines.extend(message.child_extensions().map(|extension| Line::of_extension(&extension)));
        messages.extend(message.child_messages());
        next += 1;
    }
    let mut made = HashSet::new();
    let of_line = lines.iter().find_map(|line| line.problem(file, &mut made));
    of_line.or_else(|| {
        let is_left = |message: &&MessageDescriptor| message.is_map_entry() && !made.contains(message.full_name());
        let entry = messages.iter().find(is_left)?;
        Some(format!("expected a map that the entry `{}` is of", entry.full_name()))
    })
}

/// What defines a message where its type is a group or the entry of a map.
struct Line {
    name: String,
    /// The message that the line stands in.
    scope: Option<MessageDescriptor>,
    kind: Kind,
    is_group: bool,
    /// A field of a message, that is there several times.
    is_repeated_field: bool,
}

impl Line {
    fn of_field(field: &FieldDescriptor) -> Self {
        let proto = field.field_descriptor_proto();
        let is_repeated_field = proto.label() == Label::Repeated;
        Self { is_repeated_field, ..Self::new(proto, field.kind(), Some(field.parent_message().clone())) }
    }

    fn of_extension(extension: &ExtensionDescriptor) -> Self {
        Self::new(extension.field_descriptor_proto(), extension.kind(), extension.parent_message())
    }

    fn new(proto: &FieldDescriptorProto, kind: Kind, scope: Option<MessageDescriptor>) -> Self {
        let is_group = proto.r#type() == Type::Group;
        Self { name: proto.name().to_owned(), scope, kind, is_group, is_repeated_field: false }
    }

    /// Returns what is wrong; `made` are the full names of the messages that other lines define.
    fn problem(&self, file: &FileDescriptor, made: &mut HashSet<String>) -> Option<String> {
        let Self { name, scope, kind, is_group, is_repeated_field } = self;
        let Some(message) = kind.as_message().filter(|message| *is_group || message.is_map_entry()) else {
            return is_group.then(|| format!("expected a message as the type of the group `{name}`"));
        };
        if message.is_map_entry() && (*is_group || !is_repeated_field) {
            return Some(format!("expected `repeated` at the field `{name}` of a message, which is a map"));
        }
        let type_name = message.full_name();
        if message.parent_message() != *scope || message.parent_file() != *file {
            return Some(format!("expected `{type_name}` beside the field `{name}`, whose line defines it"));
        }
        let is_first = made.insert(type_name.to_owned());
        (!is_first).then(|| format!("expected one field that defines `{type_name}`, found `{name}` as well"))
    }
}
