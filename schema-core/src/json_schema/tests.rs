//! The cases are files: pairs with the findings of each direction, by rule and path, and texts that are refused.
//! Each pair is tried in each draft that has what it says.

use serde_json::{Value, json};

use super::parse;
use crate::Reference;
use crate::compat::{AnySchema, Level, Report, check, rule};

const PAIRS: [&str; 5] = [
    include_str!("tests/scalars.json"),
    include_str!("tests/objects.json"),
    include_str!("tests/arrays.json"),
    include_str!("tests/combined.json"),
    include_str!("tests/references.json"),
];

fn pairs() -> Vec<Value> {
    PAIRS.iter().flat_map(|file| serde_json::from_str::<Vec<Value>>(file).unwrap()).collect()
}

fn references(case: &Value) -> Vec<Reference> {
    let texts = case["references"].as_object().into_iter().flatten();
    texts.map(|(name, schema)| Reference { name: name.clone(), text: schema.to_string() }).collect()
}

fn parsed(text: &str, references: &[Reference]) -> AnySchema {
    AnySchema::Json(parse("s.json", text, references).unwrap_or_else(|errors| panic!("{errors:?}\n{text}")))
}

fn in_draft(schema: &Value, draft: &str) -> String {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        let scheme = if draft.starts_with("draft") { "http" } else { "https" };
        let folder = if draft.starts_with("draft") { "" } else { "draft/" };
        object.insert("$schema".into(), json!(format!("{scheme}://json-schema.org/{folder}{draft}/schema#")));
    }
    schema.to_string()
}

fn report(level: Level, old: &AnySchema, new: &AnySchema) -> Report {
    check(level, &[("v1".into(), old)], ("v2".into(), new))
}

fn found(report: &Report) -> Vec<String> {
    report.findings.iter().map(|one| format!("{} {}", one.rule.id, one.path)).collect()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_pair_has_its_findings_in_both_directions_and_every_schema_reads_itself() {
    for case in pairs() {
        let drafts = case.get("drafts").map_or_else(|| vec!["draft-07".to_owned(), "2020-12".to_owned()], strings);
        for draft in drafts {
            let references = references(&case);
            let [old, new] = ["old", "new"].map(|side| parsed(&in_draft(&case[side], &draft), &references));
            for (level, expected) in [(Level::Backward, "backward"), (Level::Forward, "forward")] {
                let report = report(level, &old, &new);
                assert_eq!(found(&report), strings(&case[expected]), "{expected} of {case} in {draft}: {report:#?}");
            }
            for same in [&old, &new] {
                assert_eq!(found(&report(Level::Full, same, same)), [""; 0], "{case}");
            }
        }
    }
}

#[test]
fn every_rule_of_json_schema_has_a_pair() {
    let tested: Vec<_> =
        pairs().iter().flat_map(|case| [strings(&case["backward"]), strings(&case["forward"])]).collect();
    let tested: std::collections::BTreeSet<_> =
        tested.iter().flatten().map(|finding| finding.split(' ').next().unwrap()).collect();
    let of_json_schema = rule::ALL.iter().skip_while(|one| one.id != rule::TYPE_CHANGED.id);
    let of_json_schema = of_json_schema.take_while(|one| one.id != rule::TYPE_NAME_CASE.id);
    let missing: Vec<_> = of_json_schema.map(|one| one.id).filter(|id| !tested.contains(id)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for case in serde_json::from_str::<Vec<Value>>(include_str!("tests/refused.json")).unwrap() {
        let text = case["text"].as_str().unwrap();
        let problems = parse("s.json", text, &references(&case)).expect_err(text);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, [case["problem"].as_str().unwrap()], "{case}");
    }
}

#[test]
fn a_finding_says_who_cannot_read_what_where_and_what_to_do() {
    let check = |level, old: &str, new: &str, expected: &[&str]| {
        let report = report(level, &parsed(old, &[]), &parsed(new, &[]));
        let lines: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    };
    let old = r#"{"properties": {"a": {"items": {"type": "string"}}}}"#;
    let new = "{\"properties\": {\"a\": {\"items\":\n {\"type\": \"string\", \"maxLength\": 5}}}}";
    check(
        Level::Backward,
        old,
        new,
        &[
            "s.json:2:34: MAX_LENGTH_ADDED: `maxLength` of item `a[]` is `5`, and absent in v1: readers of v2 cannot read \
           records written with v1; leave `maxLength` out",
        ],
    );
    check(
        Level::Forward,
        new,
        old,
        &[
            "s.json:1:32: MAX_LENGTH_ADDED: `maxLength` of item `a[]` is absent, and `5` in v1: readers of v1 cannot read \
           records written with v2; keep `maxLength` `5`",
        ],
    );
    check(
        Level::Backward,
        r#"{"items": {"type": "string", "enum": ["a", {"b": [1, 2]}]}}"#,
        r#"{"items": {"type": "string", "enum": ["a"]}}"#,
        &[
            "s.json:1:11: ENUM_ARRAY_NARROWED: the enum of item `[]` in v2 lacks `{\"b\":[1,2]}`: readers of v2 cannot read \
             records written with v1; keep `{\"b\":[1,2]}`",
            "s.json:1:11: COMBINED_TYPE_SUBSCHEMAS_CHANGED: item `[]` combines 2 schemas in v2, 1 of them without a \
             counterpart in v1 that they accept: readers of v2 cannot read records written with v1; keep each schema, or \
             change it so that it accepts what it did",
        ],
    );
    check(
        Level::Full,
        r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
        "{\"properties\":\n {\"b\": {}}, \"additionalProperties\": false}",
        &[
            "s.json:1:1: PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: property `a` was removed, and v2 allows only the \
             properties that it names: readers of v2 cannot read records written with v1; keep it, or allow \
             `additionalProperties`",
            "s.json:2:3: PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: property `b` was added, and v1 allows only the \
             properties that it names: readers of v1 cannot read records written with v2; leave it out, or first \
             release a version that has it",
        ],
    );
}

/// Confluent's registry took hours for such a schema: each type leads back to all of them.
#[test]
fn types_that_lead_to_each_other_are_compared_once() {
    let schema = |value: &str| {
        let types: Vec<_> = (0..12).map(|index| format!("{{\"$ref\": \"#/$defs/t{index}\"}}")).collect();
        let all = format!(r#"{{"oneOf": [{}]}}"#, types.join(", "));
        let one = |index| {
            let links: Vec<_> = (0..5).map(|link| format!(r##""r{link}": {{"$ref": "#/$defs/all"}}"##)).collect();
            format!(
                r#""t{index}": {{"properties": {{{}, "kind": {{"const": {index}}}, "v": {{"type": "{value}"}}}}}}"#,
                links.join(", ")
            )
        };
        let types: Vec<_> = (0..12).map(one).collect();
        let schema = "https://json-schema.org/draft/2020-12/schema";
        format!(
            r##"{{"$schema": "{schema}", "$ref": "#/$defs/all", "$defs": {{"all": {all}, {}}}}}"##,
            types.join(", ")
        )
    };
    let (integers, numbers) = (parsed(&schema("integer"), &[]), parsed(&schema("number"), &[]));
    assert_eq!(found(&report(Level::Full, &integers, &integers)), [""; 0]);
    assert_eq!(found(&report(Level::Backward, &integers, &numbers)), [""; 0]);
    let forward = found(&report(Level::Forward, &integers, &numbers));
    assert!(forward.contains(&"COMBINED_TYPE_SUBSCHEMAS_CHANGED #/".to_owned()), "{forward:?}");
}

/// A schema that reads another one only if it reads it where it comes around again.
#[test]
fn what_rests_on_a_pair_that_fails_is_compared_again() {
    let schema = |kind: &str| {
        let node = r##"{"properties": {"up": {"$ref": "#"}}}"##;
        format!(
            r#"{{"properties": {{"down": {{"oneOf": [{node}, {{"type": "null"}}]}}, "kind": {{"type": "{kind}"}}}}}}"#
        )
    };
    let report = report(Level::Backward, &parsed(&schema("string"), &[]), &parsed(&schema("null"), &[]));
    assert_eq!(found(&report), ["TYPE_CHANGED #/properties/kind"]);
}

#[test]
fn hostile_texts_are_errors_with_a_place() {
    let refused = |text: &str, expected: &str| {
        let problems = parse("s.json", text, &[]).expect_err(expected);
        assert!(problems[0].to_string().starts_with(expected), "{}", problems[0]);
    };
    refused(&format!("\"{}\"", "x".repeat(10 << 20)), "s.json:1:1: the text has 10485762 bytes, more than 8388608");
    refused(&r#"{"not":"#.repeat(10_000), "s.json:1:");
    refused(
        &format!("{}true{}", r#"{"not":"#.repeat(200), "}".repeat(200)),
        "s.json:1:701: subschemas nest deeper than 100",
    );
    refused(
        &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
        "s.json:1:513: the text is not JSON: maximum nest",
    );
}

/// On the stack of a thread, without optimisation.
#[test]
fn schemas_as_deep_as_they_may_be_are_compared() {
    let around = [r#"{"properties": {"a": "#, r#"{"oneOf": ["#, r#"{"items": "#, r#"{"not": "#];
    let opening: String = around.iter().cycle().take(99).copied().collect();
    let closing: String =
        ["}}", "]}", "}", "}"].iter().cycle().take(99).copied().collect::<Vec<_>>().into_iter().rev().collect();
    let schema = parsed(&format!("{opening}{{}}{closing}"), &[]);
    assert_eq!(found(&report(Level::Full, &schema, &schema)), [""; 0]);
}

/// Checks that a hostile pair is not compared to its end, and that this is a finding.
#[track_caller]
fn check_too_complex(old: &str, new: &str) {
    let [old, new] = [old, new].map(|text| parsed(text, &[]));
    let found = found(&report(Level::Backward, &old, &new));
    assert_eq!(found.last().map(String::as_str), Some("TOO_COMPLEX #/"), "{found:?}");
}

#[test]
fn chains_of_references_are_too_complex() {
    let chain = |value: &str| {
        let link = |index| {
            let next = format!(r##"{{"$ref": "#/definitions/d{}"}}"##, index + 1);
            match index % 3 {
                0 => format!(r#""d{index}": {{"items": {next}}}"#),
                1 => format!(r#""d{index}": {{"properties": {{"a": {next}}}}}"#),
                _ => format!(r#""d{index}": {{"oneOf": [{{"type": "null"}}, {{"not": {next}}}]}}"#),
            }
        };
        let links: Vec<_> = (0..10_000).map(link).collect();
        format!(r##"{{"$ref": "#/definitions/d0", "definitions": {{{}, "d10000": {value}}}}}"##, links.join(", "))
    };
    check_too_complex(&chain("{}"), &chain("true"));
}

#[test]
fn thousands_of_parts_are_too_complex() {
    let wide = |key: &str| {
        let parts: Vec<_> = (0..5_000).map(|index| format!(r#"{{"{key}": {index}}}"#)).collect();
        format!(r#"{{"anyOf": [{}]}}"#, parts.join(", "))
    };
    check_too_complex(&wide("minimum"), &wide("maximum"));
    let large = |kind: &str| {
        let object = |index| {
            let properties: Vec<_> = (0..200).map(|name| format!(r#""p{name}": {{"type": "{kind}"}}"#)).collect();
            format!(r#"{{"title": "{index}", "properties": {{{}}}}}"#, properties.join(", "))
        };
        let objects: Vec<_> = (0..400).map(object).collect();
        format!(r#"{{"oneOf": [{}]}}"#, objects.join(", "))
    };
    check_too_complex(&large("string"), &large("null"));
}

#[test]
fn hostile_patterns_are_run_within_a_budget() {
    let schema = |patterns: &str, properties: &str| {
        parsed(&format!(r#"{{"patternProperties": {{{patterns}}}, "properties": {{{properties}}}}}"#), &[])
    };
    let name = format!("{}b", "a".repeat(200));
    let patterns = r#""^(a+)+$": {"type": "null"}, "((a{0,99}){0,99}){0,99}": false"#;
    let (old, new) = (schema(patterns, ""), schema(patterns, &format!(r#""{name}": {{"type": "null"}}"#)));
    let expected = format!("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/{name}");
    assert_eq!(found(&report(Level::Forward, &old, &new)), [expected]);

    let patterns: Vec<_> = (0..1_000).map(|index| format!(r#""x{index}": true"#)).collect();
    let properties: Vec<_> = (0..1_000).map(|index| format!(r#""y{index}": false"#)).collect();
    let [patterns, properties] = [patterns, properties].map(|list| list.join(", "));
    let (old, new) = (schema(&patterns, ""), schema(&patterns, &properties));
    assert_eq!(found(&report(Level::Forward, &old, &new)), ["TOO_COMPLEX #/"]);
}
