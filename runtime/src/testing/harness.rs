//! A harness that runs the consumers of a service, and asks what came of it.
//!
//! In: settings, schemas, consumers, events, faults. Out: what is on topics, what groups have committed, how handlers were
//! called. In memory or on a live cluster: the same calls, but for faults, which a live cluster does not make on demand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eventwright_wire::{Event, EventSchema, RawRecord};
use rdkafka::message::{Header, OwnedHeaders};
use tokio::runtime::RuntimeFlavor;
use tokio::sync::OnceCell;

use super::app::{App, AppState};
use super::calls::Calls;
use super::group::GroupProgress;
use super::journal::{self, Book, Journal};
use super::published::Published;
use super::stand_in::StandIn;
use super::topic::Records;
use super::{clock, live};
use crate::broker::{self, NewRecord, NewTopic};
use crate::message::raw_record;
use crate::{ConsumerBuilder, Delivery, Error, Message, Producer, Settings, register};

/// The variable that says where [`Harness::from_env`] runs: `memory`, or `live`.
const VARIABLE: &str = "EVENTWRIGHT_TEST_HARNESS";

/// How many partitions a topic in memory has that nobody made.
const PARTITIONS: i32 = 3;

/// How long [`Harness::settled`] waits in memory, by a clock that costs nothing, and on a live cluster.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(60));

/// How often a live cluster is asked whether all is done.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Runs a service under test. See the [module](crate::testing).
pub struct Harness {
    settings: Settings,
    /// What topics, subjects and groups begin with: nothing in memory.
    prefix: String,
    /// What stands in for Kafka and the registry; `None` on a live cluster.
    stand_in: Option<StandIn>,
    producer: OnceCell<Producer>,
    consumers: Mutex<Vec<Running>>,
    /// By group, the calls of its consumers' handlers.
    books: Mutex<BTreeMap<String, Book>>,
    patience: Duration,
}

/// What is known of a consumer that was started.
struct Running {
    group: String,
    topics: Vec<Arc<str>>,
    state: Arc<Mutex<AppState>>,
}

impl Harness {
    /// Returns a harness in memory, where these schemas are registered. It stops tokio's clock: from then on time passes only
    /// while nobody has anything to do, and then at once.
    ///
    /// # Panics
    /// Outside of a single-threaded tokio runtime, which `#[tokio::test]` has; if a schema cannot be registered.
    pub async fn in_memory(schemas: &[&'static EventSchema]) -> Self {
        let flavor = tokio::runtime::Handle::current().runtime_flavor();
        let single = flavor == RuntimeFlavor::CurrentThread;
        assert!(
            single,
            "a harness in memory stops the clock, which takes one thread; help: use a plain `#[tokio::test]`"
        );
        clock::stop();
        let stand_in = StandIn::new(PARTITIONS, clock::start_of_tests());
        let mut settings = Settings::new("in-memory", "http://in-process").with_prefix("");
        settings.stand_in = Some(stand_in.clone());
        Self::new(settings, Some(stand_in), schemas).await
    }

    /// Returns a harness on the Kafka and the registry of these settings, where these schemas are registered. Topics, subjects
    /// and groups begin with a prefix that no other harness has; what was made there stays.
    ///
    /// # Panics
    /// If a schema cannot be registered.
    pub async fn live(settings: &Settings, schemas: &[&'static EventSchema]) -> Self {
        let prefix = unique(settings.prefix.as_deref().unwrap_or_default());
        Self::new(settings.clone().with_prefix(prefix), None, schemas).await
    }

    /// Returns a harness in memory; or, where `EVENTWRIGHT_TEST_HARNESS` is `live`, on the cluster of [`Settings::load`].
    ///
    /// # Panics
    /// As the other two; for another value of the variable, and for settings that cannot be loaded.
    pub async fn from_env(schemas: &[&'static EventSchema]) -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "memory") => Self::in_memory(schemas).await,
            Ok("live") => Self::live(&or_panic(Settings::load()), schemas).await,
            Ok(other) => panic!("expected `memory` or `live` in {VARIABLE}, found `{other}`"),
        }
    }

    async fn new(settings: Settings, stand_in: Option<StandIn>, schemas: &[&'static EventSchema]) -> Self {
        let registry = or_panic(settings.registry_client());
        or_panic(register(&registry, settings.prefix.as_deref(), schemas).await);
        let patience = if stand_in.is_some() { PATIENCE.0 } else { PATIENCE.1 };
        Self {
            prefix: settings.prefix.clone().unwrap_or_default(),
            settings,
            stand_in,
            producer: OnceCell::new(),
            consumers: Mutex::default(),
            books: Mutex::default(),
            patience,
        }
    }

    /// Sets how long [`Harness::settled`] waits, in place of an hour in memory and a minute on a live cluster.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Returns the settings for the service under test: hand them to the function that puts its consumer together.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// Returns whether this is a live cluster, where faults cannot be asked for.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stand_in.is_none()
    }

    /// Makes a topic; one that is there already stays as it is. Topics that nobody makes have three partitions in memory, and
    /// what the brokers have as their default on a live cluster.
    ///
    /// # Panics
    /// If the broker refuses it.
    pub async fn create_topic(&self, topic: &str, partitions: i32) {
        let new = NewTopic { name: self.name(topic), partitions: Some(partitions) };
        let refused = or_panic(broker::admin(&self.settings)).create_topics(&[new]).await;
        assert!(refused.is_empty(), "the topic `{topic}` was not made: {refused:?}");
    }

    /// Starts a consumer. Under a live harness its group gets the harness's prefix.
    ///
    /// # Panics
    /// If it was put together wrongly.
    pub fn run(&self, mut consumer: ConsumerBuilder) -> App {
        let (stats, name) = (consumer.stats(), consumer.prefix_group(&self.prefix));
        let (number, book) = (self.running().len(), self.book(&name));
        consumer.set_journal(Journal::of(&book, number));
        let consumer = or_panic(consumer.build());
        let (group, topics) = (consumer.group().to_owned(), consumer.topics());
        let app = App::start(name, (number, book), stats, |stopped| {
            consumer.run_until(async {
                // Without a sender the app was dropped, which ends the task as well.
                let _ = stopped.await;
            })
        });
        self.running().push(Running { group, topics, state: app.state() });
        app
    }

    /// Sends an event and waits for its acknowledgement.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub async fn publish<'a, E: Event>(&self, message: impl Into<Message<'a, E>>) -> Delivery {
        or_panic(self.producer().await.send(message).await)
    }

    /// Returns a producer of the harness's own settings.
    ///
    /// # Panics
    /// If it cannot connect.
    pub async fn producer(&self) -> &Producer {
        let connect = || async { or_panic(Producer::connect(&self.settings).await) };
        self.producer.get_or_init(connect).await
    }

    /// Writes bytes as they are, such as a poison pill; a value of `None` is a tombstone.
    ///
    /// # Panics
    /// If the broker does not take them.
    pub async fn write_raw(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &str)],
    ) -> Delivery {
        let insert = |all: OwnedHeaders, (key, value): &(&str, &str)| all.insert(Header { key, value: Some(*value) });
        let headers = headers.iter().fold(OwnedHeaders::new(), insert);
        let name = self.name(topic);
        let record = NewRecord { topic: &name, partition: None, key, value, headers, timestamp: None };
        let written = or_panic(broker::writer(&self.settings)).write(record).await;
        written.unwrap_or_else(|error| panic!("the bytes were not written to `{topic}`: {error:?}"))
    }

    /// Writes a record of a topic again, with all its headers, as a producer does that sends twice.
    ///
    /// # Panics
    /// If the broker does not take it.
    pub async fn duplicate(&self, record: &RawRecord) -> Delivery {
        let insert = |all: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
            all.insert(Header { key, value: value.as_ref() })
        };
        let copy = NewRecord {
            topic: &record.topic,
            partition: Some(record.partition),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record.headers.iter().fold(OwnedHeaders::new(), insert),
            timestamp: record.timestamp,
        };
        let written = or_panic(broker::writer(&self.settings)).write(copy).await;
        written.unwrap_or_else(|error| panic!("the record was not written again: {error:?}"))
    }

    /// Waits until every consumer that was started has handled and committed all that is on its topics, whatever its
    /// handlers wrote included.
    ///
    /// # Panics
    /// If a consumer ended by itself, or if that takes too long; the text says what is open.
    pub async fn settled(&self) {
        let deadline = tokio::time::Instant::now() + self.patience;
        loop {
            let open = self.open().await;
            if open.is_empty() {
                return;
            }
            let in_time = tokio::time::Instant::now() < deadline;
            assert!(in_time, "not settled after {}:\n  {}", crate::kafka::shown(self.patience), open.join("\n  "));
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Returns what is open: a line for each partition that is not committed.
    async fn open(&self) -> Vec<String> {
        let mut open = Vec::new();
        for (group, topics) in self.groups() {
            let progress = self.progress(&group, &topics).await;
            open.extend(GroupProgress::new(&group, progress).open());
            let has_joined = self.stand_in.as_ref().is_none_or(|stand_in| stand_in.memory.has_members(&group));
            open.extend((!has_joined).then(|| format!("group `{group}`: its consumer has not joined yet")));
        }
        let n_in_flight = self.stand_in.as_ref().map_or(0, |stand_in| stand_in.memory.n_in_flight());
        open.extend((n_in_flight > 0).then(|| format!("{n_in_flight} records wait for their acknowledgement")));
        open
    }

    /// Returns the groups of the consumers that run, with their topics.
    fn groups(&self) -> Vec<(String, Vec<Arc<str>>)> {
        let mut groups: Vec<(String, Vec<Arc<str>>)> = Vec::new();
        for Running { group, topics, state } in &*self.running() {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match state {
                AppState::Failed(reason) => panic!("the consumer of the group `{group}` ended: {reason}"),
                AppState::Runs if !groups.iter().any(|(known, _)| known == group) => {
                    groups.push((group.clone(), topics.clone()));
                }
                AppState::Runs | AppState::Gone => {}
            }
        }
        groups
    }

    async fn progress(&self, group: &str, topics: &[Arc<str>]) -> Vec<broker::Progress> {
        match &self.stand_in {
            Some(stand_in) => stand_in.memory.progress(group, topics),
            None => or_panic(live::progress(&self.settings, group, topics).await),
        }
    }

    /// Returns what is on a topic now.
    ///
    /// # Panics
    /// If a live cluster does not answer.
    pub async fn topic(&self, topic: &str) -> Records {
        Records::new(topic, self.records(&self.name(topic)).await)
    }

    /// Returns the events of a type that are on their topic now.
    ///
    /// # Panics
    /// If a live cluster does not answer.
    pub async fn published<E: Event>(&self) -> Published<E> {
        let topic = E::SCHEMA.prefixed_topic(Some(&self.prefix));
        let records = Records::new(&topic, self.records(&topic).await);
        Published::decode(&topic, or_panic(self.settings.registry_client()), records.records()).await
    }

    async fn records(&self, name: &str) -> Vec<RawRecord> {
        match &self.stand_in {
            Some(stand_in) => stand_in.memory.records(name).iter().map(raw_record).collect(),
            None => or_panic(live::records(&self.settings, name).await),
        }
    }

    /// Returns how far a group has come. Its consumer need not run any more.
    ///
    /// # Panics
    /// For a group without a consumer that was started here; if a live cluster does not answer.
    pub async fn group(&self, group: &str) -> GroupProgress {
        let name = self.name(group);
        let topics =
            self.running().iter().find(|consumer| consumer.group == name).map(|consumer| consumer.topics.clone());
        let topics = topics.unwrap_or_else(|| panic!("no consumer of the group `{group}` was started by this harness"));
        GroupProgress::new(group, self.progress(&name, &topics).await)
    }

    /// Returns the calls of the handlers of all consumers that a group has had.
    pub fn calls(&self, group: &str) -> Calls {
        let book = self.book(group);
        let calls = journal::read(&book).clone();
        Calls::new(group, calls)
    }

    fn book(&self, group: &str) -> Book {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        Book::clone(books.entry(group.to_owned()).or_default())
    }

    /// Lets that much time pass: whatever falls due meanwhile happens, in its order. In memory that takes no time; on a live
    /// cluster it is waited for.
    pub async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Returns the time of day, as the service under test sees it.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.settings.clock().now()
    }

    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns what stands in for Kafka and the registry.
    #[track_caller]
    pub(super) fn stand_in(&self, what: &str) -> &StandIn {
        let text = "help: call it in memory only, where `is_live` is false";
        self.stand_in.as_ref().unwrap_or_else(|| panic!("`{what}` needs the cluster in memory; {text}"))
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Harness")
            .field("is_live", &self.is_live())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Returns the value, or fails the test with the error and its causes.
#[track_caller]
fn or_panic<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{prefix}harness-{now:x}-{}.", COUNT.fetch_add(1, Ordering::Relaxed))
}
