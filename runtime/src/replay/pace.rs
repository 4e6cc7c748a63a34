//! How fast copies are written: at most so many in a second, evenly.
//!
//! One loop writes, so that the next moment is all there is to know; governor's limiter is for many tasks at once.

use std::time::{Duration, Instant};

/// The moments at which copies may be written.
#[derive(Debug)]
pub(crate) struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// Returns a pace without limit where there is none.
    pub(crate) fn new(max_per_second: Option<u32>) -> Self {
        let gap = max_per_second.and_then(|count| Duration::from_secs(1).checked_div(count));
        Self { gap: gap.unwrap_or_default(), next: None }
    }

    /// Returns when the next copy may be written, and takes that moment. What was not used in time is not made up for.
    pub(crate) fn take(&mut self, now: Instant) -> Instant {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.gap);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_spread_evenly_and_time_lost_is_not_made_up_for() {
        let (start, mut pace) = (Instant::now(), Pace::new(Some(10)));
        let mut at = |now: u64| pace.take(start + Duration::from_millis(now)).duration_since(start).as_millis();
        assert_eq!([at(0), at(0), at(150), at(1000), at(1000)], [0, 100, 200, 1000, 1100]);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let (now, mut pace) = (Instant::now(), Pace::new(None));
        assert_eq!([pace.take(now), pace.take(now)], [now, now]);
    }
}
