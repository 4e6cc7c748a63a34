//! A value that a writer writes and its reader cannot read, proven by the resolving decoder.
//!
//! In: where two types are that do not fit. Out: the writer's least value that has them, its bytes, and what the decoder says of
//! those. The plan of the two types shows what of them fails: a symbol, a branch, anything.

mod least;

use std::cell::{OnceCell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::rc::Rc;

use eventwright_wire::DecodeError;
use eventwright_wire::avro::{FieldStep, InField, Node as PlanNode, NodeId, Plan, Primitive, Scratch, Transcoder};
use serde_json::Value;

use super::model::{Kind, Node, Schema};
use super::{dynamic, resolve};
use crate::compat::{Outcome, Witness};

/// A step from a value of the writer's to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To a field of a record, by its index.
    Field(usize),
    /// To an array's item.
    Item,
    /// To a map's value.
    Entry,
    /// To a branch of a union, by its index.
    Branch(usize),
    /// To a symbol of an enum, by its index.
    Symbol(usize),
    /// To a whole number of many digits.
    Digits,
}

/// Returns the least value of a writer's that its reader cannot read, if there is one.
#[cfg(feature = "manifest")]
pub(crate) fn witness(writer: &Schema, reader: &Schema) -> Option<Witness> {
    Prover::new(reader, writer).prove(&[], (reader.root(), writer.root()))
}

/// What proves that a reader cannot read a writer's values.
pub(super) struct Prover<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    /// For whole values.
    whole: OnceCell<Transcoder>,
    /// Of the two types that were asked for last: a record that lacks many fields is asked for as often.
    last: RefCell<Option<Rc<Part>>>,
}

/// How two types are read that do not fit.
struct Part {
    reader: *const Node,
    writer: *const Node,
    transcoder: Transcoder,
    /// The steps to what fails of them.
    tail: Vec<Step>,
}

impl<'s> Prover<'s> {
    pub(super) fn new(reader: &'s Schema, writer: &'s Schema) -> Self {
        Self { reader, writer, whole: OnceCell::new(), last: RefCell::new(None) }
    }

    /// Returns a witness for two types that do not fit, the reader's and the writer's, where the steps lead to the latter.
    pub(super) fn prove(&self, steps: &[Step], (reader, writer): (&Node, &Node)) -> Option<Witness> {
        let Part { transcoder, tail, .. } = &*self.part(reader, writer);
        let steps = [steps, tail.as_slice()].concat();
        let bytes = least::bytes(self.writer, self.writer.root(), &steps)?;
        let part = least::bytes(self.writer, writer, tail)?;
        let of_whole = self.read(self.whole(), self.reader.root(), &bytes);
        let of_part = self.read(transcoder, reader, &part);
        let outcome = match (of_whole, of_part) {
            // Something else may come before it in the bytes, and fail too: what is meant is what is said.
            (Err(whole), Err(part)) if whole.kind() != part.kind() => self.located(&steps, tail.len(), part),
            (Err(whole), Err(_)) => whole.to_string(),
            (Ok(whole), Ok(read)) => {
                let written = dynamic::decode_node(self.writer, writer, &part).ok()?;
                let json = dynamic::decode_json(self.writer, &bytes).ok()?;
                return differs(&written, &read).then_some(Witness { json, bytes, outcome: Outcome::Reads(whole) });
            }
            _ => return None,
        };
        let json = dynamic::decode_json(self.writer, &bytes).ok()?;
        Some(Witness { json, bytes, outcome: Outcome::Fails(outcome) })
    }

    fn part(&self, reader: &Node, writer: &Node) -> Rc<Part> {
        let is_same = |last: &&Rc<Part>| std::ptr::eq(last.reader, reader) && std::ptr::eq(last.writer, writer);
        if let Some(last) = self.last.borrow().as_ref().filter(is_same) {
            return Rc::clone(last);
        }
        let (plan, _) = resolve::plan((self.writer, writer), (self.reader, reader));
        let tail = first_failure(&plan, self.writer, writer);
        let part = Rc::new(Part { reader, writer, transcoder: Transcoder::new(&plan), tail });
        self.last.replace(Some(Rc::clone(&part)));
        part
    }

    fn whole(&self) -> &Transcoder {
        self.whole.get_or_init(|| {
            let (plan, _) = resolve::plan((self.writer, self.writer.root()), (self.reader, self.reader.root()));
            Transcoder::new(&plan)
        })
    }

    fn read(&self, transcoder: &Transcoder, reader: &Node, bytes: &[u8]) -> Result<Value, DecodeError> {
        let mut scratch = Scratch::default();
        dynamic::decode_node(self.reader, reader, transcoder.transcode(bytes, &mut scratch)?)
    }

    /// Returns the text of an error in a part of a value, with the path to the part.
    fn located(&self, steps: &[Step], n_tail: usize, error: DecodeError) -> String {
        let mut node = self.writer.root();
        let mut names = Vec::new();
        for step in steps.iter().take(steps.len().saturating_sub(n_tail)) {
            let Some((next, name)) = self.writer.part(node, *step) else { break };
            node = next;
            names.extend(name);
        }
        let located = |error: DecodeError, around| match around {
            Around::Field(name) => {
                let Err(error) = Err::<Infallible, _>(error).field(name);
                error
            }
            Around::Item => error.in_item(0),
            Around::Entry => error.in_key(least::KEY),
        };
        names.into_iter().rev().fold(error, located).to_string()
    }
}

/// What a part of a value is in, as paths show it.
enum Around<'s> {
    Field(&'s str),
    Item,
    Entry,
}

impl Schema {
    /// Returns the type of a part of a type's values.
    fn part<'s>(&'s self, node: &'s Node, step: Step) -> Option<(&'s Node, Option<Around<'s>>)> {
        match (&node.kind, step) {
            (Kind::Named(id), Step::Field(index)) => {
                let field = self.named(*id).fields()?.get(index)?;
                Some((&field.node, Some(Around::Field(&field.name))))
            }
            (Kind::Array(item), Step::Item) => Some((item, Some(Around::Item))),
            (Kind::Map(value), Step::Entry) => Some((value, Some(Around::Entry))),
            (Kind::Union(branches), Step::Branch(index)) => Some((branches.get(index)?, None)),
            _ => None,
        }
    }
}

/// Returns the steps to the nearest part of a value that a plan has no place for; none where the value itself is it.
fn first_failure(plan: &Plan, schema: &Schema, root: &Node) -> Vec<Step> {
    let mut seen = HashSet::from([plan.root]);
    let mut open: VecDeque<(NodeId, &Node, Vec<Step>)> = VecDeque::from([(plan.root, root, Vec::new())]);
    while let Some((id, node, steps)) = open.pop_front() {
        let Some(step) = plan.nodes.get(id.0) else { continue };
        match failure_or_parts(step, schema, node) {
            Parts::Fails(last) => return [steps, last.into_iter().collect()].concat(),
            Parts::Are(parts) => {
                let news = parts.into_iter().filter(|(id, ..)| seen.insert(*id));
                open.extend(news.map(|(id, node, step)| (id, node, [steps.as_slice(), step.as_slice()].concat())));
            }
        }
    }
    match plan.nodes.get(plan.root.0) {
        // A number may come to no other harm than that it loses digits.
        Some(PlanNode::Scalar {
            from: Primitive::Int | Primitive::Long,
            to: Primitive::Float | Primitive::Double,
            ..
        }) => {
            vec![Step::Digits]
        }
        _ => Vec::new(),
    }
}

/// What a node of a plan says of the writer's values.
enum Parts<'s> {
    /// There are some that it cannot read: all, or those with a symbol.
    Fails(Option<Step>),
    /// It depends on their parts.
    Are(Vec<(NodeId, &'s Node, Option<Step>)>),
}

fn failure_or_parts<'s>(step: &PlanNode, schema: &'s Schema, node: &'s Node) -> Parts<'s> {
    Parts::Are(match (step, &node.kind) {
        (PlanNode::Unresolvable(_), _) => return Parts::Fails(None),
        (PlanNode::Enum(of_enum), _) => match of_enum.mapping.iter().position(Result::is_err) {
            Some(index) => return Parts::Fails(Some(Step::Symbol(index))),
            None => Vec::new(),
        },
        (PlanNode::Branch { value, .. }, _) => vec![(*value, node, None)],
        (PlanNode::Array { item, .. }, Kind::Array(inner)) => vec![(*item, inner, Some(Step::Item))],
        (PlanNode::Map { value }, Kind::Map(inner)) => vec![(*value, inner, Some(Step::Entry))],
        (PlanNode::Union(ids), Kind::Union(branches)) => {
            let branches = ids.iter().zip(branches).enumerate();
            branches.map(|(index, (id, branch))| (*id, branch, Some(Step::Branch(index)))).collect()
        }
        (PlanNode::Record(record), Kind::Named(id)) => {
            let fields = record.steps.iter().zip(schema.named(*id).fields().unwrap_or_default()).enumerate();
            let read = fields.filter_map(|(index, (step, field))| match step {
                FieldStep::Read { node, .. } => Some((*node, &field.node, Some(Step::Field(index)))),
                FieldStep::Skip { .. } | FieldStep::Default { .. } => None,
            });
            read.collect()
        }
        _ => Vec::new(),
    })
}

/// Returns whether a value that was read is not the one that was written. Fields that only one side has do not count, and numbers
/// and texts are what they mean: 1 is 1.0.
fn differs(written: &Value, read: &Value) -> bool {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            written.iter().any(|(key, value)| read.get(key).is_some_and(|other| differs(value, other)))
        }
        (Value::Array(written), Value::Array(read)) => {
            written.len() != read.len() || written.iter().zip(read).any(|(value, other)| differs(value, other))
        }
        (Value::Number(written), Value::Number(read)) => written.to_string() != read.to_string().trim_end_matches(".0"),
        (Value::String(written), Value::String(read)) => {
            let number = |text: &str| text.parse::<f64>().ok();
            written != read && (number(written).is_none() || number(written) != number(read))
        }
        _ => written != read,
    }
}

#[cfg(test)]
mod tests;
