//! What broker and session share: the partitions of this consumer, and how far it has come on each.
//!
//! The broker tells of the assignment while it is polled, on the session's own task, so that nothing here races with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::broker::{TopicOffset, TopicPartition};
use crate::kafka::Health;
use crate::offsets::{Epoch, Offsets, Partition};

/// What broker and session share.
pub(crate) struct Group {
    /// The names of the topics; a partition's `topic` is an index into them.
    topics: Vec<Arc<str>>,
    pub(crate) health: Health,
    state: Mutex<State>,
}

/// Offsets, and what happened to the assignment since the session looked last.
#[derive(Default)]
pub(super) struct State {
    pub(super) offsets: Offsets,
    pub(super) changes: Vec<Change>,
}

/// A partition that came or went.
pub(super) enum Change {
    Assigned(Partition, Epoch),
    Revoked(Partition),
    /// They are to be given up as soon as none of their records is being handled.
    Leaving(Vec<Partition>),
}

impl Group {
    pub(crate) fn new(topics: Vec<Arc<str>>) -> Self {
        Self { topics, health: Health::default(), state: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the partition of that name.
    pub(super) fn partition(&self, topic: &str, number: i32) -> Option<Partition> {
        let topic = self.topics.iter().position(|name| **name == *topic)?;
        Some(Partition { topic, number })
    }

    pub(super) fn topic(&self, partition: Partition) -> &Arc<str> {
        self.topics.get(partition.topic).expect("partitions are made from these topics")
    }

    /// Returns partitions by the names of their topics.
    pub(super) fn names(&self, partitions: &[Partition]) -> Vec<TopicPartition> {
        partitions.iter().map(|partition| self.name(*partition)).collect()
    }

    /// Returns offsets to commit, by the names of their topics.
    pub(super) fn commits(&self, offsets: &[(Partition, i64)]) -> Vec<TopicOffset> {
        let commit = |(partition, offset): &(Partition, i64)| TopicOffset {
            partition: self.name(*partition),
            offset: *offset,
            metadata: String::new(),
        };
        offsets.iter().map(commit).collect()
    }

    fn name(&self, partition: Partition) -> TopicPartition {
        TopicPartition::new(self.topic(partition), partition.number)
    }

    fn known<'a>(&'a self, partitions: &'a [TopicPartition]) -> impl Iterator<Item = Partition> + 'a {
        partitions.iter().filter_map(|partition| self.partition(&partition.topic, partition.number))
    }

    /// Takes partitions that are ours from now on.
    pub(crate) fn assigned(&self, partitions: &[TopicPartition]) {
        let mut state = self.state();
        for partition in self.known(partitions) {
            let epoch = state.offsets.assign(partition);
            state.changes.push(Change::Assigned(partition, epoch));
        }
        tracing::info!(partitions = partitions.len(), "partitions assigned");
    }

    /// Takes note of partitions that are to be given up.
    pub(crate) fn leaving(&self, partitions: &[TopicPartition]) {
        let leaving = self.known(partitions).collect();
        self.state().changes.push(Change::Leaving(leaving));
    }

    /// Gives up partitions; returns what is finished on them, to be committed while they are still ours.
    pub(crate) fn revoked(&self, partitions: &[TopicPartition]) -> Vec<TopicOffset> {
        let mut state = self.state();
        let mut offsets = Vec::new();
        for partition in self.known(partitions) {
            offsets.extend(state.offsets.revoke(partition).map(|offset| (partition, offset)));
            state.changes.push(Change::Revoked(partition));
        }
        tracing::info!(partitions = partitions.len(), "partitions revoked");
        self.commits(&offsets)
    }

    /// Takes note of a commit that failed, so that the next one repeats it.
    pub(crate) fn commit_failed(&self) {
        self.state().offsets.commit_failed();
    }
}
