//! How few bytes a value of each named type takes.

use super::super::model::{Body, Kind, Named, NamedId, Schema};
use super::recursion::finished;

/// Sets the size of all types. A record that holds itself without anything between has no finite value: what is counted of
/// it does not matter.
pub(super) fn set(schema: &mut Schema) {
    let held: Vec<_> = schema.named.iter().map(directly_held).collect();
    for id in finished(&held) {
        let size = match &schema.named(id).body {
            Body::Fixed(size) => *size,
            Body::Enum { .. } => 1,
            Body::Record(fields) => {
                fields.iter().fold(0, |sum, field| schema.min_size(&field.node).saturating_add(sum))
            }
        };
        schema.named.get_mut(id.0).into_iter().for_each(|named| named.min_size = size);
    }
}

/// Returns the types of the fields themselves.
fn directly_held(named: &Named) -> Vec<NamedId> {
    let fields = named.fields().unwrap_or_default().iter();
    let named = fields.filter_map(|field| match field.node.kind {
        Kind::Named(id) => Some(id),
        _ => None,
    });
    named.collect()
}
