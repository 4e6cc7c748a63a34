//! Deletes dead letters that are not needed any more, from the oldest on.
//!
//! In: what may go. Out: a plan, and once that is carried out fewer letters. Kafka deletes from the beginning of a
//! partition only, so that the first letter that must stay keeps all behind it.

use std::collections::BTreeMap;

use eventwright_wire::jiff::Timestamp;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use serde::Serialize;

use super::client;
use super::ledger::Ledger;
use super::letter::Letter;
use super::scan::{Cursor, Scan};
use super::stats::Replayed;
use crate::error::Kind;
use crate::kafka::{self, Logs};
use crate::topics;
use crate::{Error, Settings};

/// Which letters may go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purgeable {
    /// Those that were replayed.
    Replayed,
    /// Those that died before then, replayed or not.
    DiedBefore(Timestamp),
    /// Those before these offsets, replayed or not; of a partition that is not named, none.
    Before(Cursor),
}

/// What would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgePlan {
    /// The topic of dead letters.
    pub topic: String,
    /// The partitions of which something is deleted.
    pub partitions: Vec<PurgedPartition>,
}

/// What would be deleted of a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgedPartition {
    /// The partition.
    pub partition: i32,
    /// The first offset that stays.
    pub before: i64,
    /// How many letters are deleted.
    pub letters: u64,
    /// How many of them were never replayed.
    pub never_replayed: u64,
}

/// Looks for what may go; nothing is deleted yet.
///
/// # Errors
/// A topic that does not exist, or a broker that does not answer.
pub async fn plan_purge(settings: &Settings, dlq: &str, purgeable: &Purgeable) -> Result<PurgePlan, Error> {
    let ledger = Ledger::read(settings, dlq).await?;
    let Some(mut scan) = Scan::open(settings, dlq, &Cursor::default()).await? else {
        return Err(client::no_such_topic(settings, dlq));
    };
    let mut prefixes: BTreeMap<i32, Prefix> = BTreeMap::new();
    while let Some(record) = scan.next().await? {
        let replayed = if ledger.contains(&record) { Replayed::Yes } else { Replayed::No };
        let prefix = prefixes.entry(record.partition).or_default();
        prefix.take(&Letter::new(record), replayed, purgeable);
    }
    let partitions = prefixes.into_values().map(|prefix| prefix.purged).filter(|purged| purged.letters > 0);
    Ok(PurgePlan { topic: dlq.to_owned(), partitions: partitions.collect() })
}

/// The letters at the beginning of a partition that may go.
#[derive(Debug, Default)]
struct Prefix {
    purged: PurgedPartition,
    is_over: bool,
}

impl Prefix {
    fn take(&mut self, letter: &Letter, replayed: Replayed, purgeable: &Purgeable) {
        let record = letter.record();
        let may_go = match purgeable {
            Purgeable::Replayed => replayed == Replayed::Yes,
            Purgeable::DiedBefore(time) => letter.died_at().is_some_and(|died| died < *time),
            Purgeable::Before(cursor) => cursor.offset(record.partition).is_some_and(|before| record.offset < before),
        };
        self.is_over |= !may_go;
        if self.is_over {
            return;
        }
        self.purged.partition = record.partition;
        self.purged.before = record.offset + 1;
        self.purged.letters += 1;
        self.purged.never_replayed += u64::from(replayed == Replayed::No);
    }
}

impl PurgePlan {
    /// Returns how many letters are deleted, and how many of them were never replayed.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        let sum = |of: fn(&PurgedPartition) -> u64| self.partitions.iter().map(of).sum();
        (sum(|purged| purged.letters), sum(|purged| purged.never_replayed))
    }

    /// Deletes what was planned, and what the ledger says of it.
    ///
    /// # Errors
    /// A broker that refuses to delete: where several partitions are deleted, others may be gone.
    pub async fn carry_out(&self, settings: &Settings) -> Result<(), Error> {
        if self.partitions.is_empty() {
            return Ok(());
        }
        let failed = |what: String| Error::new(Kind::Broker, format!("cannot delete of `{}`: {what}", self.topic));
        let mut offsets = TopicPartitionList::new();
        for purged in &self.partitions {
            let added = offsets.add_partition_offset(&self.topic, purged.partition, Offset::Offset(purged.before));
            added.map_err(|error| failed(error.to_string()))?;
        }
        let options = AdminOptions::new().request_timeout(Some(Timeout::After(settings.connect_timeout)));
        let deleted = client::admin(settings)?.delete_records(&offsets, &options).await;
        let deleted = deleted.map_err(|error| failed(error.to_string()))?;
        for element in deleted.elements() {
            element.error().map_err(|error| failed(format!("partition {}: {error}", element.partition())))?;
        }
        self.forget(settings).await
    }

    /// Takes the ledger's entries back of what is deleted, so that it does not grow for ever.
    async fn forget(&self, settings: &Settings) -> Result<(), Error> {
        let ledger = Ledger::read(settings, &self.topic).await?;
        let places = self.partitions.iter().flat_map(|purged| ledger.places_below(purged.partition, purged.before));
        let mut config = settings.kafka_config(&[("linger.ms", "1")]);
        // As the entries were: a key has one partition.
        config.set("partitioner", "murmur2_random");
        config.set("enable.idempotence", "true").set("acks", "all");
        let producer: FutureProducer<Logs> =
            config.create_with_context(Logs::default()).map_err(kafka::config_error)?;
        let topic = topics::replay_ledger(&self.topic);
        let mut deliveries = Vec::new();
        for place in places {
            deliveries.push(producer.send(FutureRecord::<str, [u8]>::to(&topic).key(&place), Timeout::Never).await);
        }
        let failure = deliveries.into_iter().find_map(Result::err);
        failure.map_or(Ok(()), |(error, _)| {
            let text =
                format!("the letters are deleted, and the ledger `{topic}` still has their entries, which do no harm");
            Err(Error::new(Kind::NotWritten, text).with_source(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    #[test]
    fn the_first_letter_that_must_stay_keeps_all_behind_it() {
        let check = |purgeable: &Purgeable, expected: (i64, u64, u64)| {
            let mut prefix = Prefix::default();
            // Died at 10, 20, 15 and 40 ms; the first two and the last one were replayed.
            for (offset, died, replayed) in
                [(3, 10, Replayed::Yes), (5, 20, Replayed::Yes), (6, 15, Replayed::No), (7, 40, Replayed::Yes)]
            {
                prefix.take(&letter((1, offset), died, &[]), replayed, purgeable);
            }
            let PurgedPartition { before, letters, never_replayed, .. } = prefix.purged;
            assert_eq!((before, letters, never_replayed), expected, "{purgeable:?}");
        };
        let before = |millis| Purgeable::DiedBefore(Timestamp::from_millisecond(millis).unwrap());
        check(&Purgeable::Replayed, (6, 2, 0));
        check(&before(10), (0, 0, 0));
        check(&before(20), (4, 1, 0));
        check(&before(21), (7, 3, 1));
        check(&before(41), (8, 4, 1));
        check(&Purgeable::Before("1:6".parse().unwrap()), (6, 2, 0));
        check(&Purgeable::Before("0:6".parse().unwrap()), (0, 0, 0));
    }
}
