//! Which member of a group reads which partitions.
//!
//! In: the members with what they subscribed to and what they have, and the topics. Out: who is to have what. Partitions stay
//! where they are as long as nobody has more than a fair share, as with Kafka's cooperative assignor.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::broker::TopicPartition;

/// A member of a group, in the order of joining.
pub(super) type MemberId = u64;

/// What is known of a member.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) topics: Vec<Arc<str>>,
    pub(super) has: BTreeSet<TopicPartition>,
}

/// Returns who is to have each partition; one of a topic that nobody subscribed to is left out.
pub(super) fn assign(
    claims: &BTreeMap<MemberId, Claim>,
    topics: &BTreeMap<Arc<str>, i32>,
) -> BTreeMap<TopicPartition, MemberId> {
    let mut all = BTreeMap::new();
    for (topic, count) in topics {
        let partitions: Vec<_> = (0..*count).map(|number| TopicPartition::new(topic, number)).collect();
        assign_topic(claims, &partitions, &mut all);
    }
    all
}

fn assign_topic(
    claims: &BTreeMap<MemberId, Claim>,
    partitions: &[TopicPartition],
    all: &mut BTreeMap<TopicPartition, MemberId>,
) {
    let Some(topic) = partitions.first().map(|partition| &partition.topic) else { return };
    let of_topic = |claim: &Claim| claim.has.iter().filter(|partition| partition.topic == *topic).count();
    let mut members: Vec<(MemberId, &Claim)> =
        claims.iter().filter(|(_, claim)| claim.topics.contains(topic)).map(|(id, claim)| (*id, claim)).collect();
    if members.is_empty() {
        return;
    }
    // Who has most keeps the odd one; who has least of other topics gets the next.
    let n_others = |id: MemberId| all.values().filter(|owner| **owner == id).count();
    members.sort_by_cached_key(|(id, claim)| (Reverse(of_topic(claim)), n_others(*id), *id));
    let (share, odd) = (partitions.len() / members.len(), partitions.len() % members.len());
    let mut rest: BTreeSet<&TopicPartition> = partitions.iter().collect();
    let mut wants = Vec::new();
    for (index, (id, claim)) in members.into_iter().enumerate() {
        let quota = share + usize::from(index < odd);
        let kept: Vec<_> = partitions.iter().filter(|partition| claim.has.contains(partition)).take(quota).collect();
        wants.extend(std::iter::repeat_n(id, quota - kept.len()));
        for partition in kept {
            rest.remove(partition);
            all.insert(partition.clone(), id);
        }
    }
    for (partition, id) in rest.into_iter().zip(wants) {
        all.insert(partition.clone(), id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `claims` are the numbers of the partitions of `t` that each member has; the result is as well.
    fn check(claims: &[&[i32]], count: i32, expected: &[&[i32]]) {
        let topic: Arc<str> = "t".into();
        let has = |numbers: &&[i32]| numbers.iter().map(|number| TopicPartition::new(&topic, *number)).collect();
        let claim = |numbers| Claim { topics: vec![Arc::clone(&topic)], has: has(numbers) };
        let claims: BTreeMap<_, _> = (0..).zip(claims.iter().map(claim)).collect();
        let all = assign(&claims, &BTreeMap::from([(Arc::clone(&topic), count)]));
        let of =
            |id: MemberId| all.iter().filter(move |(_, owner)| **owner == id).map(|(partition, _)| partition.number);
        let found: Vec<Vec<i32>> = claims.keys().map(|id| of(*id).collect()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn everybody_has_a_fair_share_and_keeps_what_is_part_of_it() {
        check(&[&[]], 3, &[&[0, 1, 2]]);
        check(&[&[0, 1, 2], &[]], 3, &[&[0, 1], &[2]]);
        check(&[&[2, 3], &[0, 1], &[]], 4, &[&[2, 3], &[0], &[1]]);
        check(&[&[0], &[1], &[]], 2, &[&[0], &[1], &[]]);
        check(&[&[1], &[]], 4, &[&[0, 1], &[2, 3]]);
    }

    #[test]
    fn topics_of_one_partition_are_shared_out_too() {
        let topics: Vec<Arc<str>> = vec!["a".into(), "b".into()];
        let claim = Claim { topics: topics.clone(), has: BTreeSet::new() };
        let claims = BTreeMap::from([(1, claim.clone()), (2, claim)]);
        let all = assign(&claims, &topics.into_iter().map(|topic| (topic, 1)).collect());
        assert_eq!(all.into_values().collect::<Vec<_>>(), [1, 2]);
    }
}
