//! Text, numbers, enums, and the limits that all kinds of values have.

use super::{Comparison, quoted};
use crate::compat::{Rule, rule};
use crate::json_schema::model::{Bound, Number, Placed, Text};

/// The rules of one upper or lower limit.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) keyword: &'static str,
    pub(super) added: &'static Rule,
    /// A higher lower limit, a lower upper one.
    pub(super) tightened: &'static Rule,
    pub(super) side: LimitSide,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitSide {
    Upper,
    Lower,
}

impl Limit {
    pub(super) const fn upper(keyword: &'static str, added: &'static Rule, tightened: &'static Rule) -> Self {
        Self { keyword, added, tightened, side: LimitSide::Upper }
    }

    pub(super) const fn lower(keyword: &'static str, added: &'static Rule, tightened: &'static Rule) -> Self {
        Self { keyword, added, tightened, side: LimitSide::Lower }
    }
}

const MAX_LENGTH: Limit = Limit::upper("maxLength", &rule::MAX_LENGTH_ADDED, &rule::MAX_LENGTH_DECREASED);
const MIN_LENGTH: Limit = Limit::lower("minLength", &rule::MIN_LENGTH_ADDED, &rule::MIN_LENGTH_INCREASED);
const MAXIMUM: Limit = Limit::upper("maximum", &rule::MAXIMUM_ADDED, &rule::MAXIMUM_DECREASED);
const MINIMUM: Limit = Limit::lower("minimum", &rule::MINIMUM_ADDED, &rule::MINIMUM_INCREASED);
const EXCLUSIVE_MAXIMUM: Limit =
    Limit::upper("exclusiveMaximum", &rule::EXCLUSIVE_MAXIMUM_ADDED, &rule::EXCLUSIVE_MAXIMUM_DECREASED);
const EXCLUSIVE_MINIMUM: Limit =
    Limit::lower("exclusiveMinimum", &rule::EXCLUSIVE_MINIMUM_ADDED, &rule::EXCLUSIVE_MINIMUM_INCREASED);

impl Comparison<'_> {
    pub(super) fn text(&mut self, reader: &Text, writer: &Text) -> bool {
        let max_length = self.limit(MAX_LENGTH, &reader.max_length, &writer.max_length);
        let min_length = self.limit(MIN_LENGTH, &reader.min_length, &writer.min_length);
        self.pattern(reader.pattern.as_ref(), writer.pattern.as_ref()) && max_length && min_length
    }

    /// Patterns are compared as text: whether one accepts all that the other one does is not asked.
    fn pattern(&mut self, reader: Option<&Placed<String>>, writer: Option<&Placed<String>>) -> bool {
        match (reader, writer) {
            (None, _) => true,
            (Some(_), None) => self.changed(&rule::PATTERN_ADDED, "pattern", (reader, None)),
            (Some(one), Some(other)) => {
                one.value == other.value || self.changed(&rule::PATTERN_CHANGED, "pattern", (reader, writer))
            }
        }
    }

    pub(super) fn number(&mut self, reader: &Number, writer: &Number) -> bool {
        let limits = [
            self.limit(MAXIMUM, &reader.maximum, &writer.maximum),
            self.limit(MINIMUM, &reader.minimum, &writer.minimum),
            self.limit(EXCLUSIVE_MAXIMUM, &reader.exclusive_maximum, &writer.exclusive_maximum),
            self.limit(EXCLUSIVE_MINIMUM, &reader.exclusive_minimum, &writer.exclusive_minimum),
            self.multiple_of(&reader.multiple_of, &writer.multiple_of),
            self.integer(reader, writer),
        ];
        limits.into_iter().all(|fits| fits)
    }

    fn integer(&mut self, reader: &Number, writer: &Number) -> bool {
        if !reader.is_integer || writer.is_integer {
            return true;
        }
        let (newer, older) = self.sides("`integer`", "`number`");
        let what = format!("{} is {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        self.report(&rule::TYPE_NARROWED, what, format!("keep {older}"), self.here())
    }

    fn multiple_of(&mut self, reader: &Bound, writer: &Bound) -> bool {
        let sides = (reader.as_ref(), writer.as_ref());
        match sides {
            (None, _) => true,
            (Some(_), None) => self.changed(&rule::MULTIPLE_OF_ADDED, "multipleOf", sides),
            (Some(one), Some(other)) if is_multiple(other.value, one.value) => true,
            (Some(one), Some(other)) if is_multiple(one.value, other.value) => {
                self.changed(&rule::MULTIPLE_OF_EXPANDED, "multipleOf", sides)
            }
            _ => self.changed(&rule::MULTIPLE_OF_CHANGED, "multipleOf", sides),
        }
    }

    /// Compares a limit: the reader's may be absent or wider.
    pub(super) fn limit(&mut self, limit: Limit, reader: &Bound, writer: &Bound) -> bool {
        let sides = (reader.as_ref(), writer.as_ref());
        match sides {
            (None, _) => true,
            (Some(_), None) => self.changed(limit.added, limit.keyword, sides),
            (Some(one), Some(other)) => {
                let is_tighter = match limit.side {
                    LimitSide::Upper => one.value < other.value,
                    LimitSide::Lower => one.value > other.value,
                };
                !is_tighter || self.changed(limit.tightened, limit.keyword, sides)
            }
        }
    }

    pub(super) fn enumeration(&mut self, reader: &[String], writer: &[String]) -> bool {
        if !self.afford(reader.len() + writer.len()) {
            return true;
        }
        let missing = |values: &[String], from: &[String]| -> Vec<String> {
            let from: std::collections::HashSet<_> = from.iter().collect();
            values.iter().filter(|value| !from.contains(value)).cloned().collect()
        };
        let lacking = missing(writer, reader);
        if lacking.is_empty() {
            return true;
        }
        let rule =
            if missing(reader, writer).is_empty() { &rule::ENUM_ARRAY_NARROWED } else { &rule::ENUM_ARRAY_CHANGED };
        let shown: Vec<_> = lacking.iter().take(10).map(|value| quoted(value)).collect();
        let shown = shown.join(", ");
        let what = format!("the enum of {} in {} lacks {shown}", self.subject(), self.pair.reader().label);
        let help = self
            .pair
            .newer(format!("keep {shown}"), format!("leave {shown} out, or first release a version that has it"));
        self.within("enum", |comparison| comparison.report(rule, what, help, comparison.here()))
    }
}

/// Returns whether `value` is a whole number of `step`s, but for what binary fractions lose: 0.3 of 0.1 is.
fn is_multiple(value: f64, step: f64) -> bool {
    let quotient = value / step;
    value == step || quotient.is_finite() && (quotient - quotient.round()).abs() < 1e-9 * quotient.abs().max(1.0)
}
