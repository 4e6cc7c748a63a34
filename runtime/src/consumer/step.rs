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
use futures::FutureExt as _;
use rdkafka::Message;
use rdkafka::message::{Header, Headers as _};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Plan, Topic};
use crate::copies::{Failure, History};
use crate::decoder::{Entry, Known};
use crate::dispatch::{Place, Seen, Ticket};
use crate::error::Kind;
use crate::failure::{DecodeFailure, Kind as FailureKind};
use crate::handler::{Outcome, Running};
use crate::metrics::TopicMeter;
use crate::scope::Attempt;
use crate::{Context, Error, context, trace};

/// Something that a record waits for.
pub(super) type Job = Pin<Box<dyn Future<Output = (Ticket, Report)> + Send>>;

/// What came of a job.
pub(super) enum Report {
    /// The schema was asked for.
    Loaded(Result<(), RegistryError>),
    /// The handler is done.
    Handled(Outcome),
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
    Handler(Ticket, Job),
    /// It waits for this.
    Job(Job),
    /// The consumer cannot go past it.
    Stop(Error),
}

/// Takes a record as far as it gets without waiting.
pub(super) fn begin(plan: &Plan, ticket: Ticket, record: &impl Message, now: Instant) -> Step {
    InHand { plan, topic: plan.topic(ticket.partition), ticket, record }.begin(now)
}

/// The record whose turn it is.
struct InHand<'a, M> {
    plan: &'a Plan,
    topic: &'a Arc<Topic>,
    ticket: Ticket,
    record: &'a M,
}

impl<M: Message> InHand<'_, M> {
    fn begin(&self, now: Instant) -> Step {
        let Some(value) = self.record.payload() else {
            let reason = "a tombstone: a record without value";
            return self.failed(DecodeFailure::new(FailureKind::Tombstone, None, reason));
        };
        let (id, payload) = match framing::split_header(value) {
            Ok(split) => split,
            Err(error) => return self.failed(DecodeFailure::bytes(None, error)),
        };
        let Some(entry) = self.topic.decoder.cached(id, now) else { return self.load(id) };
        self.meter().cache_hits.add(1);
        match &*entry {
            Entry::Avro(known) => self.typed(id, known, payload),
            Entry::Protobuf { schema, messages } => self.protobuf(id, schema, messages, payload),
            Entry::Unknown(full_name) => self.unknown(id, full_name),
            Entry::Unusable(kind, reason) => self.failed(DecodeFailure::new(*kind, Some(id), reason.as_str())),
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
        let (ticket, context) = (self.seen(Some(known.row)), self.context(id, Some(known)));
        let attempt = Attempt::typed(&context, &self.plan.group);
        let start = || attempt.run(|| self.topic.start(known, payload, context));
        match catch_unwind(AssertUnwindSafe(start)) {
            Ok(Ok(running)) => self.runs(ticket, attempt, running),
            Ok(Err(error)) => self.failed(DecodeFailure::bytes(Some(id), error)),
            Err(panic) => panicked(ticket, &*panic),
        }
    }

    /// Hands a record of an event that has no handler of its own to whoever takes such records.
    fn unknown(&self, id: SchemaId, full_name: &str) -> Step {
        let (ticket, context) = (self.seen(None), self.context(id, None));
        let attempt = Attempt::typed(&context, &self.plan.group);
        let start = || attempt.run(|| self.topic.start_unknown(&|| raw(self.record), context));
        match catch_unwind(AssertUnwindSafe(start)) {
            Ok(Some(running)) => self.runs(ticket, attempt, running),
            Ok(None) if self.plan.ignore_others => Step::Ignored(ticket),
            Ok(None) => {
                let reason = format!("a record of `{full_name}`, which has no handler on this topic");
                self.failed(DecodeFailure::new(FailureKind::UnknownEvent, Some(id), reason))
            }
            Err(panic) => panicked(ticket, &*panic),
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
            let failure = Failure { reason: "undecodable", error: failure.to_string(), first_failed_at };
            return Step::Job(bury(self.plan, self.ticket, raw(self.record), failure));
        };
        let ticket = self.seen(None);
        let attempt = Attempt::raw(trace::consume_raw(self.record, &self.plan.group, ticket.attempt));
        let start = || attempt.run(|| handler(raw(self.record), failure));
        match catch_unwind(AssertUnwindSafe(start)) {
            Ok(running) => self.runs(ticket, attempt, running),
            Err(panic) => panicked(ticket, &*panic),
        }
    }

    /// Returns the job of a handler that runs; a panic in it is a failed attempt.
    fn runs(&self, ticket: Ticket, attempt: Attempt, running: Running) -> Step {
        let caught = AssertUnwindSafe(running).catch_unwind();
        let outcome =
            attempt.over(caught.map(|ended| ended.unwrap_or_else(|panic| Outcome::Retry(panic_text(&*panic)))));
        #[cfg(feature = "testing")]
        let outcome = self.plan.journal.note(self.record, ticket.attempt).follow(outcome);
        Step::Handler(ticket, Box::pin(async move { (ticket, Report::Handled(outcome.await)) }))
    }

    fn meter(&self) -> &TopicMeter {
        self.plan.stats.meter().topic(self.ticket.partition.topic)
    }

    /// Returns the ticket with what is known of the record by now.
    fn seen(&self, event: Option<usize>) -> Ticket {
        self.ticket.with(Seen { event, started: Some(Instant::now()), death: None })
    }

    fn context(&self, id: SchemaId, known: Option<&Known>) -> Context {
        let known = context::Known {
            keys: Arc::clone(&self.topic.keys),
            meter: Arc::clone(self.meter().event(known.map(|known| known.row))),
            attempt: self.ticket.attempt,
            schema_id: id,
            writer: known.and_then(|known| known.writer),
        };
        Context::new(self.record, known)
    }
}

/// Returns the job of a handler, or of a decoder, that panicked before it returned a future.
fn panicked(ticket: Ticket, panic: &(dyn Any + Send)) -> Step {
    let report = Report::Handled(Outcome::Retry(panic_text(panic)));
    Step::Job(Box::pin(std::future::ready((ticket, report))))
}

/// Returns the job that writes a record to the topic of dead letters; the offset stays open until the broker has it.
pub(super) fn bury(plan: &Plan, ticket: Ticket, record: RawRecord, failure: Failure) -> Job {
    let Some(dead_letters) = plan.dead_letters.clone() else {
        return Box::pin(std::future::ready((ticket, Report::Buried(Ok(())))));
    };
    let span = trace::copy(&record, &dead_letters.topic(&record.topic), "dead letter");
    let ticket = ticket.with(Seen { death: Some(failure.reason), ..ticket.seen });
    let history = History { attempt: ticket.attempt, failure: Some(failure), due_at: None };
    let write = async move { (ticket, Report::Buried(dead_letters.write(&record.topic, &record, &history).await)) };
    Box::pin(write.instrument(span))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(a value that is no text)"))
}

/// Returns a record with its bytes as they are.
pub(crate) fn raw<M: Message>(record: &M) -> RawRecord {
    let header = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    RawRecord {
        topic: record.topic().to_owned(),
        partition: record.partition(),
        offset: record.offset(),
        timestamp: record.timestamp().to_millis(),
        key: record.key().map(<[u8]>::to_vec),
        value: record.payload().map(<[u8]>::to_vec),
        headers: record.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default(),
    }
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
