use super::*;

fn parsed(format: Format, text: &str) -> AnySchema {
    parse_any(format, "new.avsc", text, &[]).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

/// A record with the fields named in `fields`; those with a question mark have a default.
fn record(fields: &str) -> AnySchema {
    let fields: Vec<_> = fields
        .split_whitespace()
        .map(|field| match field.strip_suffix('?') {
            Some(name) => format!(r#"{{"name": "{name}", "type": "int", "default": 0}}"#),
            None => format!(r#"{{"name": "{field}", "type": "int"}}"#),
        })
        .collect();
    parsed(Format::Avro, &format!(r#"{{"type": "record", "name": "R", "fields": [{}]}}"#, fields.join(", ")))
}

#[test]
fn each_level_compares_with_its_versions_in_its_directions() {
    // The candidate adds `c` without default; v1 has `a` that nobody else has, v2 has `b`.
    let history = [("v1".to_owned(), &record("x a")), ("v2".to_owned(), &record("x b"))];
    let candidate = record("x c");
    let check = |level: Level, expected: &[(&str, &str, &str)]| {
        let report = super::check(level, &history, ("v3".into(), &candidate));
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|one| {
                let field = one.message.split('`').nth(1).unwrap_or("");
                (one.direction.map_or("", Direction::name), one.old.label.as_str(), field)
            })
            .collect();
        assert_eq!(found, expected, "{level}");
        assert_eq!(report.is_compatible(), expected.is_empty());
    };
    let (back, forth) = ("backward", "forward");
    check(Level::None, &[]);
    check(Level::Backward, &[(back, "v2", "c")]);
    check(Level::Forward, &[(forth, "v2", "b")]);
    check(Level::Full, &[(back, "v2", "c"), (forth, "v2", "b")]);
    check(Level::BackwardTransitive, &[(back, "v2", "c"), (back, "v1", "c")]);
    check(Level::ForwardTransitive, &[(forth, "v2", "b"), (forth, "v1", "a")]);
    check(Level::FullTransitive, &[(back, "v2", "c"), (forth, "v2", "b"), (back, "v1", "c"), (forth, "v1", "a")]);
}

#[test]
fn without_older_versions_everything_is_compatible() {
    for level in Level::ALL {
        assert!(super::check(level, &[], ("v1".into(), &record("a"))).is_compatible());
    }
}

#[test]
fn a_finding_says_who_cannot_read_what_where_and_what_to_do() {
    let history = [("version 1".to_owned(), &record("a"))];
    let report = super::check(Level::Backward, &history, ("the candidate".into(), &record("a c")));
    let [finding] = &report.findings[..] else { panic!("{report:#?}") };
    assert_eq!(finding.rule, &rule::READER_FIELD_MISSING_DEFAULT_VALUE);
    assert_eq!(finding.path, "/fields/1");
    assert_eq!((finding.old.text.as_str(), finding.new.text.as_str()), ("", r#"{"name": "c", "type": "int"}"#));
    assert_eq!(
        finding.to_string(),
        "new.avsc:1:74: READER_FIELD_MISSING_DEFAULT_VALUE: field `c` was added without a default: readers of the \
         candidate cannot read records written with version 1; add \"default\": 0"
    );
}

#[test]
fn long_texts_are_cut_in_a_finding() {
    let long = parsed(
        Format::Avro,
        &format!(r#"{{"type": "enum", "name": "{}", "symbols": ["Ä"]}}"#, "a".repeat(5000)).replace('Ä', "A"),
    );
    let history = [("v1".to_owned(), &long)];
    let report = super::check(Level::Full, &history, ("v2".into(), &parsed(Format::Avro, r#""string""#)));
    assert_eq!(report.findings.len(), 2);
    assert!(report.findings.iter().all(|finding| finding.old.text.chars().count() == 4097));
    assert_eq!(super::pair::shortened(&"ä".repeat(3000)), format!("{}…", "ä".repeat(2048)));
}

#[cfg(feature = "proto")]
#[test]
fn another_schema_language_is_a_finding() {
    let history = [("v1".to_owned(), &record("a"))];
    let candidate = parsed(Format::Protobuf, "message A {}");
    for (level, expected) in [(Level::Backward, 1), (Level::Full, 2), (Level::None, 0)] {
        let report = super::check(level, &history, ("v2".into(), &candidate));
        assert_eq!(report.findings.len(), expected);
        assert!(report.findings.iter().all(|finding| finding.rule == &rule::SCHEMA_TYPE_CHANGED));
    }
    let report = super::check(Level::Backward, &history, ("v2".into(), &candidate));
    assert_eq!(
        report.findings[0].message,
        "v1 is AVRO and v2 is PROTOBUF: readers of v2 cannot read records written with v1"
    );
}

#[cfg(feature = "json")]
#[test]
fn json_schemas_are_compared_with_each_other_alone() {
    let check = |old: (Format, &str), new: (Format, &str), expected: &str| {
        let history = [("v1".to_owned(), &parsed(old.0, old.1))];
        let report = super::check(Level::FullTransitive, &history, ("v2".into(), &parsed(new.0, new.1)));
        let found: Vec<_> = report.findings.iter().map(|one| one.rule.id).collect();
        assert_eq!(found.join(" "), expected);
    };
    let (string, integer) = (r#"{"type": "string"}"#, r#"{"type": "integer"}"#);
    check((Format::Json, string), (Format::Json, string), "");
    check((Format::Json, string), (Format::Json, integer), "TYPE_CHANGED TYPE_CHANGED");
    check((Format::Json, string), (Format::Avro, "\"string\""), "SCHEMA_TYPE_CHANGED SCHEMA_TYPE_CHANGED");
}
