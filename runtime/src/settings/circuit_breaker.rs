//! When handlers are given a rest: the settings of circuit breakers.

use std::time::Duration;

use serde::Deserialize;

use super::millis;
use crate::Error;

/// When the circuit breakers of handlers open, for how long, and what closes them: those of sony/gobreaker, with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CircuitBreakerSettings {
    /// Whether handlers have circuit breakers; off.
    pub enabled: bool,
    /// How many failures in a row open a breaker; 6. A record that fails alone, with nothing beside it, dies before that where
    /// `consumer.retry.max_attempts` is smaller.
    pub failures: u32,
    /// How many failures among a hundred attempts of an interval open it as well; none.
    pub failure_percent: Option<u8>,
    /// From how many attempts of an interval on `failure_percent` counts; 20.
    pub min_requests: u32,
    /// After how long a closed breaker forgets what it has counted; 0 is never. Key `interval_ms`, 60 s.
    #[serde(rename = "interval_ms", deserialize_with = "millis")]
    pub interval: Duration,
    /// How long a breaker stays open before it lets a few records through. Key `timeout_ms`, 30 s.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// How many records a half-open breaker lets through; when so many have succeeded it closes; 3.
    pub max_requests: u32,
}

impl Default for CircuitBreakerSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            failures: 6,
            failure_percent: None,
            min_requests: 20,
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            max_requests: 3,
        }
    }
}

impl CircuitBreakerSettings {
    /// Returns the defaults, enabled.
    #[must_use]
    pub fn enabled() -> Self {
        Self { enabled: true, ..Self::default() }
    }

    pub(super) fn check(self) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::settings(format!("`consumer.circuit_breaker.{text}")));
        match self {
            Self { failures: 0, .. } => wrong("failures` is 0, expected at least 1"),
            Self { max_requests: 0, .. } => wrong("max_requests` is 0, expected at least 1"),
            Self { failure_percent: Some(0 | 101..), .. } => wrong("failure_percent` is not between 1 and 100"),
            _ => Ok(()),
        }
    }
}
