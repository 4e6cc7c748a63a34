//! Events that share types, on real Kafka: the registry holds the types under subjects of their own, and every reader
//! finds them there, ours and Confluent's.
//!
//! The events are those of codegen's golden test, as they are generated for a user.

use std::collections::BTreeMap;

use eventwright::wire::rust_decimal::Decimal;
use eventwright::{Consumer, Event, Producer, register};
use eventwright_registry::{ReferenceEntry, VersionSpec};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use self::events::payment_taken::{v1, v3};
use self::events::{Money, PaymentTaken, money};
use crate::confluent::{peer, read_step, write_step};
use crate::world::{World, collect, consume, take};

#[allow(
    missing_docs,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "lints judge what people write; this is generated"
)]
mod events {
    include!("../../codegen/tests/golden/shared/expected.rs");
}

/// A world with the types and all versions of the events.
async fn world() -> World {
    let world = World::without_schemas().await;
    register(&world.client, world.settings.prefix.as_deref(), events::SCHEMAS).await.unwrap();
    world
}

fn old_payment() -> v1::PaymentTaken {
    let paid = money::v1::Money { amount: Decimal::new(1999, 2), currency: money::v1::Currency::Gbp };
    v1::PaymentTaken { payment_id: "old".into(), fees: BTreeMap::from([("card".into(), paid.clone())]), paid }
}

fn new_money(cents: i64) -> Money {
    Money { currency: money::v2::Currency::Gbp, amount: Decimal::new(cents, 2), tax_included: true }
}

/// What the newest version makes of [`old_payment`].
fn old_payment_read() -> PaymentTaken {
    let fees = BTreeMap::from([("card".into(), new_money(1999))]);
    PaymentTaken { fees, ..PaymentTaken::new("old".into(), new_money(1999)) }
}

fn new_payment() -> PaymentTaken {
    let net = Money { tax_included: false, ..new_money(100) };
    let list_price = events::Price { reduced: Some(new_money(-1)), net };
    PaymentTaken { list_price, weight: [1, 2, 3, 4], ..PaymentTaken::new("new".into(), new_money(5)) }
}

#[tokio::test]
async fn the_registry_holds_types_as_references() {
    let world = world().await;
    let prefix = &world.prefix;
    let reference = |name: &str, subject: &str, version| ReferenceEntry {
        name: name.to_owned(),
        subject: format!("{prefix}{subject}"),
        version,
    };
    let money = |version| reference("shop.shared.Money", "shop.shared.Money", version);
    let check = async |subject: &str, version, expected: &[ReferenceEntry]| {
        let found = world.client.version(&format!("{prefix}{subject}"), VersionSpec::Number(version)).await.unwrap();
        assert_eq!(found.references, expected, "{subject} {version}");
    };
    check("payments-value", 1, &[money(1)]).await;
    check("payments-value", 2, &[money(1)]).await;
    let price = reference("shop.shared.Price", "shop.shared.Price", 1);
    check("payments-value", 3, &[money(2), price, reference("shop.shared.Weight", "weights", 1)]).await;
    check("shop.shared.Price", 1, &[money(2)]).await;
    let place = reference("types/place/v1.proto", "types/place/v1.proto", 1);
    check("addresses", 2, std::slice::from_ref(&place)).await;
    check("parcels-value", 2, &[place, reference("types/address/v2.proto", "addresses", 2)]).await;
}

#[tokio::test]
async fn old_and_new_versions_of_a_type_are_read_as_the_newest() {
    let world = world().await;
    let producer = Producer::builder(&world.settings).event::<v1::PaymentTaken>().event::<v3::PaymentTaken>();
    let producer = producer.connect().await.unwrap();
    producer.send(&old_payment()).await.unwrap();
    producer.send(&new_payment()).await.unwrap();
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<PaymentTaken>(&sender));
    let mut read = consume(consumer, take(&mut receiver, 2)).await.unwrap();
    read.sort_by_key(|(_, version)| *version);
    assert_eq!(read, [(old_payment_read(), Some(1)), (new_payment(), Some(3))]);
}

#[tokio::test]
async fn python_reads_what_refers_to_types_and_we_read_what_it_refers_to_them_with() {
    let world = world().await;
    let producer = Producer::builder(&world.settings).event::<PaymentTaken>().connect().await.unwrap();
    producer.send(&new_payment()).await.unwrap();
    let money = |amount: &str, is_taxed: bool| json!({"amount": {"$decimal": amount}, "currency": "GBP", "tax_included": is_taxed});
    let value = json!({"payment_id": "new", "paid": money("0.05", true), "fees": {}, "weight": {"$bytes": "01020304"},
        "list_price": {"net": money("1.00", false), "reduced": money("-0.01", true)}});
    // A version that this build has never seen: other fields, and the older version of the type.
    let unseen = r#"{"type": "record", "name": "PaymentTaken", "namespace": "shop", "fields": [
        {"name": "note", "type": "string", "default": ""}, {"name": "paid", "type": "shop.shared.Money"},
        {"name": "payment_id", "type": "string"}]}"#;
    let subject = format!("{}shop.shared.Money", world.prefix);
    let reference = json!({"name": "shop.shared.Money", "subject": subject, "version": 1});
    let codec = json!({"format": "avro", "schema": unseen, "references": [reference]});
    let written =
        json!({"note": "n", "payment_id": "old", "paid": {"amount": {"$decimal": "19.99"}, "currency": "GBP"}});
    let steps = [
        read_step(&world, PaymentTaken::TOPIC, json!({"format": "avro", "schema": null}), 1),
        write_step(&world, PaymentTaken::TOPIC, codec, &[written]),
    ];
    let results = peer(&world, &steps).await;
    assert_eq!(results[0][0]["value"], value);

    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<PaymentTaken>(&sender));
    let mut read = consume(consumer, take(&mut receiver, 2)).await.unwrap();
    read.sort_by_key(|(_, version)| *version);
    let expected = PaymentTaken::new("old".into(), new_money(1999));
    assert_eq!(read, [(expected, None), (new_payment(), Some(3))]);
}
