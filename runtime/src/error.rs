//! The one error of this crate: opaque, with questions instead of variants.
//!
//! A text names what was asked for, where (topic, subject, URL, bootstrap address) and, after `help:`, the next action.

use std::fmt;

use eventwright_registry::RegistryError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong while settings were read, or while events were produced, consumed or registered.
///
/// `Display` prints the error itself; `Debug` prints its sources too, so that `fn main() -> Result<(), Error>` shows
/// the whole story.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    retriable: bool,
    message: String,
    source: Option<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A setting, or a consumer that was put together wrongly.
    Settings,
    /// No broker answers, or it refuses us.
    Broker,
    /// The registry does not answer, or it refuses us.
    Registry,
    /// A schema is not registered.
    NotRegistered,
    /// A value does not fit its schema.
    Encode,
    /// A record was not written.
    NotWritten,
    /// Nobody knows whether a record was written.
    PossiblyWritten,
    /// A record cannot be decoded, and there is no handler for it; or a key cannot that a handler asks for.
    Undecodable,
    /// A store of handled events does not answer or does not work.
    Store,
    /// A handler failed more often than the settings allow.
    Handler,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, retriable: false, message: message.into(), source: None }))
    }

    pub(crate) fn settings(message: impl Into<String>) -> Self {
        Self::new(Kind::Settings, message)
    }

    pub(crate) fn retriable(mut self) -> Self {
        self.0.retriable = true;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns an error whose text holds that of the registry's: its cause follows, and nothing is said twice.
    pub(crate) fn of_registry(text: String, error: RegistryError) -> Self {
        let retriable = error.is_retriable();
        Self(Box::new(Inner { kind: Kind::Registry, retriable, message: text, source: error.into_source() }))
    }

    /// Returns whether the same call may succeed later with nothing changed: a broker or a registry that is down, a
    /// full queue, a time-out. See [`Error::is_possibly_written`] before sending a record again.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// Returns whether a setting is wrong or missing.
    #[must_use]
    pub fn is_settings(&self) -> bool {
        self.0.kind == Kind::Settings
    }

    /// Returns whether Kafka could not be reached or refused us.
    #[must_use]
    pub fn is_broker(&self) -> bool {
        self.0.kind == Kind::Broker
    }

    /// Returns whether the schema registry could not be reached or refused us.
    #[must_use]
    pub fn is_registry(&self) -> bool {
        self.0.kind == Kind::Registry
    }

    /// Returns whether an event's schema is not registered under its subject.
    #[must_use]
    pub fn is_not_registered(&self) -> bool {
        self.0.kind == Kind::NotRegistered
    }

    /// Returns whether an event holds a value that its schema cannot hold.
    #[must_use]
    pub fn is_encode(&self) -> bool {
        self.0.kind == Kind::Encode
    }

    /// Returns whether the record may be in Kafka although no acknowledgement came: sending it again may write it a
    /// second time.
    #[must_use]
    pub fn is_possibly_written(&self) -> bool {
        self.0.kind == Kind::PossiblyWritten
    }

    /// Returns whether the consumer stopped at a record that it cannot decode, or a key cannot be decoded.
    #[must_use]
    pub fn is_undecodable(&self) -> bool {
        self.0.kind == Kind::Undecodable
    }

    /// Returns the error of a [`DedupeStore`](crate::idempotency::DedupeStore) of one's own.
    pub fn store(message: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Store, message).with_source(source).retriable()
    }

    /// Returns whether a store of handled events could not be reached or does not work.
    #[must_use]
    pub fn is_store(&self) -> bool {
        self.0.kind == Kind::Store
    }

    /// Returns whether the consumer stopped because a handler failed too often.
    #[must_use]
    pub fn is_handler(&self) -> bool {
        self.0.kind == Kind::Handler
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            write!(f, "\n  because: {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_the_error_itself_and_debug_adds_the_sources() {
        let error = Error::new(Kind::Broker, "no broker answered").with_source("connection refused").retriable();
        assert_eq!(error.to_string(), "no broker answered");
        assert_eq!(format!("{error:?}"), "no broker answered\n  because: connection refused");
        assert!(error.is_retriable() && error.is_broker() && !error.is_registry());
    }
}
