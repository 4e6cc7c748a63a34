//! Prints a file descriptor as `.proto` text that parses back to the same descriptor.
//!
//! In: a descriptor, as Python's client registers it. Out: text. Type names are printed in full, with their leading
//! dot, so that no scope can shadow them. Comments are not in such a descriptor.

mod options;

use std::collections::HashSet;

use prost_reflect::{
    EnumDescriptor, ExtensionDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, OneofDescriptor,
    ServiceDescriptor,
};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{FieldDescriptorProto, FileDescriptorProto};

use self::options::{Set, float, quoted, quoted_again};

/// The largest number of a field: what `max` means in a range.
const FIELD_MAX: i32 = 536_870_911;

/// Returns the text of a file.
pub(super) fn file(file: &FileDescriptor) -> String {
    let proto = file.file_descriptor_proto();
    let mut printer = Printer { is_proto3: proto.syntax() == "proto3", out: String::new(), depth: 0 };
    printer.header(proto);
    let options = Set::of(&file.options());
    if !options.is_empty() {
        printer.blank_line();
    }
    printer.options(&options);

    let mut messages = Messages::new(file.messages(), HashSet::new(), file.extensions());
    for part in messages.rest() {
        printer.blank_line();
        printer.part(&part);
    }
    for of_enum in file.enums() {
        printer.blank_line();
        printer.enumeration(&of_enum);
    }
    let extensions = messages.extensions();
    if !extensions.is_empty() {
        printer.blank_line();
        printer.extensions(&extensions);
    }
    for service in file.services() {
        printer.blank_line();
        printer.service(&service);
    }
    printer.out
}

struct Printer {
    is_proto3: bool,
    out: String,
    depth: usize,
}

/// What a field's line needs, of a field of a message or of an extension.
struct FieldLine<'a> {
    proto: &'a FieldDescriptorProto,
    options: Set,
    message: Option<MessageDescriptor>,
    is_in_oneof: bool,
}

impl Printer {
    fn header(&mut self, file: &FileDescriptorProto) {
        self.line(&format!("syntax = \"{}\";", if self.is_proto3 { "proto3" } else { "proto2" }));
        if let Some(package) = file.package.as_ref().filter(|package| !package.is_empty()) {
            self.blank_line();
            self.line(&format!("package {package};"));
        }
        if !file.dependency.is_empty() {
            self.blank_line();
        }
        for (index, import) in file.dependency.iter().enumerate() {
            let is_in = |indexes: &[i32]| indexes.iter().any(|&one| usize::try_from(one) == Ok(index));
            let modifier = match (is_in(&file.public_dependency), is_in(&file.weak_dependency)) {
                (true, _) => "public ",
                (_, true) => "weak ",
                _ => "",
            };
            self.line(&format!("import {modifier}{};", quoted(import.as_bytes())));
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Message(message) => self.message(message),
            Part::Extensions(extensions) => self.extensions(extensions),
        }
    }

    fn message(&mut self, message: &MessageDescriptor) {
        self.block(&format!("message {}", message.name()), |printer| printer.message_body(message));
    }

    fn message_body(&mut self, message: &MessageDescriptor) {
        self.options(&Set::of(&message.options()));
        let of_fields = message.fields().filter_map(|field| made_by(&field));
        let of_fields = of_fields.map(|made| made.full_name().to_owned()).collect();
        let mut nested = Messages::new(message.child_messages(), of_fields, message.child_extensions());
        let mut printed_oneofs = HashSet::new();
        for field in in_order(message) {
            for before in nested.before(&field) {
                self.part(&before);
            }
            match field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
                Some(oneof) if printed_oneofs.insert(oneof.full_name().to_owned()) => self.oneof(&oneof),
                Some(_) => {}
                None => self.field(&FieldLine::of_field(&field)),
            }
        }
        for rest in nested.rest() {
            self.part(&rest);
        }
        for of_enum in message.child_enums() {
            self.enumeration(&of_enum);
        }
        self.extensions(&nested.extensions());
        self.ranges(message);
    }

    fn oneof(&mut self, oneof: &OneofDescriptor) {
        self.block(&format!("oneof {}", oneof.name()), |printer| {
            printer.options(&Set::of(&oneof.options()));
            for field in oneof.fields() {
                printer.field(&FieldLine { is_in_oneof: true, ..FieldLine::of_field(&field) });
            }
        });
    }

    fn field(&mut self, field: &FieldLine<'_>) {
        let FieldLine { proto, message, .. } = field;
        let options = field.options.in_brackets();
        let (name, number) = (proto.name(), proto.number());
        match message {
            Some(entry) if entry.is_map_entry() => {
                let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
                let [key, value] = [&key, &value].map(|field| type_name(field.field_descriptor_proto()));
                self.line(&format!("map<{key}, {value}> {name} = {number}{options};"));
            }
            Some(group) if proto.r#type() == Type::Group => {
                let head = format!("{}group {} = {number}{options}", self.label(field), group.name());
                self.block(&head, |printer| printer.message_body(group));
            }
            _ => {
                let label = self.label(field);
                self.line(&format!("{label}{} {name} = {number}{options};", type_name(proto)));
            }
        }
    }

    fn label(&self, field: &FieldLine<'_>) -> &'static str {
        match field.proto.label() {
            _ if field.is_in_oneof => "",
            Label::Repeated => "repeated ",
            Label::Required => "required ",
            Label::Optional if self.is_proto3 && !field.proto.proto3_optional() => "",
            Label::Optional => "optional ",
        }
    }

    fn extensions(&mut self, extensions: &[ExtensionDescriptor]) {
        for of_one in extensions.chunk_by(|a, b| a.containing_message() == b.containing_message()) {
            let Some(first) = of_one.first() else { continue };
            self.block(&format!("extend .{}", first.containing_message().full_name()), |printer| {
                for extension in of_one {
                    printer.field(&FieldLine::of_extension(extension));
                }
            });
        }
    }

    fn ranges(&mut self, message: &MessageDescriptor) {
        let proto = message.descriptor_proto();
        for range in &proto.extension_range {
            let text = range_text(range.start(), range.end().saturating_sub(1), FIELD_MAX);
            self.line(&format!("extensions {text};"));
        }
        let reserved = proto.reserved_range.iter();
        let reserved = reserved.map(|range| range_text(range.start(), range.end().saturating_sub(1), FIELD_MAX));
        self.reserved(&reserved.collect::<Vec<_>>(), &proto.reserved_name);
    }

    fn reserved(&mut self, ranges: &[String], names: &[String]) {
        if !ranges.is_empty() {
            self.line(&format!("reserved {};", ranges.join(", ")));
        }
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| quoted(name.as_bytes())).collect();
            self.line(&format!("reserved {};", names.join(", ")));
        }
    }

    fn enumeration(&mut self, of_enum: &EnumDescriptor) {
        self.block(&format!("enum {}", of_enum.name()), |printer| {
            printer.options(&Set::of(&of_enum.options()));
            // prost-reflect has the values by their numbers; the first one is the default.
            let mut values: Vec<_> = of_enum.values().collect();
            values.sort_by(|a, b| a.path().cmp(b.path()));
            for value in values {
                let options = Set::of(&value.options()).in_brackets();
                printer.line(&format!("{} = {}{options};", value.name(), value.number()));
            }
            let proto = of_enum.enum_descriptor_proto();
            let reserved = proto.reserved_range.iter().map(|range| range_text(range.start(), range.end(), i32::MAX));
            printer.reserved(&reserved.collect::<Vec<_>>(), &proto.reserved_name);
        });
    }

    fn service(&mut self, service: &ServiceDescriptor) {
        self.block(&format!("service {}", service.name()), |printer| {
            printer.options(&Set::of(&service.options()));
            for method in service.methods() {
                let stream = |is_streaming: bool| if is_streaming { "stream " } else { "" };
                let (input, output) = (method.input(), method.output());
                let head = format!(
                    "rpc {}({}.{}) returns ({}.{})",
                    method.name(),
                    stream(method.is_client_streaming()),
                    input.full_name(),
                    stream(method.is_server_streaming()),
                    output.full_name(),
                );
                let options = Set::of(&method.options());
                if options.is_empty() {
                    printer.line(&format!("{head};"));
                } else {
                    printer.block(&head, |printer| printer.options(&options));
                }
            }
        });
    }

    fn options(&mut self, options: &Set) {
        for option in options.assignments() {
            self.line(&format!("option {option};"));
        }
        for lost in options.unknown() {
            self.line(&format!(
                "// the option with the field number {lost} is left out: its extension is not imported"
            ));
        }
    }

    fn block(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line("}");
    }

    fn line(&mut self, text: &str) {
        self.out.extend(std::iter::repeat_n("  ", self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn blank_line(&mut self) {
        self.out.push('\n');
    }
}

impl<'a> FieldLine<'a> {
    fn of_field(field: &'a FieldDescriptor) -> Self {
        let proto = field.field_descriptor_proto();
        let mut options = Set::of(&field.options());
        if !proto.json_name().is_empty() && proto.json_name() != default_json_name(proto.name()) {
            options = options.with("json_name", quoted(proto.json_name().as_bytes()));
        }
        Self::new(proto, &field.kind(), options)
    }

    /// An extension's JSON name is its full name in brackets: the syntax has no other one.
    fn of_extension(extension: &'a ExtensionDescriptor) -> Self {
        Self::new(extension.field_descriptor_proto(), &extension.kind(), Set::of(&extension.options()))
    }

    fn new(proto: &'a FieldDescriptorProto, kind: &Kind, mut options: Set) -> Self {
        if let Some(default) = &proto.default_value {
            let text = match proto.r#type() {
                Type::String => quoted(default.as_bytes()),
                Type::Bytes => quoted_again(default),
                Type::Float | Type::Double => float(default),
                _ => default.clone(),
            };
            options = options.with("default", text);
        }
        Self { proto, options, message: kind.as_message().cloned(), is_in_oneof: false }
    }
}

/// The messages of a message or of a file, on their way into text.
///
/// The entry of a map field and a group are messages as well, and stand where their field stands. The others are printed
/// between the fields, and extensions that are groups between messages, so that all of them keep their index, which is what
/// message indexes count.
struct Messages {
    /// In reverse.
    waiting: Vec<MessageDescriptor>,
    /// The full names of those that the line of a field defines.
    of_fields: HashSet<String>,
    extensions: std::vec::IntoIter<ExtensionDescriptor>,
    /// The full names of those that the line of an extension defines.
    of_extensions: HashSet<String>,
}

/// What defines a message, and does not stand among the fields.
enum Part {
    Message(MessageDescriptor),
    /// Extensions of which the last one is a group.
    Extensions(Vec<ExtensionDescriptor>),
}

impl Messages {
    fn new(
        messages: impl Iterator<Item = MessageDescriptor>,
        of_fields: HashSet<String>,
        extensions: impl Iterator<Item = ExtensionDescriptor>,
    ) -> Self {
        let mut waiting: Vec<_> = messages.collect();
        waiting.reverse();
        let extensions: Vec<_> = extensions.collect();
        let of_extensions = extensions.iter().filter_map(group_of).map(|group| group.full_name().to_owned()).collect();
        Self { waiting, of_fields, extensions: extensions.into_iter(), of_extensions }
    }

    /// Takes those that stand before the message that the field's line makes.
    fn before(&mut self, field: &FieldDescriptor) -> Vec<Part> {
        let Some(made) = made_by(field) else { return Vec::new() };
        let mut before = Vec::new();
        while let Some(next) = self.waiting.pop_if(|next| next.path() <= made.path()) {
            before.extend(self.part(next));
        }
        before
    }

    fn rest(&mut self) -> Vec<Part> {
        let mut rest = Vec::new();
        while let Some(next) = self.waiting.pop() {
            rest.extend(self.part(next));
        }
        rest
    }

    fn part(&mut self, next: MessageDescriptor) -> Option<Part> {
        if self.of_fields.contains(next.full_name()) {
            return None;
        }
        if !self.of_extensions.contains(next.full_name()) {
            return Some(Part::Message(next));
        }
        // With those before it: extensions keep their order too.
        let mut extensions = Vec::new();
        for extension in self.extensions.by_ref() {
            let is_last = group_of(&extension).is_some_and(|group| group == next);
            extensions.push(extension);
            if is_last {
                break;
            }
        }
        (!extensions.is_empty()).then_some(Part::Extensions(extensions))
    }

    /// Returns the extensions that have not stood before a message.
    fn extensions(self) -> Vec<ExtensionDescriptor> {
        self.extensions.collect()
    }
}

/// Returns the nested message that the field's own line defines: a map's entry or a group.
fn made_by(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    field.kind().as_message().filter(|message| message.is_map_entry() || field.is_group()).cloned()
}

fn group_of(extension: &ExtensionDescriptor) -> Option<MessageDescriptor> {
    extension.kind().as_message().filter(|_| extension.is_group()).cloned()
}

/// Returns the fields as they are declared; prost-reflect has them by their numbers.
fn in_order(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    let numbers: Vec<_> = message.descriptor_proto().field.iter().map(FieldDescriptorProto::number).collect();
    numbers.into_iter().filter_map(|number| message.get_field(u32::try_from(number).ok()?))
}

fn type_name(proto: &FieldDescriptorProto) -> &str {
    match proto.r#type() {
        Type::Double => "double",
        Type::Float => "float",
        Type::Int64 => "int64",
        Type::Uint64 => "uint64",
        Type::Int32 => "int32",
        Type::Fixed64 => "fixed64",
        Type::Fixed32 => "fixed32",
        Type::Bool => "bool",
        Type::String => "string",
        Type::Bytes => "bytes",
        Type::Uint32 => "uint32",
        Type::Sfixed32 => "sfixed32",
        Type::Sfixed64 => "sfixed64",
        Type::Sint32 => "sint32",
        Type::Sint64 => "sint64",
        Type::Message | Type::Group | Type::Enum => proto.type_name(),
    }
}

/// Returns a range as `reserved` and `extensions` have it, both ends included.
fn range_text(start: i32, end: i32, max: i32) -> String {
    match end {
        end if end == start => start.to_string(),
        end if end == max => format!("{start} to max"),
        end => format!("{start} to {end}"),
    }
}

/// Returns the JSON name that a field has when none is given: `snake_case` as `snakeCase`.
fn default_json_name(name: &str) -> String {
    let mut json_name = String::with_capacity(name.len());
    let mut is_after_underscore = false;
    for character in name.chars() {
        match character {
            '_' => is_after_underscore = true,
            character if std::mem::take(&mut is_after_underscore) => json_name.push(character.to_ascii_uppercase()),
            character => json_name.push(character),
        }
    }
    json_name
}
