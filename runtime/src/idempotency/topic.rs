//! Deduplication in a compacted topic: nothing but Kafka is needed, and what was handled is known after a restart.
//!
//! A mark is a record whose key is the event's. All marks of the group are read into memory before the first event is
//! handled, and from then on as they come. Claims are those of this process: events with one key are on one partition, and
//! a partition has one consumer. Whoever is given a partition first reads what was marked before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::sync::{Mutex, OnceCell};

use super::tail::Tail;
use super::{Answer, Claim, DedupeStore, EventKey, MemoryStore, Owner};
use crate::error::Kind;
use crate::kafka::Logs;
use crate::{Error, Settings, kafka};

/// What the value of a mark is; one without value takes the mark back.
const DONE: &str = "done";

/// The longest and the shortest time that Kafka writes marks into one file of the log: only closed ones are cleaned.
const SEGMENT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));

/// Returns the settings of a topic whose marks are kept for so long. Marks that are too old are Kafka's to delete: tombstones would
/// be written by the clock of some consumer.
pub(crate) fn config(ttl: Duration) -> [(&'static str, String); 4] {
    [
        ("cleanup.policy", "compact,delete".into()),
        ("retention.ms", ttl.as_millis().to_string()),
        ("segment.ms", ttl.clamp(SEGMENT.0, SEGMENT.1).as_millis().to_string()),
        ("message.timestamp.type", "LogAppendTime".into()),
    ]
}

/// Deduplication in a compacted topic.
pub struct TopicStore {
    topic: String,
    settings: Settings,
    known: Arc<MemoryStore>,
    opened: OnceCell<Opened>,
    /// Partitions were assigned since the end of the topic was read last.
    is_behind: AtomicBool,
    /// Held by who reads up to the end.
    catching_up: Mutex<()>,
    group: std::sync::Mutex<Option<String>>,
}

struct Opened {
    producer: FutureProducer<Logs>,
    tail: Tail,
}

impl TopicStore {
    /// Returns a store in a topic, which is made when the consumer starts; the name is with its prefix.
    #[must_use]
    pub fn new(settings: &Settings, topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            settings: settings.clone(),
            known: Arc::new(MemoryStore::new(&settings.idempotency)),
            opened: OnceCell::new(),
            is_behind: AtomicBool::new(false),
            catching_up: Mutex::default(),
            group: std::sync::Mutex::default(),
        }
    }

    /// Returns whether an event was handled.
    #[cfg(feature = "redis")]
    pub(super) async fn is_done(&self, key: &EventKey) -> Result<bool, Error> {
        self.catch_up().await?;
        Ok(self.known.is_done(key))
    }

    async fn start(&self, group: &str) -> Result<Opened, Error> {
        #[cfg(feature = "testing")]
        if self.settings.memory().is_some() {
            let text =
                "a cluster in memory has no compacted topic; help: set `idempotency.store` to `memory` in the test";
            return Err(Error::settings(text));
        }
        self.make_topic().await?;
        let mut config = self.settings.kafka_config(&[("linger.ms", "1"), ("partitioner", "murmur2_random")]);
        config.set("enable.idempotence", "true").set("acks", "all");
        config.set("delivery.timeout.ms", self.settings.producer.delivery_timeout.as_millis().to_string());
        let producer = config.create_with_context(Logs::default()).map_err(kafka::config_error)?;
        let tail = Tail::start(&self.settings, &self.topic, group, Arc::clone(&self.known)).await?;
        tail.read_to_the_end().await?;
        Ok(Opened { producer, tail })
    }

    async fn make_topic(&self) -> Result<(), Error> {
        let admin: AdminClient<_> =
            self.settings.kafka_config(&[]).create_with_context(Logs::default()).map_err(kafka::config_error)?;
        let config = config(self.settings.idempotency.ttl);
        let mut new = NewTopic::new(&self.topic, -1, TopicReplication::Fixed(-1));
        new.config = config.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let options = AdminOptions::new().request_timeout(Some(Timeout::After(self.settings.connect_timeout)));
        match admin.create_topics([&new], &options).await.map(|mut results| results.pop()) {
            Ok(None | Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)))) => {}
            // Whether it is there is seen by who reads it next.
            Ok(Some(Err((_, code)))) => tracing::debug!(topic = self.topic, %code, "the topic was not made"),
            Err(error) => tracing::debug!(topic = self.topic, %error, "the topic was not made"),
        }
        Ok(())
    }

    fn opened(&self) -> Result<&Opened, Error> {
        let closed =
            || Error::new(Kind::Store, format!("the marks in `{}` were not read; help: call `open`", self.topic));
        self.opened.get().ok_or_else(closed)
    }

    /// Reads what others marked before they lost the partitions that are ours now.
    async fn catch_up(&self) -> Result<(), Error> {
        if !self.is_behind.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.catching_up.lock().await;
        // What is assigned while we read makes us read again.
        if self.is_behind.swap(false, Ordering::AcqRel)
            && let Err(error) = self.opened()?.tail.catch_up().await
        {
            self.is_behind.store(true, Ordering::Release);
            return Err(error);
        }
        Ok(())
    }

    async fn mark(&self, key: &EventKey) -> Result<(), Error> {
        let text = key.to_string();
        let record = FutureRecord::to(&self.topic).key(&text).payload(DONE);
        let sent = self.opened()?.producer.send(record, Timeout::Never).await;
        sent.map_err(|(error, _)| {
            let text = format!("a handled event was not marked in `{}`", self.topic);
            Error::new(Kind::Store, text).with_source(error).retriable()
        })?;
        self.known.mark(key, Duration::ZERO);
        Ok(())
    }

    /// A store reads the marks of one group.
    fn take_group(&self, group: &str) -> Result<(), Error> {
        let mut known = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(other) if other != group => Err(Error::settings(format!(
                "the store in `{}` reads the marks of the group `{other}`; help: give the group `{group}` a store of its own",
                self.topic
            ))),
            _ => {
                *known = Some(group.to_owned());
                Ok(())
            }
        }
    }
}

impl DedupeStore for TopicStore {
    fn open<'a>(&'a self, group: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.take_group(group)?;
            self.opened.get_or_try_init(|| self.start(group)).await.map(drop)
        })
    }

    fn claim<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, Claim> {
        if !self.is_behind.load(Ordering::Acquire) {
            return self.known.claim(key, owner);
        }
        Box::pin(async move {
            self.catch_up().await?;
            self.known.claim(key, owner).await
        })
    }

    fn done<'a>(&'a self, key: &'a EventKey) -> Answer<'a, ()> {
        Box::pin(self.mark(key))
    }

    fn release<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, ()> {
        self.known.release(key, owner)
    }

    fn claim_ttl(&self) -> Duration {
        self.known.claim_ttl()
    }

    fn partitions_assigned(&self) {
        self.is_behind.store(true, Ordering::Release);
    }
}

impl std::fmt::Debug for TopicStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicStore").field("topic", &self.topic).finish_non_exhaustive()
    }
}
