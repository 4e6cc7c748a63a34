//! Protobuf: Python registers descriptors where we register text, and asks for ours as a descriptor.

use eventwright::wire::proto::prost_types;
use eventwright::{Consumer, Producer, register};
use eventwright_platform::events::payment_settled::{v1, v2};
use eventwright_platform::events::{PaymentSettled, SCHEMAS};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::{peer, read_step, with, write_step};
use crate::world::{World, collect, consume, placed, take};

/// Another message before ours, in another file, with a field that we do not know.
const FOREIGN: &str = r#"
syntax = "proto3";
package eventwright.payments;
import "google/protobuf/timestamp.proto";
message Bank { string name = 1; message Branch { string city = 1; } }
enum PaymentMethod { PAYMENT_METHOD_UNSPECIFIED = 0; PAYMENT_METHOD_CARD = 1; PAYMENT_METHOD_TRANSFER = 2; }
message Money { string currency = 1; int64 minor_units = 2; uint32 exponent = 3; }
message PaymentSettled {
  string payment_id = 1;
  string order_id = 2;
  Money amount = 3;
  PaymentMethod method = 4;
  google.protobuf.Timestamp settled_at = 5;
  optional string bank_reference = 6;
  repeated Money fees = 7;
  Bank.Branch branch = 8;
}
"#;

fn settled_at() -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: placed().as_second(), nanos: placed().subsec_nanosecond() })
}

fn payment_v1() -> v1::PaymentSettled {
    v1::PaymentSettled {
        payment_id: "p-é".into(),
        order_id: "o-1".into(),
        amount: Some(v1::Money { currency: "EUR".into(), minor_units: -9_007_199_254_740_993, exponent: 2 }),
        method: v1::PaymentMethod::Transfer.into(),
        settled_at: settled_at(),
    }
}

fn payment_v1_as_v2() -> PaymentSettled {
    PaymentSettled {
        payment_id: "p-é".into(),
        order_id: "o-1".into(),
        amount: Some(v2::Money { currency: "EUR".into(), minor_units: -9_007_199_254_740_993, exponent: 2 }),
        method: v2::PaymentMethod::Transfer.into(),
        settled_at: settled_at(),
        ..PaymentSettled::default()
    }
}

fn payment_v2() -> PaymentSettled {
    PaymentSettled {
        bank_reference: Some(String::new()),
        fees: vec![
            v2::Money { currency: "EUR".into(), minor_units: 25, exponent: 2 },
            v2::Money { currency: "JPY".into(), minor_units: 3, exponent: 0 },
        ],
        ..payment_v1_as_v2()
    }
}

/// [`payment_v1`] in Protobuf's JSON mapping.
fn python_v1() -> Value {
    json!({
        "payment_id": "p-é", "order_id": "o-1", "method": "PAYMENT_METHOD_TRANSFER",
        "amount": {"currency": "EUR", "minor_units": "-9007199254740993", "exponent": 2},
        "settled_at": "2026-02-03T04:05:06.789Z",
    })
}

/// [`payment_v2`] in Protobuf's JSON mapping; the reference is empty, which is not the same as absent.
fn python_v2() -> Value {
    let fees =
        json!([{"currency": "EUR", "minor_units": "25", "exponent": 2}, {"currency": "JPY", "minor_units": "3"}]);
    with(python_v1(), json!({"bank_reference": "", "fees": fees}))
}

/// Has Python write `value` in every way it can, check that we read it, and that Python reads ours with its own file.
async fn check(world: &World, file: &str, value: Value, expected: (PaymentSettled, Option<u32>), reads: [Value; 2]) {
    let codec = |config: Value| json!({"format": "protobuf", "file": file, "message": "eventwright.payments.PaymentSettled", "config": config});
    let ways = [
        json!({}),
        json!({"normalize.schemas": true}),
        json!({"auto.register.schemas": false}),
        // A file with a reference of its own to `google/protobuf/timestamp.proto`: another schema, and then the latest.
        json!({"skip.known.types": false}),
        json!({"auto.register.schemas": false, "use.latest.version": true}),
    ];
    let write = |way: &Value| write_step(world, "payments", codec(way.clone()), std::slice::from_ref(&value));
    let steps: Vec<_> = ways.iter().map(write).collect();
    peer(world, &steps).await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<PaymentSettled>(&sender));
    let read = consume(consumer, take(&mut receiver, ways.len())).await.unwrap();
    assert_eq!(read, vec![expected; ways.len()]);

    register(&world.client, world.settings.prefix.as_deref(), SCHEMAS).await.unwrap();
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&payment_v1()).await.unwrap();
    producer.send(&payment_v2()).await.unwrap();
    let found = peer(world, &[read_step(world, "payments", codec(json!({})), ways.len() + 2)]).await.concat();
    let ours: Vec<_> = found.iter().filter(|record| record["key"] == "o-1").map(|record| &record["value"]).collect();
    assert_eq!(ours, reads.iter().collect::<Vec<_>>());
    let theirs: Vec<_> = found.iter().filter(|record| record["key"] == "key").map(|record| &record["value"]).collect();
    assert_eq!(theirs, vec![&value; ways.len()]);
}

/// Returns a world in which Python alone registers schemas, so that our consumer's own version is not among them.
async fn unregistered() -> World {
    let mut world = World::without_schemas().await;
    world.settings = world.settings.without_check_at_start();
    world
}

#[tokio::test]
async fn version_1_is_shared_with_python() {
    let world = unregistered().await;
    let file = include_str!("../../../schemas/payment_settled/v1.proto");
    check(&world, file, python_v1(), (payment_v1_as_v2(), Some(1)), [python_v1(), python_v1()]).await;
}

#[tokio::test]
async fn version_2_is_shared_with_python() {
    let world = unregistered().await;
    let file = include_str!("../../../schemas/payment_settled/v2.proto");
    check(&world, file, python_v2(), (payment_v2(), Some(2)), [python_v1(), python_v2()]).await;
}

#[tokio::test]
async fn a_version_of_python_that_we_do_not_know_is_read_as_ours() {
    let world = World::new().await;
    let value = with(python_v2(), json!({"branch": {"city": "Lyon"}}));
    check(&world, FOREIGN, value, (payment_v2(), None), [python_v1(), python_v2()]).await;
}
