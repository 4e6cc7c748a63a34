//! Avro: every way in which `AvroSerializer` finds its schema, and every reader's schema of `AvroDeserializer`.

use eventwright::wire::jiff::Timestamp;
use eventwright::wire::uuid::Uuid;
use eventwright::{Consumer, Outcome, Producer, register};
use eventwright_platform::events::{EventsTopic, InventoryAdjusted, OrderCreated, SCHEMAS, UserCreated, order_created};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::{peer, read_step, versions, with, write_step};
use crate::world::{World, collect, consume, order_v1, order_v1_as_v2, order_v2, placed, take};

const ORDER_V1: &str = include_str!("../../../schemas/order_created/v1.avsc");
const ORDER_V2: &str = include_str!("../../../schemas/order_created/v2.avsc");
const USER: &str = include_str!("../../../schemas/user_created/v1.avsc");
const STOCK: &str = include_str!("../../../schemas/inventory_adjusted/v1.avsc");

/// `world::order_v1`, as Python has it.
pub(super) fn python_order_v1(number: u128) -> Value {
    json!({
        "order_id": {"$uuid": Uuid::from_u128(number)},
        "customer_id": "customer-é",
        "product_id": "product-1",
        "quantity": 3,
        "price": {"$decimal": "-19.99"},
        "currency": "GBP",
        "created_at": {"$time": "2026-02-03T04:05:06.789000+00:00"},
    })
}

/// What version 2 has beyond version 1, where nothing is in it.
fn nothing_more() -> Value {
    json!({"items": [], "discount_code": null, "correlation_id": null})
}

/// `world::order_v2`, as Python has it.
fn python_order_v2(number: u128) -> Value {
    let item = json!({"product_id": "product-2", "quantity": 1, "unit_price": {"$decimal": "1234567890123456.78"}});
    with(python_order_v1(number), json!({"items": [item], "discount_code": "WELCOME10", "correlation_id": null}))
}

/// Price, time as Python writes it, quantity and customer, each at an end of what it may be.
const EDGES: [(&str, &str, i32, &str); 5] = [
    ("0.00", "1970-01-01T00:00:00+00:00", 0, ""),
    ("0.01", "1969-12-31T23:59:59.999000+00:00", -1, "\u{0}"),
    ("-0.01", "1970-01-01T00:00:00.001000+00:00", 1, "\u{1d11e} 日本"),
    ("-9999999999999999.99", "0001-01-01T00:00:00+00:00", i32::MIN, "'\"\\\n"),
    ("9999999999999999.99", "9999-12-30T21:59:59.999000+00:00", i32::MAX, "a\u{301}"),
];

/// An order for each of [`EDGES`], from Python and from us.
fn edges() -> impl Iterator<Item = (Value, OrderCreated)> {
    EDGES.iter().zip(100..).map(|((price, time, quantity, customer), number)| {
        let fields = json!({
            "price": {"$decimal": price}, "created_at": {"$time": time}, "quantity": quantity, "customer_id": customer,
        });
        let ours = OrderCreated {
            price: price.parse().unwrap(),
            created_at: time.parse::<Timestamp>().unwrap(),
            quantity: *quantity,
            customer_id: (*customer).to_owned(),
            ..order_v2(number)
        };
        (with(python_order_v2(number), fields), ours)
    })
}

/// Writes orders with Python, one after the other, and checks that we read each as it was meant.
async fn check_orders(world: &World, rows: Vec<(Value, Value, OrderCreated, Option<u32>)>) {
    let codec = |schema: &str, config| json!({"format": "avro", "schema": schema, "config": config});
    let step = |(config, value, _, version): &(Value, Value, OrderCreated, Option<u32>)| {
        let schema = if *version == Some(1) { ORDER_V1 } else { ORDER_V2 };
        write_step(world, "orders", codec(schema, config.clone()), std::slice::from_ref(value))
    };
    let steps: Vec<_> = rows.iter().map(step).collect();
    peer(world, &steps).await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let read = consume(consumer, take(&mut receiver, rows.len())).await.unwrap();
    let expected: Vec<_> = rows.into_iter().map(|(_, _, order, version)| (order, version)).collect();
    assert_eq!(read, expected);
}

#[tokio::test]
async fn we_read_what_python_has_registered_and_find_it_as_ours() {
    let world = World::without_schemas().await;
    let rows = vec![
        (json!({}), python_order_v1(1), order_v1_as_v2(1), Some(1)),
        (json!({"normalize.schemas": true}), python_order_v2(2), order_v2(2), Some(2)),
    ];
    check_orders(&world, rows).await;

    // Nothing is registered by us, so our producer has to recognise what Python has registered.
    let producer = Producer::builder(&world.settings)
        .event::<OrderCreated>()
        .event::<order_created::v1::OrderCreated>()
        .connect()
        .await;
    producer.unwrap().send(&order_v1(3)).await.unwrap();
    register(&world.client, world.settings.prefix.as_deref(), SCHEMAS).await.unwrap();
    assert_eq!(versions(&world, "orders-value").await, [1, 2]);
}

#[tokio::test]
async fn we_read_what_python_writes_with_the_schemas_that_we_have_registered() {
    let world = World::new().await;
    let look_up = || json!({"auto.register.schemas": false});
    let look_up_normalized = json!({"auto.register.schemas": false, "normalize.schemas": true});
    let latest = json!({"auto.register.schemas": false, "use.latest.version": true});
    let bare = OrderCreated { items: Vec::new(), discount_code: None, ..order_v2(6) };
    let mut rows = vec![
        (look_up(), python_order_v1(1), order_v1_as_v2(1), Some(1)),
        (look_up(), python_order_v2(2), order_v2(2), Some(2)),
        (look_up_normalized, python_order_v2(3), order_v2(3), Some(2)),
        (latest, python_order_v2(4), order_v2(4), Some(2)),
        (json!({}), python_order_v1(5), order_v1_as_v2(5), Some(1)),
        (json!({}), python_order_v1(6), bare.clone(), Some(2)),
        (json!({}), with(python_order_v1(6), nothing_more()), bare, Some(2)),
    ];
    rows.extend(edges().map(|(python, ours)| (look_up(), python, ours, Some(2))));
    check_orders(&world, rows).await;
    assert_eq!(versions(&world, "orders-value").await, [1, 2], "what is registered is not registered again");
}

#[tokio::test]
async fn python_reads_our_orders_as_any_version() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    // One key, so one partition, so one order.
    let key = |number| Uuid::from_u128(if number < 1_000 { 1 } else { number });
    let v1 = order_created::v1::OrderCreated { order_id: key(1), ..order_v1(1) };
    producer.send(&v1).await.unwrap();
    let mut expected = vec![python_order_v1(1)];
    producer.send(&OrderCreated { order_id: key(2), ..order_v2(2) }).await.unwrap();
    expected.push(python_order_v2(1));
    for (python, ours) in edges() {
        producer.send(&OrderCreated { order_id: key(3), ..ours }).await.unwrap();
        expected.push(with(python, json!({"order_id": {"$uuid": key(3)}})));
    }

    let codec = |schema: Option<&str>| json!({"format": "avro", "schema": schema});
    let steps = [None, Some(ORDER_V2), Some(ORDER_V1)];
    let steps = steps.map(|schema| read_step(&world, "orders", codec(schema), expected.len()));
    let found = peer(&world, &steps).await;
    let [as_written, as_v2, as_v1] = found.as_slice() else { panic!("{found:?}") };
    let values = |records: &[Value]| records.iter().map(|record| record["value"].clone()).collect::<Vec<_>>();
    assert_eq!(values(as_written), expected);
    for (record, version) in as_written.iter().zip(["1", "2", "2", "2", "2", "2", "2"]) {
        assert_eq!(record["key"], key(1).to_string());
        let headers = json!({
            "ew-message-id": key(1), "ew-correlation-id": key(1), "ew-event": "OrderCreated",
            "ew-schema-version": version,
        });
        assert_eq!(record["headers"], headers);
    }
    let mut newest = expected.clone();
    newest[0] = with(newest[0].clone(), nothing_more());
    assert_eq!(values(as_v2), newest);
    let mut oldest = expected;
    for order in &mut oldest {
        order.as_object_mut().unwrap().retain(|field, _| nothing_more().get(field).is_none());
    }
    assert_eq!(values(as_v1), oldest);
}

#[tokio::test]
async fn a_topic_of_several_events_is_shared_with_python() {
    let world = World::new().await;
    let user = UserCreated {
        first_name: "Zoë".into(),
        ..UserCreated::new(Uuid::from_u128(1), "key".into(), "z@example.com".into(), placed())
    };
    let stock = InventoryAdjusted::new(Uuid::from_u128(2), "key".into(), -5, placed());
    let time = json!({"$time": "2026-02-03T04:05:06.789000+00:00"});
    let python_user = json!({
        "event_id": {"$uuid": user.event_id}, "user_id": "key", "email": "z@example.com", "first_name": "Zoë",
        "last_name": "", "created_at": time,
    });
    let python_stock = json!({
        "event_id": {"$uuid": stock.event_id}, "sku": "key", "quantity": -5, "reason": "", "adjusted_at": time,
    });

    let codec = |schema: &str, record: &str| {
        let subject = format!("{}{record}", world.prefix);
        json!({"format": "avro", "schema": schema, "subject": subject, "config": {"auto.register.schemas": false}})
    };
    let steps = [
        write_step(&world, "events", codec(USER, "eventwright.users.UserCreated"), std::slice::from_ref(&python_user)),
        write_step(
            &world,
            "events",
            codec(STOCK, "eventwright.inventory.InventoryAdjusted"),
            std::slice::from_ref(&python_stock),
        ),
    ];
    peer(&world, &steps).await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on_topic(move |event: EventsTopic, _| {
        let _ = sender.send(event);
        std::future::ready(Outcome::Done)
    });
    let read = consume(consumer, take(&mut receiver, 2)).await.unwrap();
    assert_eq!(read, [EventsTopic::UserCreated(user.clone()), EventsTopic::InventoryAdjusted(stock.clone())]);

    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&user).await.unwrap();
    producer.send(&stock).await.unwrap();
    let codec = json!({"format": "avro", "schema": null});
    let found = peer(&world, &[read_step(&world, "events", codec, 4)]).await.concat();
    let count = |value: &Value| found.iter().filter(|record| record["value"] == *value).count();
    assert_eq!((count(&python_user), count(&python_stock)), (2, 2), "{found:?}");
}
