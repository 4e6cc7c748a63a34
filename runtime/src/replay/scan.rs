//! Reads a topic from an offset of each partition to where it ends now, in an order that is the same each time.
//!
//! In: a topic. Out: its records, the oldest first: of the next ones of all partitions the one with the lowest timestamp,
//! and of equal ones that of the lowest partition. Each partition keeps its own order, and so does each key. No group is
//! joined and nothing is committed, so that looking changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use eventwright_wire::RawRecord;
use rdkafka::consumer::{Consumer as _, stream_consumer::StreamPartitionQueue};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Reader};
use crate::error::Kind;
use crate::kafka::Logs;
use crate::message::raw_record;
use crate::{Error, Settings};

/// Where reading goes on: the next offset of each partition. Shown as `0:17,1:3`; a partition that is not there begins at
/// its oldest record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<i32, i64>);

/// A topic that is being read.
pub(crate) struct Scan {
    reader: Arc<Reader>,
    topic: String,
    lanes: Vec<Lane>,
}

/// A partition.
struct Lane {
    partition: i32,
    queue: StreamPartitionQueue<Logs>,
    /// The offset behind the last record that was taken.
    next: i64,
    /// The offset behind the last record that there was at the start.
    end: i64,
    head: Option<RawRecord>,
    is_done: bool,
}

impl Scan {
    /// Connects and finds out where each partition ends now; `None` for a topic that does not exist.
    ///
    /// # Errors
    /// A broker that does not answer.
    pub(crate) async fn open(settings: &Settings, topic: &str, from: &Cursor) -> Result<Option<Self>, Error> {
        let Some((reader, partitions)) = client::reader(settings, topic).await? else { return Ok(None) };
        let (asking, timeout) = (Arc::clone(&reader), settings.connect_timeout);
        let of = topic.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let ends = |partition| Ok((partition, asking.fetch_watermarks(&of, partition, timeout)?));
            partitions.into_iter().map(ends).collect::<Result<Vec<_>, KafkaError>>()
        });
        let failed = |error: KafkaError| unreadable(topic, error);
        let ends = asked.await.map_err(|_| unreadable(topic, KafkaError::Canceled))?.map_err(failed)?;
        let ranges = ends.into_iter().map(|(partition, (first, end))| {
            let wanted = from.offset(partition).unwrap_or(first);
            (partition, wanted.clamp(first, end), end)
        });
        let lanes = assign(&reader, topic, ranges.collect()).map_err(failed)?;
        Ok(Some(Self { reader, topic: topic.to_owned(), lanes }))
    }

    /// Returns the next record; `None` where the topic ended when it was opened. Nothing is lost where the future is
    /// dropped.
    ///
    /// # Errors
    /// A broker that refuses to be read on from. One that does not answer is waited for.
    pub(crate) async fn next(&mut self) -> Result<Option<RawRecord>, Error> {
        for lane in &mut self.lanes {
            while lane.head.is_none() && !lane.is_done {
                tokio::select! {
                    biased;
                    received = lane.queue.recv() => match received {
                        // What came after the start is a later scan's.
                        Ok(record) if record.offset() >= lane.end => lane.is_done = true,
                        Ok(record) => lane.head = Some(raw_record(&record)),
                        Err(KafkaError::PartitionEOF(_)) => lane.is_done = true,
                        Err(error) => check(&self.topic, error)?,
                    },
                    // Only errors come here. Of ends, those count that came behind their partition's records.
                    other = self.reader.recv() => match other {
                        Err(KafkaError::PartitionEOF(_)) => {}
                        other => check(&self.topic, other.err().unwrap_or(KafkaError::Canceled))?,
                    },
                }
            }
        }
        let heads = self.lanes.iter().map(|lane| lane.head.as_ref().map(|head| head.timestamp));
        let Some(lane) = oldest(heads).and_then(|index| self.lanes.get_mut(index)) else { return Ok(None) };
        let record = lane.head.take();
        lane.next = record.as_ref().map_or(lane.next, |record| record.offset + 1);
        lane.is_done |= lane.next >= lane.end;
        Ok(record)
    }

    /// Returns where a later scan goes on, so that it returns what this one has not returned.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.lanes.iter().map(|lane| (lane.partition, lane.next)).collect())
    }

    /// Returns the consumer, to ask for topics with.
    pub(crate) fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }
}

/// Returns the index of the head with the lowest timestamp, and of equal ones the first: partitions are in order.
fn oldest(heads: impl Iterator<Item = Option<Option<i64>>>) -> Option<usize> {
    let heads = heads.enumerate().filter_map(|(index, head)| Some((head?, index)));
    heads.min().map(|(_, index)| index)
}

/// Assigns the partitions, each to a queue of its own.
fn assign(reader: &Arc<Reader>, topic: &str, ranges: Vec<(i32, i64, i64)>) -> Result<Vec<Lane>, KafkaError> {
    let mut assignment = TopicPartitionList::new();
    for (partition, start, _) in &ranges {
        assignment.add_partition_offset(topic, *partition, Offset::Offset(*start))?;
    }
    reader.assign(&assignment)?;
    // What is fetched before a partition has its own queue comes from the common one. A pause lets librdkafka throw that
    // away, and fetch it again.
    reader.pause(&assignment)?;
    let lane = |(partition, start, end)| {
        let queue = reader.split_partition_queue(topic, partition).ok_or(KafkaError::Canceled)?;
        Ok(Lane { partition, queue, next: start, end, head: None, is_done: start >= end })
    };
    let lanes = ranges.into_iter().map(lane).collect::<Result<Vec<_>, KafkaError>>()?;
    reader.resume(&assignment)?;
    Ok(lanes)
}

/// Gets over an error that librdkafka gets over by itself.
///
/// # Errors
/// The error, where it does not.
fn check(topic: &str, error: KafkaError) -> Result<(), Error> {
    match error.rdkafka_error_code() {
        // `Logs` has told of them.
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut) => Ok(()),
        _ => Err(unreadable(topic, error)),
    }
}

fn unreadable(topic: &str, error: KafkaError) -> Error {
    Error::new(Kind::Broker, format!("cannot read the topic `{topic}`")).with_source(error)
}

impl Cursor {
    /// Returns the next offset of a partition, where there is one.
    pub(crate) fn offset(&self, partition: i32) -> Option<i64> {
        self.0.get(&partition).copied()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, offset)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{partition}:{offset}")?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = |part: &str| {
            let (partition, offset) = part.split_once(':')?;
            Some((partition.parse().ok()?, offset.parse().ok().filter(|offset| *offset >= 0)?))
        };
        let pairs = text.split(',').map(|part| pair(part).ok_or("expected PARTITION:OFFSET, such as 0:17,1:3"));
        pairs.collect::<Result<_, _>>().map(Self).map_err(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_next_records_the_oldest_comes_first_and_the_lowest_partition() {
        let check = |heads: &[Option<Option<i64>>], expected: Option<usize>| {
            assert_eq!(oldest(heads.iter().copied()), expected, "{heads:?}");
        };
        check(&[], None);
        check(&[None, None], None);
        check(&[None, Some(Some(9)), Some(Some(5)), Some(Some(5))], Some(2));
        check(&[Some(Some(0)), Some(None)], Some(1));
    }

    #[test]
    fn a_cursor_is_a_text_and_back() {
        let cursor: Cursor = "2:0,0:17".parse().unwrap();
        assert_eq!(cursor.to_string(), "0:17,2:0");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "0", "0:", "0:-1", "a:1", "0:1,"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
