//! The partitions that the group gives to us and takes from us: what librdkafka must hear of each change.
//!
//! A change is only complete when we have said so. Partitions that are taken away in an orderly manner stay ours until then, so that
//! handlers can end and what they did can be committed. The protocol, eager or cooperative (KIP-429, KIP-848), decides whether
//! librdkafka speaks of all partitions or of those that move.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Counts the changes of what is awaited.
    turn: AtomicU64,
}

#[derive(Default)]
struct State {
    /// There was an assignment, be it an empty one.
    has_begun: bool,
    /// Partitions that are ours, until it is known where they begin.
    awaited: Vec<TopicPartition>,
    /// Partitions that were taken away, until we say that we have given them up.
    owed: Option<Vec<TopicPartition>>,
    /// Partitions that we have paused: librdkafka would remember that until they come back.
    paused: HashSet<TopicPartition>,
}

impl Assignment {
    /// Takes partitions that are begun with once it is known where. librdkafka hears at once that we have taken them, for it would
    /// wait, and the group with it.
    pub(super) fn take<C: ConsumerContext>(&self, consumer: &impl Consumer<C>, partitions: Vec<TopicPartition>) {
        let is_cooperative = is_cooperative(consumer);
        {
            let mut state = self.state();
            state.has_begun = true;
            if !is_cooperative {
                state.awaited.clear();
            }
            state.awaited.extend(partitions);
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
        add(consumer, &TopicPartitionList::new());
    }

    /// Returns how often it has changed which partitions are to be begun with.
    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// Returns the partitions that are to be begun with.
    pub(super) fn awaited(&self) -> Vec<TopicPartition> {
        self.state().awaited.clone()
    }

    /// Begins with what is awaited, at the offsets in the list.
    pub(super) fn begin<C: ConsumerContext>(&self, consumer: &impl Consumer<C>, partitions: &TopicPartitionList) {
        self.state().awaited.clear();
        add(consumer, partitions);
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
        let (begun, paused) = self.forget(partitions);
        if !paused.is_empty() {
            complain(consumer.resume(&list(&paused)));
        }
        // librdkafka refuses to give up what was not begun with.
        complain(if is_cooperative(consumer) {
            consumer.incremental_unassign(&list(&begun))
        } else {
            consumer.unassign()
        });
    }

    /// Returns which of the partitions were begun with, and which of them are paused.
    fn forget(&self, partitions: &[TopicPartition]) -> (Vec<TopicPartition>, Vec<TopicPartition>) {
        let mut state = self.state();
        let (awaited, begun): (Vec<_>, Vec<_>) =
            partitions.iter().cloned().partition(|partition| state.awaited.contains(partition));
        if !awaited.is_empty() {
            state.awaited.retain(|partition| !awaited.contains(partition));
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
        let paused = partitions.iter().filter_map(|partition| state.paused.take(partition)).collect();
        (begun, paused)
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

fn is_cooperative<C: ConsumerContext>(consumer: &impl Consumer<C>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

/// Says that these partitions are to be read; where the protocol is eager, these and no others.
fn add<C: ConsumerContext>(consumer: &impl Consumer<C>, partitions: &TopicPartitionList) {
    complain(if is_cooperative(consumer) {
        consumer.incremental_assign(partitions)
    } else {
        consumer.assign(partitions)
    });
}

fn complain(result: Result<(), KafkaError>) {
    if let Err(error) = result {
        tracing::warn!(%error, "librdkafka does not follow the group's assignment");
    }
}
