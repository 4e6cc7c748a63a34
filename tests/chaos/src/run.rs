//! The driver: sends events, hurts whatever is there, waits until all is handled, and judges.
#![expect(clippy::print_stdout, reason = "its output is for people")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use eventwright::wire::jiff::Timestamp;
use eventwright::wire::uuid::Uuid;
use eventwright::{Event as _, Producer, RegistryClient, RegistryConfig, register, topics};
use eventwright_platform::events::order_created::v2::Currency;
use eventwright_platform::events::{OrderCreated, SCHEMAS};
use eventwright_registry::server::{Server, ServerConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::{JoinHandle, JoinSet};

use crate::cluster::Cluster;
use crate::consumer::{GROUP, settings};
use crate::effects;
use crate::{Plan, Report};

const TOPIC: &str = OrderCreated::TOPIC;
const PARTITIONS: i32 = 12;

/// How long nothing may happen before the run has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a process is stopped: longer than its session, so that others take its partitions while it still holds records.
const STOPPED: Duration = Duration::from_secs(9);

/// Runs a plan to its end; `program` is this program, which consumes when it is called so.
///
/// # Errors
/// What keeps the run from being judged: a cluster that does not start, or nothing that goes on.
pub async fn run(plan: &Plan, program: &Path) -> Result<Report> {
    let cluster = Cluster::start(plan.brokers).await?;
    cluster.create_topic(TOPIC, PARTITIONS).await?;
    let registry = Registry::start().await?;
    let folder = tempfile::tempdir()?;
    let mut chaos = Chaos {
        plan,
        program,
        cluster: Arc::new(cluster),
        registry,
        consumers: Vec::new(),
        report: Report::default(),
        chance: plan.seed | 1,
        folder,
    };
    for _ in 0..plan.consumers {
        let consumer = chaos.spawn()?;
        chaos.consumers.push(consumer);
    }
    let sent = Arc::new(AtomicU32::new(0));
    let producer = Producer::connect(&settings(&chaos.cluster.bootstrap(), &chaos.registry.url)).await?;
    let sending = tokio::spawn(send(plan.clone(), producer, Arc::clone(&sent)));
    chaos.hurt(&sent).await?;
    sending.await??;
    chaos.settle().await?;
    chaos.judge().await
}

struct Chaos<'a> {
    plan: &'a Plan,
    program: &'a Path,
    cluster: Arc<Cluster>,
    registry: Registry,
    consumers: Vec<Child>,
    report: Report,
    chance: u64,
    folder: TempDir,
}

/// A registry behind a door, which can be shut: nobody gets in, and who is in is thrown out.
struct Registry {
    url: String,
    address: SocketAddr,
    server: Server,
    door: JoinHandle<()>,
}

impl Registry {
    async fn start() -> Result<Self> {
        let server =
            Server::start(ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() }).await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let door = tokio::spawn(let_in(listener, server.url()));
        register(&RegistryClient::new(RegistryConfig::new(&url))?, None, SCHEMAS).await?;
        Ok(Self { url, address, server, door })
    }

    async fn go_away(&mut self, away: Duration) -> Result<()> {
        self.door.abort();
        tokio::time::sleep(away).await;
        let mut bound = TcpListener::bind(self.address).await;
        for _ in 0..50 {
            if bound.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            bound = TcpListener::bind(self.address).await;
        }
        self.door = tokio::spawn(let_in(bound?, self.server.url()));
        Ok(())
    }
}

/// Passes connections on; they end with it.
async fn let_in(listener: TcpListener, url: String) {
    let to = url.trim_start_matches("http://");
    let mut connections = JoinSet::new();
    while let Ok((mut inside, _)) = listener.accept().await {
        if let Ok(mut server) = TcpStream::connect(to).await {
            connections.spawn(async move { tokio::io::copy_bidirectional(&mut inside, &mut server).await });
        }
    }
}

/// Sends all events, those of each key in the order of their numbers.
async fn send(plan: Plan, producer: Producer, sent: Arc<AtomicU32>) -> Result<()> {
    let started = Instant::now();
    let mut pending = Vec::new();
    for index in 0..plan.events {
        let (key, number) = (index % plan.keys, index / plan.keys);
        let id = Uuid::from_u128(u128::from(key));
        let order = OrderCreated {
            quantity: i32::try_from(number)?,
            ..OrderCreated::new(id, "customer".into(), Currency::Eur, Timestamp::UNIX_EPOCH)
        };
        pending.push(producer.enqueue(&order).await?);
        sent.store(index + 1, Ordering::Relaxed);
        if pending.len() == 1_000 {
            for delivery in pending.drain(..) {
                delivery.await?;
            }
        }
        if plan.rate > 0 && index % 100 == 0 {
            let due = started + Duration::from_secs_f64(f64::from(index) / f64::from(plan.rate));
            tokio::time::sleep_until(due.into()).await;
        }
    }
    for delivery in pending {
        delivery.await?;
    }
    Ok(())
}

impl Chaos<'_> {
    fn effects(&self) -> PathBuf {
        self.folder.path().join("effects")
    }

    fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(self.program);
        command
            .args(["--consume", "--bootstrap", &self.cluster.bootstrap(), "--registry", &self.registry.url])
            .arg("--effects")
            .arg(self.effects())
            .args(["--workers", &self.plan.workers.to_string(), "--retry-topics", &self.plan.retry_topics.to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command.spawn().context("cannot start a consumer")
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        usize::try_from(self.chance >> 33).unwrap_or(0) % limit
    }

    /// Injects faults until all events are sent.
    async fn hurt(&mut self, sent: &AtomicU32) -> Result<()> {
        let pause = Duration::from_millis(self.plan.pause);
        while sent.load(Ordering::Relaxed) < self.plan.events {
            tokio::time::sleep(pause).await;
            self.count_in_flight().await?;
            let fault = self.inject().await?;
            *self.report.faults.entry(fault).or_default() += 1;
            self.count_in_flight().await?;
            println!("{fault}; {} of {} events sent", sent.load(Ordering::Relaxed), self.plan.events);
        }
        Ok(())
    }

    async fn inject(&mut self) -> Result<&'static str> {
        let victim = self.below(self.consumers.len());
        let node = u32::try_from(self.below(self.plan.brokers as usize))? + 1;
        match self.below(8) {
            0..=3 => {
                self.replace(victim).await?;
                Ok("consumer killed")
            }
            4 => {
                self.signal(victim, "-STOP").await?;
                tokio::time::sleep(STOPPED).await;
                self.signal(victim, "-CONT").await?;
                Ok("consumer stopped and continued")
            }
            5 => self.cluster.crash(node, Duration::from_secs(3)).await.map(|()| "broker killed"),
            6 => self.cluster.restart(node).await.map(|()| "broker restarted"),
            _ => self.registry.go_away(Duration::from_secs(3)).await.map(|()| "registry away"),
        }
    }

    async fn replace(&mut self, victim: usize) -> Result<()> {
        let consumer = self.spawn()?;
        let old = self.consumers.get_mut(victim).context("no such consumer")?;
        old.kill().await?;
        *old = consumer;
        Ok(())
    }

    async fn signal(&self, victim: usize, signal: &str) -> Result<()> {
        let id = self.consumers.get(victim).and_then(Child::id).context("the consumer has ended")?;
        let status = Command::new("kill").args([signal, &id.to_string()]).status().await?;
        ensure!(status.success(), "cannot send {signal} to a consumer");
        Ok(())
    }

    /// Adds how many records were handled and are not committed: whoever comes next may handle them again.
    async fn count_in_flight(&mut self) -> Result<()> {
        // What is running now ends, or is handled again.
        self.report.in_flight += self.plan.consumers * self.plan.workers;
        let Some(progress) = self.cluster.progress(TOPIC, GROUP, PARTITIONS).await else { return Ok(()) };
        let effects = if self.effects().exists() { effects::read(&self.effects())? } else { Vec::new() };
        let is_open = |effect: &&effects::Effect| {
            progress.get(&effect.partition).is_some_and(|(committed, _)| effect.offset >= *committed)
        };
        self.report.in_flight += effects.iter().filter(is_open).count();
        Ok(())
    }

    /// Waits until every record is committed, on the topic and on its retry topics.
    async fn settle(&mut self) -> Result<()> {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            for index in 0..self.consumers.len() {
                if let Some(status) = self.consumers.get_mut(index).map(Child::try_wait).transpose()?.flatten() {
                    self.report.violations.push(format!("a consumer ended by itself: {status}"));
                    self.replace(index).await?;
                }
            }
            if self.uncommitted().await == Some(0) {
                return Ok(());
            }
            let effects = std::fs::metadata(self.effects()).map_or(0, |file| file.len());
            if effects != last {
                (last, since) = (effects, Instant::now());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "nothing goes on, and {:?} records are not committed",
                self.uncommitted().await
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn uncommitted(&self) -> Option<i64> {
        let mut sum = self.cluster.uncommitted(TOPIC, GROUP, PARTITIONS).await?;
        for topic in topics::retry(TOPIC, self.plan.retry_topics) {
            sum += self.cluster.uncommitted(&topic, GROUP, PARTITIONS).await?;
        }
        Some(sum)
    }

    async fn judge(mut self) -> Result<Report> {
        let effects = effects::read(&self.effects())?;
        let mut dead = BTreeSet::new();
        for value in self.cluster.values(&topics::dead_letters(TOPIC), PARTITIONS).await? {
            let order = OrderCreated::decode(OrderCreated::WRITERS.len() - 1, value.get(5..).unwrap_or_default())?;
            dead.insert((u32::try_from(order.order_id.as_u128())?, u32::try_from(order.quantity)?));
        }
        self.report.judge(self.plan, &effects, &dead);
        Ok(self.report)
    }
}
