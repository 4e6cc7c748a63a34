//! A Kafka in the memory of this process, for tests: topics, partitions, groups, offsets, and faults on demand.
//!
//! There is neither a socket nor a thread behind it, so that a test whose clock is paused sees time pass as soon as nobody
//! has anything to do. `topics`, `groups` and `assignment` decide and are pure; the other files do what waits.

mod assignment;
mod faults;
mod groups;
mod partitioner;
mod producer;
mod reader;
mod subscription;
mod topics;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::message::OwnedMessage;
use tokio::sync::watch;

use self::faults::Faults;
pub use self::faults::WriteFault;
use self::groups::GroupState;
pub(crate) use self::producer::MemoryProducer;
use self::reader::MemoryReader;
use self::subscription::MemorySubscription;
use self::topics::Topics;
pub(crate) use self::topics::Write;
pub(super) use self::writer::MemoryWriter;
use super::{Broker, TopicPartition};
use crate::clock::Clock;
use crate::consumer::Group;
use crate::metrics::Watermarks;
use crate::{Error, Settings};

/// A cluster in memory; clones are the same one.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Told of every change.
    changed: watch::Sender<()>,
    clock: Clock,
    /// How many writes wait for their acknowledgement.
    n_in_flight: AtomicUsize,
}

/// All that the cluster knows.
struct State {
    topics: Topics,
    groups: BTreeMap<String, GroupState>,
    faults: Faults,
    is_down: bool,
}

/// How far a group has come on one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) partition: TopicPartition,
    /// The first offset that the group is not done with.
    pub(crate) next: i64,
    /// The offset of the next record that will be written.
    pub(crate) end: i64,
}

impl Memory {
    pub(crate) fn new(default_partitions: i32, clock: Clock) -> Self {
        let state = State {
            topics: Topics::new(default_partitions),
            groups: BTreeMap::new(),
            faults: Faults::default(),
            is_down: false,
        };
        let (changed, _) = watch::channel(());
        Self(Arc::new(Shared { state: Mutex::new(state), changed, clock, n_in_flight: AtomicUsize::new(0) }))
    }

    /// Looks at the cluster.
    fn look(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the cluster and wakes whoever waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.look());
        self.0.changed.send_replace(());
        result
    }

    /// Returns what waits for changes from now on.
    fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    async fn until_up(&self) {
        let mut changes = self.changes();
        while self.look().is_down {
            // The sender lives as long as we do.
            let _ = changes.changed().await;
        }
    }

    /// Returns all records of a topic, partition by partition.
    pub(crate) fn records(&self, topic: &str) -> Vec<OwnedMessage> {
        self.look().topics.records(topic)
    }

    /// Stops all brokers, or starts them again; what was written stays.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.change(|state| state.is_down = is_down);
    }

    /// Lets the next write to a topic fail.
    pub(crate) fn fail_next_write(&self, topic: &str, fault: WriteFault) {
        self.look().faults.fail_next_write(topic, fault);
    }

    /// Forgets all faults that are still to happen.
    pub(crate) fn clear_faults(&self) {
        self.look().faults = Faults::default();
    }

    /// Lets the next commit of a group fail.
    pub(crate) fn fail_next_commit(&self, group: &str) {
        self.look().faults.fail_next_commit(group);
    }

    /// Takes all partitions from all members of a group, and assigns them anew.
    pub(crate) fn rebalance(&self, group: &str) {
        self.change(|state| state.group(group).start_over());
    }

    /// Returns how many writes wait for their acknowledgement.
    pub(crate) fn n_in_flight(&self) -> usize {
        self.0.n_in_flight.load(Ordering::Relaxed)
    }

    /// Returns how far a group has come on every partition of these topics.
    pub(crate) fn progress(&self, group: &str, of: &[Arc<str>]) -> Vec<Progress> {
        let state = self.look();
        let State { topics, groups, .. } = &*state;
        let group = groups.get(group);
        let progress = |partition: TopicPartition| {
            // A partition that nobody was given yet is where the group will begin, or not: nothing of it is done.
            let next = group.and_then(|group| group.progress(&partition)).unwrap_or(0);
            let end = topics.end(&partition);
            Progress { partition, next, end }
        };
        of.iter().flat_map(|topic| topics.partitions_of(topic)).map(progress).collect()
    }

    /// Returns whether a group has a member.
    pub(crate) fn has_members(&self, group: &str) -> bool {
        self.look().groups.get(group).is_some_and(GroupState::has_members)
    }
}

impl State {
    fn group(&mut self, id: &str) -> &mut GroupState {
        self.groups.entry(id.to_owned()).or_default()
    }
}

impl Broker for Memory {
    type Record<'a> = OwnedMessage;
    type Subscription = MemorySubscription;
    type Reader = MemoryReader;

    fn subscription(&self, settings: &Settings, id: &str, group: &Arc<Group>) -> Result<MemorySubscription, Error> {
        Ok(MemorySubscription::new(self.clone(), id, group, settings.consumer.start))
    }

    fn reader(&self, _: &Settings, _: &str, _: &[Arc<str>], _: &Arc<Watermarks>) -> Result<MemoryReader, Error> {
        Ok(MemoryReader::new(self.clone()))
    }
}

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Memory {}
