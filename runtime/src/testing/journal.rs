//! Notes what handlers are called with, and what comes of it, in the order of the calls.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use rdkafka::Message;

use super::calls::Call;
use crate::Outcome;
use crate::consumer::panic_text;
use crate::headers::{ORIGINAL_OFFSET, ORIGINAL_PARTITION, ORIGINAL_TOPIC};
use crate::message::header;

/// The calls of the handlers of one group's consumers.
pub(super) type Book = Arc<Mutex<Vec<Call>>>;

/// Where the calls of one consumer's handlers are noted; nowhere, unless a harness asks for them.
#[derive(Clone, Default)]
pub(crate) struct Journal(Option<(Book, usize)>);

impl Journal {
    /// Returns the journal of one of a group's consumers.
    pub(super) fn of(book: &Book, app: usize) -> Self {
        Self(Some((Arc::clone(book), app)))
    }

    /// Notes the call of a handler.
    pub(crate) fn note(&self, record: &impl Message, attempt: u32) -> Note {
        let noted = self.0.as_ref().map(|(book, app)| {
            let mut calls = read(book);
            calls.push(Call { app: *app, ..call(record, attempt) });
            (Arc::clone(book), calls.len() - 1)
        });
        Note(noted.into_iter().collect())
    }
}

/// A call that was noted; that of a handler of batches, once for each record.
#[derive(Default)]
pub(crate) struct Note(Vec<(Book, usize)>);

impl Note {
    /// Takes another note of the same call.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Waits for what comes of the call, a panic included, and notes it.
    pub(crate) async fn follow(self, running: impl Future<Output = Outcome>) -> Outcome {
        match AssertUnwindSafe(running).catch_unwind().await {
            Ok(outcome) => {
                self.conclude(&outcome);
                outcome
            }
            Err(panic) => {
                self.conclude(&Outcome::Retry(panic_text(&*panic)));
                resume_unwind(panic)
            }
        }
    }

    fn conclude(&self, outcome: &Outcome) {
        for (book, index) in &self.0 {
            if let Some(call) = read(book).get_mut(*index) {
                call.outcome = Some(outcome.clone());
            }
        }
    }
}

/// Reads a group's calls.
pub(super) fn read(book: &Book) -> MutexGuard<'_, Vec<Call>> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn call(record: &impl Message, attempt: u32) -> Call {
    let header = |name| header(record, name);
    let original = || {
        let (partition, offset) = (header(ORIGINAL_PARTITION)?.parse().ok()?, header(ORIGINAL_OFFSET)?.parse().ok()?);
        Some((header(ORIGINAL_TOPIC)?.to_owned(), partition, offset))
    };
    let here = || (record.topic().to_owned(), record.partition(), record.offset());
    let (topic, partition, offset) = original().unwrap_or_else(here);
    Call { topic, partition, offset, key: record.key().map(<[u8]>::to_vec), attempt, outcome: None, app: 0 }
}
