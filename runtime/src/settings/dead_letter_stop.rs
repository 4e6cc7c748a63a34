//! When a consumer stops rather than go on making dead letters.

use serde::Deserialize;

use crate::Error;

/// When a consumer stops with an error rather than go on making dead letters: so many of them mean that not the records are bad,
/// but the handler, or what it needs. The record that would have been one too many is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct DeadLetterStop {
    /// So many dead letters in a row are too many; no limit.
    pub run: Option<u32>,
    /// So many dead letters among a hundred records are too many; no limit.
    pub percent: Option<u8>,
    /// Over how many of the last records `percent` is taken; 1000.
    pub window: u32,
}

impl Default for DeadLetterStop {
    fn default() -> Self {
        Self { run: None, percent: None, window: 1000 }
    }
}

impl DeadLetterStop {
    pub(super) fn check(self) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::settings(format!("`consumer.dead_letter_stop.{text}")));
        match self {
            Self { run: Some(0), .. } => wrong("run` is 0, expected at least 1"),
            Self { percent: Some(0 | 101..), .. } => wrong("percent` is not between 1 and 100"),
            Self { window: 0, .. } => wrong("window` is 0, expected at least 1"),
            _ => Ok(()),
        }
    }
}
