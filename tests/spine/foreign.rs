//! Confluent's own Python client writes what we read, and reads what we write, over our registry.

use std::path::Path;

use eventwright::wire::proto::prost_types;
use eventwright::{Consumer, Producer};
use eventwright_platform::events::payment_settled::v2::{Money, PaymentMethod};
use eventwright_platform::events::{OrderCreated, PaymentSettled};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v1, order_v1_as_v2, order_v2, placed, take, variable};

async fn python(world: &World, mode: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = &world.settings;
    let output = Command::new(variable("EVENTWRIGHT_TEST_PYTHON"))
        .arg(root.join("tests/python/interop.py"))
        .args([mode, &settings.bootstrap, &settings.registry.url, &world.prefix])
        .arg(root.join("schemas"))
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "interop.py {mode} ended with {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn payment() -> PaymentSettled {
    PaymentSettled {
        payment_id: "p-1".into(),
        order_id: "o-1".into(),
        amount: Some(Money { currency: "EUR".into(), minor_units: -1999, exponent: 2 }),
        method: PaymentMethod::Transfer.into(),
        settled_at: Some(prost_types::Timestamp { seconds: placed().as_second(), nanos: placed().subsec_nanosecond() }),
        bank_reference: Some("bank-1".into()),
        fees: Vec::new(),
    }
}

#[tokio::test]
async fn we_read_what_python_writes() {
    // The serializers register what they write, Avro as text and Protobuf as a descriptor.
    let world = World::without_schemas().await;
    python(&world, "write").await;
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let (payments, mut paid) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("rust"))
        .on(collect::<OrderCreated>(&orders))
        .on(collect::<PaymentSettled>(&payments));
    let both = async { (take(&mut ordered, 2).await, take(&mut paid, 1).await) };
    let (mut ordered, paid) = consume(consumer, both).await.unwrap();
    ordered.sort_by_key(|(_, version)| *version);
    assert_eq!(ordered, [(order_v1_as_v2(1), Some(1)), (order_v2(2), Some(2))]);
    assert_eq!(paid, [(payment(), Some(2))]);
}

#[tokio::test]
async fn python_reads_what_we_write() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&order_v1(1)).await.unwrap();
    producer.send(&order_v2(2)).await.unwrap();
    producer.send(&payment()).await.unwrap();

    let lines = python(&world, "read").await;
    let read: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let v1 = json!({
        "order_id": "00000000-0000-0000-0000-000000000001", "customer_id": "customer-é", "product_id": "product-1",
        "quantity": 3, "price": "-19.99", "currency": "GBP", "created_at": "2026-02-03T04:05:06.789000+00:00",
    });
    let mut v2 = v1.clone();
    v2["order_id"] = "00000000-0000-0000-0000-000000000002".into();
    v2["items"] = json!([{"product_id": "product-2", "quantity": 1, "unit_price": "1234567890123456.78"}]);
    v2["discount_code"] = "WELCOME10".into();
    v2["correlation_id"] = Value::Null;
    let payment = json!({
        "payment_id": "p-1", "minor_units": -1999, "method": "PAYMENT_METHOD_TRANSFER",
        "settled_at": "2026-02-03T04:05:06.789Z", "bank_reference": "bank-1", "fees": 0,
    });
    let record = |key: &Value, version: &str, value: &Value| json!({"key": key, "version": version, "value": value});
    let expected =
        [record(&"o-1".into(), "2", &payment), record(&v1["order_id"], "1", &v1), record(&v2["order_id"], "2", &v2)];
    assert_eq!(read, expected);
}
