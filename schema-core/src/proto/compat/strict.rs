//! What Confluent's registry accepts, and what yet loses or changes values: rules for `--strict` alone.

use std::collections::HashMap;

use prost::encoding::WireType;
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::{Comparison, Element};
use crate::compat::{Places, Rule, rule};

impl Comparison<'_> {
    /// Compares two fields of one number, of which the rules of the registry are satisfied or not.
    pub(super) fn same_number(&mut self, reader: &FieldDescriptor, writer: &FieldDescriptor) {
        if !self.found.are_strict() {
            return;
        }
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let (name, label) = (newer.full_name(), self.pair.old.label);
        if reader.json_name() != writer.json_name() {
            let what =
                format!("field `{name}` is `{}` in JSON, and `{}` in {label}", newer.json_name(), older.json_name());
            let help = format!("keep the name, or write [json_name = \"{}\"]", older.json_name());
            self.report_strictly(&rule::FIELD_JSON_NAME_CHANGED, what, help, both(self, reader, writer));
        }
        let [of_newer, of_older] = [newer, older].map(explicit_default);
        if of_newer != of_older {
            let what = format!("the default of field `{name}` is {of_newer}, and {of_older} in {label}");
            let help = format!("keep the default {of_older}");
            self.report_strictly(&rule::FIELD_DEFAULT_CHANGED, what, help, both(self, reader, writer));
        }
        if is_written_as(reader, writer) && self.fields.as_ref().is_some_and(|fields| fields.prove_extremes().is_some())
        {
            let [of_newer, of_older] = [newer, older].map(type_text);
            let what = format!("field `{name}` is {of_newer}, and {of_older} in {label}");
            let help = format!("keep {of_older}, or add a field with a new number");
            self.report_strictly(&rule::FIELD_VALUES_NARROWED, what, help, both(self, reader, writer));
        }
    }

    /// Finds a field that the reader has under another number.
    pub(super) fn same_name(&mut self, writer: &FieldDescriptor, reader: &MessageDescriptor) {
        let Some(of_reader) = reader.get_field_by_name(writer.name()) else { return };
        let (newer, older) = (self.pair.newer(&of_reader, writer), self.pair.older(&of_reader, writer));
        let what = format!(
            "field `{}` has the number {}, and {} in {}",
            newer.full_name(),
            newer.number(),
            older.number(),
            self.pair.old.label
        );
        let help = format!("keep the number {}", older.number());
        let places = both(self, &of_reader, writer);
        self.report_strictly(&rule::FIELD_NUMBER_CHANGED, what, help, places);
    }

    /// Compares enums of one name: no registry looks at them.
    pub(super) fn enums(
        &mut self,
        reader: impl Iterator<Item = EnumDescriptor>,
        writer: impl Iterator<Item = EnumDescriptor>,
    ) {
        if !self.found.are_strict() {
            return;
        }
        let readers: HashMap<String, EnumDescriptor> = reader.map(|one| (one.name().to_owned(), one)).collect();
        for writer in writer {
            let Some(reader) = readers.get(writer.name()) else { continue };
            self.path.push(writer.name().to_owned());
            self.values(reader, &writer);
            self.path.pop();
        }
    }

    fn values(&mut self, reader: &EnumDescriptor, writer: &EnumDescriptor) {
        let name = writer.full_name();
        for value in writer.values() {
            let (value_name, number) = (value.name(), value.number());
            let of_name = reader.get_value_by_name(value_name);
            let what = match (of_name, reader.get_value(number)) {
                (Some(same), _) if same.number() == number => continue,
                (Some(other), _) => format!("value `{value_name}` of enum `{name}` is {number} and {}", other.number()),
                (None, Some(other)) => {
                    format!("value {number} of enum `{name}` is `{value_name}` and `{}`", other.name())
                }
                (None, None) => {
                    format!("value `{value_name}` of enum `{name}` is missing in {}", self.pair.reader().label)
                }
            };
            let help = self.pair.newer(
                format!("keep `{value_name} = {number}`"),
                format!("leave `{value_name} = {number}` out, or first release a version that has it"),
            );
            let [reader, writer] = [reader, writer].map(|one| Element::of(one.parent_file(), one.path()));
            self.report_strictly(&rule::ENUM_VALUE_CHANGED, what, help, self.pair.both(reader, writer));
        }
    }

    fn report_strictly(&mut self, rule: &'static Rule, what: String, help: String, places: Places<Element>) {
        if self.found.are_strict() {
            self.with_severity_of(true, |comparison| comparison.report(rule, (what, help), places));
        }
    }
}

fn both(comparison: &Comparison<'_>, reader: &FieldDescriptor, writer: &FieldDescriptor) -> Places<Element> {
    comparison.pair.both(Element::of_field(reader), Element::of_field(writer))
}

/// Returns whether two fields share an encoding, so that the registry's rules say nothing of them.
fn is_written_as(reader: &FieldDescriptor, writer: &FieldDescriptor) -> bool {
    let is_same = reader.kind().wire_type() == writer.kind().wire_type() && reader.is_group() == writer.is_group();
    let is_signed = |field: &FieldDescriptor| matches!(field.kind(), Kind::Sint32 | Kind::Sint64);
    let is_message = |field: &FieldDescriptor| matches!(field.kind(), Kind::Message(_));
    let is_float = |field: &FieldDescriptor| matches!(field.kind(), Kind::Float | Kind::Double);
    is_same
        && is_signed(reader) == is_signed(writer)
        && is_message(reader) == is_message(writer)
        && is_float(reader) == is_float(writer)
        && reader.is_map() == writer.is_map()
        && (reader.is_list() == writer.is_list() || reader.kind().wire_type() == WireType::LengthDelimited)
}

fn explicit_default(field: &FieldDescriptor) -> String {
    field.field_descriptor_proto().default_value.as_ref().map_or("not given".into(), |text| format!("`{text}`"))
}

fn type_text(field: &FieldDescriptor) -> String {
    let label = if field.is_list() { "repeated " } else { "" };
    format!("`{label}{}`", super::field::type_text(&field.kind()))
}
