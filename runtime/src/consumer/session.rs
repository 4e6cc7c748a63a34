//! One consumer at work: takes records, has them handled, commits what is finished, until it is told to stop.
//!
//! In: records of a broker. Out: handlers that run, and commits. All decisions are those of [`Dispatch`] and
//! [`Offsets`](crate::offsets::Offsets); this file does the I/O for them, and `step` takes each record to its handler.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use eventwright_registry::RegistryError;
use futures::future::Either;
use futures::stream::{FuturesUnordered, pending};
use futures::{FutureExt as _, Stream, StreamExt as _};
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;
use tokio::time::{Instant, sleep_until};

use super::Plan;
use super::brakes::{self, Brakes};
use super::claims::Claims;
use super::exactly_once::{Transactions, next_transaction};
use super::group::{Change, Group};
use super::leaving::Leaving;
use super::observer::Observer;
use super::retries::{Event, Retries};
use super::running::Runner;
use super::step::{self, Job, Report, Step};
use crate::Error;
use crate::audit;
use crate::broker::{Broker, Subscription};
use crate::circuit_breaker::Permit;
use crate::copies::Failure;
use crate::dispatch::{Dispatch, Hold, Next, Ticket, Verdict};
use crate::error::Kind;
use crate::handler::Outcome;
use crate::offsets::{Arrival, Partition};

/// How many records are taken before timers and the stop are looked at again.
const BURST: usize = 256;

/// How many records are finished before their offsets are committed ahead of time.
const COMMIT_RECORDS: usize = 10_000;

/// How long the consumer sleeps at most when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

/// A record in hand.
pub(super) enum Entry<M> {
    /// As the client has it.
    Main(M),
    /// It was read from a retry topic, and looks as it did on the main topic.
    Returned(Box<OwnedMessage>),
}

/// A consumer at work.
pub(super) struct Session<'a, B: Broker> {
    pub(super) plan: &'a Plan,
    pub(super) subscription: &'a B::Subscription,
    pub(super) group: &'a Group,
    pub(super) dispatch: Dispatch<Entry<B::Record<'a>>>,
    pub(super) jobs: FuturesUnordered<Job>,
    pub(super) retries: Option<Retries<'a, B>>,
    pub(super) observer: Observer<'a>,
    /// Where each event is to be handled once.
    claims: Option<Claims>,
    /// Where offsets are committed with what handlers send.
    pub(super) transactions: Option<Transactions>,
    runner: Runner,
    commit_at: Instant,
    pub(super) brakes: Brakes,
    pub(super) leaving: Option<Leaving>,
    registry_is_down: bool,
}

impl<'a, B: Broker> Session<'a, B> {
    pub(super) fn new(
        plan: &'a Plan,
        subscription: &'a B::Subscription,
        group: &'a Group,
        reader: Option<&'a B::Reader>,
    ) -> Self {
        let settings = &plan.settings.consumer;
        Self {
            plan,
            subscription,
            group,
            dispatch: Dispatch::new(settings.order, settings.limits(), settings.retry.clone()),
            jobs: FuturesUnordered::new(),
            observer: Observer::new(plan, group, Instant::now()),
            retries: reader.map(Retries::new),
            claims: Claims::new(plan),
            transactions: Transactions::new(plan),
            runner: Runner::new(settings.runs_tasks()),
            commit_at: Instant::now() + settings.commit_interval,
            brakes: Brakes::new(plan),
            leaving: None,
            registry_is_down: false,
        }
    }

    /// Works until `stop` is ready, or until there is a record that the consumer cannot go past; then waits for the
    /// handlers that are running.
    pub(super) async fn run(mut self, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let worked = self.work(stop).await;
        self.drain(worked.is_ok()).await;
        self.observer.tell_end(Instant::now());
        self.transact_at_the_end().await;
        // What has not ended by now is not waited for, and its event not kept.
        self.jobs.clear();
        if let Some(claims) = &mut self.claims {
            claims.give_up_all().await;
        }
        worked
    }

    async fn work(&mut self, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let mut records = pin!(self.subscription.records());
        let mut returned = pin!(
            self.retries.as_ref().map_or_else(|| Either::Left(pending()), |retries| Either::Right(retries.records()))
        );
        loop {
            let now = Instant::now();
            self.follow_assignment();
            self.leave_when_idle(now);
            self.plan.health.polled(now);
            self.brakes.follow_breakers(self.plan, &mut self.dispatch, now);
            self.start_ready(now)?;
            self.commit_when_due(now)?;
            self.transact_when_due(now)?;
            self.observer.tell_when_due(now, || self.dispatch.levels());
            self.pause_and_resume(now)?;
            self.follow_chains();
            let has_room = self.dispatch.has_room() && !self.is_ahead();
            let (wake_at, plan) = (self.wake_at(now), self.plan);
            tokio::select! {
                biased;
                stopped = &mut stop => return stopped,
                Some((ticket, report)) = self.jobs.next() => self.finish(ticket, report)?,
                Some(record) = records.next(), if has_room => {
                    self.receive(record)?;
                    self.receive_burst(records.as_mut(), now)?;
                    // Records that are there already never make us wait, so other tasks get their turn here.
                    tokio::task::yield_now().await;
                }
                () = plan.wake.notified() => {}
                transacted = next_transaction(&mut self.transactions) => self.transacted(transacted)?,
                event = next_event(&mut self.retries) => self.retry_event(event)?,
                Some(read) = returned.next() => self.receive_retry(read)?,
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// Takes what has been fetched already, without the cost of waiting for several things at once.
    fn receive_burst(
        &mut self,
        mut records: Pin<&mut impl Stream<Item = Result<B::Record<'a>, KafkaError>>>,
        now: Instant,
    ) -> Result<(), Error> {
        for _ in 0..BURST {
            self.start_ready(now)?;
            if !self.dispatch.has_room() || self.is_ahead() {
                break;
            }
            let Some(Some(record)) = records.next().now_or_never() else { break };
            self.receive(record)?;
        }
        Ok(())
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let idle = now + IDLE;
        let dispatch = self.dispatch.wake_at().unwrap_or(idle);
        let brakes = self.brakes.wake_at(self.plan, now).unwrap_or(idle);
        let leaving = self.leaving.as_ref().map_or(idle, |leaving| leaving.deadline);
        let commit_at = self.transactions.as_ref().map_or(self.commit_at, Transactions::due_at);
        idle.min(dispatch).min(brakes).min(leaving).min(commit_at.max(now + Duration::from_millis(1)))
    }

    /// Follows the assignment, which changes while librdkafka is polled.
    pub(super) fn follow_assignment(&mut self) {
        let changes = std::mem::take(&mut self.group.state().changes);
        self.apply(changes);
    }

    fn apply(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            match change {
                Change::Assigned(partition, epoch) => {
                    self.drop_retries(partition);
                    self.dispatch.assign(partition, epoch);
                    self.load_retries(partition, epoch);
                    self.claims.iter().for_each(Claims::partitions_assigned);
                    self.transactions.iter_mut().for_each(|transactions| transactions.assign(partition, epoch));
                }
                Change::Revoked(partition) => {
                    self.dispatch.revoke(partition);
                    self.transactions.iter_mut().for_each(|transactions| transactions.revoke(partition));
                    self.claims.iter_mut().for_each(|claims| claims.revoked(partition));
                    self.drop_retries(partition);
                }
                Change::Leaving(partitions) => self.begin_to_leave(partitions),
            }
        }
        let mains = self.dispatch.partitions().filter(|partition| self.group.main_of(*partition).is_none());
        let name = |partition: Partition| (Arc::clone(self.group.topic(partition)), partition.number);
        self.plan.health.assigned(mains.map(name).collect());
    }

    fn receive(&mut self, record: Result<B::Record<'a>, KafkaError>) -> Result<(), Error> {
        let record = match record {
            Ok(record) => record,
            Err(error) => return self.consumer_error(error),
        };
        self.group.health.succeeded();
        let Some(partition) = self.group.partition(record.topic(), record.partition()) else { return Ok(()) };
        let mut state = self.group.state();
        let arrival = Arrival { at: Instant::now(), timestamp: record.timestamp().to_millis() };
        state.offsets.begin(partition, record.offset());
        state.offsets.arrived(partition, arrival);
        // The poll that gave this record may have changed the assignment before.
        let changes = std::mem::take(&mut state.changes);
        drop(state);
        self.apply(changes);
        if self.is_leaving(partition) {
            return Ok(());
        }
        self.observer.received(partition);
        let lane = self.dispatch.lane_of(record.key());
        let bytes = record.key().map_or(0, <[u8]>::len) + record.payload().map_or(0, <[u8]>::len);
        self.dispatch.receive(partition, lane, Entry::Main(record), bytes);
        Ok(())
    }

    /// Sorts the errors of librdkafka: those that it mends itself, and those that somebody else must mend.
    fn consumer_error(&self, error: KafkaError) -> Result<(), Error> {
        let stop = |what: &str| {
            let text = format!("{what} at `{}`{}", self.plan.settings.bootstrap, self.group.health.suffix());
            Err(Error::new(Kind::Broker, text).with_source(error.clone()))
        };
        match (&error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) => stop("the consumer cannot go on"),
            (_, Some(RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                let topics = self.plan.shown_topics();
                stop(&format!("we may not read {topics}; help: grant READ on the topic"))
            }
            (_, Some(RDKafkaErrorCode::GroupAuthorizationFailed)) => {
                stop(&format!("we may not join the group `{}`; help: grant READ on the group", self.plan.group))
            }
            (_, Some(RDKafkaErrorCode::PollExceeded)) => {
                tracing::warn!(
                    "a handler blocked its thread for longer than `max.poll.interval.ms`, and the group gave its \
                     partitions to others; rejoining. Handlers must await, not block"
                );
                Ok(())
            }
            _ => {
                tracing::debug!(%error, "librdkafka reports an error that it mends itself");
                Ok(())
            }
        }
    }

    /// Handles every record that may be handled now, as far as it gets without waiting.
    pub(super) fn start_ready(&mut self, now: Instant) -> Result<(), Error> {
        while self.brakes.may_begin(now)
            && !self.is_ahead()
            && let Some(ticket) = self.dispatch.next(now)
        {
            let Some(record) = self.dispatch.record(ticket) else { continue };
            let step = match record {
                Entry::Main(record) => step::admit(self.plan, self.claims.as_mut(), ticket, record, now),
                Entry::Returned(record) => step::admit(self.plan, self.claims.as_mut(), ticket, &**record, now),
            };
            let step = if let Step::Batch(route) = step { self.begin_batch(ticket, route, now) } else { step };
            match step {
                Step::Ignored(ticket) => {
                    self.note(ticket, audit::Outcome::Ignored, now)?;
                    self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                    self.conclude(ticket, Verdict::Done, now, "")?;
                }
                Step::Held => {
                    self.brakes.refused(ticket.partition.topic);
                    self.conclude(ticket, Verdict::Held(Hold::Breaker), now, "")?;
                }
                Step::Gathers | Step::Batch(_) => {
                    let settings = &self.plan.settings.consumer;
                    let gathers = Verdict::Gathers(settings.batch_wait, settings.batch_records);
                    self.conclude(ticket, gathers, now, "")?;
                }
                Step::Dies(failure) => self.bury(ticket, failure)?,
                // Most handlers are done by their first step; only the others cost a place among the jobs.
                Step::Handler(ticket, job) => {
                    self.brakes.began(now);
                    let job = self.guarded(ticket, job);
                    match self.runner.start(ticket, job) {
                        Ok((ticket, report)) => self.finish(ticket, report)?,
                        Err(job) => self.jobs.push(job),
                    }
                }
                Step::Job(job) => {
                    self.brakes.began(now);
                    let mut job = self.guarded(ticket, job);
                    match (&mut job).now_or_never() {
                        Some((ticket, report)) => self.finish(ticket, report)?,
                        None => self.jobs.push(job),
                    }
                }
                Step::Stop(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the job with what the claim of its record asks for.
    pub(super) fn guarded(&mut self, ticket: Ticket, job: Job) -> Job {
        match &mut self.claims {
            Some(claims) => claims.guard(ticket, job),
            None => job,
        }
    }

    pub(super) fn finish(&mut self, ticket: Ticket, report: Report) -> Result<(), Error> {
        let now = Instant::now();
        if matches!(report, Report::Handled(..) | Report::Panicked(..) | Report::Batch(..)) {
            self.observer.attempted(ticket, now);
        }
        self.claims.iter_mut().for_each(|claims| claims.returned(ticket));
        match report {
            Report::Claimed(answer) => {
                let claims = self.claims.as_mut();
                let verdict = claims.map_or(Verdict::Loaded, |claims| claims.claimed(ticket, answer, now));
                if verdict == Verdict::Done {
                    self.note(ticket, audit::Outcome::Duplicate, now)?;
                }
                self.conclude(ticket, verdict, now, "")
            }
            Report::Loaded(loaded) => {
                let verdict = self.loaded(loaded);
                self.conclude(ticket, verdict, now, "")
            }
            Report::Handled(outcome, permit) => self.handled(ticket, outcome, permit, now),
            Report::Batch(n_records, report) => self.finish_batch(ticket, n_records, *report),
            // It counts as an attempt whatever the breaker says: no record that breaks its handler is tried for ever.
            Report::Panicked(reason, permit) => {
                self.observer.failed(ticket);
                self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
                permit.map(|permit| permit.failed(now));
                self.conclude(ticket, Verdict::Again, now, &reason)
            }
            Report::Buried(Ok(())) => {
                self.note(ticket, audit::Outcome::DeadLettered, now)?;
                self.conclude(ticket, Verdict::Done, now, "")
            }
            Report::Buried(Err(error)) | Report::Moved(Err(error)) => Err(error),
            Report::Moved(Ok((place, origin))) => {
                self.note(ticket, audit::Outcome::Retried, now)?;
                self.moved(ticket, place, origin);
                self.claims.iter_mut().for_each(|claims| claims.ended(ticket));
                Ok(())
            }
        }
    }

    fn handled(&mut self, ticket: Ticket, outcome: Outcome, permit: Option<Permit>, now: Instant) -> Result<(), Error> {
        let is_held = brakes::settle(permit, &outcome, now);
        if outcome != Outcome::Done {
            self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
        }
        match outcome {
            Outcome::Done => {
                self.note(ticket, audit::Outcome::Handled, now)?;
                self.brakes.handled();
                self.conclude(ticket, Verdict::Done, now, "")
            }
            Outcome::Retry(reason) if is_held => {
                self.observer.failed(ticket);
                self.brakes.refused(ticket.partition.topic);
                self.conclude(ticket, Verdict::Held(Hold::Breaker), now, &reason)
            }
            Outcome::Retry(reason) => {
                self.observer.failed(ticket);
                self.conclude(ticket, Verdict::Again, now, &reason)
            }
            Outcome::Reject(reason) => {
                self.observer.failed(ticket);
                self.note(ticket, audit::Outcome::Rejected, now)?;
                self.conclude(ticket, Verdict::Rejected, now, &reason)
            }
        }
    }

    /// Tells what came of an attempt.
    pub(super) fn note(&self, ticket: Ticket, outcome: audit::Outcome, now: Instant) -> Result<(), Error> {
        match self.dispatch.record(ticket) {
            Some(Entry::Main(record)) => self.observer.ended(ticket, Some(record), outcome, now),
            Some(Entry::Returned(record)) => self.observer.ended(ticket, Some(&**record), outcome, now),
            None => self.observer.ended(ticket, None::<&B::Record<'_>>, outcome, now),
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
    pub(super) fn conclude(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        now: Instant,
        reason: &str,
    ) -> Result<(), Error> {
        let place = self.place_of(ticket);
        let (topic, partition, offset) = (self.group.topic(place.0), ticket.partition.number, place.1);
        match self.dispatch.finish(ticket, verdict, now) {
            Next::Finished => {
                let arrival = self.group.state().offsets.finish(place.0, ticket.epoch, offset);
                self.observer.finished(place.0, arrival, now);
                self.claims.iter_mut().for_each(|claims| claims.ended(ticket));
                self.transactions.iter_mut().for_each(|transactions| transactions.finished(ticket, offset));
                Ok(())
            }
            Next::Waits(pause) => {
                tracing::debug!(%topic, partition, offset, ?pause, reason, "record waits");
                if verdict == Verdict::Again && place.0 != ticket.partition {
                    self.group.state().offsets.note_attempts(place.0, ticket.epoch, offset, ticket.attempt);
                }
                if verdict == Verdict::Again { self.note(ticket, audit::Outcome::Retried, now) } else { Ok(()) }
            }
            Next::Held => Ok(()),
            Next::NotOurs => {
                self.transactions.iter().for_each(|transactions| transactions.failed(ticket));
                self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                Ok(())
            }
            Next::Moves(tier, pause) => {
                tracing::debug!(%topic, partition, offset, ?pause, reason, "record goes to a retry topic");
                let failure = self.failure(ticket, "handler", now, reason);
                self.move_on(ticket, tier, pause, failure);
                Ok(())
            }
            Next::Exhausted => self.give_up(ticket, verdict, now, reason),
        }
    }

    /// Makes a dead letter of a record that its handler failed at, or stops there.
    fn give_up(&mut self, ticket: Ticket, verdict: Verdict, now: Instant, reason: &str) -> Result<(), Error> {
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
        let failure = self.failure(ticket, why, now, reason);
        self.bury(ticket, failure)
    }

    /// Makes a dead letter of a record, unless it is one too many.
    fn bury(&mut self, ticket: Ticket, failure: Failure) -> Result<(), Error> {
        let Some(record) = self.dispatch.record(ticket).map(Entry::raw) else { return Ok(()) };
        self.brakes.died(&record, &failure)?;
        let job = self.guarded(ticket, step::bury(self.plan, ticket, record, failure));
        self.jobs.push(job);
        Ok(())
    }

    fn failure(&self, ticket: Ticket, reason: &'static str, now: Instant, error: &str) -> Failure {
        let first_failed_at = self.dispatch.first_failed_at(ticket, now, self.plan.clock.now());
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

    fn commit_when_due(&mut self, now: Instant) -> Result<(), Error> {
        if self.transactions.is_some() {
            return Ok(());
        }
        let mut state = self.group.state();
        let n_uncommitted = state.offsets.n_uncommitted();
        if n_uncommitted < COMMIT_RECORDS && now < self.commit_at {
            return Ok(());
        }
        self.commit_at = now + self.plan.settings.consumer.commit_interval;
        if n_uncommitted == 0 {
            return Ok(());
        }
        self.plan.audit.flush()?;
        let offsets = state.offsets.take_commit();
        drop(state);
        if !offsets.is_empty()
            && let Err(error) = self.subscription.commit(&self.group.commits(offsets))
        {
            tracing::warn!(%error, "offsets were not committed; trying again with the next commit");
            self.group.commit_failed();
        }
        Ok(())
    }

    fn pause_and_resume(&mut self, now: Instant) -> Result<(), Error> {
        let pauses = self.dispatch.take_pauses(now);
        let resumes = self.dispatch.take_resumes();
        self.follow_room(&resumes)?;
        let resumes: Vec<_> =
            resumes.into_iter().filter(|partition| self.group.main_of(*partition).is_none()).collect();
        let failed = |what: &str, error: KafkaError| {
            Error::new(Kind::Broker, format!("cannot {what} partitions")).with_source(error)
        };
        if !pauses.is_empty() {
            self.subscription.pause(&self.group.names(&pauses)).map_err(|error| failed("pause", error))?;
            tracing::debug!(partitions = pauses.len(), "paused partitions whose handlers need time");
        }
        if !resumes.is_empty() {
            self.subscription.resume(&self.group.names(&resumes)).map_err(|error| failed("resume", error))?;
            tracing::debug!(partitions = resumes.len(), "resumed partitions");
        }
        Ok(())
    }
}

/// Returns what came of the next job of the retry topics; waits for ever where there are none.
pub(super) async fn next_event<B: Broker>(retries: &mut Option<Retries<'_, B>>) -> Event {
    match retries {
        Some(retries) => retries.next().await,
        None => std::future::pending().await,
    }
}
