use crate::Reference;
use crate::compat::{AnySchema, Level, Report, check as check_level};
use crate::proto::parse;

fn parsed(name: &str, text: &str, references: &[Reference]) -> AnySchema {
    AnySchema::Protobuf(parse(name, text, references).unwrap_or_else(|errors| panic!("{errors:?}\n{text}")))
}

fn report(level: Level, old: &AnySchema, new: &AnySchema) -> Report {
    check_level(level, &[("v1".into(), old)], ("v2".into(), new))
}

/// Checks both directions between two texts: the findings, and the warnings after a `?`, each as `RULE path`.
#[track_caller]
fn check_schemas(old: &AnySchema, new: &AnySchema, backward: &[&str], forward: &[&str]) {
    for (level, expected) in [(Level::Backward, backward), (Level::Forward, forward)] {
        let found = report(level, old, new);
        let rules = found.findings.iter().map(|one| format!("{} {}", one.rule.id, one.path));
        let warnings = found.warnings.iter().map(|one| format!("?{} {}", one.rule.id, one.path));
        let all: Vec<_> = rules.chain(warnings).collect();
        assert_eq!(all, expected, "{level}\n{}\n{}", old.text(), new.text());
        assert!(found.findings.iter().chain(&found.warnings).all(|one| one.message.contains("records written with")));
    }
}

#[track_caller]
fn check(old: &str, new: &str, backward: &[&str], forward: &[&str]) {
    check_schemas(&parsed("old", old, &[]), &parsed("new", new, &[]), backward, forward);
}

/// Checks two bodies of a proto3 message `M` that has all of the other messages and enums beside it.
#[track_caller]
fn check_body(old: &str, new: &str, backward: &[&str], forward: &[&str]) {
    let file = |body: &str| {
        format!("syntax = \"proto3\"; message M {{ {body} }} message A {{}} message B {{}} enum E {{ ZERO = 0; }}")
    };
    check(&file(old), &file(new), backward, forward);
}

/// The groups of protobuf.dev, "Updating A Message Type", as Confluent's registry has them.
#[test]
fn every_pair_of_types_is_of_one_encoding_or_a_finding() {
    let groups: [&[&str]; 7] = [
        &["int32", "int64", "uint32", "uint64", "bool", "E"],
        &["sint32", "sint64"],
        &["string", "bytes"],
        &["fixed32", "sfixed32"],
        &["fixed64", "sfixed64"],
        &["float"],
        &["double"],
    ];
    let scalars: Vec<_> =
        groups.iter().enumerate().flat_map(|(group, types)| types.iter().map(move |one| (group, one))).collect();
    for (old_group, old) in &scalars {
        for (new_group, new) in &scalars {
            let expected: &[&str] = if old_group == new_group { &[] } else { &["FIELD_SCALAR_KIND_CHANGED #/M/1"] };
            check_body(&format!("{old} f = 1;"), &format!("{new} f = 1;"), expected, expected);
            if new_group == old_group || *new != &"E" {
                let value = |of: &str| format!("map<string, {of}> f = 1;");
                check_body(&value(old), &value(new), expected, expected);
            }
        }
        let kind = ["FIELD_KIND_CHANGED #/M/1"];
        check_body(&format!("{old} f = 1;"), "A f = 1;", &kind, &kind);
        check_body(&format!("{old} f = 1;"), "map<int32, int32> f = 1;", &kind, &kind);
    }
    let kind = ["FIELD_KIND_CHANGED #/M/1"];
    check_body("repeated A f = 1;", "map<int32, int32> f = 1;", &kind, &kind);
    let named = ["FIELD_NAMED_TYPE_CHANGED #/M/1"];
    check_body("A f = 1;", "B f = 1;", &named, &named);
    check_body("map<int32, A> f = 1;", "map<int32, B> f = 1;", &named, &named);
    check_body(
        "map<int32, A> f = 1;",
        "map<string, A> f = 1;",
        &["FIELD_SCALAR_KIND_CHANGED #/M/1"],
        &["FIELD_SCALAR_KIND_CHANGED #/M/1"],
    );
}

#[test]
fn what_may_change_is_no_finding() {
    check_body("int32 a = 1;", "int32 a = 1; string b = 2; A c = 3; map<int32, B> d = 4;", &[], &[]);
    check_body("int32 a = 1;", "int32 renamed = 1;", &[], &[]);
    check_body("int32 a = 1;", "optional int32 a = 1;", &[], &[]);
    check_body("string a = 1;", "repeated string a = 1;", &[], &[]);
    check_body("A a = 1;", "repeated A a = 1;", &[], &[]);
    check("enum E { A = 0; B = 1; }", "enum F { A = 0; }", &[], &[]);
    check("message A {} message B {}", "message B {} message A {}", &[], &[]);
    check("service S {}", "option java_package = \"x\";", &[], &[]);
    check("message A { optional string a = 1; }", "syntax = \"proto3\"; message A { string a = 1; }", &[], &[]);
}

#[test]
fn labels_count_where_numbers_are_packed() {
    let changed = ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"];
    check_body("optional int32 a = 1;", "repeated int32 a = 1;", &changed, &changed);
    check_body("optional E a = 1;", "repeated E a = 1;", &changed, &changed);
    // Confluent compares no label that is not written.
    let lost = ["?FIELD_NUMERIC_LABEL_CHANGED #/M/1"];
    check_body("int32 a = 1;", "repeated int32 a = 1;", &lost, &lost);
    let proto2 = |label: &str| format!("message M {{ {label} int32 a = 1; }}");
    check(&proto2("optional"), &proto2("required"), &changed, &changed);
    check("message M { optional int32 a = 1; }", "message M { oneof x { int32 a = 1; } }", &[], &[]);
}

#[test]
fn messages_packages_and_required_fields_stay() {
    check("package a;", "package b;", &["PACKAGE_CHANGED #/"], &["PACKAGE_CHANGED #/"]);
    check("package a;", "", &["PACKAGE_CHANGED #/"], &["PACKAGE_CHANGED #/"]);
    check("message A {}", "message B {}", &["MESSAGE_REMOVED #/A"], &["MESSAGE_REMOVED #/B"]);
    check("message A { message B {} }", "message A {}", &["MESSAGE_REMOVED #/A/B"], &[]);
    check("message A { map<int32, int32> m = 1; }", "message A {}", &[], &[]);
    check(
        "message A { required int32 a = 1; }",
        "message A {}",
        &["REQUIRED_FIELD_REMOVED #/A/1"],
        &["REQUIRED_FIELD_ADDED #/A/1"],
    );
    check(
        "message A { message B { optional int32 x = 1; } optional B b = 2; }",
        "message A { message B { optional string x = 1; } optional B b = 2; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/B/1"],
        &["FIELD_SCALAR_KIND_CHANGED #/A/B/1"],
    );
}

#[test]
fn oneofs_take_no_field_that_was_independent() {
    let oneof = "oneof x { int32 a = 1; int32 b = 2; }";
    let several = ["MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/x"];
    let one = ["FIELD_MOVED_TO_EXISTING_ONEOF #/M/x"];
    check_body("int32 a = 1; int32 b = 2;", oneof, &several, &[]);
    check_body("int32 a = 1;", oneof, &[], &["ONEOF_FIELD_REMOVED #/M/x/2"]);
    check_body("int32 b = 2; oneof x { int32 a = 1; }", oneof, &one, &[]);
    check_body("oneof y { int32 a = 1; } oneof z { int32 b = 2; }", oneof, &one, &[]);
    check_body("oneof y { int32 a = 1; int32 b = 2; }", oneof, &[], &[]);
    check_body(oneof, "oneof x { int32 a = 1; }", &["ONEOF_FIELD_REMOVED #/M/x/2"], &[]);
    check_body(oneof, "", &[], &[]);
    check_body(oneof, "int32 a = 1;", &["ONEOF_FIELD_REMOVED #/M/x/2"], &[]);
    check_body("optional int32 a = 1; optional int32 b = 2;", "int32 a = 1;", &[], &[]);
    let kind = ["FIELD_SCALAR_KIND_CHANGED #/M/x/2"];
    check_body(oneof, "oneof x { int32 a = 1; string b = 2; }", &kind, &kind);
}

#[test]
fn imported_messages_are_compared_with_what_they_use() {
    let with = |name: &str, inner: &str, outer_package: &str| {
        let inner = Reference { name: "inner.proto".into(), text: format!("package i; message Inner {{ {inner} }}") };
        let outer = Reference {
            name: "outer.proto".into(),
            text: format!(
                "package {outer_package}; import \"inner.proto\"; message Outer {{ optional i.Inner inner = 1; repeated Outer more = 2; }}"
            ),
        };
        let text = format!(
            "import \"outer.proto\"; message M {{ optional {outer_package}.Outer a = 1; optional {outer_package}.Outer b = 2; }}"
        );
        parsed(name, &text, &[inner, outer])
    };
    let old = with("old", "optional int32 x = 1;", "o");
    check_schemas(&old, &with("new", "optional int32 x = 1; optional int32 y = 2;", "o"), &[], &[]);
    // The package of an import is no part of what is compared.
    check_schemas(&old, &with("new", "optional int32 x = 1;", "p"), &[], &[]);
    let new = with("new", "optional string x = 1;", "o");
    let expected = [
        "FIELD_SCALAR_KIND_CHANGED #/Inner/1",
        "FIELD_NAMED_TYPE_CHANGED #/Outer/1",
        "FIELD_NAMED_TYPE_CHANGED #/M/1",
        "FIELD_NAMED_TYPE_CHANGED #/M/2",
        "FIELD_NAMED_TYPE_CHANGED #/Outer/2",
    ];
    check_schemas(&old, &new, &expected, &expected);
    let found = report(Level::Backward, &old, &new);
    assert_eq!((found.findings[0].source.as_str(), found.findings[1].source.as_str()), ("inner.proto", "outer.proto"));
    // A message that moves into an import is missing in the file, and its type is compared.
    let here = parsed("old", "message M { optional Inner a = 1; } message Inner { optional int32 x = 1; }", &[]);
    let inner =
        Reference { name: "inner.proto".into(), text: "package i; message Inner { optional string x = 1; }".into() };
    let moved = parsed("new", "import \"inner.proto\"; message M { optional i.Inner a = 1; }", &[inner]);
    check_schemas(
        &here,
        &moved,
        &["MESSAGE_REMOVED #/Inner", "FIELD_SCALAR_KIND_CHANGED #/Inner/1", "FIELD_NAMED_TYPE_CHANGED #/M/1"],
        &["FIELD_SCALAR_KIND_CHANGED #/Inner/1", "FIELD_NAMED_TYPE_CHANGED #/M/1"],
    );
}

#[test]
fn what_confluent_overlooks_is_a_warning() {
    let extended = |of: &str| format!("message M {{ extensions 100 to max; }} extend M {{ optional {of} x = 100; }}");
    let changed = ["?FIELD_SCALAR_KIND_CHANGED #/extend M/100"];
    check(&extended("int32"), &extended("string"), &changed, &changed);
    check(&extended("int32"), &extended("int64"), &[], &[]);
    let group = |body: &str| format!("message M {{ optional group G = 1 {{ {body} }} }}");
    let changed = ["?FIELD_SCALAR_KIND_CHANGED #/M/1/1"];
    check(&group("optional int32 a = 1;"), &group("optional string a = 1;"), &changed, &changed);
    let kind = ["?FIELD_KIND_CHANGED #/M/1"];
    check(&group(""), "message M { optional int32 g = 1; }", &kind, &kind);
    check(&group(""), "message M {}", &[], &[]);
}

#[test]
fn the_place_is_in_the_new_text() {
    let check = |level: Level, old: &str, new: &str, expected: &str| {
        let found = report(level, &parsed("old.proto", old, &[]), &parsed("new.proto", new, &[]));
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].to_string(), expected);
    };
    check(
        Level::Backward,
        "message A {\n  optional int32 b = 1;\n}",
        "message A {\n  // changed\n  optional string b = 1;\n}",
        "new.proto:3:19: FIELD_SCALAR_KIND_CHANGED: field `A.b` has the type `string`, and the type `int32` in v1: \
         readers of v2 cannot read records written with v1; keep the type `int32`, or add a field with a new number",
    );
    check(
        Level::Forward,
        "message A {\n  required int32 b = 1;\n}",
        "\nmessage A {}",
        "new.proto:2:9: REQUIRED_FIELD_ADDED: required field `A.b` is missing in v2: readers of v1 cannot read records \
         written with v2; keep field `A.b`",
    );
}

#[test]
fn long_chains_of_messages_overflow_nothing() {
    let chain = |name: &str, of: &str| {
        let mut text = String::from("package c; ");
        for link in 0..3000 {
            text.push_str(&format!("message L{link} {{ optional L{} next = 1; }} ", link + 1));
        }
        text.push_str(&format!("message L3000 {{ optional {of} end = 1; }}"));
        let reference = Reference { name: "chain.proto".into(), text };
        parsed(name, "import \"chain.proto\"; message M { optional c.L0 first = 1; }", &[reference])
    };
    let found = report(Level::Backward, &chain("old", "int32"), &chain("new", "string"));
    // The scalar, and every field on the way to it: more than anybody reads.
    assert_eq!((found.findings.len(), found.omitted), (1000, 1 + 3001 - 1000));
}
