//! Whether a reader's Avro schema can read what a writer's schema writes.
//!
//! In: two schemas. Out: all findings. The rules are those of Java Avro's `SchemaCompatibility`, which Confluent's
//! registry runs: named types are compared by their simple names or the reader's aliases, a union's branch by whether
//! it can read the writer's type as a whole. Aliases, promotions and defaults are Avro 1.12, "Schema Resolution".
//!
//! Two things differ from Java, and no verdict does: findings are not repeated where a type is used twice, and a field
//! without default whose type is an enum with one is reported as what it is.

mod help;
mod strict;

use std::collections::{BTreeSet, HashMap};

use eventwright_wire::avro::Logical;

use super::witness::{Prover, Step};
use super::{Body, Field, Kind, Named, NamedId, Node, Schema, Span};
use crate::compat::{Draft, Findings, Pair, Rule, Severity, rule};

type Places = crate::compat::Places<Span>;

/// How deep types may be nested before the comparison gives up: far above any schema that people write, far below what
/// a thread's stack holds.
const MAX_DEPTH: usize = 200;

/// How many pairs of types are compared before the comparison gives up. Unions are compared branch by branch, so that
/// hostile schemas of 1 MiB could make it 100 million.
const MAX_STEPS: usize = 300_000;

/// Adds everything that keeps the pair's reader from reading what its writer writes.
pub(crate) fn check(pair: &Pair<'_, Schema>, found: &mut Findings) {
    let mut comparison = Comparison::new(pair, found);
    let (reader, writer) = (comparison.reader, comparison.writer);
    comparison.node(reader.root(), writer.root());
    if let Some(places) = comparison.gave_up {
        comparison.too_complex(places);
    }
}

struct Comparison<'a> {
    pair: &'a Pair<'a, Schema>,
    reader: &'a Schema,
    writer: &'a Schema,
    /// What is known of two named types, so that recursive types end and shared ones are compared once.
    known: HashMap<(NamedId, NamedId), Verdict>,
    /// The JSON pointer to where the comparison is, in the reader's schema, as Java Avro builds it.
    path: Vec<String>,
    /// The names of the fields on the way, for people.
    fields: Vec<&'a str>,
    /// The way to where the comparison is in a value of the writer's.
    steps: Vec<Step>,
    /// The types that are being compared: the reader's and the writer's.
    around: (&'a Node, &'a Node),
    prover: Prover<'a>,
    depth: usize,
    n_steps: usize,
    /// Where the comparison first met a limit: what was not compared is not compatible.
    gave_up: Option<Places>,
    /// Above zero while a branch is only tried: what a union's branch lacks is no finding of its own.
    trials: usize,
    found: &'a mut Findings,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Compatible unless proven otherwise: the comparison is still on its way through it.
    InProgress,
    Compatible,
    /// Found while a branch was tried: the findings are not reported yet.
    Incompatible,
    Reported,
}

impl<'a> Comparison<'a> {
    fn new(pair: &'a Pair<'a, Schema>, found: &'a mut Findings) -> Self {
        let (reader, writer) = (pair.reader().schema, pair.writer().schema);
        Self {
            pair,
            reader,
            writer,
            known: HashMap::new(),
            path: Vec::new(),
            fields: Vec::new(),
            steps: Vec::new(),
            around: (reader.root(), writer.root()),
            prover: Prover::new(reader, writer),
            depth: 0,
            n_steps: 0,
            gave_up: None,
            trials: 0,
            found,
        }
    }

    /// Compares two types and returns whether the reader can read all that the writer writes.
    fn node(&mut self, reader: &'a Node, writer: &'a Node) -> bool {
        if self.depth == MAX_DEPTH || self.n_steps == MAX_STEPS {
            let places = self.places(reader, writer);
            self.gave_up.get_or_insert(places);
            return true;
        }
        self.depth += 1;
        self.n_steps += 1;
        let around = std::mem::replace(&mut self.around, (reader, writer));
        let compatible = self.kinds(reader, writer);
        self.around = around;
        self.depth -= 1;
        compatible
    }

    fn kinds(&mut self, reader: &'a Node, writer: &'a Node) -> bool {
        match (&reader.kind, &writer.kind) {
            (Kind::Union(_), Kind::Union(branches)) => self.union_reads_union(reader, branches),
            (_, Kind::Union(branches)) => self.all(branches.iter().enumerate(), |comparison, (index, branch)| {
                comparison.within_branch(index, |comparison| comparison.node(reader, branch))
            }),
            (Kind::Union(branches), _) => {
                self.any_branch_reads(branches, writer) || self.missing_branch(reader, writer)
            }
            (Kind::Named(reader_id), Kind::Named(writer_id)) => self.named(*reader_id, *writer_id, (reader, writer)),
            (Kind::Array(reader), Kind::Array(writer)) => {
                self.within_step("items".into(), Step::Item, |comparison| comparison.node(reader, writer))
            }
            (Kind::Map(reader), Kind::Map(writer)) => {
                self.within_step("values".into(), Step::Entry, |comparison| comparison.node(reader, writer))
            }
            (of_reader, of_writer) if promotes(of_writer, of_reader) => {
                self.logical(reader.logical, writer.logical, self.places(reader, writer));
                self.promotion(reader, writer);
                true
            }
            _ => self.type_mismatch(reader, writer),
        }
    }

    fn union_reads_union(&mut self, reader: &'a Node, writer_branches: &'a [Node]) -> bool {
        self.all(writer_branches.iter().enumerate(), |comparison, (index, branch)| {
            comparison.within_branch(index, |comparison| {
                comparison.around = (reader, branch);
                comparison.tried(|comparison| comparison.node(reader, branch))
                    || comparison.missing_branch(reader, branch)
            })
        })
    }

    fn any_branch_reads(&mut self, branches: &'a [Node], writer: &'a Node) -> bool {
        branches.iter().any(|branch| self.tried(|comparison| comparison.node(branch, writer)))
    }

    fn named(&mut self, reader: NamedId, writer: NamedId, nodes: (&'a Node, &'a Node)) -> bool {
        let reporting = self.trials == 0;
        if !reporting && !have_same_name(self.reader.named(reader), self.writer.named(writer)) {
            // Most branches of a large union are told apart so.
            return false;
        }
        match self.known.get(&(reader, writer)) {
            Some(Verdict::InProgress | Verdict::Compatible) => return true,
            Some(Verdict::Reported) => return false,
            Some(Verdict::Incompatible) if !reporting => return false,
            Some(Verdict::Incompatible) | None => {}
        }
        self.known.insert((reader, writer), Verdict::InProgress);
        let compatible = self.named_bodies(reader, writer, nodes);
        let verdict = match (compatible, reporting) {
            (true, _) => Verdict::Compatible,
            (false, true) => Verdict::Reported,
            (false, false) => Verdict::Incompatible,
        };
        self.known.insert((reader, writer), verdict);
        compatible
    }

    fn named_bodies(&mut self, reader: NamedId, writer: NamedId, nodes: (&'a Node, &'a Node)) -> bool {
        let (reader, writer) = (self.reader.named(reader), self.writer.named(writer));
        match (&reader.body, &writer.body) {
            (Body::Record(_), Body::Record(_)) => {
                let names = self.names(reader, writer);
                self.taken_aliases(reader, writer);
                self.within("fields".into(), |comparison| comparison.record(reader, writer)) && names
            }
            (Body::Enum { .. }, Body::Enum { .. }) => {
                let names = self.names(reader, writer);
                self.within("symbols".into(), |comparison| comparison.symbols(reader, writer)) && names
            }
            (Body::Fixed(_), Body::Fixed(_)) => {
                let names = self.names(reader, writer);
                self.logical(reader.logical, writer.logical, self.places_of_named(reader, writer));
                self.within("size".into(), |comparison| comparison.size(reader, writer)) && names
            }
            _ => self.type_mismatch(nodes.0, nodes.1),
        }
    }

    fn names(&mut self, reader: &'a Named, writer: &'a Named) -> bool {
        if have_same_name(reader, writer) {
            return true;
        }
        let word = reader.word();
        let what = format!(
            "{word} `{}` is called `{}` in {}",
            self.pair.newer(&reader.name, &writer.name),
            self.pair.older(&reader.name, &writer.name),
            self.pair.old.label,
        );
        let help = self.help_for_name(reader, writer);
        let places = self.places_of_named(reader, writer);
        self.within("name".into(), |comparison| comparison.report(&rule::NAME_MISMATCH, what, help, places))
    }

    fn record(&mut self, reader: &'a Named, writer: &'a Named) -> bool {
        let written = writer.fields().unwrap_or_default().iter().enumerate();
        let written = written.map(|(index, field)| (field.name.as_str(), (index, field))).collect();
        self.all(reader.fields().unwrap_or_default().iter().enumerate(), |comparison, (index, field)| {
            comparison.within(index.to_string(), |comparison| {
                comparison.fields.push(&field.name);
                let compatible = comparison.field(field, &written, (reader, writer));
                comparison.fields.pop();
                compatible
            })
        })
    }

    /// A reader's field is the writer's field of its name or of one of its aliases; Java Avro counts both.
    fn field(
        &mut self,
        field: &'a Field,
        written: &HashMap<&'a str, (usize, &'a Field)>,
        (reader, writer): (&'a Named, &'a Named),
    ) -> bool {
        let names = std::iter::once(&field.name).chain(&field.aliases);
        let mut matching = names.filter_map(|name| written.get(name.as_str()).copied());
        match (matching.next(), matching.next()) {
            (Some((index, of_writer)), None) => {
                self.changed_default(field, of_writer);
                let step = Step::Field(index);
                self.within_step("type".into(), step, |comparison| comparison.node(&field.node, &of_writer.node))
            }
            (None, _) if field.default.is_some() => true,
            (None, _) => self.missing_default(field, reader, writer),
            (Some((_, first)), Some((_, second))) => self.ambiguous(field, first, second),
        }
    }

    fn missing_default(&mut self, field: &'a Field, reader: &'a Named, writer: &'a Named) -> bool {
        let name = self.fields.join(".");
        let what = self.pair.newer(
            format!("field `{name}` was added without a default"),
            format!("field `{name}` was removed, and {} has no default for it", self.pair.old.label),
        );
        let help = self.help_for_default(field, reader, writer);
        let places =
            Places { reader: Some(field.span), writer: None, new: self.pair.newer(field.span, writer.name_span) };
        self.report(&rule::READER_FIELD_MISSING_DEFAULT_VALUE, what, help, places)
    }

    fn ambiguous(&mut self, field: &'a Field, first: &'a Field, second: &'a Field) -> bool {
        let name = self.fields.join(".");
        let what = format!(
            "field `{name}`, by its name and aliases, is both `{}` and `{}` of {}",
            first.name,
            second.name,
            self.pair.writer().label,
        );
        let help = format!("remove the alias of `{}` that is not meant", field.name);
        let places =
            Places { reader: Some(field.span), writer: Some(first.span), new: self.pair.newer(field.span, first.span) };
        self.report(&rule::AMBIGUOUS_FIELD_ALIAS, what, help, places)
    }

    fn symbols(&mut self, reader: &'a Named, writer: &'a Named) -> bool {
        let (symbols, default) = enum_of(reader);
        let symbols: BTreeSet<_> = symbols.iter().collect();
        self.changed_enum_default(reader, writer);
        let written: BTreeSet<_> = enum_of(writer).0.iter().collect();
        if written.is_subset(&symbols) || default.is_some_and(|default| symbols.contains(default)) {
            return true;
        }
        let missing = written.difference(&symbols).map(|symbol| format!("`{symbol}`")).collect::<Vec<_>>().join(", ");
        let what = format!(
            "enum `{}` of {} has neither {missing}, which {} writes, nor a default",
            reader.name,
            self.pair.reader().label,
            self.pair.writer().label,
        );
        let help = self.help_for_symbols(&missing, reader);
        self.report(&rule::MISSING_ENUM_SYMBOLS, what, help, self.places_of_named(reader, writer))
    }

    fn size(&mut self, reader: &'a Named, writer: &'a Named) -> bool {
        let (Body::Fixed(of_reader), Body::Fixed(of_writer)) = (&reader.body, &writer.body) else { return true };
        if of_reader == of_writer {
            return true;
        }
        let (newer, older) = (self.pair.newer(of_reader, of_writer), self.pair.older(of_reader, of_writer));
        let what = format!("fixed `{}` has {newer} bytes, {older} in {}", reader.name, self.pair.old.label);
        let help = format!("keep the size {older}, or give the fixed of {newer} bytes a new name in a new field");
        self.report(&rule::FIXED_SIZE_MISMATCH, what, help, self.places_of_named(reader, writer))
    }

    /// Java Avro does not look at logical types, so this never breaks a promise: it warns.
    fn logical(&mut self, reader: Logical, writer: Logical, places: Places) {
        let keeps_meaning = match (reader, writer) {
            (Logical::None, _) | (_, Logical::None) => true,
            (Logical::Decimal { scale, precision }, Logical::Decimal { scale: written, precision: digits }) => {
                scale == written && precision >= digits
            }
            (reader, writer) => reader == writer,
        };
        if keeps_meaning || self.trials > 0 {
            return;
        }
        let (newer, older) = (self.pair.newer(reader, writer), self.pair.older(reader, writer));
        let what = format!(
            "{} is a {} and was a {} in {}",
            self.subject(),
            help::describe_logical(newer),
            help::describe_logical(older),
            self.pair.old.label,
        );
        let help = format!("keep the {}, or add a new field", help::describe_logical(older));
        self.push(&rule::LOGICAL_TYPE_CHANGED, Severity::Warning, (what, help), places);
    }

    fn type_mismatch(&mut self, reader: &'a Node, writer: &'a Node) -> bool {
        let (of_reader, of_writer) = (help::describe(self.reader, reader), help::describe(self.writer, writer));
        let what = format!(
            "{} is {}, and {} in {}",
            self.subject(),
            self.pair.newer(&of_reader, &of_writer),
            self.pair.older(&of_reader, &of_writer),
            self.pair.old.label,
        );
        let older = self.pair.older(&of_reader, &of_writer);
        let instead = if self.fields.is_empty() { "" } else { ", or add a new field with a default" };
        let help = format!("keep {older}{instead}");
        self.report(&rule::TYPE_MISMATCH, what, help, self.places(reader, writer))
    }

    fn missing_branch(&mut self, reader: &'a Node, writer: &'a Node) -> bool {
        let branch = help::describe(self.writer, writer);
        let what = format!(
            "no branch of the union of {} in {} reads {branch} of {}",
            self.subject(),
            self.pair.reader().label,
            self.pair.writer().label,
        );
        let help = self.pair.newer(
            format!("add {branch} to the union"),
            format!("remove {branch}, or first release a version that reads it"),
        );
        self.report(&rule::MISSING_UNION_BRANCH, what, help, self.places(reader, writer))
    }

    fn too_complex(&mut self, places: Places) {
        let what = format!("types are nested more than {MAX_DEPTH} deep, or in more than {MAX_STEPS} pairs to compare");
        self.report(&rule::TOO_COMPLEX, what, "nest types less deeply, or use fewer in one union".into(), places);
    }

    /// Reports a broken rule, unless a branch is only tried; returns `false`, the verdict.
    fn report(&mut self, rule: &'static Rule, what: String, help: String, places: Places) -> bool {
        if self.trials == 0 {
            self.push(rule, Severity::Error, (what, help), places);
        }
        false
    }

    fn push(&mut self, rule: &'static Rule, severity: Severity, (what, help): (String, String), places: Places) {
        let Self { pair, path, prover, steps, around, .. } = self;
        let draft = Draft { rule, severity, path: format!("/{}", path.join("/")), what, help, places };
        pair.report(draft, self.found, || prover.prove(steps, *around));
    }

    /// Returns what the comparison is at, for people.
    fn subject(&self) -> String {
        match self.fields.join(".") {
            fields if fields.is_empty() => "the schema".into(),
            fields => format!("field `{fields}`"),
        }
    }

    fn places(&self, reader: &Node, writer: &Node) -> Places {
        self.pair.both(reader.span, writer.span)
    }

    fn places_of_named(&self, reader: &Named, writer: &Named) -> Places {
        let new = self.pair.newer(reader.name_span, writer.name_span);
        Places { new, ..self.pair.both(reader.span, writer.span) }
    }

    fn within<T>(&mut self, step: String, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = compare(self);
        self.path.pop();
        result
    }

    fn within_branch<T>(&mut self, index: usize, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.within_step(index.to_string(), Step::Branch(index), compare)
    }

    /// Goes to a part of the writer's values.
    fn within_step<T>(&mut self, name: String, step: Step, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let around = self.around;
        let result = self.within(name, compare);
        self.around = around;
        self.steps.pop();
        result
    }

    fn tried<T>(&mut self, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.trials += 1;
        let result = compare(self);
        self.trials -= 1;
        result
    }

    /// Compares every item, also after one that is not compatible: all findings are wanted.
    fn all<T>(&mut self, items: impl Iterator<Item = T>, mut compare: impl FnMut(&mut Self, T) -> bool) -> bool {
        let mut compatible = true;
        for item in items {
            compatible &= compare(self, item);
        }
        compatible
    }
}

/// Java Avro compares simple names, and the reader's aliases with the writer's full name.
fn have_same_name(reader: &Named, writer: &Named) -> bool {
    reader.name.simple == writer.name.simple || reader.aliases.contains(&writer.name)
}

/// Returns whether a primitive of the writer's can be read as one of the reader's.
fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Null, Kind::Null)
            | (Kind::Boolean, Kind::Boolean)
            | (Kind::Int, Kind::Int | Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Float | Kind::Double)
            | (Kind::Double, Kind::Double)
            | (Kind::String | Kind::Bytes, Kind::String | Kind::Bytes)
    )
}

fn enum_of(named: &Named) -> (&[String], Option<&String>) {
    match &named.body {
        Body::Enum { symbols, default } => (symbols, default.as_ref()),
        Body::Record(_) | Body::Fixed(_) => (&[], None),
    }
}

#[cfg(test)]
mod tests;
