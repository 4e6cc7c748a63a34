//! Dead letters that are replayed: which ones, where to, as what, and each of them once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use eventwright::headers::{
    ATTEMPT, ERROR, EVENT, FAILURE_REASON, FIRST_FAILED_AT, GROUP, MESSAGE_ID, ORIGINAL_OFFSET, ORIGINAL_PARTITION,
    ORIGINAL_TOPIC, SCHEMA_VERSION,
};
use eventwright::replay::{
    self, Cursor, Entry, Letter, Payloads, Purgeable, REPLAYED_FROM, Replay, ReplayBuilder, Request, Verdict,
};
use eventwright::{Consumer, Context, Event, Outcome, Producer};
use eventwright_codegen_tests::migration::{FareQuoted, fare_quoted};
use eventwright_platform::events::OrderCreated;
use eventwright_platform::events::order_created::v1;
use tokio::sync::mpsc::unbounded_channel;

use crate::raw::{self, Bytes, create_topic, read_committed, record_of, write_all};
use crate::world::{World, consume, order_v1, order_v1_as_v2, order_v2, take, within};

pub(crate) const ORDERS: &str = OrderCreated::TOPIC;
pub(crate) const DLQ: &str = "orders_dlq";

/// When the letters of these tests died, in milliseconds: a second apart.
const DIED: i64 = 1_770_091_506_000;

/// A world with the two topics.
pub(crate) async fn world() -> World {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    create_dlq(&world).await;
    world
}

/// Makes the topic of dead letters, which keeps letters that are older than Kafka's usual week.
async fn create_dlq(world: &World) {
    raw::create_topic_with(world, DLQ, &[("retention.ms", "-1")]).await;
}

/// A dead letter of that number, of which each is of a key of its own.
pub(crate) fn dead(world: &World, number: u32, more: &[(&str, &str)]) -> Bytes {
    let own = [
        (MESSAGE_ID, format!("id-{number}")),
        (ORIGINAL_TOPIC, format!("{}{ORDERS}", world.prefix)),
        (ORIGINAL_PARTITION, "0".into()),
        (ORIGINAL_OFFSET, number.to_string()),
        (FAILURE_REASON, "handler".into()),
        (ERROR, "out of stock".into()),
        (ATTEMPT, "3".into()),
        (FIRST_FAILED_AT, "2026-02-03T04:05:06Z".into()),
        (GROUP, "g".into()),
    ];
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let headers = own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.into_bytes()));
    Bytes {
        partition: None,
        timestamp: Some(DIED + i64::from(number) * 1000),
        key: format!("key-{number}").into_bytes(),
        value: format!("value-{number}").into_bytes(),
        headers: headers.collect(),
    }
}

pub(crate) fn builder(world: &World) -> ReplayBuilder {
    Replay::builder(&world.settings).dlq(world.group(DLQ))
}

/// Runs a replay and returns what it told of, as ids, with the numbers.
async fn run(builder: ReplayBuilder) -> (Vec<Entry>, replay::Report) {
    let mut entries = Vec::new();
    let report = within(builder.run(|entry| entries.push(entry))).await.unwrap();
    (entries, report)
}

fn ids(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.letter.id.as_deref().unwrap_or("none")).collect()
}

/// The ids of the records of a topic, sorted.
pub(crate) async fn ids_in(world: &World, topic: &str) -> Vec<String> {
    let records = within(read_committed(world, topic)).await;
    let mut ids: Vec<_> = records.iter().map(|(_, record)| record.header(MESSAGE_ID).unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_filter_selects_the_oldest_first_and_a_dry_run_lists_what_a_real_run_writes() {
    let world = world().await;
    let letters: Vec<_> = (0..12)
        .map(|number| {
            let event = if number % 2 == 0 { "OrderCreated" } else { "OrderPaid" };
            let mut letter = dead(&world, number, &[(EVENT, event)]);
            if number % 3 == 0 {
                letter.headers.iter_mut().find(|(name, _)| name == FAILURE_REASON).unwrap().1 = b"rejected".to_vec();
            }
            letter
        })
        .collect();
    write_all(&world, DLQ, &letters).await;
    let dlq = world.group(DLQ);
    let check = async |json: &str, expected: &[u32]| {
        let request: Request = serde_json::from_str(json).unwrap();
        let expected: Vec<_> = expected.iter().map(|number| format!("id-{number}")).collect();
        let (entries, report) = run(builder(&world).request(request.clone()).dry_run()).await;
        assert_eq!(ids(&entries), expected, "{json}");
        assert_eq!(report.replayed, u64::try_from(expected.len()).unwrap());
        if request.max_messages.is_none() {
            let page = replay::list(&world.settings, &dlq, &request, (&Cursor::default(), 100), Payloads::Omitted)
                .await
                .unwrap();
            let listed: Vec<_> = page.letters.iter().map(|listed| listed.letter.id.clone().unwrap()).collect();
            assert_eq!(listed, expected, "{json}");
            let stats = replay::stats(&world.settings, &dlq, &request).await.unwrap();
            assert_eq!(stats.total, report.replayed, "{json}");
        }
    };
    check("{}", &(0..12).collect::<Vec<_>>()).await;
    check(r#"{"event_ids": ["id-7", "id-2", "nobody"]}"#, &[2, 7]).await;
    check(r#"{"reasons": ["rejected"]}"#, &[0, 3, 6, 9]).await;
    check(r#"{"events": ["OrderCreated"], "reasons": ["rejected"]}"#, &[0, 6]).await;
    check(r#"{"start_time": "2026-02-03T04:05:10Z", "end_time": "2026-02-03T04:05:12Z"}"#, &[4, 5]).await;
    check(r#"{"max_messages": 5}"#, &[0, 1, 2, 3, 4]).await;
    check(r#"{"events": ["OrderPaid"], "max_messages": 2}"#, &[1, 3]).await;
    assert!(ids_in(&world, ORDERS).await.is_empty(), "a dry run writes nothing");

    for json in [r#"{"events": ["OrderPaid"], "max_messages": 2}"#, r#"{"reasons": ["rejected"]}"#, "{}"] {
        let request: Request = serde_json::from_str(json).unwrap();
        let (listed, _) = run(builder(&world).request(request.clone()).dry_run()).await;
        let (written, _) = run(builder(&world).request(request)).await;
        assert_eq!(written, listed, "{json}");
    }
    let mut all: Vec<_> = (0..12).map(|number| format!("id-{number}")).collect();
    all.sort();
    assert_eq!(ids_in(&world, ORDERS).await, all, "each once, though some were meant twice");
}

#[tokio::test]
async fn a_copy_is_what_the_record_was_and_says_that_it_was_replayed() {
    let world = world().await;
    let mut letter = dead(&world, 7, &[("tenant", "acme"), (EVENT, "OrderCreated")]);
    letter.key = b"\xff\0key".to_vec();
    letter.value = b"\0\xffbytes".to_vec();
    letter.partition = Some(2);
    write_all(&world, DLQ, std::slice::from_ref(&letter)).await;
    // The same key, written by a producer.
    let twin = Bytes { partition: None, headers: Vec::new(), ..letter.clone() };
    create_topic(&world, "twins").await;
    write_all(&world, "twins", &[twin]).await;
    let (entries, report) = run(builder(&world)).await;
    assert_eq!((ids(&entries), report.replayed), (vec!["id-7"], 1));

    let records = within(read_committed(&world, ORDERS)).await;
    let [((partition, _), record)] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&record.key, &record.value), (&letter.key, &letter.value));
    let headers: Vec<_> = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let place = format!("{}/2/0", world.group(DLQ));
    assert_eq!(
        headers,
        [(EVENT, "OrderCreated"), (MESSAGE_ID, "id-7"), (REPLAYED_FROM, place.as_str()), ("tenant", "acme")]
    );
    let twins = within(read_committed(&world, "twins")).await;
    assert_eq!(twins[0].0.0, *partition, "a key has one partition, whoever writes it");

    let (entries, report) = run(builder(&world)).await;
    assert_eq!((entries.len(), report.replayed, report.already_replayed), (0, 0, 1), "and it is not written again");
    assert_eq!(ids_in(&world, ORDERS).await, ["id-7"]);
}

#[tokio::test]
async fn of_two_replays_at_once_one_takes_over_and_each_letter_is_written_once() {
    let world = world().await;
    let letters: Vec<_> = (0..2000).map(|number| dead(&world, number, &[])).collect();
    write_all(&world, DLQ, &letters).await;
    let replays = (0..3).map(|_| builder(&world).max_per_second(4000).run(drop));
    let ends: Vec<_> = within(futures_of(replays)).await;
    let texts: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).map(ToString::to_string).collect();
    assert!(texts.len() < 3 && texts.iter().all(|text| text.contains("another replay of")), "{texts:?}");
    let expected: BTreeSet<_> = (0..2000).map(|number| format!("id-{number}")).collect();
    let written = ids_in(&world, ORDERS).await;
    assert_eq!((written.len(), written.into_iter().collect::<BTreeSet<_>>()), (2000, expected));
}

/// Runs all at once, each as a task of its own.
async fn futures_of<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    ends
}

#[tokio::test]
async fn a_handler_that_was_mended_handles_what_it_had_given_up() {
    let world = World::new().await;
    create_topic(&world, ORDERS).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 0..6 {
        producer.send(&order_v2(number)).await.unwrap();
    }
    let group = world.group("g");
    let (sender, mut receiver) = unbounded_channel();
    let dead = sender.clone();
    let broken = Consumer::builder(&world.settings).group(&group).on(move |order: OrderCreated, _: Context| {
        let number = order.order_id.as_u128();
        let _ = sender.send(number);
        std::future::ready(if number < 3 { Outcome::Reject("no stock".into()) } else { Outcome::Done })
    });
    let stats = broken.stats();
    let all_dead = async {
        take(&mut receiver, 6).await;
        while stats.dead_lettered() < 3 {
            tokio::task::yield_now().await;
        }
    };
    consume(broken, all_dead).await.unwrap();
    let (entries, _) = run(builder(&world).reason("rejected")).await;
    assert_eq!(entries.len(), 3);
    let mended = Consumer::builder(&world.settings).group(&group).on(move |order: OrderCreated, context: Context| {
        let _ = dead.send(order.order_id.as_u128());
        assert!(context.header(REPLAYED_FROM).is_some() && context.header(FAILURE_REASON).is_none());
        std::future::ready(Outcome::Done)
    });
    let mut handled = consume(mended, take(&mut receiver, 3)).await.unwrap();
    handled.sort_unstable();
    assert_eq!(handled, [0, 1, 2]);
}

/// Dead letters of orders of version 1, 2, and of bytes that are none.
async fn write_orders(world: &World) {
    let mut letters: Vec<_> = (1..=3).map(|number| dead(world, number, &[(SCHEMA_VERSION, "1")])).collect();
    letters[0].value = record_of(world, &order_v1(1)).await;
    letters[1].value = record_of(world, &order_v2(2)).await;
    letters[2].value = b"garbage".to_vec();
    for (number, letter) in (1_u128..).zip(&mut letters) {
        letter.key = order_v2(number).key().unwrap().as_bytes().to_vec();
    }
    write_all(world, DLQ, &letters).await;
}

/// Takes two orders from the topic by a consumer of the newest version, with the writer's version of each.
async fn handled(world: &World) -> Vec<(OrderCreated, Option<u32>)> {
    let (sender, mut receiver) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("after")).on(crate::world::collect(&sender));
    let mut handled = consume(consumer, take(&mut receiver, 2)).await.unwrap();
    handled.sort_by_key(|(order, _): &(OrderCreated, _)| order.order_id);
    handled
}

#[tokio::test]
async fn a_typed_function_mends_any_version_and_writes_the_newest() {
    let world = world().await;
    write_orders(&world).await;
    let fix = |mut order: OrderCreated, letter: &Letter| {
        if order.order_id.as_u128() == 2 {
            return Err(format!("not this one: {}", letter.error().unwrap_or_default()));
        }
        order.discount_code = Some("MENDED".into());
        Ok(order)
    };
    let (entries, report) = run(builder(&world).fix(fix)).await;
    let verdicts: Vec<_> = entries.iter().map(|entry| entry.verdict.clone()).collect();
    let [Verdict::Replay { to, .. }, Verdict::Refused(by_function), Verdict::Refused(unreadable)] = &verdicts[..]
    else {
        panic!("{verdicts:?}")
    };
    assert_eq!((to, by_function.as_str()), (&world.group(ORDERS), "not this one: out of stock"));
    assert!(unreadable.starts_with("it cannot be decoded: "), "{unreadable}");
    assert_eq!((report.replayed, report.refused), (1, 2));
    let (_, report) = run(builder(&world).fix(|order: OrderCreated, _: &Letter| Ok::<_, String>(order))).await;
    assert_eq!(
        (report.replayed, report.refused, report.already_replayed),
        (1, 1, 1),
        "what was refused is still there"
    );

    let mended = OrderCreated { discount_code: Some("MENDED".into()), ..order_v1_as_v2(1) };
    assert_eq!(handled(&world).await, [(mended, Some(2)), (order_v2(2), Some(2))]);
    for (_, record) in within(read_committed(&world, ORDERS)).await {
        let expected = (Some("2"), Some("OrderCreated"));
        assert_eq!((record.header(SCHEMA_VERSION), record.header(EVENT)), expected);
    }
}

#[tokio::test]
async fn what_was_written_before_a_migration_becomes_the_newest_version_by_the_chain() {
    let world = World::without_schemas().await;
    let quotes = FareQuoted::TOPIC;
    create_topic(&world, quotes).await;
    create_dlq(&world).await;
    // A registry knows nothing of migrations.
    world.client.set_level(None, "NONE").await.unwrap();
    let schemas = [fare_quoted::v1::FareQuoted::SCHEMA, FareQuoted::SCHEMA];
    eventwright::register(&world.client, Some(&world.prefix), &schemas).await.unwrap();
    let topic = world.group(quotes);
    let mut letters: Vec<_> = (0..2).map(|number| dead(&world, number, &[])).collect();
    for (letter, fare) in letters.iter_mut().zip(["12.50", "much"]) {
        let old = fare_quoted::v1::FareQuoted { trip: "7".into(), fare: fare.into() };
        letter.value = record_of(&world, &old).await;
        letter.headers.iter_mut().find(|(name, _)| name == ORIGINAL_TOPIC).unwrap().1 = topic.clone().into_bytes();
    }
    write_all(&world, DLQ, &letters).await;
    let (entries, report) = run(builder(&world).fix(|quote: FareQuoted, _: &Letter| Ok::<_, String>(quote))).await;
    assert_eq!((report.replayed, report.refused), (1, 1));
    let refused =
        |entry: &Entry| matches!(&entry.verdict, Verdict::Refused(why) if why.contains("the fare is no number"));
    assert!(refused(&entries[1]), "{entries:?}");
    let newest = FareQuoted { trip: 7, cents: 1250, currency: "EUR".into() };
    let records = within(read_committed(&world, quotes)).await;
    assert_eq!(records[0].1.value, record_of(&world, &newest).await);
    assert_eq!((records.len(), records[0].1.header(SCHEMA_VERSION)), (1, Some("4")));
}

#[tokio::test]
async fn a_program_of_ones_own_is_a_function_and_a_ready_main() {
    let world = world().await;
    write_orders(&world).await;
    let dlq = world.group(DLQ);
    let program = |arguments: &[&str]| {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_mend_orders"))
            .arg(&dlq)
            .args(arguments)
            .env("EVENTWRIGHT_BOOTSTRAP", &world.settings.bootstrap)
            .env("EVENTWRIGHT_REGISTRY", &world.settings.registry.url)
            .env("EVENTWRIGHT_PREFIX", &world.prefix)
            .output()
    };
    let dry = within(program(&["--format", "json", "--dry-run"])).await.unwrap();
    let real = within(program(&["--format", "json"])).await.unwrap();
    assert_eq!(real.status.code(), Some(100), "the third is none: {real:?}");
    assert_eq!((real.stdout.iter().filter(|byte| **byte == b'\n').count(), &real.stdout), (3, &dry.stdout));
    let numbers = String::from_utf8(real.stderr).unwrap();
    assert_eq!(numbers.trim(), "2 replayed, 1 refused and left");
    assert_eq!(handled(&world).await, [(order_v1_as_v2(1), Some(2)), (order_v2(2), Some(2))]);
    let wrong = within(program(&["--max", "0"])).await.unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[tokio::test]
async fn a_function_that_changes_the_key_field_changes_the_key() {
    let world = world().await;
    write_orders(&world).await;
    let fix = |order: OrderCreated, _: &Letter| {
        let order_id = eventwright::wire::uuid::Uuid::from_u128(order.order_id.as_u128() + 10);
        Ok::<_, String>(OrderCreated { order_id, ..order })
    };
    run(builder(&world).fix(fix)).await;
    for (_, record) in within(read_committed(&world, ORDERS)).await {
        let key = String::from_utf8(record.key).unwrap();
        assert!(key.ends_with("00b") || key.ends_with("00c"), "{key}");
    }
}

#[tokio::test]
async fn without_generated_code_the_newest_registered_schema_is_written() {
    let world = world().await;
    write_orders(&world).await;
    let (entries, report) = run(builder(&world).upgrade()).await;
    assert_eq!((report.replayed, report.refused), (2, 1));
    let refused: Vec<_> = entries.iter().filter(|entry| matches!(entry.verdict, Verdict::Refused(_))).collect();
    assert_eq!(refused[0].letter.id.as_deref(), Some("id-3"));
    assert_eq!(handled(&world).await, [(order_v1_as_v2(1), Some(2)), (order_v2(2), Some(2))]);
    let newest = raw::id_of::<OrderCreated>(&world).await;
    for (_, record) in within(read_committed(&world, ORDERS)).await {
        assert!(record.value.starts_with(&raw::framed(newest, &[])), "{:?}", record.value);
    }
    assert_ne!(newest, raw::id_of::<v1::OrderCreated>(&world).await);
}

#[tokio::test]
async fn foreign_records_are_shown_counted_and_left_unless_a_topic_is_named() {
    let world = world().await;
    let mut letters: Vec<_> = (0..4).map(|number| dead(&world, number, &[])).collect();
    letters[0].headers.clear();
    letters[1].headers.iter_mut().find(|(name, _)| name == ORIGINAL_OFFSET).unwrap().1 = vec![0xff, 0];
    letters[2].headers.iter_mut().find(|(name, _)| name == ORIGINAL_TOPIC).unwrap().1 = b"__consumer_offsets".to_vec();
    write_all(&world, DLQ, &letters).await;
    let (entries, report) = run(builder(&world)).await;
    assert_eq!((report.replayed, report.foreign), (1, 3));
    let foreign: Vec<_> = entries.iter().filter_map(|entry| entry.letter.foreign.as_deref()).collect();
    let expected = ["no header `ew-original-topic`", "no header `ew-original-offset`", "names no topic"];
    assert!(foreign.iter().zip(expected).all(|(why, expected)| why.contains(expected)), "{foreign:?}");
    let stats = replay::stats(&world.settings, &world.group(DLQ), &Request::default()).await.unwrap();
    assert_eq!((stats.total, stats.foreign, stats.replayed), (4, 3, 1));

    create_topic(&world, "elsewhere").await;
    let (_, report) = run(builder(&world).to(world.group("elsewhere"))).await;
    assert_eq!((report.replayed, report.already_replayed), (3, 1));
    let values: BTreeSet<_> =
        within(read_committed(&world, "elsewhere")).await.into_iter().map(|(_, record)| record.value).collect();
    assert_eq!(values, BTreeSet::from([b"value-0".to_vec(), b"value-1".to_vec(), b"value-2".to_vec()]));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_the_rest_is_written() {
    let world = World::new().await;
    create_dlq(&world).await;
    raw::create_topic_with(&world, ORDERS, &[("max.message.bytes", "2000")]).await;
    let mut letters: Vec<_> = (0..5).map(|number| dead(&world, number, &[])).collect();
    // Nothing that a codec could make small.
    letters[2].value = (0..4000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let nowhere = world.group("nowhere");
    letters[3].headers.iter_mut().find(|(name, _)| name == ORIGINAL_TOPIC).unwrap().1 = nowhere.clone().into_bytes();
    write_all(&world, DLQ, &letters).await;
    let (entries, report) = run(builder(&world).max_messages(4)).await;
    assert_eq!((report.replayed, report.refused), (3, 2), "{entries:?}");
    assert_eq!(ids(&entries), ["id-0", "id-1", "id-2", "id-3", "id-4"]);
    let refused: Vec<_> = entries
        .iter()
        .filter_map(|entry| if let Verdict::Refused(why) = &entry.verdict { Some(why.as_str()) } else { None })
        .collect();
    assert!(refused[0].starts_with("the broker does not take it: "), "{refused:?}");
    assert_eq!(refused[1], format!("the topic `{nowhere}` does not exist"), "and a header makes none");
    assert_eq!(ids_in(&world, ORDERS).await, ["id-0", "id-1", "id-4"]);
}

#[tokio::test]
async fn a_stop_keeps_what_is_ready_and_the_pace_is_kept() {
    let world = world().await;
    let letters: Vec<_> = (0..40).map(|number| dead(&world, number, &[])).collect();
    write_all(&world, DLQ, &letters).await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (mut stop, mut count) = (Some(stop), 0);
    let begun = Instant::now();
    let observe = |_: Entry| {
        count += 1;
        if count == 10 {
            stop.take().unwrap().send(()).unwrap();
        }
    };
    let stopped = async { stopped.await.unwrap() };
    let report = within(builder(&world).max_per_second(20).run_until(stopped, observe)).await.unwrap();
    assert!(report.interrupted && report.replayed >= 10 && report.replayed < 40, "{report:?}");
    assert!(begun.elapsed() >= Duration::from_millis(450), "10 of 20 a second take as long, at least");
    let (_, rest) = run(builder(&world)).await;
    assert_eq!(rest.replayed + report.replayed, 40);
    assert_eq!(ids_in(&world, ORDERS).await.len(), 40);
}

#[tokio::test]
async fn lists_have_pages_and_what_was_replayed_can_be_deleted() {
    let world = world().await;
    let letters: Vec<_> = (0..30).map(|number| dead(&world, number, &[])).collect();
    write_all(&world, DLQ, &letters).await;
    let (dlq, settings) = (world.group(DLQ), &world.settings);
    run(builder(&world).max_messages(20)).await;
    let (mut from, mut listed) = (Cursor::default(), Vec::new());
    loop {
        let page =
            within(replay::list(settings, &dlq, &Request::default(), (&from, 7), Payloads::Omitted)).await.unwrap();
        assert!(page.letters.len() == 7 || page.next.is_none());
        listed.extend(page.letters.into_iter().map(|listed| (listed.letter.id.unwrap(), listed.replayed)));
        let Some(next) = page.next else { break };
        from = next.to_string().parse().unwrap();
    }
    let expected: Vec<_> = (0..30).map(|number| (format!("id-{number}"), number < 20)).collect();
    assert_eq!(listed, expected);

    let plan = within(replay::plan_purge(settings, &dlq, &Purgeable::Replayed)).await.unwrap();
    assert_eq!(plan.totals(), (20, 0), "the oldest were replayed, so that each partition begins with them");
    within(plan.carry_out(settings)).await.unwrap();
    let stats = within(replay::stats(settings, &dlq, &Request::default())).await.unwrap();
    assert_eq!((stats.total, stats.replayed), (10, 0));
    let ledger: BTreeSet<_> = tombstones(&world).await;
    assert_eq!(ledger.len(), 20, "the ledger forgets what is gone");

    let time = "2026-02-03T04:05:30Z".parse().unwrap();
    let plan = within(replay::plan_purge(settings, &dlq, &Purgeable::DiedBefore(time))).await.unwrap();
    assert_eq!(plan.totals(), (4, 4));
    let (_, report) = run(builder(&world)).await;
    assert_eq!((report.replayed, report.already_replayed), (10, 0));
}

/// Returns the keys whose newest record in the ledger has no value.
async fn tombstones(world: &World) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    for record in raw::read(world, "orders_dlq_replayed", 40).await {
        if record.value.is_empty() {
            keys.insert(record.key)
        } else {
            keys.remove(&record.key)
        };
    }
    keys
}
