use std::fmt::Write as _;

use crate::Format;
use crate::compat::{Level, Options, check_with, parse_any};

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#)
}

fn field(name: &str, of: &str) -> String {
    format!(r#"{{"name": "{name}", "type": {of}}}"#)
}

/// Checks the witnesses of what is found, each as `RULE: json (bytes) what its readers do`.
#[track_caller]
fn check(writer: &str, reader: &str, expected: &[&str]) {
    check_with_options(false, writer, reader, expected);
}

#[track_caller]
fn check_with_options(strict: bool, writer: &str, reader: &str, expected: &[&str]) {
    let [old, new] = [writer, reader].map(|text| parse_any(Format::Avro, "s", text, &[]).unwrap());
    let report =
        check_with(Options { witnesses: true, strict }, Level::Backward, &[("v1".into(), &old)], ("v2".into(), &new));
    let found = report.findings.iter().chain(&report.warnings).map(|finding| {
        let mut text = format!("{}:", finding.rule.id);
        let Some(witness) = &finding.witness else { return text + " none" };
        write!(text, " {} (", witness.json).unwrap();
        witness.bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text + ") " + &witness.outcome.of_readers("v2")
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{writer}\n{reader}");
}

#[test]
fn the_least_value_leads_through_records_arrays_maps_and_branches() {
    let inner = |of: &str| format!(r#"["null", {{"type": "record", "name": "I", "fields": [{}]}}]"#, field("x", of));
    let outer = |of: &str| {
        record(&format!(
            r#"{}, {}"#,
            field("a", r#""string""#),
            field("m", &format!(r#"{{"type": "map", "values": {{"type": "array", "items": {of}}}}}"#))
        ))
    };
    check(
        &outer(&inner(r#""int""#)),
        &outer(&inner(r#""string""#)),
        &[
            r#"MISSING_UNION_BRANCH: {"a":"a","m":{"k":[{"x":1}]}} (026102026b0202020000) readers of v2 fail: `m["k"][0].x`: the writer writes int, the reader expects string"#,
        ],
    );
}

#[test]
fn a_symbol_that_the_reader_lacks_is_what_is_written() {
    let of = |symbols: &str| {
        record(&field("status", &format!(r#"{{"type": "enum", "name": "S", "symbols": [{symbols}]}}"#)))
    };
    check(
        &of(r#""OPEN", "PAID", "LOST""#),
        &of(r#""PAID", "OPEN""#),
        &[
            r#"MISSING_ENUM_SYMBOLS: {"status":"LOST"} (04) readers of v2 fail: `status`: the symbol `LOST` is none of the reader's enum `S`, which has no default"#,
        ],
    );
}

/// The first field fails before the second one is read: each finding says what is wrong with its own.
#[test]
fn each_of_several_findings_has_its_own_words() {
    let two = |a: &str, b: &str| record(&format!("{}, {}", field("a", a), field("b", b)));
    check(
        &two(r#""int""#, r#"{"type": "fixed", "name": "F", "size": 2}"#),
        &two(r#""string""#, r#"{"type": "fixed", "name": "F", "size": 3}"#),
        &[
            r#"TYPE_MISMATCH: {"a":1,"b":"AAE="} (020001) readers of v2 fail: `a`: the writer writes int, the reader expects string"#,
            r#"FIXED_SIZE_MISMATCH: {"a":1,"b":"AAE="} (020001) readers of v2 fail: `b`: the writer's fixed `F` has 2 bytes, the reader's 3"#,
        ],
    );
    check(
        &record(""),
        &two(r#""int""#, r#""int""#),
        &["READER_FIELD_MISSING_DEFAULT_VALUE: {} () readers of v2 fail: `a`: the writer does not write the field, and the reader has no default; `b`: the writer does not write the field, and the reader has no default";
            2],
    );
}

#[test]
fn a_warning_has_one_where_our_own_readers_lose_something() {
    let decimal = |scale: u32| {
        record(&field(
            "x",
            &format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": {scale}}}"#),
        ))
    };
    check(
        &decimal(4),
        &decimal(2),
        &[
            r#"LOGICAL_TYPE_CHANGED: {"x":"0.0001"} (0201) readers of v2 fail: `x`: the decimal of scale 4 has digits that the reader's scale of 2 would cut off"#,
        ],
    );
    check(&decimal(2), &decimal(4), &["LOGICAL_TYPE_CHANGED: none"]);
    let time = |unit: &str| record(&field("x", &format!(r#"{{"type": "long", "logicalType": "timestamp-{unit}"}}"#)));
    check(
        &time("micros"),
        &time("millis"),
        &[
            r#"LOGICAL_TYPE_CHANGED: {"x":"1970-01-01T00:00:00.000001Z"} (02) readers of v2 read {"x":"1970-01-01T00:00:00Z"}"#,
        ],
    );
}

#[test]
fn what_only_the_strict_find_is_proven_too() {
    let check_strictly =
        |writer: &str, reader: &str, expected: &[&str]| check_with_options(true, writer, reader, expected);
    let one = |of: &str| record(&field("x", of));
    check(&one(r#""bytes""#), &one(r#""string""#), &[]);
    check_strictly(
        &one(r#""bytes""#),
        &one(r#""string""#),
        &[r#"BYTES_READ_AS_STRING: {"x":"/w=="} (02ff) readers of v2 fail: `x`: a string is not UTF-8"#],
    );
    check_strictly(
        &one(r#""long""#),
        &one(r#""double""#),
        &[
            r#"PROMOTION_LOSES_DIGITS: {"x":9007199254740993} (8280808080808020) readers of v2 read {"x":9007199254740992.0}"#,
        ],
    );
    let taken = r#"{"name": "a", "type": "int", "aliases": ["x"]}, {"name": "x", "type": "int", "default": 0}"#;
    check_strictly(
        &one(r#""int""#),
        &record(taken),
        &[r#"FIELD_ALIAS_TAKEN: {"x":1} (02) readers of v2 read {"a":1,"x":0}"#],
    );
    let default = |of: u32| record(&format!(r#"{{"name": "x", "type": "int", "default": {of}}}"#));
    check_strictly(&default(1), &default(2), &["FIELD_DEFAULT_CHANGED: none"]);
    check_strictly(&default(1), &default(1), &[]);
}

#[test]
fn where_the_decoder_reads_the_value_there_is_no_witness() {
    let named =
        |name: &str| format!(r#"{{"type": "record", "name": "{name}", "fields": [{}]}}"#, field("x", r#""int""#));
    check(&named("A"), &named("B"), &["NAME_MISMATCH: none"]);
    // No value ends: a list that always goes on.
    let endless = |of: &str| record(&format!("{}, {}", field("x", of), field("next", r#""R""#)));
    check(&endless(r#""int""#), &endless(r#""string""#), &["TYPE_MISMATCH: none"]);
    // Larger than anybody reads.
    let large = |of: &str| {
        let large = r#"{"type": "fixed", "name": "F", "size": 1000000}"#;
        record(&format!("{}, {}", field("f", large), field("x", of)))
    };
    check(&large(r#""int""#), &large(r#""string""#), &["TYPE_MISMATCH: none"]);
}

#[test]
fn records_that_hold_themselves_end_as_soon_as_they_can() {
    let tree = |of: &str| {
        record(&format!(
            r#"{}, {}, {}"#,
            field("left", r#"["R", "null"]"#),
            field("right", r#"{"type": "array", "items": "R"}"#),
            field("x", of)
        ))
    };
    check(
        &tree(r#""int""#),
        &tree(r#""string""#),
        &[
            r#"TYPE_MISMATCH: {"left":null,"right":[],"x":1} (020002) readers of v2 fail: `x`: the writer writes int, the reader expects string"#,
        ],
    );
}
