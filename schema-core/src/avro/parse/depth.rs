//! Refuses types that nest too deep in each other: whoever walks a schema may then recurse.
//!
//! The depth of the JSON does not bound it: a reference may define thousands of records, each holding the one before.

use super::super::model::{NamedId, Schema};
use crate::Diagnostic;

/// How deep named types may nest in each other.
const MAX_DEPTH: usize = 256;

/// Returns a diagnostic at a type that holds too many levels of other types.
pub(super) fn check(schema: &Schema) -> Option<Diagnostic> {
    let mut depths: Vec<Option<usize>> = schema.all_named().map(|_| None).collect();
    for (id, _) in schema.all_named() {
        if let Some(deep) = deepest(schema, id, &mut depths) {
            let message = format!("the types inside `{}` nest deeper than {MAX_DEPTH} levels", schema.named(deep).name);
            return Some(schema.diagnostic(schema.named(deep).span, message, "flatten them"));
        }
    }
    None
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
