//! Refuses types that nest too deep in each other: whoever walks a schema may then recurse.
//!
//! The depth of the JSON does not bound it: a reference may define thousands of records, each holding the one before.

use super::super::model::{Field, Kind, NamedId, Node, Schema};
use crate::Diagnostic;

/// How deep named types may nest in each other.
const MAX_DEPTH: usize = 256;

/// How many arrays, maps and unions may stand in each other between two named types. A type that holds itself nests as
/// often as bytes say, up to the limit of records, and each level of it costs stack for all that is in between.
const MAX_UNNAMED: usize = 16;

/// Returns a diagnostic at a type that holds too many levels of other types.
pub(super) fn check(schema: &Schema) -> Option<Diagnostic> {
    if let Some(deep) = unnamed(schema) {
        let message = format!("arrays, maps and unions nest deeper than {MAX_UNNAMED} levels");
        return Some(schema.diagnostic(deep.span, message, "name what is in between: make it a record"));
    }
    let mut depths: Vec<Option<usize>> = schema.all_named().map(|_| None).collect();
    for (id, _) in schema.all_named() {
        if let Some(deep) = deepest(schema, id, &mut depths) {
            let message = format!("the types inside `{}` nest deeper than {MAX_DEPTH} levels", schema.named(deep).name);
            return Some(schema.diagnostic(schema.named(deep).span, message, "flatten them"));
        }
    }
    None
}

/// Returns a node that holds too many types without names.
fn unnamed(schema: &Schema) -> Option<&Node> {
    let fields = schema.all_named().flat_map(|(_, named)| named.fields().unwrap_or_default());
    let mut nodes = std::iter::once(schema.root()).chain(fields.map(|field: &Field| &field.node));
    nodes.find(|node| levels(node) > MAX_UNNAMED)
}

/// The depth of JSON bounds this recursion.
fn levels(node: &Node) -> usize {
    match &node.kind {
        Kind::Array(inner) | Kind::Map(inner) => 1 + levels(inner),
        Kind::Union(branches) => 1 + branches.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// Computes the depth of a type and of all that it holds, without recursion; returns the first that is too deep. A type
/// that is met again while it is being looked at counts as nothing: recursion is a loop, not depth.
fn deepest(schema: &Schema, root: NamedId, depths: &mut [Option<usize>]) -> Option<NamedId> {
    let mut open = vec![(root, false)];
    while let Some((id, visited)) = open.pop() {
        let depth = depths.get(id.0).copied().flatten();
        if visited {
            let inner = schema.directly_within(id);
            let deepest = inner.iter().filter_map(|id| depths.get(id.0).copied().flatten()).max().unwrap_or(0);
            *depths.get_mut(id.0)? = Some(deepest + 1);
            if deepest >= MAX_DEPTH {
                return Some(id);
            }
        } else if depth.is_none() {
            *depths.get_mut(id.0)? = Some(0);
            open.push((id, true));
            open.extend(schema.directly_within(id).into_iter().map(|inner| (inner, false)));
        }
    }
    None
}
