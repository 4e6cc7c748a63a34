//! Reads typed events from Kafka and hands each to its handler; commits an offset only after its record is finished.
//!
//! In: settings, a group, handlers. Out: calls of the handlers, until the process is asked to stop. A record is lost in
//! no case: what cannot be decoded goes to `on_undecodable` with its bytes, or the consumer stops there; what cannot be
//! decoded *now*, because the registry does not answer, waits.

mod batches;
mod brakes;
mod claims;
mod contained;
mod exactly_once;
mod group;
mod leaving;
mod observer;
mod retries;
mod running;
mod session;
mod step;
#[cfg(feature = "testing")]
mod under_test;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventwright_registry::RegistryClient;
use eventwright_wire::{DecodeError, Event, RawRecord, TopicEvents};
use tokio::sync::Notify;

#[cfg(feature = "testing")]
pub(crate) use self::contained::panic_text;
use self::exactly_once::Outboxes;
pub(crate) use self::group::Group;
use self::session::Session;
pub(crate) use self::step::raw;
use crate::audit::{Audit, AuditSink};
use crate::batch::{Batch, BatchHandler, batch_route};
use crate::broker::{self, Broker, Kafka, Subscription};
use crate::circuit_breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::context::Scope;
use crate::copies::Copies;
use crate::dead_letter::DeadLetters;
use crate::decoder::{Decoder, Known};
use crate::dispatch::Order;
use crate::handler::{
    Handler, IntoOutcome, RawHandler, Route, Row, Running, compacted_route, event_route, topic_route,
};
use crate::health::ConsumerHealth;
use crate::idempotency::{self, DedupeStore};
use crate::keys::Keys;
use crate::metrics::{self, ConsumerMeter};
use crate::offsets::Partition;
use crate::settings::{CircuitBreakerSettings, OnFailure, Retry};
use crate::stats::ConsumerStats;
use crate::{Context, DecodeFailure, Error, Settings, kafka, register, registry, retry, shutdown};

/// How long the last commit and the farewell to the group may take.
const FAREWELL: Duration = Duration::from_secs(10);

/// Reads typed events from Kafka.
#[must_use = "call `run`"]
pub struct Consumer {
    plan: Arc<Plan>,
    registry: RegistryClient,
}

/// Puts a [`Consumer`] together.
#[must_use = "call `run`"]
pub struct ConsumerBuilder {
    settings: Settings,
    group: Option<String>,
    handlers: Vec<TopicHandler>,
    on_undecodable: Option<RawHandler>,
    on_tombstone: Option<RawHandler>,
    ignore_others: bool,
    dedupe: Option<Arc<dyn DedupeStore>>,
    outboxes: Option<Arc<Outboxes>>,
    stats: ConsumerStats,
    audit: Option<Audit>,
    #[cfg(feature = "testing")]
    journal: crate::testing::Journal,
}

struct TopicHandler {
    /// Without the prefix.
    topic: &'static str,
    takes_all: bool,
    route: Box<dyn Route>,
}

/// What a consumer does: all that was said to the builder, checked.
struct Plan {
    settings: Settings,
    group: String,
    topics: Vec<Arc<Topic>>,
    on_undecodable: Option<RawHandler>,
    on_tombstone: Option<RawHandler>,
    ignore_others: bool,
    /// Where records go that cannot be handled; without it the consumer stops at them.
    dead_letters: Option<Arc<DeadLetters>>,
    /// Writes what waits in retry topics.
    copies: Option<Copies>,
    /// Knows which events were handled; without it a record is handled whenever it comes.
    dedupe: Option<Arc<dyn DedupeStore>>,
    /// What handlers send in the transactions of their records.
    outboxes: Option<Arc<Outboxes>>,
    stats: ConsumerStats,
    audit: Audit,
    scope: Arc<Scope>,
    clock: Clock,
    /// Rings where the session should look at its circuit breakers.
    wake: Arc<Notify>,
    health: ConsumerHealth,
    #[cfg(feature = "testing")]
    journal: crate::testing::Journal,
}

/// A topic, its handlers, and what is known of the schemas on it.
struct Topic {
    /// With the prefix.
    name: Arc<str>,
    routes: Vec<Box<dyn Route>>,
    /// For each row of the decoder, the route and the row in that route.
    rows: Vec<(usize, usize)>,
    decoder: Decoder,
    keys: Arc<Keys>,
    /// One a route, or none at all.
    breakers: Vec<CircuitBreaker>,
}

impl Consumer {
    /// Returns a builder; handlers and a group are still missing.
    pub fn builder(settings: &Settings) -> ConsumerBuilder {
        ConsumerBuilder {
            settings: settings.clone(),
            group: None,
            handlers: Vec::new(),
            on_undecodable: None,
            on_tombstone: None,
            ignore_others: false,
            dedupe: None,
            outboxes: None,
            stats: ConsumerStats::default(),
            audit: None,
            #[cfg(feature = "testing")]
            journal: crate::testing::Journal::default(),
        }
    }

    /// Works until the process is asked to end (SIGINT, SIGTERM), then waits for running handlers, at most
    /// `consumer.shutdown_timeout_ms`, commits and leaves the group.
    ///
    /// # Errors
    /// As [`Consumer::run_until`].
    pub async fn run(self) -> Result<(), Error> {
        self.work(shutdown::signal()).await
    }

    /// Works until `stop` is ready, then waits for running handlers, commits and leaves the group. Dropping the future in
    /// place of that ends the consumer as a crash would: what was handled since the last commit is handled again.
    ///
    /// # Errors
    /// No answer from broker or registry within `connect_timeout_ms`; an event whose own schema is not registered (see
    /// [`check_at_start`](crate::settings::RegistrySettings::check_at_start)); a record that cannot be decoded and that no
    /// handler takes; a handler that failed `consumer.retry.max_attempts` times at one record. The record in question is not
    /// committed: the next consumer of the group begins with it.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let stop = async {
            stop.await;
            Ok(())
        };
        self.work(stop).await
    }

    /// Returns how the consumer is doing, to be asked while it runs.
    #[must_use]
    pub fn health(&self) -> ConsumerHealth {
        self.plan.health.clone()
    }

    async fn work(self, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        #[cfg(feature = "testing")]
        if let Some(memory) = self.plan.settings.memory().cloned() {
            return Box::pin(self.work_on(&memory, stop)).await;
        }
        Box::pin(self.work_on(&Kafka, stop)).await
    }

    async fn work_on<B: Broker>(self, broker: &B, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let Self { plan, registry } = self;
        metrics::serve_as_set(&plan.settings).await?;
        plan.stats.begin(|| plan.meter());
        let names: Vec<_> = plan.topics.iter().map(|topic| Arc::clone(&topic.name)).collect();
        let retry_topics = plan.settings.consumer.retry.topics;
        let group = Group::new(names, retry_topics, plan.stats.clone(), plan.audit.clone());
        let group = Arc::new(if plan.outboxes.is_some() { group.transactional() } else { group });
        let subscription = broker.subscription(&plan.settings, &plan.group, &group)?;
        let reached = tokio::join!(plan.reach_broker::<B>(&subscription, &group), plan.reach_registry(&registry));
        reached.0.and(reached.1)?;
        let names: Vec<&str> = plan.topics.iter().map(|topic| &*topic.name).collect();
        Box::pin(plan.prepare_topics(&names)).await?;
        if let Some(dedupe) = &plan.dedupe {
            dedupe.open(&plan.group).await?;
        }
        if let Some(outboxes) = &plan.outboxes {
            Box::pin(outboxes.connect(&plan.settings, &plan.group)).await?;
        }
        let reader = match group.retry_topics() {
            [] => None,
            topics => Some(broker.reader(&plan.settings, &plan.group, topics)?),
        };
        let subscribed = subscription.subscribe(&names);
        subscribed.map_err(|error| Error::settings("cannot subscribe").with_source(error))?;
        tracing::info!(group = plan.group, topics = plan.shown_topics(), "consuming");
        let running = plan.health.starts(&group);
        let session = Session::<B>::new(&plan, &subscription, &group, reader.as_ref());
        let worked = tokio::select! {
            worked = Box::pin(session.run(stop)) => worked,
            never = plan.health.watch(&registry) => match never {},
        };
        drop(running);
        // What is not in the audit stream is not committed.
        let kept = plan.audit.flush();
        let offsets = kept.as_ref().map_or_else(|_| Vec::new(), |()| group.take_last_commit());
        subscription.leave(offsets, FAREWELL).await;
        let worked = worked.and(kept);
        let stats = &plan.stats;
        tracing::info!(
            handled = stats.handled(),
            undecodable = stats.undecodable(),
            ignored = stats.ignored(),
            failed_attempts = stats.failed_attempts(),
            retried = stats.retried(),
            dead_lettered = stats.dead_lettered(),
            duplicates = stats.duplicates(),
            "stopped"
        );
        worked
    }
}

impl ConsumerBuilder {
    /// Sets the consumer group, in place of `consumer.group` of the settings.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Adds the handler of an event. A topic may have handlers for several events. A key is none:
    ///
    /// ```compile_fail,E0080
    /// # use eventwright::wire::*;
    /// # struct OrderKey;
    /// # impl Event for OrderKey {
    /// #     const SCHEMA: &'static EventSchema = &EventSchema {
    /// #         event: "OrderKey", version: 1, format: Format::Avro, full_name: "OrderKey", prefix: "", topic: "orders",
    /// #         subject: "orders-key", text: "", references: &[], fingerprint: 0, sha256: [0; 32], canonical_fingerprint: 0, message_indexes: &[],
    /// #     };
    /// #     const WRITERS: &'static [&'static EventSchema] = &[];
    /// #     const IS_KEY: bool = true;
    /// #     fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> { unimplemented!() }
    /// #     fn decode(_: usize, _: &[u8]) -> Result<Self, DecodeError> { unimplemented!() }
    /// # }
    /// # let settings = eventwright::Settings::default();
    /// # let done = |_: OrderKey, _: eventwright::Context| async { eventwright::Outcome::Done };
    /// eventwright::Consumer::builder(&settings).on(done);
    /// ```
    pub fn on<E: Event>(mut self, handler: impl Handler<E>) -> Self {
        const { assert!(!E::IS_KEY, "a key is read beside its event: take the event and call `Context::key_as`") };
        self.handlers.push(TopicHandler { topic: E::TOPIC, takes_all: false, route: event_route(handler) });
        self
    }

    /// Adds the handler of all events of a topic, those that are unknown to this program included.
    pub fn on_topic<T: TopicEvents>(mut self, handler: impl Handler<T>) -> Self {
        self.handlers.push(TopicHandler { topic: T::TOPIC, takes_all: true, route: topic_route(handler) });
        self
    }

    /// Adds the handler of an event that takes several at once, in their order: those of a partition, or with `order: key` of one
    /// key, that are waiting in line, up to `consumer.batch_records`. The outcome is that of all of them. After [`Outcome::Retry`],
    /// [`Outcome::Reject`] or a panic the handler is given each of them in a batch of its own, so that one bad record takes no
    /// other with it.
    pub fn on_batch<E: Event>(mut self, handler: impl BatchHandler<E>) -> Self {
        const { assert!(!E::IS_KEY, "a key is read beside its event: take the event and call `Context::key_as`") };
        self.handlers.push(TopicHandler { topic: E::TOPIC, takes_all: false, route: batch_route(handler) });
        self
    }

    /// Adds the handler of an event of a compacted topic, where a record without value deletes its key: such a tombstone is given as
    /// `None`, with the key in the [`Context`]. It says nothing of its event, so one handler a topic may take tombstones; its
    /// [`Context::schema_id`] is 0.
    pub fn on_compacted<E: Event>(mut self, handler: impl Handler<Option<E>>) -> Self {
        const { assert!(!E::IS_KEY, "a key is read beside its event: take the event and call `Context::key_as`") };
        self.handlers.push(TopicHandler { topic: E::TOPIC, takes_all: false, route: compacted_route(handler) });
        self
    }

    /// Sets the handler of records that no typed handler can be given: bad bytes, unknown schemas, events without a
    /// handler. It receives the bytes as they are. Without it, bad bytes and unknown schemas become dead letters or stop the
    /// consumer, as `consumer.on_failure` says, and an event without a handler stops it.
    pub fn on_undecodable<F, U>(mut self, handler: F) -> Self
    where
        F: Fn(RawRecord, DecodeFailure) -> U + Send + Sync + 'static,
        U: Future + Send + 'static,
        U::Output: IntoOutcome,
    {
        self.on_undecodable = Some(Box::new(move |record, failure| {
            let outcome = handler(record, failure);
            let running: Running = Box::pin(async move { outcome.await.into_outcome() });
            running
        }));
        self
    }

    /// Sets the handler of tombstones: records without value, by which a compacted topic deletes a key. Without it they
    /// go to `on_undecodable`.
    pub fn on_tombstone<F, U>(mut self, handler: F) -> Self
    where
        F: Fn(RawRecord) -> U + Send + Sync + 'static,
        U: Future + Send + 'static,
        U::Output: IntoOutcome,
    {
        self.on_tombstone = Some(Box::new(move |record, _| {
            let outcome = handler(record);
            let running: Running = Box::pin(async move { outcome.await.into_outcome() });
            running
        }));
        self
    }

    /// Skips, and counts, records of events that have no handler, which would go to `on_undecodable` otherwise.
    pub fn ignore_others(mut self) -> Self {
        self.ignore_others = true;
        self
    }

    /// Sets what becomes of records that cannot be handled, in place of `consumer.on_failure` of the settings.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.settings.consumer.on_failure = on_failure;
        self
    }

    /// Sets what is handled in order, in place of `consumer.order` of the settings.
    pub fn order(mut self, order: Order) -> Self {
        self.settings.consumer.order = order;
        self
    }

    /// Sets how many records a handler of batches is given at most, and how long the first of them waits for others, in place of
    /// `consumer.batch_records` and `consumer.batch_wait_ms` of the settings.
    pub fn batches(mut self, records: usize, wait: Duration) -> Self {
        (self.settings.consumer.batch_records, self.settings.consumer.batch_wait) = (records, wait);
        self
    }

    /// Sets how many handlers run at once, in place of `consumer.workers` of the settings.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.consumer.workers = Some(workers);
        self
    }

    /// Sets how often records are handled and where they wait, in place of `consumer.retry` of the settings.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.consumer.retry = retry;
        self
    }

    /// Writes what becomes of every record to a sink, in place of `audit.file` of the settings.
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.audit = Some(Audit::to(sink));
        self
    }

    /// Sets where the consumer notes which events it has handled, in place of `idempotency.store` of the settings: an event
    /// is handled once, however often it comes, and its copies are counted in [`ConsumerStats::duplicates`]. What an event
    /// is, its `ew-message-id` says. See [`idempotency`](crate::idempotency) for what each store knows.
    pub fn dedupe(mut self, store: impl DedupeStore) -> Self {
        self.dedupe = Some(Arc::new(store));
        self
    }

    /// Makes the consumer commit each record in one transaction with what its handler sends by [`Context::send`]: whoever
    /// reads committed records, as all our consumers do, sees the effect of each record once. Many records share a
    /// transaction, which is committed every `transaction.interval_ms` or `transaction.max_records`; until then nobody sees what
    /// was sent. Effects that are not in Kafka, and dead letters, may happen twice as ever.
    pub fn exactly_once(mut self) -> Self {
        self.outboxes = Some(Arc::default());
        self
    }

    /// Returns the consumer's counters, to be read while it runs.
    #[must_use]
    pub fn stats(&self) -> ConsumerStats {
        self.stats.clone()
    }

    /// Checks what was put together; nothing is connected yet.
    ///
    /// # Errors
    /// A setting that cannot be used, no group, no handler, two handlers for one event, or an audit file that cannot be
    /// opened.
    pub fn build(self) -> Result<Consumer, Error> {
        self.settings.check()?;
        let group = self.group.or_else(|| self.settings.consumer.group.clone()).filter(|group| !group.is_empty());
        let group = group.ok_or_else(|| {
            Error::settings("the consumer has no group; help: call `.group(\"…\")` or set `consumer.group`")
        })?;
        let registry = self.settings.registry_client()?;
        let mut topics = topics(&registry, self.settings.prefix.as_deref(), self.handlers)?;
        let wake = Arc::default();
        if self.settings.consumer.circuit_breaker.enabled {
            topics.iter_mut().for_each(|topic| topic.break_circuits(self.settings.consumer.circuit_breaker, &wake));
        }
        let makes_dead_letters = self.settings.consumer.on_failure == OnFailure::DeadLetter;
        let copies = match makes_dead_letters || self.settings.consumer.retry.topics > 0 {
            true => Some(Copies::new(broker::writer(&self.settings)?, &group)),
            false => None,
        };
        let audit = self.audit.map_or_else(|| Audit::of(&self.settings), Ok)?;
        let dead_letters = copies.clone().filter(|_| makes_dead_letters);
        let dead_letters = dead_letters.map(|copies| Arc::new(DeadLetters::new(&self.settings, copies)));
        let dedupe = match self.dedupe {
            Some(store) => Some(store),
            None => idempotency::of_settings(&self.settings, topics.iter().map(|topic| &*topic.name))?,
        };
        if self.outboxes.is_some() {
            exactly_once::check(&self.settings, dedupe.is_some())?;
        }
        let has_batches = topics.iter().any(|topic| topic.routes.iter().any(|route| route.batch().is_some()));
        if has_batches && (self.outboxes.is_some() || dedupe.is_some()) {
            let text = "a handler of batches can have neither deduplication nor `exactly_once`: both know one record at a time; \
                        help: use `.on(…)`";
            return Err(Error::settings(text));
        }
        let scope = Arc::new(Scope { group: Arc::from(&*group), stats: self.stats.clone() });
        let clock = self.settings.clock();
        let plan = Plan {
            copies,
            dead_letters,
            audit,
            dedupe,
            outboxes: self.outboxes,
            scope,
            settings: self.settings,
            group,
            topics: topics.into_iter().map(Arc::new).collect(),
            on_undecodable: self.on_undecodable,
            on_tombstone: self.on_tombstone,
            ignore_others: self.ignore_others,
            stats: self.stats,
            clock,
            wake,
            health: ConsumerHealth::default(),
            #[cfg(feature = "testing")]
            journal: self.journal,
        };
        Ok(Consumer { plan: Arc::new(plan), registry })
    }

    /// [`ConsumerBuilder::build`] and [`Consumer::run`].
    ///
    /// # Errors
    /// As both.
    pub async fn run(self) -> Result<(), Error> {
        self.build()?.run().await
    }

    /// [`ConsumerBuilder::build`] and [`Consumer::run_until`].
    ///
    /// # Errors
    /// As both.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        self.build()?.run_until(stop).await
    }
}

/// Sorts handlers by topic.
fn topics(registry: &RegistryClient, prefix: Option<&str>, handlers: Vec<TopicHandler>) -> Result<Vec<Topic>, Error> {
    let mut by_topic: Vec<(String, Vec<TopicHandler>)> = Vec::new();
    for handler in handlers {
        let name = handler.topic_name(prefix);
        match by_topic.iter_mut().find(|(topic, _)| *topic == name) {
            Some((_, handlers)) => handlers.push(handler),
            None => by_topic.push((name, vec![handler])),
        }
    }
    if by_topic.is_empty() {
        return Err(Error::settings("the consumer has no handler; help: call `.on(…)` or `.on_topic::<…>(…)`"));
    }
    by_topic.into_iter().map(|(name, handlers)| Topic::new(registry, &name, handlers)).collect()
}

impl TopicHandler {
    /// Returns the topic with the process's prefix, where it has one, or else that of the manifest.
    fn topic_name(&self, prefix: Option<&str>) -> String {
        let of_manifest = || self.route.rows().first().map_or("", |row| row.reader.prefix);
        format!("{}{}", prefix.unwrap_or_else(of_manifest), self.topic)
    }
}

impl Topic {
    fn new(registry: &RegistryClient, name: &str, handlers: Vec<TopicHandler>) -> Result<Self, Error> {
        if handlers.len() > 1 && handlers.iter().any(|handler| handler.takes_all) {
            let text = format!("the topic `{name}` has a handler of all its events beside another; help: keep one");
            return Err(Error::settings(text));
        }
        let (mut rows, mut places): (Vec<Row>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
        for (route_index, handler) in handlers.iter().enumerate() {
            for (row_index, row) in handler.route.rows().into_iter().enumerate() {
                if rows.iter().any(|known| known.reader.full_name == row.reader.full_name) {
                    let event = row.reader.event;
                    let text = format!("the event `{event}` has two handlers on the topic `{name}`; help: keep one");
                    return Err(Error::settings(text));
                }
                rows.push(row);
                places.push((route_index, row_index));
            }
        }
        if handlers.iter().filter(|handler| handler.route.takes_tombstones()).count() > 1 {
            let text = format!(
                "the topic `{name}` has two handlers of tombstones, which say nothing of their event; help: keep one"
            );
            return Err(Error::settings(text));
        }
        let name: Arc<str> = name.into();
        Ok(Self {
            keys: Arc::new(Keys::new(Arc::clone(&name), registry.clone())),
            name,
            routes: handlers.into_iter().map(|handler| handler.route).collect(),
            rows: places,
            decoder: Decoder::new(registry.clone(), rows),
            breakers: Vec::new(),
        })
    }

    /// Gives each handler a circuit breaker.
    fn break_circuits(&mut self, settings: CircuitBreakerSettings, wake: &Arc<Notify>) {
        let breakers = self.routes.iter().map(|route| {
            let events: Vec<_> = route.rows().iter().map(|row| row.reader.event).collect();
            CircuitBreaker::new(Arc::clone(&self.name), events.join(", "), settings, Arc::clone(wake))
        });
        self.breakers = breakers.collect();
    }

    /// Returns an empty batch for a handler.
    fn batch(&self, route: usize) -> Option<Box<dyn Batch>> {
        self.routes.get(route)?.batch()
    }

    /// Returns the first row of a handler.
    fn row_of(&self, route: usize) -> Option<usize> {
        self.rows.iter().position(|(of, _)| *of == route)
    }

    /// Returns the index of the handler of an event.
    fn route_of(&self, known: &Known) -> usize {
        self.rows.get(known.row).expect("the decoder was made from these rows").0
    }

    /// Returns the handler of records without value, and its index.
    fn tombstones(&self) -> Option<(usize, &dyn Route)> {
        let (index, route) = self.routes.iter().enumerate().find(|(_, route)| route.takes_tombstones())?;
        Some((index, &**route))
    }

    /// Decodes a payload and calls the handler of its event.
    fn start(&self, known: &Known, payload: &[u8], context: Context) -> Result<Running, DecodeError> {
        let (route, row) = self.rows.get(known.row).expect("the decoder was made from these rows");
        let route = self.routes.get(*route).expect("rows were made from these routes");
        route.start(*row, &known.how, payload, context)
    }

    /// Calls the handler of all events of the topic, if there is one, with an event that it does not know.
    fn start_unknown(&self, record: &dyn Fn() -> RawRecord, context: Context) -> Option<Running> {
        self.routes.first()?.start_unknown(record, context)
    }
}

impl Plan {
    fn topic(&self, partition: Partition) -> &Arc<Topic> {
        self.topics.get(partition.topic).expect("partitions are made from these topics")
    }

    fn meter(&self) -> ConsumerMeter {
        let topics = self.topics.iter().map(|topic| (&*topic.name, topic.decoder.events()));
        ConsumerMeter::new(&self.group, topics)
    }

    fn shown_topics(&self) -> String {
        self.topics.iter().map(|topic| format!("`{}`", topic.name)).collect::<Vec<_>>().join(", ")
    }

    /// Makes the topics that records are copied to, where they are not there.
    async fn prepare_topics(&self, names: &[&str]) -> Result<(), Error> {
        let retry_topics = self.settings.consumer.retry.topics;
        if self.copies.is_none() {
            return Ok(());
        }
        let admin = broker::admin(&self.settings)?;
        if retry_topics > 0 {
            retry::topics::prepare(&*admin, names, retry_topics).await?;
        }
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.prepare(&*admin, names).await,
            None => Ok(()),
        }
    }

    /// Waits for the registry and looks for the schemas of all events there.
    async fn reach_registry(&self, registry: &RegistryClient) -> Result<(), Error> {
        registry::reach_at_start(registry, &self.settings).await?;
        if self.settings.registry.check_at_start {
            for reader in self.topics.iter().flat_map(|topic| topic.decoder.readers()) {
                register::check_reader(registry, &self.settings, reader).await?;
            }
        }
        Ok(())
    }

    async fn reach_broker<B: Broker>(&self, subscription: &B::Subscription, group: &Group) -> Result<(), Error> {
        let topic = self.topics.first().map_or("", |topic| &topic.name);
        if !subscription.reach(topic, self.settings.connect_timeout).await {
            return Err(kafka::unreachable(&self.settings, &group.health));
        }
        group.health.succeeded();
        Ok(())
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { group, .. } = &*self.plan;
        f.debug_struct("Consumer").field("group", group).field("topics", &self.plan.shown_topics()).finish()
    }
}

impl std::fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerBuilder").field("group", &self.group).finish_non_exhaustive()
    }
}
