//! What broker and session share: the partitions of this consumer, and how far it has come on each.
//!
//! The broker tells of the assignment while it is polled, on the session's own task, so that nothing here races with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::Message;

use crate::audit::Audit;
use crate::broker::{TopicOffset, TopicPartition};
use crate::kafka::Health;
use crate::metrics::Watermarks;
use crate::offsets::{Commit, Epoch, Offsets, Partition};
use crate::stats::ConsumerStats;
use crate::topics;

/// What broker and session share.
pub(crate) struct Group {
    /// The names of the topics, and behind them those of their retry topics; a partition's `topic` is an index into them.
    topics: Vec<Arc<str>>,
    /// How many of them are no retry topics.
    n_topics: usize,
    pub(crate) health: Health,
    /// Where partitions end.
    pub(crate) watermarks: Arc<Watermarks>,
    stats: ConsumerStats,
    audit: Audit,
    state: Mutex<State>,
    /// Offsets are committed in transactions, and never alone.
    is_transactional: bool,
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
    /// Returns the group of these topics, each with so many retry topics.
    pub(crate) fn new(topics: Vec<Arc<str>>, retry_topics: u32, stats: ConsumerStats, audit: Audit) -> Self {
        let n_topics = topics.len();
        let names = |of: &Arc<str>| topics::retry(of, retry_topics).into_iter().map(Arc::from);
        let all = topics.iter().cloned().chain(topics.iter().flat_map(names)).collect();
        let (health, watermarks, state) = (Health::default(), Arc::default(), Mutex::default());
        Self { topics: all, n_topics, health, watermarks, stats, audit, state, is_transactional: false }
    }

    /// Returns the group as one whose offsets are committed in transactions only.
    pub(super) fn transactional(self) -> Self {
        Self { is_transactional: true, ..self }
    }

    /// Takes what is to be committed when the consumer leaves.
    pub(super) fn take_last_commit(&self) -> Vec<TopicOffset> {
        if self.is_transactional {
            return Vec::new();
        }
        let commits = self.state().offsets.take_commit();
        self.commits(commits)
    }

    /// Returns the names of all topics.
    #[cfg(feature = "testing")]
    pub(super) fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    /// Returns the names of the retry topics.
    pub(super) fn retry_topics(&self) -> &[Arc<str>] {
        self.topics.get(self.n_topics..).unwrap_or_default()
    }

    /// Returns the partitions of the retry topics that belong to a partition, in their order.
    pub(super) fn retry_partitions(&self, main: Partition) -> impl Iterator<Item = Partition> + use<> {
        let n_tiers = self.retry_topics().len() / self.n_topics.max(1);
        let first = self.n_topics + main.topic * n_tiers;
        (first..first + n_tiers).map(move |topic| Partition { topic, number: main.number })
    }

    /// Returns which partition one of a retry topic belongs to, and which retry topic that is, counted from 1; `None` for one
    /// that is of no retry topic.
    pub(super) fn main_of(&self, retry: Partition) -> Option<(Partition, u32)> {
        let index = retry.topic.checked_sub(self.n_topics)?;
        let n_tiers = self.retry_topics().len() / self.n_topics.max(1);
        let tier = u32::try_from(index.checked_rem(n_tiers)? + 1).ok()?;
        Some((Partition { topic: index / n_tiers, number: retry.number }, tier))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the partition that a record is from. Where there is one topic only, its name is not asked for: for librdkafka's
    /// client, it is a text of C that is looked through each time.
    pub(super) fn partition_of(&self, record: &impl Message) -> Option<Partition> {
        match self.topics.len() {
            1 => Some(Partition { topic: 0, number: record.partition() }),
            _ => self.partition(record.topic(), record.partition()),
        }
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
    pub(super) fn commits(&self, commits: Vec<Commit>) -> Vec<TopicOffset> {
        let commit = |Commit { partition, offset, metadata }| {
            let partition = self.name(partition);
            TopicOffset { partition, offset, metadata }
        };
        commits.into_iter().map(commit).collect()
    }

    pub(super) fn name(&self, partition: Partition) -> TopicPartition {
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
            for retry in self.retry_partitions(partition) {
                state.offsets.assign_as(retry, epoch);
            }
            state.changes.push(Change::Assigned(partition, epoch));
        }
        self.stats.meter().group.assignments.add(1);
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
            offsets.extend(state.offsets.revoke(partition));
            offsets.extend(self.retry_partitions(partition).filter_map(|retry| state.offsets.revoke(retry)));
            state.changes.push(Change::Revoked(partition));
        }
        drop(state);
        self.stats.meter().group.revocations.add(1);
        tracing::info!(partitions = partitions.len(), "partitions revoked");
        if self.is_transactional {
            return Vec::new();
        }
        if let Err(error) = self.audit.flush() {
            tracing::error!(%error, "finished records are not committed, because the audit stream does not have them");
            return Vec::new();
        }
        self.commits(offsets)
    }

    /// Counts a commit.
    pub(crate) fn committed(&self) {
        self.stats.meter().group.committed.add(1);
    }

    /// Takes note of a commit that failed, so that the next one repeats it.
    pub(crate) fn commit_failed(&self) {
        self.stats.meter().group.not_committed.add(1);
        self.state().offsets.commit_failed();
    }
}
