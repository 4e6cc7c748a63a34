//! The process that is killed: a consumer whose handlers have effects.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use eventwright::{Consumer, ConsumerBuilder, Context, HandlerError, Order, Outcome, Retry, Settings};
use eventwright_platform::events::OrderCreated;

use crate::effects::Sink;
use crate::plan::{Fate, Numbered, Store};

/// Where the process finds what it needs.
#[derive(Debug, Clone, Args)]
pub struct Place {
    #[arg(long)]
    pub(crate) bootstrap: String,
    #[arg(long)]
    pub(crate) registry: String,
    #[arg(long, value_enum)]
    pub(crate) store: Store,
    /// A file, or the URL of a database.
    #[arg(long)]
    pub(crate) effects: String,
    /// The URL of Redis.
    #[arg(long)]
    pub(crate) redis: String,
    #[arg(long)]
    pub(crate) workers: u32,
    #[arg(long)]
    pub(crate) retry_topics: u32,
}

/// The consumer group of all of them.
pub(crate) const GROUP: &str = "chaos";

/// How often a record is handled: more often than anything here is away, so that only what is rejected dies.
const MAX_ATTEMPTS: u32 = 1_000;

/// Consumes until the process is told to stop, or killed.
///
/// # Errors
/// Those of the consumer.
pub async fn consume(place: Place) -> Result<()> {
    let sink = Arc::new(Sink::open(place.store, &place.effects, place.workers)?);
    let handler = move |order: OrderCreated, context: Context| {
        let sink = Arc::clone(&sink);
        async move { handle(&order, &context, &sink).await }
    };
    Ok(consumer(&place)?.on(handler).run().await?)
}

fn consumer(place: &Place) -> Result<ConsumerBuilder> {
    let mut settings = settings(&place.bootstrap, &place.registry);
    if place.store == Store::Redis {
        settings.idempotency.store = eventwright::settings::Store::Redis;
        settings.redis.url.clone_from(&place.redis);
    }
    let consumer = Consumer::builder(&settings)
        .group(GROUP)
        .order(Order::Key)
        .workers(usize::try_from(place.workers)?)
        .retry(retry(place.retry_topics));
    Ok(if place.store == Store::Transactions { consumer.exactly_once() } else { consumer })
}

async fn handle(order: &OrderCreated, context: &Context, sink: &Sink) -> Result<Outcome, HandlerError> {
    let (Ok(key), Ok(number)) = (u32::try_from(order.order_id.as_u128()), u32::try_from(order.quantity)) else {
        return Ok(Outcome::Reject("not one of ours".into()));
    };
    let event = Numbered { key, number };
    match event.fate() {
        Fate::Dies => return Ok(Outcome::Reject("it was meant to die".into())),
        Fate::Recovers if context.attempt() < 3 => return Ok(Outcome::Retry("not yet".into())),
        Fate::Recovers | Fate::Succeeds => {}
    }
    if number % 64 == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    sink.put(event, context).await
}

/// Returns settings with short sessions, so that a process that was killed is missed soon.
pub(crate) fn settings(bootstrap: &str, registry: &str) -> Settings {
    Settings::new(bootstrap, registry)
        .with_connect_timeout(Duration::from_secs(60))
        .with_kafka("session.timeout.ms", "6000")
        .with_kafka("heartbeat.interval.ms", "1000")
        .with_kafka("reconnect.backoff.max.ms", "1000")
}

fn retry(topics: u32) -> Retry {
    let (backoff, max_backoff) = (Duration::from_millis(100), Duration::from_secs(1));
    Retry { max_attempts: MAX_ATTEMPTS, backoff, max_backoff, topics, ..Retry::default() }
}
