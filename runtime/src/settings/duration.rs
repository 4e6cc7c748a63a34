//! Durations as settings write them: a number of milliseconds, or a text with a unit such as `250ms`, `1s` or `1m30s`.

use std::fmt;
use std::time::Duration;

use eventwright_wire::jiff::SignedDuration;
use serde::de::{Error, Visitor};
use serde::{Deserializer, de};

/// What messages say of the form.
const EXPECTED: &str = "a duration: milliseconds as a number, or a text with a unit such as `250ms`, `1s`, `2m`";

/// Reads the value of a key that ends in `_ms`.
pub(crate) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Millis)
}

/// Returns the duration that a text says, if it says one.
fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_millis);
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

struct Millis;

impl Visitor<'_> for Millis {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Ok(Duration::from_millis(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        let wrong = || E::invalid_value(de::Unexpected::Signed(number), &self);
        u64::try_from(number).map(Duration::from_millis).map_err(|_| wrong())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_milliseconds_or_have_a_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        };
        check("250", Some(250));
        check("250ms", Some(250));
        check("1s", Some(1000));
        check("1.5s", Some(1500));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("1m30s", Some(90_000));
        check(" 30 s ", Some(30_000));
        check("0s", Some(0));
        check("-1s", None);
        check("1.5", None);
        check("soon", None);
        check("1 fortnight", None);
        check("99999999999999999999", None);
        check("", None);
    }
}
