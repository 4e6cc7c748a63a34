//! Finds the records whose defaults could make much of few bytes: each of many items would have them.
//!
//! In: a plan. Out: the records for which code counts what it adds. All others add at most 64 bytes to an item, or stand in
//! the event so often as its schema says.

use std::collections::{BTreeMap, BTreeSet};

use eventwright_wire::avro::{FieldStep, Node, NodeId, Plan};

/// How many bytes of defaults an item may have that nobody counts: as many as may come out of each byte.
const MAX_UNCOUNTED: usize = 64;

/// Returns the length of the defaults of each record that may stand in each of many items, where it is large.
pub(super) fn lengths(plan: &Plan) -> BTreeMap<NodeId, usize> {
    let repeated = repeated(plan);
    let lengths = plan.nodes.iter().enumerate().map(|(index, node)| (NodeId(index), length(node)));
    lengths.filter(|(id, length)| *length > MAX_UNCOUNTED && repeated.contains(id)).collect()
}

/// Returns the length of a record's defaults.
fn length(node: &Node) -> usize {
    let Node::Record(record) = node else { return 0 };
    let lengths = record.steps.iter().map(|step| match step {
        FieldStep::Default { bytes, .. } => bytes.len(),
        _ => 0,
    });
    lengths.sum()
}

/// Returns the nodes that bytes may choose any number of times.
fn repeated(plan: &Plan) -> BTreeSet<NodeId> {
    let starts = plan.nodes.iter().enumerate().filter_map(|(index, node)| match node {
        Node::Array { item: inner, .. } | Node::Map { value: inner } => Some(*inner),
        Node::Record(record) => record.recursive.then_some(NodeId(index)),
        _ => None,
    });
    let (mut open, mut found) = (starts.collect::<Vec<_>>(), BTreeSet::new());
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(plan.nodes.get(id.0).map(inner).unwrap_or_default());
        }
    }
    found
}

fn inner(node: &Node) -> Vec<NodeId> {
    match node {
        Node::Array { item: inner, .. } | Node::Map { value: inner } | Node::Branch { value: inner, .. } => {
            vec![*inner]
        }
        Node::Union(branches) => branches.clone(),
        Node::Record(record) => {
            let inner = record.steps.iter().filter_map(|step| match step {
                FieldStep::Read { node, .. } => Some(*node),
                FieldStep::Skip { .. } | FieldStep::Default { .. } => None,
            });
            inner.collect()
        }
        _ => Vec::new(),
    }
}
