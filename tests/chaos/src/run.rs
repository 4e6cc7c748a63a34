//! The driver: starts all there is, hurts it while events flow, waits until all is handled, and judges.
#![expect(clippy::print_stdout, reason = "its output is for people")]

use std::convert::Infallible;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use eventwright::{Event as _, Producer, topics};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, free_ports};
use crate::consumer::{GROUP, settings};
use crate::effects::Effects;
use crate::faults::{Fault, Pack};
use crate::kafka::Kafka;
use crate::registry::Registry;
use crate::send::{numbered, send};
use crate::store::Kept;
use crate::{Plan, Report, Store};

const TOPIC: &str = OrderCreated::TOPIC;

/// How long nothing may happen before the run has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the run says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// How long a process is stopped, or nothing passes to Kafka: longer than its session, so that others take its partitions while
/// it still holds records.
const EXPELLED: Duration = Duration::from_secs(9);

/// How long a broker, the registry or a store is away: shorter than a session.
const AWAY: Duration = Duration::from_secs(3);

/// How long a broker is cut off.
const CUT_OFF: Duration = Duration::from_secs(4);

/// Runs a plan to its end; `program` is this program, which consumes when it is called so.
///
/// # Errors
/// What keeps the run from being judged: a cluster that does not start, or nothing that goes on.
pub async fn run(plan: &Plan, program: &Path) -> Result<Report> {
    let mut chaos = Chaos::start(plan, program).await?;
    let sent = Arc::new(AtomicU32::new(0));
    let producer = Producer::connect(&settings(&chaos.cluster.bootstrap(), &chaos.registry.url)).await?;
    let mut sending = JoinSet::new();
    sending.spawn(send(plan.clone(), producer, Arc::clone(&sent)));
    let watched = watch(chaos.clock, plan.events, sent, chaos.cluster.kafka.clone());
    let done = async {
        chaos.hurt(&mut sending).await?;
        chaos.settle().await
    };
    tokio::select! {
        done = done => done?,
        never = watched => match never {},
    }
    chaos.judge().await
}

/// Says from time to time how far the run is.
async fn watch(clock: Clock, events: u32, sent: Arc<AtomicU32>, kafka: Kafka) -> Infallible {
    loop {
        tokio::time::sleep(TOLD_EVERY).await;
        let committed = match kafka.progress(TOPIC, GROUP).await {
            Some(progress) => progress.values().map(|(committed, _)| committed).sum::<i64>().to_string(),
            None => "?".into(),
        };
        clock.say(&format!("{} of {events} sent, {committed} committed", sent.load(Ordering::Relaxed)));
    }
}

/// Tells lines by the time since the run began.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn say(self, text: &str) {
        println!("{:>5} s  {text}", self.0.elapsed().as_secs());
    }
}

/// All that a run has; what is first here ends first.
struct Chaos<'a> {
    plan: &'a Plan,
    program: &'a Path,
    clock: Clock,
    pack: Pack,
    report: Report,
    consumers: Vec<Child>,
    kept: Kept,
    registry: Registry,
    cluster: Cluster,
    /// The files of all of them.
    _folder: TempDir,
}

impl<'a> Chaos<'a> {
    async fn start(plan: &'a Plan, program: &'a Path) -> Result<Self> {
        let clock = Clock(Instant::now());
        clock.say(&format!("starting {} brokers, store {}", plan.brokers, plan.store.name()));
        let folder = tempfile::Builder::new().prefix("eventwright-chaos.").tempdir()?;
        let port = free_ports()?;
        let cluster = Cluster::start(plan.brokers, port, folder.path()).await?;
        cluster.kafka.create_topic(TOPIC).await?;
        cluster.kafka.create_topic(InventoryAdjusted::TOPIC).await?;
        let registry = Registry::start().await?;
        let kept = Kept::start(plan.store, port, folder.path()).await?;
        let (pack, report) = (Pack::new(plan.store, plan.seed), Report::new(plan));
        let consumers = Vec::new();
        let mut chaos =
            Self { plan, program, clock, pack, report, consumers, kept, registry, cluster, _folder: folder };
        for _ in 0..plan.consumers {
            let consumer = chaos.spawn()?;
            chaos.consumers.push(consumer);
        }
        chaos.await_consumers().await?;
        Ok(chaos)
    }

    /// Waits until all consumers have joined: there is nothing to hurt before.
    async fn await_consumers(&self) -> Result<()> {
        let started = Instant::now();
        while self.cluster.kafka.members(GROUP).await != Some(self.consumers.len()) {
            ensure!(started.elapsed() < PATIENCE, "the consumers do not join their group");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        let Plan { store, workers, .. } = self.plan;
        let mut command = Command::new(self.program);
        command
            .args(["--consume", "--bootstrap", &self.cluster.bootstrap(), "--registry", &self.registry.url])
            .args(["--store", store.name(), "--effects", &self.kept.place, "--redis", &self.kept.redis])
            .args(["--workers", &workers.to_string(), "--retry-topics", &self.plan.retry_topics().to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.spawn().context("cannot start a consumer")
    }

    /// Injects faults until all events are sent.
    async fn hurt(&mut self, sending: &mut JoinSet<Result<()>>) -> Result<()> {
        let pause = Duration::from_millis(self.plan.pause);
        loop {
            tokio::select! {
                Some(sent) = sending.join_next() => return sent?.context("events cannot be sent"),
                () = tokio::time::sleep(pause) => {}
            }
            self.replace_ended()?;
            let fault = self.pack.deal();
            self.count_in_flight().await?;
            self.inject(fault).await?;
            self.count_in_flight().await?;
            *self.report.faults.entry(fault.name()).or_default() += 1;
        }
    }

    async fn inject(&mut self, fault: Fault) -> Result<()> {
        let victim = self.pack.below(self.consumers.len());
        let node = self.pack.below(self.cluster.n_nodes());
        self.clock.say(fault.name());
        match fault {
            Fault::ConsumerKilled => self.replace(victim).await,
            Fault::ConsumerStopped => {
                self.signal(victim, "-STOP").await?;
                tokio::time::sleep(EXPELLED).await;
                self.signal(victim, "-CONT").await
            }
            Fault::BrokerKilled => self.cluster.crash(node, AWAY).await,
            Fault::BrokerRestarted => self.cluster.restart(node).await,
            Fault::ConnectionsCut => {
                self.cluster.cut_all();
                Ok(())
            }
            Fault::BrokerCutOff => self.cluster.cut_off(node, CUT_OFF).await,
            Fault::Silence => {
                self.cluster.silence(EXPELLED).await;
                Ok(())
            }
            Fault::RegistryAway => {
                self.registry.go_away(AWAY).await;
                Ok(())
            }
            Fault::StoreKilled => self.kept.crash(AWAY).await,
            Fault::StoreRestarted => self.kept.restart().await,
        }
    }

    /// Kills a consumer; another one is there already.
    async fn replace(&mut self, victim: usize) -> Result<()> {
        Ok(self.renew(victim)?.kill().await?)
    }

    /// Notes which consumers ended by themselves, which none may, and starts others.
    fn replace_ended(&mut self) -> Result<()> {
        for index in 0..self.consumers.len() {
            if let Some(status) = self.consumers.get_mut(index).map(Child::try_wait).transpose()?.flatten() {
                self.report.violations.push(format!("a consumer ended by itself: {status}"));
                drop(self.renew(index)?);
            }
        }
        Ok(())
    }

    /// Starts a consumer in the place of another one, and returns that.
    fn renew(&mut self, index: usize) -> Result<Child> {
        let consumer = self.spawn()?;
        let place = self.consumers.get_mut(index).context("no such consumer")?;
        Ok(std::mem::replace(place, consumer))
    }

    async fn signal(&self, victim: usize, signal: &str) -> Result<()> {
        let id = self.consumers.get(victim).and_then(Child::id).context("the consumer has ended")?;
        let status = Command::new("kill").args([signal, &id.to_string()]).status().await?;
        ensure!(status.success(), "cannot send {signal} to a consumer");
        Ok(())
    }

    /// Adds how many records may be handled twice for what happens now.
    async fn count_in_flight(&mut self) -> Result<()> {
        // What is running now ends, or is handled again.
        let running = usize::try_from(self.plan.consumers * self.plan.workers)?;
        let uncommitted = match (self.plan.store, &mut self.kept.effects) {
            (Store::Sqlite | Store::Postgres | Store::Transactions, _) => return Ok(()),
            (Store::None, Effects::Lines(lines)) => {
                let progress = self.cluster.kafka.progress(TOPIC, GROUP).await;
                progress.map(|progress| lines.uncommitted(&progress)).transpose()?.unwrap_or(0)
            }
            _ => 0,
        };
        self.report.in_flight += running + uncommitted;
        Ok(())
    }

    /// Waits until every record is committed, on the topic and on its retry topics.
    async fn settle(&mut self) -> Result<()> {
        self.clock.say("all events are sent; waiting until all are committed");
        let (mut last, mut since) = (None, Instant::now());
        loop {
            self.replace_ended()?;
            let uncommitted = self.uncommitted().await;
            if uncommitted == Some(0) {
                return Ok(());
            }
            if uncommitted != last {
                (last, since) = (uncommitted, Instant::now());
            }
            ensure!(since.elapsed() < PATIENCE, "nothing goes on, and {last:?} records are not committed");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Returns how many records the group has not committed; nothing where nobody answers.
    async fn uncommitted(&self) -> Option<i64> {
        let mut sum = 0;
        for topic in [TOPIC.to_owned()].into_iter().chain(topics::retry(TOPIC, self.plan.retry_topics())) {
            let progress = self.cluster.kafka.progress(&topic, GROUP).await?;
            sum += progress.values().map(|(committed, end)| end - committed).sum::<i64>();
        }
        Some(sum)
    }

    async fn judge(mut self) -> Result<Report> {
        let effects = self.kept.effects.all(&self.cluster.kafka).await?;
        let letters = self.cluster.kafka.values(&topics::dead_letters(TOPIC)).await?;
        let dead = letters.iter().map(|value| numbered(value)).collect::<Result<Vec<_>>>()?;
        self.report.judge(&effects, &dead);
        Ok(self.report)
    }
}
