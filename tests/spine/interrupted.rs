//! A consumer that is stopped in the middle, or whose process is killed: what it had not committed is handled again, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use eventwright::{Consumer, Context, Event as _, Outcome, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::{Semaphore, oneshot};

use crate::raw::{PARTITIONS, committed};
use crate::world::{World, consume, order_v2, take, within};

const COUNT: u128 = 200;

/// How many records the process handles before, and how many after the test has seen the first ones committed.
const EACH_HALF: usize = 60;

/// By which the process knows that it is the one: bootstrap, registry, prefix and group, separated by spaces.
const PLACE: &str = "EVENTWRIGHT_TEST_KILLED";

/// The name of the test below that is the body of the process.
const BODY: &str = "interrupted::body_of_the_process";

/// Partition and offset.
type Position = (i32, i64);

#[tokio::test]
async fn a_stop_lets_handlers_end_and_commits_what_they_did_and_nothing_else() {
    let world = World::new().await;
    let written = produce(&world).await;
    let group = world.group("g");
    let permits = Arc::new(Semaphore::new(EACH_HALF));
    let (sender, mut receiver) = unbounded_channel();
    let handler = {
        let permits = Arc::clone(&permits);
        move |_: OrderCreated, context: Context| {
            let (permits, sender) = (Arc::clone(&permits), sender.clone());
            async move {
                permits.acquire().await.unwrap().forget();
                let _ = sender.send((context.partition(), context.offset()));
                Outcome::Done
            }
        }
    };
    let (stop, stopped) = oneshot::channel();
    let (notice, noticed) = oneshot::channel();
    let consumer = Consumer::builder(&world.settings).group(&group).on(handler);
    let running = tokio::spawn(consumer.run_until(async {
        stopped.await.unwrap();
        notice.send(()).unwrap();
    }));
    let mut handled: BTreeSet<_> = within(take(&mut receiver, EACH_HALF)).await.into_iter().collect();
    stop.send(()).unwrap();
    within(noticed).await.unwrap();
    // Those that are running now, one a partition at the most, may end.
    permits.add_permits(usize::try_from(PARTITIONS).unwrap());
    within(running).await.unwrap().unwrap();
    while let Ok(position) = receiver.try_recv() {
        assert!(handled.insert(position), "{position:?} twice");
    }
    assert!(handled.len() <= EACH_HALF + usize::try_from(PARTITIONS).unwrap());

    let committed = committed(&world, &group, OrderCreated::TOPIC).await;
    assert_eq!(covered(&written, &committed), handled);
    check_rest(&world, &group, &written, &committed).await;
}

#[tokio::test]
async fn a_killed_consumer_repeats_what_it_had_not_committed_and_nothing_else() {
    let world = World::new().await;
    let written = produce(&world).await;
    let group = world.group("g");
    let mut process = Process::start(&world, &group);
    let mut handled = within(process.handled(EACH_HALF)).await;
    let first_half = i64::try_from(EACH_HALF).unwrap();
    let first_commit = async {
        loop {
            let committed = committed(&world, &group, OrderCreated::TOPIC).await;
            if committed.values().sum::<i64>() >= first_half {
                return committed;
            }
        }
    };
    let first_commit = within(first_commit).await;
    assert_eq!(covered(&written, &first_commit), handled, "what is only begun is not committed");
    process.go_on().await;
    handled.extend(within(process.handled(EACH_HALF)).await);
    process.child.kill().await.unwrap();
    assert_eq!(handled.len(), 2 * EACH_HALF, "the process itself repeats nothing");

    let committed = committed(&world, &group, OrderCreated::TOPIC).await;
    assert!(covered(&written, &committed).is_subset(&handled));
    check_rest(&world, &group, &written, &committed).await;
}

/// Returns the positions that are before the committed offsets.
fn covered(written: &BTreeSet<Position>, committed: &BTreeMap<i32, i64>) -> BTreeSet<Position> {
    written.iter().copied().filter(|(partition, offset)| *offset < committed[partition]).collect()
}

async fn produce(world: &World) -> BTreeSet<Position> {
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut written = BTreeSet::new();
    for number in 0..COUNT {
        let delivery = producer.send(&order_v2(number)).await.unwrap();
        written.insert((delivery.partition, delivery.offset));
    }
    written
}

/// Checks that a new consumer of the group gets exactly what was not committed.
async fn check_rest(world: &World, group: &str, written: &BTreeSet<Position>, committed: &BTreeMap<i32, i64>) {
    let expected: Vec<_> = written.difference(&covered(written, committed)).copied().collect();
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(group).on(move |_: OrderCreated, context: Context| {
        let _ = sender.send((context.partition(), context.offset()));
        ready(Outcome::Done)
    });
    let mut rest = consume(consumer, take(&mut receiver, expected.len())).await.unwrap();
    rest.sort_unstable();
    assert_eq!(rest, expected);
}

/// Another process of this test program, which consumes.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(world: &World, group: &str) -> Self {
        let Settings { bootstrap, registry, .. } = &world.settings;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", BODY, "--ignored", "--nocapture"])
            .env(PLACE, [bootstrap, &registry.url, &world.prefix, group].join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until the process has handled so many more records.
    async fn handled(&mut self, count: usize) -> BTreeSet<Position> {
        let mut handled = BTreeSet::new();
        while handled.len() < count {
            let line = self.lines.next_line().await.unwrap().expect("the process ended before it was killed");
            let Some(position) = line.strip_prefix("handled ") else { continue };
            let (partition, offset) = position.split_once(' ').unwrap();
            assert!(handled.insert((partition.parse().unwrap(), offset.parse().unwrap())), "{line} twice");
        }
        handled
    }

    async fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go on\n").await.unwrap();
    }
}

#[tokio::test]
#[ignore = "the process that a test above starts and kills"]
async fn body_of_the_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [bootstrap, registry, prefix, group] = place.split(' ').collect::<Vec<_>>()[..] else { panic!("{place}") };
    // Kafka waits so long before it gives the partitions of the dead to the living.
    let mut settings = Settings::new(bootstrap, registry).with_prefix(prefix).with_kafka("session.timeout.ms", "6000");
    settings.consumer.commit_interval = std::time::Duration::from_millis(100);
    let permits = Arc::new(Semaphore::new(EACH_HALF));
    let for_stdin = Arc::clone(&permits);
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines() {
            for_stdin.add_permits(EACH_HALF);
        }
    });
    let handler = move |_: OrderCreated, context: Context| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.unwrap().forget();
            // The test program prints the name of the test without an end of line.
            writeln!(std::io::stdout(), "\nhandled {} {}", context.partition(), context.offset()).unwrap();
            Outcome::Done
        }
    };
    Consumer::builder(&settings).group(group).on(handler).run().await.unwrap();
}
