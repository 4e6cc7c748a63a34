//! The demo, step by step: register, produce, consume, compare, and have an incompatible schema refused.

mod cluster;
mod refused;
mod samples;
pub(crate) mod screen;
mod tally;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use eventwright::wire::Event;
use eventwright::{Consumer, Context, Outcome, Producer, register};
use eventwright_platform::events::{self, OrderCreated};

use cluster::Cluster;
use samples::Samples;
use tally::Tally;

/// How long the demo waits for the next record before it says that some are missing.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) bootstrap: Option<String>,
    pub(crate) registry: Option<String>,
    /// How many events of each kind.
    pub(crate) events: usize,
}

/// Runs the demo; an error where not every event arrived once with the right content.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let cluster = Cluster::start(options).await?;
    screen::title(&cluster, options.events);

    let registry = cluster.settings.registry_client()?;
    let registered = register(&registry, cluster.settings.prefix.as_deref(), events::SCHEMAS).await?;
    screen::registered(&registered);

    let samples = Arc::new(Samples::new(options.events));
    let tally = Arc::new(Tally::new(&samples));
    let started = Instant::now();
    produce(&cluster, &samples).await?;
    screen::produced(&samples, started.elapsed());

    let started = Instant::now();
    consume(&cluster, &samples, &tally).await?;
    screen::consumed(&tally, samples.count(), started.elapsed());
    let (written, read) = tally.first_of_version_1().context("no order of version 1 arrived")?;
    screen::before_and_after(&written, &read);

    let subject = OrderCreated::SCHEMA.prefixed_subject(cluster.settings.prefix.as_deref());
    screen::refused(&subject, &refused::ask(&registry, &subject).await?);
    cluster.stop().await;
    tally.verdict()?;
    screen::farewell(samples.count());
    Ok(())
}

/// Produces all kinds side by side: each round sends one event of each.
async fn produce(cluster: &Cluster, samples: &Samples) -> Result<()> {
    let producer = Producer::connect(&cluster.settings).await?;
    let mut pending = Vec::with_capacity(samples.count());
    for index in 0..samples.rounds() {
        pending.push(producer.enqueue(samples.message(&samples.order_v1(index))).await?);
        pending.push(producer.enqueue(samples.message(&samples.order_v2(index))).await?);
        pending.push(producer.enqueue(samples.message(&samples.payment_v1(index))).await?);
        pending.push(producer.enqueue(samples.message(&samples.payment_v2(index))).await?);
        pending.push(producer.enqueue(samples.message(&samples.user(index))).await?);
        pending.push(producer.enqueue(samples.message(&samples.stock(index))).await?);
    }
    for delivery in pending {
        delivery.await?;
    }
    Ok(())
}

/// Consumes until every event has arrived, or none has for a while.
async fn consume(cluster: &Cluster, samples: &Arc<Samples>, tally: &Arc<Tally>) -> Result<()> {
    let consumer = Consumer::builder(&cluster.settings)
        .group(format!("demo-{}", samples.run_id()))
        .on(handler(samples, tally, Tally::order))
        .on(handler(samples, tally, Tally::payment))
        .on_topic(handler(samples, tally, Tally::other));
    let complete = async {
        tokio::select! {
            () = tally.complete() => {}
            () = tally.silence(PATIENCE) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    consumer.run_until(complete).await?;
    Ok(())
}

/// Returns a handler that enters what belongs to this run; records of earlier runs stay on a real cluster's topics.
fn handler<T: Send + 'static>(
    samples: &Arc<Samples>,
    tally: &Arc<Tally>,
    enter: fn(&Tally, T, &Context),
) -> impl Fn(T, Context) -> std::future::Ready<Outcome> + Send + Sync + 'static {
    let (samples, tally) = (Arc::clone(samples), Arc::clone(tally));
    move |event, context| {
        if context.correlation_id() == Some(samples.run_id()) {
            enter(&tally, event, &context);
        }
        std::future::ready(Outcome::Done)
    }
}
