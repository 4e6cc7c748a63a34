//! One consumer at work: takes records, has them handled, commits what is finished, until it is told to stop.
//!
//! In: records of a broker. Out: handlers that run, and commits. All decisions are those of [`Dispatch`] and
//! [`Offsets`](crate::offsets::Offsets); this file does the I/O for them, and `step` takes each record to its handler.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::Either;
use futures::stream::{FuturesUnordered, pending};
use futures::{FutureExt as _, StreamExt as _};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use tokio::time::{Instant, sleep_until};

use super::Plan;
use super::brakes::Brakes;
use super::call::Call;
use super::claims::Claims;
use super::exactly_once::{Transactions, next_transaction};
use super::group::{Change, Group};
use super::leaving::Leaving;
use super::observer::Observer;
use super::retries::{Event, Retries};
use super::running::Runner;
use super::step::{self, InHand, Job, Report, Step};
use crate::Error;
use crate::audit;
use crate::broker::{Broker, Subscription};
use crate::dispatch::{Dispatch, Hold, Ticket, Verdict};
use crate::error::Kind;
use crate::offsets::Partition;

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
    pub(super) claims: Option<Claims>,
    /// Where offsets are committed with what handlers send.
    pub(super) transactions: Option<Transactions<'a>>,
    runner: Runner,
    /// The time. It is read anew after the session has slept and after the code of others has run; all else takes next to none.
    pub(super) now: Instant,
    commit_at: Instant,
    pub(super) brakes: Brakes,
    pub(super) leaving: Option<Leaving>,
    pub(super) registry_is_down: bool,
}

impl<'a, B: Broker> Session<'a, B> {
    pub(super) fn new(
        plan: &'a Plan,
        subscription: &'a B::Subscription,
        group: &'a Group,
        reader: Option<&'a B::Reader>,
    ) -> Self {
        let (settings, now) = (&plan.settings.consumer, Instant::now());
        Self {
            plan,
            subscription,
            group,
            dispatch: Dispatch::new(settings.order, settings.limits(), settings.retry.clone()),
            jobs: FuturesUnordered::new(),
            observer: Observer::new(plan, group, now),
            retries: reader.map(Retries::new),
            claims: Claims::new(plan),
            transactions: Transactions::new(plan),
            runner: Runner::new(settings.runs_tasks()),
            now,
            commit_at: now + settings.commit_interval,
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
            let now = self.tick();
            self.follow_assignment();
            self.leave_when_idle(now);
            self.plan.health.polled(now);
            self.brakes.follow_breakers(self.plan, &mut self.dispatch, now);
            self.start_ready()?;
            self.commit_when_due(now)?;
            self.transact_when_due(now)?;
            self.observer.tell_when_due(now, || self.dispatch.levels());
            self.pause_and_resume(now)?;
            self.follow_chains();
            // Also while nothing may begin: to poll is how we hear that partitions are ours no more.
            let has_room = self.dispatch.has_room();
            let (wake_at, plan) = (self.wake_at(now), self.plan);
            tokio::select! {
                biased;
                stopped = &mut stop => return stopped,
                Some((ticket, report)) = self.jobs.next() => {
                    self.tick();
                    self.finish(ticket, report)?;
                }
                Some(record) = records.next(), if has_room => {
                    self.tick();
                    self.receive(record)?;
                    self.receive_burst(records.as_mut())?;
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

    /// Reads the clock.
    pub(super) fn tick(&mut self) -> Instant {
        self.now = Instant::now();
        self.now
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

    pub(super) fn apply(&mut self, changes: Vec<Change>) {
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

    /// Handles every record that may be handled now, as far as it gets without waiting.
    pub(super) fn start_ready(&mut self) -> Result<(), Error> {
        while self.may_begin()
            && let Some(ticket) = self.dispatch.next(self.now)
        {
            let Some(record) = self.dispatch.record(ticket) else { continue };
            let claims = self.claims.as_mut();
            let step = match record {
                Entry::Main(record) => step::admit(claims, &InHand::new(self.plan, ticket, record, self.now)),
                Entry::Returned(record) => step::admit(claims, &InHand::new(self.plan, ticket, &**record, self.now)),
            };
            self.go_on(ticket, step)?;
        }
        Ok(())
    }

    /// Returns whether another record may begin, as far as the session as a whole goes.
    pub(super) fn may_begin(&self) -> bool {
        self.brakes.may_begin(self.now) && !self.is_ahead()
    }

    /// Goes on with a record that has begun.
    pub(super) fn go_on(&mut self, ticket: Ticket, step: Step) -> Result<(), Error> {
        let now = self.now;
        let step = if let Step::Batch(route) = step { self.begin_batch(ticket, route) } else { step };
        match step {
            Step::Ignored(ticket) => {
                self.note(ticket, audit::Outcome::Ignored)?;
                self.claims.iter_mut().for_each(|claims| claims.give_up(ticket));
                self.conclude(ticket, Verdict::Done, "")
            }
            Step::Held => {
                self.brakes.refused(ticket.partition.topic);
                self.conclude(ticket, Verdict::Held(Hold::Breaker), "")
            }
            Step::Gathers | Step::Batch(_) => {
                let settings = &self.plan.settings.consumer;
                let gathers = Verdict::Gathers(settings.batch_wait, settings.batch_records);
                self.conclude(ticket, gathers, "")
            }
            Step::Dies(failure) => self.bury(ticket, failure),
            Step::Handler(call) => {
                let started = self.start_handler(call);
                self.wait_for(started)
            }
            Step::Job(job) => {
                self.brakes.began(now);
                let mut job = self.guarded(ticket, job);
                let started = (&mut job).now_or_never().ok_or(job);
                self.wait_for(started)
            }
            Step::Stop(error) => Err(error),
        }
    }

    /// Begins with the call of a handler. Most handlers are done by their first step; only the others cost a place among the jobs.
    pub(super) fn start_handler(&mut self, call: Call) -> Result<(Ticket, Report), Job> {
        self.brakes.began(self.now);
        let ticket = call.ticket;
        let (started, now) = match &mut self.claims {
            Some(claims) => self.runner.start(ticket, claims.guard(ticket, Box::pin(call))),
            None => self.runner.start(ticket, call),
        };
        self.now = now;
        started
    }

    /// Takes what came of a job, or waits for it.
    pub(super) fn wait_for(&mut self, started: Result<(Ticket, Report), Job>) -> Result<(), Error> {
        match started {
            Ok((ticket, report)) => self.finish(ticket, report),
            Err(job) => {
                self.jobs.push(job);
                Ok(())
            }
        }
    }

    /// Returns the job with what the claim of its record asks for.
    pub(super) fn guarded(&mut self, ticket: Ticket, job: Job) -> Job {
        match &mut self.claims {
            Some(claims) => claims.guard(ticket, job),
            None => job,
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
