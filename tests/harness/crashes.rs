//! Consumers that come, go and crash.

use std::collections::BTreeSet;
use std::time::Duration;

use eventwright::testing::App;
use eventwright::{Order, Outcome, Settings};

use crate::in_memory;
use crate::scenarios::until;
use crate::service::{GROUP, consumer, order};

/// A consumer whose handler takes 100 ms.
fn slow(settings: &Settings) -> eventwright::ConsumerBuilder {
    let slow = consumer(settings, |_, _| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(Outcome::Done)
    });
    slow.order(Order::Key).workers(4)
}

/// Returns which records of `orders` were done, by partition and offset.
fn done(apps: &[&App]) -> BTreeSet<(i32, i64)> {
    let calls = apps.iter().flat_map(|app| app.calls());
    calls.filter(|call| call.outcome == Some(Outcome::Done)).map(|call| (call.partition, call.offset)).collect()
}

#[tokio::test]
async fn two_consumers_share_the_partitions_and_what_one_leaves_the_other_takes() {
    let harness = in_memory().await;
    harness.create_topic("orders", 6).await;
    let (first, second) = (harness.run(slow(&harness.settings())), harness.run(slow(&harness.settings())));
    for number in 0..60 {
        harness.publish(&order(number, "ada")).await;
    }
    until(&harness, || !first.calls().is_empty() && !second.calls().is_empty()).await;
    let (first_calls, handled) = (first.calls().len(), first.stats().handled());
    assert!(handled < 60 && first_calls < 60, "{handled} {first_calls}");
    first.stop().await.unwrap();
    harness.settled().await;
    second.assert_key_order();
    harness.group(GROUP).await.assert_committed_all();
    let calls: usize = first_calls + second.calls().len();
    assert!(calls >= 60, "each record was handled: {calls}");
}

#[tokio::test]
async fn what_was_in_hand_at_a_crash_is_handled_again_and_no_more() {
    let harness = in_memory().await;
    harness.create_topic("orders", 1).await;
    for number in 0..20 {
        harness.publish(&order(number, "ada")).await;
    }
    let first = harness.run(slow(&harness.settings()));
    until(&harness, || first.stats().handled() >= 8).await;
    let before = done(&[&first]);
    first.crash().await;
    let second = harness.run(slow(&harness.settings()));
    harness.settled().await;
    let all: BTreeSet<_> = before.union(&done(&[&second])).copied().collect();
    assert_eq!(all.len(), 20, "none is lost");
    second.assert_calls(20).assert_key_order();
}

#[tokio::test]
async fn a_rebalance_in_the_middle_loses_nothing_and_keeps_the_order_of_keys() {
    let harness = in_memory().await;
    let app = harness.run(slow(&harness.settings()));
    for number in 0..30 {
        harness.publish(&order(number % 3, "ada")).await;
    }
    until(&harness, || app.stats().handled() >= 5).await;
    harness.rebalance(GROUP);
    harness.settled().await;
    assert_eq!(done(&[&app]).len(), 30);
}
