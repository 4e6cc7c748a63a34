//! A consumer that runs under a harness.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::calls::{Call, Calls};
use super::journal::{self, Book};
use crate::{ConsumerStats, Error};

/// A consumer that runs beside the test. Dropped, it ends as in a crash.
#[must_use = "dropping it ends the consumer"]
pub struct App {
    group: String,
    /// Its number among the consumers of its harness.
    number: usize,
    book: Book,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), Error>>>,
    state: Arc<Mutex<AppState>>,
    stats: ConsumerStats,
}

/// Whether a consumer runs, for its harness.
#[derive(Debug, Clone)]
pub(super) enum AppState {
    Runs,
    /// It ended by itself, and nobody has asked why yet.
    Failed(String),
    /// The test has ended it, or knows of its end.
    Gone,
}

impl App {
    /// Runs what `consumer` makes of the future of its stop.
    pub(super) fn start<F>(
        group: String,
        (number, book): (usize, Book),
        stats: ConsumerStats,
        consumer: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let state = Arc::new(Mutex::new(AppState::Runs));
        let (running, told) = (consumer(stopped), Arc::clone(&state));
        let task = tokio::spawn(async move {
            let result = running.await;
            if let Err(error) = &result {
                set(&told, AppState::Failed(format!("{error:?}")));
            }
            result
        });
        Self { group, number, book, stop: Some(stop), task: Some(task), state, stats }
    }

    pub(super) fn state(&self) -> Arc<Mutex<AppState>> {
        Arc::clone(&self.state)
    }

    /// Stops the consumer as SIGTERM does: it waits for running handlers, commits and leaves its group.
    ///
    /// # Errors
    /// As [`Consumer::run_until`](crate::Consumer::run_until).
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // Its receiver is gone where the consumer has ended already.
            let _ = stop.send(());
        }
        self.finished().await
    }

    /// Waits until the consumer ends by itself.
    ///
    /// # Errors
    /// The reason why it ended: see [`Consumer::run_until`](crate::Consumer::run_until).
    pub async fn ended(mut self) -> Result<(), Error> {
        self.finished().await
    }

    async fn finished(&mut self) -> Result<(), Error> {
        match self.task.take() {
            Some(task) => task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())),
            None => Ok(()),
        }
    }

    /// Ends the consumer as `kill -9` does: nothing is committed, and handlers that run are cut off.
    pub async fn crash(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // It was asked to end, so how it ended is known.
            let _ = task.await;
        }
    }

    /// Returns the consumer's counters.
    #[must_use]
    pub fn stats(&self) -> ConsumerStats {
        self.stats.clone()
    }

    /// Returns the calls of its handlers so far, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        journal::read(&self.book).iter().filter(|call| call.app == self.number).cloned().collect()
    }

    /// As [`Calls::assert_count`], of this consumer's handlers.
    ///
    /// # Panics
    /// If it was another number; the text lists the calls.
    #[track_caller]
    pub fn assert_calls(&self, expected: usize) -> &Self {
        Calls::new(&self.group, self.calls()).assert_count(expected);
        self
    }

    /// As [`Calls::assert_key_order`], of this consumer's handlers.
    ///
    /// # Panics
    /// At the first call that came too late; the text lists the calls.
    #[track_caller]
    pub fn assert_key_order(&self) -> &Self {
        Calls::new(&self.group, self.calls()).assert_key_order();
        self
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        set(&self.state, AppState::Gone);
    }
}

fn set(state: &Mutex<AppState>, value: AppState) {
    *state.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("group", &self.group).finish_non_exhaustive()
    }
}
