//! A plan says how bytes of one writer's schema become a value of one reader's schema (Avro 1.12, "Schema
//! Resolution"), as data.
//!
//! `eventwright-schema` makes plans: at build time for the writers that are known, and codegen turns those into Rust;
//! at run time for a writer that is not known, and a [`Transcoder`](super::Transcoder) executes those.

use super::{Conversion, Logical};
use crate::{DecodeError, DecodeErrorKind};

/// How to decode one writer's bytes for one reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The fingerprint of the reader's schema, as in `EventSchema::fingerprint`.
    pub reader: u64,
    /// All nodes; a [`NodeId`] is an index.
    pub nodes: Vec<Node>,
    /// Where execution starts.
    pub root: NodeId,
}

/// The number of a node in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// One step of decoding: what the writer wrote, and what the reader makes of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A primitive, promoted from the writer's to the reader's type where they differ.
    Scalar {
        /// What the writer wrote.
        from: Primitive,
        /// What the reader reads.
        to: Primitive,
        /// What the value means to the reader.
        logical: Logical,
        /// How the writer's number becomes the reader's, where the writer has another scale or unit.
        conversion: Option<Conversion>,
    },
    /// So many bytes.
    Fixed {
        /// How many.
        size: usize,
        /// What they mean to the reader.
        logical: Logical,
        /// How the writer's number becomes the reader's, where the writer has another scale.
        conversion: Option<Conversion>,
    },
    /// A symbol.
    Enum(EnumNode),
    /// Items.
    Array {
        /// How to decode an item.
        item: NodeId,
        /// The fewest bytes that an item of the writer's takes.
        min_size: usize,
    },
    /// String keys and values.
    Map {
        /// How to decode a value.
        value: NodeId,
    },
    /// Fields.
    Record(RecordNode),
    /// A union of the writer's: an index, then the node of that branch.
    Union(Vec<NodeId>),
    /// A union of the reader's: nothing in the bytes; the value goes to a branch.
    Branch {
        /// The branch's index in the reader's union.
        index: usize,
        /// The branch's name: the word of its type, or the full name of a named type.
        name: String,
        /// How to decode the value.
        value: NodeId,
    },
    /// What the reader has no place for: an error, should the bytes ever choose it.
    Unresolvable(String),
}

/// A primitive type of Avro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// No bytes.
    Null,
    /// One byte.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
    /// A length and bytes.
    Bytes,
    /// A length and UTF-8.
    String,
}

/// How the writer's symbols become the reader's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumNode {
    /// The full name of the reader's enum.
    pub name: String,
    /// The reader's symbols.
    pub symbols: Vec<String>,
    /// For each of the writer's symbols the reader's, or else the writer's symbol that the reader does not know.
    pub mapping: Vec<Result<usize, String>>,
}

/// How the writer's fields become the reader's.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordNode {
    /// The full name of the reader's record.
    pub name: String,
    /// The names of the reader's fields, in their order.
    pub fields: Vec<String>,
    /// The writer's fields in their order, then the defaults.
    pub steps: Vec<FieldStep>,
    /// Whether the reader's record may hold another of its own type: only then can bytes nest it without end.
    pub recursive: bool,
}

/// What happens to one field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldStep {
    /// The writer wrote it and the reader reads it.
    Read {
        /// The index of the reader's field.
        field: usize,
        /// How to decode it.
        node: NodeId,
    },
    /// The writer wrote it and the reader has no such field.
    Skip {
        /// The name of the writer's field.
        name: String,
        /// How to read it.
        node: NodeId,
    },
    /// The writer did not write it: the reader's default, encoded with the reader's own type.
    Default {
        /// The index of the reader's field.
        field: usize,
        /// The default.
        bytes: Vec<u8>,
    },
}

impl Plan {
    /// Returns whether a node reads exactly what the reader's own type writes.
    #[must_use]
    pub fn is_identity(&self, root: NodeId) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let Some((seen, node)) = seen.get_mut(id.0).zip(self.nodes.get(id.0)) else { return false };
            if !std::mem::replace(seen, true) && !self.is_identity_but_for_inner(node, &mut open) {
                return false;
            }
        }
        true
    }

    /// Returns whether a node is the identity if those are that it adds to `inner`.
    fn is_identity_but_for_inner(&self, node: &Node, inner: &mut Vec<NodeId>) -> bool {
        match node {
            Node::Scalar { from, to, conversion, .. } => from == to && conversion.is_none(),
            Node::Fixed { conversion, .. } => conversion.is_none(),
            Node::Enum(node) => node.is_identity(),
            Node::Array { item: only, .. } | Node::Map { value: only } => {
                inner.push(*only);
                true
            }
            Node::Record(node) => node.steps.iter().enumerate().all(|(index, step)| match step {
                FieldStep::Read { field, node } if *field == index => {
                    inner.push(*node);
                    true
                }
                _ => false,
            }),
            Node::Union(branches) => {
                branches.iter().enumerate().all(|(index, branch)| match self.nodes.get(branch.0) {
                    Some(Node::Branch { index: to, value, .. }) if *to == index => {
                        inner.push(*value);
                        true
                    }
                    _ => false,
                })
            }
            Node::Branch { .. } | Node::Unresolvable(_) => false,
        }
    }
}

impl EnumNode {
    /// Returns whether the reader's symbols are those of the writer's, in the same order.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let mut mapping = self.mapping.iter().enumerate();
        self.mapping.len() == self.symbols.len() && mapping.all(|(index, to)| *to == Ok(index))
    }
}

/// Returns the error of a symbol that the reader's enum does not have and has no default for.
#[cold]
#[must_use]
pub fn unknown_symbol(name: &str, symbol: &str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Unresolvable(format!(
        "the symbol `{symbol}` is none of the reader's enum `{name}`, which has no default"
    )))
}

/// Returns the error of a value that the reader has no place for.
#[cold]
#[must_use]
pub fn unresolvable(what: &str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Unresolvable(what.to_owned()))
}

#[cold]
pub(super) fn wrong_plan(what: impl Into<String>) -> DecodeError {
    DecodeError::new(DecodeErrorKind::WrongPlan(what.into()))
}
