//! A Kafka cluster of its own, which can be hurt.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use tempfile::TempDir;
use tokio::process::Command;

const TIMEOUT: Duration = Duration::from_secs(60);

/// A Kafka cluster; it stops with the program.
pub(crate) struct Cluster {
    port: u16,
    brokers: u32,
    data: TempDir,
}

impl Cluster {
    pub(crate) async fn start(brokers: u32) -> Result<Self> {
        let free = |port: &u16| (0..4).all(|hundreds| (0..3).all(|node| is_free(port + hundreds * 100 + node)));
        let port = (21_092..29_000).step_by(400).find(free).context("no port is free")?;
        let cluster = Self { port, brokers, data: tempfile::tempdir()? };
        cluster.script(&["start"]).await?;
        Ok(cluster)
    }

    pub(crate) fn bootstrap(&self) -> String {
        let address = |node| format!("127.0.0.1:{}", u32::from(self.port) + node);
        (0..self.brokers).map(address).collect::<Vec<_>>().join(",")
    }

    /// Crashes a node, which stays away for a while.
    pub(crate) async fn crash(&self, node: u32, away: Duration) -> Result<()> {
        self.script(&["kill", &node.to_string()]).await?;
        tokio::time::sleep(away).await;
        self.script(&["resume", &node.to_string()]).await
    }

    /// Stops a node cleanly and starts it again.
    pub(crate) async fn restart(&self, node: u32) -> Result<()> {
        self.script(&["restart", &node.to_string()]).await
    }

    async fn script(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command(arguments).output().await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kafka.sh {arguments:?} ended with {}: {errors}", output.status);
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka.sh");
        let mut command = Command::new(script);
        // A record is in Kafka once two of three brokers have it, so that one may crash.
        let (replicas, in_sync) = (self.brokers, self.brokers.div_ceil(2));
        let extra = format!(
            "default.replication.factor={replicas} min.insync.replicas={in_sync} auto.create.topics.enable=false"
        );
        command
            .args(arguments)
            .env("KAFKA_PORT", self.port.to_string())
            .env("KAFKA_BROKERS", self.brokers.to_string())
            .env("KAFKA_EXTRA", extra)
            .env("KAFKA_DATA", self.data.path().join("kafka"));
        command
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    pub(crate) async fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        match admin.create_topics([&topic], &AdminOptions::new()).await?.pop() {
            Some(Ok(_)) => Ok(()),
            refused => bail!("cannot make the topic `{name}`: {refused:?}"),
        }
    }

    /// Returns how many records of a topic a group has not committed yet; nothing where nobody answers.
    pub(crate) async fn uncommitted(&self, topic: &str, group: &str, partitions: i32) -> Option<i64> {
        let progress = self.progress(topic, group, partitions).await?;
        Some(progress.values().map(|(committed, end)| end - committed).sum())
    }

    /// Returns what a group has committed of each partition, and where that ends; nothing where nobody answers.
    pub(crate) async fn progress(
        &self,
        topic: &str,
        group: &str,
        partitions: i32,
    ) -> Option<BTreeMap<i32, (i64, i64)>> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().ok()?;
        let topic = topic.to_owned();
        let ask = move || {
            let mut list = TopicPartitionList::new();
            list.add_partition_range(&topic, 0, partitions - 1);
            let committed = consumer.committed_offsets(list, TIMEOUT).ok()?;
            let mut progress = BTreeMap::new();
            for element in committed.elements() {
                let (start, end) = consumer.fetch_watermarks(&topic, element.partition(), TIMEOUT).ok()?;
                let committed = if let Offset::Offset(offset) = element.offset() { offset } else { start };
                progress.insert(element.partition(), (committed, end));
            }
            Some(progress)
        };
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    /// Returns the values of a topic, from its beginning to its end.
    pub(crate) async fn values(&self, topic: &str, partitions: i32) -> Result<Vec<Vec<u8>>> {
        let consumer: BaseConsumer =
            self.config().set("group.id", "reader").set("auto.offset.reset", "earliest").create()?;
        let topic = topic.to_owned();
        let read = move || {
            let mut list = TopicPartitionList::new();
            let mut count = 0;
            for partition in 0..partitions {
                let (start, end) = consumer.fetch_watermarks(&topic, partition, TIMEOUT)?;
                list.add_partition_offset(&topic, partition, Offset::Offset(start))?;
                count += end - start;
            }
            consumer.assign(&list)?;
            let mut values = Vec::new();
            for _ in 0..count {
                let record = consumer.poll(TIMEOUT).context("a record does not come")??;
                values.push(record.payload().unwrap_or_default().to_vec());
            }
            Ok(values)
        };
        tokio::task::spawn_blocking(read).await?
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.command(&["clean"]).as_std_mut().output());
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
