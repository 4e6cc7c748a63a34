//! What users give a consumer: functions from an event to an [`Outcome`]; and those functions with their types erased.
//!
//! In: the payload of a record and the way to decode it. Out: the future of the handler's outcome. Decoding and calling
//! happen in one erased step, so that no event is boxed on its way.

use std::future::Future;
use std::pin::Pin;

use eventwright_wire::{DecodeError, Event, EventDecoder, EventSchema, RawRecord, TopicEvents};

use crate::batch::Batch;
use crate::decoder::How;
use crate::{Context, DecodeFailure};

/// What is to become of a record after its handler saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Outcome {
    /// The record is done; its offset may be committed.
    Done,
    /// The record is to be handled again after a pause, for this reason; nothing that must be handled in order with it
    /// overtakes it.
    Retry(String),
    /// The record cannot be handled, and trying again would not help, for this reason: it is given up at once, as
    /// `consumer.on_failure` says.
    Reject(String),
}

impl Outcome {
    /// Returns [`Outcome::Retry`] with an error and its causes as the reason.
    pub fn retry(error: impl std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(": ");
            reason.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Retry(reason)
    }
}

impl Outcome {
    /// Returns why the record is not done; empty where it is.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Done => String::new(),
            Self::Retry(reason) | Self::Reject(reason) => reason,
        }
    }
}

/// What a handler may return: an [`Outcome`], or a `Result` whose error means that the record is to be handled again; one of
/// [`HandlerError`](crate::HandlerError) may say that this would not help.
pub trait IntoOutcome {
    /// Returns the outcome that the value stands for.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl<E: std::error::Error> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(Outcome::retry, |()| Outcome::Done)
    }
}

impl<E: std::error::Error> IntoOutcome for Result<Outcome, E> {
    fn into_outcome(self) -> Outcome {
        self.unwrap_or_else(Outcome::retry)
    }
}

/// A function from an event and its [`Context`] to the future of an outcome. Every `async` function or closure of that
/// form is one; there is nothing to implement.
pub trait Handler<T>: Fn(T, Context) -> Self::Future + Send + Sync + 'static {
    /// The future that the function returns.
    type Future: Future<Output = Self::Result> + Send + 'static;
    /// What the future gives.
    type Result: IntoOutcome;
}

impl<T, F, U> Handler<T> for F
where
    F: Fn(T, Context) -> U + Send + Sync + 'static,
    U: Future + Send + 'static,
    U::Output: IntoOutcome,
{
    type Future = U;
    type Result = U::Output;
}

/// A handler that is running.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The handler of records that no typed handler can be given.
pub(crate) type RawHandler = Box<dyn Fn(RawRecord, DecodeFailure) -> Running + Send + Sync>;

/// One event that a handler takes: the reader's schema and the writers' schemas known at build time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) reader: &'static EventSchema,
    pub(crate) writers: &'static [&'static EventSchema],
}

/// A handler with the decoders of the events that it takes.
pub(crate) trait Route: Send + Sync {
    /// Returns the events that the handler takes.
    fn rows(&self) -> Vec<Row>;

    /// Decodes the payload as the event of that row and calls the handler.
    fn start(&self, row: usize, how: &How, payload: &[u8], context: Context) -> Result<Running, DecodeError>;

    /// Calls the handler with an event that is none of its rows, where it has a place for one.
    fn start_unknown(&self, _record: &dyn Fn() -> RawRecord, _context: Context) -> Option<Running> {
        None
    }

    /// Returns an empty batch, where the handler takes several events at once.
    fn batch(&self) -> Option<Box<dyn Batch>> {
        None
    }

    /// Returns whether the handler takes records without value.
    fn takes_tombstones(&self) -> bool {
        false
    }

    /// Calls the handler with a record without value, where it has a place for one.
    fn start_tombstone(&self, _context: Context) -> Option<Running> {
        None
    }
}

/// A handler of `T`.
struct TypedRoute<T: 'static, H> {
    decoders: Decoders<T>,
    unknown: Option<fn(RawRecord) -> T>,
    handler: H,
}

/// Where the decoders of a route are.
enum Decoders<T: 'static> {
    OfEvent([EventDecoder<T>; 1]),
    OfTopic(&'static [EventDecoder<T>]),
}

impl<T> Decoders<T> {
    fn rows(&self) -> &[EventDecoder<T>] {
        match self {
            Self::OfEvent(decoder) => decoder,
            Self::OfTopic(decoders) => decoders,
        }
    }
}

/// Returns the route of one event.
pub(crate) fn event_route<E: Event>(handler: impl Handler<E>) -> Box<dyn Route> {
    Box::new(TypedRoute { decoders: Decoders::OfEvent([EventDecoder::of_event()]), unknown: None, handler })
}

/// Returns the route of all events of a topic.
pub(crate) fn topic_route<T: TopicEvents>(handler: impl Handler<T>) -> Box<dyn Route> {
    Box::new(TypedRoute { decoders: Decoders::OfTopic(T::DECODERS), unknown: Some(T::unknown), handler })
}

/// Returns the route of one event of a compacted topic, and of the tombstones there.
pub(crate) fn compacted_route<E: Event>(handler: impl Handler<Option<E>>) -> Box<dyn Route> {
    Box::new(CompactedRoute { decoder: EventDecoder::of_event(), handler })
}

fn call<T>(handler: &impl Handler<T>, event: T, context: Context) -> Running {
    let outcome = handler(event, context);
    Box::pin(async move { outcome.await.into_outcome() })
}

pub(crate) fn decode<T>(
    decoder: &EventDecoder<T>,
    how: &How,
    payload: &[u8],
    context: &Context,
) -> Result<T, DecodeError> {
    context.decoding(|| match how {
        How::Writer(writer) => (decoder.decode)(*writer, payload),
        How::Transcoder(transcoder) => (decoder.decode_with)(transcoder, payload),
    })
}

pub(crate) fn row<T>(decoder: &EventDecoder<T>) -> Row {
    Row { reader: decoder.schema, writers: decoder.writers }
}

impl<T: Send + 'static, H: Handler<T>> Route for TypedRoute<T, H> {
    fn rows(&self) -> Vec<Row> {
        self.decoders.rows().iter().map(row).collect()
    }

    fn start(&self, row: usize, how: &How, payload: &[u8], context: Context) -> Result<Running, DecodeError> {
        let decoder = self.decoders.rows().get(row).expect("the decoder was made from these rows");
        Ok(call(&self.handler, decode(decoder, how, payload, &context)?, context))
    }

    fn start_unknown(&self, record: &dyn Fn() -> RawRecord, context: Context) -> Option<Running> {
        self.unknown.map(|unknown| call(&self.handler, unknown(record()), context))
    }
}

/// A handler of an event that may be deleted.
struct CompactedRoute<E, H> {
    decoder: EventDecoder<E>,
    handler: H,
}

impl<E: Event, H: Handler<Option<E>>> Route for CompactedRoute<E, H> {
    fn rows(&self) -> Vec<Row> {
        vec![row(&self.decoder)]
    }

    fn start(&self, _row: usize, how: &How, payload: &[u8], context: Context) -> Result<Running, DecodeError> {
        Ok(call(&self.handler, Some(decode(&self.decoder, how, payload, &context)?), context))
    }

    fn takes_tombstones(&self) -> bool {
        true
    }

    fn start_tombstone(&self, context: Context) -> Option<Running> {
        Some(call(&self.handler, None, context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_retry_with_its_causes() {
        let error = crate::Error::settings("outer").with_source("inner");
        assert_eq!(Err::<Outcome, _>(error).into_outcome(), Outcome::Retry("outer: inner".into()));
    }
}
