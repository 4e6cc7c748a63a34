//! The state machine without HTTP. Schemas are written as short as they can be.

use super::*;

fn avro(text: &str) -> SchemaBody {
    SchemaBody { schema: text.into(), schema_type: None, references: None }
}

fn proto(text: &str) -> SchemaBody {
    let schema = format!("syntax = \"proto3\"; package p; {text}");
    SchemaBody { schema, schema_type: Some("PROTOBUF".into()), references: None }
}

fn json(text: &str) -> SchemaBody {
    SchemaBody { schema: text.into(), schema_type: Some("JSON".into()), references: None }
}

fn referring(body: SchemaBody, references: &[(&str, &str, u32)]) -> SchemaBody {
    let entry = |&(name, subject, version): &(&str, &str, u32)| ReferenceEntry {
        name: name.into(),
        subject: subject.into(),
        version,
    };
    SchemaBody { references: Some(references.iter().map(entry).collect()), ..body }
}

fn record(fields: &str) -> SchemaBody {
    avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#))
}

const A: &str = r#"{"name":"a","type":"int"}"#;
const B: &str = r#"{"name":"b","type":"int"}"#;
const B_DEFAULT: &str = r#"{"name":"b","type":"int","default":0}"#;

fn subject(name: &str) -> Subject {
    Subject::parse(name).unwrap()
}

fn register(state: &mut State, name: &str, body: &SchemaBody) -> Result<u32, u32> {
    state.register(&subject(name), body).map_err(|refusal| refusal.code)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> u32 {
    answer.unwrap_err().code
}

#[test]
fn ids_are_given_in_the_order_of_registration_and_shared_by_subjects() {
    let mut state = State::default();
    assert_eq!(register(&mut state, "s", &record(A)), Ok(1));
    assert_eq!(register(&mut state, "s", &record(&format!("{A},{B_DEFAULT}"))), Ok(2));
    assert_eq!(register(&mut state, "t", &proto("message M { int32 a = 1; }")), Ok(3));
    assert_eq!(register(&mut state, "u", &record(A)), Ok(1));
    assert_eq!(register(&mut state, "s", &record(A)), Ok(1));
    assert_eq!(state.versions(&subject("s"), Deleted::Hidden), Ok(vec![1, 2]));
    assert_eq!(state.places_of(1, Deleted::Hidden), Ok(vec![("s", 1), ("u", 1)]));
}

#[test]
fn the_same_schema_written_in_another_way_is_the_same() {
    let mut state = State::default();
    let check = |state: &mut State, one: SchemaBody, other: SchemaBody| {
        let (first, second) = (register(state, "s", &one), register(state, "t", &other));
        assert!(first.is_ok() && first == second, "{first:?} {second:?}");
        for name in ["s", "t"] {
            state.delete_subject(&subject(name), Deletion::Soft).unwrap();
        }
    };
    let spread = avro("{ \"name\": \"R\", // a comment\n \"type\": \"record\", \"fields\": [ ] }");
    check(&mut state, avro(r#"{"type":"record","name":"R","fields":[]}"#), spread);
    check(&mut state, proto("message M { int32 a = 1; }"), proto("/* a comment */ message M {\n  int32 a = 1;\n}"));
    check(&mut state, json(r#"{"type":"object"}"#), json("{\n  \"type\": \"object\"\n}"));
    assert_eq!(state.last_id(), 3);
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let mut state = State::default();
    let check = |state: &mut State, body: &SchemaBody| {
        assert_eq!(register(state, "s", body), Err(42201));
        assert_eq!((state.last_id(), state.subjects("", Deleted::Shown)), (0, vec![]));
    };
    check(&mut state, &avro("{"));
    check(&mut state, &avro(" "));
    check(&mut state, &avro(r#"{"type":"nope"}"#));
    check(&mut state, &proto("message"));
    check(&mut state, &json("{"));
    check(&mut state, &json(r#"{"type":"nope"}"#));
    check(&mut state, &json(r#"{"$ref":"https://example.com/other.json"}"#));
    check(&mut state, &SchemaBody { schema_type: Some("XML".into()), ..avro("{}") });
    check(&mut state, &referring(avro(r#""a.T""#), &[("a.T", "s", 1)]));
    // A version that would only be there if this were registered.
    check(&mut state, &referring(record(A), &[("R", "s", 1)]));
}

#[test]
fn the_level_of_the_subject_decides_and_the_refusal_names_the_rule() {
    let mut state = State::default();
    register(&mut state, "s", &record(A)).unwrap();
    let refusal = state.register(&subject("s"), &record(&format!("{A},{B}"))).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (409, 409));
    for part in ["READER_FIELD_MISSING_DEFAULT_VALUE", "{oldSchemaVersion: 1}", "compatibility: 'BACKWARD'"] {
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
    state.levels.set(Some(subject("s")), Level::Forward);
    assert_eq!(register(&mut state, "s", &record(&format!("{A},{B}"))), Ok(2));
    state.levels.set(None, Level::None);
    assert_eq!(register(&mut state, "s", &avro(r#""int""#)), Err(409));
    state.levels.remove(&subject("s"));
    assert_eq!(register(&mut state, "s", &avro(r#""int""#)), Ok(3));
    assert_eq!(register(&mut state, "s", &proto("message M {}")), Ok(4));
}

#[test]
fn a_transitive_level_looks_at_every_version() {
    let mut state = State::default();
    let versions = [record(B), record(""), record(r#"{"name":"b","type":"string","default":""}"#)];
    register(&mut state, "s", &versions[0]).unwrap();
    register(&mut state, "s", &versions[1]).unwrap();
    let check = |state: &State| state.check(&subject("s"), Against::Level, &versions[2]).unwrap();
    assert_eq!(check(&state), Vec::<String>::new());
    state.levels.set(None, Level::BackwardTransitive);
    assert!(check(&state).iter().any(|text| text == "{oldSchemaVersion: 1}"));
}

#[test]
fn protobuf_is_checked_as_well() {
    let mut state = State::default();
    register(&mut state, "s", &proto("message M { string a = 1; }")).unwrap();
    assert_eq!(register(&mut state, "s", &proto("message M { int32 a = 1; }")), Err(409));
    assert_eq!(register(&mut state, "s", &proto("message M { string a = 1; int32 b = 2; }")), Ok(2));
}

#[test]
fn a_check_against_one_version_asks_for_that_version() {
    let mut state = State::default();
    register(&mut state, "s", &record(A)).unwrap();
    let check = |state: &State, name: &str, version| {
        let texts = state.check(&subject(name), Against::Version(version), &avro(r#""int""#));
        texts.map(|texts| texts.is_empty()).map_err(|refusal| refusal.code)
    };
    assert_eq!(check(&state, "s", VersionSpec::Latest), Ok(false));
    assert_eq!(check(&state, "s", VersionSpec::Number(1)), Ok(false));
    assert_eq!(check(&state, "s", VersionSpec::Number(2)), Err(40402));
    // The first version of a subject is compatible with nothing.
    assert_eq!(check(&state, "t", VersionSpec::Latest), Ok(true));
    assert_eq!(check(&state, "t", VersionSpec::Number(1)), Err(40401));
}

#[test]
fn references_are_followed_to_the_end() {
    let mut state = State::default();
    register(&mut state, "a", &avro(r#"{"type":"fixed","name":"n.A","size":1}"#)).unwrap();
    let b = avro(r#"{"type":"record","name":"n.B","fields":[{"name":"a","type":"n.A"}]}"#);
    assert_eq!(register(&mut state, "b", &b), Err(42201));
    register(&mut state, "b", &referring(b, &[("n.A", "a", 1)])).unwrap();
    let c = avro(r#"{"type":"record","name":"n.C","fields":[{"name":"b","type":"n.B"},{"name":"a","type":"n.A"}]}"#);
    assert_eq!(register(&mut state, "c", &referring(c, &[("n.B", "b", 1)])), Ok(3));

    let file = |text: &str| SchemaBody { schema: text.into(), ..proto("") };
    register(&mut state, "a.proto", &file("syntax = \"proto3\"; message A {}")).unwrap();
    let importing = file("syntax = \"proto3\"; import \"a.proto\"; message B { A a = 1; }");
    assert_eq!(register(&mut state, "b.proto", &importing), Err(42201));
    assert_eq!(register(&mut state, "b.proto", &referring(importing.clone(), &[("a.proto", "a", 1)])), Err(42201));
    assert_eq!(register(&mut state, "b.proto", &referring(importing, &[("a.proto", "a.proto", 1)])), Ok(5));
    assert_eq!(state.referenced_by(&subject("a.proto"), 1), [5]);
}

#[test]
fn what_is_referred_to_cannot_be_deleted() {
    let mut state = State::default();
    register(&mut state, "a", &avro(r#"{"type":"fixed","name":"A","size":1}"#)).unwrap();
    register(&mut state, "b", &referring(avro(r#"["null","A"]"#), &[("A", "a", 1)])).unwrap();
    assert_eq!(code(state.delete_subject(&subject("a"), Deletion::Soft)), 42206);
    assert_eq!(code(state.delete_version(&subject("a"), VersionSpec::Latest, Deletion::Soft)), 42206);
    state.delete_subject(&subject("b"), Deletion::Soft).unwrap();
    assert_eq!(state.delete_subject(&subject("a"), Deletion::Soft), Ok(vec![1]));
    // Readers of old records still find both.
    assert!(state.schema(1).is_ok() && state.schema(2).is_ok());
}

#[test]
fn a_soft_deletion_hides_and_a_permanent_one_follows_it() {
    let mut state = State::default();
    let s = subject("s");
    register(&mut state, "s", &record(A)).unwrap();
    register(&mut state, "s", &record("")).unwrap();
    assert_eq!(code(state.delete_version(&s, VersionSpec::Number(1), Deletion::Permanent)), 40407);
    assert_eq!(state.delete_version(&s, VersionSpec::Number(1), Deletion::Soft), Ok(1));
    assert_eq!(code(state.delete_version(&s, VersionSpec::Number(1), Deletion::Soft)), 40406);
    assert_eq!(code(state.delete_version(&s, VersionSpec::Number(9), Deletion::Soft)), 40402);
    assert_eq!(state.versions(&s, Deleted::Hidden), Ok(vec![2]));
    assert_eq!(state.versions(&s, Deleted::Only), Ok(vec![1]));
    assert_eq!(code(state.lookup(&s, &record(A), Deleted::Hidden)), 40403);
    assert_eq!(state.lookup(&s, &record(A), Deleted::Shown).unwrap().0, 1);
    assert_eq!(state.delete_version(&s, VersionSpec::Number(1), Deletion::Permanent), Ok(1));
    assert_eq!(code(state.schema(1)), 40403);

    assert_eq!(code(state.delete_subject(&s, Deletion::Permanent)), 40405);
    assert_eq!(state.delete_subject(&s, Deletion::Soft), Ok(vec![2]));
    assert_eq!(code(state.delete_subject(&s, Deletion::Soft)), 40404);
    assert_eq!(state.subjects("", Deleted::Hidden), Vec::<&str>::new());
    assert_eq!(state.subjects("", Deleted::Only), ["s"]);
    assert_eq!(state.delete_subject(&s, Deletion::Permanent), Ok(vec![2]));
    assert_eq!(code(state.delete_subject(&s, Deletion::Permanent)), 40401);
    // No id is given twice.
    assert_eq!(register(&mut state, "s", &record(A)), Ok(3));
}

#[test]
fn what_comes_back_after_a_soft_deletion_keeps_its_id_in_a_new_version() {
    let mut state = State::default();
    register(&mut state, "s", &record(A)).unwrap();
    state.delete_subject(&subject("s"), Deletion::Soft).unwrap();
    assert_eq!(register(&mut state, "s", &record(A)), Ok(1));
    assert_eq!(state.versions(&subject("s"), Deleted::Shown), Ok(vec![1, 2]));
    assert_eq!(state.lookup(&subject("s"), &record(A), Deleted::Shown).unwrap().0, 2);
}

#[test]
fn a_read_only_subject_takes_nothing_new_and_loses_nothing() {
    let mut state = State::default();
    let s = subject("s");
    register(&mut state, "s", &record(A)).unwrap();
    state.set_mode(Some(s.clone()), Mode::ReadOnly, Force::No).unwrap();
    assert_eq!(register(&mut state, "s", &record("")), Err(42205));
    assert_eq!(register(&mut state, "s", &record(A)), Ok(1));
    assert_eq!(register(&mut state, "t", &record("")), Ok(2));
    assert_eq!(code(state.delete_subject(&s, Deletion::Soft)), 42205);
    assert_eq!(code(state.delete_version(&s, VersionSpec::Latest, Deletion::Soft)), 42205);
    state.set_mode(Some(s), Mode::ReadWrite, Force::No).unwrap();
    state.set_mode(None, Mode::ReadOnlyOverride, Force::No).unwrap();
    assert_eq!(register(&mut state, "s", &record("")), Err(42205));
}

#[test]
fn nothing_is_imported_silently_over_what_is_there() {
    let mut state = State::default();
    register(&mut state, "s", &record(A)).unwrap();
    assert_eq!(code(state.set_mode(None, Mode::Import, Force::No)), 42205);
    assert_eq!(state.set_mode(None, Mode::Import, Force::Yes), Ok(()));
    assert_eq!(register(&mut state, "t", &record("")), Err(42205));
}
