//! What librdkafka calls back for: partitions that come and go, commits that failed, its logs.
//!
//! The calls come while the consumer polls, on its own task, so that nothing here races with a session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::{Offset, TopicPartitionList};

use crate::audit::Audit;
use crate::kafka::Health;
use crate::metrics::Watermarks;
use crate::offsets::{Epoch, Offsets, Partition};
use crate::stats::ConsumerStats;

/// What callbacks and session share.
pub(super) struct Group {
    /// The names of the topics; a partition's `topic` is an index into them.
    topics: Vec<Arc<str>>,
    pub(super) health: Health,
    /// Where partitions end.
    pub(super) watermarks: Watermarks,
    stats: ConsumerStats,
    audit: Audit,
    state: Mutex<State>,
    /// The session is over: librdkafka takes the partitions back because the consumer is dropped.
    leaving: AtomicBool,
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
}

/// Tells the group, when dropped, that its session is over: also where whoever runs it does not wait for the end.
pub(super) struct LeavingGuard(pub(super) Arc<Group>);

impl Drop for LeavingGuard {
    fn drop(&mut self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }
}

/// The handle that librdkafka owns.
#[derive(Clone)]
pub(super) struct Callbacks(pub(super) Arc<Group>);

impl Group {
    pub(super) fn new(topics: Vec<Arc<str>>, stats: ConsumerStats, audit: Audit) -> Self {
        Self {
            topics,
            health: Health::default(),
            watermarks: Watermarks::default(),
            stats,
            audit,
            state: Mutex::default(),
            leaving: AtomicBool::new(false),
        }
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

    /// Returns a list for librdkafka without offsets.
    pub(super) fn list(&self, partitions: &[Partition]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(self.topic(*partition), partition.number);
        }
        list
    }

    /// Returns a list for librdkafka with the offsets to commit.
    pub(super) fn commit_list(&self, offsets: &[(Partition, i64)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let added = list.add_partition_offset(self.topic(*partition), partition.number, Offset::Offset(*offset));
            added.expect("an offset that Kafka gave plus one is one that it takes");
        }
        list
    }

    fn partitions(&self, list: &TopicPartitionList) -> Vec<Partition> {
        let elements = list.elements();
        elements.iter().filter_map(|element| self.partition(element.topic(), element.partition())).collect()
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let mut state = self.state();
        for partition in self.partitions(list) {
            let epoch = state.offsets.assign(partition);
            state.changes.push(Change::Assigned(partition, epoch));
        }
        self.stats.meter().group.assignments.add(1);
        tracing::info!(partitions = list.count(), "partitions assigned");
    }

    /// Commits what is finished while the partitions are still ours, and gives them up.
    fn revoked(&self, consumer: &BaseConsumer<Callbacks>, list: &TopicPartitionList) {
        let mut state = self.state();
        let mut offsets = Vec::new();
        for partition in self.partitions(list) {
            offsets.extend(state.offsets.revoke(partition).map(|offset| (partition, offset)));
            state.changes.push(Change::Revoked(partition));
        }
        drop(state);
        self.stats.meter().group.revocations.add(1);
        tracing::info!(partitions = list.count(), "partitions revoked");
        if offsets.is_empty() {
            return;
        }
        let warn = |error: &str| {
            tracing::warn!(
                error,
                "offsets of revoked partitions were not committed; their records will be handled twice"
            );
        };
        if consumer.assignment_lost() {
            return warn("the group has given the partitions to others already");
        }
        // A client that is closing waits without end for a coordinator that is gone, and for what is committed by the way.
        if self.leaving.load(Ordering::Relaxed) {
            return warn("the consumer was dropped");
        }
        if let Err(error) = self.audit.flush() {
            return warn(&error.to_string());
        }
        let committed = consumer.commit(&self.commit_list(&offsets), CommitMode::Sync);
        self.count_commit(&committed);
        if let Err(error) = committed {
            warn(&error.to_string());
        }
    }

    /// Counts a commit that was waited for, or that librdkafka tells of.
    pub(super) fn count_commit(&self, committed: &KafkaResult<()>) {
        let group = &self.stats.meter().group;
        if committed.is_ok() { group.committed.add(1) } else { group.not_committed.add(1) }
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.health.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                tracing::warn!(reason, "a topic does not exist yet; waiting for it");
            }
            // The session sees it as well and says what it means.
            Some(RDKafkaErrorCode::PollExceeded) => {}
            _ => self.0.health.error(&error, reason),
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.0.watermarks.take(&statistics);
    }
}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.0.assigned(list),
            Rebalance::Revoke(list) => self.0.revoked(consumer, list),
            Rebalance::Error(error) => tracing::warn!(%error, "the group's rebalance failed; it is tried again"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) = result {
            return;
        }
        self.0.count_commit(&result);
        if let Err(error) = result {
            tracing::warn!(%error, "offsets were not committed; trying again with the next commit");
            self.0.state().offsets.commit_failed();
        }
    }
}
