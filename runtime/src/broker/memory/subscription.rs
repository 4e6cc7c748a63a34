//! A member of a consumer group on a cluster in memory.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::Stream;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;

use super::Memory;
use super::assignment::MemberId;
use super::groups::Polled;
use crate::broker::{Subscription, TopicOffset, TopicPartition};
use crate::consumer::Group;
use crate::settings::Start;

/// A consumer group's subscription. Dropped, it is forgotten at once, as after a crash whose time-out is over.
pub(crate) struct MemorySubscription {
    memory: Memory,
    id: String,
    group: Arc<Group>,
    start: Start,
    member: OnceLock<MemberId>,
}

impl MemorySubscription {
    pub(super) fn new(memory: Memory, id: &str, group: &Arc<Group>, start: Start) -> Self {
        Self { memory, id: id.to_owned(), group: Arc::clone(group), start, member: OnceLock::new() }
    }

    async fn next(&self) -> OwnedMessage {
        let mut changes = self.memory.changes();
        loop {
            match self.poll() {
                Polled::Record(record) => return record,
                Polled::Assign(partitions) => self.group.assigned(&partitions),
                Polled::Revoke(partitions) => self.give_up(&partitions),
                // The sender lives as long as we do.
                Polled::Nothing => drop(changes.changed().await),
            }
        }
    }

    fn poll(&self) -> Polled {
        let mut state = self.memory.look();
        let Some(member) = self.member.get().filter(|_| !state.is_down) else { return Polled::Nothing };
        let state = &mut *state;
        state.groups.get_mut(&self.id).map_or(Polled::Nothing, |group| group.poll(*member, &state.topics))
    }

    fn give_up(&self, partitions: &[TopicPartition]) {
        let offsets = self.group.revoked(partitions);
        if let Some(member) = self.member.get() {
            self.memory.change(|state| state.group(&self.id).give_up(*member, partitions, &offsets));
        }
    }

    fn set_paused(&self, partitions: &[TopicPartition], is_paused: bool) {
        if let Some(member) = self.member.get() {
            self.memory.change(|state| state.group(&self.id).set_paused(*member, partitions, is_paused));
        }
    }
}

impl Subscription<Memory> for MemorySubscription {
    async fn reach(&self, _: &str, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.memory.until_up()).await.is_ok()
    }

    fn subscribe(&self, topics: &[&str]) -> Result<(), KafkaError> {
        let topics: Vec<Arc<str>> = topics.iter().map(|topic| Arc::from(*topic)).collect();
        self.memory.change(|state| {
            for topic in &topics {
                state.topics.partitions(topic).map_err(|error| KafkaError::Subscription(error.to_string()))?;
            }
            let member = state.group(&self.id).join(topics, self.start);
            self.member.set(member).map_err(|_| KafkaError::Subscription("subscribed twice".into()))
        })
    }

    fn records(&self) -> impl Stream<Item = Result<OwnedMessage, KafkaError>> + Send {
        futures::stream::unfold((), move |()| async move { Some((Ok(self.next().await), ())) })
    }

    fn commit(&self, offsets: &[TopicOffset]) -> Result<(), KafkaError> {
        let committed = self.memory.change(|state| {
            let member = *self.member.get().ok_or(RDKafkaErrorCode::UnknownMemberId)?;
            if state.is_down || state.faults.take_commit(&self.id) {
                return Err(RDKafkaErrorCode::RequestTimedOut);
            }
            state.group(&self.id).commit(member, offsets)
        });
        committed.map_err(KafkaError::ConsumerCommit)
    }

    async fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<TopicOffset>, KafkaError> {
        let up = tokio::time::timeout(timeout, self.memory.until_up()).await;
        up.map_err(|_| KafkaError::OffsetFetch(RDKafkaErrorCode::RequestTimedOut))?;
        let state = self.memory.look();
        let Some(group) = state.groups.get(&self.id) else { return Ok(Vec::new()) };
        Ok(partitions.iter().filter_map(|partition| group.committed(partition)).collect())
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.set_paused(partitions, true);
        Ok(())
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.set_paused(partitions, false);
        Ok(())
    }

    /// Partitions are taken away at once.
    fn release(&self, _: &[TopicOffset]) {}

    async fn leave(self, offsets: Vec<TopicOffset>, timeout: Duration) {
        let up = tokio::time::timeout(timeout, self.memory.until_up()).await.is_ok();
        if !offsets.is_empty()
            && let Err(error) = self.commit(&offsets)
        {
            tracing::warn!(%error, up, "the last offsets were not committed; their records will be handled twice");
        }
    }
}

impl Drop for MemorySubscription {
    fn drop(&mut self) {
        if let Some(member) = self.member.get() {
            self.memory.change(|state| state.group(&self.id).leave(*member));
        }
    }
}
