//! Holds compatibility and validity against verdicts of Confluent's registry, one JSON object a line.
//!
//! `cargo run -p eventwright-schema --example agreement -- FILE...` prints how many agree, by type, and lists the rest. With
//! `--witnesses` it prints how many findings of each rule have a witness, and lists those of the rules that always have one.
//! A pair has `type`, `old`, `new`, perhaps `old_refs` and `new_refs` (each `name` and `schema`), and the verdicts
//! `backward` and `forward`, `null` where there is none; a schema has `type`, `schema` and the HTTP `status` of registering it.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::collections::BTreeMap;

use eventwright_schema::compat::{AnySchema, Finding, Level, Options, check_with, parse_any};
use eventwright_schema::{Format, Reference};
use serde_json::Value;

/// Verdicts that agree, and all.
type Counts = BTreeMap<String, (usize, usize)>;

/// The argument that asks for witnesses in place of verdicts.
const WITNESSES: &str = "--witnesses";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (options, files): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument == WITNESSES);
    let judge = if options.is_empty() { judge_verdicts } else { judge_witnesses };
    for file in files {
        let mut counts = Counts::new();
        for line in std::fs::read_to_string(&file)?.lines().filter(|line| !line.is_empty()) {
            judge(&serde_json::from_str(line)?, &mut counts);
        }
        for (what, (agreeing, all)) in counts {
            println!("{file}: {what}: {agreeing} of {all}");
        }
    }
    Ok(())
}

fn judge_verdicts(line: &Value, counts: &mut Counts) {
    let Some(format) = format(line) else { return };
    if let Some(status) = line["status"].as_u64() {
        let ours = parse(format, line, "schema", "");
        count(counts, line, "validity", (ours.is_ok(), status == 200), &format!("{:?}", ours.err()));
        return;
    }
    let [old, new] = pair(format, line);
    for (level, key) in [(Level::Backward, "backward"), (Level::Forward, "forward")] {
        let Some(theirs) = line[key].as_bool() else { continue };
        let (ours, why) = match (&old, &new) {
            (Ok(old), Ok(new)) => {
                let report = check_with(Options::default(), level, &[("old".into(), old)], ("new".into(), new));
                let findings: Vec<_> = report.findings.iter().map(|one| format!("    {} {one}", one.path)).collect();
                (report.is_compatible(), findings.join("\n"))
            }
            (Err(why), _) | (_, Err(why)) => (false, format!("    {why}")),
        };
        count(counts, line, key, (ours, theirs), &why);
    }
}

fn judge_witnesses(line: &Value, counts: &mut Counts) {
    let Some([Ok(old), Ok(new)]) = format(line).map(|format| pair(format, line)) else { return };
    let report = check_with(
        Options { witnesses: true, ..Options::default() },
        Level::Full,
        &[("old".into(), &old)],
        ("new".into(), &new),
    );
    for finding in report.findings.iter().chain(&report.warnings) {
        let (proven, all) =
            counts.entry(format!("{} {}", line["type"].as_str().unwrap_or_default(), finding.rule.id)).or_default();
        *all += 1;
        *proven += usize::from(finding.witness.is_some());
        let shown = finding.witness.as_ref().map(|witness| format!("{}: {:?}", witness.json, witness.outcome));
        println!("{} {} {finding}\n    {}", line["id"], finding.path, shown.unwrap_or_else(|| lacking(finding)));
    }
}

fn lacking(finding: &Finding) -> String {
    format!("NO WITNESS\n    old: {}\n    new: {}", finding.old.text, finding.new.text)
}

fn pair(format: Format, line: &Value) -> [Result<AnySchema, String>; 2] {
    [("old", "old_refs"), ("new", "new_refs")].map(|(key, references)| parse(format, line, key, references))
}

fn format(line: &Value) -> Option<Format> {
    [Format::Avro, Format::Protobuf, Format::Json].into_iter().find(|format| line["type"] == format.schema_type())
}

fn parse(format: Format, line: &Value, key: &str, references: &str) -> Result<AnySchema, String> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let listed = line[references].as_array().map(Vec::as_slice).unwrap_or_default();
    let references: Vec<_> =
        listed.iter().map(|one| Reference { name: text(one, "name"), text: text(one, "schema") }).collect();
    parse_any(format, key, &text(line, key), &references)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n    "))
}

fn count(counts: &mut Counts, line: &Value, what: &str, (ours, theirs): (bool, bool), why: &str) {
    let (agreeing, all) = counts.entry(format!("{} {what}", line["type"].as_str().unwrap_or_default())).or_default();
    *all += 1;
    if ours == theirs {
        *agreeing += 1;
        return;
    }
    println!(
        "{} {what}: ours {ours}, theirs {theirs} ({}, contested: {})",
        line["id"], line["source"], line["contested"]
    );
    for key in ["schema", "old", "new"] {
        if let Some(text) = line[key].as_str() {
            println!("    {key}: {text}");
        }
    }
    println!("{why}\n");
}
