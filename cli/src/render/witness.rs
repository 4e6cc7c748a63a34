//! A value that proves a finding: as JSON for machines, in one line for people.

use eventwright_schema::compat::{Finding, Witness};
use serde_json::{Value, json};

/// How much of a value, of its bytes and of an error people are shown.
const MAX_CHARS: usize = 160;
const MAX_BYTES: usize = 16;

/// Returns the value, its bytes and what becomes of them; or why there is none.
pub(super) fn to_json(finding: &Finding) -> Value {
    match &finding.witness {
        Some(witness) => {
            let bytes: String = witness.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "json": witness.json, "bytes": bytes, "why": why(finding, witness) })
        }
        None if finding.direction.is_none() => json!({ "why": "the rule is about one version, not about a value" }),
        None => json!({ "why": finding.rule.without_witness() }),
    }
}

/// Returns `{"status":"LOST"} (0a 4c) written with v1: readers of v2 fail: ...`.
pub(super) fn to_line(finding: &Finding) -> Option<String> {
    let witness = finding.witness.as_ref()?;
    let bytes: Vec<String> = witness.bytes.iter().take(MAX_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let more = if witness.bytes.len() > MAX_BYTES { " …" } else { "" };
    let json = cut(&witness.json.to_string());
    Some(format!("{json} ({}{more}): {}", bytes.join(" "), cut(&why(finding, witness))))
}

fn why(finding: &Finding, witness: &Witness) -> String {
    let reader = finding.reader_and_writer().map_or("", |(reader, _)| &reader.label);
    witness.outcome.of_readers(reader)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
