//! What Kafka says of topics, and the requests that change them.
//!
//! librdkafka's crate replaces all of a topic's own settings at once: what others have set is read before and sent again. A setting
//! that somebody changes in between is lost. Of settings it also drops Kafka's answers topic by topic (`AlterConfigsFuture` of 0.39),
//! so that they are checked as those of a new topic, and looked at after they were changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigResource, ConfigSource, NewPartitions, NewTopic,
    OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{Producer as _, ThreadedProducer};
use rdkafka::util::Timeout;

use super::diff::{Actual, ActualValue};
use super::{Change, Topic};
use crate::error::Kind;
use crate::kafka::{self, Health, Logs};
use crate::{Error, Settings};

/// Asks Kafka for topics, and changes them.
pub(super) struct Admin {
    client: AdminClient<Logs>,
    /// Says what topics there are, and why a broker does not answer, of which an `AdminClient` hears nothing.
    teller: Arc<ThreadedProducer<Logs>>,
    health: Arc<Health>,
    settings: Settings,
}

/// The name under which settings are checked; no topic of it is ever made.
const PROBE: &str = "eventwright_validates_settings";

/// Whether changes are made, or only checked by Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Validate,
    Make,
}

impl Admin {
    pub(super) fn connect(settings: &Settings) -> Result<Self, Error> {
        let health = Arc::new(Health::default());
        let logs = Logs(Arc::clone(&health));
        let config = settings.kafka_config(&[]);
        let client = config.create_with_context(logs.clone()).map_err(kafka::config_error)?;
        let teller = Arc::new(config.create_with_context(logs).map_err(kafka::config_error)?);
        Ok(Self { client, teller, health, settings: settings.clone() })
    }

    /// Returns those of the topics that there are, with the settings of those whose settings are named.
    pub(super) async fn look(&self, topics: &[Topic]) -> Result<HashMap<String, Actual>, Error> {
        let mut actual = self.metadata().await?;
        let is_there = |topic: &&Topic| actual.contains_key(&topic.name);
        let asked: Vec<_> = topics
            .iter()
            .filter(is_asked_for)
            .filter(is_there)
            .map(|topic| ResourceSpecifier::Topic(&topic.name))
            .collect();
        if asked.is_empty() {
            return Ok(actual);
        }
        let described = self.client.describe_configs(&asked, &self.options(Mode::Make)).await;
        for resource in described.map_err(|error| self.failed("cannot read the settings of topics", error))? {
            let Ok(resource) = resource else { continue };
            let OwnedResourceSpecifier::Topic(name) = &resource.specifier else { continue };
            if let Some(actual) = actual.get_mut(name) {
                actual.config = values(resource);
            }
        }
        let is_silent = |topic: &&Topic| actual.get(&topic.name).is_some_and(|actual| actual.config.is_empty());
        if let Some(topic) = topics.iter().filter(is_asked_for).find(is_silent) {
            let text =
                format!("Kafka does not tell the settings of `{}`; help: grant DESCRIBE_CONFIGS on it", topic.name);
            return Err(Error::new(Kind::Broker, text));
        }
        Ok(actual)
    }

    /// Asks for all topics, because to ask for one by name may make it.
    async fn metadata(&self) -> Result<HashMap<String, Actual>, Error> {
        let (teller, timeout) = (Arc::clone(&self.teller), self.settings.connect_timeout);
        let asked = tokio::task::spawn_blocking(move || teller.client().fetch_metadata(None, timeout)).await;
        let Ok(Ok(metadata)) = asked else { return Err(kafka::unreachable(&self.settings, &self.health)) };
        self.health.succeeded();
        let topic = |topic: &MetadataTopic| {
            let partitions = topic.partitions();
            let copies = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            let actual = Actual {
                partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
                replication: u16::try_from(copies).unwrap_or(u16::MAX),
                ..Actual::default()
            };
            (topic.name().to_owned(), actual)
        };
        Ok(metadata.topics().iter().filter(|topic| !topic.partitions().is_empty()).map(topic).collect())
    }

    /// Returns why Kafka would not make changes.
    pub(super) async fn validate(&self, changes: &[Change]) -> Result<Vec<String>, Error> {
        let mut refused = Vec::new();
        for change in changes {
            let answer = self.send(change, Mode::Validate).await?;
            refused.extend(answer.err().map(|code| why(change, code)));
        }
        Ok(refused)
    }

    /// Makes changes, one after the other.
    pub(super) async fn apply(&self, changes: &[Change], mut done: impl FnMut(&Change)) -> Result<(), Error> {
        for change in changes {
            match self.send(change, Mode::Make).await? {
                Ok(()) => done(change),
                Err(code) => return Err(Error::new(Kind::Broker, why(change, code))),
            }
        }
        Ok(())
    }

    /// Sends a change; the inner error is Kafka's answer to it.
    async fn send(&self, change: &Change, mode: Mode) -> Result<Result<(), RDKafkaErrorCode>, Error> {
        let options = self.options(mode);
        let answer = match change {
            Change::Create { topic, partitions, replication, config } => {
                let copies = replication.map_or(-1, i32::from);
                let mut new = NewTopic::new(topic, count(*partitions), TopicReplication::Fixed(copies));
                for (key, value) in config {
                    new = new.set(key, value);
                }
                self.client.create_topics([&new], &options).await.map(first)
            }
            Change::AddPartitions { topic, to, .. } => {
                let total = usize::try_from(*to).unwrap_or(usize::MAX);
                self.client.create_partitions([&NewPartitions::new(topic, total)], &options).await.map(first)
            }
            Change::Configure { own, .. } if mode == Mode::Validate => return self.validate_settings(own).await,
            Change::Configure { topic, own, .. } => {
                let mut alter = AlterConfig::new(ResourceSpecifier::Topic(topic));
                for (key, value) in own {
                    alter = alter.set(key, value);
                }
                self.client.alter_configs([&alter], &options).await.map(first)
            }
        };
        answer.map_err(|error| self.failed(&format!("no answer to this change: {change}"), error))
    }

    /// Asks whether a new topic could have these settings. Whether we may make one does not matter here.
    async fn validate_settings(
        &self,
        settings: &BTreeMap<String, String>,
    ) -> Result<Result<(), RDKafkaErrorCode>, Error> {
        let mut new = NewTopic::new(PROBE, -1, TopicReplication::Fixed(-1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let answer = self.client.create_topics([&new], &self.options(Mode::Validate)).await.map(first);
        match answer.map_err(|error| self.failed("no answer about settings of topics", error))? {
            Err(RDKafkaErrorCode::InvalidConfig) => Ok(Err(RDKafkaErrorCode::InvalidConfig)),
            _ => Ok(Ok(())),
        }
    }

    fn options(&self, mode: Mode) -> AdminOptions {
        let timeout = Timeout::After(self.settings.connect_timeout.max(Duration::from_secs(1)));
        AdminOptions::new().request_timeout(Some(timeout)).validate_only(mode == Mode::Validate)
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        let text = format!("{what}, at `{}`{}", self.settings.bootstrap, self.health.suffix());
        Error::new(Kind::Broker, text).with_source(error).retriable()
    }
}

/// Returns whether settings of a topic are compared.
fn is_asked_for(topic: &&Topic) -> bool {
    !topic.config.is_empty()
}

/// Returns the answer about the one thing that was asked for.
fn first<T, U>(results: Vec<Result<T, (U, RDKafkaErrorCode)>>) -> Result<(), RDKafkaErrorCode> {
    results.into_iter().try_for_each(|result| result.map(drop).map_err(|(_, code)| code))
}

/// -1 is what the broker has as its default.
fn count(partitions: Option<u32>) -> i32 {
    partitions.map_or(-1, |count| i32::try_from(count).unwrap_or(i32::MAX))
}

fn values(resource: ConfigResource) -> BTreeMap<String, ActualValue> {
    let value = |entry: ConfigEntry| {
        let is_own = entry.source == ConfigSource::DynamicTopic;
        (entry.name, ActualValue { value: entry.value.filter(|_| !entry.is_sensitive), is_own })
    };
    resource.entries.into_iter().map(value).collect()
}

/// Returns why Kafka does not make a change.
fn why(change: &Change, code: RDKafkaErrorCode) -> String {
    let help = match code {
        RDKafkaErrorCode::InvalidConfig => {
            "; help: is every setting of the topic one of Kafka's, with a value that it takes?"
        }
        RDKafkaErrorCode::InvalidReplicationFactor => "; help: are there as many brokers as copies?",
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
            "; help: grant CREATE and ALTER, or let somebody apply this who may"
        }
        RDKafkaErrorCode::PolicyViolation => "; help: the cluster has a rule for topics, which its administrators know",
        _ => "",
    };
    format!("Kafka refuses this change: {change}: {code}{help}")
}
