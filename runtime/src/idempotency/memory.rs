//! Deduplication within one process: what it handled itself, and not before it was started.
//!
//! The table is split into shards with a lock each, which is held for a look-up and never while something is awaited.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::table::{Limits, Table};
use super::{Answer, Claim, DedupeStore, EventKey, Owner, ready};
use crate::settings::IdempotencySettings;

const SHARDS: usize = 16;

/// Deduplication within one process. It costs next to nothing and forgets all when the process ends: what a killed
/// consumer had handled and not committed is handled again.
#[derive(Debug)]
pub struct MemoryStore {
    shards: Box<[Mutex<Table>]>,
    /// SipHash by a key that nobody outside knows: no two ids meet by intention. The fast one beside it adds the bits that keep them
    /// from meeting by chance.
    hashers: (RandomState, foldhash::quality::RandomState),
    claim_ttl: Duration,
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new(settings: &IdempotencySettings) -> Self {
        let &IdempotencySettings { ttl, claim_ttl, capacity, .. } = settings;
        let limits = Limits { ttl, claim_ttl, capacity: capacity.div_ceil(SHARDS) };
        let shards = (0..SHARDS).map(|_| Mutex::new(Table::new(limits))).collect();
        Self { shards, hashers: Default::default(), claim_ttl }
    }

    /// Marks an event as handled so long ago.
    pub(super) fn mark(&self, key: &EventKey, ago: Duration) {
        let now = Instant::now();
        // A monotonic clock that is younger than the mark: the mark is as old as the clock.
        let at = now.checked_sub(ago).unwrap_or(now);
        let event = self.fingerprint(key);
        self.shard(event).done(event, at, now);
    }

    #[cfg(feature = "redis")]
    pub(super) fn is_done(&self, key: &EventKey) -> bool {
        let event = self.fingerprint(key);
        self.shard(event).is_done(event, Instant::now())
    }

    /// Forgets that an event was handled.
    pub(super) fn forget(&self, key: &EventKey) {
        let event = self.fingerprint(key);
        self.shard(event).forget(event);
    }

    fn fingerprint(&self, key: &EventKey) -> u128 {
        let (upper, lower) = &self.hashers;
        u128::from(upper.hash_one(key)) << 64 | u128::from(lower.hash_one(key))
    }

    fn shard(&self, event: u128) -> MutexGuard<'_, Table> {
        let index = usize::try_from(event % SHARDS as u128).unwrap_or_default();
        self.shards.get(index).expect("a remainder is below its divisor").lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DedupeStore for MemoryStore {
    fn open<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
        ready(())
    }

    fn claim<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, Claim> {
        let event = self.fingerprint(key);
        ready(self.shard(event).claim(event, owner, Instant::now()))
    }

    fn done<'a>(&'a self, key: &'a EventKey) -> Answer<'a, ()> {
        self.mark(key, Duration::ZERO);
        ready(())
    }

    fn release<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, ()> {
        let event = self.fingerprint(key);
        self.shard(event).release(event, owner);
        ready(())
    }

    fn claim_ttl(&self) -> Duration {
        self.claim_ttl
    }
}
