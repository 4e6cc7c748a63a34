//! One JSON object: the contract that scripts read. `format_version` says when it changes.

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::history::Checked;
use eventwright_schema::compat::{Direction, Finding, Side};
use serde_json::{Value, json};

use super::{Outcome, witness};

pub(super) fn render(outcome: &Outcome) -> String {
    let object = json!({
        "format_version": 1,
        "compatible": outcome.is_compatible(),
        "results": results(outcome),
        "errors": outcome.errors.iter().map(error).collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

pub(super) fn results(outcome: &Outcome) -> Value {
    outcome.results.iter().map(result).collect()
}

fn result(checked: &Checked) -> Value {
    let report = &checked.report;
    let findings = report.findings.iter().chain(&report.warnings).map(finding);
    json!({
        "event": checked.name,
        "kind": checked.kind.name(),
        "level": report.level.name(),
        "compatible": report.is_compatible(),
        "findings": findings.collect::<Vec<_>>(),
        "omitted": report.omitted,
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.id,
        "severity": finding.severity.name(),
        "direction": finding.direction.map(Direction::name),
        "path": finding.path,
        "file": finding.source,
        "line": finding.position.line,
        "column": finding.position.column,
        "old": side(&finding.old),
        "new": side(&finding.new),
        "message": finding.message,
        "help": finding.help,
        "witness": witness::to_json(finding),
    })
}

fn side(side: &Side) -> Value {
    json!({ "version": side.label, "text": side.text })
}

fn error(error: &Diagnostic) -> Value {
    let Diagnostic { source, position, message, help, .. } = error;
    json!({ "file": source, "line": position.line, "column": position.column, "message": message, "help": help })
}
