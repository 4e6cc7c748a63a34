//! A Kafka cluster inside the process, for demos: with sockets, and with what librdkafka makes of them.
//!
//! It is librdkafka's mock cluster: real sockets and the real protocol, but no storage. Each partition keeps 5 MiB or
//! 100,000 batches and silently drops what is more; transactions are fake, administration is missing, and everything is
//! gone when it is dropped. Consumers need `group.protocol=consumer` and `fetch.wait.max.ms=5` to start quickly, which
//! [`MockKafka::settings`] sets; with them, a consumer never gets the partitions of a topic that did not exist when it
//! joined, so make topics first.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::error::Kind;
use crate::{Error, OnFailure, Settings};

/// A Kafka cluster inside the process; it ends when it is dropped.
pub struct MockKafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl MockKafka {
    /// Starts a cluster of one broker on a free port of the loopback address.
    ///
    /// # Errors
    /// A cluster that librdkafka cannot start.
    pub fn start() -> Result<Self, Error> {
        let cluster = MockCluster::new(1);
        let cluster =
            cluster.map_err(|error| Error::new(Kind::Broker, "cannot start a mock cluster").with_source(error))?;
        Ok(Self { cluster })
    }

    /// Makes a topic, which must exist before a consumer joins. Without it, the first record makes a topic with 4
    /// partitions.
    ///
    /// # Errors
    /// A name or a number of partitions that librdkafka refuses.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), Error> {
        self.cluster
            .create_topic(topic, partitions, 1)
            .map_err(|error| Error::new(Kind::Broker, format!("cannot create the topic `{topic}`")).with_source(error))
    }

    /// Returns the address of the broker, `host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Returns settings for this cluster and a registry, with what the mock cluster needs to be quick. A record that cannot
    /// be handled stops the consumer: nobody can make a topic for dead letters here, and to find that out takes as long as
    /// `connect_timeout_ms` for each topic.
    #[must_use]
    pub fn settings(&self, registry_url: &str) -> Settings {
        let mut settings = Settings::new(self.bootstrap(), registry_url)
            .with_kafka("group.protocol", "consumer")
            .with_kafka("fetch.wait.max.ms", "5");
        settings.consumer.on_failure = OnFailure::Stop;
        settings
    }
}

impl std::fmt::Debug for MockKafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockKafka").field("bootstrap", &self.bootstrap()).finish()
    }
}
