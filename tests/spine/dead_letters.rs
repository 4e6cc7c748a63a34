//! Records that cannot be handled: they go to the topic of dead letters as they are, and nothing waits for them or loses them.

use std::collections::BTreeMap;
use std::time::Duration;

use eventwright::headers::{
    ATTEMPT, ERROR, FAILURE_REASON, FIRST_FAILED_AT, GROUP, MESSAGE_ID, ORIGINAL_OFFSET, ORIGINAL_PARTITION,
    ORIGINAL_TIMESTAMP, ORIGINAL_TOPIC,
};
use eventwright::wire::jiff::Timestamp;
use eventwright::{Consumer, ConsumerBuilder, Context, Event, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc;

use crate::raw::{self, Letter, record_of, write};
use crate::world::{World, consume, order_v2, take, within};

const ORDERS: &str = OrderCreated::TOPIC;

/// Handles orders: number 1 fails each time, 2 panics, 3 is rejected, and all others are done.
fn consumer(world: &World, sender: mpsc::UnboundedSender<u128>) -> ConsumerBuilder {
    let mut settings = world.settings.clone();
    settings.consumer.retry.max_attempts = 2;
    settings.consumer.retry.backoff = Duration::from_millis(1);
    Consumer::builder(&settings).group(world.group("g")).on(move |order: OrderCreated, _: Context| {
        let number = order.order_id.as_u128();
        let sender = sender.clone();
        async move {
            match number {
                1 => return Outcome::Retry("no database: connection refused".into()),
                2 => panic!("out of stock"),
                3 => return Outcome::Reject("the order has no customer".into()),
                _ => {}
            }
            let _ = sender.send(number);
            Outcome::Done
        }
    })
}

fn summary(letter: &Letter) -> (i64, [Option<&str>; 4]) {
    let offset = letter.header(ORIGINAL_OFFSET).unwrap().parse().unwrap();
    (offset, [FAILURE_REASON, ERROR, ATTEMPT, GROUP].map(|name| letter.header(name)))
}

#[tokio::test]
async fn what_cannot_be_handled_is_a_dead_letter_and_the_rest_goes_on() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    let mut values = vec![b"bad".to_vec()];
    for number in 1..5 {
        values.push(record_of(&world, &order_v2(number)).await);
    }
    write(&world, ORDERS, &values).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let builder = consumer(&world, sender);
    let stats = builder.stats();
    assert_eq!(consume(builder, take(&mut receiver, 1)).await.unwrap(), [4]);
    assert_eq!((stats.dead_lettered(), stats.undecodable(), stats.failed_attempts()), (4, 1, 5));

    let letters = within(raw::read(&world, &format!("{ORDERS}_dlq"), 4)).await;
    let group = world.group("g");
    let by_offset: BTreeMap<i64, _> = letters.iter().map(summary).collect();
    let died = |reason, error, attempt| [Some(reason), Some(error), Some(attempt), Some(group.as_str())];
    let expected = [
        died("undecodable", "expected at least 5 bytes, magic byte and schema ID, found 3", "1"),
        died("handler", "no database: connection refused", "2"),
        died("handler", "panicked: out of stock", "2"),
        died("rejected", "the order has no customer", "1"),
    ];
    assert_eq!(by_offset, (0..).zip(expected).collect());
    for letter in &letters {
        let offset: usize = letter.header(ORIGINAL_OFFSET).unwrap().parse().unwrap();
        assert_eq!((&letter.key, &letter.value), (&raw::KEY.to_vec(), &values[offset]), "as they were");
        assert_eq!(letter.header(ORIGINAL_TOPIC), Some(format!("{}{ORDERS}", world.prefix).as_str()));
        assert_eq!(letter.header(ORIGINAL_PARTITION), Some("0"));
        let written: i64 = letter.header(ORIGINAL_TIMESTAMP).unwrap().parse().unwrap();
        let failed: Timestamp = letter.header(FIRST_FAILED_AT).unwrap().parse().unwrap();
        assert!(failed.as_millisecond() >= written, "{failed} {written}");
    }
    let committed = raw::committed(&world, &group, ORDERS).await;
    assert_eq!(committed[&0], 5, "a dead letter is done");
}

#[tokio::test]
async fn headers_of_the_record_are_kept() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    let rejected = order_v2(3);
    let message = eventwright::Message::new(&rejected).header("tenant", b"acme".as_slice());
    producer.send(message).await.unwrap();
    let (sender, _receiver) = mpsc::unbounded_channel();
    let topic = format!("{ORDERS}_dlq");
    let dead = raw::read(&world, &topic, 1);
    let letters = consume(consumer(&world, sender), Box::pin(dead)).await.unwrap();
    assert_eq!(letters[0].header("tenant"), Some("acme"));
    assert_eq!(letters[0].header(MESSAGE_ID), Some(order_v2(3).order_id.to_string().as_str()));
}

#[tokio::test]
async fn a_copy_that_the_broker_refuses_stops_the_consumer_and_its_record_is_kept() {
    let world = World::new().await;
    raw::create_topic(&world, ORDERS).await;
    raw::create_topic_with(&world, &format!("{ORDERS}_dlq"), &[("max.message.bytes", "100")]).await;
    write(&world, ORDERS, [record_of(&world, &order_v2(3)).await]).await;
    let (sender, _receiver) = mpsc::unbounded_channel();
    let error = within(consumer(&world, sender).run_until(std::future::pending())).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("does not take the copy") && text.contains("partition 0 offset 0"), "{error:?}");
    let committed = raw::committed(&world, &world.group("g"), ORDERS).await;
    assert_eq!(committed[&0], 0, "its offset stays open");
}

#[tokio::test]
async fn a_topic_that_cannot_be_is_refused_at_start() {
    let mut world = World::new().await;
    world.settings.consumer.dead_letter_topic = Some("no such name".into());
    let (sender, _receiver) = mpsc::unbounded_channel();
    let error = within(consumer(&world, sender).run_until(std::future::pending())).await.unwrap_err();
    assert!(error.to_string().contains("`no such name` cannot be the topic of dead letters"), "{error}");
}
