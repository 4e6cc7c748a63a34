//! Two producers of two versions at once, and readers of either version.

use std::collections::BTreeMap;

use eventwright::wire::uuid::Uuid;
use eventwright::{Consumer, Event, Outcome, Producer};
use eventwright_platform::events::{
    EventsTopic, InventoryAdjusted, OrderCreated, PaymentSettled, UserCreated, order_created, payment_settled,
};
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v1, order_v1_as_v2, order_v2, placed, take};

const EACH: u128 = 200;

/// Sends events with the producer of another process: each has a connection of its own.
async fn send_all<E: Event + Sync>(world: &World, events: Vec<E>) {
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut pending = Vec::new();
    for event in &events {
        pending.push(producer.enqueue(event).await.unwrap());
    }
    for delivery in pending {
        delivery.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_and_v2_are_read_as_either_version_each_once() {
    let world = World::new().await;
    let v1 = (0..EACH).map(order_v1).collect();
    let v2 = (EACH..2 * EACH).map(order_v2).collect();
    tokio::join!(send_all(&world, v1), send_all(&world, v2));

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let newest = Consumer::builder(&world.settings).group(world.group("newest")).on(collect::<OrderCreated>(&sender));
    let taken = consume(newest, take(&mut receiver, 2 * 200)).await.unwrap();
    let read: BTreeMap<_, _> = taken.into_iter().map(|(order, version)| (order.order_id, (order, version))).collect();
    let expected = |number| match number < EACH {
        true => (order_v1_as_v2(number), Some(1)),
        false => (order_v2(number), Some(2)),
    };
    let expected: BTreeMap<_, _> = (0..2 * EACH).map(|number| (Uuid::from_u128(number), expected(number))).collect();
    assert_eq!(read, expected);
    assert!(receiver.try_recv().is_err(), "no record comes twice");

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let oldest = collect::<order_created::v1::OrderCreated>(&sender);
    let oldest = Consumer::builder(&world.settings).group(world.group("oldest")).on(oldest);
    let taken = consume(oldest, take(&mut receiver, 2 * 200)).await.unwrap();
    let read: BTreeMap<_, _> = taken.into_iter().map(|(order, version)| (order.order_id, (order, version))).collect();
    let expected = (0..2 * EACH)
        .map(|number| (Uuid::from_u128(number), (order_v1(number), Some(if number < EACH { 1 } else { 2 }))));
    assert_eq!(read, expected.collect());
}

#[tokio::test]
async fn protobuf_and_a_topic_of_several_events_flow_as_well() {
    let world = World::new().await;
    let old = payment_settled::v1::PaymentSettled { payment_id: "old".into(), ..Default::default() };
    let new = PaymentSettled {
        payment_id: "new".into(),
        bank_reference: Some("bank-1".into()),
        method: payment_settled::v2::PaymentMethod::Transfer.into(),
        ..Default::default()
    };
    let user = UserCreated::new(Uuid::from_u128(1), "user-1".into(), "a@example.com".into(), placed());
    let stock = InventoryAdjusted::new(Uuid::from_u128(2), "sku-1".into(), -5, placed());
    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&old).await.unwrap();
    producer.send(&new).await.unwrap();
    producer.send(&user).await.unwrap();
    producer.send(&stock).await.unwrap();

    let (payments, mut paid) = mpsc::unbounded_channel();
    let (others, mut other) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("all"))
        .on(collect::<PaymentSettled>(&payments))
        .on_topic(move |event: EventsTopic, _| {
            let name = match event {
                EventsTopic::UserCreated(user) => user.user_id,
                EventsTopic::InventoryAdjusted(stock) => stock.sku,
                EventsTopic::Unknown(record) => panic!("{record:?}"),
            };
            let _ = others.send(name);
            std::future::ready(Outcome::Done)
        });
    let both = async { (take(&mut paid, 2).await, take(&mut other, 2).await) };
    let (mut paid, mut other) = consume(consumer, both).await.unwrap();
    paid.sort_by_key(|(_, version)| *version);
    let old = PaymentSettled { payment_id: "old".into(), ..Default::default() };
    assert_eq!(paid, [(old, Some(1)), (new, Some(2))]);
    other.sort();
    assert_eq!(other, ["sku-1", "user-1"]);
}
