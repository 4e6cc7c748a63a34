use super::*;

const RECORDS: usize = 256;

const A: Partition = Partition { topic: 0, number: 0 };
const B: Partition = Partition { topic: 0, number: 1 };

/// The partitions of two retry topics that go with `A`.
const RETRY: Partition = Partition { topic: 1, number: 0 };
const LATER: Partition = Partition { topic: 2, number: 0 };

fn dispatch() -> (Dispatch<u32>, Instant) {
    dispatch_in(Order::Partition, usize::MAX)
}

fn dispatch_in(order: Order, workers: usize) -> (Dispatch<u32>, Instant) {
    let limits = Limits { workers, records: RECORDS, bytes: 1000, read_ahead: 1000 };
    let retry = Retry { max_attempts: 3, jitter_percent: 0, ..Retry::default() };
    let mut dispatch = Dispatch::new(order, limits, retry);
    dispatch.assign(A, 1);
    dispatch.assign(B, 2);
    (dispatch, Instant::now())
}

fn receive(dispatch: &mut Dispatch<u32>, partition: Partition, key: Option<&[u8]>, record: u32, bytes: usize) {
    dispatch.receive(partition, dispatch.lane_of(key), record, bytes);
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a_partition_is_handled_in_order_and_partitions_side_by_side() {
    let (mut dispatch, now) = dispatch();
    receive(&mut dispatch, A, Some(b"k"), 1, 1);
    receive(&mut dispatch, A, Some(b"k"), 2, 1);
    receive(&mut dispatch, B, Some(b"k"), 3, 1);
    let first = dispatch.next(now).unwrap();
    let other = dispatch.next(now).unwrap();
    assert_eq!((dispatch.record(first), dispatch.record(other)), (Some(&1), Some(&3)));
    assert_eq!(dispatch.next(now), None);
    assert_eq!(dispatch.finish(first, Verdict::Done, now), Next::Finished);
    let second = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(second), Some(&2));
    assert_eq!(second.attempt, 1);
}

#[test]
fn a_record_that_is_to_be_handled_again_holds_up_its_own_partition_only() {
    let (mut dispatch, now) = dispatch();
    receive(&mut dispatch, A, Some(b"k"), 1, 1);
    receive(&mut dispatch, A, Some(b"k"), 2, 1);
    let ticket = dispatch.next(now).unwrap();
    assert_eq!(dispatch.finish(ticket, Verdict::Again, now), Next::Waits(ms(100)));
    assert_eq!(dispatch.next(now + ms(99)), None);
    assert_eq!(dispatch.wake_at(), Some(now + ms(100)));
    receive(&mut dispatch, B, Some(b"k"), 3, 1);
    assert_eq!(dispatch.next(now).unwrap().partition, B);
    let again = dispatch.next(now + ms(100)).unwrap();
    assert_eq!((dispatch.record(again), again.attempt), (Some(&1), 2));
    assert_eq!(dispatch.finish(again, Verdict::Again, now), Next::Waits(ms(200)));
    let last = dispatch.next(now + ms(300)).unwrap();
    assert_eq!(dispatch.finish(last, Verdict::Again, now), Next::Exhausted);
}

#[test]
fn waiting_for_the_registry_uses_up_no_attempt() {
    let (mut dispatch, now) = dispatch();
    receive(&mut dispatch, A, Some(b"k"), 1, 1);
    let mut later = now;
    for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        let ticket = dispatch.next(later).unwrap();
        assert_eq!(ticket.attempt, 1);
        assert_eq!(dispatch.finish(ticket, Verdict::NotLoaded, later), Next::Waits(ms(pause)));
        later += ms(pause);
    }
    let ticket = dispatch.next(later).unwrap();
    dispatch.finish(ticket, Verdict::Loaded, later);
    assert_eq!(dispatch.next(later).unwrap().attempt, 1);
}

#[test]
fn a_full_lane_stops_the_consumer_shortly_and_then_its_own_partition() {
    let (mut dispatch, now) = dispatch();
    for record in 0..u32::try_from(RECORDS).unwrap() {
        assert!(dispatch.has_room());
        receive(&mut dispatch, A, Some(b"k"), record, 1);
    }
    assert!(!dispatch.has_room());
    assert_eq!(dispatch.take_pauses(now), []);
    assert_eq!(dispatch.take_pauses(now + ms(499)), []);
    assert_eq!(dispatch.take_pauses(now + ms(500)), [A]);
    assert!(dispatch.has_room());
    for _ in 0..RECORDS * 3 / 4 - 1 {
        let ticket = dispatch.next(now).unwrap();
        dispatch.finish(ticket, Verdict::Done, now);
    }
    assert_eq!(dispatch.take_resumes(), []);
    let ticket = dispatch.next(now).unwrap();
    dispatch.finish(ticket, Verdict::Done, now);
    assert_eq!(dispatch.take_resumes(), [A]);
}

#[test]
fn what_belongs_to_a_partition_that_went_away_is_dropped() {
    let (mut dispatch, now) = dispatch();
    for record in 0..u32::try_from(RECORDS).unwrap() {
        receive(&mut dispatch, A, Some(b"k"), record, 1);
    }
    let ticket = dispatch.next(now).unwrap();
    dispatch.revoke(A);
    assert!(dispatch.has_room());
    assert_eq!(dispatch.record(ticket), None);
    dispatch.assign(A, 3);
    receive(&mut dispatch, A, Some(b"k"), 7, 1);
    assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
    let ticket = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(ticket), Some(&7));
    assert_eq!(dispatch.next(now), None);
}

#[test]
fn keys_are_handled_in_order_and_side_by_side_on_as_many_workers_as_there_are() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 2);
    for (key, record) in [(b"a", 1), (b"a", 2), (b"b", 3), (b"c", 4)] {
        receive(&mut dispatch, A, Some(key), record, 1);
    }
    let first = dispatch.next(now).unwrap();
    let other = dispatch.next(now).unwrap();
    assert_eq!((dispatch.record(first), dispatch.record(other)), (Some(&1), Some(&3)));
    assert_eq!(dispatch.next(now), None, "both workers are busy");
    assert_eq!(dispatch.finish(first, Verdict::Again, now), Next::Waits(ms(100)));
    let third = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(third), Some(&4), "the key waits with all its records, and nobody else");
    assert_eq!(dispatch.finish(other, Verdict::Done, now), Next::Finished);
    assert_eq!(dispatch.next(now), None);
    let again = dispatch.next(now + ms(100)).unwrap();
    assert_eq!((dispatch.record(again), again.attempt), (Some(&1), 2));
    dispatch.finish(again, Verdict::Done, now);
    let last = dispatch.next(now).unwrap();
    assert_eq!((dispatch.record(last), last.attempt), (Some(&2), 1));
}

#[test]
fn records_without_key_wait_for_nobody() {
    for (order, key) in [(Order::Key, None), (Order::None, Some(b"k".as_slice()))] {
        let (mut dispatch, now) = dispatch_in(order, 8);
        receive(&mut dispatch, A, key, 1, 1);
        receive(&mut dispatch, A, key, 2, 1);
        let tickets = [dispatch.next(now).unwrap(), dispatch.next(now).unwrap()];
        assert_eq!(tickets.map(|ticket| *dispatch.record(ticket).unwrap()), [1, 2], "{order:?}");
    }
}

#[test]
fn large_records_fill_a_partition_by_their_bytes() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 8);
    receive(&mut dispatch, A, None, 1, 600);
    assert!(dispatch.has_room());
    receive(&mut dispatch, A, None, 2, 600);
    assert!(!dispatch.has_room());
    let ticket = dispatch.next(now).unwrap();
    dispatch.finish(ticket, Verdict::Done, now);
    assert!(dispatch.has_room());
}

#[test]
fn workers_of_a_partition_that_went_away_are_free_when_they_end() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 1);
    receive(&mut dispatch, A, Some(b"a"), 1, 1);
    let ticket = dispatch.next(now).unwrap();
    dispatch.finish(ticket, Verdict::Again, now);
    let ticket = dispatch.next(now + ms(100)).unwrap();
    dispatch.revoke(A);
    receive(&mut dispatch, B, Some(b"a"), 2, 1);
    assert_eq!(dispatch.next(now + ms(100)), None);
    assert_eq!(dispatch.finish(ticket, Verdict::Done, now), Next::NotOurs);
    let ticket = dispatch.next(now + ms(100)).unwrap();
    assert_eq!(dispatch.record(ticket), Some(&2));
}

#[test]
fn a_held_partition_keeps_its_records_in_order_and_holds_up_nobody_else() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 2);
    for (partition, key, record) in [(A, b"a", 1), (A, b"b", 2), (A, b"a", 3), (B, b"a", 4)] {
        receive(&mut dispatch, partition, Some(key), record, 1);
    }
    let running = dispatch.next(now).unwrap();
    dispatch.hold(A, Hold::Breaker);
    dispatch.hold(A, Hold::Breaker);
    let other = dispatch.next(now).unwrap();
    assert_eq!((dispatch.record(running), dispatch.record(other)), (Some(&1), Some(&4)));
    assert_eq!(dispatch.finish(running, Verdict::Done, now), Next::Finished, "what runs runs on");
    assert_eq!(dispatch.next(now), None, "and nothing follows it");
    receive(&mut dispatch, A, Some(b"b"), 5, 1);
    receive(&mut dispatch, B, Some(b"b"), 6, 1);
    dispatch.release(A, Hold::Breaker);
    let rest: Vec<_> = std::iter::from_fn(|| {
        let ticket = dispatch.next(now)?;
        let record = *dispatch.record(ticket).unwrap();
        dispatch.finish(ticket, Verdict::Done, now);
        Some(record)
    })
    .collect();
    assert_eq!(rest, [2, 3, 6, 5], "those that waited come first");
}

#[test]
fn a_record_that_is_held_uses_up_no_attempt_and_no_worker() {
    let (mut dispatch, now) = dispatch_in(Order::Partition, 1);
    receive(&mut dispatch, A, Some(b"k"), 1, 1);
    receive(&mut dispatch, B, Some(b"k"), 2, 1);
    let ticket = dispatch.next(now).unwrap();
    assert_eq!(dispatch.finish(ticket, Verdict::Again, now), Next::Waits(ms(100)));
    let later = now + ms(100);
    for _ in 0..10 {
        let other = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(other), Some(&2));
        assert_eq!(dispatch.finish(other, Verdict::Held(Hold::Breaker), now), Next::Held);
        assert_eq!(dispatch.next(now), None);
        dispatch.release(B, Hold::Breaker);
    }
    dispatch.hold(A, Hold::Breaker);
    assert_eq!(dispatch.next(later).unwrap().partition, B);
    assert_eq!(dispatch.wake_at(), None, "time alone does not end a hold");
    dispatch.release(A, Hold::Breaker);
    assert_eq!(dispatch.next(later), None, "the worker is busy");
}

#[test]
fn a_held_partition_that_is_full_is_paused_at_once_and_given_up_as_any_other() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 1);
    dispatch.hold(A, Hold::Breaker);
    receive(&mut dispatch, A, Some(b"a"), 1, 1000);
    assert_eq!(dispatch.next(now), None);
    assert_eq!(dispatch.take_pauses(now), [A]);
    assert!(dispatch.has_room());
    dispatch.release(A, Hold::Breaker);
    let ticket = dispatch.next(now).unwrap();
    dispatch.finish(ticket, Verdict::Done, now);
    assert_eq!(dispatch.take_resumes(), [A]);
    dispatch.hold(A, Hold::Breaker);
    receive(&mut dispatch, A, Some(b"a"), 2, 1);
    assert_eq!(dispatch.next(now), None);
    dispatch.assign(A, 3);
    dispatch.release(A, Hold::Breaker);
    assert_eq!(dispatch.next(now), None, "its records are somebody else's");
    receive(&mut dispatch, A, Some(b"a"), 3, 1);
    let ticket = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(ticket), Some(&3), "and a new turn begins without holds");
}

#[test]
fn a_partition_that_is_wound_up_closes_its_gaps_and_begins_nothing_behind_them() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 2);
    for (key, record) in [(b"a", 0), (b"a", 1), (b"b", 2), (b"a", 3), (b"c", 4)] {
        receive(&mut dispatch, A, Some(key), record, 1);
    }
    receive(&mut dispatch, B, Some(b"a"), 5, 1);
    let running = [dispatch.next(now).unwrap(), dispatch.next(now).unwrap()];
    assert_eq!(running.map(|ticket| *dispatch.record(ticket).unwrap()), [0, 2]);
    dispatch.wind_up(A);
    dispatch.wind_up(A);
    assert!(dispatch.is_busy(A));
    dispatch.finish(running[1], Verdict::Done, now);
    let other = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(other), Some(&5), "other partitions go on, and the key `c` came too late");
    dispatch.finish(running[0], Verdict::Done, now);
    assert!(dispatch.is_busy(A));
    let gap = dispatch.next(now).unwrap();
    assert_eq!(dispatch.record(gap), Some(&1), "it stands before one that is done");
    dispatch.finish(gap, Verdict::Done, now);
    assert_eq!(dispatch.next(now), None);
    assert!(!dispatch.is_busy(A) && dispatch.is_busy(B));
}

#[test]
fn a_record_that_waits_for_its_next_attempt_keeps_nobody_from_leaving() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 2);
    receive(&mut dispatch, A, Some(b"a"), 0, 1);
    let ticket = dispatch.next(now).unwrap();
    dispatch.wind_up(A);
    dispatch.finish(ticket, Verdict::Again, now);
    assert!(!dispatch.is_busy(A));
}

/// Reads the first record of key `k` in retry topic 1, and notes that a copy of an earlier one is in retry topic 2.
fn behind_an_unread_copy() -> (Dispatch<u32>, Instant) {
    let limits = Limits { workers: 10, records: RECORDS, bytes: 1000, read_ahead: 1000 };
    let now = Instant::now();
    let mut dispatch = Dispatch::new(Order::Key, limits, Retry { topics: 2, jitter_percent: 0, ..Retry::default() });
    dispatch.assign(A, 1);
    dispatch.assign_retry(RETRY, 1);
    dispatch.assign_retry(LATER, 1);
    let lane = dispatch.lane_of(Some(b"k")).unwrap();
    dispatch.note_unread((A, lane), Place { partition: LATER, tier: 2, offset: 7 }, 1);
    let place = Place { partition: RETRY, tier: 1, offset: 0 };
    let returned = Returned { place, origin: 2, failed: 0, due: now, first_failed: None, first_failed_at: None };
    dispatch.receive_returned((A, Some(lane)), 2, 1, returned);
    (dispatch, now)
}

#[test]
fn a_copy_that_was_deleted_before_it_was_read_frees_its_key() {
    let (mut dispatch, now) = behind_an_unread_copy();
    assert_eq!(dispatch.next(now), None, "an earlier record of the key comes first");
    dispatch.read_up_to_end(LATER, 2);
    assert_eq!((dispatch.next(now), dispatch.first_unread(LATER)), (None, Some(7)), "it may be on its way");
    assert_eq!(dispatch.begins_at(LATER, 2, 7), 0);
    assert_eq!((dispatch.next(now), dispatch.first_unread(LATER)), (None, Some(7)), "it is there");
    assert_eq!(dispatch.begins_at(LATER, 2, 8), 1);
    assert_eq!(dispatch.first_unread(LATER), None);
    let freed = dispatch.next(now).expect("nothing comes before it any more");
    assert_eq!(dispatch.record(freed), Some(&2));
}

#[test]
fn a_key_with_nothing_but_a_deleted_copy_is_handled_on_its_own_topic_again() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 10);
    dispatch.retry.topics = 1;
    dispatch.assign_retry(RETRY, 1);
    let lane = dispatch.lane_of(Some(b"k")).unwrap();
    dispatch.note_unread((A, lane), Place { partition: RETRY, tier: 1, offset: 7 }, 1);
    assert_eq!(dispatch.begins_at(RETRY, 1, 100), 1);
    receive(&mut dispatch, A, Some(b"k"), 2, 1);
    let ticket = dispatch.next(now).expect("the key is free");
    assert_eq!(dispatch.record(ticket), Some(&2));
    assert!(dispatch.take_redirects().is_empty());
}

#[test]
fn a_record_passes_where_nothing_is_in_its_way() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 2);
    let [a, b, c] = [b"a", b"b", b"c"].map(|key| dispatch.lane_of(Some(key)));
    let first = dispatch.pass(A, a).unwrap();
    dispatch.enter(first, 0, 1);
    assert_eq!(dispatch.pass(A, a), None, "one of its key is being handled");
    let second = dispatch.pass(A, b).unwrap();
    assert_eq!(dispatch.pass(A, c), None, "no worker is free");
    assert_ne!(first, second);
    dispatch.passed();
    dispatch.hold(A, Hold::Breaker);
    assert_eq!(dispatch.pass(A, c), None, "its partition is held");
    dispatch.release(A, Hold::Breaker);
    assert_eq!(dispatch.finish(first, Verdict::Again, now), Next::Waits(ms(100)));
    assert_eq!(dispatch.pass(A, a), None, "one of its key waits for its next attempt");
    receive(&mut dispatch, A, Some(b"c"), 1, 1);
    assert_eq!(dispatch.pass(A, b), None, "another one waits for a worker, and its turn comes first");
    let waiting = dispatch.next(now).unwrap();
    dispatch.finish(waiting, Verdict::Done, now);
    assert!(dispatch.pass(A, b).is_some());
    dispatch.wind_up(A);
    assert_eq!(dispatch.pass(A, c), None, "its partition is on its way to somebody else");
    assert_eq!(dispatch.pass(Partition { number: 9, ..A }, c), None, "its partition is not ours");
}

/// A crash can leave a later record of a key before an earlier one: it was copied, and the earlier one was handled once more.
#[test]
fn a_full_retry_topic_is_read_on_for_what_comes_first() {
    let (mut dispatch, now) = dispatch_in(Order::Key, 1);
    (dispatch.limits.read_ahead, dispatch.retry.topics) = (1, 2);
    let tiers =
        [1, 2].map(|tier: u32| Place { partition: Partition { topic: tier as usize, number: 0 }, tier, offset: 0 });
    tiers.iter().for_each(|place| dispatch.assign_retry(place.partition, 1));
    let lane = dispatch.lane_of(Some(b"k"));
    let copy =
        |place, origin| Returned { place, origin, failed: 1, due: now, first_failed: None, first_failed_at: None };
    let [first, second] = tiers;
    let earlier = Place { offset: 1, ..second };
    dispatch.note_unread((A, lane.unwrap()), earlier, 5);
    dispatch.receive_returned((A, lane), 8, 1, copy(second, 8));
    assert!(!dispatch.has_room_for(second.partition));
    dispatch.receive_returned((A, lane), 7, 1, copy(first, 7));
    assert_eq!(dispatch.next(now), None, "one that comes first was not read");
    assert!(dispatch.has_room_for(second.partition) && !dispatch.has_room_for(first.partition));
    assert_eq!(dispatch.take_resumes(), [second.partition]);
    dispatch.receive_returned((A, lane), 5, 1, copy(earlier, 5));
    assert!(!dispatch.has_room_for(second.partition));
    for record in [5, 7, 8] {
        let ticket = dispatch.next(now).unwrap();
        assert_eq!(dispatch.record(ticket), Some(&record));
        dispatch.finish(ticket, Verdict::Done, now);
    }
}
