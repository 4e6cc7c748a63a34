//! A consumer that goes away at each moment between a failure and the commit after it: nothing is lost, the key stays in its order,
//! and there are no more copies than the moment allows.
//!
//! | | crash before the copy is written | after it | before the commit | after it | rebalance | stop |
//! |---|---|---|---|---|---|---|
//! | retry | 1 copy | 1 | 1 | 1 | 1 | 1 |
//! | dead letter | 1 | 2 | 2 | 1 | 2 | 1 |
//!
//! `tests/spine/replay_matrix.rs` does the same for a replay, on real Kafka, because its transactions are Kafka's.

use std::time::Duration;

use eventwright::testing::{Call, Harness, WriteFault};
use eventwright::{ConsumerBuilder, Context, Order, Outcome, Retry};
use eventwright_platform::events::OrderCreated;

use crate::in_memory;
use crate::service::{GROUP, consumer, order};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Retry,
    DeadLetter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    BeforeWrite,
    AfterWrite,
    BeforeCommit,
    AfterCommit,
    Rebalance,
    Stop,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Failure {
    fn topic(self) -> &'static str {
        match self {
            Self::Retry => "orders_retry",
            Self::DeadLetter => "orders_dlq",
        }
    }

    /// The first order fails: once, or for good.
    fn service(self, harness: &Harness, commit_interval: Duration) -> ConsumerBuilder {
        let mut settings = harness.settings();
        settings.consumer.commit_interval = commit_interval;
        let handler = move |order: OrderCreated, context: Context| async move {
            Ok(match self {
                _ if order.quantity > 0 => Outcome::Done,
                Self::DeadLetter => Outcome::Reject("there is no such customer".into()),
                Self::Retry if context.attempt() == 1 => Outcome::Retry("the database is away".into()),
                Self::Retry => Outcome::Done,
            })
        };
        let retry = Retry { backoff: Duration::from_secs(10), jitter_percent: 0, topics: 1, ..Retry::default() };
        consumer(&settings, handler).order(Order::Key).retry(retry)
    }
}

/// Runs a consumer until it has failed at the first order, and lets it go away at that moment.
async fn go_away(harness: &Harness, failure: Failure, moment: Moment) {
    let commit_interval = if moment == Moment::AfterCommit { Duration::from_millis(10) } else { HOUR };
    match moment {
        Moment::BeforeWrite => (0..1000).for_each(|_| harness.fail_next_write(failure.topic(), WriteFault::NotWritten)),
        Moment::AfterWrite | Moment::Rebalance => harness.fail_next_write(failure.topic(), WriteFault::AckLate(HOUR)),
        Moment::Stop => harness.fail_next_write(failure.topic(), WriteFault::AckLate(Duration::from_secs(3))),
        Moment::BeforeCommit | Moment::AfterCommit => {}
    }
    let app = harness.run(failure.service(harness, commit_interval));
    for _ in 0..100 {
        harness.advance(Duration::from_millis(20)).await;
        let is_written = !harness.topic(failure.topic()).await.records().is_empty();
        if app.calls().iter().any(|call| call.outcome.is_some()) && (is_written || moment == Moment::BeforeWrite) {
            break;
        }
    }
    harness.advance(Duration::from_millis(100)).await;
    match moment {
        Moment::Stop => app.stop().await.unwrap(),
        Moment::Rebalance => {
            harness.rebalance(GROUP);
            harness.advance(Duration::from_secs(60)).await;
            app.stop().await.unwrap();
        }
        _ => app.crash().await,
    }
    harness.clear_faults();
}

async fn check(failure: Failure, moment: Moment, copies_of_failed: usize) {
    let harness = in_memory().await;
    harness.create_topic("orders", 1).await;
    for quantity in 0..3 {
        harness.publish(&OrderCreated { quantity, ..order(1, "ada") }).await;
    }
    go_away(&harness, failure, moment).await;
    let _app = harness.run(failure.service(&harness, Duration::from_secs(1)));
    harness.settled().await;
    let calls = harness.calls(GROUP);
    let what = format!("{failure:?}, {moment:?}: {calls:?}");
    check_calls(calls.list(), failure, &what);
    let copies = harness.topic(failure.topic()).await.with_header("ew-original-offset", "0");
    assert_eq!(copies.records().len(), copies_of_failed, "{what}");
    harness.group(GROUP).await.assert_committed_all();
}

/// Each order is over before the next one begins.
fn check_calls(calls: &[Call], failure: Failure, what: &str) {
    for offset in 0..3 {
        let is_over = |outcome: &Outcome| match outcome {
            Outcome::Reject(_) => failure == Failure::DeadLetter && offset == 0,
            outcome => *outcome == Outcome::Done,
        };
        let over = calls.iter().position(|call| call.offset == offset && call.outcome.as_ref().is_some_and(is_over));
        let over = over.unwrap_or_else(|| panic!("{offset} is lost: {what}"));
        let next = calls.iter().position(|call| call.offset == offset + 1);
        assert!(next.is_none_or(|next| over < next), "{} overtakes: {what}", offset + 1);
    }
}

#[tokio::test]
async fn retry_crash_before_produce() {
    check(Failure::Retry, Moment::BeforeWrite, 1).await;
}

#[tokio::test]
async fn retry_crash_after_produce() {
    check(Failure::Retry, Moment::AfterWrite, 1).await;
}

#[tokio::test]
async fn retry_crash_before_commit() {
    check(Failure::Retry, Moment::BeforeCommit, 1).await;
}

#[tokio::test]
async fn retry_crash_after_commit() {
    check(Failure::Retry, Moment::AfterCommit, 1).await;
}

#[tokio::test]
async fn retry_rebalance() {
    check(Failure::Retry, Moment::Rebalance, 1).await;
}

#[tokio::test]
async fn retry_shutdown() {
    check(Failure::Retry, Moment::Stop, 1).await;
}

#[tokio::test]
async fn dead_letter_crash_before_produce() {
    check(Failure::DeadLetter, Moment::BeforeWrite, 1).await;
}

#[tokio::test]
async fn dead_letter_crash_after_produce() {
    check(Failure::DeadLetter, Moment::AfterWrite, 2).await;
}

#[tokio::test]
async fn dead_letter_crash_before_commit() {
    check(Failure::DeadLetter, Moment::BeforeCommit, 2).await;
}

#[tokio::test]
async fn dead_letter_crash_after_commit() {
    check(Failure::DeadLetter, Moment::AfterCommit, 1).await;
}

#[tokio::test]
async fn dead_letter_rebalance() {
    check(Failure::DeadLetter, Moment::Rebalance, 2).await;
}

#[tokio::test]
async fn dead_letter_shutdown() {
    check(Failure::DeadLetter, Moment::Stop, 1).await;
}
