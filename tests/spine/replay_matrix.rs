//! A replay that goes away at each moment of a transaction, which a proxy before Kafka holds: each letter is written once for whoever
//! reads what is committed, whatever went before. `tests/harness/matrix.rs` does the same for retries and dead letters.
//!
//! Ten of thirty letters are replayed; the other twenty are one transaction, copies and ledger, of the replay that goes away.
//!
//! | cell | what is held | what becomes of the replay | of its twenty copies, written | committed |
//! |---|---|---|---|---|
//! | crash before produce | the first request that writes | its process is killed | 0 | 0 |
//! | crash after produce | the answer to it | its process is killed | 1 to 20 | 0 |
//! | crash before commit | the request to commit | its process is killed | 20 | 0 |
//! | crash after commit | the answer to it | its process is killed | 20 | 20 |
//! | rebalance | the request to commit | another one takes over, and then its request goes on and is refused | 20 | 0 |
//! | shutdown | the request to commit | it is asked to stop, and ends when the request has gone on | all that it had begun | all |
//!
//! Behind each: what the table says is committed, the next replay says it has found replayed; it writes the others; each letter is
//! there once; and a dry run has nothing to list.

use std::io::Write as _;

use eventwright::Settings;
use eventwright::replay::{Replay, Report};

use crate::process::Process;
use crate::proxy::{Api, Held, Proxy};
use crate::raw::{self, read_committed, read_uncommitted};
use crate::replay::{DLQ, ORDERS, builder, dead, ids_in, world};
use crate::world::{World, within};

const COUNT: usize = 30;

/// How many are replayed before.
const BEFORE: usize = 10;

/// By which the process knows that it is the one: bootstrap, registry and the topic of dead letters.
const PLACE: &str = "EVENTWRIGHT_TEST_REPLAY_MATRIX";

/// The name of the test below that is the body of the process.
const BODY: &str = "replay_matrix::body_of_the_replay";

#[tokio::test]
async fn crash_before_produce() {
    crash(Held::Request(Api::Produce), |written| written == BEFORE, BEFORE).await;
}

#[tokio::test]
async fn crash_after_produce() {
    crash(Held::Answer(Api::Produce), |written| written > BEFORE, BEFORE).await;
}

#[tokio::test]
async fn crash_before_commit() {
    crash(Held::Request(Api::EndTxn), |written| written == COUNT, BEFORE).await;
}

#[tokio::test]
async fn crash_after_commit() {
    crash(Held::Answer(Api::EndTxn), |written| written == COUNT, COUNT).await;
}

/// Kills the process of a replay while this is held of it; so many records are written then, and so many are committed.
async fn crash(held: Held, is_expected: impl Fn(usize) -> bool, committed: usize) {
    let world = letters().await;
    let proxy = Proxy::start(&world.settings.bootstrap, held).await;
    let dlq = world.group(DLQ);
    let process = Process::start(BODY, PLACE, &[&proxy.bootstrap, &world.settings.registry.url, &dlq]);
    within(proxy.holds()).await;
    // Of several requests that write, others may still be on their way.
    let written = within(until(async || read_uncommitted(&world, ORDERS).await.len(), is_expected));
    assert!(written.await >= committed);
    process.kill().await;
    // What is committed becomes visible a moment later.
    within(until(async || read_committed(&world, ORDERS).await.len(), |visible| visible == committed)).await;
    check_rest(&world, committed).await;
}

#[tokio::test]
#[ignore = "the process that tests above start and kill"]
async fn body_of_the_replay() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [bootstrap, registry, dlq] = place.split(' ').collect::<Vec<_>>()[..] else { panic!("{place}") };
    let report = Replay::builder(&Settings::new(bootstrap, registry)).dlq(dlq).run(drop).await;
    writeln!(std::io::stdout(), "it ended before it was killed: {report:?}").unwrap();
}

#[tokio::test]
async fn rebalance() {
    let world = letters().await;
    let proxy = Proxy::start(&world.settings.bootstrap, Held::Request(Api::EndTxn)).await;
    let first = tokio::spawn(through(&proxy, &world).run(drop));
    within(proxy.holds()).await;
    assert_eq!(read_uncommitted(&world, ORDERS).await.len(), COUNT);
    check_rest(&world, BEFORE).await;
    proxy.open();
    let error = within(first).await.unwrap().unwrap_err().to_string();
    assert!(error.contains("another replay of") && error.contains("has begun, and this one ends"), "{error}");
    check_rest(&world, COUNT).await;
}

#[tokio::test]
async fn shutdown() {
    let world = letters().await;
    let proxy = Proxy::start(&world.settings.bootstrap, Held::Request(Api::EndTxn)).await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    // At this pace the last letter's turn comes after the first transaction, so that the stop comes in the middle.
    let replay = through(&proxy, &world).max_per_second(10);
    let running = tokio::spawn(replay.run_until(async { stopped.await.unwrap() }, drop));
    within(proxy.holds()).await;
    stop.send(()).unwrap();
    proxy.open();
    let Report { replayed, interrupted, .. } = within(running).await.unwrap().unwrap();
    let replayed = usize::try_from(replayed).unwrap();
    assert!(interrupted && (1..COUNT - BEFORE).contains(&replayed), "{replayed}");
    check_rest(&world, BEFORE + replayed).await;
}

/// Returns a world with all letters, of which the first ones are replayed.
async fn letters() -> World {
    let world = world().await;
    let letters: Vec<_> = (0..u32::try_from(COUNT).unwrap()).map(|number| dead(&world, number, &[])).collect();
    raw::write_all(&world, DLQ, &letters).await;
    let before = u64::try_from(BEFORE).unwrap();
    assert_eq!(within(builder(&world).max_messages(before).run(drop)).await.unwrap().replayed, before);
    world
}

/// Returns a replay that reaches Kafka through the proxy.
fn through(proxy: &Proxy, world: &World) -> eventwright::replay::ReplayBuilder {
    Replay::builder(&Settings::new(&proxy.bootstrap, &world.settings.registry.url)).dlq(world.group(DLQ))
}

/// Asks again until the answer is the expected one.
async fn until(ask: impl AsyncFn() -> usize, is_expected: impl Fn(usize) -> bool) -> usize {
    loop {
        let answer = ask().await;
        if is_expected(answer) {
            return answer;
        }
    }
}

/// Checks that the next replay finds so many replayed and writes the others, and that then each is there once.
async fn check_rest(world: &World, replayed: usize) {
    let report = within(builder(world).run(drop)).await.unwrap();
    let expected = [COUNT - replayed, replayed].map(|count| u64::try_from(count).unwrap());
    assert_eq!([report.replayed, report.already_replayed], expected);
    let mut all: Vec<_> = (0..COUNT).map(|number| format!("id-{number}")).collect();
    all.sort();
    assert_eq!(ids_in(world, ORDERS).await, all, "each once");
    let mut listed = Vec::new();
    let report = within(builder(world).dry_run().run(|entry| listed.push(entry))).await.unwrap();
    assert!(listed.is_empty() && report.replayed == 0, "{listed:?}");
    assert_eq!(report.already_replayed, u64::try_from(COUNT).unwrap(), "the letters stay");
}
