//! Puts a consumer together: what it handles and how, checked before anything is connected.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventwright_registry::RegistryClient;
use eventwright_wire::{Event, RawRecord, TopicEvents};

use super::exactly_once::{self, Outboxes};
use super::{Consumer, Plan, Topic};
use crate::audit::{Audit, AuditSink};
use crate::batch::{BatchHandler, batch_route};
use crate::broker;
use crate::context::Scope;
use crate::copies::Copies;
use crate::dead_letter::DeadLetters;
use crate::dispatch::Order;
use crate::handler::{Handler, IntoOutcome, RawHandler, Route, Running, compacted_route, event_route, topic_route};
use crate::health::ConsumerHealth;
use crate::idempotency::{self, DedupeStore};
use crate::settings::{OnFailure, Retry};
use crate::stats::ConsumerStats;
use crate::{DecodeFailure, Error, Settings};

/// Puts a [`Consumer`] together.
#[must_use = "call `run`"]
pub struct ConsumerBuilder {
    pub(super) settings: Settings,
    pub(super) group: Option<String>,
    pub(super) handlers: Vec<TopicHandler>,
    pub(super) on_undecodable: Option<RawHandler>,
    pub(super) on_tombstone: Option<RawHandler>,
    pub(super) ignore_others: bool,
    pub(super) dedupe: Option<Arc<dyn DedupeStore>>,
    pub(super) outboxes: Option<Arc<Outboxes>>,
    pub(super) stats: ConsumerStats,
    pub(super) audit: Option<Audit>,
    #[cfg(feature = "testing")]
    pub(super) journal: crate::testing::Journal,
}

pub(super) struct TopicHandler {
    /// Without the prefix.
    topic: &'static str,
    pub(super) takes_all: bool,
    pub(super) route: Box<dyn Route>,
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

    /// Makes the consumer commit each record in one transaction with what its handler sends by [`Context::send`](crate::Context::send): whoever
    /// reads committed records, as all our consumers do, sees the effect of each record once. Many records share a
    /// transaction, which is committed every `transaction.interval_ms` or `transaction.max_records`; until then nobody sees what
    /// was sent. Dead letters are part of it. Effects that are not in Kafka may happen twice as ever.
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

impl std::fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerBuilder").field("group", &self.group).finish_non_exhaustive()
    }
}
