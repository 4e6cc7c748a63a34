//! The smallest edit that lets a reader's schema read what it cannot read: for findings of compatibility and of resolution.

use super::model::{Body, Field, Kind, Named, Node, Schema};

/// Returns the advice for a field that the writer does not write and that has no default.
pub(super) fn missing_default(schema: &Schema, field: &Field, reader: &Named, writer: &Named) -> String {
    let default = match example_default(schema, &field.node) {
        Some(example) => format!("add \"default\": {example}"),
        None => "add a default".into(),
    };
    match renamed_from(field, reader, writer) {
        Some(old) => format!("{default}, or \"aliases\": [\"{old}\"] if `{old}` was renamed"),
        None => default,
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
