//! The partitions that the group gives to us and takes from us: what librdkafka must hear of each change.
//!
//! A change is only complete when we have said so. Partitions that are taken away in an orderly manner stay ours until then, so that
//! handlers can end and what they did can be committed. The protocol, eager or cooperative (KIP-429, KIP-848), decides whether
//! librdkafka speaks of all partitions or of those that move.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;

use super::list;
use crate::broker::TopicPartition;

/// What is still to be said to librdkafka.
#[derive(Default)]
pub(super) struct Assignment {
    state: Mutex<State>,
    /// There are partitions to begin with that nobody has begun with.
    has_news: AtomicBool,
}

#[derive(Default)]
struct State {
    /// There was an assignment, be it an empty one.
    has_begun: bool,
    /// Partitions that are ours, until we begin with them.
    awaited: Option<TopicPartitionList>,
    /// Partitions that were taken away, until we say that we have given them up.
    owed: Option<Vec<TopicPartition>>,
    /// Partitions that we have paused: librdkafka would remember that until they come back.
    paused: HashSet<TopicPartition>,
}

impl Assignment {
    /// Takes partitions, which are begun with later. librdkafka waits for that, and tells of no other change meanwhile.
    pub(super) fn expect(&self, partitions: TopicPartitionList) {
        let mut state = self.state();
        state.has_begun = true;
        state.awaited = Some(partitions);
        self.has_news.store(true, Ordering::Relaxed);
    }

    /// Returns whether there are partitions that are to be begun with.
    pub(super) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Relaxed)
    }

    /// Returns the same, once.
    pub(super) fn take_news(&self) -> bool {
        self.has_news() && self.has_news.swap(false, Ordering::Relaxed)
    }

    /// Returns the partitions that are to be begun with.
    pub(super) fn awaited(&self) -> Option<TopicPartitionList> {
        self.state().awaited.clone()
    }

    /// Begins with partitions at the offsets in the list; those without, where librdkafka finds.
    pub(super) fn begin<C: ConsumerContext>(&self, consumer: &impl Consumer<C>, partitions: &TopicPartitionList) {
        {
            let mut state = self.state();
            state.has_begun = true;
            state.awaited = None;
        }
        complain(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(partitions),
        });
    }

    /// Returns whether the group has ever given us partitions, be it none.
    pub(super) fn has_begun(&self) -> bool {
        self.state().has_begun
    }

    /// Remembers that these partitions are to be given up.
    pub(super) fn owe(&self, partitions: Vec<TopicPartition>) {
        self.state().owed = Some(partitions);
    }

    /// Returns the partitions that are to be given up.
    pub(super) fn owed(&self) -> Option<Vec<TopicPartition>> {
        self.state().owed.take()
    }

    /// Gives partitions up.
    pub(super) fn give_up<C: ConsumerContext>(&self, consumer: &impl Consumer<C>, partitions: &[TopicPartition]) {
        let paused: Vec<_> = {
            let mut state = self.state();
            partitions.iter().filter_map(|partition| state.paused.take(partition)).collect()
        };
        if !paused.is_empty() {
            complain(consumer.resume(&list(&paused)));
        }
        complain(match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&list(partitions)),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        });
    }

    pub(super) fn paused(&self, partitions: &[TopicPartition]) {
        self.state().paused.extend(partitions.iter().cloned());
    }

    pub(super) fn resumed(&self, partitions: &[TopicPartition]) {
        let mut state = self.state();
        state.paused.retain(|paused| !partitions.contains(paused));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn complain(result: Result<(), KafkaError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "librdkafka does not follow the group's assignment");
    }
}
