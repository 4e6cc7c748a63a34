//! What a finding about an Avro schema advises, and how it calls types.

use eventwright_wire::avro::Logical;

use super::super::{Body, Field, Kind, Named, Node, Schema};
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
        let default = match example_default(self.reader, &field.node) {
            Some(example) => format!("add \"default\": {example}"),
            None => "add a default".into(),
        };
        match renamed_from(field, reader, writer) {
            Some(old) => format!("{default}, or \"aliases\": [\"{old}\"] if `{old}` was renamed"),
            None => default,
        }
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

/// In larger records a guess takes longer than it is worth.
const MAX_FIELDS_TO_GUESS: usize = 200;

/// Returns the only field of the writer's that has no place in the reader's: the reader's may be its new name.
fn renamed_from<'a>(field: &Field, reader: &Named, writer: &'a Named) -> Option<&'a str> {
    let known = reader.fields().filter(|fields| fields.len() <= MAX_FIELDS_TO_GUESS)?;
    let written = writer.fields().filter(|fields| fields.len() <= MAX_FIELDS_TO_GUESS)?;
    let mut lost = written.iter().filter(|lost| {
        known.iter().all(|field| field.name != lost.name && !field.aliases.contains(&lost.name))
            && std::mem::discriminant(&lost.node.kind) == std::mem::discriminant(&field.node.kind)
    });
    match (lost.next(), lost.next()) {
        (Some(only), None) => Some(&only.name),
        _ => None,
    }
}

fn example_default(schema: &Schema, node: &Node) -> Option<String> {
    let text = match &node.kind {
        Kind::Null => "null",
        Kind::Boolean => "false",
        Kind::Int | Kind::Long => "0",
        Kind::Float | Kind::Double => "0.0",
        Kind::Bytes | Kind::String => "\"\"",
        Kind::Array(_) => "[]",
        Kind::Map(_) => "{}",
        Kind::Union(branches) => return example_default(schema, branches.first()?),
        Kind::Named(id) => match &schema.named(*id).body {
            Body::Enum { symbols, .. } => return symbols.first().map(|symbol| format!("\"{symbol}\"")),
            Body::Record(_) | Body::Fixed(_) => return None,
        },
    };
    Some(text.into())
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
