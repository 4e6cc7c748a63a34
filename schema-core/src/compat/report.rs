//! What a check found: all of it, as data, for whoever renders it.

use std::fmt;

use super::{Direction, Level, Rule, Witness};
use crate::Position;

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The level that was checked.
    pub level: Level,
    /// What breaks the level's promise.
    pub findings: Vec<Finding>,
    /// What keeps the promise as Confluent's registry understands it, and yet may lose or misread a value.
    pub warnings: Vec<Finding>,
    /// How many more there are than the first thousand of each.
    pub omitted: usize,
}

/// One reason why the readers of one version cannot read what another version writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// Whether the level's promise is broken, or a value may be misread in spite of it.
    pub severity: Severity,
    /// Which version reads; `None` where the rule is about one version alone.
    pub direction: Option<Direction>,
    /// Where in the reader's schema: a JSON pointer such as `/fields/6`, for Protobuf `#/Message/3`.
    pub path: String,
    /// What was expected and what was found, who cannot read what: lowercase, without a final period.
    pub message: String,
    /// The smallest edit that mends it, in the same style.
    pub help: String,
    /// The older version.
    pub old: Side,
    /// The candidate.
    pub new: Side,
    /// The name of the text that `position` is in: the candidate's own, or a reference of it.
    pub source: String,
    /// Where in the candidate; where it lacks what is meant, the nearest thing around it.
    pub position: Position,
    /// A value that proves it; `None` where the rule can have none, where none was found, or where none was asked for.
    pub witness: Option<Witness>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The level's promise is broken.
    Error,
    /// Confluent's registry accepts it, and a value may be lost or misread.
    Warning,
}

/// One of two versions in a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// What messages call the version, such as `version 2`.
    pub label: String,
    /// The text of what is meant; empty where the version lacks it.
    pub text: String,
}

impl Report {
    /// Returns whether the level's promise holds.
    #[must_use]
    pub fn is_compatible(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Finding {
    /// Returns the versions of the reader and of the writer; `None` where the rule is about one version alone.
    #[must_use]
    pub fn reader_and_writer(&self) -> Option<(&Side, &Side)> {
        Some(match self.direction? {
            Direction::Backward => (&self.new, &self.old),
            Direction::Forward => (&self.old, &self.new),
        })
    }
}

impl Severity {
    /// Returns `error` or `warning`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One line: `file:line:column: RULE: message; help`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, position, message, help, .. } = self;
        write!(f, "{source}:{}:{}: {}: {message}", position.line, position.column, self.rule.id)?;
        if help.is_empty() { Ok(()) } else { write!(f, "; {help}") }
    }
}
