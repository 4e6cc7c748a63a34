//! How many records a second are handed to handlers at most.
//!
//! In: records that begin, the time. Out: when the next one may. No I/O, no clock. It is the generic cell rate algorithm (ITU-T I.371):
//! one time is all that is kept, and no crate knows how to be told the time by its caller with less.

use std::time::Duration;

use tokio::time::Instant;

/// What may begin ahead of its time, because timers are not exact.
const AHEAD: Duration = Duration::from_millis(50);

/// Lets so many records a second begin.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// The time of one record.
    interval: Duration,
    /// When the next record is due, where records came at exactly this rate.
    due: Option<Instant>,
}

impl RateLimit {
    /// Returns a limit of so many records a second; at least one.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), due: None }
    }

    /// Returns when a record may begin, where that is not now.
    pub(crate) fn wait_until(&self, now: Instant) -> Option<Instant> {
        let due = self.due?;
        (due > now + AHEAD).then(|| due - AHEAD)
    }

    /// Takes a record that begins.
    pub(crate) fn take(&mut self, now: Instant) {
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as many records as it may in so many milliseconds, beginning at once, and returns how many.
    fn taken(limit: &mut RateLimit, start: Instant, milliseconds: u64) -> usize {
        let (mut now, end) = (start, start + Duration::from_millis(milliseconds));
        let mut count = 0;
        while now < end {
            match limit.wait_until(now) {
                Some(later) => {
                    assert!(later > now);
                    now = later;
                }
                None => {
                    limit.take(now);
                    count += 1;
                }
            }
        }
        count
    }

    #[test]
    fn no_more_records_begin_than_the_limit_says() {
        for (per_second, expected) in [(1, 10..=11), (10, 100..=101), (20_000, 200_000..=201_001)] {
            let (mut limit, now) = (RateLimit::new(per_second), Instant::now());
            let count = taken(&mut limit, now, 10_000);
            assert!(expected.contains(&count), "{per_second}: {count}");
        }
    }

    #[test]
    fn an_idle_time_is_not_made_up_for() {
        let (mut limit, now) = (RateLimit::new(100), Instant::now());
        limit.take(now);
        let later = now + Duration::from_secs(60);
        let count = taken(&mut limit, later, 1000);
        assert!((100..=107).contains(&count), "{count}");
    }
}
