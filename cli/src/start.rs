//! Where `tail` starts and, with `--until-end`, where it ends: an offset for each partition.

use std::time::Duration;

use anyhow::{Context, anyhow};
use eventwright::wire::jiff::Timestamp;
use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::args::From;
use crate::screen;

/// One partition and what of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) partition: i32,
    pub(crate) start: i64,
    /// The offset after the last record that there is now.
    pub(crate) end: i64,
}

/// Finds out where to start in each partition. Blocks its thread.
///
/// # Errors
/// A broker that does not answer.
pub(crate) fn ranges<X: ConsumerContext, C: Consumer<X>>(
    consumer: &C,
    topic: &str,
    partitions: &[i32],
    from: From,
    timeout: Duration,
) -> anyhow::Result<Vec<Range>> {
    let by_time = match from {
        From::Time(time) => Some(offsets_at(consumer, (topic, partitions), time, timeout)?),
        _ => None,
    };
    let mut ranges = Vec::with_capacity(partitions.len());
    for &partition in partitions {
        let watermarks = consumer.fetch_watermarks(topic, partition, timeout);
        let (first, end) = watermarks.with_context(|| format!("cannot read the offsets of `{topic}`[{partition}]"))?;
        let start = match (from, &by_time) {
            (From::Beginning, _) => first,
            (From::Offset(offset), _) => within(offset, (first, end), partition),
            (From::Time(_), Some(by_time)) => offset_in(by_time, topic, partition).unwrap_or(end),
            (From::End | From::Time(_), _) => end,
        };
        ranges.push(Range { partition, start, end });
    }
    Ok(ranges)
}

/// Returns the offset, or the nearest one that the partition has, and says so.
fn within(offset: i64, (first, end): (i64, i64), partition: i32) -> i64 {
    let nearest = offset.clamp(first, end);
    if nearest != offset {
        screen::note(format!(
            "partition {partition} has offsets {first} to {end}, not {offset}: starting at {nearest}"
        ));
    }
    nearest
}

fn offsets_at<X: ConsumerContext, C: Consumer<X>>(
    consumer: &C,
    (topic, partitions): (&str, &[i32]),
    time: Timestamp,
    timeout: Duration,
) -> anyhow::Result<TopicPartitionList> {
    let mut asked = TopicPartitionList::new();
    for &partition in partitions {
        // In the request, a timestamp stands where the answer has the offset.
        let added = asked.add_partition_offset(topic, partition, Offset::Offset(time.as_millisecond()));
        added.map_err(|_| anyhow!("Kafka knows no time before 1970, found {time}"))?;
    }
    consumer.offsets_for_times(asked, timeout).with_context(|| format!("cannot find the offsets of {time}"))
}

fn offset_in(offsets: &TopicPartitionList, topic: &str, partition: i32) -> Option<i64> {
    match offsets.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        // No record is that young.
        _ => None,
    }
}

/// What is still to be read until the ends are reached.
#[derive(Debug)]
pub(crate) struct Remaining(Vec<Range>);

impl Remaining {
    pub(crate) fn new(ranges: &[Range]) -> Self {
        Self(ranges.iter().copied().filter(|range| range.start < range.end).collect())
    }

    /// Returns whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a record belongs to what is to be read, and notes that it was.
    pub(crate) fn take(&mut self, partition: i32, offset: i64) -> bool {
        let Some(range) = self.0.iter().find(|range| range.partition == partition).copied() else { return false };
        if offset + 1 >= range.end {
            self.reached_end(partition);
        }
        offset < range.end
    }

    /// Notes that a partition has no more records; the last offsets may be those of transactions, which are none.
    pub(crate) fn reached_end(&mut self, partition: i32) {
        self.0.retain(|range| range.partition != partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining() -> Remaining {
        let range = |partition, start, end| Range { partition, start, end };
        Remaining::new(&[range(0, 3, 5), range(1, 4, 4), range(2, 0, 9)])
    }

    #[test]
    fn records_after_the_end_are_not_taken() {
        let mut remaining = remaining();
        assert!(remaining.take(0, 3));
        assert!(remaining.take(0, 4));
        assert!(!remaining.take(0, 5));
        assert!(!remaining.take(1, 4));
    }

    #[test]
    fn the_end_is_reached_by_the_last_record_or_where_the_broker_says_so() {
        let mut remaining = remaining();
        assert!(remaining.take(0, 4));
        assert!(!remaining.is_empty());
        remaining.reached_end(2);
        assert!(remaining.is_empty());
    }

    #[test]
    fn a_gap_at_the_end_is_jumped_over() {
        let mut remaining = Remaining::new(&[Range { partition: 0, start: 0, end: 3 }]);
        assert!(!remaining.take(0, 7));
        assert!(remaining.is_empty());
    }

    #[test]
    fn an_offset_that_is_gone_becomes_the_nearest() {
        assert_eq!(within(5, (2, 9), 0), 5);
        assert_eq!(within(1, (2, 9), 0), 2);
        assert_eq!(within(12, (2, 9), 0), 9);
    }
}
