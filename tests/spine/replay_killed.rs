//! A replay that is killed in the middle, and one that is started again: each dead letter is in the topic that it came
//! from exactly once, for whoever reads what is committed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use eventwright::Settings;
use eventwright::replay::Replay;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::Notify;

use crate::replay::{DLQ, ORDERS, builder, dead, ids_in, world};
use crate::world::{World, within};

const COUNT: u32 = 4000;

/// By which the process knows that it is the one: bootstrap, registry and the topic of dead letters.
const PLACE: &str = "EVENTWRIGHT_TEST_REPLAY_KILLED";

/// The name of the test below that is the body of the process.
const BODY: &str = "replay_killed::body_of_the_replay";

/// A world with so many letters.
async fn world_of_letters() -> World {
    let world = world().await;
    let letters: Vec<_> = (0..COUNT).map(|number| dead(&world, number, &[])).collect();
    crate::raw::write_all(&world, DLQ, &letters).await;
    world
}

/// Checks that each letter was written once, of which the interrupted replay had told of these.
async fn check(world: &World, told: &BTreeSet<String>) {
    let before = ids_in(world, ORDERS).await;
    let written: BTreeSet<_> = before.iter().cloned().collect();
    assert_eq!(before.len(), written.len(), "the replay that was killed wrote nothing twice");
    assert!(told.is_subset(&written), "what it told of is written");
    assert!(!told.is_empty() && written.len() < COUNT as usize, "it was killed in the middle: {}", written.len());
    let report = within(builder(world).run(drop)).await.unwrap();
    // What was written at the moment of the kill may not have been visible yet.
    let all = ids_in(world, ORDERS).await;
    assert_eq!(report.replayed + report.already_replayed, u64::from(COUNT));
    let expected: BTreeSet<_> = (0..COUNT).map(|number| format!("id-{number}")).collect();
    assert_eq!((all.len(), all.into_iter().collect::<BTreeSet<_>>()), (COUNT as usize, expected));
}

#[tokio::test]
async fn processes_that_are_killed_one_after_the_other_write_each_letter_once() {
    let world = world_of_letters().await;
    let mut told = BTreeSet::new();
    for _ in 0..3 {
        for id in told_before_kill(&world).await {
            assert!(told.insert(id), "one that was told of is in the ledger");
        }
    }
    check(&world, &told).await;
}

/// Starts a replay, kills its process, and returns the letters that it had told of.
async fn told_before_kill(world: &World) -> Vec<String> {
    let Settings { bootstrap, registry, .. } = &world.settings;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", BODY, "--ignored", "--nocapture"])
        .env(PLACE, [bootstrap, &registry.url, &world.group(DLQ)].map(String::as_str).join(" "))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    while told.len() < 300 {
        let line = within(lines.next_line()).await.unwrap().expect("the process ended before it was killed");
        told.extend(line.strip_prefix("replayed ").map(str::to_owned));
    }
    child.kill().await.unwrap();
    while let Some(line) = within(lines.next_line()).await.unwrap() {
        told.extend(line.strip_prefix("replayed ").map(str::to_owned));
    }
    told
}

#[tokio::test]
#[ignore = "the process that a test above starts and kills"]
async fn body_of_the_replay() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [bootstrap, registry, dlq] = place.split(' ').collect::<Vec<_>>()[..] else { panic!("{place}") };
    let replay = Replay::builder(&Settings::new(bootstrap, registry)).dlq(dlq).max_per_second(2000);
    // The test program prints the name of the test without an end of line.
    let tell = |entry: eventwright::replay::Entry| {
        writeln!(std::io::stdout(), "\nreplayed {}", entry.letter.id.unwrap_or_default()).unwrap();
    };
    replay.run(tell).await.unwrap();
}

#[tokio::test]
async fn a_future_that_is_dropped_leaves_nothing_half_written() {
    let world = world_of_letters().await;
    let told = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let reached = Arc::new(Notify::new());
    let observe = {
        let (told, reached) = (Arc::clone(&told), Arc::clone(&reached));
        move |entry: eventwright::replay::Entry| {
            let mut told = told.lock().unwrap();
            told.insert(entry.letter.id.unwrap());
            if told.len() >= 600 {
                reached.notify_one();
            }
        }
    };
    let running = tokio::spawn(builder(&world).max_per_second(2000).run(observe));
    within(reached.notified()).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let told = told.lock().unwrap().clone();
    check(&world, &told).await;
}
