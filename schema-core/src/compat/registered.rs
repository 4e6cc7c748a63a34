//! What a registry has that the files do not say: for who compares both.
//!
//! In: versions of a manifest, and what messages call those of the registry. Out: findings.

use super::history::finding;
use super::{Finding, Severity, Side, rule};
use crate::load::LoadedVersion;

/// Returns the finding that a registry has something else in the place of a released version; `name` is the event's.
#[must_use]
pub fn differs(name: &str, version: &LoadedVersion, registered: &str) -> Finding {
    let number = version.number;
    let message = format!("v{number} of `{name}` is released, and {registered} says something else");
    let help = "find out which of them records were written with: `eventwright pull` into another folder shows what the \
                registry has; what both need takes the next number";
    let found = finding(&rule::RELEASED_VERSION_DIFFERS, version, message, help.into());
    Finding { old: Side { label: registered.to_owned(), text: String::new() }, ..found }
}

/// Returns the warning that a registry has a version that no file has; `newest` is the newest that there is of `name`.
#[must_use]
pub fn unknown(name: &str, newest: &LoadedVersion, registered: &str) -> Finding {
    let message = format!("{registered} is no version of `{name}`: its records are decoded by a plan made at run time");
    let help = "`eventwright pull` takes it over as a file".to_owned();
    let found = finding(&rule::REGISTERED_VERSION_UNKNOWN, newest, message, help);
    let old = Side { label: registered.to_owned(), text: String::new() };
    Finding { severity: Severity::Warning, old, ..found }
}
