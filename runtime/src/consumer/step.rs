//! From a record to the call of its handler.
//!
//! In: a record whose turn it is. Out: a [`Step`]: the handler's future; the look-up of a schema that must come first; or
//! the reason why the consumer cannot go past the record. Nothing here waits.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use eventwright_registry::RegistryError;
use eventwright_schema::proto;
use eventwright_wire::framing::{self, SchemaId};
use eventwright_wire::{EventSchema, RawRecord};
use rdkafka::Message;
use rdkafka::message::{Header, Headers as _};
use tokio::time::Instant;

use super::running::panicked;
use super::{Plan, Topic};
use crate::copies::{Failure, History};
use crate::decoder::{Entry, Known};
use crate::dispatch::{Place, Ticket};
use crate::error::Kind;
use crate::failure::{DecodeFailure, Kind as FailureKind};
use crate::handler::{Outcome, Running};
use crate::{Context, Error};

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
    Ignored,
    /// Its handler was called; it has not begun to run.
    Runs(Running),
    /// It is handled: the handler, or the decoder, panicked when it was called.
    Handled(Outcome),
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
        match &*entry {
            Entry::Avro(known) => self.typed(id, known, payload),
            Entry::Protobuf { schema, messages } => self.protobuf(id, schema, messages, payload),
            Entry::Unknown(full_name) => self.unknown(id, full_name),
            Entry::Unusable(kind, reason) => self.failed(DecodeFailure::new(*kind, Some(id), reason.as_str())),
        }
    }

    fn load(&self, id: SchemaId) -> Step {
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
        let context = self.context(id, known.writer);
        let started = catch_unwind(AssertUnwindSafe(|| self.topic.start(known, payload, context)));
        match started {
            Ok(Ok(running)) => Step::Runs(running),
            Ok(Err(error)) => self.failed(DecodeFailure::bytes(Some(id), error)),
            Err(panic) => Step::Handled(panicked(&*panic)),
        }
    }

    /// Hands a record of an event that has no handler of its own to whoever takes such records.
    fn unknown(&self, id: SchemaId, full_name: &str) -> Step {
        let context = self.context(id, None);
        let started = catch_unwind(AssertUnwindSafe(|| self.topic.start_unknown(&|| raw(self.record), context)));
        match started {
            Ok(Some(running)) => Step::Runs(running),
            Ok(None) if self.plan.ignore_others => Step::Ignored,
            Ok(None) => {
                let reason = format!("a record of `{full_name}`, which has no handler on this topic");
                self.failed(DecodeFailure::new(FailureKind::UnknownEvent, Some(id), reason))
            }
            Err(panic) => Step::Handled(panicked(&*panic)),
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
        self.plan.stats.count_undecodable();
        let (topic, partition, offset) = (self.record.topic(), self.record.partition(), self.record.offset());
        tracing::debug!(topic, partition, offset, %failure, "undecodable record");
        let Some(handler) = handler else {
            let first_failed_at = self.plan.clock.now();
            let failure = Failure { reason: "undecodable", error: failure.to_string(), first_failed_at };
            return Step::Job(bury(self.plan, self.ticket, raw(self.record), failure));
        };
        let started = catch_unwind(AssertUnwindSafe(|| handler(raw(self.record), failure)));
        match started {
            Ok(running) => Step::Runs(running),
            Err(panic) => Step::Handled(panicked(&*panic)),
        }
    }

    fn context(&self, id: SchemaId, writer: Option<&'static EventSchema>) -> Context {
        Context::new(self.record, Arc::clone(&self.topic.keys), self.ticket.attempt, id, writer)
    }
}

/// Returns the job that writes a record to the topic of dead letters; the offset stays open until the broker has it.
pub(super) fn bury(plan: &Plan, ticket: Ticket, record: RawRecord, failure: Failure) -> Job {
    let dead_letters = plan.dead_letters.clone();
    let history = History { attempt: ticket.attempt, failure: Some(failure), due_at: None };
    Box::pin(async move {
        let written = match dead_letters {
            Some(dead_letters) => dead_letters.write(&record.topic, &record, &history).await,
            None => Ok(()),
        };
        (ticket, Report::Buried(written))
    })
}

pub(super) fn raw<M: Message>(record: &M) -> RawRecord {
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
