//! Our codecs, the hand-written ones beside them, and the limits: what copying the same memory takes.

use std::hint::black_box;

use eventwright_schema::avro::{parse, resolve};
use eventwright_wire::Event;
use eventwright_wire::avro::{Plan, Scratch, Transcoder};

use crate::events::PlainOrderRef;
use crate::events::plain_order::v1::OrderCreated as OrderV1;
use crate::events::plain_order::v2::OrderCreated as OrderV2;
use crate::measure::Suite;
use crate::{CLONE, HAND, HAND_FAST, KNOWN, OURS, PLAN, PLAN_ALONE, REUSED, hand, samples, work};

/// Returns the bytes of an event.
pub(crate) fn encoded<E: Event>(event: &E) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes).expect("the sample is a value of its schema");
    bytes
}

/// Returns the plan for bytes that were written with that schema.
fn plan<R: Event>(writer: &str) -> Plan {
    let [writer, reader] = [writer, R::SCHEMA.text].map(|text| parse("order", text).expect("it is a schema"));
    resolve(&writer, &reader).expect("the schemas are compatible")
}

/// Returns the plans of the writers that `R` knows, as the runtime has them beside one that it does not know.
fn known_plans<R: Event>() -> Vec<(usize, Plan)> {
    R::WRITERS.iter().enumerate().map(|(index, writer)| (index, plan::<R>(writer.text))).collect()
}

/// Returns the index of `W` among the writers that `R` knows.
fn writer<W: Event, R: Event>() -> usize {
    let is_writer = |schema: &&eventwright_wire::EventSchema| schema.sha256 == W::SCHEMA.sha256;
    R::WRITERS.iter().position(is_writer).expect("the writer is known")
}

/// Adds all cases of version 2 as it is.
pub(crate) fn add(suite: &mut Suite) {
    let names = [work::ENCODE, work::DECODE];
    same_version(suite, names, samples::v2());
    let names = [work::ENCODE_NOT_ASCII, work::DECODE_NOT_ASCII];
    same_version(suite, names, samples::v2_not_ascii());
    borrowed(suite, work::BORROW, &samples::v2());
    borrowed(suite, work::BORROW_NOT_ASCII, &samples::v2_not_ascii());
    reused(suite);
    limits(suite);
    added_fields(suite);
    skipped_fields(suite);
    logical(suite);
}

fn same_version(suite: &mut Suite, [encode, decode]: [&'static str; 2], order: OrderV2) {
    let bytes = &*encoded(&order).leak();
    let order = &*Box::leak(Box::new(order));
    let own = writer::<OrderV2, OrderV2>();
    let mut out = Vec::new();
    hand::encode_v2::<false>(order, &mut out);
    assert_eq!(out, bytes, "by hand");
    out.clear();
    hand::encode_v2::<true>(order, &mut out);
    assert_eq!(out, bytes, "by hand, fast");
    assert_eq!(OrderV2::decode(own, bytes).as_ref(), Ok(order));
    assert_eq!(hand::decode_v2::<false>(bytes).as_ref().ok(), Some(order));
    assert_eq!(hand::decode_v2::<true>(bytes).as_ref().ok(), Some(order));

    suite.add_encoder(encode, OURS, bytes.len(), move |out| black_box(order).encode(out).expect("a value"));
    suite.add_encoder(encode, HAND, bytes.len(), move |out| hand::encode_v2::<false>(black_box(order), out));
    suite.add_encoder(encode, HAND_FAST, bytes.len(), move |out| hand::encode_v2::<true>(black_box(order), out));
    suite.add(decode, OURS, bytes.len(), move || OrderV2::decode(own, black_box(bytes)));
    suite.add(decode, HAND, bytes.len(), move || hand::decode_v2::<false>(black_box(bytes)));
    suite.add(decode, HAND_FAST, bytes.len(), move || hand::decode_v2::<true>(black_box(bytes)));
    suite.add(decode, CLONE, bytes.len(), move || black_box(order).clone());
}

fn borrowed(suite: &mut Suite, work: &'static str, order: &OrderV2) {
    let bytes = &*encoded(order).leak();
    let own = writer::<OrderV2, OrderV2>();
    let read = move || PlainOrderRef::decode(own, black_box(bytes));
    assert_eq!(read().map(PlainOrderRef::into_owned).as_ref(), Ok(order));
    assert_eq!(hand::decode_v2_ref::<false>(bytes).ok(), read().ok());
    assert_eq!(hand::decode_v2_ref::<true>(bytes).ok(), read().ok());
    suite.add(work, OURS, bytes.len(), read);
    suite.add(work, HAND, bytes.len(), move || hand::decode_v2_ref::<false>(black_box(bytes)));
    suite.add(work, HAND_FAST, bytes.len(), move || hand::decode_v2_ref::<true>(black_box(bytes)));
}

fn reused(suite: &mut Suite) {
    let bytes = &*encoded(&samples::v2()).leak();
    let own = writer::<OrderV2, OrderV2>();
    let mut order = samples::v2_not_ascii();
    let mut read = move || order.decode_into(own, black_box(bytes));
    assert_eq!(read(), Ok(()));
    suite.add(work::DECODE, REUSED, bytes.len(), read);
}

fn limits(suite: &mut Suite) {
    let bytes = &*encoded(&samples::v2()).leak();
    let copy = move |out: &mut Vec<u8>| out.extend_from_slice(black_box(bytes));
    suite.add_encoder(work::ENCODE, "limit: copy of the bytes", bytes.len(), copy);
    suite.add(work::DECODE, "limit: copy of the bytes", bytes.len(), move || black_box(bytes).to_vec());
}

fn added_fields(suite: &mut Suite) {
    let bytes = &*encoded(&samples::v1()).leak();
    let known = writer::<OrderV1, OrderV2>();
    let expected = samples::v1_as_v2();
    assert_eq!(OrderV2::decode(known, bytes).as_ref(), Ok(&expected));
    assert_eq!(hand::decode_v1_as_v2::<true>(bytes).ok().as_ref(), Some(&expected));

    suite.add(work::ADDED, KNOWN, bytes.len(), move || OrderV2::decode(known, black_box(bytes)));
    planned(suite, PLAN, unknown_v1(), &known_plans::<OrderV2>(), &expected);
    let [first, rest @ ..] = &known_plans::<OrderV2>()[..] else { unreachable!("there are two versions") };
    assert_eq!(first.0, known);
    planned(suite, PLAN_ALONE, (OrderV1::SCHEMA.text.to_owned(), bytes.to_vec()), rest, &expected);
    let (transcoder, mut scratch) = (Transcoder::new(&first.1), Scratch::default());
    let transcode = move || transcoder.transcode(black_box(bytes), &mut scratch).map(<[u8]>::len);
    suite.add(work::ADDED, "eventwright, transcoding alone", bytes.len(), transcode);
    suite.add(work::ADDED, HAND, bytes.len(), move || hand::decode_v1_as_v2::<false>(black_box(bytes)));
    suite.add(work::ADDED, HAND_FAST, bytes.len(), move || hand::decode_v1_as_v2::<true>(black_box(bytes)));
}

/// A schema that no version has, version 1 with a field more, and the bytes of an order written with it.
fn unknown_v1() -> (String, Vec<u8>) {
    let (fields, end) = OrderV1::SCHEMA.text.rsplit_once(']').expect("the fields are the last list");
    let text = format!(r#"{fields},{{"name": "entered_by", "type": ["null", "string"]}}]{end}"#);
    (text, [encoded(&samples::v1()).as_slice(), b"\x02\x0akiosk"].concat())
}

/// Adds a case that decodes by a plan, with some of the known writers' beside it.
fn planned<R: Event + PartialEq + std::fmt::Debug>(
    suite: &mut Suite,
    who: &'static str,
    (schema, bytes): (String, Vec<u8>),
    known: &[(usize, Plan)],
    expected: &R,
) {
    let transcoder = Transcoder::beside(&plan::<R>(&schema), known);
    assert_eq!(R::decode_with(&transcoder, &bytes).as_ref(), Ok(expected));
    suite.add(work::ADDED, who, bytes.len(), move || R::decode_with(&transcoder, black_box(&bytes)));
}

fn skipped_fields(suite: &mut Suite) {
    let bytes = &*encoded(&samples::v2()).leak();
    let known = writer::<OrderV2, OrderV1>();
    // Without the known writers' plans: the newer version would be one of them.
    let transcoder = Transcoder::new(&plan::<OrderV1>(OrderV2::SCHEMA.text));
    let expected = samples::v1();
    assert_eq!(OrderV1::decode(known, bytes).as_ref(), Ok(&expected));
    assert_eq!(OrderV1::decode_with(&transcoder, bytes).as_ref(), Ok(&expected));
    assert_eq!(hand::decode_v2_as_v1::<true>(bytes).as_ref().ok(), Some(&expected));
    assert_eq!(hand::decode_start_of_v2::<true>(bytes).ok(), Some(expected));

    suite.add(work::SKIPPED, KNOWN, bytes.len(), move || OrderV1::decode(known, black_box(bytes)));
    suite.add(work::SKIPPED, PLAN, bytes.len(), move || OrderV1::decode_with(&transcoder, black_box(bytes)));
    suite.add(work::SKIPPED, HAND, bytes.len(), move || hand::decode_v2_as_v1::<false>(black_box(bytes)));
    suite.add(work::SKIPPED, HAND_FAST, bytes.len(), move || hand::decode_v2_as_v1::<true>(black_box(bytes)));
    let early = "by hand, stopping early";
    suite.add(work::SKIPPED, early, bytes.len(), move || hand::decode_start_of_v2::<true>(black_box(bytes)));
}

fn logical(suite: &mut Suite) {
    let order = &*Box::leak(Box::new(samples::logical_v2()));
    let bytes = &*encoded(order).leak();
    assert_eq!(bytes, encoded(&samples::v2()), "logical types change no byte");
    let own = writer::<crate::events::LogicalOrder, crate::events::LogicalOrder>();
    assert_eq!(crate::events::LogicalOrder::decode(own, bytes).as_ref(), Ok(order));

    suite.add_encoder(work::ENCODE_LOGICAL, OURS, bytes.len(), move |out| {
        black_box(order).encode(out).expect("a value");
    });
    suite.add(work::DECODE_LOGICAL, OURS, bytes.len(), move || {
        crate::events::LogicalOrder::decode(own, black_box(bytes))
    });
    suite.add(work::DECODE_LOGICAL, CLONE, bytes.len(), move || black_box(order).clone());
}
