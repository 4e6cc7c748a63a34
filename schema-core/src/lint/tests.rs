use super::*;
use crate::Format;
use crate::compat::parse_any;

/// The schema in the code block under a heading of a page.
fn block(page: &str, heading: &str) -> Option<AnySchema> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n```"))?;
    let (language, rest) = rest.split_once('\n')?;
    let (text, _) = rest.split_once("\n```")?;
    let format = if language == "proto" { Format::Protobuf } else { Format::Avro };
    Some(parse_any(format, "example", text, &[]).unwrap())
}

fn ids(schema: &AnySchema) -> Vec<&'static str> {
    let hints = hints(schema).into_iter().map(|hint| hint.rule.id);
    // It is in every record, and allowed.
    hints.filter(|id| *id != rule::DEFAULT_MISSING.id).collect()
}

#[test]
fn the_examples_of_the_pages_are_true() {
    for (rule, _) in LINTS {
        let example = block(rule.page, "A schema with it").unwrap();
        let found: Vec<_> = hints(&example).into_iter().map(|hint| hint.rule.id).collect();
        assert!(found.contains(&rule.id), "{}: {found:?}", rule.id);
        match block(rule.page, "The schema, mended") {
            Some(mended) => assert_eq!(ids(&mended), [""; 0], "{}", rule.id),
            None => assert_eq!(rule.id, "DEFAULT_MISSING"),
        }
    }
}

fn found(format: Format, text: &str) -> Vec<String> {
    let schema = parse_any(format, "s", text, &[]).unwrap();
    let line = |hint: Hint| hint.finding(Severity::Warning, "v1").to_string();
    hints(&schema).into_iter().filter(|hint| hint.rule.id != rule::DEFAULT_MISSING.id).map(line).collect()
}

#[test]
fn fields_are_looked_at_through_unions_arrays_and_maps() {
    let text = r#"{"type": "record", "name": "Sale", "namespace": "a", "doc": "A sale.", "fields": [
  {"name": "prices", "type": {"type": "array", "items": ["null", "double"]}, "doc": "d"},
  {"name": "unit_price", "type": ["null", "float"], "doc": "d"},
  {"name": "paidAt", "type": {"type": "map", "values": "long"}, "doc": "d"},
  {"name": "home_address", "type": {"type": "record", "name": "Home", "doc": "d", "fields": []}, "doc": "d"}
]}"#;
    let expected = [
        "s:2:3: MONEY_AS_FLOAT: field `Sale.prices` is money by its name and a double, which cannot hold 0.1; \
         use bytes with \"logicalType\": \"decimal\", \"precision\" and \"scale\"",
        "s:3:3: MONEY_AS_FLOAT: field `Sale.unit_price` is money by its name and a float, which cannot hold 0.1; \
         use bytes with \"logicalType\": \"decimal\", \"precision\" and \"scale\"",
        "s:4:3: FIELD_NAME_CASE: field `Sale.paidAt` is not in snake_case; call it paid_at",
        "s:4:3: TIME_AS_NUMBER: field `Sale.paidAt` is a time by its name and a bare long; use a long with \
         \"logicalType\": \"timestamp-millis\"",
    ];
    assert_eq!(found(Format::Avro, text), expected);
}

#[test]
fn protobuf_is_looked_at_with_its_comments() {
    let text = "syntax = \"proto3\";\n// A sale.\nmessage sale {\n  // d\n  double price = 1;\n  int64 sold_at = 2; // d\n  \
                map<string, int64> counts = 3;\n}\n";
    let expected = [
        "s:1:1: NAMESPACE_MISSING: the file has no package, so that its names are everybody's; add `package`, such as \
         `package com.example.orders;`",
        "s:3:9: TYPE_NAME_CASE: message `sale` is not in UpperCamelCase; call it Sale",
        "s:5:10: MONEY_AS_FLOAT: field `sale.price` is money by its name and a float, which cannot hold 0.1; use a message \
         with units and nanos, as google.type.Money, or minor units in an int64",
        "s:6:9: TIME_AS_NUMBER: field `sale.sold_at` is a time by its name and a bare number; use google.protobuf.Timestamp",
        "s:7:22: DOC_MISSING: field `sale.counts` has no comment; say in a comment before it what it stands for",
    ];
    assert_eq!(found(Format::Protobuf, text), expected);
}
