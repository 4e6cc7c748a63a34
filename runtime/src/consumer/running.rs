//! Runs handlers: on the consumer's own task as far as they get at once, and beyond that as tasks of their own where several
//! of them run side by side.
//!
//! A task costs more than most handlers do, but a handler that computes for long would hold up the consumer without one.
//! So handlers take their first step on the consumer's task until two are slow; those after it are tasks from the first step
//! on, but for one now and then, which shows whether they are quick again. One alone may have been quick: the system takes a
//! thread off its processor now and then.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::step::{Job, Report};
use crate::dispatch::Ticket;
use crate::handler::Outcome;

/// How long a first step may take on the consumer's task.
const QUICK: Duration = Duration::from_micros(50);

/// How many handlers are tasks from the first step on after two that were not quick.
const TASKS: u32 = 1000;

/// How many handlers after one that was not quick another one makes two.
const MEMORY: u32 = 250;

/// Runs handlers.
pub(super) struct Runner {
    is_parallel: bool,
    pace: Pace,
}

impl Runner {
    /// Returns what runs handlers side by side, where that is wanted, or all of them on the consumer's task.
    pub(super) fn new(is_parallel: bool) -> Self {
        Self { is_parallel, pace: Pace::default() }
    }

    /// Begins with the call of a handler: returns what came of it, or what waits for that; and what time it is then.
    pub(super) fn start<C>(&mut self, ticket: Ticket, mut call: C) -> (Result<(Ticket, Report), Job>, Instant)
    where
        C: Future<Output = (Ticket, Report)> + Send + Unpin + 'static,
    {
        if !self.is_parallel {
            let started = (&mut call).now_or_never().ok_or_else(|| Box::pin(call) as Job);
            return (started, Instant::now());
        }
        if self.pace.begins_here() {
            let began = Instant::now();
            let ended = (&mut call).now_or_never();
            let now = Instant::now();
            self.pace.took(now.saturating_duration_since(began));
            if let Some(ended) = ended {
                return (Ok(ended), now);
            }
        }
        (Err(Box::pin(Task { ticket, handle: tokio::spawn(call) })), Instant::now())
    }
}

/// Where the next handler takes its first step.
#[derive(Debug, Default)]
struct Pace {
    /// How many of the next ones are tasks.
    n_tasks: u32,
    /// For how many more of those that are none the last one that was slow is remembered.
    n_remembered: u32,
}

impl Pace {
    /// Returns whether it is on the consumer's task.
    fn begins_here(&mut self) -> bool {
        let begins_here = self.n_tasks == 0;
        self.n_tasks = self.n_tasks.saturating_sub(1);
        begins_here
    }

    /// Takes how long a first step took there.
    fn took(&mut self, step: Duration) {
        if step <= QUICK {
            self.n_remembered = self.n_remembered.saturating_sub(1);
            return;
        }
        if self.n_remembered > 0 {
            self.n_tasks = TASKS;
        }
        self.n_remembered = MEMORY;
    }
}

/// A handler that runs as a task of its own, and ends when nobody waits for it any more.
struct Task {
    ticket: Ticket,
    handle: JoinHandle<(Ticket, Report)>,
}

impl Future for Task {
    type Output = (Ticket, Report);

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let ended = std::task::ready!(Pin::new(&mut self.handle).poll(context));
        // A panic of the handler was caught in the task; what is left is tokio's runtime going away.
        let retry = |error: tokio::task::JoinError| Report::Handled(Outcome::Retry(error.to_string()), None);
        Poll::Ready(ended.unwrap_or_else(|error| (self.ticket, retry(error))))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a step of so many microseconds on the consumer's task.
    fn step(pace: &mut Pace, micros: u64) {
        assert!(pace.begins_here());
        pace.took(Duration::from_micros(micros));
    }

    #[test]
    fn handlers_begin_on_the_consumers_task_until_two_are_slow() {
        let mut pace = Pace::default();
        for micros in [0, 50, 51, 50] {
            step(&mut pace, micros);
        }
        step(&mut pace, 51);
        for _ in 0..2 {
            assert!((0..TASKS).all(|_| !pace.begins_here()));
            step(&mut pace, 51);
        }
        assert!((0..TASKS).all(|_| !pace.begins_here()));
        step(&mut pace, 1);
        assert!(pace.begins_here());
    }

    #[test]
    fn one_slow_handler_among_many_quick_ones_is_forgotten() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            step(&mut pace, 1000);
            (0..MEMORY).for_each(|_| step(&mut pace, 1));
        }
        assert!(pace.begins_here());
    }
}
