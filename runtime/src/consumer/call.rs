//! The call of a handler, from its start to what came of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use super::contained::Contained;
use super::step::Report;
use crate::circuit_breaker::Permit;
use crate::dispatch::Ticket;
use crate::handler::Running;
use crate::scope::Attempt;

/// A handler that was called; a panic in it is a failed attempt.
pub(super) struct Call {
    pub(super) ticket: Ticket,
    attempt: Attempt,
    running: Contained,
    /// What it was permitted by, if that was a circuit breaker.
    permit: Option<Permit>,
    /// How many records it was called with, where it takes several at once.
    n_batch: Option<usize>,
}

impl Call {
    pub(super) fn new(ticket: Ticket, attempt: Attempt, running: Running, permit: Option<Permit>) -> Self {
        Self { ticket, attempt, running: Contained::new(running), permit, n_batch: None }
    }

    /// Returns the call as one with so many records.
    pub(super) fn of_batch(self, n_records: usize) -> Self {
        Self { n_batch: Some(n_records), ..self }
    }
}

impl Future for Call {
    type Output = (Ticket, Report);

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Self { ticket, attempt, running, permit, n_batch } = &mut *self;
        let ended = ready!(attempt.run(|| Pin::new(running).poll(context)));
        attempt.end(&ended);
        let permit = permit.take();
        let report = match ended {
            Ok(outcome) => Report::Handled(outcome, permit),
            Err(panic) => Report::Panicked(panic, permit),
        };
        let report = match *n_batch {
            Some(n_records) => Report::Batch(n_records, Box::new(report)),
            None => report,
        };
        Poll::Ready((*ticket, report))
    }
}
