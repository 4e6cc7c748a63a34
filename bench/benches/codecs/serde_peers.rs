//! The peers that know values by serde: apache-avro, directly and by way of its `Value`, and serde_avro_fast.

use std::collections::BTreeMap;
use std::hint::black_box;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Schema, from_value, to_value};
use eventwright_wire::Event;
use serde::{Deserialize, Serialize};

use crate::events::{LogicalOrder, PlainOrder, plain_order};
use crate::measure::Suite;
use crate::{APACHE, APACHE_VALUE, FAST, FAST_BORROWED, samples, work};

/// An order of version 1 or 2: what version 1 does not have is empty.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename = "OrderCreated")]
struct Order {
    order_id: String,
    customer_id: String,
    amount: f64,
    currency: Currency,
    created_at: i64,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    discount_code: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    address: Address,
    #[serde(default, with = "serde_bytes")]
    total: Vec<u8>,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    correlation_id: Option<String>,
}

/// An order of version 1.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename = "OrderCreated")]
struct OrderV1 {
    order_id: String,
    customer_id: String,
    amount: f64,
    currency: Currency,
    created_at: i64,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Currency {
    Eur,
    Usd,
    Gbp,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    #[default]
    New,
    Paid,
    Shipped,
    Cancelled,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Item {
    sku: String,
    quantity: i32,
    unit_price_cents: i64,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
struct Address {
    street: String,
    city: String,
    region: String,
    postal_code: String,
    country: String,
}

/// What serde_avro_fast borrows from the bytes.
#[derive(Deserialize, Debug, PartialEq)]
struct OrderRef<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    amount: f64,
    currency: Currency,
    created_at: i64,
    #[serde(borrow)]
    items: Vec<ItemRef<'a>>,
    discount_code: Option<&'a str>,
    #[serde(borrow)]
    attributes: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)]
    address: AddressRef<'a>,
    total: &'a [u8],
    status: Status,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    correlation_id: Option<&'a str>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct ItemRef<'a> {
    sku: &'a str,
    quantity: i32,
    unit_price_cents: i64,
}

#[derive(Deserialize, Debug, PartialEq)]
struct AddressRef<'a> {
    street: &'a str,
    city: &'a str,
    region: &'a str,
    postal_code: &'a str,
    country: &'a str,
}

/// What the peers read and write: the bytes that our codec wrote.
#[derive(Clone, Copy)]
struct Bytes {
    v1: &'static [u8],
    v2: &'static [u8],
    not_ascii: &'static [u8],
}

/// Adds the cases of all peers.
pub(crate) fn add(suite: &mut Suite) {
    let bytes = Bytes {
        v1: crate::ours::encoded(&samples::v1()).leak(),
        v2: crate::ours::encoded(&samples::v2()).leak(),
        not_ascii: crate::ours::encoded(&samples::v2_not_ascii()).leak(),
    };
    let v1 = plain_order::v1::OrderCreated::SCHEMA.text;
    let v2 = PlainOrder::SCHEMA.text;
    apache(suite, [v1, v2], bytes);
    apache_logical(suite, LogicalOrder::SCHEMA.text, bytes.v2);
    fast(suite, [v1, v2], bytes);
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn reader(schema: &'static Schema) -> GenericDatumReader<'static> {
    GenericDatumReader::builder(schema).build().expect("a reader")
}

fn apache(suite: &mut Suite, texts: [&str; 2], bytes: Bytes) {
    let [v1, v2] = texts.map(|text| leak(Schema::parse_str(text).expect("the schema is Avro")));
    apache_same_version(suite, [work::ENCODE, work::DECODE], v2, bytes.v2);
    apache_same_version(suite, [work::ENCODE_NOT_ASCII, work::DECODE_NOT_ASCII], v2, bytes.not_ascii);

    let added = GenericDatumReader::builder(v1).reader_schema(v2).build().expect("the versions are compatible");
    let read = move || from_value::<Order>(&added.read_value(&mut black_box(bytes.v1)).expect("a value"));
    assert_eq!(read().expect("an order").total, [0], "the default");
    suite.add(work::ADDED, APACHE_VALUE, bytes.v1.len(), read);
    let skipped = GenericDatumReader::builder(v2).reader_schema(v1).build().expect("the versions are compatible");
    let read = move || from_value::<OrderV1>(&skipped.read_value(&mut black_box(bytes.v2)).expect("a value"));
    assert_eq!(read().expect("an order").order_id, samples::v1().order_id);
    suite.add(work::SKIPPED, APACHE_VALUE, bytes.v2.len(), read);
}

fn apache_same_version(
    suite: &mut Suite,
    [encode, decode]: [&'static str; 2],
    schema: &'static Schema,
    bytes: &'static [u8],
) {
    let order: &Order = leak(reader(schema).read_deser(&mut &*bytes).expect("an order"));
    let writer = leak(GenericDatumWriter::builder(schema).build().expect("a writer"));
    assert_eq!(writer.write_ser_to_vec(order).expect("a value"), bytes);
    assert_eq!(writer.write_value_to_vec(to_value(order).expect("a value")).expect("a value").len(), bytes.len());

    suite.add_encoder(encode, APACHE, bytes.len(), move |out| {
        writer.write_ser(out, black_box(order)).expect("a value");
    });
    suite.add(encode, APACHE_VALUE, bytes.len(), move || {
        writer.write_value_to_vec(to_value(black_box(order)).expect("a value")).expect("a value")
    });
    let direct = reader(schema);
    suite.add(decode, APACHE, bytes.len(), move || direct.read_deser::<Order>(&mut black_box(bytes)));
    let by_value = reader(schema);
    suite.add(decode, APACHE_VALUE, bytes.len(), move || {
        from_value::<Order>(&by_value.read_value(&mut black_box(bytes)).expect("a value"))
    });
}

/// apache-avro's own types for times, uuids and decimals are its `Value`'s: that is where it does the same work.
fn apache_logical(suite: &mut Suite, text: &str, bytes: &'static [u8]) {
    let schema = leak(Schema::parse_str(text).expect("the schema is Avro"));
    let value = leak(reader(schema).read_value(&mut &*bytes).expect("a value"));
    let writer = GenericDatumWriter::builder(schema).build().expect("a writer");
    suite.add(work::ENCODE_LOGICAL, "apache-avro, from Value", bytes.len(), move || {
        writer.write_value_ref(&mut Vec::with_capacity(512), black_box(value))
    });
    let reader = reader(schema);
    suite.add(work::DECODE_LOGICAL, "apache-avro, to Value", bytes.len(), move || {
        reader.read_value(&mut black_box(bytes))
    });
}

fn fast(suite: &mut Suite, texts: [&str; 2], bytes: Bytes) {
    use serde_avro_fast::{Schema, from_datum_slice};
    let [v1, v2] = texts.map(|text| leak(text.parse::<Schema>().expect("the schema is Avro")));
    fast_same_version(suite, [work::ENCODE, work::DECODE], v2, bytes.v2);
    fast_same_version(suite, [work::ENCODE_NOT_ASCII, work::DECODE_NOT_ASCII], v2, bytes.not_ascii);

    for (work, bytes) in [(work::BORROW, bytes.v2), (work::BORROW_NOT_ASCII, bytes.not_ascii)] {
        let read = move || from_datum_slice::<OrderRef<'_>>(black_box(bytes), v2);
        let text = format!("{:?}", read().expect("an order"));
        assert_eq!(text.replace("Ref", ""), format!("{:?}", order(v2, bytes)));
        suite.add(work, FAST_BORROWED, bytes.len(), read);
    }
    let read = move || from_datum_slice::<Order>(black_box(bytes.v1), v1);
    suite.add(work::ADDED, "serde_avro_fast, serde's defaults", bytes.v1.len(), read);
    let read = move || from_datum_slice::<OrderV1>(black_box(bytes.v2), v2);
    suite.add(work::SKIPPED, FAST, bytes.v2.len(), read);
}

fn order(schema: &serde_avro_fast::Schema, bytes: &[u8]) -> Order {
    serde_avro_fast::from_datum_slice(bytes, schema).expect("an order")
}

fn fast_same_version(
    suite: &mut Suite,
    [encode, decode]: [&'static str; 2],
    schema: &'static serde_avro_fast::Schema,
    bytes: &'static [u8],
) {
    use serde_avro_fast::ser::{SerializerConfig, SerializerState};
    let value = leak(order(schema, bytes));
    let config = Box::leak(Box::new(SerializerConfig::new(schema)));
    assert_eq!(serde_avro_fast::to_datum_vec(value, config).expect("a value"), bytes);

    suite.add_encoder(encode, FAST, bytes.len(), move |out| {
        let mut state = SerializerState::from_writer(out, config);
        black_box(value).serialize(state.serializer()).expect("a value");
    });
    suite.add(decode, FAST, bytes.len(), move || order(schema, black_box(bytes)));
}
