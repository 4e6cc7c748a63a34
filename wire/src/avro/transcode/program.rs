//! What a plan is compiled into: short lists of operations on the writer's bytes, each with the fields that it stands for.

use super::super::plan::wrong_plan;
use super::super::{Conversion, Primitive};
use crate::DecodeError;
use crate::error::InField;

/// A plan as operations.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The first one is the root's.
    pub(super) bodies: Vec<Body>,
    /// The fields that operations stand for, each with the one that it is in.
    pub(super) places: Vec<(String, Option<PlaceId>)>,
}

/// Operations in their order.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) ops: Vec<Op>,
    /// For each operation, where its places begin in `places`.
    pub(super) firsts: Vec<usize>,
    /// The place of each value that an operation reads.
    pub(super) places: Vec<Option<PlaceId>>,
}

/// The number of a body in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BodyId(pub(super) usize);

/// The number of a place in its program.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaceId(pub(super) usize);

/// An operation. What it reads is kept, unless it says otherwise.
#[derive(Debug)]
pub(super) enum Op {
    /// So many varints: ints, longs, and indexes that the reader's decoder checks.
    Longs(usize),
    /// So many values of a length and bytes.
    Blobs(usize),
    /// So many bytes.
    Fixed(usize),
    /// A boolean that nobody else checks.
    Boolean,
    /// An int that nobody else checks.
    Int,
    /// A length and UTF-8 that nobody else checks.
    Text,
    /// An index below a count that nobody else checks.
    Index(usize),
    /// A symbol of the writer's in place of which the reader's is written.
    Symbol(Box<Symbols>),
    /// A number that the reader has in another type or unit.
    Number {
        from: Primitive,
        to: Primitive,
        conversion: Option<Conversion>,
    },
    /// A decimal in a fixed that the reader has in another scale.
    Rescaled {
        size: usize,
        conversion: Conversion,
    },
    Array {
        item: BodyId,
        min_size: usize,
    },
    Map(BodyId),
    Union(Box<[Branch]>),
    /// A record.
    Call(BodyId),
    /// A record that may hold itself.
    Nested(BodyId),
    /// Reads nothing and writes bytes.
    Insert(Vec<u8>),
    /// What the body reads is left out.
    LeaveOut(BodyId),
    Reorder(Box<Reorder>),
    /// There is no value of the reader's.
    Fail(Box<str>),
}

/// The reader's symbols for the writer's.
#[derive(Debug)]
pub(super) struct Symbols {
    /// The full name of the reader's enum.
    pub(super) name: String,
    pub(super) mapping: Vec<Result<usize, String>>,
}

/// A branch of the writer's union.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) index: BranchIndex,
    pub(super) value: BodyId,
}

/// What becomes of the index of the writer's branch.
#[derive(Debug)]
pub(super) enum BranchIndex {
    Kept,
    LeftOut,
    Replaced(usize),
}

/// Fields that the reader has in another order.
#[derive(Debug)]
pub(super) struct Reorder {
    /// In the order of the writer.
    pub(super) fields: Vec<BodyId>,
    /// In the order of the reader.
    pub(super) sources: Vec<Source>,
}

/// Where a field of the reader's comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// The writer's field of that number.
    Written(usize),
    /// The default.
    Default(Vec<u8>),
}

impl Program {
    pub(super) fn body(&self, id: BodyId) -> Result<&Body, DecodeError> {
        self.bodies.get(id.0).ok_or_else(|| wrong_plan("the program has no such body"))
    }

    /// Names the fields that the value of an operation is in.
    #[cold]
    pub(super) fn located(&self, error: DecodeError, body: &Body, at: usize, of: usize) -> DecodeError {
        let first = body.firsts.get(at).copied().unwrap_or_default();
        let mut place = body.places.get(first + of).copied().flatten();
        let mut located = Err::<(), _>(error);
        while let Some((name, outer)) = place.and_then(|PlaceId(place)| self.places.get(place)) {
            located = located.field(name);
            place = *outer;
        }
        located.err().unwrap_or_else(no_such_bytes)
    }
}

impl Body {
    /// Appends an operation for a value, or lengthens the last one.
    pub(super) fn push(&mut self, op: Op, place: Option<PlaceId>) {
        match (self.ops.last_mut(), op) {
            (Some(Op::Longs(count)), Op::Longs(more)) | (Some(Op::Blobs(count)), Op::Blobs(more)) => *count += more,
            (Some(Op::Insert(bytes)), Op::Insert(more)) => return bytes.extend(more),
            (_, op) => {
                self.firsts.push(self.places.len());
                self.ops.push(op);
            }
        }
        self.places.push(place);
    }
}

#[cold]
pub(super) fn no_such_bytes() -> DecodeError {
    wrong_plan("the program refers to bytes that are not there")
}
