use eventwright_wire::avro::Logical;

use super::*;

fn check_refused(text: &str, expected: &str) {
    let diagnostics = parse("a.avsc", text).expect_err(text);
    assert_eq!(diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), expected);
}

#[test]
fn each_problem_has_its_place_and_a_help() {
    check_refused("", "a.avsc:1:1: the file is empty; write the schema as JSON");
    check_refused(
        "{\"type\": \"record\",\n \"name\": \"A\",\n \"fields\": [\n  {\"name\": \"x\", \"type\": \"strin\"}]}",
        "a.avsc:4:25: the type `strin` is not defined; define the type before its first use, or name its file as a \
         reference: in a manifest, as the folder of a [type.NAME]",
    );
    check_refused(
        r#"{"type": "enum", "name": "1", "symbols": []}"#,
        "a.avsc:1:26: `1` is not a name; names are letters, digits and _, and begin with no digit",
    );
    check_refused(
        r#"["null", "string", "string"]"#,
        "a.avsc:1:20: the union has two branches of string; remove or wrap one of them",
    );
    check_refused(
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":"1"}]}"#,
        "a.avsc:1:39: the default of the field `x` does not fit its type: expected an integer of 32 bits, found text; \
         write a default of the field's type",
    );
}

#[test]
fn text_that_is_not_json_is_refused_with_its_place() {
    let diagnostics = parse("a.avsc", "{\"type\": \"string\",\n}").unwrap_err();
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(diagnostics[0].position.line, 1);
    assert!(diagnostics[0].message.starts_with("the text is not JSON: "), "{}", diagnostics[0].message);
}

#[test]
fn hostile_depth_is_an_error_and_no_overflow() {
    for (open, close) in [("[", "]"), (r#"{"type":"array","items":"#, "}")] {
        let text = format!("{}\"int\"{}", open.repeat(20_000), close.repeat(20_000));
        assert!(parse("a.avsc", &text).is_err());
    }
}

#[test]
fn a_default_that_holds_itself_is_refused_and_does_not_loop() {
    let text = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"A","default":{}}]}"#;
    assert!(parse("a.avsc", text).unwrap_err()[0].message.contains("nested deeper"));
}

#[test]
fn references_define_what_the_text_uses() {
    let money =
        Reference { name: "money.avsc".into(), text: r#"{"type":"fixed","name":"shop.Money","size":8}"#.into() };
    let text = r#"{"type":"record","name":"A","namespace":"shop","fields":[{"name":"m","type":"Money"}]}"#;
    assert!(parse("a.avsc", text).is_err());
    let schema = parse_with("a.avsc", text, &[money]).unwrap();
    assert_eq!(schema.root_named().unwrap().1.name.full(), "shop.A");
    assert_eq!(schema.all_named().count(), 2);
}

#[test]
fn an_outline_has_the_names_that_a_text_needs() {
    let check = |text: &str, name: Option<&str>, undefined: &[&str]| {
        let outline = outline(text);
        assert_eq!(outline.name.as_deref(), name, "{text}");
        assert_eq!(outline.undefined.iter().map(String::as_str).collect::<Vec<_>>(), undefined, "{text}");
    };
    let fields = |fields: &str| format!(r#"{{"type":"record","name":"A","namespace":"shop","fields":[{fields}]}}"#);
    check(&fields(r#"{"name":"m","type":["null","Money"]},{"name":"a","type":"A"}"#), Some("shop.A"), &["shop.Money"]);
    check(
        &fields(
            r#"{"name":"m","type":{"type":"array","items":"x.Money"}},{"name":"w","type":{"type":"map","values":"W"}}"#,
        ),
        Some("shop.A"),
        &["shop.W", "x.Money"],
    );
    let defined = r#"{"name":"m","type":"Money"},{"name":"n","type":{"type":"fixed","name":"Money","size":1}}"#;
    check(&fields(defined), Some("shop.A"), &[]);
    check(r#"{"type":"fixed","name":"x.Money","size":1}"#, Some("x.Money"), &[]);
    check(r#""x.Money""#, None, &["x.Money"]);
    check("{", None, &[]);
}

#[test]
fn defaults_that_double_at_each_level_are_refused_in_time() {
    let mut records = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
    for level in 1..40 {
        let inner = level - 1;
        records += &format!(
            r#",{{"type":"record","name":"R{level}","fields":[
                {{"name":"a","type":"R{inner}","default":{{}}}},{{"name":"b","type":"R{inner}","default":{{}}}}]}}"#
        );
    }
    let text = format!("[{records}]");
    assert!(parse("a.avsc", &text).unwrap_err()[0].message.contains("more than 65,536 values"));
}

#[test]
fn types_that_nest_too_deep_through_references_are_refused() {
    let mut records = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
    for level in 1..5000 {
        let inner = level - 1;
        records += &format!(r#",{{"type":"record","name":"R{level}","fields":[{{"name":"f","type":"R{inner}"}}]}}"#);
    }
    let reference = Reference { name: "chain".into(), text: format!("[{records}]") };
    let text = r#"{"type":"record","name":"X","fields":[{"name":"f","type":"R4999"}]}"#;
    assert!(parse_with("a.avsc", text, &[reference]).unwrap_err()[0].message.contains("nest deeper than 256 levels"));
}

#[test]
fn a_logical_type_that_is_not_valid_is_ignored() {
    let check = |ty: &str, attributes: &str, expected: Logical| {
        let schema = parse("a.avsc", &format!(r#"{{"type":{ty},{attributes}}}"#)).unwrap();
        let named = schema.root_named().map(|(_, named)| named.logical);
        assert_eq!(named.unwrap_or(schema.root().logical), expected, "{attributes}");
    };
    let fixed = |size: u32| format!(r#""fixed","name":"F","size":{size}"#);
    let decimal = |precision, scale| Logical::Decimal { precision, scale };
    check(r#""bytes""#, r#""logicalType":"decimal","precision":4,"scale":2"#, decimal(4, 2));
    check(r#""bytes""#, r#""logicalType":"decimal","precision":4"#, decimal(4, 0));
    check(&fixed(2), r#""logicalType":"decimal","precision":4"#, decimal(4, 0));
    check(&fixed(12), r#""logicalType":"duration""#, Logical::Duration);
    check(&fixed(11), r#""logicalType":"duration""#, Logical::None);
    check(&fixed(1), r#""logicalType":"decimal","precision":3"#, Logical::None);
    check(&fixed(15), r#""logicalType":"uuid""#, Logical::None);
    check(r#""string""#, r#""logicalType":"date""#, Logical::None);
    check(r#""long""#, r#""logicalType":"of-mine""#, Logical::None);
    check(r#""long""#, r#""logicalType":7"#, Logical::None);
    for wrong in [r#""precision":0"#, r#""scale":1"#, r#""precision":2,"scale":3"#, r#""precision":4,"scale":"2""#] {
        check(r#""bytes""#, &format!(r#""logicalType":"decimal",{wrong}"#), Logical::None);
    }
}
