//! Messages that keep the fields that they do not know: against the same messages without `preserve_unknown`, which prost
//! alone reads and writes, and from a newer version through an older one and back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Debug;

use eventwright_codegen_tests::unknown::new_kinds::v1::NewKinds;
use eventwright_codegen_tests::unknown::old_kinds::v1::OldKinds;
use eventwright_codegen_tests::unknown::seat::v2::Seat;
use eventwright_codegen_tests::unknown::ticket_checked::v1::TicketChecked;
use eventwright_codegen_tests::unknown::ticket_sold::{v1, v2};
use eventwright_codegen_tests::{dropping, random, references};
use eventwright_schema::proto::dynamic;
use eventwright_wire::Event;
use eventwright_wire::prost::{DecodeError, Message};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

/// How many random messages each type is tried with.
const CASES: u32 = 128;

/// A message, with all that can be seen of it.
trait Seen: Event + Message + Default + Debug + Serialize {}

impl<M: Event + Message + Default + Debug + Serialize> Seen for M {}

fn values<E: Event>() -> BoxedStrategy<Value> {
    random::messages(&references::proto_schema(E::SCHEMA).message_at(E::SCHEMA.message_indexes).unwrap())
}

/// Returns the bytes that prost-reflect makes of the JSON mapping.
fn bytes<E: Event>(value: &Value) -> Vec<u8> {
    let message = references::proto_schema(E::SCHEMA).message_at(E::SCHEMA.message_indexes).unwrap();
    let mut bytes = Vec::new();
    dynamic::encode_json(&message, value, &mut bytes).unwrap();
    bytes
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    <M as Message>::decode(bytes)
}

fn json(message: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(message).map_err(|error| error.to_string())
}

/// Expects no difference between messages that have no unknown fields.
fn check_equal(keeping: &impl Seen, dropping: &impl Seen) {
    let encoded = keeping.encode_to_vec();
    assert_eq!(encoded, dropping.encode_to_vec());
    assert_eq!(Message::encoded_len(keeping), encoded.len());
    assert_eq!(json(keeping), json(dropping));
}

/// Reads any bytes: both types take them for the same known fields, or give the same error, and one of them loses nothing.
fn check_any<Keeping: Seen, Dropping: Seen>(bytes: &[u8]) {
    match (decode::<Keeping>(bytes), decode::<Dropping>(bytes)) {
        (Ok(keeping), Ok(dropping)) => {
            assert_eq!(json(&keeping), json(&dropping), "{bytes:02x?}");
            let written = keeping.encode_to_vec();
            assert_eq!(Message::encoded_len(&keeping), written.len());
            assert_eq!(decode::<Keeping>(&written).unwrap().encode_to_vec(), written, "{bytes:02x?}");
        }
        (keeping, dropping) => assert_eq!(keeping.err(), dropping.err(), "{bytes:02x?}"),
    }
}

/// Reads and writes random messages, one over another, and such with wrong bytes, as prost does.
fn check_as_prost<Keeping: Seen, Dropping: Seen>() {
    let cases = (values::<Keeping>(), values::<Keeping>(), any::<(prop::sample::Index, u8)>());
    random::check(&cases.boxed(), CASES, |(first, second, (place, byte))| {
        let (first, second) = (bytes::<Keeping>(first), bytes::<Keeping>(second));
        let (mut keeping, mut dropping) = (decode::<Keeping>(&first).unwrap(), decode::<Dropping>(&first).unwrap());
        check_equal(&keeping, &dropping);
        // A field that stands twice: the last one wins, messages are merged, lists are joined.
        Message::merge(&mut keeping, second.as_slice()).unwrap();
        Message::merge(&mut dropping, second.as_slice()).unwrap();
        check_equal(&keeping, &dropping);
        Message::clear(&mut keeping);
        Message::clear(&mut dropping);
        check_equal(&keeping, &dropping);
        let mut wrong = [first, second].concat();
        let at = place.index(wrong.len().max(1));
        check_any::<Keeping, Dropping>(wrong.get(..at).unwrap_or_default());
        wrong.get_mut(at).into_iter().for_each(|wrong| *wrong ^= byte);
        check_any::<Keeping, Dropping>(&wrong);
    });
    check_equal(&Keeping::default(), &Dropping::default());
}

#[test]
fn fields_that_proto3_has_are_read_and_written_as_prost_does_it() {
    check_as_prost::<NewKinds, dropping::new_kinds::v1::NewKinds>();
    check_as_prost::<v2::TicketSold, dropping::ticket_sold::v2::TicketSold>();
}

#[test]
fn fields_that_proto2_has_are_read_and_written_as_prost_does_it() {
    check_as_prost::<OldKinds, dropping::old_kinds::v1::OldKinds>();
}

#[test]
fn lists_are_read_packed_and_loose() {
    let check = |bytes: &[u8], packed: &[i64], loose: &[u32]| {
        let keeping = decode::<NewKinds>(bytes).unwrap();
        assert_eq!((keeping.packed_int64s.as_slice(), keeping.loose_uint32s.as_slice()), (packed, loose));
        check_equal(&keeping, &decode::<dropping::new_kinds::v1::NewKinds>(bytes).unwrap());
    };
    check(b"\xd0\x02\x05\xd2\x02\x02\x06\x07\xd0\x02\x08", &[5, 6, 7, 8], &[]);
    check(b"\xfa\x02\x02\x05\x06\xf8\x02\x07", &[], &[5, 6, 7]);
}

#[test]
fn enums_keep_numbers_without_a_name_whether_open_or_closed() {
    // In a closed enum such a number is an unknown field to other implementations: the bytes have it all the same.
    let closed = b"\x08\x00\x12\x00\x1a\x00\x20\x63\x29\0\0\0\0\0\0\0\0\x32\x00\x88\x02\x01\x88\x02\x62";
    let read = decode::<OldKinds>(closed).unwrap();
    assert_eq!((read.required_colour, read.loose_colours.as_slice()), (99, [1, 98].as_slice()));
    assert_eq!(read.unknown_fields, None);
    let open = decode::<NewKinds>(b"\x80\x01\x63").unwrap();
    assert_eq!((open.plain_colour, open.encode_to_vec().as_slice()), (99, b"\x80\x01\x63".as_slice()));
}

#[test]
fn errors_name_the_fields_that_lead_to_them() {
    // A child whose point has text where a number is.
    let bytes = b"\x92\x05\x06\x8a\x01\x03\x0a\x01x";
    let error = decode::<NewKinds>(bytes).unwrap_err();
    assert_eq!(Some(&error), decode::<dropping::new_kinds::v1::NewKinds>(bytes).err().as_ref());
    assert!(error.to_string().contains("Point.x: NewKinds.plain_point: NewKinds.children: "), "{error}");
}

#[test]
fn what_a_newer_version_wrote_comes_back_through_an_older_one() {
    random::check(&values::<v2::TicketSold>(), 2 * CASES, |value| {
        let written = bytes::<v2::TicketSold>(value);
        check_any::<v1::TicketSold, dropping::ticket_sold::v1::TicketSold>(&written);
        let old = decode::<v1::TicketSold>(&written).unwrap();
        let back = decode::<v2::TicketSold>(&old.encode_to_vec()).unwrap();
        assert_eq!(back, decode::<v2::TicketSold>(&written).unwrap());
    });
    let loses = |value: &Value| {
        let written = bytes::<v2::TicketSold>(value);
        let old = decode::<dropping::ticket_sold::v1::TicketSold>(&written).unwrap();
        decode::<v2::TicketSold>(&old.encode_to_vec()) != decode::<v2::TicketSold>(&written)
    };
    let values = random::samples(&values::<v2::TicketSold>(), 64);
    assert!(
        values.iter().filter(|value| loses(value)).count() > 32,
        "without preserve_unknown most of them lose something"
    );
}

#[test]
fn every_message_on_the_way_has_unknown_fields_of_its_own() {
    let person = |name: &str| v2::Buyer { name: name.into(), photo: vec![1, 2], ..Default::default() };
    let limit = v2::ticket_sold::card::Limit { cents: 7, ..Default::default() };
    let card = v2::ticket_sold::Card { holder: "h".into(), limits: vec![limit], ..Default::default() };
    let new = v2::TicketSold {
        ticket_id: "t".into(),
        buyer: Some(v2::Buyer { parent: Some(Box::new(person("p"))), ..person("b") }),
        others: vec![person("o"), v2::Buyer::default()],
        by_role: [("r".to_owned(), person("m"))].into(),
        paid: Some(v2::ticket_sold::Paid::Card(card)),
        seat: Some(Seat { row: 1, block: "N".into(), ..Default::default() }),
        extras: vec![-1, 1],
        ..Default::default()
    };
    let old = decode::<v1::TicketSold>(&new.encode_to_vec()).unwrap();
    let numbers = |fields: &Option<eventwright_wire::proto::UnknownFields>| {
        fields.iter().flat_map(|fields| fields.numbers().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&old.unknown_fields), [8]);
    assert_eq!(numbers(&old.buyer.as_ref().unwrap().unknown_fields), [2, 3]);
    assert_eq!(old.others.iter().map(|one| numbers(&one.unknown_fields)).collect::<Vec<_>>(), [vec![2], vec![]]);
    assert_eq!(numbers(&old.by_role["r"].unknown_fields), [2]);
    let Some(v1::ticket_sold::Paid::Card(card)) = &old.paid else { panic!("{old:?}") };
    assert_eq!(numbers(&card.unknown_fields), [1, 2]);
    assert_eq!(numbers(&old.seat.as_ref().unwrap().unknown_fields), [2]);
    // The field of a oneof that the older version does not know stays, too.
    let voucher = v2::TicketSold { paid: Some(v2::ticket_sold::Paid::Voucher("v".into())), ..new };
    let old = decode::<v1::TicketSold>(&voucher.encode_to_vec()).unwrap();
    assert_eq!((&old.paid, numbers(&old.unknown_fields)), (&None, vec![7, 8]));
    assert_eq!(decode::<v2::TicketSold>(&old.encode_to_vec()).unwrap(), voucher);
}

#[test]
fn a_message_that_does_not_ask_keeps_those_of_the_shared_types_that_do() {
    let bytes = b"\x0a\x04\x08\x01\x78\x02\x78\x03";
    let read = decode::<TicketChecked>(bytes).unwrap();
    assert_eq!(read.encode_to_vec(), b"\x0a\x04\x08\x01\x78\x02");
    assert_eq!(read.seat.unwrap().unknown_fields.unwrap().as_bytes(), b"\x78\x02");
}

#[test]
fn unknown_fields_are_no_part_of_the_json_form_and_debug_shows_their_numbers_only() {
    let read = decode::<v1::TicketSold>(b"\x0a\x01t\x7a\x06secret").unwrap();
    assert_eq!(json(&read).unwrap(), r#"{"ticketId":"t"}"#);
    let known = v1::TicketSold { ticket_id: "t".into(), ..Default::default() };
    assert_eq!(serde_json::from_str::<v1::TicketSold>(r#"{"ticketId":"t"}"#).unwrap(), known);
    assert!(serde_json::from_str::<v1::TicketSold>(r#"{"unknown_fields":null}"#).is_err());
    let debug = format!("{read:?}");
    assert!(debug.contains("unknown_fields: Some(UnknownFields[15])") && !debug.contains("secret"), "{debug}");
}
