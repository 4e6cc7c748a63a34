//! Whether a field can be read that has the same number on both sides.

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use prost_types::FieldDescriptorProto;
use prost_types::field_descriptor_proto::Label;

use super::{Comparison, Element, Messages, Use, local_name};
use crate::compat::rule;

/// A field of a message, or an extension, which is one too.
pub(super) struct Member {
    name: String,
    kind: Kind,
    is_group: bool,
    /// As it is written, which is what Confluent compares: none in a oneof, and none for most fields of proto3.
    written_label: Option<Label>,
    is_repeated: bool,
    element: Element,
}

/// What a field is, as far as bytes on the wire are concerned.
enum Shape<'a> {
    Scalar(Encoding),
    Message(&'a MessageDescriptor),
    Map { key: Kind, value: Kind },
    Group(&'a MessageDescriptor),
}

/// The scalars of one encoding can be read as one another (protobuf.dev, "Updating A Message Type").
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Number,
    SignedNumber,
    StringOrBytes,
    Fixed32,
    Fixed64,
    Float,
    Double,
}

impl Member {
    pub(super) fn of_field(field: &FieldDescriptor) -> Self {
        let is_in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        let proto = field.field_descriptor_proto();
        Self {
            name: field.full_name().to_owned(),
            kind: field.kind(),
            is_group: field.is_group(),
            written_label: if is_in_oneof { None } else { written_label(proto, field.parent_file().syntax()) },
            is_repeated: proto.label() == Label::Repeated,
            element: Element::of_field(field),
        }
    }

    pub(super) fn of_extension(extension: &ExtensionDescriptor) -> Self {
        let proto = extension.field_descriptor_proto();
        Self {
            name: extension.full_name().to_owned(),
            kind: extension.kind(),
            is_group: extension.is_group(),
            written_label: written_label(proto, extension.parent_file().syntax()),
            is_repeated: proto.label() == Label::Repeated,
            element: Element::of(extension.parent_file(), extension.path()),
        }
    }

    fn shape(&self) -> Shape<'_> {
        match &self.kind {
            Kind::Message(message) if self.is_group => Shape::Group(message),
            kind => shape(kind),
        }
    }
}

fn written_label(proto: &FieldDescriptorProto, syntax: prost_reflect::Syntax) -> Option<Label> {
    match proto.label() {
        Label::Optional if syntax == prost_reflect::Syntax::Proto3 && !proto.proto3_optional() => None,
        label => Some(label),
    }
}

fn shape(kind: &Kind) -> Shape<'_> {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => {
            Shape::Map { key: entry.map_entry_key_field().kind(), value: entry.map_entry_value_field().kind() }
        }
        Kind::Message(message) => Shape::Message(message),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => {
            Shape::Scalar(Encoding::Number)
        }
        Kind::Sint32 | Kind::Sint64 => Shape::Scalar(Encoding::SignedNumber),
        Kind::String | Kind::Bytes => Shape::Scalar(Encoding::StringOrBytes),
        Kind::Fixed32 | Kind::Sfixed32 => Shape::Scalar(Encoding::Fixed32),
        Kind::Fixed64 | Kind::Sfixed64 => Shape::Scalar(Encoding::Fixed64),
        Kind::Float => Shape::Scalar(Encoding::Float),
        Kind::Double => Shape::Scalar(Encoding::Double),
    }
}

impl Comparison<'_> {
    /// Compares a field that both sides have.
    pub(super) fn member(&mut self, reader: &Member, writer: &Member) {
        self.with_severity_of(reader.is_group || writer.is_group, |comparison| {
            match (reader.shape(), writer.shape()) {
                (Shape::Group(of_reader), Shape::Group(of_writer)) => comparison.message_body(of_reader, of_writer),
                (Shape::Group(_), _) | (_, Shape::Group(_)) => comparison.kind_changed(reader, writer),
                (Shape::Scalar(of_reader), Shape::Scalar(of_writer)) if of_reader == of_writer => {
                    comparison.labels(of_reader, reader, writer);
                }
                _ => comparison.shapes(&reader.kind, &writer.kind, (reader, writer)),
            }
        });
    }

    /// Compares two types, which may be the key or the value of a map.
    fn shapes(&mut self, reader: &Kind, writer: &Kind, members: (&Member, &Member)) {
        match (shape(reader), shape(writer)) {
            (Shape::Scalar(reader), Shape::Scalar(writer)) if reader == writer => {}
            (Shape::Scalar(_), Shape::Scalar(_)) => self.scalar_changed(reader, writer, members),
            (Shape::Message(reader), Shape::Message(writer)) => self.message_types(reader, writer, members),
            (Shape::Map { key, value }, Shape::Map { key: writer_key, value: writer_value }) => {
                self.shapes(&key, &writer_key, members);
                self.shapes(&value, &writer_value, members);
            }
            _ => self.kind_changed(members.0, members.1),
        }
    }

    /// Confluent compares two labels only where both are written.
    fn labels(&mut self, encoding: Encoding, reader: &Member, writer: &Member) {
        let is_number = encoding != Encoding::StringOrBytes;
        let (of_reader, of_writer) = (reader.written_label, writer.written_label);
        let breaks = is_number && of_reader.is_some() && of_writer.is_some() && of_reader != of_writer;
        let loses_silently = reader.is_repeated != writer.is_repeated && is_number;
        if !breaks && !loses_silently {
            return;
        }
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let what = format!(
            "numeric field `{}` is {}, and {} in {}",
            newer.name,
            label_text(newer),
            label_text(older),
            self.pair.old.label
        );
        let help = format!("keep it {}, or add a field with a new number", label_text(older));
        self.with_severity_of(!breaks, |comparison| {
            let places = comparison.pair.both(reader.element.clone(), writer.element.clone());
            comparison.report(&rule::FIELD_NUMERIC_LABEL_CHANGED, (what, help), places);
        });
    }

    fn message_types(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor, members: (&Member, &Member)) {
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let of_new = self.pair.newer(members.0, members.1);
        let places = self.pair.both(members.0.element.clone(), members.1.element.clone());
        if local_name(reader) != local_name(writer) {
            let what = format!(
                "field `{}` is a message `{}`, and a `{}` in {}",
                of_new.name,
                newer.full_name(),
                older.full_name(),
                self.pair.old.label,
            );
            let help = format!("keep the type `{}`, or add a field with a new number", older.full_name());
            return self.report(&rule::FIELD_NAMED_TYPE_CHANGED, (what, help), places);
        }
        let (reader_file, writer_file) = (self.pair.reader().schema.file(), self.pair.writer().schema.file());
        if reader.parent_file() == *reader_file && writer.parent_file() == *writer_file {
            // Both are compared with the other messages of the two files.
            return;
        }
        let what = format!(
            "the type `{}` of field `{}` is not compatible with that in {}",
            newer.full_name(),
            of_new.name,
            self.pair.old.label,
        );
        let help = format!("mend `{}`, where it is defined", newer.full_name());
        let messages = Messages { reader: reader.clone(), writer: writer.clone() };
        self.uses.push(Use {
            within: self.within.clone(),
            of: messages.key(),
            path: self.path.clone(),
            severity: self.severity,
            fields: self.fields.clone(),
            texts: (what, help),
            reader: members.0.element.clone(),
            writer: members.1.element.clone(),
        });
        self.waiting.push_back(messages);
    }

    fn scalar_changed(&mut self, reader: &Kind, writer: &Kind, members: (&Member, &Member)) {
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let of_new = self.pair.newer(members.0, members.1);
        let what = format!(
            "field `{}` has {}, and {} in {}",
            of_new.name,
            describe(newer),
            describe(older),
            self.pair.old.label,
        );
        let help = format!("keep {}, or add a field with a new number", describe(older));
        let places = self.pair.both(members.0.element.clone(), members.1.element.clone());
        self.report(&rule::FIELD_SCALAR_KIND_CHANGED, (what, help), places);
    }

    fn kind_changed(&mut self, reader: &Member, writer: &Member) {
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let [of_newer, of_older] =
            [newer, older].map(|member| if member.is_group { "a group".to_owned() } else { describe(&member.kind) });
        let what = format!("field `{}` has {of_newer}, and {of_older} in {}", newer.name, self.pair.old.label);
        let help = format!("keep {of_older}, or add a field with a new number");
        self.report(
            &rule::FIELD_KIND_CHANGED,
            (what, help),
            self.pair.both(reader.element.clone(), writer.element.clone()),
        );
    }
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => {
            let (key, value) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            format!("the type `map<{}, {}>`", type_text(&key), type_text(&value))
        }
        kind => format!("the type `{}`", type_text(kind)),
    }
}

/// Returns the type as it is written; prost-reflect says `message .a.B` where the syntax has `.a.B`.
pub(super) fn type_text(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(of_enum) => of_enum.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_ascii_lowercase(),
    }
}

fn label_text(member: &Member) -> &'static str {
    match member.written_label {
        Some(Label::Repeated) => "`repeated`",
        Some(Label::Required) => "`required`",
        Some(Label::Optional) => "`optional`",
        None => "without label",
    }
}
