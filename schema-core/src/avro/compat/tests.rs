use crate::avro::parse;
use crate::compat::{AnySchema, Level, Report, check as check_level};

/// Returns what was found when a candidate is compared with one older version.
fn report(level: Level, old: &str, new: &str) -> Report {
    let [old, new] = [("old", old), ("new", new)]
        .map(|(name, text)| AnySchema::Avro(parse(name, text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))));
    check_level(level, &[("v1".into(), &old)], ("v2".into(), &new))
}

/// Checks that `reader` reads `writer` but for the findings, each as `RULE path`.
#[track_caller]
fn check(reader: &str, writer: &str, expected: &[&str]) {
    let backward = report(Level::Backward, writer, reader);
    let forward = report(Level::Forward, reader, writer);
    for found in [backward, forward] {
        let found: Vec<_> = found.findings.iter().map(|one| format!("{} {}", one.rule.id, one.path)).collect();
        assert_eq!(found, expected, "{writer}\n{reader}");
    }
}

const TYPES: &[&str] = &[
    r#""null""#,
    r#""boolean""#,
    r#""int""#,
    r#""long""#,
    r#""float""#,
    r#""double""#,
    r#""bytes""#,
    r#""string""#,
    r#"{"type": "array", "items": "int"}"#,
    r#"{"type": "map", "values": "int"}"#,
    r#"{"type": "fixed", "name": "F", "size": 2}"#,
    r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#,
    r#"{"type": "record", "name": "R", "fields": []}"#,
];

/// The table of Avro 1.12, "Schema Resolution": which type reads which.
#[test]
fn every_pair_of_types_is_read_or_is_a_type_mismatch() {
    let promoted = [
        "int long",
        "int float",
        "int double",
        "long float",
        "long double",
        "float double",
        "string bytes",
        "bytes string",
    ];
    for writer in TYPES {
        for reader in TYPES {
            let pair = format!("{} {}", writer.trim_matches('"'), reader.trim_matches('"'));
            let reads = reader == writer || promoted.contains(&pair.as_str());
            check(reader, writer, if reads { &[] } else { &["TYPE_MISMATCH /"] });
            // The same in a union on either side, and inside other types.
            let union = format!("[{reader}]");
            check(&union, writer, if reads { &[] } else { &["MISSING_UNION_BRANCH /"] });
            let union = format!("[{writer}]");
            check(reader, &union, if reads { &[] } else { &["TYPE_MISMATCH /0"] });
            let array = |of: &str| format!(r#"{{"type": "array", "items": {of}}}"#);
            check(&array(reader), &array(writer), if reads { &[] } else { &["TYPE_MISMATCH /items"] });
            let map = |of: &str| format!(r#"{{"type": "map", "values": {of}}}"#);
            check(&map(reader), &map(writer), if reads { &[] } else { &["TYPE_MISMATCH /values"] });
            let field =
                |of: &str| format!(r#"{{"type": "record", "name": "T", "fields": [{{"name": "f", "type": {of}}}]}}"#);
            check(&field(reader), &field(writer), if reads { &[] } else { &["TYPE_MISMATCH /fields/0/type"] });
        }
    }
}

#[test]
fn unions_need_a_branch_for_every_branch() {
    check(r#"["null", "string"]"#, r#"["string", "null"]"#, &[]);
    check(r#"["null", "long"]"#, r#"["int", "null"]"#, &[]);
    check(r#"["null"]"#, r#"["null", "int", "string"]"#, &["MISSING_UNION_BRANCH /1", "MISSING_UNION_BRANCH /2"]);
    check(r#""double""#, r#"["int", "float"]"#, &[]);
    check(r#""double""#, r#"["int", "string", "null"]"#, &["TYPE_MISMATCH /1", "TYPE_MISMATCH /2"]);
    let record = |fields: &str| format!(r#"["null", {{"type": "record", "name": "R", "fields": [{fields}]}}]"#);
    check(&record(r#"{"name": "f", "type": "int"}"#), &record(""), &["MISSING_UNION_BRANCH /1"]);
    check(&record(r#"{"name": "f", "type": "int", "default": 1}"#), &record(""), &[]);
}

#[test]
fn names_are_compared_without_namespace_and_by_aliases() {
    let record = |head: &str| format!(r#"{{"type": "record", {head}, "fields": []}}"#);
    let named = |name: &str| record(&format!(r#""name": "{name}""#));
    check(&named("a.R"), &named("b.R"), &[]);
    check(&named("R"), &named("S"), &["NAME_MISMATCH /name"]);
    check(&record(r#""name": "a.R", "aliases": ["S"]"#), &named("a.S"), &[]);
    check(&record(r#""name": "a.R", "aliases": ["b.S"]"#), &named("b.S"), &[]);
    check(&record(r#""name": "a.R", "aliases": ["S"]"#), &named("b.S"), &["NAME_MISMATCH /name"]);
    check(&named("S"), &record(r#""name": "R", "aliases": ["S"]"#), &["NAME_MISMATCH /name"]);
}

#[test]
fn fields_need_a_default_or_an_alias() {
    let record = |fields: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let field = |name: &str, rest: &str| format!(r#"{{"name": "{name}", "type": "int"{rest}}}"#);
    let (a, b) = (field("a", ""), field("b", ""));
    check(&record(&a), &record(&format!("{a}, {b}")), &[]);
    check(&record(&format!("{b}, {a}")), &record(&format!("{a}, {b}")), &[]);
    check(&record(&format!("{a}, {b}")), &record(&a), &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"]);
    check(&record(&format!("{a}, {}", field("b", r#", "default": 0"#))), &record(&a), &[]);
    check(&record(&field("b", r#", "aliases": ["a"]"#)), &record(&a), &[]);
    check(
        &record(&a),
        &record(&field("b", r#", "aliases": ["a"]"#)),
        &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"],
    );
    let both = record(&format!("{a}, {b}"));
    check(&record(&field("c", r#", "aliases": ["a", "b"]"#)), &both, &["AMBIGUOUS_FIELD_ALIAS /fields/0"]);
    // An enum's default is for symbols, not for a field that is missing.
    let of_enum = record(r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}}"#);
    check(&of_enum, &record(""), &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"]);
}

#[test]
fn enums_and_fixed_types_are_compared_by_what_they_hold() {
    let of_enum = |rest: &str| format!(r#"{{"type": "enum", "name": "E", {rest}}}"#);
    let ab = of_enum(r#""symbols": ["A", "B"]"#);
    check(&ab, &of_enum(r#""symbols": ["B"]"#), &[]);
    check(&of_enum(r#""symbols": ["B"]"#), &ab, &["MISSING_ENUM_SYMBOLS /symbols"]);
    check(&of_enum(r#""symbols": ["B"], "default": "B""#), &ab, &[]);
    let fixed = |size: usize| format!(r#"{{"type": "fixed", "name": "F", "size": {size}}}"#);
    check(&fixed(3), &fixed(2), &["FIXED_SIZE_MISMATCH /size"]);
    check(
        r#"{"type": "fixed", "name": "G", "size": 3}"#,
        &fixed(2),
        &["NAME_MISMATCH /name", "FIXED_SIZE_MISMATCH /size"],
    );
}

#[test]
fn recursive_types_end_and_all_their_findings_are_there_once() {
    let list = |fields: &str| {
        format!(
            r#"{{"type": "record", "name": "List", "fields": [
                {{"name": "next", "type": ["null", "List"]}}, {{"name": "twice", "type": ["null", "List"]}}, {fields}]}}"#
        )
    };
    check(&list(r#"{"name": "x", "type": "int"}"#), &list(r#"{"name": "x", "type": "int"}"#), &[]);
    check(
        &list(r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int"}"#),
        &list(r#"{"name": "x", "type": "string"}"#),
        &["TYPE_MISMATCH /fields/2/type", "READER_FIELD_MISSING_DEFAULT_VALUE /fields/3"],
    );
    // Used twice, reported where it is met first; tried in a union before, reported all the same.
    let twice = |of: &str| {
        format!(
            r#"{{"type": "record", "name": "T", "fields": [
                {{"name": "a", "type": ["null", {{"type": "record", "name": "S", "fields": [{{"name": "s", "type": "{of}"}}]}}]}},
                {{"name": "b", "type": "S"}}, {{"name": "c", "type": "S"}}]}}"#
        )
    };
    check(
        &twice("int"),
        &twice("string"),
        &["MISSING_UNION_BRANCH /fields/0/type/1", "TYPE_MISMATCH /fields/1/type/fields/0/type"],
    );
}

#[test]
fn the_place_is_in_the_new_text_and_the_help_is_the_smallest_edit() {
    let record = |fields: &str| format!("{{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n{fields}]}}");
    let check = |level: Level, old: &str, new: &str, expected: (usize, usize, &str)| {
        let found = report(level, &record(old), &record(new));
        let [finding] = &found.findings[..] else { panic!("{found:#?}") };
        let (line, column, help) = expected;
        assert_eq!((finding.position.line, finding.position.column, finding.help.as_str()), (line, column, help));
        assert_eq!(finding.source, "new");
    };
    let a = r#"{"name": "a", "type": "int"}"#;
    let union = r#"{"name": "u", "type": ["null", "int"]}"#;
    let nested = r#"{"name": "n", "type": {"type": "record", "name": "N", "fields": []}}"#;
    check(Level::Backward, a, &format!("{a},\n{union}"), (3, 1, "add \"default\": null"));
    check(Level::Backward, a, &format!("{a},\n{nested}"), (3, 1, "add a default"));
    check(
        Level::Backward,
        a,
        &a.replace("\"a\"", "\"b\""),
        (2, 1, "add \"default\": 0, or \"aliases\": [\"a\"] if `a` was renamed"),
    );
    check(Level::Forward, a, "", (1, 28, "keep field `a`"));
    check(Level::Backward, a, &a.replace("int", "string"), (2, 23, "keep `int`, or add a new field with a default"));
    let e =
        |symbols: &str| format!(r#"{{"name": "e", "type": {{"type": "enum", "name": "E", "symbols": [{symbols}]}}}}"#);
    check(Level::Backward, &e(r#""A", "B""#), &e(r#""A""#), (2, 48, "add \"default\": \"A\" to the enum, or keep `B`"));
}

#[test]
fn logical_types_that_change_their_meaning_are_a_warning() {
    let check = |old: &str, new: &str, expected: &[&str]| {
        let found = report(Level::Backward, old, new);
        assert!(found.is_compatible());
        let warnings: Vec<_> = found.warnings.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(warnings, expected);
    };
    let decimal = |precision: u32, scale: u32| {
        format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": {precision}, "scale": {scale}}}"#)
    };
    let long = |logical: &str| format!(r#"{{"type": "long", "logicalType": "{logical}"}}"#);
    check(&decimal(9, 2), &decimal(9, 2), &[]);
    check(&decimal(9, 2), &decimal(12, 2), &[]);
    check(&decimal(9, 2), "\"bytes\"", &[]);
    check(
        &decimal(9, 2),
        &decimal(9, 3),
        &[
            "the schema is a `decimal` of precision 9 and scale 3 and was a `decimal` of precision 9 and scale 2 in v1: \
           readers of v2 may misread records written with v1",
        ],
    );
    check(
        &long("timestamp-millis"),
        &long("timestamp-micros"),
        &["the schema is a `timestamp-micros` and was a `timestamp-millis` in v1: readers of v2 may misread records \
           written with v1"],
    );
}

#[test]
fn hostile_schemas_are_a_finding_and_overflow_nothing() {
    // Each side defines a chain of records in fields of its own, and then both use its far end.
    let chain = |own: &str| {
        let links: Vec<_> = (0..240)
            .map(|link| {
                let inner = match link {
                    0 => String::new(),
                    _ => format!(r#"{{"name": "f", "type": "L{}"}}"#, link - 1),
                };
                format!(
                    r#"{{"name": "{own}{link}", "default": null, "type": ["null",
                        {{"type": "record", "name": "L{link}", "fields": [{inner}]}}]}}"#
                )
            })
            .collect();
        let links = links.join(", ");
        format!(r#"{{"type": "record", "name": "R", "fields": [{links}, {{"name": "end", "type": "L239"}}]}}"#)
    };
    let found = report(Level::Full, &chain("old"), &chain("new"));
    let rules: Vec<_> = found.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["TOO_COMPLEX", "TOO_COMPLEX"]);

    let records = |namespace: &str| {
        let records: Vec<_> = (0..600)
            .map(|one| format!(r#"{{"type": "record", "name": "{namespace}{one}.R", "fields": [{{"name": "{namespace}", "type": "int"}}]}}"#))
            .collect();
        format!("[{}]", records.join(", "))
    };
    let found = report(Level::Backward, &records("a"), &records("b"));
    assert!(found.findings.iter().any(|finding| finding.rule.id == "TOO_COMPLEX"));
}
