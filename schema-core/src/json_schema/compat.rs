//! Whether a reader's JSON Schema accepts what a writer's schema accepts.
//!
//! In: two schemas. Out: all findings. The rules are those of Confluent's registry: its names, and its verdicts, which
//! follow from the schemas alone and never from values. Two schemas of one kind are compared keyword by keyword; an
//! object that is open to any other property promises something about each of them, so that a property cannot be
//! added to it, while a closed one cannot lose any.

mod array;
mod combined;
mod names;
mod object;
mod scalar;

use std::collections::HashMap;

use self::combined::describe;
use self::names::NamePatterns;
use super::model::{Criterion, Kind, NodeId, Placed, Schema, Span};
use super::witness;
use crate::compat::{Direction, Draft, Findings, Pair, Places, Rule, Severity, Sourced, rule};

/// How deep schemas may lead into each other before the comparison gives up.
const MAX_DEPTH: usize = 200;

/// How many pairs of schemas are compared before the comparison gives up: parts of combined schemas are compared each
/// with each. Large ones count for several.
const MAX_STEPS: usize = 300_000;

/// How many properties or values of an enum are compared in the time of one step.
const PARTS_OF_A_STEP: usize = 16;

/// Adds everything that keeps the pair's reader from accepting what its writer accepts.
pub(crate) fn check(pair: &Pair<'_, Schema>, found: &mut Findings) {
    let mut comparison = Comparison::new(pair, found);
    comparison.node(comparison.reader.root, comparison.writer.root);
    if comparison.gave_up {
        comparison.too_complex();
    }
}

struct Comparison<'a> {
    pair: &'a Pair<'a, Schema>,
    reader: &'a Schema,
    writer: &'a Schema,
    /// What is known of two nodes, so that recursive schemas end and shared ones are compared once.
    known: HashMap<Key, Verdict>,
    /// Pairs that are compatible if those around them are.
    provisional: Vec<Key>,
    /// The outermost pair in progress that what is being compared has been taken for compatible with.
    lowest: usize,
    names: NamePatterns,
    /// The JSON pointer to where the comparison is.
    path: Vec<String>,
    /// The names of the properties on the way, for people.
    fields: Vec<String>,
    /// The nodes that are being compared: the reader's and the writer's.
    around: (Span, Span),
    /// Whether the comparison is inside an odd number of `not`s, where the sides change places.
    sides_changed: bool,
    depth: usize,
    steps: usize,
    /// Whether a limit was met: what was not compared is not compatible.
    gave_up: bool,
    /// Above zero while schemas are only tried: what they lack is no finding of its own.
    trials: usize,
    found: &'a mut Findings,
}

/// Two nodes that are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    reader: NodeId,
    writer: NodeId,
    sides_changed: bool,
}

#[derive(Clone, Copy)]
enum Verdict {
    /// Compatible unless proven otherwise: the comparison is still on its way through it, at this depth.
    InProgress(usize),
    /// Compatible, if the pair in progress at this depth is.
    Compatible(usize),
    /// Found while schemas were tried: the findings are not reported yet.
    Incompatible,
    Reported,
}

/// Where something stands on both sides; `None` where a side lacks it.
#[derive(Clone, Copy, Default)]
struct Sides {
    reader: Option<Span>,
    writer: Option<Span>,
}

impl<'a> Comparison<'a> {
    fn new(pair: &'a Pair<'a, Schema>, found: &'a mut Findings) -> Self {
        let (reader, writer) = (pair.reader().schema, pair.writer().schema);
        Self {
            pair,
            reader,
            writer,
            known: HashMap::new(),
            provisional: Vec::new(),
            lowest: usize::MAX,
            names: NamePatterns::default(),
            path: Vec::new(),
            fields: Vec::new(),
            around: (reader.node(reader.root).span, writer.node(writer.root).span),
            sides_changed: false,
            depth: 0,
            steps: 0,
            gave_up: false,
            trials: 0,
            found,
        }
    }

    /// Compares two schemas and returns whether the reader's accepts all that the writer's does.
    fn node(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let (reader, writer) = (self.reader.resolved(reader).0, self.writer.resolved(writer).0);
        let key = Key { reader, writer, sides_changed: self.sides_changed };
        match self.known.get(&key) {
            Some(Verdict::InProgress(depth) | Verdict::Compatible(depth)) => {
                self.lowest = self.lowest.min(*depth);
                return true;
            }
            Some(Verdict::Reported) => return false,
            Some(Verdict::Incompatible) if self.trials > 0 => return false,
            Some(Verdict::Incompatible) | None => {}
        }
        if self.depth == MAX_DEPTH || !self.afford(0) {
            self.gave_up = true;
            return true;
        }
        self.depth += 1;
        let compatible = self.unknown(key);
        self.depth -= 1;
        compatible
    }

    /// Compares two nodes and keeps the verdict. One that rests on a pair in progress is forgotten if that one fails.
    fn unknown(&mut self, key: Key) -> bool {
        let depth = self.depth;
        let n_provisional = self.provisional.len();
        let (lowest, around) = (std::mem::replace(&mut self.lowest, usize::MAX), self.around);
        self.known.insert(key, Verdict::InProgress(depth));
        self.around = (self.reader.node(key.reader).span, self.writer.node(key.writer).span);
        let compatible = self.bodies(key.reader, key.writer);
        self.around = around;
        let rests_on = if compatible && self.lowest < depth { self.lowest } else { usize::MAX };
        let verdict = match (compatible, self.trials) {
            (true, _) => Verdict::Compatible(rests_on),
            (false, 0) => Verdict::Reported,
            (false, _) => Verdict::Incompatible,
        };
        if !compatible {
            for key in self.provisional.drain(n_provisional..) {
                self.known.remove(&key);
            }
        } else if rests_on == usize::MAX {
            let proven = self.provisional.drain(n_provisional..);
            self.known.extend(proven.map(|key| (key, Verdict::Compatible(usize::MAX))));
        } else {
            self.provisional.push(key);
        }
        self.known.insert(key, verdict);
        self.lowest = lowest.min(rests_on);
        compatible
    }

    fn bodies(&mut self, reader: NodeId, writer: NodeId) -> bool {
        if self.part_reads(reader, writer) {
            return true;
        }
        let (of_reader, of_writer) = (self.reader, self.writer);
        match (&of_reader.node(reader).kind, &of_writer.node(writer).kind) {
            (Kind::Text(reader), Kind::Text(writer)) => self.text(reader, writer),
            (Kind::Number(reader), Kind::Number(writer)) => self.number(reader, writer),
            (Kind::Enum(reader), Kind::Enum(writer)) => self.enumeration(reader, writer),
            (Kind::Combined(reader), Kind::Combined(writer)) => self.combined(reader, writer),
            (Kind::Not(reader), Kind::Not(writer)) => self.negation(*reader, *writer),
            (Kind::Object(reader), Kind::Object(writer)) => self.object(reader, writer),
            (Kind::Array(reader), Kind::Array(writer)) => self.array(reader, writer),
            (Kind::Null, Kind::Null)
            | (Kind::Boolean, Kind::Boolean)
            | (Kind::Conditional, Kind::Conditional)
            | (Kind::Anything, _)
            | (_, Kind::Nothing) => true,
            _ => self.type_changed(reader, writer),
        }
    }

    /// Returns whether one part of a combined schema decides, where the other schema is not combined.
    fn part_reads(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let (of_reader, of_writer) = (self.reader, self.writer);
        match (&of_reader.node(reader).kind, &of_writer.node(writer).kind) {
            (Kind::Combined(_), Kind::Combined(_)) => false,
            (Kind::Combined(combined), _) if combined.parts.len() == 1 || combined.criterion != Criterion::All => {
                combined.parts.iter().any(|&part| self.tried(|comparison| comparison.node(part, writer)))
            }
            (_, Kind::Combined(combined)) if combined.parts.len() == 1 || combined.criterion == Criterion::All => {
                combined.parts.iter().any(|&part| self.tried(|comparison| comparison.node(reader, part)))
            }
            _ => false,
        }
    }

    /// `not` is compared the other way round: what the reader excludes, the writer must exclude.
    fn negation(&mut self, reader: NodeId, writer: NodeId) -> bool {
        let what = format!("{} excludes more than {} does", self.pair.reader().label, self.pair.writer().label);
        self.change_sides();
        let compatible = self.tried(|comparison| comparison.node(writer, reader));
        self.change_sides();
        let places = self.both(self.reader.node(reader).span, self.writer.node(writer).span);
        compatible
            || self.within("not", |comparison| {
                comparison.report(&rule::NOT_TYPE_EXTENDED, what, "exclude no more than before".into(), places)
            })
    }

    fn change_sides(&mut self) {
        std::mem::swap(&mut self.reader, &mut self.writer);
        self.around = (self.around.1, self.around.0);
        self.sides_changed = !self.sides_changed;
    }

    fn type_changed(&mut self, reader: NodeId, writer: NodeId) -> bool {
        if self.trials > 0 {
            return false;
        }
        let (newer, older) = self.sides(describe(self.reader, reader), describe(self.writer, writer));
        let what = format!("{} is {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        self.report(&rule::TYPE_CHANGED, what, format!("keep {older}"), self.here())
    }

    fn too_complex(&mut self) {
        let what = format!("schemas are more than {MAX_DEPTH} deep, or have more than {MAX_STEPS} pairs to compare");
        let help = "nest schemas less deeply, or combine fewer of them".into();
        self.report(&rule::TOO_COMPLEX, what, help, self.here());
    }

    /// Reports a broken rule, unless schemas are only tried; returns `false`, the verdict.
    fn report(&mut self, rule: &'static Rule, what: String, help: String, places: Sides) -> bool {
        if self.trials > 0 {
            return false;
        }
        let Self { pair, path, fields, around, .. } = self;
        let Sides { reader, writer } = places;
        let new = pair.newer(reader, writer).unwrap_or(pair.newer(around.0, around.1));
        let draft = Draft {
            rule,
            severity: Severity::Error,
            path: format!("#/{}", path.join("/")),
            what,
            help,
            places: Places { reader, writer, new },
        };
        pair.report(draft, self.found, || witness::prove(pair.reader().schema, pair.writer().schema, fields));
        false
    }

    /// Reports a keyword that is stricter in the reader's schema; either side may lack it.
    fn changed<T>(
        &mut self,
        rule: &'static Rule,
        keyword: &str,
        (reader, writer): (Option<&Placed<T>>, Option<&Placed<T>>),
    ) -> bool {
        if self.trials > 0 {
            return false;
        }
        let places = Sides { reader: reader.map(|one| one.span), writer: writer.map(|one| one.span) };
        let written = |schema: &Schema, span| quoted(schema.text_of(&span));
        let reader = places.reader.map(|span| written(self.reader, span));
        let writer = places.writer.map(|span| written(self.writer, span));
        let (newer, older) = self.sides(reader, writer);
        let help = match &older {
            Some(older) => format!("keep `{keyword}` {older}"),
            None => format!("leave `{keyword}` out"),
        };
        let [newer, older] = [newer, older].map(|side| side.unwrap_or_else(|| "absent".into()));
        let what = format!("`{keyword}` of {} is {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        self.within(keyword, |comparison| comparison.report(rule, what, help, places))
    }

    /// Returns what is new and what is old.
    fn sides<T>(&self, of_reader: T, of_writer: T) -> (T, T) {
        match self.pair.direction {
            Direction::Backward => (of_reader, of_writer),
            Direction::Forward => (of_writer, of_reader),
        }
    }

    /// Returns what the comparison is at, for people.
    fn subject(&self) -> String {
        let Some(last) = self.fields.last() else { return "the schema".into() };
        let word = if last.starts_with('[') { "item" } else { "property" };
        format!("{word} `{}`", self.fields.join(".").replace(".[", "["))
    }

    fn here(&self) -> Sides {
        self.both(self.around.0, self.around.1)
    }

    fn both(&self, reader: Span, writer: Span) -> Sides {
        Sides { reader: Some(reader), writer: Some(writer) }
    }

    /// Takes a step for two schemas with so many parts; returns whether there are any left.
    fn afford(&mut self, n_parts: usize) -> bool {
        self.steps = self.steps.saturating_add(1 + n_parts / PARTS_OF_A_STEP);
        let is_left = self.steps <= MAX_STEPS;
        self.gave_up |= !is_left;
        is_left
    }

    fn within<T>(&mut self, step: &str, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.to_owned());
        let result = compare(self);
        self.path.pop();
        result
    }

    /// Returns whether nothing more need be compared: of what is only tried, the first thing that does not fit is enough.
    fn is_decided(&self, compatible: bool) -> bool {
        !compatible && self.trials > 0
    }

    fn tried<T>(&mut self, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.trials += 1;
        let result = compare(self);
        self.trials -= 1;
        result
    }
}

/// Returns a value as messages show it, not to its end where it is long.
fn quoted(value: &str) -> String {
    const MAX_CHARS: usize = 60;
    match value.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("`{}…`", value.get(..end).unwrap_or("")),
        None => format!("`{value}`"),
    }
}
