//! Transcoders: which bytes come out of which, what is not copied, and what is refused, with its path.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::slice::from_ref;

use eventwright_codegen_tests::allocation::{Counting, allocated};
use eventwright_codegen_tests::forms::letter_sent::v1;
use eventwright_codegen_tests::forms::{LetterSent, LetterSentRef, PagePrinted, PagePrintedRef, page_printed};
use eventwright_schema::Reference;
use eventwright_schema::avro::{Schema, dynamic, parse, parse_with, resolve};
use eventwright_wire::avro::{Scratch, Transcoder, Writer};
use eventwright_wire::{DecodeError, Event, EventSchema};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A record with these fields.
fn record(name: &str, fields: &[Value]) -> Value {
    json!({"type": "record", "name": name, "fields": fields})
}

fn field(name: &str, ty: impl Into<Value>) -> Value {
    json!({"name": name, "type": ty.into()})
}

fn array(items: impl Into<Value>) -> Value {
    json!({"type": "array", "items": items.into()})
}

fn with_default(name: &str, ty: impl Into<Value>, default: impl Into<Value>) -> Value {
    json!({"name": name, "type": ty.into(), "default": default.into()})
}

fn text(schema: &EventSchema) -> Value {
    serde_json::from_str(schema.text).unwrap()
}

fn schema(text: &Value) -> Schema {
    parse("test", &text.to_string()).unwrap()
}

fn transcoder(writer: &Value, reader: &Value) -> Transcoder {
    Transcoder::new(&resolve(&schema(writer), &schema(reader)).unwrap())
}

/// Transcodes, or says what was wrong.
fn transcode(transcoder: &Transcoder, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut scratch = Scratch::default();
    transcoder.transcode(bytes, &mut scratch).map(<[u8]>::to_vec).map_err(|error| error.to_string())
}

fn longs(values: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    values.iter().for_each(|value| writer.long(*value));
    drop(writer);
    bytes
}

#[test]
fn the_bytes_are_those_of_the_readers_schema() {
    let pair = |x: &str| record("P", &[field("x", x), field("y", "string")]);
    let check = |writer: &[Value], reader: &[Value], bytes: &[u8], expected: &[u8]| {
        let transcoder = transcoder(&record("R", writer), &record("R", reader));
        assert_eq!(transcode(&transcoder, bytes).as_deref(), Ok(expected), "{writer:?} {reader:?}");
    };
    let [a, b, c] = ["a", "b", "c"].map(|name| field(name, "int"));
    let new = |name: &str| with_default(name, "int", 7);
    check(&[a.clone(), b.clone()], &[a.clone(), b.clone()], &[2, 4], &[2, 4]);
    check(&[a.clone(), b.clone()], from_ref(&a), &[2, 4], &[2]);
    check(&[a.clone(), b.clone()], from_ref(&b), &[2, 4], &[4]);
    check(&[a.clone(), b.clone(), c.clone()], &[a.clone(), c.clone()], &[2, 4, 6], &[2, 6]);
    check(&[a.clone(), b.clone(), c.clone()], &[c.clone(), a.clone()], &[2, 4, 6], &[6, 2]);
    check(from_ref(&a), &[new("n"), a.clone(), new("m")], &[2], &[14, 2, 14]);
    check(&[a.clone(), b.clone()], &[new("n"), b.clone(), new("m"), a.clone()], &[2, 4], &[14, 4, 14, 2]);
    check(&[field("a", "int")], &[field("a", "double")], &[2], &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    check(&[field("a", json!(["int", "null"]))], &[field("a", json!(["null", "long"]))], &[0, 2], &[2, 2]);
    check(&[field("a", "int")], &[field("a", json!(["null", "long"]))], &[2], &[2, 2]);
    check(&[field("a", json!(["null", "int"]))], &[field("a", "int")], &[2, 2], &[2]);
    // Nested: records in each other, in another order on both levels.
    let outer = |inner: Value, order: [usize; 2]| {
        let fields = [field("p", inner), field("a", "int")];
        order.map(|index| fields[index].clone())
    };
    let swapped = record("P", &[field("y", "string"), field("x", "long")]);
    check(&outer(pair("int"), [0, 1]), &outer(swapped, [1, 0]), &[2, 2, b'y', 4], &[4, 2, b'y', 2]);
    // Blocks with sizes, kept, left out and changed: the size of what comes out is another one.
    let blocks = [3, 4, 2, 4, 2, 6, 0];
    let list = |items: &str| field("l", array(items));
    check(&[list("int"), a.clone()], &[list("int")], &[&blocks[..], &[8]].concat(), &[4, 2, 4, 2, 6, 0]);
    check(&[list("int"), a.clone()], from_ref(&a), &[&blocks[..], &[8]].concat(), &[8]);
    check(&[list("int"), a.clone()], &[a, list("int")], &[&blocks[..], &[8]].concat(), &[8, 4, 2, 4, 2, 6, 0]);
}

#[test]
fn what_is_a_part_of_the_input_is_not_copied() {
    let [a, b] = ["a", "b"].map(|name| field(name, "string"));
    let bytes = [4, b'x', b'y', 2, b'z'];
    let writer = record("R", &[a.clone(), b.clone()]);
    for (fields, expected) in [(vec![a.clone(), b.clone()], 0..5), (vec![a], 0..3), (vec![b], 3..5)] {
        let transcoder = transcoder(&writer, &record("R", &fields));
        let mut scratch = Scratch::default();
        let out = transcoder.transcode(&bytes, &mut scratch).unwrap();
        assert_eq!(out.as_ptr_range(), bytes[expected].as_ptr_range());
    }
}

#[test]
fn scratch_memory_that_has_room_is_enough() {
    let item = |fields: &[Value]| array(record("I", fields));
    let [id, sku] = [field("id", "int"), field("sku", "string")];
    let writer = record("R", &[field("items", item(&[id.clone(), sku.clone()]))]);
    let reader = record("R", &[field("items", item(&[with_default("n", "int", 1), sku, field("id", "double")]))]);
    let transcoder = transcoder(&writer, &reader);
    let bytes = [&longs(&[40])[..], &[2, 2, b'a'].repeat(40), &[0]].concat();
    let mut scratch = Scratch::default();
    let first = transcoder.transcode(&bytes, &mut scratch).map(<[u8]>::to_vec);
    let (again, allocated) = allocated(|| transcoder.transcode(&bytes, &mut scratch).map(<[u8]>::len));
    assert_eq!((again, allocated), (Ok(first.unwrap().len()), 0));
}

#[test]
fn errors_carry_the_path_to_what_is_kept_left_out_and_passed_over() {
    let line = |name: &str| record(name, &[field("n", "long"), field("sku", "string"), field("ok", "boolean")]);
    let all = [
        field("items", array(line("Item"))),
        field("by", json!({"type": "map", "values": ["null", line("Entry")]})),
        field("z", "int"),
    ];
    // Two items, and an entry "k".
    let item: &[u8] = &[2, 2, b'a', 1];
    let longer: &[u8] = &[2, 8, b'a', b'a', b'a', b'a', 1];
    let whole = [&[4], longer, item, &[0, 2, 2, b'k', 2], item, &[0, 6]].concat();
    let cut = |length: usize| whole[..length].to_vec();
    let cases = [
        (cut(8), "`items[1].n`: the bytes end in the middle of a value"),
        (cut(9), "`items[1].sku`: the bytes end in the middle of a value"),
        ([cut(16), vec![6; 9]].concat(), "`by[\"k\"]`: index 3 is outside the 2 that the schema has"),
        (cut(19), "`by[\"k\"].sku`: a length of 1 is more than the bytes that are left allow"),
        (cut(20), "`by[\"k\"].ok`: the bytes end in the middle of a value"),
        (cut(22), "`z`: the bytes end in the middle of a value"),
        (
            [whole.clone(), vec![0]].concat(),
            "1 bytes are left behind the value, which another schema must have written",
        ),
    ];
    for order in [&[0, 1, 2][..], &[0], &[1], &[2], &[], &[2, 1, 0], &[1, 0]] {
        let kept: Vec<_> = order.iter().map(|index| all[*index].clone()).collect();
        let reader = record("R", &[kept, vec![with_default("new", "int", 0)]].concat());
        let transcoder = transcoder(&record("R", &all), &reader);
        assert!(transcode(&transcoder, &whole).is_ok(), "{order:?}");
        for (bytes, expected) in &cases {
            assert_eq!(transcode(&transcoder, bytes).err().as_deref(), Some(*expected), "{order:?}");
        }
    }
}

#[test]
fn a_long_default_in_each_of_many_items_is_no_amplifier() {
    let item = |fields: &[Value]| record("R", &[field("items", array(record("I", fields)))]);
    let reader = item(&[field("n", "int"), with_default("text", "string", "x".repeat(10_000))]);
    let transcoder = transcoder(&item(&[field("n", "int")]), &reader);
    let items = |count: i64| [longs(&[count]), vec![2; usize::try_from(count).unwrap()], vec![0]].concat();
    assert_eq!(transcode(&transcoder, &items(1_000)).map(|bytes| bytes.len()), Ok(3 + 1_000 * 10_004));
    for (count, most) in [(100_000, 16 << 20), (1_000_000, 64 * 1_000_004)] {
        let (result, allocated) = allocated(|| transcode(&transcoder, &items(count)));
        let error = result.unwrap_err();
        let expected = format!("more than {most} bytes would come of these, because of what the reader's schema adds");
        assert!(error.starts_with("`items[") && error.ends_with(&expected), "{error}");
        assert!(allocated < 5 * most, "{allocated} bytes were allocated for {most}");
    }
}

/// Decodes and drops what was decoded.
type Attempt = fn(&[u8]) -> Result<(), DecodeError>;

#[test]
fn generated_code_refuses_what_a_transcoder_refuses() {
    let [writer, reader] = [page_printed::v1::PagePrinted::SCHEMA, PagePrinted::SCHEMA];
    let transcoder = transcoder(&text(writer), &text(reader));
    let ways: [Attempt; 3] = [
        |bytes| PagePrinted::decode(0, bytes).map(drop),
        |bytes| PagePrintedRef::decode(0, bytes).map(drop),
        |bytes| PagePrinted::new(Vec::new()).decode_into(0, bytes),
    ];
    for (count, expected) in [(220_000, true), (240_000, false)] {
        let bytes = [longs(&[count]), vec![2; usize::try_from(count).unwrap()], vec![0]].concat();
        assert_eq!(transcode(&transcoder, &bytes).is_ok(), expected);
        for decode in ways {
            let (result, allocated) = allocated(|| decode(&bytes));
            assert!(allocated < 80 << 20, "{allocated} bytes were allocated for {count} items");
            let error = result.map_err(|error| error.to_string()).err();
            assert_eq!(error.is_none(), expected, "{error:?}");
            assert!(error.is_none_or(|error| error.contains("more than 16777216 bytes would come of these")));
        }
    }
}

#[test]
fn items_of_no_bytes_are_counted_once_whatever_the_order() {
    let nulls = field("nulls", array("null"));
    let more = |name: &str| field(name, array("null"));
    let writer = record("R", &[nulls.clone(), more("a"), more("b"), field("z", "int")]);
    let reader = record("R", &[field("z", "int"), more("a"), nulls]);
    let transcoder = transcoder(&writer, &reader);
    let check = |counts: [i64; 3], expected: bool| {
        let bytes = [longs(&[counts[0], 0, counts[1], 0, counts[2], 0]), vec![2]].concat();
        assert_eq!(transcode(&transcoder, &bytes).is_ok(), expected, "{counts:?}");
    };
    check([400, 300, 324], true);
    check([400, 300, 325], false);
    check([0, 0, 1_025], false);
}

#[test]
fn the_limit_of_depth_is_that_of_decoding_and_can_be_changed() {
    let node = |more: &[Value]| record("N", &[&[field("next", json!(["null", "N"]))], more].concat());
    let added = transcoder(&node(&[]), &node(&[with_default("n", "int", 0)]));
    let skipped =
        transcoder(&record("R", &[field("n", node(&[])), field("x", "int")]), &record("R", &[field("x", "int")]));
    let nodes = |depth: usize| [vec![2; depth - 1], vec![0]].concat();
    let check = |transcoder: &Transcoder, bytes: &[u8], expected: bool| {
        let found = transcode(transcoder, bytes);
        assert!(found.is_ok() == expected, "{found:?}");
        assert!(expected || found.unwrap_err().ends_with("records are nested deeper than the limit"));
    };
    for (depth, expected) in [(1, true), (100, true), (101, false), (100_000, false)] {
        check(&added, &nodes(depth), expected);
        check(&skipped, &[nodes(depth), vec![2]].concat(), expected);
    }
    let added = added.with_depth_limit(3);
    check(&added, &nodes(3), true);
    check(&added, &nodes(4), false);
}

#[test]
fn schemas_that_nest_deeper_than_stacks_are_refused_and_not_run() {
    // Each type is resolved before the next one that holds it, so that none is deep when it is resolved.
    const TYPES: usize = 200;
    let name = |index: usize| format!("T{index}");
    let lists = |index: usize| (0..15).fold(json!(name(index)), |items, _| array(items));
    let of = |index: usize| match index.checked_sub(1) {
        None => record("T0", &[field("x", "int")]),
        Some(inner) => record(&name(index), &[field("inner", lists(inner))]),
    };
    let references: Vec<_> =
        (0..TYPES).map(|index| Reference { name: name(index), text: of(index).to_string() }).collect();
    let fields: Vec<_> = (0..TYPES).map(|index| field(&format!("f{index}"), name(index))).collect();
    let parse = |fields: &[Value]| parse_with("deep", &record("R", fields).to_string(), &references).unwrap();
    let new = with_default("new", "int", 0);
    let (writer, all) = (parse(&fields), parse(&[&fields[..], &[new]].concat()));
    let bytes = [vec![0; TYPES - 1], vec![2; 100_000]].concat();
    let error = transcode(&Transcoder::new(&resolve(&writer, &all).unwrap()), &bytes).unwrap_err();
    assert!(error.ends_with("the schemas nest too deep"), "{error}");
    let error = dynamic::decode_json(&writer, &bytes).unwrap_err().to_string();
    assert!(error.ends_with("records are nested deeper than the limit"), "{error}");
}

#[test]
fn every_form_reads_what_an_unknown_writer_wrote() {
    let old = v1::LetterSent::new(
        "hi".to_owned(),
        v1::Stamp::Local,
        v1::Person::new("me".to_owned()),
        v1::Size::new(1),
        Vec::new(),
        [("a".to_owned(), "b".to_owned())].into(),
    );
    let (mut bytes, mut scratch) = (Vec::new(), Scratch::default());
    old.encode(&mut bytes).unwrap();
    let [writer, reader] = [v1::LetterSent::SCHEMA, LetterSent::SCHEMA].map(|one| parse("letter", one.text).unwrap());
    let transcoder = Transcoder::new(&resolve(&writer, &reader).unwrap());
    let owned = LetterSent::decode_with(&transcoder, &bytes).unwrap();
    assert_eq!(LetterSent::decode(0, &bytes).as_ref(), Ok(&owned));
    let borrowed: LetterSentRef<'_> = transcoder.decode(&bytes, &mut scratch).unwrap();
    assert_eq!(borrowed.into_owned(), owned);
    let mut reused = owned.clone();
    reused.subject = b"something longer".to_vec();
    let transcoded = transcoder.transcode(&bytes, &mut scratch).unwrap();
    reused.decode_into(LetterSent::OWN_WRITER, transcoded).unwrap();
    assert_eq!(reused, owned);
    let error = v1::LetterSent::decode_with(&transcoder, &bytes).unwrap_err();
    assert_eq!(error.to_string(), "the plan is for another reader's schema");
}
