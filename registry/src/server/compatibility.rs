//! Whether a candidate may follow the versions before it, in the form that Confluent's registry answers with: one text a
//! finding, named by its rule, then which version it is about.

use eventwright_schema::compat::{AnySchema, Finding, Level, check};

use super::store::Stored;

/// How many findings an answer lists: a large schema may have more than anybody reads.
const MAX_FINDINGS: usize = 100;

/// Returns why a candidate is not compatible with `history`, oldest first; nothing if it is.
pub(super) fn problems(level: Level, history: &[(u32, &Stored)], candidate: &AnySchema) -> Vec<String> {
    let labelled: Vec<(String, &AnySchema)> =
        history.iter().map(|(version, stored)| (label(*version), &stored.schema)).collect();
    let report = check(level, &labelled, ("the new version".to_owned(), candidate));
    if report.is_compatible() {
        return Vec::new();
    }
    let mut texts = Vec::new();
    for (version, stored) in history.iter().rev() {
        let label = label(*version);
        let about = report.findings.iter().take(MAX_FINDINGS).filter(|finding| finding.old.label == label);
        let before = texts.len();
        texts.extend(about.map(text_of));
        if texts.len() > before {
            texts.push(format!("{{oldSchemaVersion: {version}}}"));
            texts.push(format!("{{oldSchema: '{}'}}", stored.text));
        }
    }
    if report.findings.len() > MAX_FINDINGS {
        texts.push(format!("{{moreFindings: {}}}", report.findings.len() - MAX_FINDINGS));
    }
    texts.push(format!("{{compatibility: '{level}'}}"));
    texts
}

fn label(version: u32) -> String {
    format!("version {version}")
}

fn text_of(finding: &Finding) -> String {
    let Finding { rule, path, message, help, new, .. } = finding;
    let help = if help.is_empty() { String::new() } else { format!("; {help}") };
    format!(
        "{{errorType:'{}', description:'{message} at path '{path}'{help}', additionalInfo:'{}'}}",
        rule.id, new.text
    )
}
