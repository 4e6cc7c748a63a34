//! One consumer at work: takes records, has them handled, commits what is finished, until it is told to stop.
//!
//! In: records of librdkafka. Out: handlers that run, and commits. All decisions are those of [`Dispatch`] and
//! [`Offsets`](crate::offsets::Offsets); this file does the I/O for them, and `step` takes each record to its handler.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant, SystemTime};

use eventwright_registry::RegistryError;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream, StreamExt as _};
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::time::sleep_until;

use super::Plan;
use super::claims::Claims;
use super::group::{Callbacks, Change, Group};
use super::step::{self, Job, Report, Step};
use crate::dead_letter::Death;
use crate::dispatch::{Dispatch, Next, Ticket, Verdict};
use crate::error::Kind;
use crate::handler::Outcome;
use crate::{Error, kafka};

/// How many records are taken before timers and the stop are looked at again.
const BURST: usize = 256;

/// How many records are finished before their offsets are committed ahead of time.
const COMMIT_RECORDS: usize = 10_000;

/// How long the consumer sleeps at most when nothing happens.
const IDLE: Duration = Duration::from_secs(1);

/// A consumer at work.
pub(super) struct Session<'a> {
    plan: &'a Plan,
    consumer: &'a StreamConsumer<Callbacks>,
    group: &'a Group,
    dispatch: Dispatch<BorrowedMessage<'a>>,
    jobs: FuturesUnordered<Job>,
    /// Where each event is to be handled once.
    claims: Option<Claims>,
    commit_at: Instant,
    registry_is_down: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(plan: &'a Plan, consumer: &'a StreamConsumer<Callbacks>, group: &'a Group) -> Self {
        let settings = &plan.settings.consumer;
        Self {
            plan,
            consumer,
            group,
            dispatch: Dispatch::new(settings.order, settings.limits(), settings.retry.clone()),
            jobs: FuturesUnordered::new(),
            claims: Claims::new(plan),
            commit_at: Instant::now() + settings.commit_interval,
            registry_is_down: false,
        }
    }

    /// Works until `stop` is ready, or until there is a record that the consumer cannot go past; then waits for the
    /// handlers that are running.
    pub(super) async fn run(mut self, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let worked = self.work(stop).await;
        self.drain().await;
        // What has not ended by now is not waited for, and its event not kept.
        self.jobs.clear();
        if let Some(claims) = &mut self.claims {
            claims.give_up_all().await;
        }
        worked
    }

    async fn work(&mut self, stop: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let mut stop = pin!(stop);
        let mut records = pin!(self.consumer.stream());
        loop {
            let now = Instant::now();
            self.follow_assignment();
            self.start_ready(now)?;
            self.commit_when_due(now);
            self.pause_and_resume(now)?;
            let has_room = self.dispatch.has_room();
            let wake_at = self.wake_at(now);
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
                () = sleep_until(wake_at.into()) => {}
            }
        }
    }

    /// Takes what has been fetched already, without the cost of waiting for several things at once.
    fn receive_burst(
        &mut self,
        mut records: Pin<&mut impl Stream<Item = Result<BorrowedMessage<'a>, KafkaError>>>,
        now: Instant,
    ) -> Result<(), Error> {
        for _ in 0..BURST {
            self.start_ready(now)?;
            if !self.dispatch.has_room() {
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
        idle.min(dispatch).min(self.commit_at.max(now + Duration::from_millis(1)))
    }

    /// Follows the assignment, which changes while librdkafka is polled.
    fn follow_assignment(&mut self) {
        let changes = std::mem::take(&mut self.group.state().changes);
        self.apply(changes);
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Assigned(partition, epoch) => {
                    self.dispatch.assign(partition, epoch);
                    self.claims.iter().for_each(Claims::partitions_assigned);
                }
                Change::Revoked(partition) => self.dispatch.revoke(partition),
            }
        }
    }

    fn receive(&mut self, record: Result<BorrowedMessage<'a>, KafkaError>) -> Result<(), Error> {
        let record = match record {
            Ok(record) => record,
            Err(error) => return self.consumer_error(error),
        };
        self.group.health.succeeded();
        let Some(partition) = self.group.partition(record.topic(), record.partition()) else { return Ok(()) };
        let mut state = self.group.state();
        state.offsets.begin(partition, record.offset());
        // The poll that gave this record may have changed the assignment before.
        let changes = std::mem::take(&mut state.changes);
        drop(state);
        self.apply(changes);
        let lane = self.dispatch.lane_of(record.key());
        let bytes = record.key_len() + record.payload_len();
        self.dispatch.receive(partition, lane, record, bytes);
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
    fn start_ready(&mut self, now: Instant) -> Result<(), Error> {
        while let Some(ticket) = self.dispatch.next(now) {
            let Some(record) = self.dispatch.record(ticket) else { continue };
            let waits = self.claims.as_mut().and_then(|claims| claims.admit(ticket, record, now));
            match waits.unwrap_or_else(|| step::begin(self.plan, ticket, record, now)) {
                Step::Ignored => {
                    self.plan.stats.count_ignored();
                    self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                    self.conclude(ticket, Verdict::Done, now, "")?;
                }
                // Most handlers are done by the first poll; only the others cost a place among the jobs.
                Step::Job(job) => {
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
    fn guarded(&self, ticket: Ticket, job: Job) -> Job {
        match &self.claims {
            Some(claims) => claims.guard(ticket, job),
            None => job,
        }
    }

    fn finish(&mut self, ticket: Ticket, report: Report) -> Result<(), Error> {
        let now = Instant::now();
        match report {
            Report::Claimed(answer) => {
                let claims = self.claims.as_mut();
                let verdict = claims.map_or(Verdict::Loaded, |claims| claims.claimed(ticket, answer, now));
                self.conclude(ticket, verdict, now, "")
            }
            Report::Loaded(loaded) => {
                let verdict = self.loaded(loaded);
                self.conclude(ticket, verdict, now, "")
            }
            Report::Handled(Outcome::Done) => {
                self.plan.stats.count_handled();
                self.conclude(ticket, Verdict::Done, now, "")
            }
            Report::Handled(Outcome::Retry(reason)) => {
                self.plan.stats.count_failed_attempt();
                self.conclude(ticket, Verdict::Again, now, &reason)
            }
            Report::Handled(Outcome::Reject(reason)) => {
                self.plan.stats.count_failed_attempt();
                self.conclude(ticket, Verdict::Rejected, now, &reason)
            }
            Report::Buried(Ok(())) => {
                self.plan.stats.count_dead_lettered();
                self.conclude(ticket, Verdict::Done, now, "")
            }
            Report::Buried(Err(error)) => Err(error),
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
    fn conclude(&mut self, ticket: Ticket, verdict: Verdict, now: Instant, reason: &str) -> Result<(), Error> {
        let record = self.dispatch.record(ticket);
        let offset = record.map_or(0, |record| record.offset());
        let topic = self.group.topic(ticket.partition);
        match self.dispatch.finish(ticket, verdict, now) {
            Next::Finished => {
                self.group.state().offsets.finish(ticket.partition, ticket.epoch, offset);
                self.claims.iter_mut().for_each(|claims| claims.ended(ticket));
                Ok(())
            }
            Next::Waits(pause) => {
                tracing::debug!(%topic, partition = ticket.partition.number, offset, ?pause, reason, "record waits");
                Ok(())
            }
            Next::Held => Ok(()),
            Next::NotOurs => {
                self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                Ok(())
            }
            Next::Exhausted => self.give_up(ticket, verdict, now, reason),
        }
    }

    /// Makes a dead letter of a record that its handler failed at, or stops there.
    fn give_up(&mut self, ticket: Ticket, verdict: Verdict, now: Instant, reason: &str) -> Result<(), Error> {
        let Some(record) = self.dispatch.record(ticket) else { return Ok(()) };
        let topic = self.group.topic(ticket.partition);
        let (partition, offset, attempt) = (ticket.partition.number, record.offset(), ticket.attempt);
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
        let ago = self.dispatch.first_failed(ticket).map(|first| now.saturating_duration_since(first));
        let first_failed_at = SystemTime::now() - ago.unwrap_or_default();
        let why = if verdict == Verdict::Rejected { "rejected" } else { "handler" };
        let death = Death { reason: why, error: reason.to_owned(), attempt, first_failed_at };
        self.jobs.push(self.guarded(ticket, step::bury(self.plan, ticket, record, death)));
        Ok(())
    }

    fn commit_when_due(&mut self, now: Instant) {
        let mut state = self.group.state();
        let n_uncommitted = state.offsets.n_uncommitted();
        if n_uncommitted < COMMIT_RECORDS && now < self.commit_at {
            return;
        }
        self.commit_at = now + self.plan.settings.consumer.commit_interval;
        if n_uncommitted == 0 {
            return;
        }
        let offsets = state.offsets.take_commit();
        drop(state);
        if !offsets.is_empty()
            && let Err(error) = self.consumer.commit(&self.group.commit_list(&offsets), CommitMode::Async)
        {
            tracing::warn!(%error, "offsets were not committed; trying again with the next commit");
            self.group.state().offsets.commit_failed();
        }
    }

    fn pause_and_resume(&mut self, now: Instant) -> Result<(), Error> {
        let pauses = self.dispatch.take_pauses(now);
        let resumes = self.dispatch.take_resumes();
        let failed = |what: &str, error: KafkaError| {
            Error::new(Kind::Broker, format!("cannot {what} partitions")).with_source(error)
        };
        if !pauses.is_empty() {
            self.consumer.pause(&self.group.list(&pauses)).map_err(|error| failed("pause", error))?;
            tracing::debug!(partitions = pauses.len(), "paused partitions whose handlers need time");
        }
        if !resumes.is_empty() {
            self.consumer.resume(&self.group.list(&resumes)).map_err(|error| failed("resume", error))?;
            tracing::debug!(partitions = resumes.len(), "resumed partitions");
        }
        Ok(())
    }

    /// Lets the handlers that are running come to their end; nothing new is started.
    async fn drain(&mut self) {
        let timeout = self.plan.settings.consumer.shutdown_timeout;
        let deadline = Instant::now() + timeout;
        loop {
            tokio::select! {
                biased;
                job = self.jobs.next() => match job {
                    // A record that is the reason for stopping, or a second one like it, stays uncommitted.
                    Some((ticket, report)) => drop(self.finish(ticket, report)),
                    None => return,
                },
                () = sleep_until(deadline.into()) => {
                    let records = self.jobs.len();
                    let within = kafka::shown(timeout);
                    tracing::warn!(records, within, "handlers did not end in time; their records will be handled again");
                    return;
                }
            }
        }
    }
}
