//! The time of day, for what is written into headers.
//!
//! What only measures how long something takes uses `tokio::time::Instant`, which stands still where a test pauses it.

use std::time::SystemTime;

/// Tells the time of day. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    #[cfg(feature = "testing")]
    follower: Option<std::sync::Arc<follower::Follower>>,
}

impl Clock {
    /// Returns the time of day.
    pub(crate) fn now(&self) -> SystemTime {
        #[cfg(feature = "testing")]
        if let Some(follower) = &self.follower {
            return follower.now();
        }
        SystemTime::now()
    }
}

#[cfg(feature = "testing")]
mod follower {
    //! A time of day that follows tokio's clock, also while that is paused.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::{Duration, SystemTime};

    use tokio::time::Instant;

    use super::Clock;

    #[derive(Debug)]
    pub(super) struct Follower {
        /// One moment by both clocks.
        moment: (Instant, SystemTime),
        /// By how many milliseconds the time of day was set forward, or back.
        set_by: AtomicI64,
    }

    impl Follower {
        pub(super) fn now(&self) -> SystemTime {
            let (instant, time) = self.moment;
            let set_by = self.set_by.load(Ordering::Relaxed);
            let by = Duration::from_millis(set_by.unsigned_abs());
            let now = time + instant.elapsed();
            if set_by < 0 { now - by } else { now + by }
        }
    }

    impl Clock {
        /// Returns a clock that shows `time` now and then follows tokio's.
        pub(crate) fn following(time: SystemTime) -> Self {
            let follower = Follower { moment: (Instant::now(), time), set_by: AtomicI64::new(0) };
            Self { follower: Some(Arc::new(follower)) }
        }

        /// Sets the time of day forward, or back, without any time passing.
        pub(crate) fn set_by(&self, milliseconds: i64) {
            if let Some(follower) = &self.follower {
                follower.set_by.fetch_add(milliseconds, Ordering::Relaxed);
            }
        }

        /// Returns the milliseconds since the Unix epoch.
        pub(crate) fn millis(&self) -> i64 {
            let since = self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_of_day_follows_a_clock_that_is_paused() {
        let clock = Clock::following(SystemTime::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(clock.millis(), 30_000);
        clock.set_by(-10_000);
        assert_eq!(clock.clone().millis(), 20_000);
    }
}
