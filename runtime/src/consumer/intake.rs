//! How records come in: as many at once as there are, and straight on to their handlers where nothing is in the way.

use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt as _, Stream, StreamExt as _};
use rdkafka::Message as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::brakes;
use super::session::{Entry, Session};
use super::step::{self, InHand, Job, Report, Step};
use crate::Error;
use crate::audit;
use crate::broker::Broker;
use crate::circuit_breaker::Permit;
use crate::context::lend;
use crate::dispatch::Ticket;
use crate::error::Kind;
use crate::handler::Outcome;
use crate::offsets::{Arrival, Partition};

/// How many records are taken before timers and the stop are looked at again.
const BURST: usize = 1024;

/// For how long, where their handlers take time.
const BURST_TIME: Duration = Duration::from_millis(1);

/// How far a record got that nothing is in the way of.
enum Begun {
    /// Its handler was called: this is what came of it, or waits for that.
    Called(Result<(Ticket, Report), Job>),
    /// Something else comes first.
    Not(Step),
}

impl<'a, B: Broker> Session<'a, B> {
    /// Takes what has been fetched already, without the cost of waiting for several things at once.
    pub(super) fn receive_burst(
        &mut self,
        mut records: Pin<&mut impl Stream<Item = Result<B::Record<'a>, KafkaError>>>,
    ) -> Result<(), Error> {
        let until = self.now + BURST_TIME;
        for _ in 0..BURST {
            self.start_ready()?;
            if self.now >= until || !self.dispatch.has_room() {
                break;
            }
            let Some(Some(record)) = records.next().now_or_never() else { break };
            self.receive(record)?;
        }
        Ok(())
    }

    /// Takes a record from Kafka.
    pub(super) fn receive(&mut self, record: Result<B::Record<'a>, KafkaError>) -> Result<(), Error> {
        let record = match record {
            Ok(record) => record,
            Err(error) => return self.consumer_error(error),
        };
        self.group.health.succeeded();
        let Some(partition) = self.group.partition_of(&record) else { return Ok(()) };
        // The poll that gave this record may have changed the assignment before.
        self.follow_assignment();
        let arrival = Arrival { at: self.now, timestamp: record.timestamp().to_millis() };
        if self.is_leaving(partition) {
            self.begun(partition, &record, arrival);
            return Ok(());
        }
        self.observer.received(partition);
        let lane = self.dispatch.lane_of(record.key());
        let bytes = record.key().map_or(0, <[u8]>::len) + record.payload().map_or(0, <[u8]>::len);
        match self.may_begin().then(|| self.dispatch.pass(partition, lane)).flatten() {
            Some(ticket) => self.pass(ticket, record, bytes, arrival),
            None => {
                self.begun(partition, &record, arrival);
                self.dispatch.receive(partition, lane, Entry::Main(record), bytes);
                Ok(())
            }
        }
    }

    /// Notes that a record is in hand, which nothing behind it may be committed before.
    fn begun(&self, partition: Partition, record: &B::Record<'a>, arrival: Arrival) {
        self.group.state().offsets.begin(partition, record.offset(), Some(arrival));
    }

    /// Handles a record that nothing is in the way of; most are done by that and have never waited anywhere.
    fn pass(&mut self, ticket: Ticket, record: B::Record<'a>, bytes: usize, arrival: Arrival) -> Result<(), Error> {
        let begun = lend(&record, |lender| {
            let in_hand = InHand::new(self.plan, ticket, &record, self.now).lent(lender);
            match step::admit(self.claims.as_mut(), &in_hand) {
                Step::Handler(call) => Begun::Called(self.start_handler(call)),
                step => Begun::Not(step),
            }
        });
        if let Begun::Called(Ok((ticket, Report::Handled(Outcome::Done, permit)))) = begun {
            return self.passed(ticket, &record, permit, arrival);
        }
        self.begun(ticket.partition, &record, arrival);
        self.dispatch.enter(ticket, Entry::Main(record), bytes);
        match begun {
            Begun::Called(started) => self.wait_for(started),
            Begun::Not(step) => self.go_on(ticket, step),
        }
    }

    /// Takes note of a record that was done at once.
    fn passed(
        &mut self,
        ticket: Ticket,
        record: &B::Record<'a>,
        permit: Option<Permit>,
        arrival: Arrival,
    ) -> Result<(), Error> {
        self.dispatch.passed();
        self.observer.attempted(ticket, self.now);
        self.claims.iter_mut().for_each(|claims| claims.returned(ticket));
        brakes::settle(permit, &Outcome::Done, self.now);
        self.observer.ended(ticket, Some(record), audit::Outcome::Handled, self.now)?;
        self.brakes.handled();
        self.group.state().offsets.pass(ticket.partition, ticket.epoch, record.offset());
        self.ended(ticket, ticket.partition, record.offset(), Some(arrival));
        Ok(())
    }

    /// Sorts the errors of librdkafka: those that it mends itself, and those that somebody else must mend.
    fn consumer_error(&self, error: KafkaError) -> Result<(), Error> {
        let stop = |what: &str| {
            let text = format!("{what} at `{}`{}", self.plan.settings.bootstrap, self.group.health.suffix());
            Err(Error::new(Kind::Broker, text).with_source(error.clone()))
        };
        match (&error, error.rdkafka_error_code()) {
            (KafkaError::MessageConsumptionFatal(_), _) => stop("the consumer cannot go on"),
            (_, Some(RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                let topics = self.plan.shown_topics();
                stop(&format!("we may not read {topics}; help: grant READ on the topic"))
            }
            (_, Some(RDKafkaErrorCode::GroupAuthorizationFailed)) => {
                stop(&format!("we may not join the group `{}`; help: grant READ on the group", self.plan.group))
            }
            (_, Some(RDKafkaErrorCode::PollExceeded)) => {
                tracing::warn!(
                    "a handler blocked its thread for longer than `max.poll.interval.ms`, and the group gave its \
                     partitions to others; rejoining. Handlers must await, not block"
                );
                Ok(())
            }
            _ => {
                tracing::debug!(%error, "librdkafka reports an error that it mends itself");
                Ok(())
            }
        }
    }
}
