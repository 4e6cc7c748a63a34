//! How often a record is handled, with which pauses in between, and where it waits.
//!
//! In: the policy, how often and for how long a record has failed. Out: the pause before its next attempt, or the end of it.
//! No I/O, no clock, no chance: all three are arguments.

pub(crate) mod record;
pub(crate) mod topics;

use std::time::Duration;

use serde::Deserialize;

use crate::Error;
use crate::settings::millis;

/// How often a record is handled, with which pauses in between, and where it waits meanwhile.
///
/// ```
/// use std::time::Duration;
/// use eventwright::Retry;
///
/// let retry = Retry { max_attempts: 5, deadline: Some(Duration::from_secs(600)), ..Retry::one_topic() };
/// assert_eq!((retry.topics, retry.backoff), (1, Duration::from_secs(1)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// How often a record is handled before it is given up, the first time included; 10.
    pub max_attempts: u32,
    /// The pause before the second attempt; every further pause is twice as long. Key `backoff_ms`, 100 ms.
    #[serde(rename = "backoff_ms", deserialize_with = "millis")]
    pub backoff: Duration,
    /// The longest pause between attempts. Key `max_backoff_ms`, 10 s.
    #[serde(rename = "max_backoff_ms", deserialize_with = "millis")]
    pub max_backoff: Duration,
    /// By how many percent a pause is shortened at most, by chance, so that records that failed together do not come back
    /// together; 20.
    pub jitter_percent: u8,
    /// How long after its first failure a record is given up, however few attempts it had. Key `deadline_ms`; none.
    #[serde(rename = "deadline_ms", deserialize_with = "some_millis")]
    pub deadline: Option<Duration>,
    /// Where a record waits: 0, in this process, and what must be handled in order with it waits there too; 1, in the topic
    /// `<topic>_retry`; more, in as many topics `<topic>_retry_1`, `<topic>_retry_2` and so on, one after the other. In a topic
    /// it outlives the process, and no other key waits for it. Topics need the order of keys, or none.
    pub topics: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
            jitter_percent: 20,
            deadline: None,
            topics: 0,
        }
    }
}

impl Retry {
    /// Three attempts in this process, with pauses from 1 s to 30 s.
    #[must_use]
    pub fn in_process() -> Self {
        let (backoff, max_backoff) = (Duration::from_secs(1), Duration::from_secs(30));
        Self { max_attempts: 3, backoff, max_backoff, ..Self::default() }
    }

    /// Three attempts with pauses from 1 s to 30 s, in one topic `<topic>_retry`.
    #[must_use]
    pub fn one_topic() -> Self {
        Self { topics: 1, ..Self::in_process() }
    }

    /// Four attempts after pauses of 100, 200 and 400 ms, in three topics `<topic>_retry_1` to `_3`.
    #[must_use]
    pub fn three_topics() -> Self {
        let max_backoff = Duration::from_secs(5);
        Self { max_attempts: 4, max_backoff, jitter_percent: 0, topics: 3, ..Self::default() }
    }

    /// Returns the pause after an attempt that failed, counted from 1, or nothing if it was the last; `failed_for` is the time
    /// since the first failure, and `chance` is what says how much of the jitter is used, from 0 to 1.
    pub(crate) fn pause(&self, attempt: u32, failed_for: Duration, chance: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.backoff.saturating_mul(factor).min(self.max_backoff);
        let pause = full.mul_f64(1.0 - f64::from(self.jitter_percent) / 100.0 * chance);
        let is_late = self.deadline.is_some_and(|deadline| failed_for.saturating_add(pause) > deadline);
        (!is_late).then_some(pause)
    }

    /// Returns the retry topic that a record belongs to after so many failed attempts, counted from 1; 0 where there is none.
    pub(crate) fn tier(&self, failed_attempts: u32) -> u32 {
        failed_attempts.min(self.topics)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |text: &str| Err(Error::settings(format!("`consumer.retry.{text}")));
        if self.max_attempts == 0 {
            return wrong("max_attempts` is 0, expected at least 1");
        }
        if self.jitter_percent > 100 {
            return wrong("jitter_percent` is beyond 100");
        }
        if self.topics >= self.max_attempts && self.topics > 0 {
            let (topics, attempts) = (self.topics, self.max_attempts);
            return wrong(&format!(
                "topics` is {topics}, but {attempts} attempts leave room for {} at most; help: raise `max_attempts`",
                attempts - 1
            ));
        }
        Ok(())
    }
}

fn some_millis<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    millis(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn pauses_double_up_to_the_limit_and_end_with_the_attempts() {
        let pauses = |retry: &Retry| -> Vec<_> {
            (1..).map_while(|attempt| retry.pause(attempt, ms(0), 0.0)).map(|pause| pause.as_millis()).collect()
        };
        assert_eq!(pauses(&Retry::three_topics()), [100, 200, 400]);
        assert_eq!(pauses(&Retry::one_topic()), [1000, 2000]);
        let long = Retry { max_attempts: 8, ..Retry::in_process() };
        assert_eq!(pauses(&long), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        let many = Retry { max_attempts: u32::MAX, ..Retry::default() };
        assert_eq!(many.pause(4_000_000_000, ms(0), 0.0), Some(ms(10_000)));
    }

    #[test]
    fn jitter_shortens_pauses_only() {
        let retry = Retry { jitter_percent: 50, ..Retry::default() };
        let pause = |chance| retry.pause(1, ms(0), chance).unwrap().as_millis();
        assert_eq!([pause(0.0), pause(0.5), pause(1.0)], [100, 75, 50]);
    }

    #[test]
    fn a_pause_that_would_end_after_the_deadline_is_not_begun() {
        let retry = Retry { deadline: Some(ms(1000)), ..Retry::default() };
        assert_eq!(retry.pause(1, ms(900), 0.0), Some(ms(100)));
        assert_eq!(retry.pause(1, ms(901), 0.0), None);
    }

    #[test]
    fn the_nth_failure_leads_to_the_nth_topic_or_the_last() {
        let tiers = |retry: Retry| [1, 2, 3, 4, 9].map(|failed| retry.tier(failed));
        assert_eq!(tiers(Retry::three_topics()), [1, 2, 3, 3, 3]);
        assert_eq!(tiers(Retry::one_topic()), [1; 5]);
        assert_eq!(tiers(Retry::in_process()), [0; 5]);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let refused = |retry: Retry, part: &str| {
            let text = retry.check().unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        };
        refused(Retry { max_attempts: 0, ..Retry::default() }, "at least 1");
        refused(Retry { jitter_percent: 101, ..Retry::default() }, "beyond 100");
        refused(Retry { max_attempts: 3, ..Retry::three_topics() }, "leave room for 2 at most");
        for preset in [Retry::default(), Retry::in_process(), Retry::one_topic(), Retry::three_topics()] {
            preset.check().unwrap();
        }
    }
}
