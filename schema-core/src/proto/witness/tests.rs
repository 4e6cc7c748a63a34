use std::fmt::Write as _;

use crate::Format;
use crate::compat::{Level, Options, check_with, parse_any};

/// Checks the witnesses of what is found in `message M`, each as `RULE: json (bytes) what its readers do`.
#[track_caller]
fn check(writer: &str, reader: &str, expected: &[&str]) {
    check_with_options(false, writer, reader, expected);
}

#[track_caller]
fn check_with_options(strict: bool, writer: &str, reader: &str, expected: &[&str]) {
    let file = |fields: &str| {
        let text = format!(
            "syntax = \"proto3\"; enum E {{ E0 = 0; E7 = 7; }} message N {{ int32 n = 1; }} message O {{ string o = 1; }} message M {{ {fields} }}"
        );
        parse_any(Format::Protobuf, "s", &text, &[]).unwrap()
    };
    let (old, new) = (file(writer), file(reader));
    let report =
        check_with(Options { witnesses: true, strict }, Level::Backward, &[("v1".into(), &old)], ("v2".into(), &new));
    let found = report.findings.iter().map(|finding| {
        let mut text = format!("{}:", finding.rule.id);
        let Some(witness) = &finding.witness else { return text + " none" };
        write!(text, " {} (", witness.json).unwrap();
        witness.bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text + ") " + &witness.outcome.of_readers("v2").replace("failed to decode Protobuf message: ", "")
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{writer}\n{reader}");
}

#[test]
fn every_change_of_a_scalar_is_proven() {
    let check_scalar = |writer: &str, reader: &str, expected: &str| {
        check(
            &format!("{writer} x = 1;"),
            &format!("{reader} x = 1;"),
            &[&format!("FIELD_SCALAR_KIND_CHANGED: {expected}")],
        );
    };
    check_scalar("int32", "sint32", r#"{"x":1} (0801) readers of v2 read {"x":-1}"#);
    check_scalar("sint64", "int64", r#"{"x":"1"} (0802) readers of v2 read {"x":"2"}"#);
    check_scalar("E", "sint32", r#"{"x":"E7"} (0807) readers of v2 read {"x":-4}"#);
    check_scalar(
        "double",
        "fixed64",
        r#"{"x":1.5} (09000000000000f83f) readers of v2 read {"x":"4609434218613702656"}"#,
    );
    let wire = |expected, found| {
        format!("readers of v2 fail: expected a `M`: invalid wire type: {found} (expected {expected})")
    };
    check_scalar("int32", "string", &format!(r#"{{"x":1}} (0801) {}"#, wire("LengthDelimited", "Varint")));
    check_scalar("string", "int32", &format!(r#"{{"x":"a"}} (0a0161) {}"#, wire("Varint", "LengthDelimited")));
    check_scalar("int32", "fixed32", &format!(r#"{{"x":1}} (0801) {}"#, wire("ThirtyTwoBit", "Varint")));
}

#[test]
fn a_change_of_kind_or_type_is_proven() {
    check(
        "N x = 1;",
        "string x = 1;",
        &[r#"FIELD_KIND_CHANGED: {"x":{"n":1}} (0a020801) readers of v2 read {"x":"\b\u0001"}"#],
    );
    check(
        "N x = 1;",
        "O x = 1;",
        &[
            "FIELD_NAMED_TYPE_CHANGED: {\"x\":{\"n\":1}} (0a020801) readers of v2 fail: expected a `M`: invalid wire type: Varint (expected LengthDelimited)",
        ],
    );
    check(
        "map<string, int32> x = 1;",
        "map<string, sint32> x = 1;",
        &[r#"FIELD_SCALAR_KIND_CHANGED: {"x":{"a":1}} (0a050a01611001) readers of v2 read {"x":{"a":-1}}"#],
    );
}

#[test]
fn what_a_oneof_loses_is_proven() {
    check(
        "int32 a = 1; string b = 2;",
        "oneof o { int32 a = 1; string b = 2; }",
        &[r#"MULTIPLE_FIELDS_MOVED_TO_ONEOF: {"a":1,"b":"a"} (0801120161) readers of v2 read {"b":"a"}"#],
    );
    check(
        "oneof o { int32 a = 1; string b = 2; }",
        "oneof o { int32 a = 1; }",
        &[r#"ONEOF_FIELD_REMOVED: {"b":"a"} (120161) readers of v2 read {}"#],
    );
}

#[test]
fn what_only_the_strict_find_is_proven_too() {
    let narrowed = |writer: &str, reader: &str, expected: &[&str]| {
        check(&format!("{writer} x = 1;"), &format!("{reader} x = 1;"), &[]);
        let expected: Vec<_> = expected.iter().map(|one| format!("FIELD_VALUES_NARROWED: {one}")).collect();
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check_with_options(true, &format!("{writer} x = 1;"), &format!("{reader} x = 1;"), &expected);
    };
    narrowed("int32", "int64", &[]);
    narrowed("E", "int32", &[]);
    narrowed("string", "bytes", &[]);
    narrowed("string", "repeated string", &[]);
    narrowed("int64", "int32", &[r#"{"x":"-4294967297"} (08ffffffffefffffffff01) readers of v2 read {"x":-1}"#]);
    narrowed("uint32", "int32", &[r#"{"x":4294967295} (08ffffffff0f) readers of v2 read {"x":-1}"#]);
    narrowed("E", "bool", &[r#"{"x":"E7"} (0807) readers of v2 read {"x":true}"#]);
    narrowed("repeated N", "N", &[r#"{"x":[{"n":1},{"n":1}]} (0a0208010a020801) readers of v2 read {"x":{"n":1}}"#]);
    check_with_options(
        true,
        "int32 x = 1;",
        "int32 x = 2;",
        &[r#"FIELD_NUMBER_CHANGED: {"x":1} (0801) readers of v2 read {}"#],
    );
    check_with_options(true, "int32 x = 1;", "int32 y = 1;", &["FIELD_JSON_NAME_CHANGED: none"]);
}

/// The bytes are the same whatever a type is called.
#[test]
fn names_prove_nothing() {
    let old = parse_any(Format::Protobuf, "s", "package a; message A {}", &[]).unwrap();
    let new = parse_any(Format::Protobuf, "s", "package b; message B {}", &[]).unwrap();
    let report = check_with(
        Options { witnesses: true, ..Options::default() },
        Level::Backward,
        &[("v1".into(), &old)],
        ("v2".into(), &new),
    );
    let found: Vec<_> = report.findings.iter().map(|one| (one.rule.id, one.witness.is_some())).collect();
    assert_eq!(found, [("PACKAGE_CHANGED", false), ("MESSAGE_REMOVED", false)]);
}
