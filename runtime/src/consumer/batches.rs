//! Batches of a session: how they are put together, and what comes of them.

use super::brakes;
use super::session::{Entry, Session};
use super::step::{self, InHand, Report, Step};
use crate::broker::Broker;
use crate::dispatch::{Hold, Ticket, Verdict};
use crate::handler::Outcome;
use crate::{Error, audit};

impl<B: Broker> Session<'_, B> {
    /// Begins a batch with the record of a ticket, or lets it wait for more to come.
    pub(super) fn begin_batch(&mut self, ticket: Ticket, route: usize) -> Step {
        let (plan, settings, now) = (self.plan, &self.plan.settings.consumer, self.now);
        let n_there = self.dispatch.batch(ticket).take(settings.batch_records).count();
        let waits = !settings.batch_wait.is_zero() && !self.dispatch.has_gathered(ticket);
        if waits && n_there < settings.batch_records {
            return Step::Gathers;
        }
        let Some(mut batch) = plan.topic(ticket.partition).batch(route) else { return Step::Ignored(ticket) };
        for record in self.dispatch.batch(ticket).take(settings.batch_records) {
            let Entry::Main(record) = record else { break };
            if !InHand::new(plan, ticket, record, now).join(route, &mut *batch) {
                break;
            }
        }
        if batch.len() > 1 {
            self.dispatch.begin_batch(ticket, batch.len());
            #[cfg(feature = "testing")]
            let batch = self.noted(ticket, batch, now);
            (1..batch.len()).for_each(|_| self.brakes.began(now));
            return step::start_batch(plan, ticket, route, batch, now);
        }
        match self.dispatch.record(ticket) {
            Some(Entry::Main(record)) => InHand::new(plan, ticket, record, now).alone().begin(),
            Some(Entry::Returned(record)) => InHand::new(plan, ticket, &**record, now).alone().begin(),
            None => Step::Ignored(ticket),
        }
    }

    /// Takes what came of a batch of so many records.
    pub(super) fn finish_batch(&mut self, ticket: Ticket, n_records: usize, report: Report) -> Result<(), Error> {
        let now = self.now;
        let (reason, is_held) = match report {
            Report::Handled(Outcome::Done, permit) => {
                self.advance(ticket, n_records - 1)?;
                return self.finish(ticket, Report::Handled(Outcome::Done, permit));
            }
            Report::Handled(outcome, permit) => {
                let is_held = brakes::settle(permit, &outcome, now);
                (outcome.reason(), is_held)
            }
            Report::Panicked(reason, permit) => {
                permit.map(|permit| permit.failed(now));
                (reason, false)
            }
            other => return self.finish(ticket, other),
        };
        self.observer.failed(ticket);
        if is_held {
            self.brakes.refused(ticket.partition.topic);
            return self.conclude(ticket, Verdict::Held(Hold::Breaker), &reason);
        }
        self.conclude(ticket, Verdict::Split(n_records), &reason)
    }

    /// Finishes all records of a batch but the last.
    fn advance(&mut self, ticket: Ticket, n_records: usize) -> Result<(), Error> {
        for _ in 0..n_records {
            let offset = self.offset(ticket);
            self.note(ticket, audit::Outcome::Handled)?;
            if !self.dispatch.advance(ticket) {
                break;
            }
            self.brakes.handled();
            let arrival = self.group.state().offsets.finish(ticket.partition, ticket.epoch, offset);
            self.observer.finished(ticket.partition, arrival, self.now);
        }
        Ok(())
    }
}
