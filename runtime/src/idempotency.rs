//! Handles each event once, although Kafka delivers some records twice and producers write some events twice.
//!
//! In: the group and the id of an event (header `ew-message-id`). Out: whether it is new, handled already, or in the hands
//! of somebody else just now. A consumer claims an event before it calls the handler and marks it as done after the handler
//! has succeeded; then it commits the offset. A claim has an owner and expires, so that a consumer that was killed takes no
//! event with it. Nothing but success marks an event: one that was given up as a dead letter is handled when it is
//! replayed.
//!
//! What no store of this kind can do: a process that is killed after the handler's effect and before the mark leaves an
//! event that looks unhandled, and its effect happens twice. Only a mark in the same transaction as the effect has no such
//! moment: [`sql`] for effects in a database, [`exactly_once`](crate::ConsumerBuilder::exactly_once) for effects in Kafka.

#[cfg(feature = "redis")]
mod hybrid;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod sql;
#[cfg(test)]
mod suite;
mod table;
mod tail;
mod topic;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::settings::Store;
use crate::{Error, Settings};

#[cfg(feature = "redis")]
pub use self::hybrid::HybridStore;
pub use self::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use self::topic::TopicStore;
pub(crate) use self::topic::config as topic_config;

/// What a store answers, sooner or later. Every error means that the store cannot be reached or does not work: the record
/// waits and the store is asked again.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Knows which events a group has handled, and which ones are in somebody's hands.
///
/// A consumer calls `open` once, `claim` before each event, and then `done` or `release`. Each may be called any number of
/// times with the same arguments.
pub trait DedupeStore: Send + Sync + 'static {
    /// Makes the store ready for the events of a group: connects, reads what there is.
    fn open<'a>(&'a self, group: &'a str) -> Answer<'a, ()>;

    /// Claims an event for an owner, for [`DedupeStore::claim_ttl`]; an owner that has it already holds it for longer.
    fn claim<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, Claim>;

    /// Marks an event as handled, whoever has it claimed.
    fn done<'a>(&'a self, key: &'a EventKey) -> Answer<'a, ()>;

    /// Gives up a claim, if the owner still has it; an event that was handled stays so.
    fn release<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, ()>;

    /// Returns after how long a claim expires whose owner does not claim again.
    fn claim_ttl(&self) -> Duration;

    /// Takes note of partitions that were somebody else's until now: claims from here on must know what was marked before.
    fn partitions_assigned(&self) {}
}

/// An event, as one group sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// The consumer group.
    pub group: Arc<str>,
    /// The event's id: the header `ew-message-id`.
    pub id: Box<str>,
}

/// Who has an event in hand: one number for each record that a consumer takes in hand, so that two records of one event
/// are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(pub u128);

/// What a claim came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The event is the owner's to handle.
    New,
    /// The event was handled.
    Duplicate,
    /// Somebody else has the event in hand, or died with it: the claim expires.
    InProgress,
}

impl EventKey {
    /// Returns the key of an event for a group.
    #[must_use]
    pub fn new(group: impl Into<Arc<str>>, id: impl Into<Box<str>>) -> Self {
        Self { group: group.into(), id: id.into() }
    }

    /// Returns the key that a text stands for, if it is one of the group.
    fn parse(text: &str, group: &Arc<str>) -> Option<Self> {
        let (length, rest) = text.split_once(':')?;
        let id = rest.strip_prefix(&**group)?.strip_prefix(':')?;
        (length.parse() == Ok(group.len())).then(|| Self::new(Arc::clone(group), id))
    }
}

/// One text for both, such as `9:inventory:7b1c`: the length tells where a group ends that has colons of its own.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.group.len(), self.group, self.id)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Returns the store that the settings name.
pub(crate) fn of_settings<'a>(
    settings: &Settings,
    mut topics: impl Iterator<Item = &'a str>,
) -> Result<Option<Arc<dyn DedupeStore>>, Error> {
    let mut of_topic = || match (&settings.idempotency.topic, topics.next(), topics.next()) {
        (Some(name), ..) => Ok(TopicStore::new(settings, name)),
        (None, Some(topic), None) => Ok(TopicStore::new(settings, crate::topics::idempotency(topic))),
        (None, ..) => Err(Error::settings(
            "a consumer of several topics notes handled events in one topic; help: name it in `idempotency.topic`",
        )),
    };
    Ok(match settings.idempotency.store {
        Store::None => None,
        Store::Memory => Some(Arc::new(MemoryStore::new(&settings.idempotency))),
        Store::Topic => Some(Arc::new(of_topic()?)),
        #[cfg(feature = "redis")]
        Store::Redis => Some(Arc::new(RedisStore::new(settings)?)),
        #[cfg(feature = "redis")]
        Store::Hybrid => Some(Arc::new(HybridStore::new(RedisStore::new(settings)?, of_topic()?))),
        #[cfg(not(feature = "redis"))]
        Store::Redis | Store::Hybrid => {
            let text = "`idempotency.store` names Redis; help: turn on the feature `redis` of the crate `eventwright`";
            return Err(Error::settings(text));
        }
    })
}

/// Returns an answer that is there already.
fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_ids_with_colons_are_told_apart() {
        let text = |group: &str, id: &str| EventKey::new(group, id).to_string();
        assert_eq!(text("inventory", "7b1c"), "9:inventory:7b1c");
        assert_ne!(text("a:b", "c"), text("a", "b:c"));
        let parse = |text: &str| EventKey::parse(text, &Arc::from("a:b")).map(|key| key.id);
        assert_eq!(parse(&text("a:b", "c:d")).as_deref(), Some("c:d"));
        for foreign in [text("a", "b:c"), text("a:", "b:c"), "x:a:b:c".into(), "a:b".into(), String::new()] {
            assert_eq!(parse(&foreign), None, "{foreign}");
        }
    }
}
