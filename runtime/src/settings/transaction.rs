//! Settings of consumers that work exactly once.

use std::time::Duration;

use serde::Deserialize;

use super::millis;
use crate::Error;

/// How many records share a transaction; see [`exactly_once`](crate::ConsumerBuilder::exactly_once).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TransactionSettings {
    /// How often a transaction is committed while records flow; nobody sees what was sent before. Key `interval_ms`, 100 ms.
    #[serde(rename = "interval_ms", deserialize_with = "millis")]
    pub interval: Duration,
    /// How many finished records make a transaction due ahead of time; 1,000.
    pub max_records: usize,
}

impl TransactionSettings {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.max_records == 0 {
            return Err(Error::settings("`transaction.max_records` is 0, expected at least 1"));
        }
        Ok(())
    }
}

impl Default for TransactionSettings {
    fn default() -> Self {
        Self { interval: Duration::from_millis(100), max_records: 1000 }
    }
}
