//! What follows from what came of a record: it is finished, waits, goes elsewhere, or stops the consumer.

use eventwright_registry::RegistryError;
use rdkafka::Message as _;

use super::brakes;
use super::session::{Entry, Session};
use super::step::{self, Report};
use crate::Error;
use crate::audit;
use crate::broker::Broker;
use crate::circuit_breaker::Permit;
use crate::copies::Failure;
use crate::dispatch::{Hold, Next, Ticket, Verdict};
use crate::error::Kind;
use crate::handler::Outcome;
use crate::offsets::{Arrival, Partition};

impl<B: Broker> Session<'_, B> {
    /// Takes what came of a job.
    pub(super) fn finish(&mut self, ticket: Ticket, report: Report) -> Result<(), Error> {
        let now = self.now;
        if matches!(report, Report::Handled(..) | Report::Panicked(..) | Report::Batch(..)) {
            self.observer.attempted(ticket, now);
        }
        self.claims.iter_mut().for_each(|claims| claims.returned(ticket));
        match report {
            Report::Claimed(answer) => {
                let claims = self.claims.as_mut();
                let verdict = claims.map_or(Verdict::Loaded, |claims| claims.claimed(ticket, answer, now));
                if verdict == Verdict::Done {
                    self.note(ticket, audit::Outcome::Duplicate)?;
                }
                self.conclude(ticket, verdict, "")
            }
            Report::Loaded(loaded) => {
                let verdict = self.loaded(loaded);
                self.conclude(ticket, verdict, "")
            }
            Report::Handled(outcome, permit) => self.handled(ticket, outcome, permit),
            Report::Batch(n_records, report) => self.finish_batch(ticket, n_records, *report),
            // It counts as an attempt whatever the breaker says: no record that breaks its handler is tried for ever.
            Report::Panicked(reason, permit) => {
                self.observer.failed(ticket);
                self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
                permit.map(|permit| permit.failed(now));
                self.conclude(ticket, Verdict::Again, &reason)
            }
            Report::Buried(Ok(())) => {
                self.note(ticket, audit::Outcome::DeadLettered)?;
                self.conclude(ticket, Verdict::Done, "")
            }
            Report::Buried(Err(error)) | Report::Moved(Err(error)) => Err(error),
            Report::Moved(Ok((place, origin))) => {
                self.note(ticket, audit::Outcome::Retried)?;
                self.moved(ticket, place, origin);
                self.claims.iter_mut().for_each(|claims| claims.ended(ticket));
                Ok(())
            }
        }
    }

    fn handled(&mut self, ticket: Ticket, outcome: Outcome, permit: Option<Permit>) -> Result<(), Error> {
        let is_held = brakes::settle(permit, &outcome, self.now);
        if outcome != Outcome::Done {
            self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
        }
        match outcome {
            Outcome::Done => {
                self.note(ticket, audit::Outcome::Handled)?;
                self.brakes.handled();
                self.conclude(ticket, Verdict::Done, "")
            }
            Outcome::Retry(reason) if is_held => {
                self.observer.failed(ticket);
                self.brakes.refused(ticket.partition.topic);
                self.conclude(ticket, Verdict::Held(Hold::Breaker), &reason)
            }
            Outcome::Retry(reason) => {
                self.observer.failed(ticket);
                self.conclude(ticket, Verdict::Again, &reason)
            }
            Outcome::Reject(reason) => {
                self.observer.failed(ticket);
                self.note(ticket, audit::Outcome::Rejected)?;
                self.conclude(ticket, Verdict::Rejected, &reason)
            }
        }
    }

    /// Tells what came of an attempt.
    pub(super) fn note(&self, ticket: Ticket, outcome: audit::Outcome) -> Result<(), Error> {
        match self.dispatch.record(ticket) {
            Some(Entry::Main(record)) => self.observer.ended(ticket, Some(record), outcome, self.now),
            Some(Entry::Returned(record)) => self.observer.ended(ticket, Some(&**record), outcome, self.now),
            None => self.observer.ended(ticket, None::<&B::Record<'_>>, outcome, self.now),
        }
    }

    fn loaded(&mut self, loaded: Result<(), RegistryError>) -> Verdict {
        match loaded {
            Ok(()) => {
                if std::mem::take(&mut self.registry_is_down) {
                    tracing::info!("the schema registry answers again");
                }
                Verdict::Loaded
            }
            Err(error) => {
                if !std::mem::replace(&mut self.registry_is_down, true) {
                    tracing::warn!(%error, "the schema registry does not answer; records that need it wait, none is lost");
                }
                Verdict::NotLoaded
            }
        }
    }

    /// Takes note of what came of a record.
    pub(super) fn conclude(&mut self, ticket: Ticket, verdict: Verdict, reason: &str) -> Result<(), Error> {
        let place = self.place_of(ticket);
        let (topic, partition, offset) = (self.group.topic(place.0), ticket.partition.number, place.1);
        match self.dispatch.finish(ticket, verdict, self.now) {
            Next::Finished => {
                self.finished(ticket, place);
                Ok(())
            }
            Next::Waits(pause) => {
                tracing::debug!(%topic, partition, offset, ?pause, reason, "record waits");
                if verdict == Verdict::Again && place.0 != ticket.partition {
                    self.group.state().offsets.note_attempts(place.0, ticket.epoch, offset, ticket.attempt);
                }
                if verdict == Verdict::Again { self.note(ticket, audit::Outcome::Retried) } else { Ok(()) }
            }
            Next::Held => Ok(()),
            Next::NotOurs => {
                self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
                self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                Ok(())
            }
            Next::Moves(tier, pause) => {
                tracing::debug!(%topic, partition, offset, ?pause, reason, "record goes to a retry topic");
                let failure = self.failure(ticket, "handler", reason);
                self.move_on(ticket, tier, pause, failure);
                Ok(())
            }
            Next::Exhausted => self.give_up(ticket, verdict, reason),
        }
    }

    /// Takes note of a record that is done, at the place where it was read.
    pub(super) fn finished(&mut self, ticket: Ticket, (partition, offset): (Partition, i64)) {
        let arrival = self.group.state().offsets.finish(partition, ticket.epoch, offset);
        self.ended(ticket, partition, offset, arrival);
    }

    /// Tells all that keep something of a record that it is done.
    pub(super) fn ended(&mut self, ticket: Ticket, partition: Partition, offset: i64, arrival: Option<Arrival>) {
        self.observer.finished(partition, arrival, self.now);
        self.claims.iter_mut().for_each(|claims| claims.ended(ticket));
        self.transactions.iter_mut().for_each(|transactions| transactions.finished(ticket, offset));
    }

    /// Makes a dead letter of a record that its handler failed at, or stops there.
    fn give_up(&mut self, ticket: Ticket, verdict: Verdict, reason: &str) -> Result<(), Error> {
        let Some(record) = self.dispatch.record(ticket) else { return Ok(()) };
        let record = record.raw();
        let topic = self.group.topic(ticket.partition);
        let (partition, offset, attempt) = (ticket.partition.number, record.offset, ticket.attempt);
        if self.plan.dead_letters.is_none() {
            let text = format!(
                "the handler failed {attempt} times at `{topic}` partition {partition} offset {offset}, at last with: {reason}; the \
                 record is kept and will be handled again by the next consumer of group `{}`; help: mend the handler, raise \
                 `consumer.retry.max_attempts`, or set `consumer.on_failure` to `dead_letter`",
                self.plan.group
            );
            return Err(Error::new(Kind::Handler, text));
        }
        tracing::warn!(%topic, partition, offset, attempt, reason, "a record becomes a dead letter");
        let why = if verdict == Verdict::Rejected { "rejected" } else { "handler" };
        let failure = self.failure(ticket, why, reason);
        self.bury(ticket, failure)
    }

    /// Makes a dead letter of a record, unless it is one too many.
    pub(super) fn bury(&mut self, ticket: Ticket, failure: Failure) -> Result<(), Error> {
        let Some(record) = self.dispatch.record(ticket).map(Entry::raw) else { return Ok(()) };
        self.brakes.died(&record, &failure)?;
        let job = self.guarded(ticket, step::bury(self.plan, ticket, record, failure));
        self.jobs.push(job);
        Ok(())
    }

    fn failure(&self, ticket: Ticket, reason: &'static str, error: &str) -> Failure {
        let first_failed_at = self.dispatch.first_failed_at(ticket, self.now, self.plan.clock.now());
        Failure { reason, error: error.to_owned(), first_failed_at }
    }

    /// Returns the partition and the offset at which the record of a ticket was read: on the main topic, or on a retry topic.
    pub(super) fn place_of(&self, ticket: Ticket) -> (Partition, i64) {
        let returned = self.dispatch.place(ticket).map(|place| (place.partition, place.offset));
        returned.unwrap_or_else(|| (ticket.partition, self.offset(ticket)))
    }

    /// Returns the offset that the record of a ticket had on the main topic.
    pub(super) fn offset(&self, ticket: Ticket) -> i64 {
        match self.dispatch.record(ticket) {
            Some(Entry::Main(record)) => record.offset(),
            Some(Entry::Returned(record)) => record.offset(),
            None => 0,
        }
    }
}
