//! The ways in which services on Kafka lose records with the tools of today, one test each; none may happen here. What needs a real
//! broker is in `tests/spine`: `retries`, `dead_letters`, `registry_outage`, and `make chaos`.

use std::time::Duration;

use eventwright::testing::WriteFault;
use eventwright::{Order, Outcome, Retry};
use eventwright_platform::events::OrderCreated;
use eventwright_platform::events::order_created::v1;

use crate::in_memory;
use crate::scenarios::until;
use crate::service::{GROUP, consumer, inventory, order};

fn one_topic() -> Retry {
    Retry { backoff: Duration::from_secs(30), max_backoff: Duration::from_secs(30), topics: 1, ..Retry::default() }
}

#[tokio::test]
async fn a_new_field_is_not_erased_by_an_older_schemas_id() {
    let harness = in_memory().await;
    // Version 1 was the last one that was registered: whoever frames with that loses what version 2 added.
    let old =
        v1::OrderCreated::new(order(1, "ada").order_id, "ada".into(), v1::Currency::Eur, order(1, "ada").created_at);
    harness.publish(&old).await;
    let new = OrderCreated { discount_code: Some("WELCOME10".into()), ..order(2, "ada") };
    harness.publish(&new).await;
    harness.published::<OrderCreated>().await.assert_any(|event| *event == new);
}

#[tokio::test]
async fn bad_bytes_are_kept_as_they_are_and_good_ones_wait_for_a_registry_that_is_away() {
    let harness = in_memory().await;
    harness.publish(&order(1, "ada")).await;
    harness.write_raw("orders", Some(b"key"), Some(b"no schema id"), &[]).await;
    let app = harness.run(inventory(&harness.settings().without_check_at_start(), harness.producer().await));
    harness.stop_registry();
    harness.advance(Duration::from_secs(600)).await;
    app.calls().assert_count(0);
    harness.start_registry();
    harness.settled().await;
    app.calls().assert_count(1);
    harness.topic("orders_dlq").await.assert_count(1).assert_value(b"no schema id");
}

#[tokio::test]
async fn a_record_that_waits_survives_the_process() {
    let harness = in_memory().await;
    let service = || {
        let failing = |_, context: eventwright::Context| {
            std::future::ready(Ok(if context.attempt() == 1 { Outcome::Retry("no".into()) } else { Outcome::Done }))
        };
        consumer(&harness.settings(), failing).order(Order::Key).retry(one_topic())
    };
    let first = harness.run(service());
    harness.publish(&order(1, "ada")).await;
    until(&harness, || first.stats().retried() == 1).await;
    harness.advance(Duration::from_secs(5)).await;
    first.crash().await;
    let second = harness.run(service());
    harness.settled().await;
    let calls = second.calls();
    assert_eq!(calls.list().last().unwrap().outcome, Some(Outcome::Done), "{calls:?}");
}

#[tokio::test]
async fn a_copy_that_is_refused_leaves_its_record_open() {
    for (topic, outcome) in
        [("orders_dlq", Outcome::Reject("no".into())), ("orders_retry", Outcome::Retry("no".into()))]
    {
        let harness = in_memory().await;
        let service = consumer(&harness.settings(), move |_, _| std::future::ready(Ok(outcome.clone())));
        let app = harness.run(service.order(Order::Key).retry(one_topic()));
        harness.fail_next_write(topic, WriteFault::TooLarge);
        harness.publish(&order(1, "ada")).await;
        let error = app.ended().await.unwrap_err().to_string();
        assert!(error.contains(&format!("in `{topic}`; the record is kept")), "{error}");
        harness.group(GROUP).await.assert_lag(1);
    }
}

#[tokio::test]
async fn errors_and_panics_become_dead_letters_and_no_crash_loop() {
    let harness = in_memory().await;
    let service = consumer(&harness.settings(), |order: OrderCreated, _| async move {
        match order.quantity {
            0 => panic!("out of stock"),
            1 => Ok(Outcome::retry(std::io::Error::other("disk full"))),
            _ => Ok(Outcome::Done),
        }
    });
    let app = harness.run(service.retry(Retry { max_attempts: 3, ..Retry::default() }));
    for quantity in 0..3 {
        harness.publish(&OrderCreated { quantity, ..order(1, "ada") }).await;
    }
    harness.settled().await;
    let dead = harness.topic("orders_dlq").await;
    dead.assert_count(2);
    dead.with_header("ew-error", "disk full").assert_count(1).assert_header("ew-attempt", "3");
    dead.with_header("ew-error", "panicked: out of stock").assert_count(1).assert_header("ew-attempt", "3");
    assert_eq!(app.stats().handled(), 1);
}

#[tokio::test]
async fn a_retry_does_not_reorder_its_key() {
    let harness = in_memory().await;
    let service = consumer(&harness.settings(), |order: OrderCreated, context: eventwright::Context| async move {
        let fails = order.quantity == 0 && context.attempt() < 3;
        Ok(if fails { Outcome::Retry("no".into()) } else { Outcome::Done })
    });
    let app = harness.run(service.order(Order::Key).retry(one_topic()));
    for quantity in 0..4 {
        harness.publish(&OrderCreated { quantity, ..order(1, "ada") }).await;
    }
    harness.settled().await;
    app.calls().assert_count(2 + 4).assert_key_order();
}

#[tokio::test]
async fn what_is_known_of_a_schema_never_runs_out() {
    let harness = in_memory().await;
    harness.publish(&order(1, "ada")).await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.settled().await;
    harness.stop_registry();
    harness.advance(Duration::from_secs(30 * 24 * 3600)).await;
    harness.publish(&order(2, "bob")).await;
    harness.settled().await;
    app.calls().assert_count(2);
}
