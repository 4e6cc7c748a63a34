//! Which dead letters were replayed: a compacted topic beside theirs, `<dlq>_replayed`.
//!
//! In: the records of that topic, each with the place of a letter as its key. Out: a [`Ledger`], which answers whether a
//! letter was replayed. An entry is written in one transaction with the copy that it tells of, so that neither is there
//! without the other; a record without value takes an entry back, once its letter is deleted.

use std::collections::HashMap;
use std::time::Duration;

use eventwright_wire::RawRecord;
use eventwright_wire::jiff::Timestamp;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use serde::{Deserialize, Serialize};

use super::client;
use super::letter::Letter;
use super::scan::{Cursor, Scan};
use crate::error::Kind;
use crate::kafka::Logs;
use crate::topics;
use crate::{Error, Settings};

/// Which letters of one topic were replayed.
#[derive(Debug)]
pub(crate) struct Ledger {
    dlq: String,
    /// By partition and offset, the timestamp that the letter had: a topic that was deleted and made again has other
    /// letters at the same places, and they were not replayed.
    replayed: HashMap<(i32, i64), Option<i64>>,
}

/// What the ledger says of a letter.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The timestamp of the letter, in milliseconds since the Unix epoch.
    timestamp: Option<i64>,
    /// The topic that it was written to.
    to: String,
    replayed_at: Timestamp,
}

/// Returns the value of a letter's entry.
pub(crate) fn entry(letter: &Letter, to: &str, replayed_at: Timestamp) -> Vec<u8> {
    let entry = Entry { timestamp: letter.record().timestamp, to: to.to_owned(), replayed_at };
    serde_json::to_vec(&entry).expect("a struct of texts and numbers has a JSON form")
}

impl Ledger {
    pub(crate) fn empty(dlq: &str) -> Self {
        Self { dlq: dlq.to_owned(), replayed: HashMap::new() }
    }

    /// Reads the ledger of a topic of dead letters, to where it ends now; one that does not exist is empty.
    pub(crate) async fn read(settings: &Settings, dlq: &str) -> Result<Self, Error> {
        let mut ledger = Self::empty(dlq);
        let Some(mut scan) = Scan::open(settings, &topics::replay_ledger(dlq), &Cursor::default()).await? else {
            return Ok(ledger);
        };
        while let Some(record) = scan.next().await? {
            ledger.apply(&record);
        }
        Ok(ledger)
    }

    /// Makes the ledger's topic where there is none, and checks that it forgets nothing.
    ///
    /// # Errors
    /// A topic that cannot be made, or one that is not compacted.
    pub(crate) async fn prepare(settings: &Settings, dlq: &str) -> Result<(), Error> {
        let admin = client::admin(settings)?;
        let topic = topics::replay_ledger(dlq);
        let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
        let made = admin.create_topics([&new], &options(settings.connect_timeout)).await;
        let refused = match made.map(|mut results| results.pop()) {
            Ok(None | Some(Ok(_))) => return Ok(()),
            Ok(Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)))) => return check(&admin, settings, &topic).await,
            Ok(Some(Err((_, code)))) => code,
            Err(error) => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown),
        };
        if check(&admin, settings, &topic).await.is_ok() {
            return Ok(());
        }
        let text = format!(
            "the ledger `{topic}` of what was replayed of `{dlq}` is not there and cannot be made ({refused}); help: make it with \
             one partition and cleanup.policy=compact"
        );
        Err(Error::new(Kind::Broker, text))
    }

    pub(crate) fn is_topic(&self, topic: &str) -> bool {
        topic == topics::replay_ledger(&self.dlq)
    }

    pub(crate) fn contains(&self, letter: &RawRecord) -> bool {
        self.replayed.get(&(letter.partition, letter.offset)) == Some(&letter.timestamp)
    }

    #[cfg(test)]
    pub(crate) fn add(&mut self, letter: &RawRecord) {
        self.replayed.insert((letter.partition, letter.offset), letter.timestamp);
    }

    /// Returns the places that a partition has entries of, below an offset.
    pub(crate) fn places_below(&self, partition: i32, end: i64) -> Vec<String> {
        let below = self.replayed.keys().filter(|(of, offset)| *of == partition && *offset < end);
        below.map(|(partition, offset)| format!("{}/{partition}/{offset}", self.dlq)).collect()
    }

    /// Takes a record of the ledger's topic in. One that makes no sense is somebody else's and says nothing.
    fn apply(&mut self, record: &RawRecord) {
        let Some(place) = record.key.as_deref().and_then(|key| self.place(key)) else {
            tracing::warn!(topic = record.topic, offset = record.offset, "a foreign record is in a ledger of replays");
            return;
        };
        match record.value.as_deref().map(serde_json::from_slice::<Entry>) {
            Some(Ok(entry)) => _ = self.replayed.insert(place, entry.timestamp),
            None => _ = self.replayed.remove(&place),
            Some(Err(error)) => {
                tracing::warn!(topic = record.topic, offset = record.offset, %error, "a ledger's entry cannot be read");
            }
        }
    }

    fn place(&self, key: &[u8]) -> Option<(i32, i64)> {
        let (rest, offset) = std::str::from_utf8(key).ok()?.rsplit_once('/')?;
        let (topic, partition) = rest.rsplit_once('/')?;
        (topic == self.dlq).then_some(())?;
        Some((partition.parse().ok()?, offset.parse().ok()?))
    }
}

/// Checks that a topic exists and keeps the newest record of each key for ever.
async fn check(admin: &AdminClient<Logs>, settings: &Settings, topic: &str) -> Result<(), Error> {
    let asked = [ResourceSpecifier::Topic(topic)];
    let described = admin.describe_configs(&asked, &options(settings.connect_timeout)).await;
    let failed = |code: RDKafkaErrorCode| {
        Error::new(Kind::Broker, format!("cannot read the settings of the ledger `{topic}`: {code}"))
    };
    let described =
        described.map_err(|error| failed(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)))?;
    let found =
        described.into_iter().next().unwrap_or(Err(RDKafkaErrorCode::UnknownTopicOrPartition)).map_err(failed)?;
    let policy = found.get("cleanup.policy").and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    if policy == "compact" {
        return Ok(());
    }
    let text = format!(
        "the ledger `{topic}` has cleanup.policy={policy} and would forget what was replayed; help: set it to `compact`"
    );
    Err(Error::new(Kind::Broker, text))
}

fn options(timeout: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(Timeout::After(timeout)))
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    fn record(key: &str, value: Option<&[u8]>) -> RawRecord {
        RawRecord {
            topic: "orders_dlq_replayed".into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: Some(key.as_bytes().to_vec()),
            value: value.map(<[u8]>::to_vec),
            headers: Vec::new(),
        }
    }

    #[test]
    fn an_entry_holds_for_its_letter_until_it_is_taken_back() {
        let (mut ledger, letter) = (Ledger::empty("orders_dlq"), letter((2, 7), 5, &[]));
        assert!(!ledger.contains(letter.record()));
        let entry = entry(&letter, "orders", Timestamp::UNIX_EPOCH);
        assert_eq!(
            String::from_utf8(entry.clone()).unwrap(),
            r#"{"timestamp":5,"to":"orders","replayed_at":"1970-01-01T00:00:00Z"}"#
        );
        ledger.apply(&record(&letter.place(), Some(&entry)));
        assert!(ledger.contains(letter.record()));
        assert_eq!(ledger.places_below(2, 8), ["orders_dlq/2/7"]);
        assert!(ledger.places_below(2, 7).is_empty() && ledger.places_below(1, 8).is_empty());
        ledger.apply(&record(&letter.place(), None));
        assert!(!ledger.contains(letter.record()));
    }

    #[test]
    fn another_letter_at_the_same_place_was_not_replayed() {
        let (mut ledger, old) = (Ledger::empty("orders_dlq"), letter((2, 7), 5, &[]));
        ledger.add(old.record());
        assert!(!ledger.contains(letter((2, 7), 6, &[]).record()));
    }

    #[test]
    fn what_is_not_an_entry_says_nothing() {
        let mut ledger = Ledger::empty("orders_dlq");
        for (key, value) in
            [("x", &b"{}"[..]), ("payments_dlq/2/7", b"{}"), ("orders_dlq/2/7", b"\xff"), ("orders_dlq/a/7", b"{}")]
        {
            ledger.apply(&record(key, Some(value)));
        }
        assert!(ledger.replayed.is_empty());
    }
}
