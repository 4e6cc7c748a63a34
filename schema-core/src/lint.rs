//! What is allowed and yet unwise in one version of a schema: names, docs, defaults, money as floats, personal data.
//!
//! In: the newest versions that a manifest leads to, and the levels that it gives to rules. Out: a report each.

mod avro;
mod names;
mod proto;

use std::collections::BTreeMap;

use crate::Position;
use crate::compat::history::{Checked, histories};
use crate::compat::{AnySchema, Finding, Level, Report, Rule, Severity, Side, rule};
use crate::load::{Loaded, LoadedVersion};

/// What comes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LintLevel {
    /// Nothing.
    Allow,
    /// It is shown.
    Warn,
    /// It is shown, and `eventwright lint` fails.
    Deny,
}

impl LintLevel {
    /// All levels.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Warn, Self::Deny];

    /// Returns the word in the manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// The rules, each with its level where the manifest says nothing.
pub static LINTS: &[(&Rule, LintLevel)] = &[
    (&rule::TYPE_NAME_CASE, LintLevel::Warn),
    (&rule::FIELD_NAME_CASE, LintLevel::Warn),
    (&rule::SYMBOL_CASE, LintLevel::Warn),
    (&rule::NAMESPACE_MISSING, LintLevel::Warn),
    (&rule::DOC_MISSING, LintLevel::Warn),
    (&rule::DEFAULT_MISSING, LintLevel::Allow),
    (&rule::ENUM_DEFAULT_MISSING, LintLevel::Warn),
    (&rule::ENUM_ZERO_VALUE, LintLevel::Warn),
    (&rule::MONEY_AS_FLOAT, LintLevel::Deny),
    (&rule::TIME_AS_NUMBER, LintLevel::Warn),
    (&rule::PERSONAL_DATA_UNMARKED, LintLevel::Warn),
];

/// The levels that a manifest gives to rules, by their ids.
pub type Levels = BTreeMap<&'static str, LintLevel>;

/// Returns the rule of that id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    LINTS.iter().map(|(rule, _)| *rule).find(|rule| rule.id == id)
}

/// Looks at the newest version of each event, key and shared type, in the manifest's order.
#[must_use]
pub fn lint_all(loaded: &Loaded) -> Vec<Checked> {
    let Some(manifest) = &loaded.manifest else { return Vec::new() };
    let checked = histories(loaded).into_iter().filter_map(|one| {
        let level_of = |rule: &Rule| {
            let own =
                one.entry.and_then(|entry| entry.lint.get(rule.id)).or_else(|| manifest.lint.get(rule.id)).copied();
            own.unwrap_or_else(|| default_level(rule))
        };
        let report = lint(one.level, one.versions.last()?, level_of);
        Some(Checked { kind: one.kind, name: one.name.to_owned(), versions: 1, report })
    });
    checked.collect()
}

fn default_level(rule: &Rule) -> LintLevel {
    LINTS.iter().find(|(one, _)| one.id == rule.id).map_or(LintLevel::Allow, |(_, level)| *level)
}

fn lint(level: Level, version: &LoadedVersion, level_of: impl Fn(&Rule) -> LintLevel) -> Report {
    let mut report = Report { level, findings: Vec::new(), warnings: Vec::new(), omitted: 0 };
    for hint in hints(&version.schema) {
        let (severity, list) = match level_of(hint.rule) {
            LintLevel::Allow => continue,
            LintLevel::Warn => (Severity::Warning, &mut report.warnings),
            LintLevel::Deny => (Severity::Error, &mut report.findings),
        };
        list.push(hint.finding(severity, &format!("v{}", version.number)));
    }
    report
}

/// Returns all that is unwise in a schema, whatever its level; nothing is known of JSON Schema.
fn hints(schema: &AnySchema) -> Vec<Hint> {
    match schema {
        AnySchema::Avro(schema) => avro::hints(schema),
        AnySchema::Protobuf(schema) => proto::hints(schema),
        AnySchema::Json(_) => Vec::new(),
    }
}

/// What is unwise, and where.
struct Hint {
    rule: &'static Rule,
    /// The type and the field, such as `Order.amount`.
    path: String,
    message: String,
    help: String,
    source: String,
    position: Position,
}

impl Hint {
    fn finding(self, severity: Severity, label: &str) -> Finding {
        let Self { rule, path, message, help, source, position } = self;
        let side = || Side { label: label.to_owned(), text: String::new() };
        let (old, new) = (side(), side());
        Finding { rule, severity, direction: None, path, message, help, old, new, source, position, witness: None }
    }
}

#[cfg(test)]
mod tests;
