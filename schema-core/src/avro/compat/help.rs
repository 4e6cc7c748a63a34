//! What a finding about an Avro schema advises, and how it calls types.

use eventwright_wire::avro::Logical;

use super::super::{Field, Kind, Named, Node, Schema, advice};
use super::{Comparison, enum_of};
use crate::compat::Direction;

impl Comparison<'_> {
    pub(super) fn help_for_name(&self, reader: &Named, writer: &Named) -> String {
        match self.pair.direction {
            Direction::Backward => format!("add \"aliases\": [\"{}\"], or keep the name", writer.name),
            Direction::Forward => format!("keep the name `{}`", reader.name),
        }
    }

    pub(super) fn help_for_default(&self, field: &Field, reader: &Named, writer: &Named) -> String {
        if self.pair.direction == Direction::Forward {
            return format!("keep field `{}`", field.name);
        }
        advice::missing_default(self.reader, field, reader, writer)
    }

    pub(super) fn help_for_symbols(&self, missing: &str, reader: &Named) -> String {
        match (self.pair.direction, enum_of(reader).0.first()) {
            (Direction::Backward, Some(first)) => {
                format!("add \"default\": \"{first}\" to the enum, or keep {missing}")
            }
            (Direction::Backward, None) => format!("keep {missing}"),
            (Direction::Forward, _) => {
                format!("first release a version whose enum has a default, or leave {missing} out")
            }
        }
    }
}

/// Returns the type as a message calls it.
pub(super) fn describe(schema: &Schema, node: &Node) -> String {
    match &node.kind {
        Kind::Named(id) => {
            let named = schema.named(*id);
            format!("the {} `{}`", named.word(), named.name)
        }
        Kind::Union(_) => "a union".into(),
        Kind::Array(_) => "an array".into(),
        Kind::Map(_) => "a map".into(),
        primitive => format!("`{}`", primitive.word()),
    }
}

pub(super) fn describe_logical(logical: Logical) -> String {
    match logical {
        Logical::Decimal { precision, scale } => format!("`decimal` of precision {precision} and scale {scale}"),
        Logical::None => "value without logical type".into(),
        other => format!("`{}`", other.name()),
    }
}
