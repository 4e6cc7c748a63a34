//! From a record to the call of its handler.
//!
//! In: a record whose turn it is. Out: a [`Step`]: the handler's future; the look-up of a schema that must come first; or
//! the reason why the consumer cannot go past the record. Nothing here waits.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use eventwright_registry::RegistryError;
use eventwright_schema::proto;
use eventwright_wire::RawRecord;
use eventwright_wire::framing::{self, SchemaId};
use rdkafka::Message;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::call::Call;
use super::claims::Claims;
use super::contained;
use super::{Plan, Topic};
use crate::batch::Batch;
use crate::circuit_breaker::Permit;
use crate::context::{Lender, Source};
use crate::copies::{Failure, History};
use crate::decoder::{Entry, Known};
use crate::dispatch::{Place, Seen, Ticket};
use crate::error::Kind;
use crate::failure::{DecodeFailure, Kind as FailureKind};
use crate::handler::{Outcome, Running};
use crate::idempotency::Claim;
use crate::message::raw_record;
use crate::metrics::TopicMeter;
use crate::scope::Attempt;
use crate::{Context, Error, context, trace};

/// Something that a record waits for.
pub(super) type Job = Pin<Box<dyn Future<Output = (Ticket, Report)> + Send>>;

/// What came of a job.
pub(super) enum Report {
    /// The store of handled events was asked for the record's.
    Claimed(Result<Claim, Error>),
    /// The schema was asked for.
    Loaded(Result<(), RegistryError>),
    /// The handler is done; what it was permitted by, if that was a circuit breaker.
    Handled(Outcome, Option<Permit>),
    /// The handler of a batch is done with so many records.
    Batch(usize, Box<Report>),
    /// The handler panicked.
    Panicked(String, Option<Permit>),
    /// The record is a dead letter, or the broker will never take it as one.
    Buried(Result<(), Error>),
    /// The record is in a retry topic, with the offset that it had on the main topic, or the broker will never take it there.
    Moved(Result<(Place, i64), Error>),
}

/// How far a record got without waiting.
pub(super) enum Step {
    /// It is finished: nobody wanted it.
    Ignored(Ticket),
    /// Its handler was called, and this runs it.
    Handler(Call),
    /// It waits for this.
    Job(Job),
    /// It may be handled together with others by this handler.
    Batch(usize),
    /// It waits for others to be handled with it.
    Gathers,
    /// It must wait for the circuit breaker of its handler.
    Held,
    /// It cannot be handled and has no handler for that.
    Dies(Failure),
    /// The consumer cannot go past it.
    Stop(Error),
}

/// Takes a record as far as it gets, once its event is claimed where that is asked for.
pub(super) fn admit(claims: Option<&mut Claims>, in_hand: &InHand<'_, impl Message + Source>) -> Step {
    let first = claims.and_then(|claims| claims.admit(in_hand.ticket, in_hand.record, in_hand.now));
    first.unwrap_or_else(|| in_hand.begin())
}

/// The record whose turn it is.
pub(super) struct InHand<'a, M> {
    plan: &'a Plan,
    topic: &'a Arc<Topic>,
    ticket: Ticket,
    record: &'a M,
    now: Instant,
    /// No other record is handled with it.
    alone: bool,
    /// The record is lent to its handler, and not copied.
    lender: Option<&'a Lender<'a>>,
}

impl<'a, M: Message + Source> InHand<'a, M> {
    pub(super) fn new(plan: &'a Plan, ticket: Ticket, record: &'a M, now: Instant) -> Self {
        Self { plan, topic: plan.topic(ticket.partition), ticket, record, now, alone: false, lender: None }
    }

    /// Returns the record as one that is lent.
    pub(super) fn lent(self, lender: &'a Lender<'a>) -> Self {
        Self { lender: Some(lender), ..self }
    }

    /// Returns the record, to be handled by itself.
    pub(super) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Notes the call of a handler.
    #[cfg(feature = "testing")]
    pub(super) fn note(&self) -> crate::testing::Note {
        self.plan.journal.note(self.record, self.ticket.attempt)
    }

    /// Takes the record into a batch of a handler; returns whether it is one for it.
    pub(super) fn join(&self, route: usize, batch: &mut dyn Batch) -> bool {
        let joined = || {
            let (id, payload) = framing::split_header(self.record.payload()?).ok()?;
            let entry = self.topic.decoder.cached(id, self.now)?;
            let (known, payload) = entry.known(payload)?;
            let context = self.context(id, Some(known));
            let is_for_it = self.topic.route_of(known) == route;
            is_for_it.then(|| batch.push(&known.how, payload, context))?.ok()
        };
        catch_unwind(AssertUnwindSafe(joined)).ok().flatten().is_some()
    }

    pub(super) fn begin(&self) -> Step {
        let Some(value) = self.record.payload() else { return self.tombstone() };
        let (id, payload) = match framing::split_header(value) {
            Ok(split) => split,
            Err(error) => return self.failed(DecodeFailure::bytes(None, error)),
        };
        let Some(entry) = self.topic.decoder.cached(id, self.now) else { return self.load(id) };
        self.meter().cache_hits.add(1);
        match &*entry {
            Entry::Avro(known) => self.typed(id, known, payload),
            Entry::Protobuf { schema, messages } => self.protobuf(id, schema, messages, payload),
            Entry::Unknown(full_name) => self.unknown(id, full_name),
            Entry::Unusable(kind, reason) => self.failed(DecodeFailure::new(*kind, Some(id), reason.as_str())),
        }
    }

    /// Hands a record without value to the handler of the topic that takes such records.
    fn tombstone(&self) -> Step {
        let Some((index, route)) = self.topic.tombstones() else {
            let reason = "a tombstone: a record without value";
            return self.failed(DecodeFailure::new(FailureKind::Tombstone, None, reason));
        };
        self.permitted(index, |permit| {
            let (ticket, context) = (self.seen(self.topic.row_of(index)), self.context(SchemaId(0), None));
            let mut attempt = Attempt::typed(&context, &self.plan.group);
            match catch_unwind(AssertUnwindSafe(|| attempt.run(|| route.start_tombstone(context)))) {
                Ok(Some(running)) => self.runs(ticket, attempt, running, permit),
                Ok(None) => Step::Ignored(ticket),
                Err(panic) => panicked(ticket, panic, permit),
            }
        })
    }

    /// Goes on if the circuit breaker of a handler, where it has one, lets the record through.
    fn permitted(&self, route: usize, go_on: impl FnOnce(Option<Permit>) -> Step) -> Step {
        match self.topic.breakers.get(route).map(|breaker| breaker.begin(self.now)) {
            None => go_on(None),
            Some(Some(permit)) => go_on(Some(permit)),
            Some(None) => Step::Held,
        }
    }

    fn load(&self, id: SchemaId) -> Step {
        self.meter().cache_misses.add(1);
        let (topic, ticket) = (Arc::clone(self.topic), self.ticket);
        Step::Job(Box::pin(async move { (ticket, Report::Loaded(topic.decoder.load(id).await.map(drop))) }))
    }

    fn protobuf(&self, id: SchemaId, schema: &proto::Schema, messages: &[(Vec<u32>, Known)], bytes: &[u8]) -> Step {
        let (indexes, payload) = match framing::split_message_indexes(bytes) {
            Ok(split) => split,
            Err(error) => return self.failed(DecodeFailure::bytes(Some(id), error)),
        };
        if let Some((_, known)) = messages.iter().find(|(place, _)| *place == indexes) {
            return self.typed(id, known, payload);
        }
        match schema.message_at(&indexes) {
            Some(message) => self.unknown(id, message.full_name()),
            None => {
                let reason = format!("the file has no message at the indexes {indexes:?}");
                self.failed(DecodeFailure::new(FailureKind::Bytes, Some(id), reason))
            }
        }
    }

    /// Hands an event to its handler.
    fn typed(&self, id: SchemaId, known: &Known, payload: &[u8]) -> Step {
        let route = self.topic.route_of(known);
        if !self.alone && self.topic.batch(route).is_some() {
            return Step::Batch(route);
        }
        self.permitted(route, |permit| {
            let (ticket, context) = (self.seen(Some(known.row)), self.context(id, Some(known)));
            let mut attempt = Attempt::typed(&context, &self.plan.group);
            let start = || attempt.run(|| self.topic.start(known, payload, context));
            match catch_unwind(AssertUnwindSafe(start)) {
                Ok(Ok(running)) => self.runs(ticket, attempt, running, permit),
                Ok(Err(error)) => self.failed(DecodeFailure::bytes(Some(id), error)),
                Err(panic) => panicked(ticket, panic, permit),
            }
        })
    }

    /// Hands a record of an event that has no handler of its own to whoever takes such records.
    fn unknown(&self, id: SchemaId, full_name: &str) -> Step {
        let (ticket, context) = (self.seen(None), self.context(id, None));
        let mut attempt = Attempt::typed(&context, &self.plan.group);
        let start = || attempt.run(|| self.topic.start_unknown(&|| raw_record(self.record), context));
        match catch_unwind(AssertUnwindSafe(start)) {
            Ok(Some(running)) => self.runs(ticket, attempt, running, None),
            Ok(None) if self.plan.ignore_others => Step::Ignored(ticket),
            Ok(None) => {
                let reason = format!("a record of `{full_name}`, which has no handler on this topic");
                self.failed(DecodeFailure::new(FailureKind::UnknownEvent, Some(id), reason))
            }
            Err(panic) => panicked(ticket, panic, None),
        }
    }

    /// Hands the bytes of a record to the handler for such records; without one, the consumer stops here.
    fn failed(&self, failure: DecodeFailure) -> Step {
        let handler = match failure.kind() {
            FailureKind::Tombstone => self.plan.on_tombstone.as_ref().or(self.plan.on_undecodable.as_ref()),
            _ => self.plan.on_undecodable.as_ref(),
        };
        // An event or a tombstone without a handler is what somebody forgot to say, not a bad record.
        let is_bad = !matches!(failure.kind(), FailureKind::Tombstone | FailureKind::UnknownEvent);
        if handler.is_none() && !(is_bad && self.plan.dead_letters.is_some()) {
            return Step::Stop(stopped_at(self.record, failure));
        }
        self.meter().count_undecodable(failure.kind());
        let (topic, partition, offset) = (self.record.topic(), self.record.partition(), self.record.offset());
        tracing::debug!(topic, partition, offset, %failure, "undecodable record");
        let Some(handler) = handler else {
            let first_failed_at = self.plan.clock.now();
            return Step::Dies(Failure { reason: "undecodable", error: failure.to_string(), first_failed_at });
        };
        let ticket = self.seen(None);
        let mut attempt = Attempt::raw(trace::consume_raw(self.record, &self.plan.group, ticket.attempt));
        let start = || attempt.run(|| handler(raw_record(self.record), failure));
        match catch_unwind(AssertUnwindSafe(start)) {
            Ok(running) => self.runs(ticket, attempt, running, None),
            Err(panic) => panicked(ticket, panic, None),
        }
    }

    /// Returns the job of a handler that runs; a panic in it is a failed attempt.
    fn runs(&self, ticket: Ticket, attempt: Attempt, running: Running, permit: Option<Permit>) -> Step {
        #[cfg(feature = "testing")]
        let running: Running = Box::pin(self.note().follow(running));
        Step::Handler(Call::new(ticket, attempt, running, permit))
    }

    fn meter(&self) -> &TopicMeter {
        self.plan.stats.meter().topic(self.ticket.partition.topic)
    }

    /// Returns the ticket with what is known of the record by now.
    fn seen(&self, event: Option<usize>) -> Ticket {
        self.ticket.with(Seen { event, started: Some(self.now), death: None })
    }

    fn context(&self, id: SchemaId, known: Option<&Known>) -> Context {
        let known = context::Known {
            keys: Arc::clone(&self.topic.keys),
            scope: Arc::clone(&self.plan.scope),
            outbox: self.plan.outboxes.as_ref().and_then(|outboxes| outboxes.open(self.ticket)),
            meter: Arc::clone(self.meter().event(known.map(|known| known.row))),
            attempt: self.ticket.attempt,
            schema_id: id,
            writer: known.and_then(|known| known.writer),
        };
        Context::new(self.record, known, self.lender)
    }
}

/// Returns the job of a handler, or of a decoder, that panicked before it returned a future.
fn panicked(ticket: Ticket, panic: Box<dyn Any + Send>, permit: Option<Permit>) -> Step {
    Step::Job(Box::pin(std::future::ready((ticket, Report::Panicked(contained::text(panic), permit)))))
}

/// Calls the handler of a batch, if its circuit breaker lets it through.
pub(super) fn start_batch(plan: &Plan, ticket: Ticket, route: usize, batch: Box<dyn Batch>, now: Instant) -> Step {
    let permit = match plan.topic(ticket.partition).breakers.get(route).map(|breaker| breaker.begin(now)) {
        Some(None) => return Step::Held,
        permit => permit.flatten(),
    };
    let n_records = batch.len();
    let event = plan.topic(ticket.partition).row_of(route);
    let ticket = ticket.with(Seen { event, started: Some(now), death: None });
    let mut attempt = Attempt::batch(&batch.contexts(), &plan.group);
    match catch_unwind(AssertUnwindSafe(|| attempt.run(|| batch.start()))) {
        Ok(running) => Step::Handler(Call::new(ticket, attempt, running, permit).of_batch(n_records)),
        Err(panic) => {
            let report = Report::Panicked(contained::text(panic), permit);
            Step::Job(Box::pin(std::future::ready((ticket, Report::Batch(n_records, Box::new(report))))))
        }
    }
}

/// Returns the job that writes a record to the topic of dead letters; the offset stays open until the broker has it. In
/// transactions, it is written with the offset.
pub(super) fn bury(plan: &Plan, ticket: Ticket, record: RawRecord, failure: Failure) -> Job {
    let Some(dead_letters) = plan.dead_letters.clone() else {
        return Box::pin(std::future::ready((ticket, Report::Buried(Ok(())))));
    };
    let ticket = ticket.with(Seen { death: Some(failure.reason), ..ticket.seen });
    let history = History { attempt: ticket.attempt, failure: Some(failure), due_at: None };
    if let Some(outboxes) = &plan.outboxes {
        let of = record.topic.clone();
        outboxes.put(ticket, dead_letters.unsent(&of, record, &history));
        return Box::pin(std::future::ready((ticket, Report::Buried(Ok(())))));
    }
    let span = trace::copy(&record, &dead_letters.topic(&record.topic), "dead letter");
    let write = async move { (ticket, Report::Buried(dead_letters.write(&record.topic, &record, &history).await)) };
    Box::pin(write.instrument(span))
}

/// Returns the error for a record that nobody takes.
fn stopped_at(record: &impl Message, failure: DecodeFailure) -> Error {
    let help = match failure.kind() {
        FailureKind::Tombstone => "add `.on_tombstone(…)`",
        FailureKind::UnknownEvent => {
            "add a handler for it, `.ignore_others()` to skip it, or `.on_undecodable(…)` to take its bytes"
        }
        _ => "add `.on_undecodable(…)` to take its bytes, or set `consumer.on_failure` to `dead_letter`",
    };
    let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
    let text = format!("stopped at `{topic}` partition {partition} offset {offset}: {failure}; help: {help}");
    Error::new(Kind::Undecodable, text).with_source(failure)
}
