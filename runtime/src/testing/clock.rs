//! tokio's clock, stopped: it moves on by itself when nobody has anything to do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Stops tokio's clock, unless it stands still already (`#[tokio::test(start_paused = true)]`), which tokio does not tell.
pub(super) fn stop() {
    if !is_stopped() {
        tokio::time::pause();
    }
}

fn is_stopped() -> bool {
    let (real, tokio) = (std::time::Instant::now(), Instant::now());
    while real.elapsed() < Duration::from_micros(1) {
        std::hint::spin_loop();
    }
    Instant::now() == tokio
}

/// Returns the time of day at which every test begins, so that all of them see the same: 2026-01-01T00:00:00Z.
pub(super) fn start_of_tests() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}
