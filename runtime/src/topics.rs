//! The topics that events need: what they are called, and making them what they are to be.
//!
//! In: what topics are to be, from the manifest and the policies of the settings. Out: a [`Plan`] of what differs in Kafka, and, once
//! it is applied, nothing that differs. Only what is said is changed: a topic or a setting that nobody names stays as it is, and
//! nothing is ever deleted.
//!
//! ```no_run
//! use eventwright::{Settings, topics};
//!
//! # async fn run() -> Result<(), eventwright::Error> {
//! let settings = Settings::load()?;
//! let orders = topics::Topic::new("orders").partitions(6).config("retention.ms", "604800000");
//! let plan = topics::plan(&settings, &topics::with_policies(&settings, [orders])).await?;
//! topics::apply(&settings, &plan, |change| println!("{change}")).await
//! # }
//! ```

mod admin;
mod diff;
mod names;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use self::admin::Admin;
pub use self::names::{dead_letters, idempotency, replay_ledger, retry};
use crate::error::Kind;
use crate::{Error, OnFailure, Settings, kafka};

/// How long to wait before looking again whether brokers know of a change.
const POLL: Duration = Duration::from_millis(50);

/// What takes a topic's own value of a setting away, so that the broker's holds.
pub const BROKER_DEFAULT: &str = "default";

/// What a topic is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    name: String,
    partitions: Partitions,
    replication: Option<u16>,
    config: BTreeMap<String, String>,
    dead_letter_config: BTreeMap<String, String>,
}

/// How many partitions a topic is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Partitions {
    /// As many as the broker gives it.
    Any,
    /// So many.
    Count(u32),
    /// As many as another topic: a record has the same number in both.
    SameAs(String),
    /// As many as another topic when it is made; later it does not matter.
    MadeAs(String),
}

impl Topic {
    /// Returns a topic of which only the name matters, which is with prefix.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: Partitions::Any,
            replication: None,
            config: BTreeMap::new(),
            dead_letter_config: BTreeMap::new(),
        }
    }

    /// Sets how many partitions it is to have. They can become more, and never fewer.
    #[must_use]
    pub fn partitions(self, count: u32) -> Self {
        Self { partitions: Partitions::Count(count), ..self }
    }

    /// Sets how many brokers are to have a copy, which holds for a topic that is made.
    #[must_use]
    pub fn replication(self, factor: u16) -> Self {
        Self { replication: Some(factor), ..self }
    }

    /// Sets a topic setting of Kafka's; [`BROKER_DEFAULT`] takes the topic's own value away.
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// Sets a topic setting of Kafka's for the topic of its dead letters.
    #[must_use]
    pub fn dead_letter_config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.dead_letter_config.insert(key.into(), value.into());
        self
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a topic that stands beside this one.
    fn beside(&self, name: String, partitions: Partitions) -> Self {
        Self { partitions, replication: self.replication, ..Self::new(name) }
    }
}

/// Returns these topics, each followed by those that the policies of the settings need beside it: retry topics, the topic of dead
/// letters, and the ledger of those that were replayed.
#[must_use]
pub fn with_policies(settings: &Settings, topics: impl IntoIterator<Item = Topic>) -> Vec<Topic> {
    let topics: Vec<Topic> = topics.into_iter().collect();
    let named: HashSet<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let mut all: Vec<Topic> = Vec::new();
    for topic in topics {
        let beside = of_policies(settings, &topic);
        all.push(topic);
        for policy in beside {
            // All topics may have one topic for their dead letters, and the manifest may name it itself.
            if !named.contains(&policy.name) && all.iter().all(|other| other.name != policy.name) {
                all.push(policy);
            }
        }
    }
    all
}

fn of_policies(settings: &Settings, topic: &Topic) -> Vec<Topic> {
    let (consumer, name) = (&settings.consumer, &topic.name);
    let mut policies = Vec::new();
    for retry in retry(name, consumer.retry.topics) {
        policies.push(topic.beside(retry, Partitions::SameAs(name.clone())));
    }
    if consumer.on_failure == OnFailure::DeadLetter {
        let dead = consumer.dead_letter_topic.clone().unwrap_or_else(|| dead_letters(name));
        let ledger = topic.beside(replay_ledger(&dead), Partitions::Count(1)).config("cleanup.policy", "compact");
        let config = topic.dead_letter_config.clone();
        policies.push(Topic { config, ..topic.beside(dead, Partitions::MadeAs(name.clone())) });
        policies.push(ledger);
    }
    policies
}

/// What differs between topics as they are to be and as they are.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// What [`apply`] does, in this order.
    pub changes: Vec<Change>,
    /// Why the topics cannot become what they are to be; as long as there is something here, nothing is applied.
    pub refused: Vec<String>,
    /// What to know before the plan is applied.
    pub warnings: Vec<String>,
    topics: Vec<Topic>,
}

/// One change of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A topic is made.
    Create {
        /// Its name.
        topic: String,
        /// How many partitions it gets; `None` leaves it to the broker.
        partitions: Option<u32>,
        /// How many copies; `None` leaves it to the broker.
        replication: Option<u16>,
        /// Its own settings.
        config: BTreeMap<String, String>,
    },
    /// A topic gets more partitions.
    AddPartitions {
        /// Its name.
        topic: String,
        /// How many it has.
        from: u32,
        /// How many it gets.
        to: u32,
    },
    /// Settings of a topic change.
    Configure {
        /// Its name.
        topic: String,
        /// What changes, by key.
        entries: BTreeMap<String, ConfigChange>,
        /// All values that the topic has of its own afterwards: Kafka takes away what is not sent.
        own: BTreeMap<String, String>,
    },
}

/// How a setting of a topic changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigChange {
    /// The value that holds now, the topic's own or the broker's.
    pub from: Option<String>,
    /// The topic's own value afterwards; `None` where the broker's is to hold.
    pub to: Option<String>,
}

impl Change {
    /// Returns the name of the topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        match self {
            Self::Create { topic, .. } | Self::AddPartitions { topic, .. } | Self::Configure { topic, .. } => topic,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { topic, partitions, replication, config } => {
                write!(f, "+ {topic}: new")?;
                if let Some(count) = partitions {
                    write!(f, ", partitions {count}")?;
                }
                if let Some(factor) = replication {
                    write!(f, ", replication {factor}")?;
                }
                config.iter().try_for_each(|(key, value)| write!(f, ", {key} = {value}"))
            }
            Self::AddPartitions { topic, from, to } => write!(f, "~ {topic}: partitions {from} -> {to}"),
            Self::Configure { topic, entries, .. } => {
                write!(f, "~ {topic}: ")?;
                for (index, (key, ConfigChange { from, to })) in entries.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    let from = from.as_deref().unwrap_or("none");
                    let to = to.as_deref().unwrap_or("the broker's default");
                    write!(f, "{separator}{key} {from} -> {to}")?;
                }
                Ok(())
            }
        }
    }
}

/// Compares topics with what Kafka has, and lets Kafka check the changes; nothing is changed.
///
/// # Errors
/// A setting that cannot be used, no broker that answers within `connect_timeout_ms`, or a broker that does not tell us.
pub async fn plan(settings: &Settings, topics: &[Topic]) -> Result<Plan, Error> {
    settings.check()?;
    let admin = Admin::connect(settings)?;
    let mut plan = look(&admin, topics).await?;
    if plan.refused.is_empty() {
        plan.refused = admin.validate(&plan.changes).await?;
    }
    Ok(plan)
}

/// Does what a plan says, and returns once brokers know of it; `done` hears of each change that was made. A plan that was applied
/// in part is planned again and then applied.
///
/// # Errors
/// A plan that is refused, a change that Kafka does not make, or brokers that do not show it within `connect_timeout_ms`.
pub async fn apply(settings: &Settings, plan: &Plan, done: impl FnMut(&Change)) -> Result<(), Error> {
    if let Some(why) = plan.refused.first() {
        return Err(Error::settings(format!("the topics cannot become what they are to be: {why}")));
    }
    if plan.changes.is_empty() {
        return Ok(());
    }
    let admin = Admin::connect(settings)?;
    admin.apply(&plan.changes, done).await?;
    let deadline = Instant::now() + settings.connect_timeout;
    while let Some(change) = look(&admin, &plan.topics).await?.changes.first() {
        if Instant::now() >= deadline {
            let within = kafka::shown(settings.connect_timeout);
            let text = format!(
                "Kafka was asked for all changes, but after {within} it does not show this one: {change}; help: may we change the \
                 settings of the topic (ALTER_CONFIGS)?"
            );
            return Err(Error::new(Kind::Broker, text).retriable());
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

async fn look(admin: &Admin, topics: &[Topic]) -> Result<Plan, Error> {
    let actual = admin.look(topics).await?;
    Ok(diff::diff(topics, &actual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Retry;
    use crate::settings::ConsumerSettings;

    #[test]
    fn policies_name_the_topics_beside_a_topic() {
        let check = |settings: &Settings, expected: &[&str]| {
            let topics = with_policies(settings, [Topic::new("a").partitions(3), Topic::new("b")]);
            let names: Vec<_> = topics.iter().map(Topic::name).collect();
            assert_eq!(names, expected);
        };
        let mut settings = Settings::default();
        check(&settings, &["a", "a_dlq", "a_dlq_replayed", "b", "b_dlq", "b_dlq_replayed"]);
        settings.consumer.dead_letter_topic = Some("dead".into());
        settings.consumer.retry = Retry::one_topic();
        check(&settings, &["a", "a_retry", "dead", "dead_replayed", "b", "b_retry"]);
        settings.consumer.on_failure = OnFailure::Stop;
        settings.consumer.retry = Retry::three_topics();
        let retries = ["a", "a_retry_1", "a_retry_2", "a_retry_3", "b", "b_retry_1", "b_retry_2", "b_retry_3"];
        check(&settings, &retries);
        settings.consumer = ConsumerSettings::default();
        settings.consumer.dead_letter_topic = Some("b".into());
        check(&settings, &["a", "b_replayed", "b"]);
    }
}
