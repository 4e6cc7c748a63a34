//! How differences are printed: a line each, or one JSON object.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use eventwright_schema::compat::{Direction, Finding};
use eventwright_schema::diff::{Change, ChangeKind};
use serde_json::{Value, json};

use super::Compared;
use crate::output;

/// Prints what differs for people.
pub(super) fn text(compared: &[Compared]) -> anyhow::Result<()> {
    let mut text = String::new();
    for one in compared {
        if !text.is_empty() {
            text.push('\n');
        }
        one.write(&mut text);
    }
    if compared.is_empty() {
        text.push_str("nothing has two versions\n");
    }
    let text = if output::is_coloured() { text } else { anstream::adapter::strip_str(&text).to_string() };
    output::print(&text)
}

impl Compared {
    fn write(&self, text: &mut String) {
        const BOLD: Style = Style::new().bold();
        let Self { name, old, new, .. } = self;
        let title = if name == new { format!("{old} -> {new}") } else { format!("{name}: {old} -> {new}") };
        let _ = writeln!(text, "{BOLD}{title}{BOLD:#}");
        if self.changes.is_empty() {
            let _ = writeln!(text, "  no difference but layout and comments");
        }
        for change in &self.changes {
            let (sign, style) = sign_of(change.kind);
            let (line, column) = (change.position.line, change.position.column);
            let _ = writeln!(text, "  {style}{sign} {change}{style:#}  ({}:{line}:{column})", change.source);
        }
        for user in &self.users {
            let _ = writeln!(text, "  {user}");
        }
        self.write_hurt(text);
    }

    fn write_hurt(&self, text: &mut String) {
        const RED: Style = AnsiColor::Red.on_default().bold();
        for direction in [Direction::Backward, Direction::Forward] {
            let (consumers, producers) = self.sides(direction);
            let findings: Vec<&Finding> = self.of(direction).collect();
            if findings.is_empty() {
                continue;
            }
            let promise = match (self.level, self.is_promised(direction)) {
                (None, _) => String::new(),
                (Some(level), true) => format!(", which {} promises", level.name()),
                (Some(level), false) => format!(", which {} does not promise", level.name()),
            };
            let _ = writeln!(
                text,
                "  {RED}hurt:{RED:#} consumers of {consumers} that get records of producers of {producers}{promise}"
            );
            for finding in findings {
                let _ = writeln!(text, "    {}: {}", finding.rule.id, finding.message);
            }
        }
    }

    fn of(&self, direction: Direction) -> impl Iterator<Item = &Finding> {
        self.hurt.iter().filter(move |finding| finding.direction == Some(direction))
    }

    /// Returns who reads and who writes.
    fn sides(&self, direction: Direction) -> (&str, &str) {
        match direction {
            Direction::Backward => (&self.new, &self.old),
            Direction::Forward => (&self.old, &self.new),
        }
    }
}

fn sign_of(kind: ChangeKind) -> (char, Style) {
    let (sign, colour) = match kind {
        ChangeKind::Added => ('+', AnsiColor::Green),
        ChangeKind::Removed => ('-', AnsiColor::Red),
        ChangeKind::Renamed | ChangeKind::Retyped | ChangeKind::Moved | ChangeKind::Changed => ('~', AnsiColor::Yellow),
    };
    (sign, colour.on_default())
}

/// One JSON object. `format_version` says when it changes.
pub(super) fn json(compared: &[Compared]) -> String {
    let is_equal = compared.iter().all(|one| one.changes.is_empty());
    let object = json!({
        "format_version": 1,
        "equal": is_equal,
        "diffs": compared.iter().map(Compared::json).collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

impl Compared {
    fn json(&self) -> Value {
        let hurt = [Direction::Backward, Direction::Forward].into_iter().flat_map(|direction| {
            let (consumers, producers) = self.sides(direction);
            self.of(direction).map(move |finding| {
                json!({
                    "consumers": consumers,
                    "producers": producers,
                    "promised": self.level.map(|_| self.is_promised(direction)),
                    "rule": finding.rule.id,
                    "message": finding.message,
                    "help": finding.help,
                })
            })
        });
        json!({
            "name": self.name,
            "old": self.old,
            "new": self.new,
            "level": self.level.map(|level| level.name()),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "used_by": self.users,
            "hurt": hurt.collect::<Vec<_>>(),
        })
    }
}

fn change(change: &Change) -> Value {
    let Change { kind, element, path, old, new, source, position } = change;
    json!({
        "kind": kind.name(), "element": element, "path": path, "old": old, "new": new,
        "file": source, "line": position.line, "column": position.column,
    })
}
