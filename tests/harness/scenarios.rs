//! What holds of the service in memory and on a live cluster: each is run on both.

use eventwright::headers::{ATTEMPT, ERROR, FAILURE_REASON, GROUP as DEAD_OF};
use eventwright::testing::Harness;
use eventwright::{Context, Order, Outcome, Retry};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated};

use super::service::{GROUP, consumer, inventory, order};

/// An order is answered by an event, also when the first attempt failed.
pub(crate) async fn orders_are_answered(harness: &Harness) {
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.publish(&order(1, "ada")).await;
    harness.publish(&order(2, "shaky")).await;
    harness.settled().await;
    let published = harness.published::<InventoryAdjusted>().await;
    published.assert_count(2).assert_all(|adjusted| adjusted.quantity == -2 && adjusted.sku == "lamp");
    harness.published::<OrderCreated>().await.assert_any(|order| order.customer_id == "shaky");
    harness.topic("events").await.with_key("lamp").assert_count(2).assert_header("ew-event", "InventoryAdjusted");
    harness.topic("orders_dlq").await.assert_empty();
    harness.group(GROUP).await.assert_committed_all();
    app.assert_calls(3).assert_key_order();
    app.stop().await.unwrap();
}

/// What cannot be handled is a dead letter, bytes that are no event as well, and the others go on.
pub(crate) async fn what_cannot_be_handled_is_a_dead_letter(harness: &Harness) {
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.publish(&order(1, "nobody")).await;
    harness.write_raw("orders", Some(b"poison"), Some(b"not an event"), &[("tenant", "acme")]).await;
    harness.publish(&order(2, "ada")).await;
    harness.settled().await;
    harness.published::<InventoryAdjusted>().await.assert_one(|adjusted| {
        assert_eq!(adjusted.event_id, order(2, "ada").order_id);
    });
    let dead = harness.topic("orders_dlq").await;
    dead.assert_count(2);
    dead.with_header(FAILURE_REASON, "rejected").assert_count(1).assert_header(ERROR, "there is no such customer");
    let poison = dead.with_key("poison");
    poison.assert_count(1).assert_value("not an event").assert_header("tenant", "acme").assert_header(ATTEMPT, "1");
    let group = dead.records()[0].header(DEAD_OF).unwrap();
    assert!(group.ends_with(GROUP), "{group}");
    assert_eq!(app.stats().dead_lettered(), 2);
    app.stop().await.unwrap();
    harness.group(GROUP).await.assert_committed_all();
}

/// A consumer that crashes in its handler loses nothing: the next one handles the record again.
pub(crate) async fn a_crash_loses_nothing(harness: &Harness) {
    let hangs = consumer(&harness.settings(), |_, _| async {
        let outcome: Outcome = std::future::pending().await;
        Ok(outcome)
    });
    let app = harness.run(hangs);
    harness.publish(&order(1, "ada")).await;
    until(harness, || app.calls().len() == 1).await;
    app.crash().await;
    harness.group(GROUP).await.assert_lag(1);
    let app = harness.run(inventory(&harness.settings(), harness.producer().await));
    harness.settled().await;
    harness.published::<InventoryAdjusted>().await.assert_count(1);
    app.assert_calls(1);
    app.stop().await.unwrap();
    harness.group(GROUP).await.assert_committed_all();
}

/// Waits until something is so, on whichever clock the harness has.
pub(crate) async fn until(harness: &Harness, is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        harness.advance(std::time::Duration::from_millis(10)).await;
    }
    panic!("what the test waits for did not happen");
}

/// A record that waits in retry topics holds up its key, in order, and nobody else.
pub(crate) async fn a_key_waits_in_retry_topics_and_keeps_its_order(harness: &Harness) {
    let mut retry = Retry::three_topics();
    retry.jitter_percent = 0;
    let fails = |order: OrderCreated, context: Context| {
        let done = order.quantity != 1 || order.customer_id != "ada" || context.attempt() == 4;
        std::future::ready(Ok(if done { Outcome::Done } else { Outcome::Retry("no database".into()) }))
    };
    let app = harness.run(consumer(&harness.settings(), fails).order(Order::Key).retry(retry));
    for quantity in 0..4 {
        for (key, customer) in [(1, "ada"), (2, "bob")] {
            harness.publish(&OrderCreated { quantity, ..order(key, customer) }).await;
        }
    }
    harness.settled().await;
    app.assert_calls(8 + 3).assert_key_order();
    harness.topic("orders_dlq").await.assert_empty();
    harness.group(GROUP).await.assert_committed_all();
    app.stop().await.unwrap();
}
