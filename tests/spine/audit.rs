//! The audit stream of a consumer, beside what really happened: one line for each attempt's end, through a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventwright::{Consumer, Context, Event as _, Message, Outcome, Producer};
use eventwright_platform::events::OrderCreated;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::raw::{self, committed};
use crate::services::{self, Service, say};
use crate::world::{World, order_v2};

const COUNT: u128 = 120;

/// How many records are handled at a time.
const STEP: usize = 40;

const SERVICE: &str = "audit::body_of_the_service";

#[tokio::test]
async fn every_end_of_a_record_is_a_line_also_when_the_consumer_is_killed() {
    let world = World::new().await;
    let group = world.group("g");
    let written = produce(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tracker.events");
    let rest = [group.as_str(), path.to_str().unwrap()];

    let mut service = Service::start(&world, SERVICE, &rest);
    let mut handled = BTreeSet::<u128>::new();
    service.go_on().await;
    handled.extend(next(&mut service).await);
    while committed(&world, &group, OrderCreated::TOPIC).await.values().sum::<i64>() == 0 {}
    service.go_on().await;
    handled.extend(next(&mut service).await);
    service.kill().await;
    let at_crash = committed(&world, &group, OrderCreated::TOPIC).await;
    let lines = read(&path);
    let covered = written.iter().filter(|((partition, offset), _)| *offset < at_crash[partition]);
    let ended: BTreeSet<_> = lines.iter().filter(|line| is_end(line)).map(place).collect();
    for (place, number) in covered {
        assert!(ended.contains(place), "record {number} at {place:?} is committed and has no line");
    }

    let mut service = Service::start(&world, SERVICE, &rest);
    // Enough for all that was not committed.
    for _ in 0..3 {
        service.go_on().await;
    }
    while handled.len() < usize::try_from(COUNT).unwrap() {
        handled.insert(service.line().await.parse().unwrap());
    }
    raw::read(&world, &format!("{}_dlq", OrderCreated::TOPIC), usize::try_from(COUNT / 10).unwrap()).await;
    let errors = service.stop().await;
    check_lines(&world, &written, &read(&path));
    assert!(errors.is_empty() || !errors.contains("panicked"), "{errors}");
}

async fn next(service: &mut Service) -> Vec<u128> {
    let mut numbers = Vec::with_capacity(STEP);
    while numbers.len() < STEP {
        numbers.push(service.line().await.parse().unwrap());
    }
    numbers
}

/// Every record ends once, or once more where its end was not committed at the crash.
fn check_lines(world: &World, written: &BTreeMap<(i32, i64), u128>, lines: &[Value]) {
    let mut outcomes = BTreeMap::<(i32, i64), Vec<(String, u64)>>::new();
    for line in lines {
        let number = written[&place(line)];
        assert_eq!(line["topic"], format!("{}{}", world.prefix, OrderCreated::TOPIC));
        assert_eq!((line["event"].as_str(), line["group"].as_str()), (Some("OrderCreated"), Some(&*world.group("g"))));
        assert_eq!(line["message_id"], order_v2(number).order_id.to_string());
        assert_eq!(line["correlation_id"], format!("process-{number}"));
        assert!(line["duration_ms"].as_f64().unwrap() >= 0.0 && line["time"].as_str().unwrap().ends_with('Z'));
        let outcome = line["outcome"].as_str().unwrap().to_owned();
        let reason = (outcome == "dead_lettered").then_some("rejected");
        assert_eq!(line["reason"].as_str(), reason);
        assert_eq!(line.as_object().unwrap().len(), 12 - usize::from(reason.is_none()), "no payload: {line}");
        outcomes.entry(place(line)).or_default().push((outcome, line["attempt"].as_u64().unwrap()));
    }
    assert_eq!(outcomes.len(), written.len(), "no record without a line");
    for (place, outcomes) in outcomes {
        let expected: &[(&str, u64)] = match written[&place] % 10 {
            3 => &[("rejected", 1), ("dead_lettered", 1)],
            7 => &[("retried", 1), ("handled", 2)],
            _ => &[("handled", 1)],
        };
        let found: Vec<_> = outcomes.iter().map(|(outcome, attempt)| (outcome.as_str(), *attempt)).collect();
        // What the crash cut off is told as far as it came, and then told again from the beginning.
        let tail = found.len().checked_sub(expected.len()).and_then(|cut| found.get(cut..));
        assert_eq!(tail, Some(expected), "{place:?}: {found:?}");
        let cut = &found[..found.len() - expected.len()];
        assert!(cut.is_empty() || expected.starts_with(cut), "{place:?}: {found:?}");
    }
}

fn is_end(line: &Value) -> bool {
    matches!(line["outcome"].as_str(), Some("handled" | "dead_lettered"))
}

fn place(line: &Value) -> (i32, i64) {
    (i32::try_from(line["partition"].as_i64().unwrap()).unwrap(), line["offset"].as_i64().unwrap())
}

fn read(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    // The last line may be cut where the process was killed.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn produce(world: &World) -> BTreeMap<(i32, i64), u128> {
    let producer = Producer::connect(&world.settings).await.unwrap();
    let mut written = BTreeMap::new();
    for number in 0..COUNT {
        let order = order_v2(number);
        let message = Message::new(&order).correlation_id(format!("process-{number}"));
        let delivery = producer.send(message).await.unwrap();
        written.insert((delivery.partition, delivery.offset), number);
    }
    written
}

#[tokio::test]
#[ignore = "the process that the test above starts and kills"]
async fn body_of_the_service() {
    let Some((mut settings, rest)) = services::place() else { return };
    settings.audit.file = Some(rest[1].clone().into());
    let permits = Arc::new(Semaphore::new(0));
    let more = Arc::clone(&permits);
    let handler = move |order: OrderCreated, context: Context| {
        let (number, permits) = (order.order_id.as_u128(), Arc::clone(&permits));
        async move {
            if number % 10 == 7 && context.attempt() == 1 {
                return Outcome::Retry("not yet".into());
            }
            permits.acquire().await.unwrap().forget();
            say(&number.to_string());
            if number % 10 == 3 { Outcome::Reject("no such product".into()) } else { Outcome::Done }
        }
    };
    let stop = services::told(move || more.add_permits(STEP));
    Consumer::builder(&settings).group(&rest[0]).on(handler).run_until(stop).await.unwrap();
}
