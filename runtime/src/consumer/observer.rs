//! What a consumer tells of its work: counters, durations, levels, and the audit stream.
//!
//! In: what the session does, at the places where it does it. Out: metrics and audit lines. No decision is made here, but
//! that a consumer whose audit stream is lost cannot go on.

use std::collections::BTreeSet;
use std::time::Duration;

use eventwright_wire::jiff::Timestamp;
use rdkafka::Message;
use tokio::time::Instant;

use super::Plan;
use super::group::Group;
use crate::Error;
use crate::audit::{AuditEntry, Outcome, Place};
use crate::copies::headers;
use crate::dispatch::Ticket;
use crate::message::{CORRELATION_ID, MESSAGE_ID, header};
use crate::metrics::{EventMeter, Levels};
use crate::offsets::{Arrival, Partition};

/// How often levels, rates and lag are told.
const INTERVAL: Duration = Duration::from_secs(1);

/// What tells of a session.
pub(super) struct Observer<'a> {
    plan: &'a Plan,
    group: &'a Group,
    told_at: Instant,
    /// Partitions whose lag was told.
    told: BTreeSet<Partition>,
}

impl<'a> Observer<'a> {
    pub(super) fn new(plan: &'a Plan, group: &'a Group, now: Instant) -> Self {
        Self { plan, group, told_at: now, told: BTreeSet::new() }
    }

    /// A record was taken from Kafka, from a topic or from a retry topic.
    pub(super) fn received(&self, partition: Partition) {
        self.plan.stats.meter().flow(partition.topic).received.add(1);
    }

    /// A handler came to an end.
    pub(super) fn attempted(&self, ticket: Ticket, now: Instant) {
        if let Some(started) = ticket.seen.started {
            self.event(ticket).handle.record(now.saturating_duration_since(started));
        }
    }

    /// A handler failed.
    pub(super) fn failed(&self, ticket: Ticket) {
        self.event(ticket).failed.add(1);
    }

    /// An attempt came to this end.
    ///
    /// # Errors
    /// An audit stream that cannot be written.
    pub(super) fn ended(
        &self,
        ticket: Ticket,
        record: Option<&impl Message>,
        outcome: Outcome,
        now: Instant,
    ) -> Result<(), Error> {
        self.event(ticket).count(outcome, ticket.seen.death);
        match record {
            Some(record) if self.plan.audit.is_on() => self.audit(ticket, record, outcome, now),
            _ => Ok(()),
        }
    }

    /// A record of a retry topic that nobody can read is a dead letter of this partition's topic.
    pub(super) fn buried(&self, main: Partition) {
        let meter = self.plan.stats.meter().topic(main.topic);
        meter.event(None).count(Outcome::DeadLettered, Some("undecodable"));
    }

    /// A record is finished, for good; `partition` is where it was read at last.
    pub(super) fn finished(&self, partition: Partition, arrival: Option<Arrival>, now: Instant) {
        if let Some(arrival) = arrival {
            let took = now.saturating_duration_since(arrival.at);
            self.plan.stats.meter().flow(partition.topic).consume.record(took);
        }
    }

    /// Tells levels, rates and lag, if it is time to.
    pub(super) fn tell_when_due(&mut self, now: Instant, levels: impl FnOnce() -> Levels) {
        if now.saturating_duration_since(self.told_at) >= INTERVAL {
            self.tell(now, levels());
        }
    }

    /// Tells them for the last time: nothing is in hand any more.
    pub(super) fn tell_end(&mut self, now: Instant) {
        self.tell(now, Levels::default());
        let told = std::mem::take(&mut self.told);
        self.forget(told.into_iter());
    }

    fn tell(&mut self, now: Instant, levels: Levels) {
        let meter = self.plan.stats.meter();
        meter.tell_rates(self.told_at, now);
        self.told_at = now;
        meter.group.tell_levels(levels);
        for (topic, meter) in self.plan.topics.iter().zip(meter.topics()) {
            meter.tell_cache_size(topic.decoder.size());
        }
        self.tell_lag();
    }

    fn tell_lag(&mut self) {
        let now = Timestamp::now().as_millisecond();
        let progress: Vec<_> = self.group.state().offsets.progress().collect();
        for progress in &progress {
            let topic = self.group.topic(progress.partition);
            let number = progress.partition.number;
            let behind = self.group.watermarks.behind(topic, number, progress.next);
            let oldest = progress.oldest.map_or(0, |written| (now - written).max(0));
            let seconds = Duration::from_millis(oldest.unsigned_abs()).as_secs_f64();
            self.plan.stats.meter().group.tell_lag(topic, number, behind, seconds);
        }
        let told = progress.iter().map(|progress| progress.partition).collect();
        let before = std::mem::replace(&mut self.told, told);
        self.forget(before.difference(&self.told).copied());
    }

    /// A partition that is somebody else's is not behind with us.
    fn forget(&self, partitions: impl Iterator<Item = Partition>) {
        for partition in partitions {
            let topic = self.group.topic(partition);
            self.plan.stats.meter().group.tell_lag(topic, partition.number, Some(0), 0.0);
        }
    }

    fn event(&self, ticket: Ticket) -> &EventMeter {
        self.plan.stats.meter().topic(ticket.partition.topic).event(ticket.seen.event)
    }

    fn audit(&self, ticket: Ticket, record: &impl Message, outcome: Outcome, now: Instant) -> Result<(), Error> {
        let took = ticket.seen.started.map(|started| now.saturating_duration_since(started));
        self.plan.audit.write(&AuditEntry {
            time: Timestamp::now(),
            outcome,
            place: Place { topic: record.topic(), partition: record.partition(), offset: record.offset() },
            original: original(record),
            event: self.event(ticket).event,
            message_id: header(record, MESSAGE_ID),
            correlation_id: header(record, CORRELATION_ID),
            group: &self.plan.group,
            attempt: ticket.attempt,
            reason: ticket.seen.death,
            duration_ms: took.unwrap_or_default().as_secs_f64() * 1e3,
        })
    }
}

/// Returns where a copy says that its record was at first.
fn original(record: &impl Message) -> Option<Place<'_>> {
    let number = |name| header(record, name)?.parse().ok();
    let partition = header(record, headers::PARTITION)?.parse().ok()?;
    Some(Place { topic: header(record, headers::TOPIC)?, partition, offset: number(headers::OFFSET)? })
}
