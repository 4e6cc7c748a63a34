//! What a consumer counts and measures: for its group, for each topic, and for each event of a topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Gauge, Histogram, Label};
use tokio::time::Instant;

use super::count::{Count, with};
use super::names;
use crate::audit::Outcome;
use crate::failure;

/// The `type` of records whose event is none of the consumer's.
const UNKNOWN: &str = "unknown";

/// All figures of a consumer.
pub(crate) struct ConsumerMeter {
    pub(crate) group: GroupMeter,
    topics: Vec<TopicMeter>,
    /// What passes through the retry topics of all topics.
    retry_topics: Vec<Flow>,
    /// Records that their handlers found to be handled already.
    pub(crate) found_handled: AtomicU64,
    /// Records without an id, where each event was to be handled once.
    pub(crate) without_id: AtomicU64,
}

/// The figures of a group's member.
pub(crate) struct GroupMeter {
    labels: Vec<Label>,
    held_records: Gauge,
    held_bytes: Gauge,
    running: Gauge,
    paused: Gauge,
    assigned: Gauge,
    pub(crate) committed: Count,
    pub(crate) not_committed: Count,
    pub(crate) assignments: Count,
    pub(crate) revocations: Count,
}

/// How much a consumer has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Levels {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) running: usize,
    pub(crate) paused: usize,
    pub(crate) assigned: usize,
}

/// What passes through a topic, be it one of the consumer's or a retry topic.
pub(crate) struct Flow {
    pub(crate) received: Count,
    /// From arrival to end.
    pub(crate) consume: Histogram,
}

/// The figures of a topic.
pub(crate) struct TopicMeter {
    pub(crate) flow: Flow,
    /// To a retry topic, because an earlier record of their key waits there.
    pub(crate) redirected: Count,
    pub(crate) cache_hits: Count,
    pub(crate) cache_misses: Count,
    cache_size: Gauge,
    undecodable: [Count; failure::Kind::ALL.len()],
    events: Vec<Arc<EventMeter>>,
    unknown: Arc<EventMeter>,
}

/// The figures of one event of a topic.
pub(crate) struct EventMeter {
    pub(crate) event: &'static str,
    pub(crate) handled: Count,
    pub(crate) ignored: Count,
    pub(crate) duplicates: Count,
    pub(crate) dead_lettered: Count,
    pub(crate) failed: Count,
    pub(crate) retried: Count,
    dead_letters: [Count; REASONS.len()],
    pub(crate) handle: Histogram,
    pub(crate) decode: Histogram,
    per_second: Gauge,
    /// How many had come to their end when the rate was told last.
    told: AtomicU64,
}

/// Why records become dead letters.
const REASONS: [&str; 3] = ["handler", "rejected", "undecodable"];

impl ConsumerMeter {
    /// Returns the figures of a consumer of these topics, each with the names of its events, and of these retry topics.
    pub(crate) fn new<'a>(
        group: &str,
        topics: impl Iterator<Item = (&'a str, Vec<&'static str>)>,
        retry_topics: impl Iterator<Item = String>,
    ) -> Self {
        names::describe();
        let label = Label::new("group", group.to_owned());
        let topics = topics.map(|(topic, events)| TopicMeter::new(&label, topic, &events)).collect();
        let retry_topics = retry_topics.map(|topic| Flow::new(&labels_of(&label, topic))).collect();
        let (found_handled, without_id) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { group: GroupMeter::new(vec![label]), topics, retry_topics, found_handled, without_id }
    }

    /// Returns the figures of a topic by its index among the consumer's.
    pub(crate) fn topic(&self, topic: usize) -> &TopicMeter {
        self.topics.get(topic).expect("partitions are made from these topics")
    }

    /// Returns what passes through a topic by its index among the consumer's, behind which come their retry topics.
    pub(crate) fn flow(&self, topic: usize) -> &Flow {
        let of_topic = self.topics.get(topic).map(|topic| &topic.flow);
        let of_retry = || self.retry_topics.get(topic - self.topics.len());
        of_topic.or_else(of_retry).expect("partitions are made from these topics")
    }

    pub(crate) fn sum(&self, count: impl Fn(&EventMeter) -> u64) -> u64 {
        self.topics.iter().flat_map(TopicMeter::events).map(count).sum()
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &TopicMeter> {
        self.topics.iter()
    }

    /// Tells how many records came to their end in each second since `last`.
    pub(crate) fn tell_rates(&self, last: Instant, now: Instant) {
        let seconds = now.saturating_duration_since(last).as_secs_f64();
        for meter in self.topics.iter().flat_map(TopicMeter::events) {
            meter.tell_rate(seconds);
        }
    }
}

impl GroupMeter {
    fn new(labels: Vec<Label>) -> Self {
        let gauge = |name: &'static str| metrics::gauge!(name, labels.clone());
        let count = |name, key, value: &'static str| Count::new(name, with(&labels, key, value));
        Self {
            held_records: gauge(names::HELD_RECORDS),
            held_bytes: gauge(names::HELD_BYTES),
            running: gauge(names::RUNNING),
            paused: gauge(names::PAUSED),
            assigned: gauge(names::ASSIGNED),
            committed: count(names::COMMITS, "status", "ok"),
            not_committed: count(names::COMMITS, "status", "failed"),
            assignments: count(names::REBALANCES, "kind", "assigned"),
            revocations: count(names::REBALANCES, "kind", "revoked"),
            labels,
        }
    }

    pub(crate) fn tell_levels(&self, levels: Levels) {
        self.held_records.set(shown(levels.records));
        self.held_bytes.set(shown(levels.bytes));
        self.running.set(shown(levels.running));
        self.paused.set(shown(levels.paused));
        self.assigned.set(shown(levels.assigned));
    }

    /// Tells how far a partition is behind. `records` is known only where Kafka has told of the partition's end.
    pub(crate) fn tell_lag(&self, topic: &str, partition: i32, records: Option<i64>, seconds: f64) {
        let labels = with(&self.labels, "topic", topic.to_owned());
        let labels = with(&labels, "partition", partition.to_string());
        if let Some(records) = records {
            let records = u32::try_from(records.max(0)).unwrap_or(u32::MAX);
            metrics::gauge!(names::LAG_RECORDS, labels.clone()).set(f64::from(records));
        }
        metrics::gauge!(names::LAG_SECONDS, labels).set(seconds);
    }
}

/// A gauge is a floating-point number; what we have in hand is far from where that loses digits.
fn shown(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn labels_of(group: &Label, topic: impl Into<String>) -> Vec<Label> {
    vec![Label::new("topic", topic.into()), group.clone()]
}

impl Flow {
    fn new(labels: &[Label]) -> Self {
        let (received, consume) = (labels.to_vec(), labels.to_vec());
        Self { received: Count::new(names::RECEIVED, received), consume: metrics::histogram!(names::CONSUME, consume) }
    }
}

impl TopicMeter {
    fn new(group: &Label, topic: &str, events: &[&'static str]) -> Self {
        let labels = labels_of(group, topic);
        let event = |event| Arc::new(EventMeter::new(&labels, event));
        Self {
            flow: Flow::new(&labels),
            redirected: Count::new(names::REDIRECTED, labels.clone()),
            cache_hits: Count::new(names::CACHE_HITS, labels.clone()),
            cache_misses: Count::new(names::CACHE_MISSES, labels.clone()),
            cache_size: metrics::gauge!(names::CACHE_SIZE, labels.clone()),
            undecodable: failure::Kind::ALL
                .map(|kind| Count::new(names::DECODE_FAILURES, with(&labels, "kind", kind.name()))),
            events: events.iter().copied().map(event).collect(),
            unknown: event(UNKNOWN),
        }
    }

    /// Returns the figures of an event by its index among those of the topic, or of those that are unknown.
    pub(crate) fn event(&self, event: Option<usize>) -> &Arc<EventMeter> {
        event.and_then(|event| self.events.get(event)).unwrap_or(&self.unknown)
    }

    pub(crate) fn count_undecodable(&self, kind: failure::Kind) {
        let counts = failure::Kind::ALL.iter().zip(&self.undecodable);
        for (_, count) in counts.filter(|(known, _)| **known == kind) {
            count.add(1);
        }
    }

    pub(crate) fn undecodable(&self) -> u64 {
        self.undecodable.iter().map(Count::value).sum()
    }

    pub(crate) fn tell_cache_size(&self, size: usize) {
        self.cache_size.set(shown(size));
    }

    fn events(&self) -> impl Iterator<Item = &EventMeter> {
        self.events.iter().chain([&self.unknown]).map(|meter| &**meter)
    }
}

impl EventMeter {
    fn new(labels: &[Label], event: &'static str) -> Self {
        let labels = with(labels, "type", event);
        let count = |name| Count::new(name, labels.clone());
        let ended = |status: &'static str| Count::new(names::PROCESSED, with(&labels, "status", status));
        Self {
            event,
            handled: ended(Outcome::Handled.name()),
            ignored: ended(Outcome::Ignored.name()),
            duplicates: ended(Outcome::Duplicate.name()),
            dead_lettered: ended(Outcome::DeadLettered.name()),
            failed: count(names::FAILED),
            retried: count(names::RETRIED),
            dead_letters: REASONS.map(|reason| Count::new(names::DEAD_LETTERS, with(&labels, "reason", reason))),
            handle: metrics::histogram!(names::HANDLE, labels.clone()),
            decode: metrics::histogram!(names::DECODE, labels.clone()),
            per_second: metrics::gauge!(names::PER_SECOND, labels),
            told: AtomicU64::new(0),
        }
    }

    /// Counts what came of an attempt; `reason` is that of a dead letter.
    pub(crate) fn count(&self, outcome: Outcome, reason: Option<&str>) {
        match outcome {
            Outcome::Handled => self.handled.add(1),
            Outcome::Ignored => self.ignored.add(1),
            Outcome::Duplicate => self.duplicates.add(1),
            Outcome::Retried => self.retried.add(1),
            // The end of the record is the dead letter.
            Outcome::Rejected => {}
            Outcome::DeadLettered => {
                self.dead_lettered.add(1);
                let counts = REASONS.iter().zip(&self.dead_letters);
                for (_, count) in counts.filter(|(known, _)| Some(**known) == reason) {
                    count.add(1);
                }
            }
        }
    }

    fn ended(&self) -> u64 {
        let ended = [&self.handled, &self.ignored, &self.duplicates, &self.dead_lettered];
        ended.into_iter().map(Count::value).sum()
    }

    fn tell_rate(&self, seconds: f64) {
        let ended = self.ended();
        let n = ended - self.told.swap(ended, Ordering::Relaxed);
        if seconds > 0.0 {
            self.per_second.set(f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / seconds);
        }
    }
}
