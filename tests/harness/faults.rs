//! Faults on demand, and that the service loses nothing by them.

use std::time::Duration;

use eventwright::Outcome;
use eventwright::testing::WriteFault;
use eventwright_platform::events::InventoryAdjusted;

use crate::in_memory;
use crate::scenarios::until;
use crate::service::{GROUP, consumer, inventory, order};

#[tokio::test]
async fn a_broker_that_goes_and_comes_back_is_waited_for() {
    let harness = in_memory().await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.publish(&order(1, "ada")).await;
    harness.settled().await;
    harness.stop_broker();
    let late = harness.producer().await.enqueue(&order(2, "bob")).await.unwrap();
    harness.advance(Duration::from_secs(60)).await;
    app.assert_calls(1);
    harness.start_broker();
    late.await.unwrap();
    harness.settled().await;
    app.assert_calls(2);
    harness.published::<InventoryAdjusted>().await.assert_count(2);
}

#[tokio::test]
async fn a_broker_that_stays_away_makes_a_send_possibly_written() {
    let harness = in_memory().await;
    let producer = harness.producer().await;
    harness.stop_broker();
    let error = producer.send(&order(1, "ada")).await.unwrap_err();
    assert!(error.is_possibly_written() && error.is_retriable(), "{error}");
    harness.start_broker();
    harness.topic("orders").await.assert_empty();
    harness.fail_next_write("orders", WriteFault::AckLost);
    assert!(producer.send(&order(1, "ada")).await.unwrap_err().is_possibly_written());
    harness.topic("orders").await.assert_count(1);
}

#[tokio::test]
async fn records_wait_for_a_registry_that_is_away() {
    let harness = in_memory().await;
    harness.publish(&order(1, "ada")).await;
    let app = harness.run(inventory(&harness.settings().without_check_at_start(), harness.producer().await));
    harness.stop_registry();
    harness.advance(Duration::from_secs(60)).await;
    app.assert_calls(0);
    harness.start_registry();
    harness.settled().await;
    app.assert_calls(1);
    harness.topic("orders_dlq").await.assert_empty();
}

#[tokio::test]
async fn a_dead_letter_is_written_until_the_broker_has_it_and_its_record_is_kept_until_then() {
    let harness = in_memory().await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    for fault in [WriteFault::NotWritten, WriteFault::AckLost, WriteFault::AckLate(Duration::from_secs(5))] {
        harness.fail_next_write("orders_dlq", fault);
    }
    harness.publish(&order(1, "nobody")).await;
    harness.settled().await;
    // The one whose acknowledgement was lost is there twice: at least once, never none.
    harness.topic("orders_dlq").await.assert_count(2);
    app.assert_calls(1);
}

#[tokio::test]
async fn a_dead_letter_that_the_broker_never_takes_stops_the_consumer_and_its_record_is_kept() {
    let harness = in_memory().await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.fail_next_write("orders_dlq", WriteFault::TooLarge);
    harness.publish(&order(1, "nobody")).await;
    let error = app.ended().await.unwrap_err();
    assert!(error.to_string().contains("does not take the copy of `orders`"), "{error}");
    harness.group(GROUP).await.assert_lag(1);
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.settled().await;
    harness.topic("orders_dlq").await.assert_count(1);
    app.assert_calls(1);
}

#[tokio::test]
async fn a_commit_that_fails_is_repeated() {
    let harness = in_memory().await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.fail_next_commit(GROUP);
    harness.publish(&order(1, "ada")).await;
    harness.settled().await;
    harness.group(GROUP).await.assert_committed_all();
    app.assert_calls(1);
}

#[tokio::test]
async fn a_record_that_was_sent_twice_is_handled_twice_with_one_id() {
    let harness = in_memory().await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.publish(&order(1, "ada")).await;
    harness.duplicate(&harness.topic("orders").await.records()[0]).await;
    harness.settled().await;
    harness.topic("orders").await.assert_count(2).assert_header("ew-message-id", &order(1, "ada").order_id.to_string());
    app.assert_calls(2);
}

#[tokio::test]
#[should_panic(expected = "not settled after 60 s:\n  group `inventory`: `orders` partition")]
async fn what_does_not_settle_says_what_is_open() {
    let harness = in_memory().await.with_patience(Duration::from_secs(60));
    let app = harness.run(consumer(&harness.settings(), |_, _| std::future::pending()));
    harness.publish(&order(1, "ada")).await;
    until(&harness, || app.calls().len() == 1).await;
    harness.settled().await;
}

#[tokio::test]
#[should_panic(expected = "the consumer of the group `inventory` ended: the handler failed 1 times")]
async fn a_consumer_that_ends_by_itself_fails_the_test_with_its_error() {
    let harness = in_memory().await;
    let mut settings = harness.settings();
    settings.consumer.on_failure = eventwright::OnFailure::Stop;
    settings.consumer.retry.max_attempts = 1;
    let _app = harness.run(consumer(&settings, |_, _| std::future::ready(Ok(Outcome::Retry("no".into())))));
    harness.publish(&order(1, "ada")).await;
    harness.settled().await;
}
