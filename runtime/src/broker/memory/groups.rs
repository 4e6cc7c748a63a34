//! The consumer groups of a cluster in memory: members, what each reads, and what the group has committed. Pure.
//!
//! A partition changes hands as with Kafka's cooperative protocol: its owner gives it up when it polls next, and only then
//! does its new owner get it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedMessage;

use super::assignment::{Claim, MemberId, assign};
use super::topics::Topics;
use crate::broker::{TopicOffset, TopicPartition};
use crate::settings::Start;

/// A consumer group.
#[derive(Debug, Default)]
pub(super) struct GroupState {
    members: BTreeMap<MemberId, Member>,
    last_member: MemberId,
    committed: BTreeMap<TopicPartition, (i64, String)>,
    /// Where the group began on partitions that it had no commit of.
    began: BTreeMap<TopicPartition, i64>,
}

#[derive(Debug)]
struct Member {
    topics: Vec<Arc<str>>,
    start: Start,
    positions: BTreeMap<TopicPartition, Position>,
    /// It must give up all that it has, whatever it gets then.
    starts_over: bool,
    /// The partition that gave the last record.
    last: Option<TopicPartition>,
}

/// How far a member has read.
#[derive(Debug, Clone, Copy)]
struct Position {
    offset: i64,
    is_paused: bool,
}

/// What a member's poll gives.
#[derive(Debug)]
pub(super) enum Polled {
    /// These are to be given up: see [`GroupState::give_up`].
    Revoke(Vec<TopicPartition>),
    /// These are its own from now on.
    Assign(Vec<TopicPartition>),
    Record(OwnedMessage),
    Nothing,
}

impl GroupState {
    /// Takes a member that subscribes to these topics.
    pub(super) fn join(&mut self, topics: Vec<Arc<str>>, start: Start) -> MemberId {
        self.last_member += 1;
        let member = Member { topics, start, positions: BTreeMap::new(), starts_over: false, last: None };
        self.members.insert(self.last_member, member);
        self.last_member
    }

    /// Forgets a member; what it had is free.
    pub(super) fn leave(&mut self, id: MemberId) {
        self.members.remove(&id);
    }

    /// Makes every member give up all that it has.
    pub(super) fn start_over(&mut self) {
        for member in self.members.values_mut() {
            member.starts_over = true;
        }
    }

    /// Returns what happens next for a member.
    pub(super) fn poll(&mut self, id: MemberId, topics: &Topics) -> Polled {
        let take_revoked = self.take_revoked(id, topics);
        if !take_revoked.is_empty() {
            return Polled::Revoke(take_revoked);
        }
        let assigned = self.take_assigned(id, topics);
        if !assigned.is_empty() {
            return Polled::Assign(assigned);
        }
        self.members.get_mut(&id).and_then(|member| member.take(topics)).map_or(Polled::Nothing, Polled::Record)
    }

    fn take_revoked(&mut self, id: MemberId, topics: &Topics) -> Vec<TopicPartition> {
        let targets = self.targets(topics);
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        if std::mem::take(&mut member.starts_over) {
            return member.positions.keys().cloned().collect();
        }
        member.positions.keys().filter(|partition| targets.get(partition) != Some(&id)).cloned().collect()
    }

    fn take_assigned(&mut self, id: MemberId, topics: &Topics) -> Vec<TopicPartition> {
        let taken: BTreeSet<_> = self.members.values().flat_map(|member| member.positions.keys().cloned()).collect();
        let targets = self.targets(topics);
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let mut assigned = Vec::new();
        for (partition, _) in
            targets.into_iter().filter(|(partition, owner)| *owner == id && !taken.contains(partition))
        {
            let begin = match (self.committed.get(&partition), member.start) {
                (Some((offset, _)), _) => *offset,
                (None, Start::Earliest) => 0,
                (None, Start::Latest) => topics.end(&partition),
            };
            self.began.entry(partition.clone()).or_insert(begin);
            member.positions.insert(partition.clone(), Position { offset: begin, is_paused: false });
            assigned.push(partition);
        }
        assigned
    }

    fn targets(&self, topics: &Topics) -> BTreeMap<TopicPartition, MemberId> {
        let claim =
            |member: &Member| Claim { topics: member.topics.clone(), has: member.positions.keys().cloned().collect() };
        let claims = self.members.iter().map(|(id, member)| (*id, claim(member))).collect();
        let names: BTreeSet<_> = self.members.values().flat_map(|member| &member.topics).cloned().collect();
        let counts = names.into_iter().map(|topic| (Arc::clone(&topic), topics.n_partitions(&topic))).collect();
        assign(&claims, &counts)
    }

    /// Takes what a member gives up, with the offsets that it commits by the way.
    pub(super) fn give_up(&mut self, id: MemberId, partitions: &[TopicPartition], offsets: &[TopicOffset]) {
        let Some(member) = self.members.get_mut(&id) else { return };
        for partition in partitions {
            member.positions.remove(partition);
        }
        self.keep(offsets);
    }

    /// Takes the commit of a member.
    pub(super) fn commit(&mut self, id: MemberId, offsets: &[TopicOffset]) -> Result<(), RDKafkaErrorCode> {
        if !self.members.contains_key(&id) {
            return Err(RDKafkaErrorCode::UnknownMemberId);
        }
        let of_other = |offset: &TopicOffset| {
            let owner = self.members.iter().find(|(_, member)| member.positions.contains_key(&offset.partition));
            owner.is_some_and(|(owner, _)| *owner != id)
        };
        if offsets.iter().any(of_other) {
            return Err(RDKafkaErrorCode::IllegalGeneration);
        }
        self.keep(offsets);
        Ok(())
    }

    fn keep(&mut self, offsets: &[TopicOffset]) {
        for TopicOffset { partition, offset, metadata } in offsets {
            self.committed.insert(partition.clone(), (*offset, metadata.clone()));
        }
    }

    /// Returns what was committed of a partition.
    pub(super) fn committed(&self, partition: &TopicPartition) -> Option<TopicOffset> {
        let (offset, metadata) = self.committed.get(partition)?.clone();
        Some(TopicOffset { partition: partition.clone(), offset, metadata })
    }

    /// Returns the first offset that the group is not done with; `None` for a partition that it never had.
    pub(super) fn progress(&self, partition: &TopicPartition) -> Option<i64> {
        let committed = self.committed.get(partition).map(|(offset, _)| *offset);
        committed.or_else(|| self.began.get(partition).copied())
    }

    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// Pauses or resumes partitions of a member.
    pub(super) fn set_paused(&mut self, id: MemberId, partitions: &[TopicPartition], is_paused: bool) {
        let Some(member) = self.members.get_mut(&id) else { return };
        for partition in partitions {
            if let Some(position) = member.positions.get_mut(partition) {
                position.is_paused = is_paused;
            }
        }
    }
}

impl Member {
    /// Returns the next record; partitions take turns.
    fn take(&mut self, topics: &Topics) -> Option<OwnedMessage> {
        let last = self.last.take();
        let is_later = |partition: &TopicPartition| last.as_ref().is_none_or(|last| partition > last);
        let (later, earlier): (Vec<_>, Vec<_>) =
            self.positions.iter_mut().partition(|(partition, _)| is_later(partition));
        for (partition, position) in later.into_iter().chain(earlier).filter(|(_, position)| !position.is_paused) {
            if let Some(record) = topics.record(partition, position.offset) {
                position.offset += 1;
                self.last = Some(partition.clone());
                return Some(record.clone());
            }
        }
        self.last = last;
        None
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::Message as _;

    use super::super::topics::Write;
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new(&"t".into(), number)
    }

    fn at(number: i32, offset: i64) -> TopicOffset {
        TopicOffset { partition: partition(number), offset, metadata: String::new() }
    }

    fn topics(records: &[i32]) -> Topics {
        let mut topics = Topics::new(2);
        topics.create("t", None).unwrap();
        for number in records {
            let write = Write {
                topic: "t".into(),
                partition: Some(*number),
                key: None,
                value: None,
                headers: None,
                timestamp: 0,
            };
            topics.append(write).unwrap();
        }
        topics
    }

    fn shown(polled: Polled) -> String {
        let numbers = |partitions: &[TopicPartition]| partitions.iter().map(|one| one.number).collect::<Vec<_>>();
        match polled {
            Polled::Revoke(partitions) => format!("revoke {:?}", numbers(&partitions)),
            Polled::Assign(partitions) => format!("assign {:?}", numbers(&partitions)),
            Polled::Record(record) => format!("{}:{}", record.partition(), record.offset()),
            Polled::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_partition_changes_hands_after_its_owner_gave_it_up_and_what_it_committed_holds() {
        let (topics, mut group) = (topics(&[0, 1, 1]), GroupState::default());
        let first = group.join(vec!["t".into()], Start::Earliest);
        let polls: Vec<_> = (0..5).map(|_| shown(group.poll(first, &topics))).collect();
        assert_eq!(polls, ["assign [0, 1]", "0:0", "1:0", "1:1", "nothing"]);
        let second = group.join(vec!["t".into()], Start::Earliest);
        assert_eq!(shown(group.poll(second, &topics)), "nothing", "it is not free yet");
        assert_eq!(shown(group.poll(first, &topics)), "revoke [1]");
        group.give_up(first, &[partition(1)], &[at(1, 1)]);
        assert_eq!(shown(group.poll(second, &topics)), "assign [1]");
        assert_eq!(shown(group.poll(second, &topics)), "1:1");
        assert_eq!(group.commit(first, &[at(1, 2)]), Err(RDKafkaErrorCode::IllegalGeneration));
        assert_eq!(group.commit(second, &[at(1, 2)]), Ok(()));
        assert_eq!((group.progress(&partition(0)), group.progress(&partition(1))), (Some(0), Some(2)));
        group.leave(second);
        assert_eq!(group.commit(second, &[at(1, 2)]), Err(RDKafkaErrorCode::UnknownMemberId));
        assert_eq!(shown(group.poll(first, &topics)), "assign [1]");
        assert_eq!(shown(group.poll(first, &topics)), "nothing");
    }

    #[test]
    fn a_group_that_starts_over_gets_again_what_it_did_not_commit() {
        let (topics, mut group) = (topics(&[0, 0]), GroupState::default());
        let member = group.join(vec!["t".into()], Start::Earliest);
        let polls = |count: usize, group: &mut GroupState| -> Vec<_> {
            (0..count).map(|_| shown(group.poll(member, &topics))).collect()
        };
        assert_eq!(polls(3, &mut group), ["assign [0, 1]", "0:0", "0:1"]);
        group.commit(member, &[at(0, 1)]).unwrap();
        group.start_over();
        assert_eq!(polls(1, &mut group), ["revoke [0, 1]"]);
        group.give_up(member, &[partition(0), partition(1)], &[]);
        assert_eq!(polls(3, &mut group), ["assign [0, 1]", "0:1", "nothing"]);
    }

    #[test]
    fn what_is_paused_flows_not_and_who_starts_at_the_end_sees_only_what_is_new() {
        let (topics, mut group) = (topics(&[0]), GroupState::default());
        let member = group.join(vec!["t".into()], Start::Earliest);
        group.poll(member, &topics);
        group.set_paused(member, &[partition(0)], true);
        assert_eq!(shown(group.poll(member, &topics)), "nothing");
        group.set_paused(member, &[partition(0)], false);
        assert_eq!(shown(group.poll(member, &topics)), "0:0");
        let mut other = GroupState::default();
        let member = other.join(vec!["t".into()], Start::Latest);
        other.poll(member, &topics);
        assert_eq!(shown(other.poll(member, &topics)), "nothing");
        assert_eq!(other.progress(&partition(0)), Some(1));
    }
}
