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

/// Returns the path of a marked field that holds exactly [`MASK`]: the value was masked, and its data is not in it.
#[must_use]
pub fn masked_field(schema: &Schema, value: &Value) -> Option<String> {
    if schema.has_pii() { masked_in(schema, schema.root(), value) } else { None }
}

fn masked_in(schema: &Schema, node: &Node, value: &Value) -> Option<String> {
    match (&node.kind, value) {
        (Kind::Array(item), Value::Array(items)) => items
            .iter()
            .enumerate()
            .find_map(|(index, one)| Some(format!("[{index}]{}", after(&masked_in(schema, item, one)?)))),
        (Kind::Map(entry), Value::Object(entries)) => {
            entries.iter().find_map(|(key, one)| Some(format!("[{key:?}]{}", after(&masked_in(schema, entry, one)?))))
        }
        (Kind::Union(branches), value) => {
            let (branch, value) = branch_of(schema, branches, value)?;
            masked_in(schema, branch, value)
        }
        (Kind::Named(id), Value::Object(object)) => {
            schema.named(*id).fields().unwrap_or_default().iter().find_map(|field| {
                let value = object.get(&field.name)?;
                match field.pii && value == MASK {
                    true => Some(field.name.clone()),
                    false => Some(format!("{}{}", field.name, after(&masked_in(schema, &field.node, value)?))),
                }
            })
        }
        _ => None,
    }
}

/// Returns a path as it stands behind the name of what holds it.
fn after(path: &str) -> String {
    if path.starts_with('[') { path.to_owned() } else { format!(".{path}") }
}

/// Returns the branch that a union's value is of, and the value without the branch's name.
fn branch_of<'n, 'v>(schema: &Schema, branches: &'n [Node], value: &'v Value) -> Option<(&'n Node, &'v Value)> {
    if let [Node { kind: Kind::Null, .. }, other] | [other, Node { kind: Kind::Null, .. }] = branches {
        return Some((other, value));
    }
    let (name, value) = value.as_object()?.iter().next()?;
    // As in encoding, a branch may be called by its simple name.
    let is_named = |branch: &&Node| {
        let full = schema.branch_name(branch);
        full == *name || full.rsplit('.').next() == Some(name)
    };
    Some((branches.iter().find(is_named)?, value))
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
