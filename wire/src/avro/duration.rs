//! The logical type `duration`: months, days and milliseconds, which are not converted into each other (Avro 1.12,
//! "Duration"), and its text in ISO 8601.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Reader, Writer};
use crate::{DecodeError, DecodeErrorKind};

/// An amount of time by the calendar: how long a month or a day is depends on where it begins. Its text is ISO 8601,
/// such as `P1M2DT3.004S`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Duration {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { months, days, millis } = *self;
        f.write_str("P")?;
        if months > 0 {
            write!(f, "{months}M")?;
        }
        if days > 0 {
            write!(f, "{days}D")?;
        }
        match (millis / 1000, millis % 1000) {
            (0, 0) if months > 0 || days > 0 => Ok(()),
            (seconds, 0) => write!(f, "T{seconds}S"),
            (seconds, fraction) => {
                let digits = format!("{fraction:03}");
                write!(f, "T{seconds}.{}S", digits.trim_end_matches('0'))
            }
        }
    }
}

/// The designators of ISO 8601 in their order, and of how many months, days and milliseconds one is.
const DATE_UNITS: [(char, [u64; 3]); 4] = [('Y', [12, 0, 0]), ('M', [1, 0, 0]), ('W', [0, 7, 0]), ('D', [0, 1, 0])];
const TIME_UNITS: [(char, [u64; 3]); 3] = [('H', [0, 0, 3_600_000]), ('M', [0, 0, 60_000]), ('S', [0, 0, 1000])];

impl FromStr for Duration {
    type Err = DecodeError;

    /// Reads ISO 8601: years count as 12 months, weeks as 7 days, hours and minutes as milliseconds. Only seconds may have
    /// a fraction, of 3 digits.
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        parse(text).ok_or_else(|| {
            let what = "expected a duration as ISO 8601 text, such as P1M2DT3.004S, with each part below 2^32";
            DecodeError::new(DecodeErrorKind::OutOfRange(what.to_owned()))
        })
    }
}

fn parse(text: &str) -> Option<Duration> {
    let parts = text.strip_prefix('P')?;
    let (date, time) = match parts.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if parts.is_empty() => return None,
        None => (parts, ""),
    };
    let mut total = [0_u64; 3];
    add(date, &DATE_UNITS, &mut total)?;
    add(time, &TIME_UNITS, &mut total)?;
    let [months, days, millis] = total.map(|one| u32::try_from(one).ok());
    Some(Duration { months: months?, days: days?, millis: millis? })
}

/// Adds what stands before each designator; each may stand once, in the given order.
fn add(mut text: &str, units: &[(char, [u64; 3])], total: &mut [u64; 3]) -> Option<()> {
    for (designator, amounts) in units {
        let Some((number, rest)) = text.split_once(*designator) else { continue };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = digits(whole)?;
        for (sum, amount) in total.iter_mut().zip(amounts) {
            *sum = sum.checked_add(whole.checked_mul(*amount)?)?;
        }
        if number.contains('.') {
            let is_seconds = *designator == 'S' && fraction.len() <= 3;
            let [_, _, millis] = total;
            *millis = millis.checked_add(digits(&format!("{fraction:0<3}")).filter(|_| is_seconds)?)?;
        }
        text = rest;
    }
    text.is_empty().then_some(())
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Reader<'_> {
    /// Reads a duration: three numbers of 4 bytes, little-endian.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn duration(&mut self) -> Result<Duration, DecodeError> {
        let mut number = || self.array().map(u32::from_le_bytes);
        Ok(Duration { months: number()?, days: number()?, millis: number()? })
    }
}

impl Writer<'_> {
    /// Writes a duration: three numbers of 4 bytes, little-endian.
    pub fn duration(&mut self, value: Duration) {
        for number in [value.months, value.days, value.millis] {
            self.fixed(&number.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_duration_is_iso_8601() {
        let check = |months, days, millis, expected: &str| {
            let duration = Duration { months, days, millis };
            assert_eq!(duration.to_string(), expected);
            assert_eq!(expected.parse(), Ok(duration));
        };
        check(0, 0, 0, "PT0S");
        check(1, 2, 3004, "P1M2DT3.004S");
        check(14, 0, 0, "P14M");
        check(0, 0, 500, "PT0.5S");
        check(u32::MAX, u32::MAX, u32::MAX, "P4294967295M4294967295DT4294967.295S");
    }

    #[test]
    fn other_designators_are_read_as_what_they_always_are() {
        let check = |text: &str, months, days, millis| {
            assert_eq!(text.parse(), Ok(Duration { months, days, millis }), "{text}");
        };
        check("P1Y2M", 14, 0, 0);
        check("P2W1D", 0, 15, 0);
        check("PT1H1M1.5S", 0, 0, 3_661_500);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let too_long = ["P4294967296D", "P400000000Y", "PT4294967.296S", "P99999999999999999999D"];
        let wrong =
            ["", "P", "PT", "1D", "P1", "PD", "P-1D", "P+1D", "P1D2M", "P1M1M", "P1DT", "PT1.5H", "PT1.0005S", "P1S"];
        for text in too_long.into_iter().chain(wrong) {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
