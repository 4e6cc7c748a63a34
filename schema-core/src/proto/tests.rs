use base64::Engine;
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorProto;
use prost_types::field_descriptor_proto::Label;
use serde_json::json;

use super::*;
use crate::Reference;

fn reference(name: &str, text: &str) -> Reference {
    Reference { name: name.into(), text: text.into() }
}

fn parsed(text: &str, references: &[Reference]) -> Schema {
    parse("test.proto", text, references).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

const MONEY: &str = r#"syntax = "proto3"; package shared; message Money { string currency = 1; int64 units = 2; }"#;

const PROTO3: &str = r#"
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import public "shared/money.proto";
option java_package = "com.example.shop";
option java_multiple_files = true;
option optimize_for = LITE_RUNTIME;
option deprecated = true;

// A comment that no descriptor keeps.
message Order {
  option deprecated = true;
  reserved 7, 9 to 11, 1000 to max;
  reserved "old", "older";
  message Before { map<string, Order> by_name = 1; }
  string order_id = 1;
  map<string, shared.Money> prices = 2;
  message Line { string sku = 1; sint32 count = 2 [deprecated = true, json_name = "howMany"]; }
  repeated Line lines = 3;
  optional int32 rank = 4;
  oneof payment {
    string card = 5;
    shared.Money cash = 6;
  }
  repeated fixed64 packed_not = 8 [packed = false];
  google.protobuf.Timestamp created_at = 12;
  Status status = 13;
  enum Status { option allow_alias = true; UNKNOWN = 0; OPEN = 1; STARTED = 1 [deprecated = true]; reserved 5 to max; reserved "GONE"; }
  message After {}
}
enum Currency { CURRENCY_UNSPECIFIED = 0; EUR = -1; }
service Orders {
  option deprecated = true;
  rpc Place(Order) returns (Order);
  rpc Watch(stream Order) returns (stream Order.Line) { option idempotency_level = NO_SIDE_EFFECTS; }
}
"#;

const PROTO2: &str = r#"
syntax = "proto2";
package legacy;
import "google/protobuf/descriptor.proto";
message Note { optional string text = 1; repeated Note more = 2; }
extend google.protobuf.FieldOptions { optional string label = 50001; optional Note note = 50002; repeated int32 numbers = 50003; }
extend google.protobuf.MessageOptions { optional double weight = 50001; }
message Event {
  option (weight) = -1.5;
  extensions 100 to 199, 500 to max;
  required string id = 1 [default = "a\"b\\c\n\001", (label) = "it's\n\"so\"", (note) = { text: "x" more { text: "y" } }];
  optional bytes raw = 2 [default = "\000\377\"x"];
  optional double ratio = 3 [default = inf];
  optional Level level = 4 [default = HIGH, (numbers) = 1, (numbers) = 2];
  repeated int32 counts = 5 [packed = true];
  repeated group Part = 6 { required int32 size = 1; }
  message Inner {}
  optional bool flag = 7 [default = true];
  enum Level { LOW = 1; HIGH = 2; }
  extend Event { optional Inner inner = 100; }
}
extend Event { optional int32 extra = 101; repeated Note notes = 102; }
"#;

#[test]
fn a_descriptor_in_base64_is_printed_as_text_that_means_the_same() {
    let check = |text: &str, references: &[Reference]| {
        let written = parsed(text, references);
        let from_base64 = parsed(&written.serialized(), references);
        let printed = from_base64.text();
        let again = parsed(printed, references);
        assert_eq!(again.serialized(), written.serialized(), "{printed}");
        assert_eq!(from_base64.serialized(), written.serialized());
        assert_eq!(from_base64.fingerprint(), written.fingerprint());
        // What is printed is printed the same again.
        assert_eq!(parsed(&again.serialized(), references).text(), printed);
    };
    check(MONEY, &[]);
    check(PROTO3, &[reference("shared/money.proto", MONEY)]);
    check(PROTO2, &[]);
    check("message NoSyntaxLine { optional int32 a = 1; }", &[]);
    check("syntax = \"proto3\";", &[]);
    // A float of digits only may be larger than any integer.
    check(
        "import \"google/protobuf/descriptor.proto\"; extend google.protobuf.MessageOptions { optional double weight = 50001; \
         repeated float shares = 50002; optional F of = 50003; } message F { optional double d = 1; } \
         message M { option (weight) = 1e300; option (shares) = -1e30; \
         option (shares) = 1e-30; option (of) = { d: 1e300 }; optional float a = 1 [default = 18446744073709551615]; \
         optional double b = 2 [default = -1e300]; optional double c = 3 [default = -inf]; }",
        &[],
    );
    // The messages behind a group keep their index, whatever the group is of.
    check(
        "message A { extensions 10 to max; extend A { optional int32 x = 10; repeated group B = 11 { } } message C { } \
         map<string, C> cs = 1; message D { } }",
        &[],
    );
    check(
        "message A { extensions 1 to max; } extend A { optional group B = 1 { } optional C c = 2; } message C { }",
        &[],
    );
}

#[test]
fn printed_text_is_what_a_person_would_write() {
    let text = "syntax = \"proto3\";\n\npackage a;\n\nimport \"shared/money.proto\";\n\noption java_package = \"x\";\n\n\
                message M {\n  map<string, .shared.Money> prices = 1;\n  optional int32 rank = 2;\n  oneof one {\n    \
                string b = 3 [deprecated = true];\n  }\n  reserved 4 to 5, 9;\n}\n";
    let references = [reference("shared/money.proto", MONEY)];
    assert_eq!(parsed(&parsed(text, &references).serialized(), &references).text(), text);
}

/// Python's client registers the descriptor of a generated module: without JSON names, with the path of that machine.
#[test]
fn what_protoc_leaves_out_changes_no_fingerprint() {
    let written = parsed(PROTO3, &[reference("shared/money.proto", MONEY)]);
    let bytes = STANDARD.decode(written.serialized()).unwrap();
    let mut file = FileDescriptorProto::decode(bytes.as_slice()).unwrap();
    file.name = Some("/home/someone/orders.proto".into());
    for message in &mut file.message_type {
        message.field.iter_mut().for_each(|field| field.json_name = None);
    }
    let references = [reference("shared/money.proto", &parsed(MONEY, &[]).serialized())];
    let from_python = parsed(&STANDARD.encode(file.encode_to_vec()), &references);
    assert_eq!(from_python.fingerprint(), written.fingerprint());
}

#[test]
fn the_fingerprint_is_of_the_meaning() {
    let base =
        "syntax = \"proto3\"; package a; import \"b.proto\"; import \"c.proto\"; message M { B b = 1; C c = 2; }";
    let imports =
        |b: &str| [reference("b.proto", b), reference("c.proto", "syntax = \"proto3\"; package a; message C {}")];
    let b = "syntax = \"proto3\"; package a; message B { int32 x = 1; }";
    let fingerprint = |text: &str, b: &str| parse("other name", text, &imports(b)).unwrap().fingerprint();
    let expected = parsed(base, &imports(b)).fingerprint();

    let same = |text: &str, b: &str| assert_eq!(fingerprint(text, b), expected, "{text} {b}");
    same(base, b);
    same(&base.replace("; ", ";\n  // a comment\n"), b);
    same(
        "syntax = \"proto3\"; package a; import \"c.proto\"; import \"b.proto\"; message M { .a.B b = 1; a.C c = 2; }",
        b,
    );

    let differs = |text: &str, b: &str| assert_ne!(fingerprint(text, b), expected, "{text} {b}");
    differs(&base.replace("b = 1", "b = 3"), b);
    differs(&base.replace("B b", "repeated B b"), b);
    differs(&base.replace("package a; import", "package a; option deprecated = true; import"), b);
    differs(base, &b.replace("int32", "int64"));
}

#[test]
fn messages_are_found_by_index_and_by_name() {
    let schema = parsed(PROTO3, &[reference("shared/money.proto", MONEY)]);
    let check = |indexes: &[u32], name: &str| {
        assert_eq!(schema.message_at(indexes).unwrap().full_name(), name);
        assert_eq!(schema.indexes_of(name).as_deref(), Some(indexes));
    };
    check(&[0], "shop.v1.Order");
    check(&[0, 0], "shop.v1.Order.Before");
    check(&[0, 0, 0], "shop.v1.Order.Before.ByNameEntry");
    check(&[0, 1], "shop.v1.Order.PricesEntry");
    check(&[0, 2], "shop.v1.Order.Line");
    for missing in [&[][..], &[1], &[0, 9], &[u32::MAX]] {
        assert!(schema.message_at(missing).is_none(), "{missing:?}");
    }
    for missing in ["shared.Money", "shop.v1.Nothing", "google.protobuf.Timestamp", ""] {
        assert!(schema.indexes_of(missing).is_none(), "{missing}");
    }
}

#[test]
fn problems_are_told_with_their_place() {
    let check = |text: &str, references: &[Reference], expected: &str| {
        let errors = parse("a.proto", text, references).unwrap_err();
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(lines.join("\n").starts_with(expected), "{lines:#?}\nexpected {expected}");
    };
    check("syntax = \"proto3\";\nmessage {", &[], "a.proto:2:9: expected an identifier, but found `{`");
    check("message A {\n  optional Nothing b = 1;\n}", &[], "a.proto:2:12: name `Nothing` is not defined");
    check("import \"b.proto\";", &[], "a.proto:1:1: the import `b.proto` is not among the references; add a reference");
    check("", &[reference("b.proto", "messag")], "b.proto:1:1: expected");
    check("", &[reference("b.proto", "\nimport \"c.proto\";")], "b.proto:2:1: the import `c.proto` is not among");
    let circle = [reference("b.proto", "import \"c.proto\";"), reference("c.proto", "import \"b.proto\";")];
    check("", &circle, "a.proto:1:1: the files `b.proto`, `c.proto` import each other in a circle");
    check("syntax = \"proto4\";", &[], "a.proto:1:10: unknown syntax `proto4`");
    check("not a schema", &[], "a.proto:1:1: expected");
    check(
        "message A { optional int32 a = 1; optional int32 a = 2; }",
        &[],
        "a.proto:1:50: name `A.a` is defined twice",
    );
}

#[test]
fn references_may_come_in_any_order_and_more_than_once() {
    let b = reference("b.proto", "import \"c.proto\"; message B { optional C c = 1; }");
    let c = reference("c.proto", "message C {}");
    let well_known = reference("google/protobuf/empty.proto", "this text is not read");
    let text = "import \"b.proto\"; import \"google/protobuf/empty.proto\"; message A { optional B b = 1; }";
    let schema = parsed(text, &[well_known, b.clone(), c.clone(), b, c]);
    assert_eq!(schema.message_at(&[0]).unwrap().fields().count(), 1);
    // The schema's own name may be that of what it imports.
    let same_name = parse(
        "c.proto",
        "import \"c.proto\"; message A { optional C c = 1; }",
        &[reference("c.proto", "message C {}")],
    );
    assert!(same_name.is_ok(), "{same_name:?}");
}

#[test]
fn a_well_known_file_may_be_a_schema_of_its_own() {
    let all = DescriptorPool::global();
    assert!(all.files().len() > 0);
    for file in all.files() {
        let bytes = base64::engine::general_purpose::STANDARD.encode(file.encode_to_vec());
        let printed = parsed(&bytes, &[]).text().to_owned();
        parsed(&printed, &[]);
        // To whoever imports it, it is what it always was, whatever the reference says.
        let text =
            format!("syntax = \"proto3\"; import \"{0}\"; import \"google/protobuf/timestamp.proto\";", file.name());
        parsed(&text, &[reference(file.name(), &printed)]);
    }
}

#[test]
fn hostile_text_is_refused_and_overflows_nothing() {
    let check = |text: &str, expected: &str| {
        let errors = parse("a.proto", text, &[]).unwrap_err();
        assert!(errors[0].message.starts_with(expected), "{}", errors[0]);
    };
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    check(&deep("message A {", "}"), "expected at most 100 levels of brackets");
    check(&deep("message A { optional group B = 1 {", "} }"), "expected at most 100 levels");
    check(&format!("message A {{ option (x) = {}; }}", deep("{ a ", "}")), "expected at most 100 levels");
    check(&format!("message A {{ option (x) = {}; }}", deep("{ a <", ">}")), "expected at most 100 levels");
    check(&format!("message A {{ option (x) = {{ a: {} }}; }}", deep("[", "]")), "expected at most 100 levels");
    check(&deep("message A {", "}")[..500], "reached maximum recursion limit for nested messages");
    check(&" ".repeat(2 << 20), "expected a schema of at most 1048576 bytes");
    check("\u{0}\u{1}", "");
    check(&format!("package a{};", ".a".repeat(1000)), "expected a package of at most 1000 bytes, found one of 2001");
    check(&format!("message A{} {{}}", "a".repeat(1000)), "expected a name of at most 255 bytes, found one of 1001");
    assert!(parse("a.proto", &format!("// {}\nmessage A {{}}", "{".repeat(1000)), &[]).is_ok());
    assert!(parse("a.proto", &format!("/* {} */ message A {{}}", "{".repeat(1000)), &[]).is_ok());
    let in_string = format!("option java_package = \"\\\"{}\"; message A {{}}", "{".repeat(1000));
    assert!(parse("a.proto", &in_string, &[]).is_ok());
}

#[test]
fn a_descriptor_whose_names_are_no_names_is_refused() {
    let check = |name: &str| {
        let message = prost_types::DescriptorProto { name: Some(name.into()), ..Default::default() };
        let file = FileDescriptorProto { message_type: vec![message], ..Default::default() };
        parse("a", &STANDARD.encode(file.encode_to_vec()), &[]).map(|_| ()).map_err(|errors| errors[0].message.clone())
    };
    assert_eq!(check("A"), Ok(()));
    for name in ["", "A { } message B", "1", "Ä", "a.b"] {
        let expected = format!("expected letters, digits and underscores as a name, found {name:?}");
        assert_eq!(check(name), Err(expected));
    }
}

#[test]
fn json_is_read_by_either_name_and_written_in_camel_case() {
    let schema = parsed(PROTO3, &[reference("shared/money.proto", MONEY)]);
    let order = schema.message_at(&[0]).unwrap();
    let check = |input: serde_json::Value, expected: serde_json::Value| {
        let mut bytes = vec![7];
        dynamic::encode_json(&order, &input, &mut bytes).unwrap();
        assert_eq!(bytes.remove(0), 7, "what was there stays");
        assert_eq!(dynamic::decode_json(&order, &bytes).unwrap(), expected);
    };
    let expected = json!({"orderId": "a", "status": "OPEN", "prices": {"x": {"units": "5"}}, "card": "c", "rank": 0,
        "createdAt": "2026-01-01T00:00:00Z", "lines": [{"howMany": -3}]});
    check(expected.clone(), expected.clone());
    check(
        json!({"order_id": "a", "status": 1, "prices": {"x": {"units": 5}}, "card": "c", "rank": 0,
            "created_at": "2026-01-01T00:00:00Z", "lines": [{"count": -3}]}),
        expected,
    );
    check(json!({}), json!({}));
}

#[test]
fn numbers_are_read_however_they_are_written() {
    let schema = parsed(
        "syntax = \"proto3\"; import \"google/protobuf/struct.proto\"; \
         message M { float f = 1; repeated double d = 2; int64 n = 3; google.protobuf.Value any = 4; }",
        &[],
    );
    let message = schema.message_at(&[0]).unwrap();
    let encode = |value: &serde_json::Value| {
        let mut bytes = Vec::new();
        dynamic::encode_json(&message, value, &mut bytes).map(|()| bytes).map_err(|error| error.to_string())
    };
    let check = |text: &str, canonical: &str| {
        let [bytes, expected] = [text, canonical].map(|text| encode(&serde_json::from_str(text).unwrap()).unwrap());
        assert_eq!(bytes, expected, "{text}");
    };
    check(r#"{"f": 1.50}"#, r#"{"f": "1.5"}"#);
    check(r#"{"f": 1e13}"#, r#"{"f": "10000000000000"}"#);
    check(r#"{"d": [19.9000, 1E+3, 36893488147419103232]}"#, r#"{"d": ["19.9", "1000", "36893488147419103232"]}"#);
    check(r#"{"n": 1.0e3}"#, r#"{"n": "1000"}"#);
    check(r#"{"any": {"a": [1.50]}}"#, r#"{"any": {"a": [1.5]}}"#);
    for float in [0.1, 1e13, 1e15, 1.5e16, 1e-5, 1e-7, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MIN, -1e14] {
        let bytes = [&[0x0d][..], &float.to_le_bytes()].concat();
        let value = dynamic::decode_json(&message, &bytes).unwrap();
        assert_eq!(encode(&value), Ok(bytes), "{value}");
    }
    // Without `arbitrary_precision`, serde_json itself refuses the text.
    if let Ok(value) = serde_json::from_str(r#"{"d": [1e400]}"#) {
        let expected = "expected a `M`: `d`: expected a number within its range, found `1e+400`";
        assert_eq!(encode(&value).unwrap_err(), expected);
    }
}

#[test]
fn floats_are_read_within_their_range_wherever_they_stand() {
    let text = "syntax = \"proto3\"; import \"google/protobuf/any.proto\"; import \"google/protobuf/struct.proto\"; \
                import \"google/protobuf/wrappers.proto\"; \
                message M { float f = 1; repeated float list = 2; map<string, M> map = 3; google.protobuf.FloatValue w = 4; \
                google.protobuf.Any any = 5; google.protobuf.Struct free = 6; double d = 7; }";
    let message = parsed(text, &[]).message_at(&[0]).unwrap();
    let encode = |value| dynamic::encode_json(&message, &value, &mut Vec::new()).map_err(|error| error.to_string());
    let within = |value: serde_json::Value| json!({"f": value, "list": [value], "map": {"a": {"f": value}}, "w": value, "any": {"@type": "x/M", "f": value}});
    for value in [json!(f32::MAX), json!("-3.4028235e38"), json!("Infinity"), json!("NaN"), json!(1)] {
        assert_eq!(encode(within(value.clone())), Ok(()), "{value}");
    }
    let beyond = |value: serde_json::Value, name: &str| {
        let expected = format!("expected a `M`: `{name}`: expected a number within its range, found `1e39`");
        assert_eq!(encode(value), Err(expected));
    };
    beyond(json!({"f": "1e39"}), "f");
    beyond(json!({"list": [0, "1e39"]}), "list");
    beyond(json!({"map": {"a": {"f": "1e39"}}}), "f");
    beyond(json!({"any": {"@type": "x/M", "f": "1e39"}}), "f");
    beyond(json!({"w": "1e39"}), "w");
    assert!(encode(json!({"d": "1e400"})).is_err());
    // Text that is meant for nobody's float stays text.
    assert_eq!(encode(json!({"free": {"fields": {"a": {"numberValue": "1e400"}}}})), Ok(()));
}

#[test]
fn wrong_values_and_wrong_bytes_are_told() {
    let schema = parsed("syntax = \"proto3\"; message M { int32 n = 1; M m = 2; }", &[]);
    let message = schema.message_at(&[0]).unwrap();
    let check = |value: serde_json::Value, expected: &str| {
        let mut out = vec![1];
        let error = dynamic::encode_json(&message, &value, &mut out).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(out, [1]);
    };
    check(json!({"n": "x"}), "expected a `M`: ");
    check(json!({"nothing": 1}), "expected a `M`: unrecognized field name 'nothing'");
    check(json!([]), "expected a `M`: ");
    for bytes in [&[0x08][..], &[0x0a, 0xff], &[0x12, 0x02, 0x08], &[0xff; 12]] {
        let error = dynamic::decode_json(&message, bytes).unwrap_err().to_string();
        assert!(error.starts_with("expected a `M`: "), "{error}");
    }
    // A message in itself, deeper than prost goes.
    let deep = (0..1000_usize).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    });
    assert!(dynamic::decode_json(&message, &deep).is_err());
    check((0..500).fold(json!({}), |inner, _| json!({"m": inner})), "expected at most 100 values in each other");
}

#[test]
fn descriptors_that_no_compiler_writes_are_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let errors = parse("a", &STANDARD.encode(bytes), &[]).unwrap_err();
        assert!(errors[0].message.starts_with(expected), "{}", errors[0]);
    };
    let syntax = FileDescriptorProto { syntax: Some("proto9".into()), ..Default::default() };
    check(&syntax.encode_to_vec(), "expected the syntax proto2 or proto3, found \"proto9\"");

    let entry = prost_types::DescriptorProto {
        name: Some("Entry".into()),
        options: Some(prost_types::MessageOptions { map_entry: Some(true), ..Default::default() }),
        ..Default::default()
    };
    let entry = FileDescriptorProto { message_type: vec![entry], ..Default::default() };
    check(&entry.encode_to_vec(), "expected a key and a value, and nothing else, in the map entry `Entry`");

    let text = "syntax = \"proto3\"; message M { oneof o { int32 a = 1; } }";
    let mut of_oneof = FileDescriptorProto::decode(&*STANDARD.decode(parsed(text, &[]).serialized()).unwrap()).unwrap();
    of_oneof.message_type[0].field[0].set_label(Label::Repeated);
    check(&of_oneof.encode_to_vec(), "expected no label for the field `a`, which is in a oneof");

    let text = "syntax = \"proto2\"; message M { optional group Part = 1 { optional int32 a = 1; } }";
    let mut of_group = FileDescriptorProto::decode(&*STANDARD.decode(parsed(text, &[]).serialized()).unwrap()).unwrap();
    of_group.message_type[0].field[0].name = Some("piece".into());
    check(&of_group.encode_to_vec(), "expected the name `part` for the field of a group, found `piece`");

    // An extension of MessageOptions that is a string, and a message whose option has a number there.
    let text = "import \"google/protobuf/descriptor.proto\"; extend google.protobuf.MessageOptions { optional string s = 1000; }";
    let mut bytes = STANDARD.decode(parsed(text, &[]).serialized()).unwrap();
    bytes.extend([0x22, 8, 0x0a, 1, b'M', 0x3a, 3, 0xc0, 0x3e, 5]);
    check(&bytes, "failed to decode file descriptor set: failed to decode Protobuf message: invalid wire type");
}

/// A group and the entry of a map are defined by the line of one field, and have no word of their own.
#[test]
fn messages_that_no_line_can_define_are_refused() {
    type Change = fn(&mut FileDescriptorProto);
    let text = "syntax = \"proto2\"; message M { map<string, int32> by_name = 1; optional group Part = 2 { optional string s = 1; } \
                message Inner { } optional Inner inner = 3; extensions 100 to max; } enum E { A = 0; }";
    let check = |change: Change, expected: &str| {
        let mut file = FileDescriptorProto::decode(&*STANDARD.decode(parsed(text, &[]).serialized()).unwrap()).unwrap();
        change(&mut file);
        let errors = parse("a", &STANDARD.encode(file.encode_to_vec()), &[]).map(|_| ()).unwrap_err();
        assert_eq!(errors[0].message, expected);
    };
    let optional = |file: &mut FileDescriptorProto| file.message_type[0].field[0].set_label(Label::Optional);
    check(optional, "expected `repeated` at the field `by_name` of a message, which is a map");
    let shared = |file: &mut FileDescriptorProto| {
        let mut twice = file.message_type[0].field[0].clone();
        (twice.name, twice.json_name, twice.number) = (Some("again".into()), None, Some(9));
        file.message_type[0].field.push(twice);
    };
    check(shared, "expected one field that defines `M.ByNameEntry`, found `again` as well");
    let unused = |file: &mut FileDescriptorProto| drop(file.message_type[0].field.remove(0));
    check(unused, "expected a map that the entry `M.ByNameEntry` is of");
    let elsewhere = |file: &mut FileDescriptorProto| {
        let entry = file.message_type[0].nested_type.remove(0);
        file.message_type[0].field[0].type_name = Some(".ByNameEntry".into());
        file.message_type.push(entry);
    };
    check(elsewhere, "expected `ByNameEntry` beside the field `by_name`, whose line defines it");
    let extension = |file: &mut FileDescriptorProto| {
        let mut map = file.message_type[0].field.remove(0);
        (map.extendee, map.number) = (Some(".M".into()), Some(100));
        file.message_type[0].extension.push(map);
    };
    check(extension, "expected `repeated` at the field `by_name` of a message, which is a map");
    // Printing what is in the group would never end.
    let around = |file: &mut FileDescriptorProto| {
        let field = &mut file.message_type[0].field[1];
        (field.name, field.json_name, field.type_name) = (Some("m".into()), None, Some(".M".into()));
    };
    check(around, "expected `M` beside the field `m`, whose line defines it");
    let of_enum = |file: &mut FileDescriptorProto| {
        let field = &mut file.message_type[0].field[1];
        (field.name, field.json_name, field.type_name) = (Some("e".into()), None, Some(".E".into()));
    };
    check(of_enum, "expected a message as the type of the group `e`");
    // The group before the map, and the message between them: one of them gets another index in any text.
    let crossed = |file: &mut FileDescriptorProto| file.message_type[0].nested_type.rotate_left(1);
    check(crossed, "the message `Part` of the descriptor cannot be written as .proto text that means the same");
}
