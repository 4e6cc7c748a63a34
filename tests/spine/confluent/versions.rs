//! Versions of the order that Python registers and this build has never seen: each is resolved at run time.

use eventwright::{Consumer, Context, Event, Outcome};
use eventwright_platform::events::OrderCreated;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::avro::python_order_v1;
use super::{peer, with, write_step};
use crate::world::{World, consume, order_v1_as_v2, take};

/// A version, what Python puts into it, and what we read or why we cannot.
struct Row {
    /// The fields of the schema.
    fields: Value,
    value: Value,
    expected: Result<OrderCreated, &'static str>,
}

/// A field of version 1 as it is.
fn field(name: &str) -> Value {
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/order_created/v1.avsc")).unwrap();
    let mut fields = schema["fields"].as_array().unwrap().iter();
    fields.find(|field| field["name"] == name).unwrap().clone()
}

/// A field of another type.
fn changed(name: &str, kind: Value) -> Value {
    json!({"name": name, "type": kind})
}

fn decimal(scale: u32) -> Value {
    json!({"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": scale})
}

fn currency(symbols: &[&str]) -> Value {
    changed("currency", json!({"type": "enum", "name": "Currency", "symbols": symbols}))
}

/// The fields that have no default: no version can do without them.
fn needed() -> Vec<Value> {
    ["order_id", "customer_id", "currency", "created_at"].map(field).to_vec()
}

/// The fields of version 1 but for one, and these.
fn all_but(left_out: &str, more: &[Value]) -> Value {
    let names = ["order_id", "customer_id", "product_id", "quantity", "price", "currency", "created_at"];
    let kept = names.into_iter().filter(|name| *name != left_out).map(field);
    kept.chain(more.iter().cloned()).collect()
}

fn row(fields: Value, value: Value, expected: OrderCreated) -> Row {
    Row { fields, value, expected: Ok(expected) }
}

/// Rows in which the value is `python_order_v1(0)` but for some fields.
fn rows() -> Vec<Row> {
    let python = |fields: Value| with(python_order_v1(0), fields);
    let order = || order_v1_as_v2(0);
    let bare = OrderCreated::new(order().order_id, order().customer_id, order().currency, order().created_at);
    let reversed: Value = all_but("", &[]).as_array().unwrap().iter().rev().cloned().collect();
    let additions = json!([
        {"name": "gift", "type": {"type": "record", "name": "Gift", "fields": [
            {"name": "notes", "type": {"type": "array", "items": ["null", "string", "double"]}},
            {"name": "again", "type": ["null", "Gift"], "default": null}]}},
        {"name": "labels", "type": {"type": "map", "values": {"type": "enum", "name": "Label", "symbols": ["A", "B"]}}},
        {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 3}},
        {"name": "is_test", "type": "boolean"}, {"name": "weight", "type": "float"}]);
    let added = [additions.as_array().unwrap().as_slice(), all_but("", &[]).as_array().unwrap()].concat();
    let gift = json!({"notes": [null, "n", 1.5], "again": {"notes": [], "again": null}});
    let more = json!({
        "gift": gift, "labels": {"x": "A", "y": "B"}, "digest": {"$bytes": "010203"}, "is_test": true, "weight": 0.5,
    });
    vec![
        row(added.into(), python(more), order()),
        row(reversed, python(json!({})), order()),
        row(needed().into(), python(json!({})), bare),
        // narrower types
        row(
            all_but("created_at", &[changed("created_at", "int".into())]),
            python(json!({"created_at": 86_400_000})),
            OrderCreated { created_at: "1970-01-02T00:00:00Z".parse().unwrap(), ..order() },
        ),
        row(
            all_but("customer_id", &[changed("customer_id", "bytes".into())]),
            python(json!({"customer_id": {"$bytes": "637573746f6d65722dc3a9"}})),
            order(),
        ),
        row(
            all_but("", &[changed("discount_code", "string".into())]),
            python(json!({"discount_code": "X"})),
            OrderCreated { discount_code: Some("X".into()), ..order() },
        ),
        row(
            all_but("", &[changed("discount_code", json!(["string", "null"]))]),
            python(json!({"discount_code": "X"})),
            OrderCreated { discount_code: Some("X".into()), ..order() },
        ),
        // another scale and another unit are converted to ours, and no digit of a decimal is lost without a word
        row(
            all_but("price", &[changed("price", decimal(4))]),
            python(json!({"price": {"$decimal": "19.9900"}})),
            OrderCreated { price: "19.99".parse().unwrap(), ..order() },
        ),
        Row {
            fields: all_but("price", &[changed("price", decimal(4))]),
            value: python(json!({"price": {"$decimal": "19.9912"}})),
            expected: Err("`price`: the decimal of scale 4 has digits that the reader's scale of 2 would cut off"),
        },
        row(
            all_but("created_at", &[changed("created_at", json!({"type": "long", "logicalType": "timestamp-micros"}))]),
            python(json!({"created_at": {"$time": "2026-02-03T04:05:06.789012+00:00"}})),
            OrderCreated { created_at: "2026-02-03T04:05:06.789Z".parse().unwrap(), ..order() },
        ),
        // a symbol that we know among others, and one that we do not
        row(all_but("currency", &[currency(&["CHF", "GBP", "EUR"])]), python(json!({})), order()),
        Row {
            fields: all_but("currency", &[currency(&["CHF", "GBP", "EUR"])]),
            value: python(json!({"currency": "CHF"})),
            expected: Err("CHF"),
        },
        Row {
            fields: all_but("quantity", &[changed("quantity", "long".into())]),
            value: python(json!({})),
            expected: Err("it cannot be read as `OrderCreated` v2: `quantity`"),
        },
    ]
}

#[tokio::test]
async fn versions_unknown_at_build_time_are_read_by_the_rules_of_avro() {
    let world = World::new().await;
    let rows = rows();
    let step = |(index, row): (usize, &Row)| {
        let schema = json!({
            "type": "record", "name": "OrderCreated", "namespace": "eventwright.orders", "fields": row.fields,
        });
        // A subject for each, since not all of them are compatible.
        let subject = format!("{}foreign-{index}", world.prefix);
        let codec = json!({"format": "avro", "schema": schema.to_string(), "subject": subject});
        write_step(&world, OrderCreated::TOPIC, codec, std::slice::from_ref(&row.value))
    };
    let steps: Vec<_> = rows.iter().enumerate().map(step).collect();
    peer(&world, &steps).await;

    let (sender, mut receiver) = unbounded_channel();
    let good = sender.clone();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on(move |order: OrderCreated, context: Context| {
            let _ = good.send(Ok((order, context.writer().map(|writer| writer.version))));
            std::future::ready(Outcome::Done)
        })
        .on_undecodable(move |_, failure| {
            let _ = sender.send(Err(failure.reason().to_owned()));
            std::future::ready(Outcome::Done)
        });
    let read = consume(consumer, take(&mut receiver, rows.len())).await.unwrap();
    for (index, (read, row)) in read.iter().zip(&rows).enumerate() {
        match (read, &row.expected) {
            (Ok((read, version)), Ok(expected)) => assert_eq!((read, version), (expected, &None), "row {index}"),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "row {index}: {reason}"),
            (read, expected) => panic!("row {index}: expected {expected:?}, found {read:?}"),
        }
    }
}
