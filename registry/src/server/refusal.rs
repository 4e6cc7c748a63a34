//! What the server says no with: Confluent's statuses, error codes and texts (`Errors.java` of the registry), since
//! clients decide by the codes and people search for the texts.

use std::fmt;

use eventwright_schema::compat::Level;

use super::subject::Subject;
use crate::VersionSpec;

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Where HTTP itself is at fault, the code is the status.
    pub(super) fn http(status: u16, message: impl Into<String>) -> Self {
        Self::new(status, u32::from(status), message)
    }

    pub(super) fn no_such_path() -> Self {
        Self::http(404, "HTTP 404 Not Found")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::http(405, "HTTP 405 Method Not Allowed")
    }

    pub(super) fn internal() -> Self {
        Self::new(500, 50001, "the request could not be completed, which is a bug of this registry")
    }

    pub(super) fn subject_not_found(subject: &Subject) -> Self {
        Self::new(404, 40401, format!("Subject '{subject}' not found."))
    }

    pub(super) fn version_not_found(version: VersionSpec) -> Self {
        Self::new(404, 40402, format!("Version {version} not found."))
    }

    pub(super) fn schema_not_found() -> Self {
        Self::new(404, 40403, "Schema not found")
    }

    pub(super) fn id_not_found(id: u32) -> Self {
        Self::new(404, 40403, format!("Schema {id} not found"))
    }

    pub(super) fn subject_soft_deleted(subject: &Subject) -> Self {
        let message = format!("Subject '{subject}' was soft deleted. Set permanent=true to delete permanently");
        Self::new(404, 40404, message)
    }

    pub(super) fn subject_not_soft_deleted(subject: &Subject) -> Self {
        let message = format!("Subject '{subject}' was not deleted first before being permanently deleted");
        Self::new(404, 40405, message)
    }

    pub(super) fn version_soft_deleted(subject: &Subject, version: u32) -> Self {
        let what = format!("Subject '{subject}' Version {version} was soft deleted.");
        Self::new(404, 40406, format!("{what} Set permanent=true to delete permanently"))
    }

    pub(super) fn version_not_soft_deleted(subject: &Subject, version: u32) -> Self {
        let what = format!("Subject '{subject}' Version {version} was not deleted first");
        Self::new(404, 40407, format!("{what} before being permanently deleted"))
    }

    pub(super) fn no_level_of(subject: &Subject) -> Self {
        let message = format!("Subject '{subject}' does not have subject-level compatibility configured");
        Self::new(404, 40408, message)
    }

    pub(super) fn no_mode_of(subject: &Subject) -> Self {
        Self::new(404, 40409, format!("Subject '{subject}' does not have subject-level mode configured"))
    }

    pub(super) fn incompatible(subject: &Subject, messages: &[String]) -> Self {
        let details = messages.join(", ");
        let what = format!("Schema being registered is incompatible with an earlier schema for subject \"{subject}\"");
        Self::new(409, 409, format!("{what}, details: [{details}]"))
    }

    pub(super) fn invalid_schema(why: impl fmt::Display) -> Self {
        Self::new(422, 42201, format!("Invalid schema, details: {why}"))
    }

    pub(super) fn invalid_version(text: &str) -> Self {
        let what = format!("The specified version '{text}' is not a valid version id.");
        let allowed = "Allowed values are between [1, 2^31-1] and the string \"latest\"";
        Self::new(422, 42202, format!("{what} {allowed}"))
    }

    pub(super) fn invalid_level(text: &str) -> Self {
        let known = Level::ALL.map(Level::name).join(", ");
        Self::new(422, 42203, format!("Invalid compatibility level '{text}'. Valid values are {known}"))
    }

    pub(super) fn invalid_mode(text: &str, known: &str) -> Self {
        Self::new(422, 42204, format!("Invalid mode '{text}'. Valid values are {known}"))
    }

    pub(super) fn not_permitted(why: impl Into<String>) -> Self {
        Self::new(422, 42205, why)
    }

    pub(super) fn reference_exists(subject: &Subject, version: u32, by: &[u32]) -> Self {
        let by = by.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let message =
            format!("One or more references exist to subject '{subject}' version {version}: from schema {by}");
        Self::new(422, 42206, message)
    }

    pub(super) fn invalid_subject(text: &str, why: &str) -> Self {
        Self::new(422, 42208, format!("The specified subject '{text}' is not a valid subject: {why}"))
    }

    pub(super) fn not_supported(what: impl fmt::Display) -> Self {
        Self::new(422, 422, format!("{what} is not supported by this registry"))
    }
}
