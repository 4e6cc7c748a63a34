//! A compacted topic: a typed handler takes events and, as `None`, the tombstones that delete them.

use eventwright::{Consumer, Context, Event, Outcome};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated, UserCreated};
use tokio::sync::mpsc::unbounded_channel;

use crate::raw::{self, record_of, write, write_tombstone};
use crate::world::{World, consume, order_v2, take};

#[tokio::test]
async fn a_tombstone_is_none_with_its_key_and_keeps_its_place() {
    let world = World::new().await;
    raw::create_topic_with(&world, OrderCreated::TOPIC, &[("cleanup.policy", "compact")]).await;
    write(&world, OrderCreated::TOPIC, [record_of(&world, &order_v2(1)).await]).await;
    write_tombstone(&world, OrderCreated::TOPIC, b"gone").await;
    write(&world, OrderCreated::TOPIC, [record_of(&world, &order_v2(2)).await]).await;
    let (sender, mut receiver) = unbounded_channel();
    let handler = move |order: Option<OrderCreated>, context: Context| {
        let key = String::from_utf8(context.key().unwrap().to_vec()).unwrap();
        let _ = sender.send((context.offset(), order.map(|order| order.order_id.as_u128()), key, context.attempt()));
        // The first attempt at a tombstone fails as that at any other record may.
        let fails = context.offset() == 1 && context.attempt() == 1;
        std::future::ready(if fails { Outcome::Retry("not yet".into()) } else { Outcome::Done })
    };
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on_compacted(handler);
    let seen = consume(consumer, take(&mut receiver, 4)).await.unwrap();
    let seen: Vec<_> =
        seen.iter().map(|(offset, order, key, attempt)| (*offset, *order, key.as_str(), *attempt)).collect();
    assert_eq!(seen, [(0, Some(1), "key", 1), (1, None, "gone", 1), (1, None, "gone", 2), (2, Some(2), "key", 1)]);
    assert_eq!(raw::committed(&world, &world.group("g"), OrderCreated::TOPIC).await[&0], 3);
}

#[tokio::test]
async fn a_topic_has_one_handler_of_tombstones() {
    let world = World::without_schemas().await;
    let done = |_: Option<InventoryAdjusted>, _: Context| std::future::ready(Outcome::Done);
    let other = |_: Option<UserCreated>, _: Context| std::future::ready(Outcome::Done);
    let builder = || Consumer::builder(&world.settings).group("g").on_compacted(done);
    let error = builder().on_compacted(other).build().unwrap_err();
    let text = format!("the topic `{}events` has two handlers of tombstones", world.prefix);
    assert!(error.is_settings() && error.to_string().starts_with(&text), "{error}");
    let beside = |_: UserCreated, _: Context| std::future::ready(Outcome::Done);
    assert!(builder().on(beside).build().is_ok());
}
