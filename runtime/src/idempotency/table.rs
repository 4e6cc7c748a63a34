//! Which events were handled and which are claimed: the rules that all stores follow, for one table in memory.
//!
//! In: fingerprints of events, owners, the time. Out: [`Claim`]s. No I/O, no clock. An entry has the same size whatever
//! the id, and there are at most as many marks as the capacity says: then the oldest is forgotten.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use super::{Claim, Owner};

/// The fewest claims that are worth looking through for expired ones.
const SWEEP: usize = 1024;

/// What a table keeps, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) ttl: Duration,
    pub(super) claim_ttl: Duration,
    /// How many marks.
    pub(super) capacity: usize,
}

/// Marks and claims, by the fingerprint of the event. They are apart, because there are few claims and up to millions of marks,
/// whose look-ups cost what it takes to fetch them from memory: an event is in one of both.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    /// When events were handled.
    marks: ByFingerprint<Instant>,
    /// The marks in the order in which they were made.
    order: VecDeque<(u128, Instant)>,
    claims: ByFingerprint<Claimed>,
    /// With so many claims, expired ones are looked for.
    sweep_at: usize,
}

type ByFingerprint<T> = HashMap<u128, T, BuildHasherDefault<Taken>>;

#[derive(Debug, Clone, Copy)]
struct Claimed {
    owner: Owner,
    until: Instant,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Self {
        let (marks, claims) = Default::default();
        Self { limits, marks, order: VecDeque::new(), claims, sweep_at: SWEEP }
    }

    pub(super) fn claim(&mut self, event: u128, owner: Owner, now: Instant) -> Claim {
        if self.is_done(event, now) {
            return Claim::Duplicate;
        }
        let held = self.claims.get(&event);
        if held.is_some_and(|held| held.owner != owner && held.until > now) {
            return Claim::InProgress;
        }
        self.claims.insert(event, Claimed { owner, until: now + self.limits.claim_ttl });
        if self.claims.len() >= self.sweep_at {
            self.sweep(now);
        }
        Claim::New
    }

    /// Marks an event as handled at that time; the first mark counts, until it is forgotten.
    pub(super) fn done(&mut self, event: u128, at: Instant, now: Instant) {
        if self.is_over(at, now) || self.is_done(event, now) {
            return;
        }
        self.claims.remove(&event);
        self.marks.insert(event, at);
        self.order.push_back((event, at));
        while let Some((oldest, at)) = self.order.front().copied()
            && (self.order.len() > self.limits.capacity || self.is_over(at, now))
        {
            self.order.pop_front();
            // An event that was handled again since has a newer mark further behind.
            if self.marks.get(&oldest) == Some(&at) {
                self.marks.remove(&oldest);
            }
        }
    }

    pub(super) fn release(&mut self, event: u128, owner: Owner) {
        if self.claims.get(&event).is_some_and(|held| held.owner == owner) {
            self.claims.remove(&event);
        }
    }

    /// Forgets that an event was handled.
    pub(super) fn forget(&mut self, event: u128) {
        self.marks.remove(&event);
    }

    pub(super) fn is_done(&self, event: u128, now: Instant) -> bool {
        self.marks.get(&event).is_some_and(|at| !self.is_over(*at, now))
    }

    /// Returns whether a mark of that time counts no more.
    fn is_over(&self, at: Instant, now: Instant) -> bool {
        now.saturating_duration_since(at) >= self.limits.ttl
    }

    /// Forgets claims that expired and that nobody asked for since: those of consumers that were dropped.
    fn sweep(&mut self, now: Instant) {
        self.claims.retain(|_, held| held.until > now);
        self.sweep_at = SWEEP.max(2 * self.claims.len());
    }
}

/// Takes a part of the fingerprint as the hash: it is one.
#[derive(Debug, Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        // The upper half: the lower bits have chosen the shard.
        self.0 = u64::try_from(fingerprint >> 64).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Owner = Owner(1);
    const B: Owner = Owner(2);

    fn table(capacity: usize) -> (Table, Instant) {
        let limits = Limits { ttl: seconds(100), claim_ttl: seconds(10), capacity };
        (Table::new(limits), Instant::now())
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_claim_keeps_others_away_until_it_expires() {
        let (mut table, now) = table(10);
        assert_eq!(table.claim(1, A, now), Claim::New);
        assert_eq!(table.claim(1, B, now + seconds(9)), Claim::InProgress);
        assert_eq!(table.claim(1, A, now + seconds(9)), Claim::New, "held for longer");
        assert_eq!(table.claim(1, B, now + seconds(18)), Claim::InProgress);
        assert_eq!(table.claim(1, B, now + seconds(19)), Claim::New, "expired");
        assert_eq!(table.claim(1, A, now + seconds(19)), Claim::InProgress);
    }

    #[test]
    fn only_the_owner_releases_and_only_what_is_not_done() {
        let (mut table, now) = table(10);
        assert_eq!(table.claim(1, A, now), Claim::New);
        table.release(1, B);
        assert_eq!(table.claim(1, B, now), Claim::InProgress);
        table.release(1, A);
        assert_eq!(table.claim(1, B, now), Claim::New);
        table.done(1, now, now);
        table.release(1, B);
        assert_eq!(table.claim(1, A, now), Claim::Duplicate);
        assert!(table.claims.is_empty());
    }

    #[test]
    fn a_mark_is_forgotten_after_its_time() {
        let (mut table, now) = table(10);
        table.done(1, now, now);
        assert_eq!(table.claim(1, A, now + seconds(99)), Claim::Duplicate);
        assert_eq!(table.claim(1, A, now + seconds(100)), Claim::New);
        table.done(1, now + seconds(100), now + seconds(100));
        assert_eq!(
            table.claim(1, A, now + seconds(199)),
            Claim::Duplicate,
            "the old mark took nothing of the new one with it"
        );
        assert_eq!((table.marks.len(), table.order.len()), (1, 1));
    }

    #[test]
    fn a_clock_that_jumps_back_forgets_nothing() {
        let (mut table, now) = table(10);
        table.done(1, now + seconds(50), now + seconds(50));
        assert_eq!(table.claim(1, A, now), Claim::Duplicate);
    }

    #[test]
    fn the_oldest_marks_make_room_and_claims_are_not_counted() {
        let (mut table, now) = table(2);
        assert_eq!(table.claim(9, A, now), Claim::New);
        for event in 1..=3 {
            table.done(event, now, now);
            table.done(event, now, now);
        }
        let claims: Vec<_> = (1..=3).map(|event| table.claim(event, B, now)).collect();
        assert_eq!(claims, [Claim::New, Claim::Duplicate, Claim::Duplicate]);
        assert_eq!(table.claim(9, B, now), Claim::InProgress);
    }

    #[test]
    fn claims_that_nobody_ends_do_not_gather() {
        let (mut table, now) = table(10);
        for event in 0..10 * u128::try_from(SWEEP).unwrap() {
            let at = now + Duration::from_millis(50) * u32::try_from(event).unwrap();
            assert_eq!(table.claim(event, A, at), Claim::New);
        }
        assert!(table.claims.len() <= 2 * SWEEP, "{}", table.claims.len());
    }
}
