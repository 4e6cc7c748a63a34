//! How few bytes a value may take, so that a count of items can be compared with the bytes that are left.

use std::collections::HashMap;

use super::super::model::{Body, Kind, NamedId, Node, Schema};
use super::MAX_DEPTH;

impl Schema {
    /// Returns the fewest bytes that a value of the type takes.
    pub(in crate::avro) fn min_size(&self, node: &Node) -> usize {
        self.min_size_within(node, &mut HashMap::new(), 0)
    }

    fn min_size_within(&self, node: &Node, known: &mut HashMap<NamedId, usize>, depth: u32) -> usize {
        match &node.kind {
            Kind::Null => 0,
            Kind::Float => 4,
            Kind::Double => 8,
            Kind::Named(id) => match &self.named(*id).body {
                Body::Fixed(size) => *size,
                Body::Enum { .. } => 1,
                Body::Record(_) if depth > MAX_DEPTH => 0,
                Body::Record(fields) => {
                    if let Some(size) = known.get(id) {
                        return *size;
                    }
                    // A record inside itself has no finite value; what its bytes would take does not matter.
                    known.insert(*id, 0);
                    let sizes = fields.iter().map(|field| self.min_size_within(&field.node, known, depth + 1));
                    let size = sizes.fold(0, usize::saturating_add);
                    known.insert(*id, size);
                    size
                }
            },
            _ => 1,
        }
    }
}
