//! Compiles a plan into a program.

use std::collections::{BTreeMap, HashMap};

use super::super::{FieldStep, Node, NodeId, Plan, Primitive, RecordNode, Writer};
use super::program::{Body, BodyId, Branch, BranchIndex, Op, PlaceId, Program, Reorder, Source, Symbols};

/// How many nodes a record may have whose fields become operations of whoever holds it. A larger one has a body of its
/// own, so that the program is no more than so many times as large as the plan.
const MAX_INLINED: usize = 32;

/// How many bodies may run inside each other, circles counted once: what people write stays far below, and execution
/// recurses.
const MAX_HEIGHT: usize = 300;

/// What becomes of what the writer wrote.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    /// The reader reads it, and checks what is the same to both.
    Kept,
    /// Nobody else looks at it.
    LeftOut,
}

/// What becomes of a value, and the field that it is in.
#[derive(Clone, Copy)]
struct Spot {
    fate: Fate,
    place: Option<PlaceId>,
}

impl Spot {
    fn new(fate: Fate, place: Option<PlaceId>) -> Self {
        Self { fate, place }
    }
}

struct Compiler<'p> {
    plan: &'p Plan,
    program: Program,
    /// For each body the most bodies that run inside each other in it.
    heights: Vec<usize>,
    /// The bodies of records.
    records: HashMap<(NodeId, Fate), BodyId>,
    depth: usize,
}

/// Compiles a plan.
pub(super) fn program(plan: &Plan) -> Program {
    let mut compiler = Compiler::new(plan);
    compiler.value(plan.root, Fate::Kept);
    compiler.program
}

/// Compiles what passes over fields of a record that nobody reads.
pub(super) fn left_out<'p>(plan: &'p Plan, record: &'p RecordNode, fields: &'p [FieldStep]) -> Program {
    let mut compiler = Compiler::new(plan);
    compiler.body(|compiler, body| compiler.left_out(record, fields, None, body));
    compiler.program
}

impl<'p> Compiler<'p> {
    fn new(plan: &'p Plan) -> Self {
        Self { plan, program: Program::default(), heights: Vec::new(), records: HashMap::new(), depth: 0 }
    }

    /// Adds a body and returns its number.
    fn body(&mut self, fill: impl FnOnce(&mut Self, &mut Body)) -> BodyId {
        let id = self.reserve();
        self.fill(id, fill);
        id
    }

    fn reserve(&mut self) -> BodyId {
        self.program.bodies.push(Body::default());
        self.heights.push(0);
        BodyId(self.heights.len() - 1)
    }

    fn fill(&mut self, id: BodyId, fill: impl FnOnce(&mut Self, &mut Body)) {
        let mut body = Body::default();
        self.depth += 1;
        match self.depth < MAX_HEIGHT {
            true => fill(self, &mut body),
            false => body.push(too_deep(), None),
        }
        self.depth -= 1;
        let mut height = 1 + body.ops.iter().flat_map(inner).map(|inner| self.height(inner)).max().unwrap_or(0);
        if height > MAX_HEIGHT {
            body = Body::default();
            body.push(too_deep(), None);
            height = 1;
        }
        if let Some((slot, slot_height)) = self.program.bodies.get_mut(id.0).zip(self.heights.get_mut(id.0)) {
            (*slot, *slot_height) = (body, height);
        }
    }

    fn height(&self, id: BodyId) -> usize {
        self.heights.get(id.0).copied().unwrap_or(0)
    }

    /// Returns a body that reads one value.
    fn value(&mut self, id: NodeId, fate: Fate) -> BodyId {
        self.body(|compiler, body| compiler.node(id, Spot::new(fate, None), body))
    }

    fn place(&mut self, name: &str, outer: Option<PlaceId>) -> Option<PlaceId> {
        self.program.places.push((name.to_owned(), outer));
        Some(PlaceId(self.program.places.len() - 1))
    }

    fn node(&mut self, id: NodeId, spot: Spot, body: &mut Body) {
        let Spot { fate, place } = spot;
        let Some(node) = self.plan.nodes.get(id.0) else {
            return body.push(fail("the plan refers to a node that it does not have"), place);
        };
        let op = match node {
            Node::Record(record) => return self.record(id, record, spot, body),
            Node::Branch { index, value, .. } => {
                if fate == Fate::Kept {
                    body.push(Op::Insert(varint(*index)), place);
                }
                return self.node(*value, spot, body);
            }
            Node::Scalar { from: Primitive::Null, .. } => return,
            Node::Scalar { from, .. } if fate == Fate::LeftOut => primitive(*from, *from, fate),
            Node::Scalar { from, to, conversion: None, .. } => primitive(*from, *to, fate),
            Node::Scalar { from, to, conversion, .. } => Op::Number { from: *from, to: *to, conversion: *conversion },
            Node::Fixed { size, conversion: Some(conversion), .. } if fate == Fate::Kept => {
                Op::Rescaled { size: *size, conversion: *conversion }
            }
            Node::Fixed { size, .. } => Op::Fixed(*size),
            Node::Enum(node) if fate == Fate::LeftOut => Op::Index(node.mapping.len()),
            Node::Enum(node) if node.is_identity() => Op::Longs(1),
            Node::Enum(node) => {
                Op::Symbol(Box::new(Symbols { name: node.name.clone(), mapping: node.mapping.clone() }))
            }
            Node::Array { item, min_size } => Op::Array { item: self.value(*item, fate), min_size: *min_size },
            Node::Map { value } => Op::Map(self.value(*value, fate)),
            Node::Union(branches) => {
                let branches = branches.iter().enumerate();
                Op::Union(branches.map(|(index, branch)| self.branch(index, *branch, fate)).collect())
            }
            Node::Unresolvable(what) => fail(what),
        };
        body.push(op, place);
    }

    /// Compiles a branch of the writer's union.
    fn branch(&mut self, written: usize, id: NodeId, fate: Fate) -> Branch {
        match self.plan.nodes.get(id.0) {
            Some(Node::Branch { index, value, .. }) => {
                let is_kept = fate == Fate::LeftOut || *index == written;
                let index = if is_kept { BranchIndex::Kept } else { BranchIndex::Replaced(*index) };
                Branch { index, value: self.value(*value, fate) }
            }
            _ => Branch { index: BranchIndex::LeftOut, value: self.value(id, fate) },
        }
    }

    fn record(&mut self, id: NodeId, record: &'p RecordNode, spot: Spot, body: &mut Body) {
        let Spot { fate, place } = spot;
        if !record.recursive && self.n_nodes(id, MAX_INLINED) <= MAX_INLINED {
            return self.fields(record, spot, body);
        }
        let known = self.records.get(&(id, fate)).copied();
        let own = known.unwrap_or_else(|| {
            // The number is known before the fields are compiled, since they may come back to this record.
            let own = self.reserve();
            self.records.insert((id, fate), own);
            self.fill(own, |compiler, body| compiler.fields(record, Spot::new(fate, None), body));
            own
        });
        body.push(if record.recursive { Op::Nested(own) } else { Op::Call(own) }, place);
    }

    /// Counts the nodes that would be compiled with this one, to no more than `most` and one.
    fn n_nodes(&self, id: NodeId, most: usize) -> usize {
        let count = |inner: &[NodeId]| {
            inner.iter().fold(1, |sum, id| match most.checked_sub(sum) {
                Some(left) => sum + self.n_nodes(*id, left),
                None => sum,
            })
        };
        match self.plan.nodes.get(id.0) {
            Some(_) if most == 0 => 1,
            Some(Node::Array { item: inner, .. } | Node::Map { value: inner } | Node::Branch { value: inner, .. }) => {
                count(&[*inner])
            }
            Some(Node::Union(branches)) => count(branches),
            Some(Node::Record(record)) if !record.recursive => {
                count(&record.steps.iter().filter_map(written).map(|(node, _)| node).collect::<Vec<_>>())
            }
            _ => 1,
        }
    }

    fn fields(&mut self, record: &'p RecordNode, Spot { fate, place }: Spot, body: &mut Body) {
        if fate == Fate::LeftOut {
            return self.left_out(record, &record.steps, place, body);
        }
        let read = record.steps.iter().filter_map(|step| match step {
            FieldStep::Read { field, .. } => Some(field),
            _ => None,
        });
        match read.is_sorted() {
            true => self.fields_in_order(record, place, body),
            false => self.fields_out_of_order(record, place, body),
        }
    }

    /// Compiles fields of a record that nobody else looks at.
    fn left_out(&mut self, record: &'p RecordNode, fields: &'p [FieldStep], place: Option<PlaceId>, body: &mut Body) {
        for (node, field) in fields.iter().filter_map(written) {
            let place = self.place(field.name(record), place);
            self.node(node, Spot::new(Fate::LeftOut, place), body);
        }
    }

    /// Compiles a record whose reader has the fields in the writer's order, with defaults between them.
    fn fields_in_order(&mut self, record: &'p RecordNode, place: Option<PlaceId>, body: &mut Body) {
        let mut defaults = defaults(record);
        let is_skip = |step: &FieldStep| matches!(step, FieldStep::Skip { .. });
        for steps in record.steps.chunk_by(|one, next| is_skip(one) && is_skip(next)) {
            match steps {
                [FieldStep::Read { field, node }] => {
                    let behind = defaults.split_off(field);
                    insert_all(std::mem::replace(&mut defaults, behind), place, body);
                    let place = self.place(Field::Read(*field).name(record), place);
                    self.node(*node, Spot::new(Fate::Kept, place), body);
                }
                [FieldStep::Default { .. }] => {}
                skips => {
                    let left_out = self.body(|compiler, body| compiler.left_out(record, skips, place, body));
                    body.push(Op::LeaveOut(left_out), None);
                }
            }
        }
        insert_all(defaults, place, body);
    }

    fn fields_out_of_order(&mut self, record: &'p RecordNode, place: Option<PlaceId>, body: &mut Body) {
        let mut fields = Vec::new();
        let mut sources: BTreeMap<usize, Source> = BTreeMap::new();
        for (node, field) in record.steps.iter().filter_map(written) {
            let spot = Spot::new(field.fate(), self.place(field.name(record), place));
            let value = self.body(|compiler, body| compiler.node(node, spot, body));
            fields.push(match field {
                Field::Read(field) => {
                    sources.insert(field, Source::Written(fields.len()));
                    value
                }
                Field::Skipped(_) => self.body(|_, body| body.push(Op::LeaveOut(value), None)),
            });
        }
        sources.extend(defaults(record).into_iter().map(|(field, bytes)| (field, Source::Default(bytes.to_vec()))));
        let sources = sources.into_values().collect();
        body.push(Op::Reorder(Box::new(Reorder { fields, sources })), None);
    }
}

/// A field that the writer wrote.
#[derive(Clone, Copy)]
enum Field<'p> {
    /// The index of the reader's field.
    Read(usize),
    /// The name of the writer's.
    Skipped(&'p str),
}

impl<'p> Field<'p> {
    fn name(self, record: &'p RecordNode) -> &'p str {
        match self {
            Self::Read(field) => record.fields.get(field).map_or("", String::as_str),
            Self::Skipped(name) => name,
        }
    }

    fn fate(self) -> Fate {
        if matches!(self, Self::Read(_)) { Fate::Kept } else { Fate::LeftOut }
    }
}

/// Returns the node of what the writer wrote.
fn written(step: &FieldStep) -> Option<(NodeId, Field<'_>)> {
    match step {
        FieldStep::Read { field, node } => Some((*node, Field::Read(*field))),
        FieldStep::Skip { name, node } => Some((*node, Field::Skipped(name))),
        FieldStep::Default { .. } => None,
    }
}

/// Returns the defaults by the index of the reader's field.
fn defaults(record: &RecordNode) -> BTreeMap<usize, &[u8]> {
    let default = |step| match step {
        &FieldStep::Default { field, ref bytes } => Some((field, bytes.as_slice())),
        _ => None,
    };
    record.steps.iter().filter_map(default).collect()
}

fn insert_all(defaults: BTreeMap<usize, &[u8]>, place: Option<PlaceId>, body: &mut Body) {
    defaults.into_values().for_each(|bytes| body.push(Op::Insert(bytes.to_vec()), place));
}

fn primitive(from: Primitive, to: Primitive, fate: Fate) -> Op {
    use Primitive::{Boolean, Bytes, Double, Float, Int, Long, Null, String};
    match (from, to) {
        (Int, Long) => Op::Int,
        (Bytes, String) | (String, Bytes) => Op::Text,
        (Int | Long, Float | Double) | (Float, Double) => Op::Number { from, to, conversion: None },
        (Boolean, _) if fate == Fate::LeftOut => Op::Boolean,
        (Int, _) if fate == Fate::LeftOut => Op::Int,
        (Null, _) => Op::Fixed(0),
        (Boolean, _) => Op::Fixed(1),
        (Int | Long, _) => Op::Longs(1),
        (Float, _) => Op::Fixed(4),
        (Double, _) => Op::Fixed(8),
        // Text that nobody reads need not be UTF-8.
        (Bytes | String, _) => Op::Blobs(1),
    }
}

/// Returns the bodies that an operation runs.
fn inner(op: &Op) -> Vec<BodyId> {
    match op {
        Op::Array { item: inner, .. } | Op::Map(inner) | Op::Call(inner) | Op::Nested(inner) | Op::LeaveOut(inner) => {
            vec![*inner]
        }
        Op::Union(branches) => branches.iter().map(|branch| branch.value).collect(),
        Op::Reorder(order) => order.fields.clone(),
        _ => Vec::new(),
    }
}

fn varint(index: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).length(index);
    bytes
}

fn fail(what: &str) -> Op {
    Op::Fail(what.into())
}

fn too_deep() -> Op {
    fail("the schemas nest too deep")
}
