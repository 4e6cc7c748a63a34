//! Masks what a schema marks with `"pii": true` in the JSON form of a value, for whoever prints it.

use serde_json::Value;

use super::super::model::{Kind, Node, Schema};

/// What stands for a masked value, as in the `Debug` of generated structs.
pub const MASK: &str = "***";

/// Puts [`MASK`] in the place of each field that is marked, at every depth.
pub fn mask(schema: &Schema, value: &mut Value) {
    if schema.has_pii() {
        mask_node(schema, schema.root(), value);
    }
}

fn mask_node(schema: &Schema, node: &Node, value: &mut Value) {
    match (&node.kind, value) {
        (Kind::Array(item), Value::Array(items)) => items.iter_mut().for_each(|one| mask_node(schema, item, one)),
        (Kind::Map(entry), Value::Object(entries)) => {
            entries.iter_mut().for_each(|(_, one)| mask_node(schema, entry, one));
        }
        (Kind::Union(branches), value) => mask_branch(schema, branches, value),
        (Kind::Named(id), Value::Object(object)) => {
            for field in schema.named(*id).fields().unwrap_or_default() {
                match object.get_mut(&field.name) {
                    Some(value) if field.pii => *value = MASK.into(),
                    Some(value) => mask_node(schema, &field.node, value),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

fn mask_branch(schema: &Schema, branches: &[Node], value: &mut Value) {
    if let [Node { kind: Kind::Null, .. }, other] | [other, Node { kind: Kind::Null, .. }] = branches {
        return mask_node(schema, other, value);
    }
    let Some((name, value)) = value.as_object_mut().and_then(|object| object.iter_mut().next()) else { return };
    if let Some(branch) = branches.iter().find(|branch| schema.branch_name(branch) == *name) {
        mask_node(schema, branch, value);
    }
}
