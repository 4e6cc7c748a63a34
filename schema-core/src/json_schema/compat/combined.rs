//! Combined schemas: `allOf`, `anyOf`, `oneOf`, several types, and several parts of one schema.

use std::collections::HashSet;

use super::Comparison;
use super::MAX_STEPS;
use crate::compat::{Rule, rule};
use crate::json_schema::model::{Combined, Criterion, Kind, NodeId, Schema};

impl Comparison<'_> {
    /// As many parts as the smaller side has must have a partner each, one that reads what the other one writes. All
    /// of may lose parts, any of may gain some.
    pub(super) fn combined(&mut self, reader: &Combined, writer: &Combined) -> bool {
        if !criterion_fits(reader, writer) {
            let (newer, older) = self.sides(reader.criterion.keyword(), writer.criterion.keyword());
            let what = format!("{} is `{newer}`, and `{older}` in {}", self.subject(), self.pair.old.label);
            return self.report(&rule::COMBINED_TYPE_CHANGED, what, format!("keep `{older}`"), self.here());
        }
        let (n_reader, n_writer) = (reader.parts.len(), writer.parts.len());
        let mut compatible = true;
        let criteria = effective_criteria(reader, writer);
        if criteria.0 == Criterion::All && n_reader > n_writer {
            compatible = self.n_parts(&rule::PRODUCT_TYPE_EXTENDED, (n_reader, n_writer));
        }
        if criteria.1 != Criterion::All && n_reader < n_writer {
            compatible = self.n_parts(&rule::SUM_TYPE_NARROWED, (n_reader, n_writer));
        }
        if n_reader.saturating_mul(n_writer) > MAX_STEPS {
            self.gave_up = true;
            return compatible;
        }
        let alone = self.without_partner(reader, writer);
        if alone.0.is_empty() || alone.1.is_empty() {
            return compatible;
        }
        self.explain(reader, writer, &alone);
        let what = format!(
            "{} combines {n_reader} schemas in {}, {} of them without a counterpart in {} that they accept",
            self.subject(),
            self.pair.reader().label,
            alone.0.len(),
            self.pair.writer().label,
        );
        let help = "keep each schema, or change it so that it accepts what it did".into();
        self.report(&rule::COMBINED_TYPE_SUBSCHEMAS_CHANGED, what, help, self.here())
    }

    fn n_parts(&mut self, rule: &'static Rule, (n_reader, n_writer): (usize, usize)) -> bool {
        let (newer, older) = self.sides(n_reader, n_writer);
        let what = format!("{} combines {newer} schemas, and {older} in {}", self.subject(), self.pair.old.label);
        self.report(rule, what, "keep the schemas that are combined".into(), self.here())
    }

    /// Reports why the parts that are left do not fit, where one of a kind on each side was surely meant.
    fn explain(&mut self, reader: &Combined, writer: &Combined, alone: &(Vec<usize>, Vec<usize>)) {
        for &of_writer in alone.1.iter().filter_map(|&index| writer.parts.get(index)) {
            let kind = std::mem::discriminant(&self.writer.resolved(of_writer).1.kind);
            let is_meant = |part: &NodeId| std::mem::discriminant(&self.reader.resolved(*part).1.kind) == kind;
            let parts = alone.0.iter().filter_map(|&index| Some((index, *reader.parts.get(index)?)));
            let mut meant = parts.filter(|(_, part)| is_meant(part));
            let (Some((index, part)), None) = (meant.next(), meant.next()) else { continue };
            match reader.keyword {
                Some(keyword) => self.within(keyword, |comparison| {
                    comparison.within(&index.to_string(), |comparison| comparison.node(part, of_writer))
                }),
                None => self.node(part, of_writer),
            };
        }
    }

    /// Pairs as many parts of the two sides as can be, so that each of the reader's reads its partner; returns the parts
    /// that are left.
    fn without_partner(&mut self, reader: &Combined, writer: &Combined) -> (Vec<usize>, Vec<usize>) {
        let mut reads = Vec::with_capacity(writer.parts.len());
        for &of_writer in &writer.parts {
            let fits = |comparison: &mut Self, of_reader| comparison.tried(|one| one.node(of_reader, of_writer));
            let readers = reader.parts.iter().enumerate();
            reads.push(readers.filter(|(_, part)| fits(self, **part)).map(|(index, _)| index).collect());
        }
        let writer_of = largest_matching(&reads, reader.parts.len());
        let paired: HashSet<_> = writer_of.iter().flatten().copied().collect();
        let of_reader = (0..reader.parts.len()).filter(|&index| writer_of.get(index).is_some_and(Option::is_none));
        (of_reader.collect(), (0..writer.parts.len()).filter(|index| !paired.contains(index)).collect())
    }
}

/// Any of is the most that can be accepted.
fn criterion_fits(reader: &Combined, writer: &Combined) -> bool {
    let (of_reader, of_writer) = effective_criteria(reader, writer);
    of_reader == of_writer || of_reader == Criterion::Any
}

/// Of one part alone all criteria say the same, so that it takes the other side's.
fn effective_criteria(reader: &Combined, writer: &Combined) -> (Criterion, Criterion) {
    match (reader.parts.len(), writer.parts.len()) {
        (1, _) => (writer.criterion, writer.criterion),
        (_, 1) => (reader.criterion, reader.criterion),
        _ => (reader.criterion, writer.criterion),
    }
}

impl Criterion {
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }
}

/// Returns a largest matching of a bipartite graph, by augmenting paths: the left vertex of each right one. `edges` are
/// those of each left vertex to the right ones.
fn largest_matching(edges: &[Vec<usize>], n_right: usize) -> Vec<Option<usize>> {
    let mut partner_of_right: Vec<Option<usize>> = vec![None; n_right];
    for left in 0..edges.len() {
        let mut seen = vec![false; n_right];
        augment(edges, left, &mut seen, &mut partner_of_right);
    }
    partner_of_right
}

/// Finds a partner for `left`, moving others to theirs. The recursion is as deep as there are pairs already, and the
/// limit of steps bounds these: 500 and 500 parts are 250,000 pairs to compare.
fn augment(edges: &[Vec<usize>], left: usize, seen: &mut [bool], partner_of_right: &mut [Option<usize>]) -> bool {
    for &right in edges.get(left).into_iter().flatten() {
        if seen.get_mut(right).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        let other = partner_of_right.get(right).copied().flatten();
        if other.is_none_or(|other| augment(edges, other, seen, partner_of_right)) {
            if let Some(partner) = partner_of_right.get_mut(right) {
                *partner = Some(left);
            }
            return true;
        }
    }
    false
}

/// Returns a schema as a message calls it.
pub(super) fn describe(schema: &Schema, id: NodeId) -> String {
    match &schema.resolved(id).1.kind {
        Kind::Anything => "any value".into(),
        Kind::Nothing => "no value".into(),
        Kind::Null => "`null`".into(),
        Kind::Boolean => "`boolean`".into(),
        Kind::Conditional => "an `if`".into(),
        Kind::Text(_) => "`string`".into(),
        Kind::Number(number) if number.is_integer => "`integer`".into(),
        Kind::Number(_) => "`number`".into(),
        Kind::Enum(_) => "an `enum`".into(),
        Kind::Combined(combined) => format!("`{}` of {} schemas", combined.criterion.keyword(), combined.parts.len()),
        Kind::Not(_) => "a `not`".into(),
        Kind::Object(_) => "`object`".into(),
        Kind::Array(_) => "`array`".into(),
        Kind::Reference(_) => "a `$ref`".into(),
    }
}
