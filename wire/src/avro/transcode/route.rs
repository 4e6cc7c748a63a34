//! Chooses which generated code decodes the events of an unknown writer, and from which bytes: the reader's own code, or
//! that for a known writer whose bytes are more like them.
//!
//! In: the unknown writer's plan, and those of the known writers. A generated decoder does what its plan says; so where
//! two plans start with the same steps it reads the unknown writer's bytes as they are, and where they differ only in what
//! the writer wrote it need not be given the defaults that it has itself.

use super::super::{FieldStep, Node, NodeId, Plan, RecordNode};
use super::compile;
use super::program::Program;

/// How events are decoded.
#[derive(Debug)]
pub(super) struct Route {
    /// The index of the known writer whose generated code reads them; `None` for the reader's own.
    pub(super) writer: Option<usize>,
    pub(super) source: Source,
}

/// Which bytes the generated code reads.
#[derive(Debug)]
pub(super) enum Source {
    /// The start of what the writer wrote; the program passes over what is behind it.
    Start(Option<Program>),
    /// What the transcoder makes of it for the reader's own code.
    Transcoded,
    /// What this program makes of it for the known writer's.
    TranscodedBy(Program),
}

/// Chooses the cheapest way; each known plan comes with the index of its writer.
pub(super) fn choose(plan: &Plan, known: &[(usize, Plan)]) -> Route {
    let own = Route { writer: None, source: Source::Transcoded };
    let Some(record) = root(plan) else { return own };
    if let Some(rest) = behind_own(plan, record) {
        return Route { source: Source::Start(rest_program(plan, record, rest)), ..own };
    }
    let beside = |(writer, known): &(usize, Plan)| {
        let rest = behind(plan, record, known, root(known)?)?;
        Some(Route { writer: Some(*writer), source: Source::Start(rest_program(plan, record, rest)) })
    };
    known.iter().find_map(beside).or_else(|| nearest(plan, record, known)).unwrap_or(own)
}

/// Returns the root of a plan, unless it may stand in itself: its steps are then those of the inner ones, too.
fn root(plan: &Plan) -> Option<&RecordNode> {
    match plan.nodes.get(plan.root.0) {
        Some(Node::Record(record)) if !record.recursive => Some(record),
        _ => None,
    }
}

/// Returns what the writer wrote behind what the reader's own schema would write.
fn behind_own<'p>(plan: &Plan, record: &'p RecordNode) -> Option<&'p [FieldStep]> {
    let (own, rest) = record.steps.split_at_checked(record.fields.len())?;
    let is_own = |(index, step): (usize, &FieldStep)| match step {
        FieldStep::Read { field, node } => *field == index && plan.is_identity(*node),
        _ => false,
    };
    (own.iter().enumerate().all(is_own) && rest.iter().all(is_skip)).then_some(rest)
}

/// Returns what the writer wrote behind what the known one would write.
fn behind<'p>(plan: &Plan, record: &'p RecordNode, known: &Plan, like: &RecordNode) -> Option<&'p [FieldStep]> {
    let (steps, defaults) = split(record);
    let (like_steps, like_defaults) = split(like);
    let (start, rest) = steps.split_at_checked(like_steps.len())?;
    let mut pairs = Vec::new();
    let is_like = start.iter().zip(like_steps).all(|(step, like)| step_is_like(step, like, &mut pairs));
    let is_known = is_like && rest.iter().all(is_skip) && defaults == like_defaults;
    (is_known && nodes_are_like(plan, known, pairs)).then_some(rest)
}

/// Returns the steps for what was written, and the defaults.
fn split(record: &RecordNode) -> (&[FieldStep], &[FieldStep]) {
    let is_default = |step: &FieldStep| matches!(step, FieldStep::Default { .. });
    record.steps.split_at(record.steps.iter().position(is_default).unwrap_or(record.steps.len()))
}

fn is_skip(step: &FieldStep) -> bool {
    matches!(step, FieldStep::Skip { .. })
}

fn rest_program(plan: &Plan, record: &RecordNode, rest: &[FieldStep]) -> Option<Program> {
    (!rest.is_empty()).then(|| compile::left_out(plan, record, rest))
}

/// Returns whether two steps are alike if the pairs of nodes are that it adds.
fn step_is_like(one: &FieldStep, other: &FieldStep, pairs: &mut Vec<(NodeId, NodeId)>) -> bool {
    match (one, other) {
        (FieldStep::Skip { node, .. }, FieldStep::Skip { node: like, .. }) => {
            pairs.push((*node, *like));
            true
        }
        (FieldStep::Read { field, node }, FieldStep::Read { field: like_field, node: like }) => {
            pairs.push((*node, *like));
            field == like_field
        }
        _ => one == other,
    }
}

/// Returns whether the nodes of one plan do what those of the other do. What a skipped field was called is no matter.
fn nodes_are_like(plan: &Plan, known: &Plan, mut open: Vec<(NodeId, NodeId)>) -> bool {
    let mut seen = std::collections::HashSet::new();
    while let Some(pair) = open.pop() {
        let nodes = plan.nodes.get(pair.0.0).zip(known.nodes.get(pair.1.0));
        let Some((one, other)) = nodes else { return false };
        if seen.insert(pair) && !node_is_like(one, other, &mut open) {
            return false;
        }
    }
    true
}

/// Returns whether two nodes are alike if the pairs are that it adds.
fn node_is_like(one: &Node, other: &Node, pairs: &mut Vec<(NodeId, NodeId)>) -> bool {
    match (one, other) {
        (Node::Array { item: inner, .. }, Node::Array { item: like, .. })
        | (Node::Map { value: inner }, Node::Map { value: like }) => {
            pairs.push((*inner, *like));
            true
        }
        (Node::Branch { index, value, .. }, Node::Branch { index: like_index, value: like, .. }) => {
            pairs.push((*value, *like));
            index == like_index
        }
        (Node::Union(branches), Node::Union(like)) => {
            pairs.extend(branches.iter().copied().zip(like.iter().copied()));
            branches.len() == like.len()
        }
        (Node::Record(record), Node::Record(like)) => {
            let mut steps = record.steps.iter().zip(&like.steps);
            record.steps.len() == like.steps.len() && steps.all(|(step, like)| step_is_like(step, like, pairs))
        }
        _ => one == other,
    }
}

/// Transcodes for the known writer that leaves most to defaults, among those that wrote what the reader would write.
fn nearest(plan: &Plan, record: &RecordNode, known: &[(usize, Plan)]) -> Option<Route> {
    let defaults = |like: &RecordNode| split(like).1.len();
    let fitting = known.iter().filter_map(|(writer, known)| {
        let like = root(known).filter(|like| wrote_less(known, like, record))?;
        Some((*writer, like))
    });
    let (writer, like) = fitting.max_by_key(|(_, like)| defaults(like)).filter(|(_, like)| defaults(like) > 0)?;
    let program = compile::program(&toward(plan, record, like));
    Some(Route { writer: Some(writer), source: Source::TranscodedBy(program) })
}

/// Returns whether what the known writer wrote is a part of what the reader's own schema writes, and whether the other
/// writer has written none of the rest.
fn wrote_less(known: &Plan, like: &RecordNode, record: &RecordNode) -> bool {
    let (steps, defaults) = split(like);
    let is_own = |step: &FieldStep| matches!(step, FieldStep::Read { node, .. } if known.is_identity(*node));
    steps.iter().all(is_own) && defaults.iter().all(|default| record.steps.contains(default))
}

/// Returns the plan whose reader is the schema of the known writer.
fn toward(plan: &Plan, record: &RecordNode, like: &RecordNode) -> Plan {
    let (written, _) = split(like);
    let place =
        |of: usize| written.iter().position(|step| matches!(step, FieldStep::Read { field, .. } if *field == of));
    let steps = record.steps.iter().filter_map(|step| match step {
        FieldStep::Read { field, node } => Some(FieldStep::Read { field: place(*field)?, node: *node }),
        FieldStep::Default { field, bytes } => Some(FieldStep::Default { field: place(*field)?, bytes: bytes.clone() }),
        FieldStep::Skip { .. } => Some(step.clone()),
    });
    let name = |step: &FieldStep| match step {
        FieldStep::Read { field, .. } => record.fields.get(*field).cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let root = RecordNode {
        name: record.name.clone(),
        fields: written.iter().map(name).collect(),
        steps: steps.collect(),
        recursive: false,
    };
    let mut toward = plan.clone();
    toward.root = NodeId(toward.nodes.len());
    toward.nodes.push(Node::Record(root));
    toward
}

#[cfg(test)]
mod tests {
    use super::super::super::{Logical, Primitive};
    use super::*;

    /// The reader's fields: longs, but for the last one.
    const FIELDS: [&str; 4] = ["a", "b", "c", "d"];

    /// Returns a plan, one word a step: a field that is read as it is, `a~` one that is promoted, `-` one that is skipped,
    /// `a=` a default.
    fn plan(steps: &str) -> Plan {
        let scalar = |from| Node::Scalar { from, to: Primitive::Long, logical: Logical::None, conversion: None };
        let step = |word: &str| {
            let field = || FIELDS.iter().position(|name| word.starts_with(name)).unwrap();
            match word.get(word.len() - 1..) {
                Some("-") => FieldStep::Skip { name: "x".into(), node: NodeId(1) },
                Some("=") => FieldStep::Default { field: field(), bytes: vec![2] },
                Some("~") => FieldStep::Read { field: field(), node: NodeId(2) },
                _ => FieldStep::Read { field: field(), node: NodeId(1) },
            }
        };
        let root = RecordNode {
            name: "R".into(),
            fields: FIELDS.map(str::to_owned).into(),
            steps: steps.split(' ').map(step).collect(),
            recursive: false,
        };
        let nodes = vec![Node::Record(root), scalar(Primitive::Long), scalar(Primitive::Int)];
        Plan { reader: 0, nodes, root: NodeId(0) }
    }

    #[test]
    fn the_cheapest_way_is_chosen() {
        const KNOWN: [&str; 5] = ["a b~ c= d=", "a b c= d=", "a b c d=", "a - b c d", "a b c d"];
        let known: Vec<_> = KNOWN.into_iter().map(plan).enumerate().collect();
        let check = |steps: &str, expected: &str| {
            let Route { writer, source } = choose(&plan(steps), &known);
            let from = writer.and_then(|writer| KNOWN.get(writer)).unwrap_or(&"own");
            let how = match source {
                Source::Start(None) => "whole",
                Source::Start(Some(_)) => "start",
                Source::Transcoded | Source::TranscodedBy(_) => "transcoded",
            };
            assert_eq!(format!("{how}: {from}"), expected, "{steps}");
        };
        check("a b c d", "whole: own");
        check("a b c d - -", "start: own");
        check("a b~ c= d=", "whole: a b~ c= d=");
        check("a b~ - c= d=", "start: a b~ c= d=");
        check("a b c - d=", "start: a b c d=");
        check("a - b c d -", "start: a - b c d");
        // What the writer's fields are made for the code that has the most defaults: none of those that they hold.
        check("a c= b= d=", "transcoded: a b c= d=");
        check("b a - c= d=", "transcoded: a b c= d=");
        check("c b a~ d=", "transcoded: a b c d=");
        check("a b c~ d", "transcoded: own");
        check("- a b c d", "transcoded: own");
        check("a b d c=", "transcoded: own");
    }

    #[test]
    fn what_may_stand_in_itself_is_decoded_as_the_reader_writes_it() {
        let mut plan = plan("a b c d -");
        if let Some(Node::Record(root)) = plan.nodes.first_mut() {
            root.recursive = true;
        }
        assert!(matches!(choose(&plan, &[]), Route { writer: None, source: Source::Transcoded }));
    }
}
