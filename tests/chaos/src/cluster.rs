//! A Kafka cluster of its own, which can be hurt: its brokers, and the way to them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::door::{Door, State};
use crate::kafka::Kafka;
use crate::service::Service;

/// How many ports a cluster has for itself and for the other services of a run.
const PORTS: u16 = 400;

/// A Kafka cluster; it stops with the run.
pub(crate) struct Cluster {
    service: Service,
    /// The ways of consumers and of the producer to each broker.
    doors: Vec<Door>,
    /// Past the doors.
    pub(crate) kafka: Kafka,
}

impl Cluster {
    /// Starts so many brokers, the first of them on that port.
    pub(crate) async fn start(brokers: u32, port: u16, folder: &Path) -> Result<Self> {
        let mut doors = Vec::new();
        for node in 0..u16::try_from(brokers)? {
            // Where scripts/kafka.sh says that its brokers listen for a proxy.
            doors.push(Door::to(SocketAddr::from((Ipv4Addr::LOCALHOST, port + 50 + node))).await?);
        }
        let proxies: Vec<_> = doors.iter().map(|door| door.address().port().to_string()).collect();
        // A record is in Kafka once two of three brokers have it, so that one may crash.
        let in_sync = brokers.div_ceil(2);
        let extra = format!(
            "default.replication.factor={brokers} min.insync.replicas={in_sync} auto.create.topics.enable=false"
        );
        let variables = vec![
            ("KAFKA_PORT", port.to_string()),
            ("KAFKA_BROKERS", brokers.to_string()),
            ("KAFKA_PROXIES", proxies.join(" ")),
            ("KAFKA_EXTRA", extra),
            ("KAFKA_DATA", folder.join("kafka").display().to_string()),
        ];
        let addresses = (0..brokers).map(|node| format!("127.0.0.1:{}", u32::from(port) + node));
        let kafka = Kafka::at(&addresses.collect::<Vec<_>>().join(","));
        let service = Service::start("kafka.sh", "clean", variables).await?;
        Ok(Self { service, doors, kafka })
    }

    /// Returns the addresses that can be cut.
    pub(crate) fn bootstrap(&self) -> String {
        self.doors.iter().map(|door| door.address().to_string()).collect::<Vec<_>>().join(",")
    }

    /// Returns how many nodes there are.
    pub(crate) fn n_nodes(&self) -> usize {
        self.doors.len()
    }

    /// Crashes a node, counted from 0, which stays away for a while.
    pub(crate) async fn crash(&self, node: usize, away: Duration) -> Result<()> {
        let node = (node + 1).to_string();
        self.service.call(&["kill", &node]).await?;
        tokio::time::sleep(away).await;
        self.service.call(&["resume", &node]).await
    }

    /// Stops a node cleanly and starts it again.
    pub(crate) async fn restart(&self, node: usize) -> Result<()> {
        self.service.call(&["restart", &(node + 1).to_string()]).await
    }

    /// Ends all connections; who comes back is let in.
    pub(crate) fn cut_all(&self) {
        self.doors.iter().for_each(Door::cut);
    }

    /// Cuts a node off for a while from all but the other nodes.
    pub(crate) async fn cut_off(&self, node: usize, away: Duration) -> Result<()> {
        let door = self.doors.get(node).context("no such node")?;
        door.set(State::Shut);
        tokio::time::sleep(away).await;
        door.set(State::Open);
        Ok(())
    }

    /// Lets nothing pass for a while, in no direction, and keeps all connections.
    pub(crate) async fn silence(&self, length: Duration) {
        self.doors.iter().for_each(|door| door.set(State::Silent));
        tokio::time::sleep(length).await;
        self.doors.iter().for_each(|door| door.set(State::Open));
    }
}

/// Returns the first of so many ports that nobody uses now. Runs at the same time begin to look at different ones.
pub(crate) fn free_ports() -> Result<u16> {
    let first = u16::try_from(std::process::id() % 20)?;
    // Brokers, other services, brokers' ways for a proxy, and controllers.
    let used = [0, 1, 2, 10, 20, 50, 51, 52, 100, 101, 102];
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let bases = (0..20).map(|turn| 21_092 + PORTS * ((first + turn) % 20));
    let mut free = bases.filter(|base| used.iter().all(|offset| is_free(base + offset)));
    free.next().context("no ports are free among 21092, 21492, ..., 28692; help: stop what uses them")
}
