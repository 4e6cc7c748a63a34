//! Exactly once from Kafka to Kafka: what handlers send is written in one transaction with the offsets of their records.
//!
//! In: records that are finished, with what their handlers sent. Out: transactions, one at a time, each of all that is
//! finished without a gap. What is behind a gap waits: its record would be handled again after a crash. A transaction that was
//! undone is tried again from memory; one of partitions that went away in between is dropped, for whoever has them now handles
//! their records. Where nobody knows what became of a transaction, the group's offsets tell, for they are part of it.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

use super::Plan;
use super::session::Session;
use crate::backoff::Backoff;
use crate::broker::{Broker, Subscription, TopicOffset};
use crate::dispatch::Ticket;
use crate::error::Kind;
use crate::offsets::{Commit, Epoch, Partition};
use crate::producer::{Failure, Outbox, Producer, Unsent, stopped};
use crate::{Error, Settings};

/// The pauses before a transaction is tried again.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// How many records may be finished and in no transaction, as a multiple of those that a transaction has at most: while Kafka
/// commits nothing, nothing more is begun.
const AHEAD: usize = 10;

/// How long the last transaction of a consumer that stops may take.
const FAREWELL: Duration = Duration::from_secs(10);

/// Refuses what would make a promise of `exactly_once` untrue.
pub(super) fn check(settings: &Settings, has_store: bool) -> Result<(), Error> {
    let refused = |text: &str| Err(Error::settings(format!("a consumer with `exactly_once` {text}")));
    if has_store {
        return refused(
            "cannot note handled events in a store as well: an event could be marked there whose transaction is undone; help: set \
             `idempotency.store` to `none`",
        );
    }
    if settings.consumer.retry.topics > 0 {
        return refused("retries in its process only; help: set `consumer.retry.topics` to 0");
    }
    if settings.kafka.get("isolation.level").is_some_and(|level| level != "read_committed") {
        return refused("reads committed records only; help: remove `kafka.isolation.level`");
    }
    Ok(())
}

/// What the handlers of a consumer share: where they send to.
#[derive(Default)]
pub(crate) struct Outboxes {
    /// `None` until the consumer has connected.
    producer: RwLock<Option<Producer>>,
    open: Mutex<HashMap<Ticket, Arc<Outbox>>>,
}

impl Outboxes {
    /// Connects the producer.
    pub(super) async fn connect(&self, settings: &Settings, group: &str) -> Result<(), Error> {
        self.set(Producer::connect_transactional(settings, group).await?);
        Ok(())
    }

    fn set(&self, producer: Producer) {
        *self.producer.write().unwrap_or_else(PoisonError::into_inner) = Some(producer);
    }

    fn producer(&self) -> Option<Producer> {
        self.producer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the producer, which may take several tries. Afterwards, no transaction is open.
    ///
    /// # Errors
    /// We may not write in transactions any more.
    async fn replace(&self, producer: &Producer) -> Result<(), KafkaError> {
        let mut n_tried = 0;
        loop {
            match producer.replaced().await {
                Ok(replaced) => {
                    self.set(replaced);
                    return Ok(());
                }
                Err(error) => {
                    tracing::warn!(?error, "transactions cannot go on; trying again");
                    refused(error.source().and_then(<dyn std::error::Error>::downcast_ref))?;
                }
            }
            n_tried += 1;
            tokio::time::sleep(BACKOFF.pause(n_tried)).await;
        }
    }

    /// Returns a new outbox for the handler of a record.
    pub(super) fn open(&self, ticket: Ticket) -> Option<Arc<Outbox>> {
        let outbox = Arc::new(Outbox::new(self.producer()?));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(ticket.slot(), Arc::clone(&outbox));
        Some(outbox)
    }

    /// Keeps what is to be written with the offset of a record that no handler is busy with.
    pub(super) fn put(&self, ticket: Ticket, unsent: Unsent) {
        if let Some(outbox) = self.open(ticket) {
            drop(outbox.put(unsent));
        }
    }

    /// Takes what the handler of a record has sent.
    fn close(&self, ticket: Ticket) -> Vec<Unsent> {
        let outbox = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket.slot());
        outbox.map_or_else(Vec::new, |outbox| outbox.close())
    }
}

/// What finished records have sent that no transaction has committed.
struct Unwritten<T> {
    partitions: BTreeMap<Partition, (Epoch, BTreeMap<i64, T>)>,
}

/// What a record sent.
struct Sent<T> {
    partition: Partition,
    epoch: Epoch,
    offset: i64,
    value: T,
}

impl<T> Unwritten<T> {
    fn assign(&mut self, partition: Partition, epoch: Epoch) {
        self.partitions.insert(partition, (epoch, BTreeMap::new()));
    }

    fn revoke(&mut self, partition: Partition) {
        self.partitions.remove(&partition);
    }

    /// Takes what a record sent, unless its partition had another turn since.
    fn put(&mut self, sent: Sent<T>) {
        if let Some((epoch, values)) = self.partitions.get_mut(&sent.partition)
            && *epoch == sent.epoch
        {
            values.insert(sent.offset, sent.value);
        }
    }

    /// Takes out what belongs to the offsets that are to be committed.
    fn take(&mut self, commits: &[Commit]) -> Vec<Sent<T>> {
        let mut taken = Vec::new();
        for Commit { partition, offset: end, .. } in commits {
            let Some((epoch, values)) = self.partitions.get_mut(partition) else { continue };
            let rest = values.split_off(end);
            let finished = std::mem::replace(values, rest);
            let sent = |(offset, value)| Sent { partition: *partition, epoch: *epoch, offset, value };
            taken.extend(finished.into_iter().map(sent));
        }
        taken
    }

    fn len(&self) -> usize {
        self.partitions.values().map(|(_, values)| values.len()).sum()
    }
}

/// The transactions of one consumer at work.
pub(super) struct Transactions<'a> {
    outboxes: Arc<Outboxes>,
    unwritten: Unwritten<Vec<Unsent>>,
    running: Option<BoxFuture<'a, Transacted>>,
    n_failed: u32,
    due_at: Instant,
    /// One cannot succeed. Without what was in it, its offsets must not be committed.
    is_over: bool,
}

/// Where what is in a transaction came from.
type Place = (Partition, Epoch, i64);

/// What came of a transaction, and what was in it.
pub(super) type Transacted = (Vec<Place>, Vec<Vec<Unsent>>, Result<(), Failure>);

impl Transactions<'_> {
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        let outboxes = Arc::clone(plan.outboxes.as_ref()?);
        let unwritten = Unwritten { partitions: BTreeMap::new() };
        Some(Self { outboxes, unwritten, running: None, n_failed: 0, due_at: Instant::now(), is_over: false })
    }

    pub(super) fn assign(&mut self, partition: Partition, epoch: Epoch) {
        self.unwritten.assign(partition, epoch);
    }

    /// Returns when the next transaction is due.
    pub(super) fn due_at(&self) -> Instant {
        self.due_at
    }

    pub(super) fn revoke(&mut self, partition: Partition) {
        self.unwritten.revoke(partition);
    }

    /// Drops what a handler sent that did not succeed.
    pub(super) fn failed(&self, ticket: Ticket) {
        drop(self.outboxes.close(ticket));
    }

    /// Takes what the handler of a finished record sent.
    pub(super) fn finished(&mut self, ticket: Ticket, offset: i64) {
        let value = self.outboxes.close(ticket);
        if !value.is_empty() {
            self.unwritten.put(Sent { partition: ticket.partition, epoch: ticket.epoch, offset, value });
        }
    }
}

impl<'a, B: Broker> Session<'a, B> {
    /// Returns whether so much waits for Kafka to commit it that nothing more is begun.
    pub(super) fn is_ahead(&self) -> bool {
        let most = AHEAD * self.plan.settings.transaction.max_records;
        let is_ahead = |transactions: &Transactions<'_>| {
            transactions.unwritten.len() >= most || self.group.state().offsets.n_uncommitted() >= most
        };
        self.transactions.as_ref().is_some_and(is_ahead)
    }

    /// Begins a transaction where one is due and none is running.
    pub(super) fn transact_when_due(&mut self, now: Instant) -> Result<(), Error> {
        let settings = &self.plan.settings.transaction;
        let Some(transactions) = &mut self.transactions else { return Ok(()) };
        let n_finished = self.group.state().offsets.n_uncommitted();
        let is_full = n_finished >= settings.max_records && transactions.n_failed == 0;
        let is_due = now >= transactions.due_at;
        if is_due {
            transactions.due_at = now + settings.interval;
        }
        if transactions.running.is_none() && n_finished > 0 && (is_due || is_full) { self.transact() } else { Ok(()) }
    }

    fn transact(&mut self) -> Result<(), Error> {
        let Some(transactions) = &mut self.transactions else { return Ok(()) };
        let commits = self.group.state().offsets.take_commit();
        if commits.is_empty() || transactions.is_over {
            return Ok(());
        }
        let Some(producer) = transactions.outboxes.producer() else { return Ok(()) };
        let named = self.group.commits(commits.clone());
        let prepared = self.subscription.transaction_offsets(&named);
        let failed = |error: KafkaError| Error::new(Kind::Broker, "cannot commit in a transaction").with_source(error);
        // Where this fails, what was sent stays where it is.
        let (offsets, group) = prepared.map_err(failed)?;
        let taken = transactions.unwritten.take(&commits);
        let places: Vec<Place> = taken.iter().map(|sent| (sent.partition, sent.epoch, sent.offset)).collect();
        let batch: Vec<_> = taken.into_iter().map(|sent| sent.value).collect();
        let outboxes = Arc::clone(&transactions.outboxes);
        let (subscription, timeout) = (self.subscription, self.plan.settings.connect_timeout);
        let job = async move {
            let (batch, result) = producer.transact(batch, offsets, group).await;
            let Err(Failure::Unknown(error)) = result else { return (places, batch, result) };
            tracing::warn!(%error, "a transaction did not end; asking Kafka what became of it, through a new producer");
            let is_committed = async {
                outboxes.replace(&producer).await?;
                is_committed::<B>(subscription, &named, timeout).await
            };
            let result = match is_committed.await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Failure::Aborted(error)),
                Err(refused) => Err(Failure::Final(refused)),
            };
            (places, batch, result)
        };
        transactions.running = Some(job.boxed());
        Ok(())
    }

    /// Takes what came of a transaction.
    pub(super) fn transacted(&mut self, (places, batch, result): Transacted) -> Result<(), Error> {
        let Some(transactions) = &mut self.transactions else { return Ok(()) };
        transactions.running = None;
        match result {
            Ok(()) => {
                transactions.n_failed = 0;
                Ok(())
            }
            Err(Failure::Final(error) | Failure::Unknown(error)) => {
                transactions.is_over = true;
                Err(stopped(&self.plan.settings, error))
            }
            Err(Failure::Aborted(error)) => {
                transactions.n_failed = transactions.n_failed.saturating_add(1);
                transactions.due_at = Instant::now() + BACKOFF.pause(transactions.n_failed);
                tracing::warn!(%error, "a transaction was undone; trying again");
                for ((partition, epoch, offset), value) in places.into_iter().zip(batch) {
                    transactions.unwritten.put(Sent { partition, epoch, offset, value });
                }
                self.group.commit_failed();
                Ok(())
            }
        }
    }

    /// Commits what is finished when the consumer stops.
    pub(super) async fn transact_at_the_end(&mut self) {
        let last = async {
            self.end_running().await?;
            self.transact()?;
            self.end_running().await
        };
        match tokio::time::timeout(FAREWELL, last).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(?error, "the last transaction was undone; its records will be handled again")
            }
            Err(_) => tracing::warn!("the last transaction did not end in time; Kafka commits or undoes it as a whole"),
        }
    }

    async fn end_running(&mut self) -> Result<(), Error> {
        let Some(running) = self.transactions.as_mut().and_then(|transactions| transactions.running.take()) else {
            return Ok(());
        };
        let transacted = running.await;
        self.transacted(transacted)
    }
}

/// Returns whether the group has committed these offsets, as soon as it can be known.
///
/// # Errors
/// We may not ask.
async fn is_committed<B: Broker>(
    subscription: &B::Subscription,
    offsets: &[TopicOffset],
    timeout: Duration,
) -> Result<bool, KafkaError> {
    let partitions: Vec<_> = offsets.iter().map(|offset| offset.partition.clone()).collect();
    let mut n_asked = 0;
    loop {
        match subscription.committed(&partitions, timeout).await {
            Ok(committed) => {
                let reached = |offset: &TopicOffset| {
                    let mut same = committed.iter().filter(|committed| committed.partition == offset.partition);
                    same.any(|committed| committed.offset >= offset.offset)
                };
                return Ok(offsets.iter().all(reached));
            }
            Err(error) => {
                tracing::warn!(%error, "the group's offsets are not known; asking again");
                refused(Some(&error))?;
            }
        }
        n_asked += 1;
        tokio::time::sleep(BACKOFF.pause(n_asked)).await;
    }
}

/// Returns an error that no further try changes.
fn refused(error: Option<&KafkaError>) -> Result<(), KafkaError> {
    let Some(error) = error else { return Ok(()) };
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed,
        ) => Err(error.clone()),
        _ => Ok(()),
    }
}

/// Returns what came of the transaction that is running; waits for ever where there is none.
pub(super) async fn next_transaction(transactions: &mut Option<Transactions<'_>>) -> Transacted {
    match transactions.as_mut().and_then(|transactions| transactions.running.as_mut()) {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition { topic: 0, number: 3 };

    fn sent(epoch: Epoch, offset: i64) -> Sent<i64> {
        Sent { partition: P, epoch, offset, value: offset }
    }

    fn take(unwritten: &mut Unwritten<i64>, end: i64) -> Vec<Sent<i64>> {
        unwritten.take(&[Commit { partition: P, offset: end, metadata: String::new() }])
    }

    fn values(sent: &[Sent<i64>]) -> Vec<i64> {
        sent.iter().map(|sent| sent.value).collect()
    }

    fn unwritten() -> Unwritten<i64> {
        let mut unwritten = Unwritten { partitions: BTreeMap::new() };
        unwritten.assign(P, 1);
        for offset in [5, 3, 9] {
            unwritten.put(sent(1, offset));
        }
        unwritten
    }

    #[test]
    fn what_is_behind_a_gap_waits() {
        let mut unwritten = unwritten();
        assert_eq!(values(&take(&mut unwritten, 9)), [3, 5]);
        assert_eq!(unwritten.len(), 1);
        assert!(take(&mut unwritten, 9).is_empty());
        assert_eq!(values(&take(&mut unwritten, 10)), [9]);
    }

    #[test]
    fn what_was_undone_is_written_with_the_next_one() {
        let mut unwritten = unwritten();
        let undone = take(&mut unwritten, 6);
        unwritten.put(sent(1, 6));
        undone.into_iter().for_each(|sent| unwritten.put(sent));
        assert_eq!(values(&take(&mut unwritten, 10)), [3, 5, 6, 9]);
    }

    #[test]
    fn what_was_undone_is_dropped_where_the_partition_went_away() {
        let mut unwritten = unwritten();
        let undone = take(&mut unwritten, 10);
        unwritten.revoke(P);
        unwritten.put(sent(1, 5));
        unwritten.assign(P, 2);
        undone.into_iter().for_each(|sent| unwritten.put(sent));
        unwritten.put(sent(2, 4));
        assert_eq!(values(&take(&mut unwritten, 10)), [4]);
    }
}
