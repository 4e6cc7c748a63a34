//! The process that is killed: a consumer whose handlers append to a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use eventwright::{Consumer, Context, Order, Outcome, Retry, Settings};
use eventwright_platform::events::OrderCreated;

use crate::effects::{Effect, Log};
use crate::plan::{Fate, Plan};

/// Where the process finds what it needs.
#[derive(Debug, Clone, Args)]
pub struct Place {
    #[arg(long)]
    pub(crate) bootstrap: String,
    #[arg(long)]
    pub(crate) registry: String,
    #[arg(long)]
    pub(crate) effects: PathBuf,
    #[arg(long)]
    pub(crate) workers: usize,
    #[arg(long)]
    pub(crate) retry_topics: u32,
}

/// The consumer group of all of them.
pub(crate) const GROUP: &str = "chaos";

/// Consumes until the process is told to stop, or killed.
///
/// # Errors
/// Those of the consumer.
pub async fn consume(place: Place) -> Result<()> {
    let log = Arc::new(Log::open(&place.effects)?);
    let handler = move |order: OrderCreated, context: Context| {
        let log = Arc::clone(&log);
        async move { handle(&order, &context, &log).await }
    };
    let consumer = Consumer::builder(&settings(&place.bootstrap, &place.registry))
        .group(GROUP)
        .order(Order::Key)
        .workers(place.workers)
        .retry(retry(place.retry_topics))
        .on(handler);
    Ok(consumer.run().await?)
}

async fn handle(order: &OrderCreated, context: &Context, log: &Log) -> Outcome {
    let (Ok(key), Ok(number)) = (u32::try_from(order.order_id.as_u128()), u32::try_from(order.quantity)) else {
        return Outcome::Reject("not one of ours".into());
    };
    match Plan::fate(key, number) {
        Fate::Dies => return Outcome::Reject("it was meant to die".into()),
        Fate::Recovers if context.attempt() < 3 => return Outcome::Retry("not yet".into()),
        Fate::Recovers | Fate::Succeeds => {}
    }
    if number % 64 == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let effect = Effect { partition: context.partition(), offset: context.offset(), key, number };
    log.append(effect).map_or_else(Outcome::retry, |()| Outcome::Done)
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
    Retry { max_attempts: 5, backoff, max_backoff, topics, ..Retry::default() }
}
