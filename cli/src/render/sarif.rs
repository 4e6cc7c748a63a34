//! SARIF 2.1.0, which code scanning takes: the rules that were broken, and a result a finding.

use std::collections::BTreeMap;

use eventwright_schema::Position;
use eventwright_schema::compat::{Finding, Severity};
use serde_json::{Value, json};

use super::{Outcome, witness};

/// The rule of what could not be checked at all.
const UNCHECKED: &str = "SCHEMA_INVALID";

pub(super) fn render(outcome: &Outcome) -> String {
    let reports = outcome.results.iter().map(|one| &one.report);
    let findings: Vec<&Finding> = reports.flat_map(|report| report.findings.iter().chain(&report.warnings)).collect();
    let mut rules: BTreeMap<&str, &str> =
        findings.iter().map(|finding| (finding.rule.id, finding.rule.summary)).collect();
    if !outcome.errors.is_empty() {
        rules.insert(UNCHECKED, "a schema can be read");
    }
    let errors = outcome.errors.iter().map(|error| {
        let message = format!("{}; {}", error.message, error.help);
        result((UNCHECKED, "error"), &message, (&error.source, error.position), &json!({}))
    });
    let results = errors.chain(findings.iter().map(|finding| {
        let message = format!("{}; {}", finding.message, finding.help);
        let properties = json!({ "witness": witness::to_json(finding) });
        let place = (finding.source.as_str(), finding.position);
        result((finding.rule.id, level(finding.severity)), &message, place, &properties)
    }));
    let rule = |(id, summary): (&&str, &&str)| json!({ "id": id, "shortDescription": { "text": summary } });
    let driver = json!({
        "name": "eventwright",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    });
    format!("{log:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result((rule, level): (&str, &str), message: &str, (file, position): (&str, Position), properties: &Value) -> Value {
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": file.replace('\\', "/") },
            "region": { "startLine": position.line, "startColumn": position.column },
        } }],
        "properties": properties,
    })
}
