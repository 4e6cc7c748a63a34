//! Writes copies of dead letters, each in one Kafka transaction with its entry in the ledger.
//!
//! In: a batch of copies. Out: all of them and their entries, or nothing. There is one writer for each topic of dead
//! letters: a new one makes Kafka abort what an older one had begun and refuse what it does later ("zombie fencing",
//! KIP-98). So what the ledger says is final to whoever reads it after [`Writer::open`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eventwright_wire::jiff::Timestamp;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use super::ledger;
use super::letter::{Letter, REPLAYED_FROM};
use super::rework::Rewritten;
use crate::error::Kind;
use crate::kafka::{self, Health, Logs};
use crate::message::{EVENT, SCHEMA_VERSION};
use crate::topics;
use crate::{Error, Settings, trace};

/// How long Kafka may take to end what another replay had begun, to commit or to abort, before it is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a call is repeated that may succeed later.
const TRIES: u32 = 10;

/// What is to be written of a letter.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) letter: Letter,
    pub(crate) to: String,
    pub(crate) rewritten: Option<Rewritten>,
}

impl Copy {
    /// Returns how many bytes of key and value there are.
    pub(crate) fn size(&self) -> usize {
        let record = self.letter.record();
        let value = self.rewritten.as_ref().map(|rewritten| &rewritten.value).or(record.value.as_ref());
        value.map_or(0, Vec::len) + record.key.as_ref().map_or(0, Vec::len)
    }
}

/// The only writer of one topic's letters.
pub(crate) struct Writer {
    producer: FutureProducer<Logs>,
    health: Arc<Health>,
    dlq: String,
    ledger: String,
}

/// What came of a batch.
#[derive(Debug)]
pub(crate) enum Written {
    /// All of it is there.
    Committed,
    /// The broker never takes the copy at this index; nothing was written.
    Refused(usize, String),
}

impl Writer {
    /// Connects, and ends what another writer of these letters had begun.
    ///
    /// # Errors
    /// A broker that does not answer, or that grants us no transactions.
    pub(crate) async fn open(settings: &Settings, dlq: &str) -> Result<Self, Error> {
        let logs = Logs::default();
        let health = Arc::clone(&logs.0);
        let mut config = settings.kafka_config(&[("linger.ms", "1"), ("compression.type", "lz4")]);
        // The broker decides what is too large, and the key its partition, as for the typed producer.
        config.set("partitioner", "murmur2_random").set("message.max.bytes", "1000000000");
        // What a replay that was killed had begun holds up readers of its topics until another one begins, or as long as this.
        config.set("transaction.timeout.ms", "30000");
        config.set("transactional.id", format!("eventwright-replay-{dlq}"));
        let producer = config.create_with_context(logs).map_err(kafka::config_error)?;
        let writer = Self { producer, health, dlq: dlq.to_owned(), ledger: topics::replay_ledger(dlq) };
        writer.call("begin to replay", |producer| producer.init_transactions(PATIENCE)).await?;
        Ok(writer)
    }

    /// Writes a batch: all of it, or nothing. Each copy has a span, which ends with the transaction.
    ///
    /// # Errors
    /// Another replay that has taken over, or a broker that does not take the batch.
    pub(crate) async fn write(&self, copies: &[&Copy]) -> Result<Written, Error> {
        let span = |copy: &&Copy| trace::copy(copy.letter.record(), &copy.to, "replay");
        let spans: Vec<_> = copies.iter().map(span).collect();
        let written = self.transact(copies).await;
        if !matches!(written, Ok(Written::Committed)) {
            spans.iter().for_each(trace::not_sent);
        }
        written
    }

    async fn transact(&self, copies: &[&Copy]) -> Result<Written, Error> {
        self.call("begin a transaction", |producer| producer.begin_transaction()).await?;
        let Err((index, error)) = self.send(copies).await else {
            let committed = self.call("commit", |producer| producer.commit_transaction(PATIENCE)).await;
            return committed.map(|()| Written::Committed);
        };
        // An error that is the reason to stop is told of, and not what came of it.
        let aborted = self.abort().await;
        if !is_of_record(&error) {
            return Err(self.failed("write", error));
        }
        aborted?;
        let why = format!("the broker does not take it: {}", error.rdkafka_error_code().unwrap_or(Code::Unknown));
        Ok(Written::Refused(index, why))
    }

    async fn abort(&self) -> Result<(), Error> {
        self.call("abort", |producer| producer.abort_transaction(PATIENCE)).await
    }

    /// Sends the copies and their entries, and waits until the broker has them all.
    async fn send(&self, copies: &[&Copy]) -> Result<(), (usize, KafkaError)> {
        let mut deliveries = VecDeque::new();
        let replayed_at = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
        for (index, copy) in copies.iter().enumerate() {
            let letter = copy.letter.record();
            let key = copy.rewritten.as_ref().and_then(|rewritten| rewritten.key.as_ref()).or(letter.key.as_ref());
            let value = copy.rewritten.as_ref().map(|rewritten| &rewritten.value).or(letter.value.as_ref());
            let mut record = FutureRecord::<[u8], [u8]>::to(&copy.to).headers(headers(copy));
            record.key = key.map(Vec::as_slice);
            record.payload = value.map(Vec::as_slice);
            self.queue(record, index, &mut deliveries).await?;
            let (place, entry) = (copy.letter.place(), ledger::entry(&copy.letter, &copy.to, replayed_at));
            let record = FutureRecord::to(&self.ledger).key(place.as_bytes()).payload(entry.as_slice());
            self.queue(record, index, &mut deliveries).await?;
        }
        let mut failure = None;
        for (index, delivery) in deliveries {
            match settle(delivery).await {
                Ok(()) => {}
                // The records before it may be purged because of it, and theirs would not be the error to tell of.
                Err(error) if is_of_record(&error) => return Err((index, error)),
                Err(error) => failure = failure.or(Some((index, error))),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Puts a record into the queue, where need be after an older one has left it.
    async fn queue(
        &self,
        mut record: FutureRecord<'_, [u8], [u8]>,
        index: usize,
        deliveries: &mut VecDeque<(usize, DeliveryFuture)>,
    ) -> Result<(), (usize, KafkaError)> {
        loop {
            match (self.producer.send_result(record), deliveries.pop_front()) {
                (Ok(delivery), oldest) => {
                    oldest.into_iter().for_each(|oldest| deliveries.push_front(oldest));
                    deliveries.push_back((index, delivery));
                    return Ok(());
                }
                (Err((KafkaError::MessageProduction(Code::QueueFull), again)), Some((index, oldest))) => {
                    settle(oldest).await.map_err(|error| (index, error))?;
                    record = again;
                }
                (Err((error, _)), _) => return Err((index, error)),
            }
        }
    }

    /// Makes a call that blocks, again where librdkafka says that it may succeed.
    async fn call(
        &self,
        what: &str,
        call: impl Fn(&FutureProducer<Logs>) -> KafkaResult<()> + Send + Sync + Clone + 'static,
    ) -> Result<(), Error> {
        for attempt in 1.. {
            let (producer, call) = (self.producer.clone(), call.clone());
            let called = tokio::task::spawn_blocking(move || call(&producer)).await;
            let error = match called.unwrap_or(Err(KafkaError::Canceled)) {
                Ok(()) => break,
                Err(error) => error,
            };
            let is_retriable = matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
            if !is_retriable || attempt >= TRIES {
                return Err(self.failed(what, error));
            }
            tracing::warn!(what, %error, "a replay's transaction waits for Kafka");
        }
        Ok(())
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        let dlq = &self.dlq;
        let is_fenced = matches!(
            error.rdkafka_error_code(),
            Some(Code::Fenced | Code::InvalidProducerEpoch | Code::ProducerFenced)
        );
        let is_fatal = self.producer.client().fatal_error().is_some_and(|(code, _)| code == Code::Fenced);
        if is_fenced || is_fatal {
            let text = format!(
                "another replay of `{dlq}` has begun, and this one ends; what it had not finished is left to the other; help: \
                 run one at a time"
            );
            return Error::new(Kind::Broker, text).with_source(error);
        }
        let suffix = self.health.suffix();
        let text = format!(
            "cannot {what} replaying `{dlq}`{suffix}: what was not committed was not written; help: start again, and it goes \
             on there"
        );
        Error::new(Kind::NotWritten, text).with_source(error).retriable()
    }
}

async fn settle(delivery: DeliveryFuture) -> Result<(), KafkaError> {
    match delivery.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::Canceled),
    }
}

/// Returns whether it is this record that the broker never takes.
fn is_of_record(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::MessageSizeTooLarge
                | Code::InvalidMessageSize
                | Code::InvalidMessage
                | Code::InvalidRecord
                | Code::PolicyViolation
        )
    )
}

/// Returns the headers that the record had before it died, with what is new in them.
fn headers(copy: &Copy) -> OwnedHeaders {
    let place = copy.letter.place();
    let version = copy.rewritten.as_ref().map(|rewritten| rewritten.version.to_string());
    let event = copy.rewritten.as_ref().and_then(|rewritten| rewritten.event);
    let is_new = |name: &str| (name == EVENT && event.is_some()) || (name == SCHEMA_VERSION && version.is_some());
    let kept = copy.letter.original_headers().filter(|(name, _)| !is_new(name));
    let headers = kept.fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value }));
    let new = [(EVENT, event), (SCHEMA_VERSION, version.as_deref()), (REPLAYED_FROM, Some(place.as_str()))];
    let new = new.into_iter().filter(|(_, value)| value.is_some());
    new.fold(headers, |all, (key, value)| all.insert(Header { key, value }))
}
