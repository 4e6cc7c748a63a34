//! Bytes from anybody: no decoder panics, and none allocates more than a small multiple of what it was given.
//!
//! The allocator of this test counts, a thread at a time.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::allocation::{Counting, allocated};
use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::{Forms, Row, avro_pairs, avro_rows, protobuf_rows, references};
use eventwright_schema::Reference;
use eventwright_schema::avro::dynamic;
use eventwright_schema::avro::{Schema, parse, parse_with, resolve};
use eventwright_wire::avro::{Node, Scratch, Transcoder, Writer};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What an item costs in memory for each of its bytes: the widest golden record takes 400 bytes, and its shortest
/// encoding 7; an item of one byte has a default of 71 in another one. Lists that grow cost twice, and so do the bytes that
/// a transcoder writes.
const MOST_PER_BYTE: usize = 512;

/// What an event costs without any bytes: its defaults, the text of an error, and 128 records that stand in each other.
const MOST_AT_LEAST: usize = 64 << 10;

/// Runs a decoder and returns what it returned, after a look at what it allocated.
#[track_caller]
fn measured<T>(bytes: &[u8], decode: impl FnOnce(&[u8]) -> T) -> T {
    let (result, allocated) = allocated(|| decode(bytes));
    let most = MOST_AT_LEAST + MOST_PER_BYTE * bytes.len();
    assert!(allocated <= most, "{allocated} bytes were allocated for {} bytes: {bytes:?}", bytes.len());
    result
}

/// How the reader decodes.
enum Way {
    Owned,
    Planned(Transcoder),
    Borrowed(Forms),
    /// Over what these bytes hold.
    Over(Forms, Vec<u8>),
}

/// A decoder: the reader, and how it decodes what a writer wrote.
struct Decoder {
    name: String,
    row: Row,
    writer: usize,
    way: Way,
    /// Valid encodings.
    samples: Vec<Vec<u8>>,
}

impl Decoder {
    #[track_caller]
    fn decode(&self, bytes: &[u8]) -> bool {
        let decoded = measured(bytes, |bytes| match &self.way {
            Way::Owned => (self.row.attempt)(self.writer, bytes),
            Way::Planned(transcoder) => (self.row.attempt_with)(transcoder, bytes),
            Way::Borrowed(forms) => (forms.attempt_borrowed)(self.writer, bytes),
            Way::Over(forms, old) => (forms.attempt_over)((self.row.own(), old), (self.writer, bytes)),
        });
        decoded.is_ok()
    }
}

fn schema(row: &Row) -> Schema {
    references::avro_schema(row.schema)
}

fn avro_samples(row: &Row) -> Vec<Vec<u8>> {
    let schema = schema(row);
    let values = random::samples(&random::values(&schema, Maps::Several), 8);
    let encode = |value| {
        let mut bytes = Vec::new();
        dynamic::encode_json(&schema, &value, &mut bytes).unwrap();
        bytes
    };
    values.into_iter().map(encode).collect()
}

/// Returns every generated Avro decoder and a plan for every pair that resolves.
fn avro_decoders() -> Vec<Decoder> {
    let mut decoders = Vec::new();
    for (writer, row) in avro_pairs() {
        let Ok(plan) = resolve(&schema(&writer), &schema(&row)) else { continue };
        let samples = avro_samples(&writer);
        let name = format!("{} -> {}", writer.name(), row.name());
        let known = row.writer(writer.schema);
        let mut ways = vec![(0, Way::Planned(Transcoder::new(&plan)))];
        ways.extend(known.into_iter().flat_map(|index| known_ways(&row).into_iter().map(move |way| (index, way))));
        for (writer, way) in ways {
            decoders.push(Decoder { name: name.clone(), row, writer, way, samples: samples.clone() });
        }
    }
    decoders
}

/// Returns how the row decodes what a writer wrote that it knows.
fn known_ways(row: &Row) -> Vec<Way> {
    let old = avro_samples(row).into_iter().min_by_key(Vec::len).unwrap();
    let forms = row.forms.map(|forms| [Way::Borrowed(forms), Way::Over(forms, old)]);
    [Way::Owned].into_iter().chain(forms.into_iter().flatten()).collect()
}

fn protobuf_decoders() -> Vec<Decoder> {
    let decoder = |row: Row| {
        let schema = references::proto_schema(row.schema);
        let message = schema.message_at(row.schema.message_indexes).unwrap();
        let values = random::samples(&random::messages(&message), 16);
        let samples = values.iter().map(|value| (row.encode_json)(&value.to_string()).unwrap()).collect();
        Decoder { name: row.name(), row, writer: row.own(), way: Way::Owned, samples }
    };
    protobuf_rows().into_iter().map(decoder).collect()
}

#[test]
fn avro_that_is_cut_anywhere_is_an_error() {
    for decoder in avro_decoders() {
        for bytes in &decoder.samples {
            for length in 0..bytes.len() {
                assert!(!decoder.decode(&bytes[..length]), "{}: {length} of {bytes:?}", decoder.name);
            }
        }
    }
}

/// Each list says that it has 132 items, and holds another one: the bytes behind them justify one of these lists.
#[test]
fn lists_in_each_other_that_promise_much_are_no_amplifier() {
    let is_recursive = |decoder: &Decoder| decoder.name.starts_with("CommentThread");
    let promises = [0x88, 0x02, 0].repeat(600);
    let decoders: Vec<_> = avro_decoders().into_iter().filter(is_recursive).collect();
    assert!(!decoders.is_empty());
    for decoder in decoders {
        for bytes in &decoder.samples {
            for at in 0..bytes.len() {
                assert!(!decoder.decode(&[&bytes[..at], &promises, &bytes[at..]].concat()));
            }
        }
    }
}

#[test]
fn protobuf_that_is_cut_anywhere_is_an_error_or_a_shorter_message() {
    let mut accepted = 0;
    for decoder in protobuf_decoders() {
        for bytes in &decoder.samples {
            accepted += (0..bytes.len()).filter(|length| decoder.decode(&bytes[..*length])).count();
        }
    }
    assert!(accepted > 0, "a message that is cut between two fields is a message");
}

#[test]
fn mutated_bytes_never_panic_and_never_allocate_much() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for decoder in avro_decoders().into_iter().chain(protobuf_decoders()) {
        for round in 0..400 {
            let mut bytes = decoder.samples[round % decoder.samples.len()].clone();
            for _ in 0..=random.below(3) {
                mutate(&mut bytes, &mut random);
            }
            decoder.decode(&bytes);
        }
    }
}

/// xorshift: the same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// Lengths and counts that nobody means.
const HOSTILE: [i64; 10] =
    [i64::MAX, i64::MIN, -1, -2, 1 << 40, 1_000_000_000_000, 60_000_000, 1 << 31, 65_536, 1 << 62];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = bytes.len();
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
        2 if at < end => bytes[at] ^= 1 << random.below(8),
        3 if at < end => drop(bytes.remove(at)),
        4 => drop(bytes.splice(at..(at + random.below(3)).min(end), long(HOSTILE[random.below(HOSTILE.len())]))),
        _ => {
            let copy = bytes[random.below(end + 1).min(at)..at].to_vec();
            drop(bytes.splice(at..at, copy));
        }
    }
}

fn long(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).long(value);
    bytes
}

/// Returns bytes from pieces, each a long or a raw byte.
fn bytes(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

#[test]
fn what_is_known_to_break_other_decoders_is_refused() {
    let check = |schema: &str, bytes: Vec<u8>, expected: &str| {
        let schema = parse("hostile", schema).unwrap();
        let decoded = measured(&bytes, |bytes| dynamic::decode_json(&schema, bytes));
        assert_eq!(decoded.map_err(|error| error.to_string()), Err(expected.to_owned()), "{bytes:?}");
    };
    const LONGS: &str = r#"{"type":"array","items":"long"}"#;
    const NULLS: &str = r#"{"type":"array","items":"null"}"#;
    const TEXTS: &str = r#"{"type":"array","items":"string"}"#;
    const EMPTY: &str = r#"{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}"#;
    const NODE: &str = r#"{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]}]}"#;
    const ENDLESS: &str = r#"{"type":"record","name":"Endless","fields":[{"name":"me","type":"Endless"}]}"#;
    const COLOUR: &str = r#"{"type":"enum","name":"Colour","symbols":["A","B"]}"#;
    let deep = |depth: usize| [vec![2; depth], vec![0]].concat();
    let length = |length: &str| format!("a length of {length} is more than the bytes that are left allow");
    check(LONGS, bytes(&[&long(i64::MAX), &[2, 4, 6]]), &length("9223372036854775807"));
    check(LONGS, bytes(&[&long(8_000_000), &[2, 4, 6]]), &length("8000000"));
    check(LONGS, bytes(&[&long(-2), &long(i64::MAX), &[2, 4, 0]]), &length("9223372036854775807"));
    check(LONGS, bytes(&[&long(-2), &long(-5), &[2, 4, 0]]), &length("-5"));
    check(LONGS, bytes(&[&long(i64::MIN), &long(3), &[2, 4, 6, 0]]), &length("-9223372036854775808"));
    check(NULLS, bytes(&[&long(1_000_000_000_000), &[0]]), &length("1000000000000"));
    check(NULLS, bytes(&[&long(200_000_000), &[0]]), &length("200000000"));
    check(EMPTY, bytes(&[&long(200_000_000), &[0]]), &length("200000000"));
    check(TEXTS, bytes(&[&long(16), &long(400 << 20), b"abc"]), &length("16"));
    check("\"string\"", bytes(&[&long(1 << 40), b"abc"]), &length("1099511627776"));
    check("\"string\"", bytes(&[&long(-1), b"abc"]), &length("-1"));
    check("\"bytes\"", bytes(&[&long(500 << 20), b"abc"]), &length("524288000"));
    check("\"string\"", vec![4, 0xff, 0xfe], "a string is not UTF-8");
    check(COLOUR, vec![8], "index 4 is outside the 2 that the schema has");
    check(COLOUR, vec![1], "index -1 is outside the 2 that the schema has");
    check(r#"["null","long"]"#, vec![8], "index 4 is outside the 2 that the schema has");
    check("\"int\"", long(1 << 40), "a variable-length integer is longer than its type allows");
    check("\"long\"", vec![0xff; 11], "a variable-length integer is longer than its type allows");
    check("\"boolean\"", vec![2], "expected a boolean, 0 or 1, found 2");
    for (schema, bytes) in [(NODE, deep(100_000)), (ENDLESS, Vec::new())] {
        let schema = parse("hostile", schema).unwrap();
        let error = measured(&bytes, |bytes| dynamic::decode_json(&schema, bytes)).unwrap_err().to_string();
        assert!(error.ends_with("records are nested deeper than the limit"), "{error}");
    }
}

#[test]
fn generated_code_and_plans_have_the_same_limit_of_depth() {
    let row = avro_rows().into_iter().find(|row| row.name() == "CommentThread v1").unwrap();
    let schema = schema(&row);
    let transcoder = Transcoder::new(&resolve(&schema, &schema).unwrap());
    for (depth, expected) in [(20, true), (60, true), (99, true), (100, false), (10_000, false)] {
        // text "", parent: again; the innermost has no parent, and each level ends with five empty fields.
        let bytes = [[0, 2].repeat(depth), vec![0, 0], vec![0; 5 * (depth + 1)]].concat();
        assert_eq!((row.attempt)(row.own(), &bytes).is_ok(), expected, "{depth}");
        assert_eq!((row.attempt_with)(&transcoder, &bytes).is_ok(), expected, "{depth} by plan");
    }
}

#[test]
fn records_that_cannot_hold_themselves_nest_as_deep_as_their_schema_says() {
    let record = |depth: usize| {
        let inner = if depth == 1 { "int".to_owned() } else { format!("R{}", depth - 1) };
        let text = format!(r#"{{"type":"record","name":"R{depth}","fields":[{{"name":"inner","type":"{inner}"}}]}}"#);
        Reference { name: format!("R{depth}"), text }
    };
    let check = |depth: usize| {
        let references: Vec<_> = (1..depth).map(record).collect();
        let schema = parse_with("deep", &record(depth).text, &references).unwrap();
        let plan = resolve(&schema, &schema).unwrap();
        assert!(plan.nodes.iter().all(|node| !matches!(node, Node::Record(node) if node.recursive)));
        let value = (0..depth).fold(json!(7), |inner, _| json!({ "inner": inner }));
        assert_eq!(dynamic::decode_json(&schema, &[14]), Ok(value.clone()), "{depth}");
        let mut bytes = Vec::new();
        assert_eq!(dynamic::encode_json(&schema, &value, &mut bytes), Ok(()), "{depth}");
        let skipping = r#"{"type":"record","name":"R","fields":[]}"#;
        let nothing = Transcoder::new(&resolve(&schema, &parse("reader", skipping).unwrap()).unwrap());
        assert_eq!(nothing.transcode(&[14], &mut Scratch::default()), Ok([].as_slice()), "{depth}");
    };
    // The threads of tests have stacks of 2 MiB, as tokio's have.
    [1, 100, 101, 250].into_iter().for_each(check);
}

#[test]
fn what_is_too_deep_to_be_read_is_not_written() {
    let row = avro_rows().into_iter().find(|row| row.name() == "CommentThread v1").unwrap();
    let schema = schema(&row);
    for (depth, expected) in [(1, true), (99, true), (100, false), (120, false)] {
        let value = (0..depth).fold(json!({"text": ""}), |parent, _| json!({"text": "", "parent": parent}));
        let written = (row.encode_json)(&value.to_string());
        let dynamic = dynamic::encode_json(&schema, &value, &mut Vec::new());
        assert_eq!(dynamic.is_ok(), expected, "{depth}");
        match written {
            Ok(bytes) => assert!(expected && (row.attempt)(row.own(), &bytes).is_ok(), "{depth}"),
            Err(error) => {
                assert!(!expected && error.contains("nested deeper than the limit of 100 at line 1"), "{error}")
            }
        }
    }
}

#[test]
fn many_small_blocks_cost_what_one_large_block_costs() {
    let schema = parse("test", r#"{"type":"array","items":"long"}"#).unwrap();
    let blocks = [[2, 2].repeat(20_000), vec![0]].concat();
    assert!(measured(&blocks, |bytes| dynamic::decode_json(&schema, bytes)).is_ok());
}
