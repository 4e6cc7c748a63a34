//! The time of day, for what is written into headers.
//!
//! What only measures how long something takes uses `tokio::time::Instant`, which stands still where a test pauses it.

use std::time::SystemTime;

/// Tells the time of day.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock;

impl Clock {
    /// Returns the time of day.
    pub(crate) fn now(self) -> SystemTime {
        SystemTime::now()
    }
}
