//! The one error of this crate: what was asked of which registry, and what came of it.

use std::error::Error;
use std::fmt;

/// Confluent's codes for "there is no such …" run from 40401; a plain 404 comes from something else at that URL.
const NOT_FOUND_CODES: std::ops::Range<u32> = 40401..40500;

/// Why a registry could not be asked, or what it refused.
///
/// The text says what was asked and the URL, never credentials; the cause is the [`source`](Error::source).
#[derive(Debug)]
pub struct RegistryError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// What was wanted, as in "cannot <doing>".
    doing: String,
    /// Where, without credentials; empty where no registry was involved.
    url: String,
    kind: Kind,
    /// What other URLs of the same registry said before.
    earlier: Vec<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug)]
#[cfg_attr(not(feature = "client"), expect(dead_code, reason = "the server only fails to listen"))]
pub(crate) enum Kind {
    /// Nobody asked yet: a URL, a subject or an address that cannot be used.
    Unusable(String),
    /// No answer, or only a part of one.
    NoAnswer(&'static str),
    /// An answer that says no.
    Refused { status: u16, code: Option<u32>, message: String },
    /// An answer that is not what the API promises.
    Unexpected(String),
}

impl RegistryError {
    pub(crate) fn new(doing: impl Into<String>, url: impl Into<String>, kind: Kind) -> Self {
        let (doing, url) = (doing.into(), url.into());
        Self(Box::new(Inner { doing, url, kind, earlier: Vec::new(), source: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what another URL of the same registry said before this one was asked.
    #[cfg(feature = "client")]
    pub(crate) fn after(mut self, earlier: Option<Self>) -> Self {
        if let Some(Self(earlier)) = earlier {
            self.0.earlier.push(format!("{}: {}", earlier.url, earlier.kind));
            self.0.earlier.splice(..0, earlier.earlier);
        }
        self
    }

    /// Returns whether asking again later may help: no answer, a server's failure, or too many requests.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self.0.kind {
            Kind::NoAnswer(_) => true,
            Kind::Refused { status, .. } => status == 429 || status >= 500,
            Kind::Unusable(_) | Kind::Unexpected(_) => false,
        }
    }

    /// Returns whether the error says something about the registry rather than about what it was asked for: what an
    /// operator mends, and what nothing must be lost for.
    #[must_use]
    pub fn is_infrastructure(&self) -> bool {
        match self.0.kind {
            // Confluent's registry gives every refusal a code of its own, so a bare one is of something else at that URL.
            Kind::Refused { status, code, .. } => {
                code.is_none() || matches!(status, 401 | 403 | 407) || self.is_retriable()
            }
            _ => self.is_retriable(),
        }
    }

    /// Returns what caused the error, for an error that has taken over its text.
    #[must_use]
    pub fn into_source(self) -> Option<Box<dyn Error + Send + Sync>> {
        self.0.source
    }

    /// Returns whether the registry says that it has no such subject, version, schema or setting.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.error_code().is_some_and(|code| NOT_FOUND_CODES.contains(&code))
    }

    /// Returns the HTTP status, where the registry answered with a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.0.kind {
            Kind::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Returns Confluent's error code, such as 40401, where the registry gave one.
    #[must_use]
    pub fn error_code(&self) -> Option<u32> {
        match self.0.kind {
            Kind::Refused { code, .. } => code,
            _ => None,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { doing, url, kind, earlier, source: _ } = &*self.0;
        write!(f, "cannot {doing}")?;
        if !url.is_empty() {
            write!(f, " at {url}")?;
        }
        write!(f, ": {kind}")?;
        if earlier.is_empty() { Ok(()) } else { write!(f, "; tried before: {}", earlier.join(", ")) }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) | Self::Unexpected(why) => f.write_str(why),
            Self::NoAnswer(why) => f.write_str(why),
            Self::Refused { status, code: Some(code), message } => {
                write!(f, "the registry answered {status} (error code {code}): {message}")
            }
            Self::Refused { status, code: None, message } if message.is_empty() => {
                write!(f, "answered {status}; is this the base URL of a schema registry?")
            }
            Self::Refused { status, code: None, message } => write!(f, "answered {status}: {message}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
