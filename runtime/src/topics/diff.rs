//! What differs between topics as they are to be and as they are: pure, so that every case is a test without a broker.

use std::collections::{BTreeMap, HashMap};

use super::{BROKER_DEFAULT, Change, ConfigChange, Partitions, Plan, Topic};

/// A topic as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Actual {
    pub(super) partitions: u32,
    pub(super) replication: u16,
    /// By key; empty where nobody has asked.
    pub(super) config: BTreeMap<String, ActualValue>,
}

/// A setting of a topic as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct ActualValue {
    /// `None` where Kafka does not tell.
    pub(super) value: Option<String>,
    /// Whether the topic has it of its own.
    pub(super) is_own: bool,
}

/// Compares topics with what there is.
pub(super) fn diff(topics: &[Topic], actual: &HashMap<String, Actual>) -> Plan {
    let mut plan = Plan { topics: topics.to_vec(), ..Plan::default() };
    for topic in topics {
        let count = planned(topic, topics, actual);
        match actual.get(&topic.name) {
            None => plan.changes.push(Change::Create {
                topic: topic.name.clone(),
                partitions: count,
                replication: topic.replication,
                config: topic.config.clone().into_iter().filter(|(_, value)| value != BROKER_DEFAULT).collect(),
            }),
            Some(is) => {
                compare_partitions(topic, is, count, &mut plan);
                compare_replication(topic, is, &mut plan);
                compare_config(topic, is, &mut plan);
            }
        }
    }
    plan
}

/// Returns how many partitions a topic is to have, where somebody says so.
fn planned(topic: &Topic, topics: &[Topic], actual: &HashMap<String, Actual>) -> Option<u32> {
    match &topic.partitions {
        Partitions::Any => None,
        Partitions::Count(count) => Some(*count),
        Partitions::SameAs(_) | Partitions::MadeAs(_) if is_settled(topic, actual) => None,
        Partitions::SameAs(other) | Partitions::MadeAs(other) => {
            let is = actual.get(other).map(|is| is.partitions);
            let planned = topics.iter().find(|one| one.name == *other).and_then(|one| match one.partitions {
                Partitions::Count(count) => Some(count),
                _ => None,
            });
            // A topic that is not allowed to shrink stays what it is.
            is.max(planned)
        }
    }
}

fn is_settled(topic: &Topic, actual: &HashMap<String, Actual>) -> bool {
    matches!(topic.partitions, Partitions::MadeAs(_)) && actual.contains_key(&topic.name)
}

fn compare_partitions(topic: &Topic, is: &Actual, count: Option<u32>, plan: &mut Plan) {
    let (name, from) = (&topic.name, is.partitions);
    let Some(to) = count.filter(|to| *to != from) else { return };
    if to > from {
        plan.changes.push(Change::AddPartitions { topic: name.clone(), from, to });
        // A retry topic follows its topic, of which this has been said already.
        if matches!(topic.partitions, Partitions::Count(_)) {
            plan.warnings.push(format!(
                "keys of `{name}` move to other partitions: what is written with {from} partitions stays where it is, and may \
                 be handled after newer records of its key; help: let consumers reach the end before producers go on"
            ));
        }
        return;
    }
    plan.refused.push(match &topic.partitions {
        Partitions::SameAs(other) => format!(
            "`{name}` has {from} partitions and `{other}` {to}, but a record waits in the partition that it came from; help: \
             give `{other}` {from} partitions, or delete `{name}` once it is empty"
        ),
        _ => format!(
            "`{name}` has {from} partitions and is to have {to}, but Kafka cannot take partitions away: their records would be \
             lost; help: say `partitions = {from}`, or move to a new topic"
        ),
    });
}

fn compare_replication(topic: &Topic, is: &Actual, plan: &mut Plan) {
    if let Some(factor) = topic.replication.filter(|factor| *factor != is.replication) {
        plan.warnings.push(format!(
            "`{}` has {} copies and is to have {factor}, which is for kafka-reassign-partitions: it moves data between brokers",
            topic.name, is.replication
        ));
    }
}

fn compare_config(topic: &Topic, is: &Actual, plan: &mut Plan) {
    let mut entries = BTreeMap::new();
    for (key, wanted) in &topic.config {
        let Some(now) = is.config.get(key) else {
            plan.refused.push(format!("Kafka knows no setting `{key}` of topics, which `{}` is to have", topic.name));
            continue;
        };
        let (differs, to) = match wanted.as_str() {
            BROKER_DEFAULT => (now.is_own, None),
            value => (now.value.as_deref() != Some(value), Some(value.to_owned())),
        };
        if differs {
            entries.insert(key.clone(), ConfigChange { from: now.value.clone(), to });
        }
    }
    if entries.is_empty() {
        return;
    }
    let mut own = BTreeMap::new();
    for (key, now) in is.config.iter().filter(|(key, now)| now.is_own && !entries.contains_key(*key)) {
        match &now.value {
            Some(value) => drop(own.insert(key.clone(), value.clone())),
            None => plan.refused.push(format!(
                "`{}` has a setting `{key}` that Kafka does not show and that would be lost; help: change the others by hand",
                topic.name
            )),
        }
    }
    let set = entries.iter().filter_map(|(key, change)| Some((key.clone(), change.to.clone()?)));
    own.extend(set);
    plan.changes.push(Change::Configure { topic: topic.name.clone(), entries, own });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::with_policies;
    use crate::{Retry, Settings};

    fn actual(topics: &[(&str, u32)]) -> HashMap<String, Actual> {
        let setting = |value: &str, is_own| ActualValue { value: Some(value.into()), is_own };
        let config = BTreeMap::from([
            ("retention.ms".to_owned(), setting("604800000", false)),
            ("cleanup.policy".to_owned(), setting("compact", true)),
            ("segment.ms".to_owned(), setting("1000", true)),
        ]);
        let topic = |(name, partitions): &(&str, u32)| {
            ((*name).to_owned(), Actual { partitions: *partitions, replication: 1, config: config.clone() })
        };
        topics.iter().map(topic).collect()
    }

    fn shown(topics: &[Topic], is: &[(&str, u32)]) -> Vec<String> {
        let plan = diff(topics, &actual(is));
        let all = [
            plan.changes.iter().map(ToString::to_string).collect(),
            plan.refused.iter().map(|text| format!("refused: {text}")).collect(),
            plan.warnings.iter().map(|text| format!("warning: {text}")).collect::<Vec<_>>(),
        ];
        all.concat()
    }

    fn check(topics: &[Topic], is: &[(&str, u32)], expected: &[&str]) {
        let found = shown(topics, is);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
    }

    #[test]
    fn what_is_not_there_is_made() {
        let topic =
            Topic::new("a").partitions(6).replication(3).config("retention.ms", "1").config("segment.ms", "default");
        check(&[topic], &[], &["+ a: new, partitions 6, replication 3, retention.ms = 1"]);
        check(&[Topic::new("a")], &[], &["+ a: new"]);
        check(&[Topic::new("a")], &[("a", 9)], &[]);
    }

    #[test]
    fn partitions_grow_and_never_shrink() {
        check(&[Topic::new("a").partitions(3)], &[("a", 3)], &[]);
        check(
            &[Topic::new("a").partitions(6)],
            &[("a", 3)],
            &["~ a: partitions 3 -> 6", "warning: keys of `a` move to other partitions"],
        );
        check(&[Topic::new("a").partitions(2)], &[("a", 3)], &["refused: `a` has 3 partitions and is to have 2"]);
    }

    #[test]
    fn topics_beside_a_topic_follow_it() {
        let mut settings = Settings::default();
        settings.consumer.retry = Retry::one_topic();
        let topics = |main: Topic| with_policies(&settings, [main]);
        let counted = topics(Topic::new("a").partitions(6));
        let ledger = "+ a_dlq_replayed: new, partitions 1, cleanup.policy = compact";
        check(
            &counted,
            &[],
            &["+ a: new, partitions 6", "+ a_retry: new, partitions 6", "+ a_dlq: new, partitions 6", ledger],
        );
        let there = [("a", 3), ("a_retry", 3), ("a_dlq", 3), ("a_dlq_replayed", 1)];
        check(
            &counted,
            &there,
            &["~ a: partitions 3 -> 6", "~ a_retry: partitions 3 -> 6", "warning: keys of `a` move"],
        );
        // Where the manifest says nothing, what is there counts.
        check(
            &topics(Topic::new("a")),
            &[("a", 4)],
            &["+ a_retry: new, partitions 4", "+ a_dlq: new, partitions 4", ledger],
        );
        check(
            &topics(Topic::new("a")),
            &[("a", 4), ("a_retry", 2), ("a_dlq", 1), ("a_dlq_replayed", 1)],
            &["~ a_retry: partitions 2 -> 4"],
        );
        check(
            &topics(Topic::new("a")),
            &[("a", 4), ("a_retry", 5), ("a_dlq", 9), ("a_dlq_replayed", 1)],
            &["refused: `a_retry` has 5 partitions and `a` 4"],
        );
    }

    #[test]
    fn only_settings_that_are_named_change_and_the_others_are_sent_again() {
        let topic = Topic::new("a").config("retention.ms", "1").config("cleanup.policy", "default");
        let plan = diff(&[topic], &actual(&[("a", 1)]));
        assert_eq!(
            plan.changes[0].to_string(),
            "~ a: cleanup.policy compact -> the broker's default, retention.ms 604800000 -> 1"
        );
        let Change::Configure { own, .. } = &plan.changes[0] else { panic!("{plan:?}") };
        let own: Vec<_> = own.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(own, ["retention.ms=1", "segment.ms=1000"]);
        let same = Topic::new("a").config("retention.ms", "604800000").config("cleanup.policy", "compact");
        check(&[same], &[("a", 1)], &[]);
        check(&[Topic::new("a").config("retention.ms", "default")], &[("a", 1)], &[]);
        check(
            &[Topic::new("a").config("retntion.ms", "1")],
            &[("a", 1)],
            &["refused: Kafka knows no setting `retntion.ms`"],
        );
    }

    #[test]
    fn copies_are_moved_by_another_tool() {
        check(&[Topic::new("a").replication(3)], &[("a", 1)], &["warning: `a` has 1 copies and is to have 3"]);
    }
}
