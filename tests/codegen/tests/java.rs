//! Java Avro is the judge: the same bytes for the same value, and the same value, or none, for every pair of a writer's
//! and a reader's schema. `java/pairs.jsonl` has a pair for each rule; [`pairs`] makes many more.

#![expect(clippy::indexing_slicing, reason = "a test that panics has failed, in its helpers as well")]

use eventwright_codegen_tests::java::{ask, bytes};
use eventwright_codegen_tests::pairs::pairs;
use eventwright_schema::avro::dynamic::{decode_json, encode_json};
use eventwright_schema::avro::{Schema, parse, resolve};
use eventwright_wire::avro::{Scratch, Transcoder};
use serde_json::Value;

const RANDOM_PAIRS: usize = 1_000;

/// A pair of schemas, and what it is to show.
struct Pair {
    rule: String,
    writer: Value,
    reader: Value,
    /// Whether we may read what Java does not.
    is_lenient: bool,
}

/// Reads with the plan of the pair, and writes what was read as the reader's schema has it.
fn read(writer: &Schema, reader: &Schema, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let plan = resolve(writer, reader).map_err(|errors| format!("not resolved: {}", errors[0]))?;
    let mut scratch = Scratch::default();
    let transcoded = Transcoder::new(&plan).transcode(bytes, &mut scratch).map_err(|error| error.to_string())?;
    let value = decode_json(reader, transcoded).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    encode_json(reader, &value, &mut out).map_err(|error| format!("not encoded: {error}"))?;
    Ok(out)
}

/// Returns what we and Java do not agree on.
fn disagreements(pair: &Pair, answer: &Value) -> Vec<String> {
    let schemas = [&pair.writer, &pair.reader].map(|schema| parse("test", &schema.to_string()));
    let [writer, reader] = match (schemas, answer.get("refused")) {
        ([Ok(writer), Ok(reader)], None) => [writer, reader],
        ([Err(_), _] | [_, Err(_)], Some(_)) => return Vec::new(),
        ([Err(wrong), _] | [_, Err(wrong)], None) => return vec![format!("we refuse the schema: {}", wrong[0])],
        (_, Some(reason)) => return vec![format!("Java refuses the schema: {reason}")],
    };
    let mut found = Vec::new();
    let fails_in_java = answer["values"].as_array().is_some_and(|all| all.iter().any(|one| one.get("error").is_some()));
    for value in answer["values"].as_array().expect("there are values") {
        let written = bytes(&value["bytes"]);
        let again = decode_json(&writer, &written).map_err(|error| error.to_string()).and_then(|json| {
            let mut out = Vec::new();
            encode_json(&writer, &json, &mut out).map_err(|error| error.to_string())?;
            Ok(out)
        });
        if again.as_ref() != Ok(&written) {
            found.push(format!("{written:02x?} is {again:02x?} when we write it again"));
        }
        match (read(&writer, &reader, &written), value.get("read").map(bytes)) {
            (Ok(ours), Some(java)) if ours == java => {}
            (Err(_), None) => {}
            // A pair that can never be read in full is refused as a whole, by Java only where it comes upon the reason.
            (Err(error), Some(_)) if error.starts_with("not resolved") && fails_in_java => {}
            (ours, Some(java)) => found.push(format!("{written:02x?}: Java reads {java:02x?}, we {ours:02x?}")),
            (Ok(_), None) if pair.is_lenient => {}
            (Ok(ours), None) => {
                found.push(format!("{written:02x?}: Java says {}, we read {ours:02x?}", value["error"]))
            }
        }
    }
    found
}

fn check(pairs: &[Pair]) {
    let answers = ask(pairs.iter().map(|pair| (&pair.writer, &pair.reader)));
    assert_eq!(answers.len(), pairs.len());
    let mut found = String::new();
    for (pair, answer) in pairs.iter().zip(&answers) {
        for one in disagreements(pair, answer).into_iter().take(1) {
            found.push_str(&format!("{}: {one}\n  writer {}\n  reader {}\n", pair.rule, pair.writer, pair.reader));
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn every_rule_is_applied_as_java_applies_it() {
    let lines = include_str!("../java/pairs.jsonl").lines();
    let pairs: Vec<_> = lines
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"))
        .map(|row| Pair {
            rule: row["rule"].as_str().expect("a rule is text").to_owned(),
            writer: row["writer"].clone(),
            reader: row["reader"].clone(),
            is_lenient: row["lenient"] == true,
        })
        .collect();
    check(&pairs);
}

#[test]
fn random_pairs_are_read_as_java_reads_them() {
    let pairs = pairs(RANDOM_PAIRS).into_iter().enumerate();
    let pairs: Vec<_> = pairs
        .map(|(index, (writer, reader))| Pair { rule: format!("pair {index}"), writer, reader, is_lenient: false })
        .collect();
    check(&pairs);
}
