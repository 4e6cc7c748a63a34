//! What producers and consumers find out about their schemas before the first record.

use std::future::{Ready, pending, ready};

use eventwright::{Consumer, Context, Error, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use eventwright_registry::{Format, SchemaText};
use tokio::sync::mpsc::unbounded_channel;

use crate::gate::Gate;
use crate::raw::create_topic;
use crate::world::{World, collect, consume, order_v2, take, within};

fn ignore(_: OrderCreated, _: Context) -> Ready<Outcome> {
    ready(Outcome::Done)
}

/// Returns why neither a producer nor a consumer starts.
async fn refused(world: &World) -> [Error; 2] {
    let producer = Producer::builder(&world.settings).event::<OrderCreated>().connect().await.unwrap_err();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(ignore);
    [producer, within(consumer.run_until(pending())).await.unwrap_err()]
}

fn check(world: &World, errors: [Error; 2], expected: &[&str]) {
    let subject = format!("`OrderCreated` v2 is not registered under `{}orders-value`", world.prefix);
    for error in errors {
        assert!(error.is_not_registered() && !error.is_retriable(), "{error:?}");
        for part in expected.iter().chain(&[subject.as_str()]) {
            assert!(error.to_string().contains(part), "{part} is not in {error}");
        }
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_schema_that_is_not_registered_is_named_with_the_command_that_registers_it() {
    let mut world = World::without_schemas().await;
    let url = world.settings.registry.url.clone();
    world.settings.registry.url = url.replace("http://", "http://me:hunter2@");
    let errors = refused(&world).await;
    check(&world, errors, &[&format!("run `eventwright register --registry {url}`")]);
}

#[tokio::test]
async fn a_schema_that_the_registry_would_refuse_is_told_from_one_that_is_only_missing() {
    let world = World::without_schemas().await;
    let other = r#"{"type":"record","name":"OrderCreated","namespace":"eventwright.orders","fields":[]}"#;
    let text = SchemaText { format: Format::Avro, text: other.to_owned(), references: Vec::new() };
    world.client.register(&format!("{}orders-value", world.prefix), &text).await.unwrap();
    let errors = refused(&world).await;
    let url = &world.settings.registry.url;
    let help = format!("`eventwright check --registry {url}` shows why");
    check(&world, errors, &["it is not compatible with what is: ", "READER_FIELD_MISSING_DEFAULT_VALUE", &help]);
}

#[tokio::test]
async fn a_consumer_may_be_there_before_the_producer_that_registers() {
    let mut world = World::without_schemas().await;
    world.settings = world.settings.with_auto_register();
    create_topic(&world, "orders").await;
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let producing = async {
        let producer = Producer::connect(&world.settings).await.unwrap();
        producer.send(&order_v2(1)).await.unwrap();
        take(&mut receiver, 1).await
    };
    let taken = consume(consumer, Box::pin(producing)).await.unwrap();
    assert_eq!(taken, [(order_v2(1), Some(2))]);
}

#[tokio::test]
async fn without_the_check_both_start_while_the_registry_is_down() {
    let mut world = World::new().await;
    let gate = Gate::before(&world.settings.registry.url).await;
    world.settings.registry.url = gate.url();
    world.settings = world.settings.without_check_at_start();
    create_topic(&world, "orders").await;
    gate.shut();
    let producer = Producer::builder(&world.settings).event::<OrderCreated>().connect().await.unwrap();
    assert!(producer.send(&order_v2(1)).await.unwrap_err().is_registry());
    gate.open();
    producer.send(&order_v2(1)).await.unwrap();

    gate.shut();
    let before = gate.turned_away();
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let opening = async {
        gate.has_turned_away(before + 1).await;
        gate.open();
        take(&mut receiver, 1).await
    };
    assert_eq!(consume(consumer, Box::pin(opening)).await.unwrap(), [(order_v2(1), Some(2))]);
}
