//! Lanes that are handled several records at a time.
//!
//! A batch is the first records of a lane, so the order is kept. One that fails as a whole is handled again record by record, so that
//! one bad record takes no other with it, and each is tried as often as any record.

use super::{Dispatch, Lane, Ticket};

impl<R> Lane<R> {
    /// Returns whether its first record is handled by itself.
    fn is_alone(&self) -> bool {
        self.n_alone > 0 || self.attempts > 1 || self.first.returned.is_some()
    }
}

impl<R> Dispatch<R> {
    /// Returns the records that may be handled together with that of a ticket, itself included, in their order.
    pub(crate) fn batch(&self, ticket: Ticket) -> impl Iterator<Item = &R> {
        let lane = self.lanes.get(&ticket.lane());
        let limit = self.partitions.get(&ticket.partition).and_then(|held| held.limit);
        let rest = lane.filter(|lane| !lane.is_alone()).map(|lane| &lane.rest);
        let rest = rest.into_iter().flatten().take_while(move |item| item.returned.is_none() && !item.is_behind(limit));
        lane.map(|lane| &lane.first).into_iter().chain(rest).map(|item| &item.record)
    }

    /// Returns whether a lane need not wait for records to come to its first one: it has done so, or would in vain.
    pub(crate) fn has_gathered(&self, ticket: Ticket) -> bool {
        self.lanes.get(&ticket.lane()).is_none_or(|lane| lane.has_gathered || lane.is_alone())
    }

    /// Notes that so many records begin together.
    pub(crate) fn begin_batch(&mut self, ticket: Ticket, n_records: usize) {
        let last = self.lanes.get(&ticket.lane()).and_then(|lane| lane.rest.get(n_records.checked_sub(2)?));
        if let (Some(last), Some(held)) = (last, self.partitions.get_mut(&ticket.partition)) {
            held.n_begun = held.n_begun.max(last.number + 1);
        }
    }

    /// Takes that the first record of a batch is done, where there are more of it; its ticket stays out. Returns whether the
    /// partition is still ours.
    pub(crate) fn advance(&mut self, ticket: Ticket) -> bool {
        let id = ticket.lane();
        let Some(lane) = self.lanes.get_mut(&id) else { return false };
        let Some(next) = lane.rest.pop_front() else { return false };
        let bytes = std::mem::replace(&mut lane.first, next).bytes;
        lane.begin_first();
        self.release_room(id.partition, bytes);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::dispatch::{Limits, Next, Order, Verdict};
    use crate::offsets::Partition;
    use crate::retry::Retry;

    const A: Partition = Partition { topic: 0, number: 0 };

    fn dispatch(records: std::ops::Range<u32>) -> (Dispatch<u32>, Instant) {
        let limits = Limits { workers: 2, records: 256, bytes: 1000, read_ahead: 8 };
        let mut dispatch = Dispatch::new(Order::Partition, limits, Retry { jitter_percent: 0, ..Retry::default() });
        dispatch.assign(A, 1);
        records.for_each(|record| dispatch.receive(A, Some(0), record, 1));
        (dispatch, Instant::now())
    }

    fn batch(dispatch: &Dispatch<u32>, ticket: Ticket) -> Vec<u32> {
        dispatch.batch(ticket).copied().collect()
    }

    #[test]
    fn a_batch_is_the_first_records_of_a_lane_and_is_finished_one_by_one() {
        let (mut dispatch, now) = dispatch(0..5);
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(batch(&dispatch, ticket), [0, 1, 2, 3, 4]);
        dispatch.begin_batch(ticket, 3);
        dispatch.wind_up(A);
        for done in 0..2 {
            assert_eq!(dispatch.record(ticket), Some(&done));
            assert!(dispatch.advance(ticket) && dispatch.next(now).is_none());
        }
        assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::Finished);
        assert!(dispatch.next(now).is_none() && !dispatch.is_busy(A), "what was not begun does not begin any more");
    }

    #[test]
    fn a_batch_that_failed_is_handled_record_by_record_and_only_that() {
        let (mut dispatch, now) = dispatch(0..4);
        let ticket = dispatch.next(now).unwrap();
        let pause = Duration::from_millis(100);
        assert_eq!(dispatch.finish(ticket, Verdict::Split(2), now), Next::Waits(pause));
        let later = now + pause;
        for record in 0..2 {
            let ticket = dispatch.next(later).unwrap();
            assert_eq!((batch(&dispatch, ticket), ticket.attempt), (vec![record], 1));
            assert!(dispatch.has_gathered(ticket), "it would wait in vain");
            dispatch.finish(ticket, Verdict::Done, later);
        }
        let ticket = dispatch.next(later).unwrap();
        assert_eq!(batch(&dispatch, ticket), [2, 3]);
        dispatch.finish(ticket, Verdict::Again, later);
        let again = dispatch.next(later + pause).unwrap();
        assert_eq!((batch(&dispatch, again), again.attempt), (vec![2], 2), "what failed alone stays alone");
    }

    #[test]
    fn a_record_waits_for_others_until_there_are_enough_or_it_took_too_long() {
        let wait = Duration::from_secs(5);
        for comes in [true, false] {
            let (mut dispatch, now) = dispatch(0..1);
            let ticket = dispatch.next(now).unwrap();
            assert!(!dispatch.has_gathered(ticket));
            assert_eq!(dispatch.finish(ticket, Verdict::Gathers(wait, 3), now), Next::Waits(wait));
            dispatch.receive(A, Some(0), 1, 1);
            assert_eq!(dispatch.next(now), None);
            if comes {
                dispatch.receive(A, Some(0), 2, 1);
                dispatch.receive(A, Some(0), 3, 1);
            }
            let then = if comes { now } else { now + wait };
            let ticket = dispatch.next(then).unwrap();
            assert!(dispatch.has_gathered(ticket) && ticket.attempt == 1);
            assert_eq!(batch(&dispatch, ticket).len(), if comes { 4 } else { 2 });
            assert_eq!(dispatch.next(now + wait), None, "its turn comes once");
            assert!(dispatch.advance(ticket) && !dispatch.has_gathered(ticket));
        }
    }
}
