//! Java Avro is the judge of generated code: the same bytes for the same value, and the same value, or none, for every pair of
//! a writer's and a reader's schema. Where there is no code though Java reads, `refused.txt` says why.

use std::collections::BTreeSet;

use eventwright_codegen_tests::java::{ask, bytes};
use eventwright_corpus_tests::{Case, Codec, cases};
use serde_json::Value;

/// What reading says where a pair cannot be resolved, so that version 2 has no code for what version 1 wrote.
const UNRESOLVED: &str = "version 1 is not known";

/// What generated code does otherwise than Java.
fn disagreements(case: &Case, codec: &Codec, answer: &Value) -> Vec<String> {
    let Some(values) = answer.get("values").and_then(Value::as_array) else {
        return vec![format!("Java refuses the schema: {answer}")];
    };
    // Java comes upon what it cannot read only where a value has it.
    let java_fails = values.iter().any(|value| value.get("error").is_some());
    let mut found = Vec::new();
    for value in values {
        let written = value.get("bytes").map(bytes).expect("Java writes every value");
        let again = (codec.again)(&written);
        if again.as_ref() != Ok(&written) {
            found.push(format!("{written:02x?} is {again:02x?} when we write it again"));
        }
        match ((codec.read)(&written), value.get("read").map(bytes)) {
            (Ok(ours), Some(java)) if ours == java => {}
            (Err(_), None) => {}
            (Err(error), Some(_)) if error == UNRESOLVED && java_fails => {}
            (Ok(_), None) if case.is_lenient => {}
            (ours, Some(java)) => found.push(format!("{written:02x?}: Java reads {java:02x?}, we {ours:02x?}")),
            (Ok(ours), None) => {
                found.push(format!("Java says {value}, we read {ours:02x?}"));
            }
        }
    }
    found
}

/// Returns why there is no code for a pair that Java reads, without the pair's own names.
fn refusal(finding: &str, answer: &Value) -> Option<String> {
    answer.get("values")?.as_array()?;
    let outside = finding.split('`').step_by(2);
    Some(outside.collect::<Vec<_>>().join("`_`"))
}

#[test]
fn generated_code_reads_and_writes_as_java_does() {
    let cases = cases();
    let pairs: Vec<_> = cases.iter().map(|case| [case.writer, case.reader].map(json)).collect();
    let answers = ask(pairs.iter().map(|[writer, reader]| (writer, reader)));
    assert_eq!(answers.len(), cases.len());
    let (mut wrong, mut compared, mut refused) = (String::new(), 0, BTreeSet::new());
    for (case, answer) in cases.iter().zip(&answers) {
        match &case.generated {
            Ok(codec) => {
                compared += 1;
                for one in disagreements(case, codec, answer).into_iter().take(1) {
                    wrong += &format!("{}: {one}\n  writer {}\n  reader {}\n", case.rule, case.writer, case.reader);
                }
            }
            Err(finding) => refused.extend(refusal(finding, answer)),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let expected = include_str!("refused.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    assert_eq!(refused, expected.map(str::to_owned).collect());
    assert!(compared > cases.len() / 2, "there is code for {compared} of {} pairs only", cases.len());
}

fn json(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema is JSON")
}
