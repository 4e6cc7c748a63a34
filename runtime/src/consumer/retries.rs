//! The retry topics of a consumer at work: what waits there is read, and records are copied to it.
//!
//! Whoever has a partition of a topic reads the partitions of that number of its retry topics, by hand, from what the group has
//! committed of them. Before any record of the partition is handled, the retry topics are read to their ends, so that every key is
//! known of which something waits. What there is no room for is noted and read again later.

mod overdue;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream, StreamExt as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::session::{Entry, Session};
use super::step::Report;
use crate::backoff::Backoff;
use crate::broker::{Broker, Read, Reader, Subscription, TopicOffset};
use crate::copies::{Failure, History, Target};
use crate::dispatch::{Hold, Place, Redirect, Returned, Ticket};
use crate::error::Kind;
use crate::message::raw_record;
use crate::offsets::{self, Epoch, Partition};
use crate::retry::record::{self, Found, Waiting};
use crate::{Delivery, Error, trace};

/// The pauses before the group's offsets are asked for again.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

/// What is known of the retry topics of the partitions that are ours.
pub(super) struct Retries<'a, B: Broker> {
    reader: &'a B::Reader,
    jobs: FuturesUnordered<BoxFuture<'a, Event>>,
    /// What is found out of copies that do not come; a stop does not wait for it.
    questions: FuturesUnordered<BoxFuture<'a, Event>>,
    mains: BTreeMap<Partition, Main>,
}

/// A partition of a main topic.
struct Main {
    epoch: Epoch,
    /// The partitions of retry topics that are read.
    assigned: BTreeSet<Partition>,
    /// Those of them that were not read to their ends yet; none of its records is handled before.
    loading: BTreeSet<Partition>,
    /// From where on a partition is read again, because there was no room.
    rewinds: BTreeMap<Partition, i64>,
    /// How often records were handled already, where that was committed beside an offset.
    attempts: BTreeMap<(Partition, i64), u32>,
    /// Partitions of which it is being found out whether copies were deleted before they were read.
    in_question: BTreeSet<Partition>,
}

/// What came of a job.
pub(super) enum Event {
    /// The group's offsets in the retry topics of a partition, after so many questions.
    Committed(Partition, Epoch, u32, Result<Vec<TopicOffset>, KafkaError>),
    /// A copy was the first one that was not read when its partition was read to the end, a while ago.
    Overdue(Partition, Epoch, i64),
    /// Where a partition of a retry topic begins.
    Begins(Partition, Epoch, Result<i64, KafkaError>),
    /// A record was copied behind the others of its key.
    Redirected(Redirect, i64, Result<Delivery, Error>),
    /// A record that nobody can read is a dead letter.
    Buried(Partition, Epoch, i64, Result<(), Error>),
}

impl<'a, B: Broker> Retries<'a, B> {
    pub(super) fn new(reader: &'a B::Reader) -> Self {
        Self { reader, jobs: FuturesUnordered::new(), questions: FuturesUnordered::new(), mains: BTreeMap::new() }
    }

    /// Returns what came of the next job; waits for ever while there is none.
    pub(super) async fn next(&mut self) -> Event {
        tokio::select! {
            Some(event) = self.jobs.next() => event,
            Some(event) = self.questions.next() => event,
            else => std::future::pending().await,
        }
    }

    /// Returns what is read from the retry topics.
    pub(super) fn records(&self) -> impl Stream<Item = Result<Read<B::Record<'a>>, KafkaError>> + Send + use<'a, B> {
        self.reader.records()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }
}

impl<'a, B: Broker> Session<'a, B> {
    /// Takes the retry topics of a partition that is ours from now on.
    pub(super) fn load_retries(&mut self, main: Partition, epoch: Epoch) {
        let loading: BTreeSet<_> = self.group.retry_partitions(main).collect();
        for retry in &loading {
            self.dispatch.assign_retry(*retry, epoch);
        }
        let Some(retries) = &mut self.retries else { return };
        self.dispatch.hold(main, Hold::Loading);
        let (assigned, rewinds, attempts, in_question) = Default::default();
        retries.mains.insert(main, Main { epoch, assigned, loading, rewinds, attempts, in_question });
        self.ask_committed(main, epoch, 0);
    }

    /// Gives up the retry topics of a partition that is no longer ours.
    pub(super) fn drop_retries(&mut self, main: Partition) {
        let group = self.group;
        for retry in group.retry_partitions(main) {
            self.dispatch.revoke(retry);
        }
        let Some(retries) = &mut self.retries else { return };
        for retry in retries.mains.remove(&main).into_iter().flat_map(|main| main.assigned) {
            if let Err(error) = retries.reader.unassign(&group.name(retry)) {
                tracing::warn!(%error, "a partition of a retry topic is still read");
            }
        }
    }

    fn ask_committed(&mut self, main: Partition, epoch: Epoch, n_asked: u32) {
        let Some(retries) = &mut self.retries else { return };
        let partitions = self.group.names(&self.group.retry_partitions(main).collect::<Vec<_>>());
        let (subscription, timeout) = (self.subscription, self.plan.settings.connect_timeout);
        retries.jobs.push(Box::pin(async move {
            if n_asked > 0 {
                tokio::time::sleep(BACKOFF.pause(n_asked)).await;
            }
            let committed = subscription.committed(&partitions, timeout).await;
            Event::Committed(main, epoch, n_asked + 1, committed)
        }));
    }

    /// Takes what came of a job.
    pub(super) fn retry_event(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Committed(main, epoch, n_asked, Err(error)) if self.is_ours(main, epoch) => {
                tracing::warn!(%error, "the group's offsets in retry topics are not known; asking again, and its partition waits");
                self.ask_committed(main, epoch, n_asked);
                Ok(())
            }
            Event::Committed(main, epoch, _, Ok(committed)) if self.is_ours(main, epoch) => {
                self.read_from(main, &committed)
            }
            Event::Committed(..) => Ok(()),
            Event::Overdue(retry, epoch, offset) => {
                self.ask_beginning(retry, epoch, offset);
                Ok(())
            }
            Event::Begins(retry, epoch, beginning) => {
                self.take_beginning(retry, epoch, beginning);
                Ok(())
            }
            Event::Redirected(redirect, origin, delivery) => {
                let place = self.place(redirect.partition(), 1, delivery?.offset);
                self.dispatch.redirected(redirect, Some((place, origin)));
                self.plan.stats.meter().topic(redirect.partition().topic).redirected.add(1);
                self.group.state().offsets.finish(redirect.partition(), redirect.epoch(), origin);
                Ok(())
            }
            Event::Buried(partition, epoch, offset, buried) => {
                buried?;
                self.observer.buried(self.group.main_of(partition).map_or(partition, |(main, _)| main));
                self.group.state().offsets.finish(partition, epoch, offset);
                Ok(())
            }
        }
    }

    fn is_ours(&self, main: Partition, epoch: Epoch) -> bool {
        self.retries.as_ref().and_then(|retries| retries.mains.get(&main)).is_some_and(|main| main.epoch == epoch)
    }

    /// Reads the retry topics of a partition from what was committed, or from their beginnings.
    fn read_from(&mut self, main: Partition, committed: &[TopicOffset]) -> Result<(), Error> {
        for retry in self.group.retry_partitions(main) {
            let name = self.group.name(retry);
            let known = committed.iter().find(|committed| committed.partition == name);
            let attempts = known.map(|known| offsets::attempts(&known.metadata)).unwrap_or_default();
            let Some(state) = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main)) else {
                return Ok(());
            };
            state.attempts.extend(attempts.into_iter().map(|(offset, attempts)| ((retry, offset), attempts)));
            self.assign(main, retry, known.map_or(0, |known| known.offset))?;
        }
        Ok(())
    }

    fn assign(&mut self, main: Partition, retry: Partition, offset: i64) -> Result<(), Error> {
        let Some(retries) = &mut self.retries else { return Ok(()) };
        let name = self.group.name(retry);
        retries.reader.assign(&name, offset).map_err(|error| cannot_read(&name.topic, error))?;
        if let Some(main) = retries.mains.get_mut(&main) {
            main.assigned.insert(retry);
        }
        Ok(())
    }

    /// Takes what was read from a retry topic.
    pub(super) fn receive_retry(&mut self, read: Result<Read<B::Record<'_>>, KafkaError>) -> Result<(), Error> {
        // The poll that gave this may have changed the assignment before.
        self.follow_assignment();
        match read {
            Ok(Read::Record(record)) => {
                let retry = self.group.partition(record.topic(), record.partition());
                let Some((retry, (main, tier))) = retry.and_then(|retry| Some((retry, self.group.main_of(retry)?)))
                else {
                    return Ok(());
                };
                self.take_returned(main, Place { partition: retry, tier, offset: record.offset() }, &record)
            }
            Ok(Read::End(end)) => {
                let retry = self.group.partition(&end.topic, end.number);
                retry.map_or(Ok(()), |retry| self.reached_end(retry))
            }
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => Err(cannot_read("", error)),
            Err(error) => {
                tracing::debug!(%error, "librdkafka reports an error that it mends itself");
                Ok(())
            }
        }
    }

    fn take_returned(&mut self, main: Partition, place: Place, record: &impl Message) -> Result<(), Error> {
        let topic = self.plan.topic(main);
        let found = record::read(record, &topic.name, &self.plan.group);
        let has_room = self.dispatch.has_room_for(place.partition);
        let lane = self.dispatch.lane_of(record.key());
        let Some(state) = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main)) else { return Ok(()) };
        // It was read for a turn of the partition that is over.
        if !state.assigned.contains(&place.partition) {
            return Ok(());
        }
        if !has_room || state.rewinds.contains_key(&place.partition) {
            state.rewinds.entry(place.partition).or_insert(place.offset);
            if let (Found::Ours(waiting), Some(lane)) = (found, lane) {
                self.dispatch.note_unread((main, lane), place, waiting.message.offset());
            }
            return Ok(());
        }
        let (epoch, attempts) = (state.epoch, state.attempts.remove(&(place.partition, place.offset)));
        let mut group = self.group.state();
        group.offsets.begin(place.partition, place.offset, None);
        match found {
            Found::Foreign => {
                group.offsets.finish(place.partition, epoch, place.offset);
            }
            Found::Ours(waiting) => {
                drop(group);
                self.receive_waiting((main, lane), place, attempts, waiting);
            }
            Found::Unreadable(reason) => {
                drop(group);
                return self.bury_unreadable(main, epoch, record, reason);
            }
        }
        Ok(())
    }

    fn receive_waiting(
        &mut self,
        lane: (Partition, Option<u64>),
        place: Place,
        attempts: Option<u32>,
        waiting: Waiting,
    ) {
        let (now, time) = (Instant::now(), self.plan.clock.now());
        // A clock that was set back must not keep a record waiting for longer than the policy says.
        let longest = self.plan.settings.consumer.retry.max_backoff;
        let until = |due: SystemTime| due.duration_since(time).unwrap_or_default().min(longest);
        let ago = |then: SystemTime| now.checked_sub(time.duration_since(then).unwrap_or_default());
        let returned = Returned {
            place,
            origin: waiting.message.offset(),
            failed: waiting.attempts.max(attempts.unwrap_or(0)),
            due: now + waiting.due_at.map_or(Duration::ZERO, until),
            first_failed: waiting.first_failed_at.and_then(ago),
            first_failed_at: waiting.first_failed_at,
        };
        let bytes = waiting.message.key().map_or(0, <[u8]>::len) + waiting.message.payload().map_or(0, <[u8]>::len);
        self.dispatch.receive_returned(lane, Entry::Returned(Box::new(waiting.message)), bytes, returned);
    }

    /// Makes a dead letter of a record of a retry topic that nobody can read, or stops there.
    fn bury_unreadable(
        &mut self,
        main: Partition,
        epoch: Epoch,
        record: &impl Message,
        reason: String,
    ) -> Result<(), Error> {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let Some(dead_letters) = self.plan.dead_letters.clone() else {
            let help = "consume the topic by other means up to there, or set `consumer.on_failure` to `dead_letter`";
            let text = format!("stopped at `{topic}` partition {partition} offset {offset}: {reason}; help: {help}");
            return Err(Error::new(Kind::Undecodable, text));
        };
        tracing::warn!(topic, partition, offset, reason, "a record of a retry topic becomes a dead letter");
        let Some(retry) = self.group.partition(topic, partition) else { return Ok(()) };
        let of = self.plan.topic(main).name.to_string();
        let (record, first_failed_at) = (raw_record(record), self.plan.clock.now());
        let failure = Failure { reason: "undecodable", error: reason, first_failed_at };
        let history = History { attempt: 0, failure: Some(failure), due_at: None };
        let buried = async move {
            let written = dead_letters.write(&of, &record, &history).await;
            Event::Buried(retry, epoch, offset, written)
        };
        if let Some(retries) = &mut self.retries {
            retries.jobs.push(Box::pin(buried));
        }
        Ok(())
    }

    /// Goes on once all that was in the retry topics of a partition is known.
    fn reached_end(&mut self, retry: Partition) -> Result<(), Error> {
        let Some((main, tier)) = self.group.main_of(retry) else { return Ok(()) };
        let Some(state) = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main)) else { return Ok(()) };
        if !state.assigned.contains(&retry) {
            return Ok(());
        }
        let has_loaded = state.loading.remove(&retry) && state.loading.is_empty();
        let rewinds = state.rewinds.contains_key(&retry);
        if !rewinds {
            self.dispatch.read_up_to_end(retry, tier);
            self.await_unread(main, retry);
        }
        if has_loaded {
            self.dispatch.release(main, Hold::Loading);
        }
        if rewinds { self.stop_reading(main, retry) } else { Ok(()) }
    }

    /// Reads no more of a partition until there is room.
    fn stop_reading(&mut self, main: Partition, retry: Partition) -> Result<(), Error> {
        let name = self.group.name(retry);
        let has_room = self.dispatch.has_room_for(retry);
        let Some(retries) = &mut self.retries else { return Ok(()) };
        let Some(state) = retries.mains.get_mut(&main) else { return Ok(()) };
        if !state.assigned.remove(&retry) {
            return Ok(());
        }
        retries.reader.unassign(&name).map_err(|error| cannot_read(&name.topic, error))?;
        match has_room.then(|| state.rewinds.remove(&retry)).flatten() {
            Some(offset) => self.assign(main, retry, offset),
            None => Ok(()),
        }
    }

    /// Stops to read what there is no room for, and reads again what there is room for.
    pub(super) fn follow_room(&mut self, resumes: &[Partition]) -> Result<(), Error> {
        for retry in self.dispatch.take_reader_pauses() {
            let Some((main, _)) = self.group.main_of(retry) else { continue };
            let position = self.dispatch.position(retry);
            let state = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main));
            // While it is loaded, the rest of it is looked at as well.
            let Some(state) = state.filter(|state| !state.loading.contains(&retry)) else { continue };
            state.rewinds.entry(retry).or_insert(position);
            self.stop_reading(main, retry)?;
        }
        for retry in resumes {
            let Some((main, _)) = self.group.main_of(*retry) else { continue };
            let state = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main));
            let Some(state) = state.filter(|state| !state.assigned.contains(retry)) else { continue };
            if let Some(offset) = state.rewinds.remove(retry) {
                self.assign(main, *retry, offset)?;
            }
        }
        Ok(())
    }

    /// Copies records behind the others of their keys, and takes note of copies that are superfluous.
    pub(super) fn follow_chains(&mut self) {
        for place in self.dispatch.take_discarded() {
            let epoch = self.group.main_of(place.partition).and_then(|(main, _)| self.epoch_of(main));
            if let Some(epoch) = epoch {
                self.group.state().offsets.finish(place.partition, epoch, place.offset);
            }
        }
        for (redirect, entry) in self.dispatch.take_redirects() {
            let record = entry.raw();
            let (main, origin) = (redirect.partition(), record.offset);
            if self.dispatch.is_copied(redirect, origin) {
                self.dispatch.redirected(redirect, None);
                self.group.state().offsets.finish(main, redirect.epoch(), origin);
                continue;
            }
            let (Some(copies), to) = (self.plan.copies.clone(), self.target(main, 1)) else { continue };
            let history = History { attempt: 0, failure: None, due_at: None };
            let mut written: BoxFuture<'a, Event> =
                Box::pin(
                    async move { Event::Redirected(redirect, origin, copies.write(&to, &record, &history).await) },
                );
            // The first poll hands it to the client, so that the copies of a key are written in their order.
            let is_done = (&mut written).now_or_never();
            if let Some(retries) = &mut self.retries {
                retries.jobs.push(is_done.map_or(written, |event| Box::pin(std::future::ready(event))));
            }
        }
    }

    fn epoch_of(&self, main: Partition) -> Option<Epoch> {
        Some(self.retries.as_ref()?.mains.get(&main)?.epoch)
    }

    /// Copies a record to a retry topic after a failure.
    pub(super) fn move_on(&mut self, ticket: Ticket, tier: u32, pause: Duration, failure: Failure) {
        let Some(entry) = self.dispatch.record(ticket) else { return };
        let (record, main) = (entry.raw(), ticket.partition);
        let (Some(copies), to) = (self.plan.copies.clone(), self.target(main, tier)) else { return };
        let due_at = Some(self.plan.clock.now() + pause);
        let history = History { attempt: ticket.attempt, failure: Some(failure), due_at };
        let (retry, origin) = (self.place(main, tier, 0), record.offset);
        let span = trace::copy(&record, self.group.topic(retry.partition), "retry");
        let write = async move {
            let written = copies.write(&to, &record, &history).await;
            let place = written.map(|delivery| (Place { offset: delivery.offset, ..retry }, origin));
            (ticket, Report::Moved(place))
        };
        let job = self.guarded(ticket, Box::pin(write.instrument(span)));
        self.jobs.push(job);
    }

    /// Takes note that a record is in its next retry topic.
    pub(super) fn moved(&mut self, ticket: Ticket, place: Place, origin: i64) {
        if self.dispatch.record(ticket).is_none() {
            return;
        }
        let from = self.place_of(ticket);
        self.dispatch.moved(ticket, place, origin);
        self.group.state().offsets.finish(from.0, ticket.epoch, from.1);
    }

    fn place(&self, main: Partition, tier: u32, offset: i64) -> Place {
        let index = usize::try_from(tier.saturating_sub(1)).unwrap_or(0);
        let partition = self.group.retry_partitions(main).nth(index).unwrap_or(main);
        Place { partition, tier, offset }
    }

    fn target(&self, main: Partition, tier: u32) -> Target {
        let partition = self.place(main, tier, 0).partition;
        Target { topic: self.group.topic(partition).to_string(), partition: Some(main.number) }
    }
}

fn cannot_read(topic: &str, error: KafkaError) -> Error {
    Error::new(Kind::Broker, format!("cannot read the retry topic `{topic}`")).with_source(error)
}

impl<M: Message> Entry<M> {
    /// Returns the record as it was on the main topic.
    pub(super) fn raw(&self) -> eventwright_wire::RawRecord {
        match self {
            Self::Main(record) => raw_record(record),
            Self::Returned(record) => raw_record(&**record),
        }
    }
}
