//! Where partitions end, as librdkafka's statistics say from time to time.
//!
//! In: statistics. Out: how many records lie between what is finished and the end. librdkafka does not ask the broker for
//! it: every answer to a fetch tells where the partition ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::Statistics;

/// The ends of the partitions of a consumer.
#[derive(Debug, Default)]
pub(crate) struct Watermarks(Mutex<HashMap<(String, i32), Mark>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// The offset behind the last record; of those that readers may see, where there are transactions.
    end: i64,
    /// Where the consumer is, for a partition of which it was given no record yet.
    position: Option<i64>,
}

impl Watermarks {
    /// Takes what librdkafka tells of all partitions.
    pub(crate) fn take(&self, statistics: &Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| {
            let of_topic = topic.partitions.iter().filter(|(number, _)| **number >= 0);
            of_topic.map(|(number, partition)| ((topic.topic.clone(), *number), partition))
        });
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, partition) in partitions {
            // Offsets that are not known are negative.
            let known = |offset: i64| (offset >= 0).then_some(offset);
            let Some(end) = known(partition.ls_offset).or_else(|| known(partition.hi_offset)) else { continue };
            let position = known(partition.committed_offset).or_else(|| known(partition.lo_offset));
            marks.insert(place, Mark { end, position });
        }
    }

    /// Returns how many records are not finished; `next` is the first of them, where the consumer was given any.
    pub(crate) fn behind(&self, topic: &str, partition: i32, next: Option<i64>) -> Option<i64> {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = marks.get(&(topic.to_owned(), partition))?;
        Some((mark.end - next.or(mark.position)?).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(end: i64, committed: i64, low: i64) -> Statistics {
        let partition = rdkafka::statistics::Partition {
            ls_offset: end,
            hi_offset: end + 7,
            committed_offset: committed,
            lo_offset: low,
            ..rdkafka::statistics::Partition::default()
        };
        let mut statistics = Statistics::default();
        let topic = statistics.topics.entry("orders".into()).or_default();
        topic.topic = "orders".into();
        topic.partitions.insert(2, partition);
        statistics
    }

    #[test]
    fn lag_is_what_lies_behind_the_last_finished_record() {
        let check = |end: i64, committed: i64, low: i64, next: Option<i64>, expected: Option<i64>| {
            let marks = Watermarks::default();
            marks.take(&statistics(end, committed, low));
            assert_eq!(marks.behind("orders", 2, next), expected, "{end} {committed} {low} {next:?}");
            assert_eq!(marks.behind("orders", 3, next), None);
        };
        check(10, 4, 0, Some(6), Some(4));
        check(10, 4, 0, None, Some(6));
        check(10, -1001, 3, None, Some(7));
        check(10, -1001, -1, None, None);
        check(10, 4, 0, Some(12), Some(0));
    }
}
