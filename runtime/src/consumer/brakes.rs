//! What slows a session down, or stops it: circuit breakers, the rate limit, and too many dead letters.
//!
//! In: records that begin and end, the time. Out: partitions that are held and released, and whether the next record may begin.

use eventwright_wire::RawRecord;
use tokio::time::Instant;

use super::{Consumer, ConsumerBuilder, Plan};
use crate::Error;
use crate::circuit_breaker::{CircuitBreaker, Permit};
use crate::copies::Failure;
use crate::dispatch::{Dispatch, Hold};
use crate::error::Kind;
use crate::handler::Outcome;
use crate::rate_limit::RateLimit;
use crate::settings::{CircuitBreakerSettings, DeadLetterStop};
use crate::stop_rule::StopRule;

/// The brakes of one session.
pub(super) struct Brakes {
    /// For each topic, whether its partitions are held because of a breaker.
    held: Vec<bool>,
    rate_limit: Option<RateLimit>,
    stop_rule: StopRule,
}

impl Brakes {
    pub(super) fn new(plan: &Plan) -> Self {
        let settings = &plan.settings.consumer;
        Self {
            held: vec![false; plan.topics.len()],
            rate_limit: settings.rate_limit.map(RateLimit::new),
            stop_rule: StopRule::new(settings.dead_letter_stop),
        }
    }

    /// Holds the partitions of topics with a breaker that lets nothing through, and releases those of the others.
    pub(super) fn follow_breakers<R>(&mut self, plan: &Plan, dispatch: &mut Dispatch<R>, now: Instant) {
        for (index, (topic, held)) in plan.topics.iter().zip(&mut self.held).enumerate() {
            let refusing: Vec<_> = topic.breakers.iter().filter(|breaker| !breaker.admits(now)).collect();
            if refusing.is_empty() && !*held {
                continue;
            }
            let partitions: Vec<_> = dispatch.partitions().filter(|partition| partition.topic == index).collect();
            if refusing.is_empty() {
                partitions.iter().for_each(|partition| dispatch.release(*partition, Hold::Breaker));
            } else {
                partitions.iter().for_each(|partition| dispatch.hold(*partition, Hold::Breaker));
            }
            if std::mem::replace(held, !refusing.is_empty()) == refusing.is_empty() {
                let handlers: Vec<_> = refusing.iter().map(|breaker| breaker.handler()).collect();
                let (topic, partitions) = (&topic.name, partitions.len());
                tracing::info!(%topic, partitions, ?handlers, "partitions wait for these handlers' circuit breakers");
            }
        }
    }

    /// Notes that a record of a topic was refused by a breaker, and its partition is held.
    pub(super) fn refused(&mut self, topic: usize) {
        if let Some(held) = self.held.get_mut(topic) {
            *held = true;
        }
    }

    /// Returns whether the rate allows the next record.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        self.rate_limit.as_ref().is_none_or(|limit| limit.wait_until(now).is_none())
    }

    /// Notes that a record has begun.
    pub(super) fn began(&mut self, now: Instant) {
        if let Some(limit) = &mut self.rate_limit {
            limit.take(now);
        }
    }

    /// Returns when time alone lets records begin again.
    pub(super) fn wake_at(&self, plan: &Plan, now: Instant) -> Option<Instant> {
        let breakers = plan.topics.iter().flat_map(|topic| &topic.breakers).filter_map(CircuitBreaker::wake_at);
        breakers.chain(self.rate_limit.as_ref().and_then(|limit| limit.wait_until(now))).min()
    }

    /// Notes that a record was handled.
    pub(super) fn handled(&mut self) {
        self.stop_rule.handled();
    }

    /// Notes that a record is to become a dead letter.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn died(&mut self, record: &RawRecord, failure: &Failure) -> Result<(), Error> {
        let Some(what) = self.stop_rule.died() else { return Ok(()) };
        let RawRecord { topic, partition, offset, .. } = record;
        let text = format!(
            "{what} died, the last one at `{topic}` partition {partition} offset {offset} of: {}; `consumer.dead_letter_stop` takes that \
             for too many, and the record is kept; help: mend the handler, or what it needs, and start the consumer again",
            failure.error
        );
        Err(Error::new(Kind::Handler, text))
    }
}

/// Tells a breaker of an outcome; returns whether the record is to be held, because the breaker is no longer closed.
pub(super) fn settle(permit: Option<Permit>, outcome: &Outcome, now: Instant) -> bool {
    match (permit, outcome) {
        (Some(permit), Outcome::Retry(_)) => !permit.failed(now),
        (Some(permit), Outcome::Done | Outcome::Reject(_)) => {
            permit.succeeded(now);
            false
        }
        (None, _) => false,
    }
}

impl Consumer {
    /// Returns the circuit breakers of the handlers, to follow and to reset them while the consumer runs; none where
    /// `consumer.circuit_breaker.enabled` is not set.
    #[must_use]
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        self.plan.topics.iter().flat_map(|topic| &topic.breakers).cloned().collect()
    }
}

impl ConsumerBuilder {
    /// Sets when handlers that keep failing are given a rest, in place of `consumer.circuit_breaker` of the settings. Each handler
    /// has a breaker of its own. While it is open, all partitions of its topic wait, those records included that other handlers
    /// would take: no attempt is counted, nothing becomes a dead letter, and the consumer stays in its group.
    pub fn circuit_breaker(mut self, settings: CircuitBreakerSettings) -> Self {
        self.settings.consumer.circuit_breaker = settings;
        self
    }

    /// Sets how many records a second are handed to handlers at most, in place of `consumer.rate_limit` of the settings.
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.settings.consumer.rate_limit = Some(per_second);
        self
    }

    /// Sets when the consumer stops rather than go on making dead letters, in place of `consumer.dead_letter_stop` of the settings.
    pub fn dead_letter_stop(mut self, limits: DeadLetterStop) -> Self {
        self.settings.consumer.dead_letter_stop = limits;
        self
    }
}
