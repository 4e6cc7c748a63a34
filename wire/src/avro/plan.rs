//! A plan says how bytes of one writer's schema become a value of one reader's schema (Avro 1.12, "Schema
//! Resolution"), as data.
//!
//! `eventwright-schema` makes plans: at build time for the writers that are known, and codegen turns those into Rust;
//! at run time for a writer that is not known, and [`Plan::decode`] executes those. A plan decodes into any [`Sink`]:
//! a generated struct, or a dynamic value.

use super::sink::{Branch, Entries, Items, Scalar, Sink};
use super::{Fields, Logical, Reader};
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
        /// What the value means.
        logical: Logical,
        /// Whether the reader's own type has this meaning, and not another scale or unit.
        own: bool,
    },
    /// So many bytes.
    Fixed {
        /// How many.
        size: usize,
        /// What they mean.
        logical: Logical,
        /// Whether the reader's own type has this meaning, and not another scale.
        own: bool,
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
        /// Whether the union is of null and one other branch, so that the value stands for itself.
        nullable: bool,
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
    Skip(NodeId),
    /// The writer did not write it: the reader's default, encoded with the reader's own type.
    Default {
        /// The index of the reader's field.
        field: usize,
        /// How to decode the default.
        node: NodeId,
        /// The default.
        bytes: Vec<u8>,
    },
}

/// Executes a plan's nodes on a reader.
#[derive(Debug)]
pub struct PlanReader<'p, 'r, 'a> {
    pub(super) plan: &'p Plan,
    pub(super) reader: &'r mut Reader<'a>,
}

impl Plan {
    /// Decodes one datum.
    ///
    /// # Errors
    /// Bytes that the writer's schema does not write, or a sink of another reader's schema.
    #[inline]
    pub fn decode<S: Sink>(&self, bytes: &[u8]) -> Result<S, DecodeError> {
        let mut reader = Reader::new(bytes);
        // The detour by `read` would copy the struct once more.
        let decoded = match self.node(self.root)? {
            Node::Record(node) => record(self, &mut reader, node),
            _ => read(self, &mut reader, self.root),
        };
        reader.finish(decoded)
    }

    /// Decodes one datum for the reader's schema of that fingerprint.
    ///
    /// # Errors
    /// As [`Plan::decode`], and a plan that was made for another reader.
    #[inline]
    pub fn decode_for<S: Sink>(&self, reader: u64, bytes: &[u8]) -> Result<S, DecodeError> {
        if self.reader == reader {
            self.decode(bytes)
        } else {
            Err(wrong_plan("the plan is for another reader's schema"))
        }
    }

    /// Returns a node.
    ///
    /// # Errors
    /// A number that the plan does not have.
    #[inline]
    pub fn node(&self, id: NodeId) -> Result<&Node, DecodeError> {
        self.nodes.get(id.0).ok_or_else(|| wrong_plan("the plan refers to a node that it does not have"))
    }
}

impl PlanReader<'_, '_, '_> {
    /// Decodes the value of a node.
    ///
    /// # Errors
    /// As [`Plan::decode`].
    pub fn read<S: Sink>(&mut self, id: NodeId) -> Result<S, DecodeError> {
        read(self.plan, self.reader, id)
    }

    /// Reads the writer's value of a node and drops it.
    ///
    /// # Errors
    /// As [`Plan::decode`].
    pub fn skip(&mut self, id: NodeId) -> Result<(), DecodeError> {
        skip(self.plan, self.reader, id)
    }
}

/// Decodes the value of a node.
#[inline]
pub(super) fn read<S: Sink>(plan: &Plan, reader: &mut Reader<'_>, id: NodeId) -> Result<S, DecodeError> {
    let node = plan.node(id)?;
    match S::own(reader, node) {
        Some(value) => value,
        None => read_any(plan, reader, node),
    }
}

/// Decodes a record. As in generated code, only those that may hold themselves count as deep.
#[inline]
fn record<S: Sink>(plan: &Plan, reader: &mut Reader<'_>, node: &RecordNode) -> Result<S, DecodeError> {
    if node.recursive { reader.nested(|reader| fields(plan, reader, node)) } else { fields(plan, reader, node) }
}

#[inline]
fn fields<S: Sink>(plan: &Plan, reader: &mut Reader<'_>, node: &RecordNode) -> Result<S, DecodeError> {
    let mut fields = Fields::new(PlanReader { plan, reader }, node);
    let decoded = S::record(&mut fields);
    if decoded.is_ok() {
        fields.finish()?;
    }
    decoded
}

#[inline(never)]
fn read_any<S: Sink>(plan: &Plan, reader: &mut Reader<'_>, node: &Node) -> Result<S, DecodeError> {
    match node {
        Node::Scalar { from, to, logical, .. } => S::scalar(scalar(reader, *from, *to)?, *logical),
        Node::Fixed { size, logical, .. } => S::scalar(Scalar::Fixed(reader.fixed(*size)?), *logical),
        Node::Enum(node) => symbol(reader, node).and_then(|index| S::symbol(node, index)),
        Node::Array { item, min_size } => {
            S::array(Items { run: PlanReader { plan, reader }, item: *item, min_size: *min_size })
        }
        Node::Map { value } => S::map(Entries { run: PlanReader { plan, reader }, value: *value }),
        Node::Record(node) => record(plan, reader, node),
        Node::Union(branches) => {
            let branch = branch(reader, branches)?;
            read_any(plan, reader, plan.node(branch)?)
        }
        Node::Branch { index, name, nullable, value } => {
            let run = PlanReader { plan, reader };
            S::branch(Branch { run, index: *index, name, nullable: *nullable, value: *value })
        }
        Node::Unresolvable(what) => Err(unresolvable(what)),
    }
}

/// Reads the writer's value of a node and drops it.
#[inline]
pub(super) fn skip(plan: &Plan, reader: &mut Reader<'_>, id: NodeId) -> Result<(), DecodeError> {
    match plan.node(id)? {
        Node::Scalar { from, .. } => skip_primitive(reader, *from),
        node => skip_any(plan, reader, node),
    }
}

#[inline(never)]
fn skip_any(plan: &Plan, reader: &mut Reader<'_>, node: &Node) -> Result<(), DecodeError> {
    match node {
        Node::Scalar { from, .. } => skip_primitive(reader, *from),
        Node::Fixed { size, .. } => reader.fixed(*size).map(drop),
        Node::Enum(node) => reader.index(node.mapping.len()).map(drop),
        Node::Array { item, min_size } => reader.skip_blocks(*min_size, |reader| skip(plan, reader, *item)),
        Node::Map { value } => reader.skip_blocks(1, |reader| {
            reader.bytes()?;
            skip(plan, reader, *value)
        }),
        Node::Record(node) if node.recursive => reader.nested(|reader| skip_fields(plan, reader, node)),
        Node::Record(node) => skip_fields(plan, reader, node),
        Node::Union(branches) => {
            let branch = branch(reader, branches)?;
            skip_any(plan, reader, plan.node(branch)?)
        }
        Node::Branch { value, .. } => skip(plan, reader, *value),
        Node::Unresolvable(what) => Err(unresolvable(what)),
    }
}

#[inline]
fn skip_fields(plan: &Plan, reader: &mut Reader<'_>, node: &RecordNode) -> Result<(), DecodeError> {
    node.steps.iter().try_for_each(|step| match step {
        FieldStep::Read { node, .. } | FieldStep::Skip(node) => skip(plan, reader, *node),
        FieldStep::Default { .. } => Ok(()),
    })
}

#[inline]
fn skip_primitive(reader: &mut Reader<'_>, primitive: Primitive) -> Result<(), DecodeError> {
    match primitive {
        Primitive::Null => Ok(()),
        Primitive::Boolean => reader.boolean().map(drop),
        Primitive::Int => reader.int().map(drop),
        Primitive::Long => reader.long().map(drop),
        Primitive::Float => reader.float().map(drop),
        Primitive::Double => reader.double().map(drop),
        // Text that nobody reads need not be UTF-8.
        Primitive::Bytes | Primitive::String => reader.bytes().map(drop),
    }
}

#[inline]
fn scalar<'a>(reader: &mut Reader<'a>, from: Primitive, to: Primitive) -> Result<Scalar<'a>, DecodeError> {
    let value = match from {
        Primitive::Null => Scalar::Null,
        Primitive::Boolean => Scalar::Boolean(reader.boolean()?),
        Primitive::Int => Scalar::Int(reader.int()?),
        Primitive::Long => Scalar::Long(reader.long()?),
        Primitive::Float => Scalar::Float(reader.float()?),
        Primitive::Double => Scalar::Double(reader.double()?),
        Primitive::Bytes => Scalar::Bytes(reader.bytes()?),
        Primitive::String => Scalar::String(reader.str()?),
    };
    if from == to { Ok(value) } else { value.promote(to) }
}

#[inline]
fn symbol(reader: &mut Reader<'_>, node: &EnumNode) -> Result<usize, DecodeError> {
    let index = reader.index(node.mapping.len())?;
    match node.mapping.get(index) {
        Some(Ok(symbol)) => Ok(*symbol),
        Some(Err(unknown)) => Err(unknown_symbol(&node.name, unknown)),
        None => Err(wrong_plan("the plan has no such symbol")),
    }
}

#[inline]
fn branch(reader: &mut Reader<'_>, branches: &[NodeId]) -> Result<NodeId, DecodeError> {
    let index = reader.index(branches.len())?;
    branches.get(index).copied().ok_or_else(|| wrong_plan("the plan has no such branch"))
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
