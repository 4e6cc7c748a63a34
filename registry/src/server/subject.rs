//! The name of a subject, and which of its versions are meant: what paths and queries carry, checked once.

use std::borrow::Borrow;
use std::fmt;

use super::refusal::Refusal;
use crate::VersionSpec;

/// Names that Confluent keeps for itself.
const RESERVED: [&str; 2] = ["__GLOBAL", "__EMPTY"];

/// The prefix that names the default context, the only one there is.
const DEFAULT_CONTEXT: &str = ":.:";

/// A name that a subject can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Subject(String);

/// Whether subjects and versions count that were deleted, but not permanently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    Hidden,
    Shown,
    /// Nothing else counts.
    Only,
}

/// How thoroughly something is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// Hidden, but still there for readers of old records.
    Soft,
    /// Gone; possible after a soft deletion only.
    Permanent,
}

impl Subject {
    /// Checks a name as Confluent does, and refuses contexts, of which there is only the default one.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let name = text.strip_prefix(DEFAULT_CONTEXT).unwrap_or(text);
        let why = if name.is_empty() {
            "it is empty"
        } else if name.chars().any(char::is_control) {
            "it has control characters"
        } else if RESERVED.contains(&name) {
            "the name is reserved"
        } else if name.starts_with(":.") || name.starts_with(":*:") {
            "this registry has the default context only"
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(Refusal::invalid_subject(text, why))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Subject {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Deleted {
    /// Returns whether something counts.
    pub(super) fn counts(self, is_deleted: bool) -> bool {
        match self {
            Self::Hidden => !is_deleted,
            Self::Shown => true,
            Self::Only => is_deleted,
        }
    }
}

/// Takes `latest`, `-1`, or a number from 1 to 2^31-1.
pub(super) fn parse_version(text: &str) -> Result<VersionSpec, Refusal> {
    if text == "latest" || text == "-1" {
        return Ok(VersionSpec::Latest);
    }
    let number = text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok()).filter(|&number| number > 0);
    number.map(VersionSpec::Number).ok_or_else(|| Refusal::invalid_version(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_checked_as_confluent_checks_them() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Subject::parse(text).ok().as_ref().map(Subject::as_str), expected, "{text:?}");
        };
        check("orders-value", Some("orders-value"));
        check("a/b c%?#ü", Some("a/b c%?#ü"));
        check(":.:orders", Some("orders"));
        check("", None);
        check(":.:", None);
        check("a\nb", None);
        check("__GLOBAL", None);
        check(":.staging:orders", None);
    }

    #[test]
    fn versions_are_numbers_from_1_or_the_latest() {
        let check =
            |text: &str, expected: Option<VersionSpec>| assert_eq!(parse_version(text).ok(), expected, "{text:?}");
        check("latest", Some(VersionSpec::Latest));
        check("-1", Some(VersionSpec::Latest));
        check("1", Some(VersionSpec::Number(1)));
        check("2147483647", Some(VersionSpec::Number(i32::MAX.unsigned_abs())));
        check("2147483648", None);
        check("0", None);
        check("-2", None);
        check("one", None);
        check("", None);
    }
}
