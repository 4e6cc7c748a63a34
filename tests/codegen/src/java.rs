//! Java Avro as a judge: `java/Judge.java` in a process of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// How many values each pair is tried with.
const VALUES: usize = 8;

/// Returns Java's answer to each pair of a writer's and a reader's schema, as `Judge.java` describes it.
///
/// # Panics
/// Without Java and Java Avro, which `make test` provides.
pub fn ask<'p>(pairs: impl Iterator<Item = (&'p Value, &'p Value)>) -> Vec<Value> {
    let class_path = std::env::var("EVENTWRIGHT_TEST_AVRO")
        .expect("EVENTWRIGHT_TEST_AVRO is not set: run `make test`, which fetches what tests need");
    let mut java = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &class_path])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Judge.java"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("java is installed");
    let line = |(seed, (writer, reader)): (usize, (&Value, &Value))| {
        format!("{}\n", json!({"writer": writer, "reader": reader, "seed": seed, "count": VALUES}))
    };
    let lines: String = pairs.enumerate().map(line).collect();
    // Java answers when all is said, so that neither waits for the other.
    java.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("java reads");
    let output = java.wait_with_output().expect("java ends");
    assert!(output.status.success(), "Judge.java ended with {}", output.status);
    let answers = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    answers.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
}

/// Returns the bytes that an answer has as hexadecimal text.
///
/// # Panics
/// Anything else.
#[must_use]
pub fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("bytes are hexadecimal text").as_bytes();
    let digits = hex.chunks(2).map(|two| std::str::from_utf8(two).expect("digits are ASCII"));
    digits.map(|two| u8::from_str_radix(two, 16).expect("two digits")).collect()
}
