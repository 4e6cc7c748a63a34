//! Faults in an order that chance makes and a number repeats: whatever happens, no record is lost, and keys keep their order.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use eventwright::testing::{App, Harness, WriteFault};
use eventwright::{ConsumerBuilder, Context, Order, Outcome, Retry};
use eventwright_platform::events::OrderCreated;

use crate::in_memory;
use crate::service::{GROUP, consumer, order};

const N_RECORDS: u128 = 60;
const N_KEYS: u128 = 7;

/// How many orders of faults are tried: 20, or what `EVENTWRIGHT_TEST_SEEDS` says.
fn n_seeds() -> u64 {
    std::env::var("EVENTWRIGHT_TEST_SEEDS").map_or(20, |number| number.parse().expect("a number of seeds"))
}

/// A generator of numbers that look like chance: SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A consumer whose handler takes its time, and fails at every fifth record twice.
fn worker(harness: &Harness, retry: &Retry) -> ConsumerBuilder {
    let handler = |order: OrderCreated, context: Context| async move {
        tokio::time::sleep(Duration::from_millis(7)).await;
        let fails = order.quantity % 5 == 0 && context.attempt() <= 2;
        Ok(if fails { Outcome::Retry("no database".into()) } else { Outcome::Done })
    };
    consumer(&harness.settings(), handler).order(Order::Key).workers(4).retry(retry.clone())
}

/// Makes one fault, and lets some time pass.
async fn fault(harness: &Harness, chance: &mut Chance, apps: &mut Vec<App>, retry: &Retry) {
    match chance.below(8) {
        0 => {
            let app = apps.remove(usize::try_from(chance.below(2)).unwrap());
            app.crash().await;
            apps.push(harness.run(worker(harness, retry)));
        }
        1 => harness.rebalance(GROUP),
        2 => harness.fail_next_commit(GROUP),
        3 => {
            harness.stop_broker();
            harness.advance(Duration::from_millis(chance.below(5000))).await;
            harness.start_broker();
        }
        4 => harness.set_clock_back(Duration::from_millis(chance.below(500))),
        5 => harness.set_clock_forward(Duration::from_millis(chance.below(500))),
        _ => {
            let faults = [WriteFault::NotWritten, WriteFault::AckLost, WriteFault::AckLate(Duration::from_secs(3))];
            let topic = ["orders_retry", "orders_retry_1", "orders_retry_2"][usize::try_from(chance.below(3)).unwrap()];
            harness.fail_next_write(topic, faults[usize::try_from(chance.below(3)).unwrap()]);
        }
    }
    harness.advance(Duration::from_millis(chance.below(400))).await;
}

async fn survives(seed: u64, retry: &Retry) {
    let (harness, mut chance) = (in_memory().await, Chance(seed));
    let mut apps = vec![harness.run(worker(&harness, retry)), harness.run(worker(&harness, retry))];
    for number in 0..N_RECORDS {
        let quantity = i32::try_from(number).unwrap();
        harness.publish(&OrderCreated { quantity, ..order(number % N_KEYS, "ada") }).await;
    }
    for _ in 0..12 {
        fault(&harness, &mut chance, &mut apps, retry).await;
    }
    harness.settled().await;
    harness.group(GROUP).await.assert_committed_all();
    let calls = harness.calls(GROUP);
    calls.assert_key_order();
    let done = calls.list().iter().filter(|call| call.outcome == Some(Outcome::Done));
    let done: BTreeSet<_> = done.map(|call| (call.partition, call.offset)).collect();
    let written = harness.topic("orders").await;
    written.assert_count(usize::try_from(N_RECORDS).unwrap());
    let lost: Vec<_> =
        written.records().iter().filter(|record| !done.contains(&(record.partition, record.offset))).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    harness.topic("orders_dlq").await.assert_empty();
}

fn survive(retry: &Retry) {
    for seed in 0..n_seeds() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let survived = catch_unwind(AssertUnwindSafe(|| runtime.block_on(survives(seed, retry))));
        if let Err(panic) = survived {
            let text = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
            panic!("seed {seed}, {} retry topics: {text}", retry.topics);
        }
    }
}

#[test]
fn no_record_is_lost_whatever_happens_while_retries_wait_in_process() {
    survive(&Retry { jitter_percent: 0, ..Retry::in_process() });
}

#[test]
fn no_record_is_lost_whatever_happens_while_retries_wait_in_a_topic() {
    survive(&Retry { jitter_percent: 0, ..Retry::one_topic() });
}

#[test]
fn no_record_is_lost_whatever_happens_while_retries_wait_in_three_topics() {
    survive(&Retry::three_topics());
}
