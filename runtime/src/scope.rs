//! The record that a handler is busy with: its spans, and what records that the handler sends have from it.
//!
//! In: a record's context, and pieces of its handler's work. Out: what they give, while the record's span was entered and its
//! context at hand. So a log line in a handler tells which record it is about, and a record that is sent
//! there goes on with the correlation id. Tasks that a handler spawns have neither, unless it hands them on.

use std::cell::Cell;

use tracing::Span;

use crate::handler::Outcome;
use crate::{Context, trace};

thread_local! {
    /// The record whose handler is being polled on this thread.
    static CURRENT: Cell<Option<Context>> = const { Cell::new(None) };
}

/// Gives the context of the record whose handler asks, if a handler does.
pub(crate) fn with_current<T>(ask: impl FnOnce(&Context) -> T) -> Option<T> {
    let context = CURRENT.take()?;
    let answer = ask(&context);
    CURRENT.set(Some(context));
    Some(answer)
}

/// One attempt at a record, or at those of a batch.
pub(crate) struct Attempt {
    /// Raw records have none, and batches have several.
    context: Option<Context>,
    /// `None` where nobody listens, so that an attempt is small.
    spans: Option<Box<Spans>>,
}

/// The spans of an attempt.
struct Spans {
    /// From the bytes to the outcome: one, or one for each record of a batch.
    consume: Vec<Span>,
    /// The handler alone; handlers' own spans are its children.
    handle: Span,
}

impl Attempt {
    /// Returns the attempt at an event.
    pub(crate) fn typed(context: &Context, group: &str) -> Self {
        let spans = Spans::new(trace::consume(context, group), context.event());
        Self { context: Some(context.clone()), spans }
    }

    /// Returns the attempt at a record whose event is not known.
    pub(crate) fn raw(consume: Span) -> Self {
        Self { context: None, spans: Spans::new(consume, "unknown") }
    }

    /// Returns the attempt at the events of a batch.
    pub(crate) fn batch(contexts: &[&Context], group: &str) -> Self {
        let spans = contexts.iter().map(|context| trace::consume(context, group));
        let consume: Vec<_> = spans.filter(|span| !span.is_disabled()).collect();
        let first = contexts.first().filter(|_| !consume.is_empty());
        let spans = first.map(|first| {
            let handle = trace::handle_batch(&consume, first, group);
            Box::new(Spans { consume, handle })
        });
        Self { context: None, spans }
    }

    /// Runs a piece of the attempt.
    pub(crate) fn run<T>(&mut self, piece: impl FnOnce() -> T) -> T {
        let Self { context, spans } = self;
        let _entered = spans.as_ref().map(|spans| spans.handle.enter());
        let before = CURRENT.replace(context.take());
        let _restored = Restored { context, before };
        piece()
    }

    /// Notes what came of the attempt; a handler that panicked is one that failed.
    pub(crate) fn end(&self, ended: &Result<Outcome, String>) {
        for consume in self.spans.iter().flat_map(|spans| &spans.consume) {
            match ended {
                Ok(outcome) => trace::end(consume, outcome),
                Err(_) => trace::end(consume, &Outcome::Retry(String::new())),
            }
        }
    }
}

impl Spans {
    /// Returns the spans of an attempt at one record.
    fn new(consume: Span, event: &str) -> Option<Box<Self>> {
        if consume.is_disabled() {
            return None;
        }
        let handle = trace::handle(&consume, event);
        Some(Box::new(Self { consume: vec![consume], handle }))
    }
}

/// Takes the record back, and puts the one in its place that was at hand before, also where a handler panics.
struct Restored<'a> {
    context: &'a mut Option<Context>,
    before: Option<Context>,
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        *self.context = CURRENT.replace(self.before.take());
    }
}
