//! Reads typed events from Kafka and hands each to its handler; commits an offset only after its record is finished.
//!
//! In: settings, a group, handlers. Out: calls of the handlers, until the process is asked to stop. A record is lost in
//! no case: what cannot be decoded goes to `on_undecodable` with its bytes, or the consumer stops there; what cannot be
//! decoded *now*, because the registry does not answer, waits.

mod batches;
mod brakes;
mod builder;
mod call;
mod claims;
mod contained;
mod exactly_once;
mod group;
mod intake;
mod leaving;
mod observer;
mod retries;
mod running;
mod session;
mod step;
#[cfg(feature = "testing")]
mod under_test;
mod verdicts;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventwright_registry::RegistryClient;
use eventwright_wire::{DecodeError, RawRecord};
use futures::future::join_all;
use tokio::sync::Notify;

pub use self::builder::ConsumerBuilder;
use self::builder::TopicHandler;
#[cfg(feature = "testing")]
pub(crate) use self::contained::panic_text;
use self::exactly_once::Outboxes;
pub(crate) use self::group::Group;
use self::session::Session;
use crate::audit::Audit;
use crate::batch::Batch;
use crate::broker::{self, Broker, Kafka, Subscription};
use crate::circuit_breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::context::Scope;
use crate::copies::Copies;
use crate::dead_letter::DeadLetters;
use crate::decoder::{Decoder, Known};
use crate::handler::{RawHandler, Route, Row, Running};
use crate::health::ConsumerHealth;
use crate::idempotency::DedupeStore;
use crate::keys::Keys;
use crate::metrics::{self, ConsumerMeter};
use crate::offsets::Partition;
use crate::settings::CircuitBreakerSettings;
use crate::stats::ConsumerStats;
use crate::{Context, Error, Settings, kafka, register, registry, retry, shutdown};

/// How long the last commit and the farewell to the group may take.
const FAREWELL: Duration = Duration::from_secs(10);

/// Reads typed events from Kafka.
#[must_use = "call `run`"]
pub struct Consumer {
    plan: Arc<Plan>,
    registry: RegistryClient,
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
        let counts = join_all(names.iter().map(|name| admin.partitions(name))).await;
        let topics: Vec<_> = names.iter().copied().zip(counts).collect();
        if retry_topics > 0 {
            retry::topics::prepare(&*admin, &topics, retry_topics).await?;
        }
        match &self.dead_letters {
            Some(dead_letters) => dead_letters.prepare(&*admin, &topics).await,
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
