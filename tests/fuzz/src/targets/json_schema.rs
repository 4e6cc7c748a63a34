//! JSON Schemas from anybody, alone and in pairs.

use std::path::Path;

use eventwright_schema::compat::{AnySchema, Level, check};
use eventwright_schema::json_schema;
use serde_json::Value;

use crate::edit::{Edited, from_input};
use crate::engine::Check;
use crate::limits::TEXTS;

const WORDS: &[&str] = &[
    "{\"$ref\":\"#\"}",
    "\"$ref\":\"#/definitions/a\",",
    "\"$id\":\"http://a/b#c\",",
    "\"$anchor\":\"a\",",
    "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",",
    "\"definitions\":{\"a\":",
    "\"properties\":{\"a\":",
    "\"patternProperties\":{\"^(a|b)*$\":",
    "\"additionalProperties\":false,",
    "\"required\":[\"a\"],",
    "\"items\":",
    "\"prefixItems\":[",
    "\"oneOf\":[",
    "\"allOf\":[",
    "\"not\":",
    "\"type\":[\"null\",\"string\"],",
    "\"multipleOf\":0,",
    "\"maximum\":1e999,",
    "\"enum\":[],",
    "\"default\":null,",
    "true",
    "{",
    "}",
    "]",
    ",",
    "é",
];

/// Any text: what is parsed reads itself, and can be compared with what it was made of.
pub(super) fn any() -> Check {
    let samples = samples();
    let parsed = |text: &str| json_schema::parse("fuzz.json", text, &[]);
    let whole: Vec<_> = samples.iter().filter_map(|text| parsed(text).ok()).map(AnySchema::Json).collect();
    Box::new(move |input| {
        let text = from_input::<Edited>(input).apply_to_text(&samples, WORDS);
        let schema = match TEXTS.check(text.len(), || parsed(&text)) {
            Ok(schema) => AnySchema::Json(schema),
            Err(wrong) => {
                assert!(!wrong.is_empty() && wrong.iter().all(|one| !one.to_string().is_empty()));
                return false;
            }
        };
        let compare = |old: &AnySchema| check(Level::Full, &[("v1".to_owned(), old)], ("v2".to_owned(), &schema));
        let own = compare(&schema);
        assert!(own.findings.iter().all(|one| one.rule.id == "TOO_COMPLEX"), "{own:#?}\n{text}");
        let other = input.iter().fold(0, |sum, byte| sum + usize::from(*byte)) % whole.len();
        let report = compare(whole.get(other).expect("the remainder is an index"));
        assert!(report.findings.iter().all(|one| !one.to_string().is_empty()));
        true
    })
}

/// Returns the schemas of the pairs that the rules are tested by.
fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema-core/src/json_schema/tests");
    let mut schemas = Vec::new();
    for file in ["arrays", "combined", "objects", "references", "scalars"] {
        let text = std::fs::read_to_string(folder.join(file).with_extension("json")).expect("the pairs are there");
        let pairs: Vec<Value> = serde_json::from_str(&text).expect("the pairs are JSON");
        schemas.extend(pairs.iter().flat_map(|pair| [pair["old"].to_string(), pair["new"].to_string()]));
    }
    schemas
}
