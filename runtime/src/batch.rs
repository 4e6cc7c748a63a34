//! Handlers of batches: events that are waiting in line, handed over together.
//!
//! In: payloads of one event, in their order, and the way to decode each. Out: the future of one outcome for all of them.

use std::future::Future;
use std::sync::Arc;

use eventwright_wire::{DecodeError, Event, EventDecoder};

use crate::Context;
use crate::decoder::How;
use crate::handler::{IntoOutcome, Route, Row, Running, decode, row};

/// A function from events, each with its [`Context`], to the future of one outcome for all of them. Every `async` function or
/// closure of that form is one; there is nothing to implement.
pub trait BatchHandler<E>: Fn(Vec<(E, Context)>) -> Self::Future + Send + Sync + 'static {
    /// The future that the function returns.
    type Future: Future<Output = Self::Result> + Send + 'static;
    /// What the future gives.
    type Result: IntoOutcome;
}

impl<E, F, U> BatchHandler<E> for F
where
    F: Fn(Vec<(E, Context)>) -> U + Send + Sync + 'static,
    U: Future + Send + 'static,
    U::Output: IntoOutcome,
{
    type Future = U;
    type Result = U::Output;
}

/// A batch that grows.
pub(crate) trait Batch: Send {
    /// Decodes a payload and takes its event.
    fn push(&mut self, how: &How, payload: &[u8], context: Context) -> Result<(), DecodeError>;

    /// Returns how many events it has.
    fn len(&self) -> usize;

    /// Returns the contexts of its events, in their order.
    fn contexts(&self) -> Vec<&Context>;

    /// Calls the handler.
    fn start(self: Box<Self>) -> Running;
}

/// Returns the route of an event that is handled in batches.
pub(crate) fn batch_route<E: Event>(handler: impl BatchHandler<E>) -> Box<dyn Route> {
    Box::new(BatchRoute { decoder: EventDecoder::of_event(), handler: Arc::new(handler) })
}

struct BatchRoute<E, H> {
    decoder: EventDecoder<E>,
    handler: Arc<H>,
}

impl<E: Event, H: BatchHandler<E>> Route for BatchRoute<E, H> {
    fn rows(&self) -> Vec<Row> {
        vec![row(&self.decoder)]
    }

    fn start(&self, _row: usize, how: &How, payload: &[u8], context: Context) -> Result<Running, DecodeError> {
        let mut batch = self.growing();
        batch.push(how, payload, context)?;
        Ok(Box::new(batch).start())
    }

    fn batch(&self) -> Option<Box<dyn Batch>> {
        Some(Box::new(self.growing()))
    }
}

impl<E: Event, H: BatchHandler<E>> BatchRoute<E, H> {
    fn growing(&self) -> Growing<E, H> {
        let decoder = EventDecoder::of_event();
        Growing { decoder, handler: Arc::clone(&self.handler), events: Vec::new() }
    }
}

struct Growing<E, H> {
    decoder: EventDecoder<E>,
    handler: Arc<H>,
    events: Vec<(E, Context)>,
}

impl<E: Event, H: BatchHandler<E>> Batch for Growing<E, H> {
    fn push(&mut self, how: &How, payload: &[u8], context: Context) -> Result<(), DecodeError> {
        self.events.push((decode(&self.decoder, how, payload, &context)?, context));
        Ok(())
    }

    fn len(&self) -> usize {
        self.events.len()
    }

    fn contexts(&self) -> Vec<&Context> {
        self.events.iter().map(|(_, context)| context).collect()
    }

    fn start(self: Box<Self>) -> Running {
        let outcome = (self.handler)(self.events);
        Box::pin(async move { outcome.await.into_outcome() })
    }
}
