//! The forms of decoding beside the owned one, held against it: borrowed, over a value that is there, and single-object
//! encoding, which is also held against apache-avro.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use apache_avro::rabin::Rabin;
use eventwright_codegen_tests::forms::{ClockRead, LetterSent, LetterSentRef, clock_read, letter_sent};
use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::recursion::comment_thread::v1::{CommentThread, CommentThreadRef};
use eventwright_codegen_tests::{Row, avro_pairs, avro_rows, canonical, references};
use eventwright_schema::avro::{Schema, dynamic};
use eventwright_wire::avro::{AvroEvent, MAX_DEPTH, Reader, single_object};
use eventwright_wire::{DecodeErrorKind, Event};
use serde_json::Value;

fn schema(row: &Row) -> Schema {
    references::avro_schema(row.schema)
}

fn encode(schema: &Schema, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    dynamic::encode_json(schema, value, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_borrowed_form_is_the_owned_one() {
    for (writer, row) in avro_pairs() {
        let (Some(forms), Some(index)) = (row.forms, row.writer(writer.schema)) else { continue };
        let (schema, pair) = (schema(&writer), format!("{} -> {}", writer.name(), row.name()));
        random::check(&random::values(&schema, Maps::Several), 48, |value| {
            let bytes = encode(&schema, value);
            let borrowed = (forms.borrowed)(index, &bytes).map(|(json, owned)| {
                assert_eq!(canonical(serde_json::from_str(&json).unwrap()), owned.json, "{pair}");
                owned
            });
            assert_eq!(borrowed, (row.decode)(index, &bytes), "{pair}");
        });
    }
}

#[test]
fn an_event_that_is_decoded_over_another_keeps_nothing_of_it() {
    for (writer, row) in avro_pairs() {
        let (Some(forms), Some(index)) = (row.forms, row.writer(writer.schema)) else { continue };
        let samples = |row: &Row| {
            let schema = schema(row);
            let values = random::samples(&random::values(&schema, Maps::Several), 12);
            values.iter().map(|value| encode(&schema, value)).collect::<Vec<_>>()
        };
        let (old, new) = (samples(&row), samples(&writer));
        for (old, new) in old.iter().flat_map(|old| new.iter().map(move |new| (old, new))) {
            let over = (forms.over)((row.own(), old), (index, new));
            assert_eq!(over, (row.decode)(index, new), "{} -> {}", writer.name(), row.name());
        }
    }
}

/// A letter of version 2, with its receivers' names.
fn letter(names: &[&str]) -> LetterSent {
    let person = |name: &&str| letter_sent::v2::Person::new((*name).to_owned());
    LetterSent {
        receivers: names.iter().map(person).collect(),
        content: Some(letter_sent::v2::LetterSentContent::String("Dear all".to_owned())),
        ..LetterSent::new(vec![1, 2], letter_sent::v2::Stamp::Air, person(&"me"), letter_sent::v2::Size::new(7), vec![])
    }
}

fn encoded<E: Event>(event: &E) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes).unwrap();
    bytes
}

#[test]
fn borrowed_text_is_where_the_bytes_are() {
    let bytes = encoded(&letter(&["Ada"]));
    let borrowed = LetterSentRef::decode(1, &bytes).unwrap();
    let name = borrowed.receivers[0].name;
    assert!(bytes.as_ptr_range().contains(&name.as_ptr()), "{name}");
    assert_eq!(borrowed.copies.get("b"), Some(&None));
    assert_eq!(format!("{:?}", borrowed.receivers[0]), "PersonRef { name: ***, age: None }");
    assert_eq!(borrowed.into_owned(), letter(&["Ada"]));
}

#[test]
fn text_and_lists_that_are_decoded_over_keep_their_memory() {
    let mut event = letter(&["Ada", "Grace", "Barbara"]);
    let places = |event: &LetterSent| {
        let names = event.receivers.iter().map(|person| person.name.as_ptr());
        let content = event.content.as_ref().map(|content| match content {
            letter_sent::v2::LetterSentContent::String(text) => text.as_ptr(),
            other => panic!("{other:?}"),
        });
        (event.subject.as_ptr(), event.receivers.as_ptr(), names.take(2).collect::<Vec<_>>(), content)
    };
    let before = places(&event);
    event.decode_into(1, &encoded(&letter(&["Eve", "Bob"]))).unwrap();
    assert_eq!(event, letter(&["Eve", "Bob"]));
    assert_eq!(places(&event), before);
}

/// Returns the schema without logical types, as the specification's canonical form has it. apache-avro 0.22 leaves
/// something of them in its own: a decimal's precision, or `{"type":"string"}` in place of `"string"`.
fn without_logical_types(text: &str) -> apache_avro::Schema {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let kept = fields
                    .into_iter()
                    .filter(|(name, _)| !["logicalType", "precision", "scale"].contains(&name.as_str()));
                kept.map(|(name, value)| (name, strip(value))).collect()
            }
            Value::Array(items) => items.into_iter().map(strip).collect(),
            other => other,
        }
    }
    apache_avro::Schema::parse(&strip(serde_json::from_str(text).unwrap())).unwrap()
}

#[test]
fn fingerprints_are_those_of_apache_avro() {
    for row in avro_rows() {
        let theirs = without_logical_types(&references::self_contained(row.schema));
        assert_eq!(schema(&row).canonical_form(), theirs.canonical_form(), "{}", row.name());
        let fingerprint = theirs.fingerprint::<Rabin>().bytes;
        assert_eq!(row.schema.canonical_fingerprint.to_le_bytes().as_slice(), fingerprint, "{}", row.name());
    }
}

#[test]
fn a_single_object_is_marker_fingerprint_and_the_event() {
    let event = letter(&["Ada"]);
    let mut bytes = vec![9];
    single_object::encode(&event, &mut bytes).unwrap();
    let fingerprint = LetterSent::SCHEMA.canonical_fingerprint.to_le_bytes();
    assert_eq!(bytes, [&[9, 0xc3, 0x01], fingerprint.as_slice(), &encoded(&event)].concat());
    let theirs = without_logical_types(LetterSent::SCHEMA.text);
    let reader = apache_avro::GenericSingleObjectReader::builder().schema(theirs.clone()).build().unwrap();
    let value = reader.read_value(&mut &bytes[1..]).unwrap();
    let mut written = Vec::new();
    let mut writer = apache_avro::GenericSingleObjectWriter::new_with_capacity(&theirs, 64).unwrap();
    writer.write_value(value, &mut written).unwrap();
    assert_eq!(written, bytes[1..]);
    assert_eq!(single_object::decode::<LetterSent>(&written).unwrap(), event);
    assert_eq!(single_object::decode::<LetterSentRef<'_>>(&written).unwrap().into_owned(), event);
}

#[test]
fn a_single_object_of_an_older_version_is_read_by_its_fingerprint_and_others_are_refused() {
    use letter_sent::v1;
    let old = v1::LetterSent::new(
        "hi".to_owned(),
        v1::Stamp::Local,
        v1::Person::new("me".to_owned()),
        v1::Size::new(1),
        Vec::new(),
        [("a".to_owned(), "b".to_owned())].into(),
    );
    let mut bytes = Vec::new();
    single_object::encode(&old, &mut bytes).unwrap();
    let new: LetterSent = single_object::decode(&bytes).unwrap();
    assert_eq!((new.subject.as_slice(), new.receivers[0].name.as_str()), (b"hi".as_slice(), "all"));
    let mut newer = Vec::new();
    single_object::encode(&new, &mut newer).unwrap();
    let error = single_object::decode::<v1::LetterSent>(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no version of `LetterSent` that v1 reads has the fingerprint ".to_owned()
            + &format!("{:016x}", LetterSent::SCHEMA.canonical_fingerprint)
    );
    newer.push(0);
    let error = single_object::decode::<LetterSent>(&newer).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::TrailingBytes(1));
}

#[test]
fn versions_that_differ_in_logical_types_share_a_fingerprint() {
    let [old, new] = [clock_read::v1::ClockRead::SCHEMA, ClockRead::SCHEMA];
    assert_eq!(old.canonical_fingerprint, new.canonical_fingerprint);
    assert_ne!(old.fingerprint, new.fingerprint);
    // The older version knows itself only; that the newer one does not compile is shown in the library's documentation.
    let event = clock_read::v1::ClockRead::new("2026-02-03T04:05:06Z".parse().unwrap());
    let mut bytes = Vec::new();
    single_object::encode(&event, &mut bytes).unwrap();
    assert_eq!(single_object::decode::<clock_read::v1::ClockRead>(&bytes), Ok(event));
}

/// The bytes of a thread whose parents nest so deep.
fn thread(depth: usize) -> Vec<u8> {
    [[0, 2].repeat(depth), vec![0, 0], vec![0; 5 * (depth + 1)]].concat()
}

#[test]
fn the_limit_of_depth_can_be_lowered_and_with_stack_enough_raised() {
    let check = |limit: u32, depth: usize, expected: bool| {
        let bytes = thread(depth);
        let owned = CommentThread::read(0, &mut Reader::with_depth_limit(&bytes, limit));
        assert_eq!(owned.is_ok(), expected, "{limit} {depth}");
        let borrowed = CommentThreadRef::read(0, &mut Reader::with_depth_limit(&bytes, limit));
        assert_eq!(borrowed.is_ok(), expected, "{limit} {depth}");
    };
    check(0, 0, false);
    check(1, 0, true);
    check(3, 2, true);
    check(3, 3, false);
    check(MAX_DEPTH, 99, true);
    check(MAX_DEPTH, 100, false);
    let large = std::thread::Builder::new().stack_size(64 << 20);
    let raised = large.spawn(move || {
        check(500, 499, true);
        check(500, 500, false);
    });
    raised.unwrap().join().unwrap();
}

#[test]
fn an_event_with_something_behind_it_is_read_from_the_front() {
    let bytes = [encoded(&letter(&["Ada"])), encoded(&letter(&["Eve"])), vec![1, 2]].concat();
    let mut reader = Reader::new(&bytes);
    for name in ["Ada", "Eve"] {
        assert_eq!(LetterSent::read(1, &mut reader), Ok(letter(&[name])));
    }
    assert_eq!(reader.rest(), [1, 2]);
    assert_eq!(LetterSent::read(2, &mut reader).unwrap_err().kind(), &DecodeErrorKind::UnknownWriter(2));
}
