//! What a harness asks of a consumer, and tells it.

use std::sync::Arc;

use eventwright_wire::DecodeError;
use tokio::time::Instant;

use super::session::{Entry, Session};
use super::step::InHand;
use super::{Consumer, ConsumerBuilder, Group};
use crate::Context;
use crate::batch::Batch;
use crate::broker::Broker;
use crate::decoder::How;
use crate::dispatch::Ticket;
use crate::handler::Running;
use crate::testing::{Journal, Note};

impl ConsumerBuilder {
    /// Puts a prefix before the group; returns the group's name without it.
    pub(crate) fn prefix_group(&mut self, prefix: &str) -> String {
        let group = self.group.take().or_else(|| self.settings.consumer.group.clone()).unwrap_or_default();
        // A group that is missing stays so, and is an error of `build`.
        self.group = Some(if group.is_empty() { String::new() } else { format!("{prefix}{group}") });
        group
    }

    pub(crate) fn set_journal(&mut self, journal: Journal) {
        self.journal = journal;
    }
}

impl Consumer {
    pub(crate) fn group(&self) -> &str {
        &self.plan.group
    }

    /// Returns the names of the topics that it reads, and of its retry topics.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        let topics = self.plan.topics.iter().map(|topic| Arc::clone(&topic.name)).collect();
        Group::new(topics, self.plan.settings.consumer.retry.topics, self.plan.stats.clone(), self.plan.audit.clone())
            .topics()
            .to_vec()
    }
}

/// A batch whose calls are noted.
struct Noted {
    batch: Box<dyn Batch>,
    note: Note,
}

impl Batch for Noted {
    fn push(&mut self, how: &How, payload: &[u8], context: Context) -> Result<(), DecodeError> {
        self.batch.push(how, payload, context)
    }

    fn len(&self) -> usize {
        self.batch.len()
    }

    fn contexts(&self) -> Vec<&Context> {
        self.batch.contexts()
    }

    fn start(self: Box<Self>) -> Running {
        let Self { batch, note } = *self;
        Box::pin(note.follow(batch.start()))
    }
}

impl<B: Broker> Session<'_, B> {
    /// Notes the call of a handler of batches, for each of its records.
    pub(super) fn noted(&self, ticket: Ticket, batch: Box<dyn Batch>, now: Instant) -> Box<dyn Batch> {
        let mut note = Note::default();
        for record in self.dispatch.batch(ticket).take(batch.len()) {
            if let Entry::Main(record) = record {
                note.join(InHand::new(self.plan, ticket, record, now).note());
            }
        }
        Box::new(Noted { batch, note })
    }
}
