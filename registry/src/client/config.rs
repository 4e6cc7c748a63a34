//! How to reach a registry: URLs, credentials, a time limit. Nothing here ever shows a secret.

use std::fmt;
use std::time::Duration;

use reqwest::Url;

use crate::RegistryError;
use crate::error::Kind;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a registry.
#[derive(Clone)]
pub struct RegistryConfig {
    /// Base URLs of one and the same registry, tried in turn; `user:password@` in one is used for that URL alone.
    pub urls: Vec<String>,
    /// The credentials for every URL that carries none of its own.
    pub auth: Option<RegistryAuth>,
    /// How long one request to one URL may take, the answer's body included.
    pub timeout: Duration,
}

/// What a registry knows its clients by.
#[derive(Clone, PartialEq, Eq)]
pub enum RegistryAuth {
    /// HTTP basic authentication; for Confluent Cloud an API key and its secret.
    Basic {
        /// The user, or the API key.
        user: String,
        /// The password, or the API key's secret.
        password: String,
    },
    /// A token in the `Authorization` header.
    Bearer(String),
}

impl RegistryConfig {
    /// Returns the settings for one URL, or for several separated by commas as Confluent's clients take them: no
    /// credentials but those in the URLs, and ten seconds.
    #[must_use]
    pub fn new(urls: &str) -> Self {
        let urls = urls.split(',').map(|url| url.trim().to_owned()).collect();
        Self { urls, auth: None, timeout: DEFAULT_TIMEOUT }
    }
}

/// Shows URLs without credentials, and of credentials only their kind.
impl fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryConfig")
            .field("urls", &self.urls.iter().map(|url| without_credentials(url)).collect::<Vec<_>>())
            .field("auth", &self.auth)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Shows the kind of credentials and the user, never the secret.
impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).field("password", &"***").finish(),
            Self::Bearer(_) => f.debug_tuple("Bearer").field(&"***").finish(),
        }
    }
}

/// A base URL that was checked, without credentials, and the credentials for it.
#[derive(Clone)]
pub(super) struct BaseUrl {
    pub(super) url: Url,
    /// The URL as messages show it.
    pub(super) shown: String,
    pub(super) auth: Option<RegistryAuth>,
}

impl BaseUrl {
    /// Checks a base URL and takes its credentials out of it.
    pub(super) fn parse(text: &str, auth: Option<&RegistryAuth>) -> Result<Self, RegistryError> {
        let unusable =
            |why: String| RegistryError::new("use the registry URL", without_credentials(text), Kind::Unusable(why));
        let mut url = Url::parse(text)
            .map_err(|error| unusable("expected something like http://localhost:8081".into()).with_source(error))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => {
                return Err(unusable("this program was built without TLS; build it with the feature `tls`".into()));
            }
            other => return Err(unusable(format!("expected http or https, found `{other}`"))),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable("a base URL has neither `?` nor `#`".into()));
        }
        let own = credentials_of(&url);
        // Neither call fails: both schemes have a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, shown, auth: own.or_else(|| auth.cloned()) })
    }

    /// Returns the URL that stands for a registry in this process.
    #[cfg(feature = "server")]
    pub(super) fn of_process() -> Self {
        let url = Url::parse("http://in-process/").expect("it is one");
        Self { url, shown: "http://in-process".into(), auth: None }
    }

    /// Returns whether the URL names this machine, which no proxy can reach for us.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or("").trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn credentials_of(url: &Url) -> Option<RegistryAuth> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(RegistryAuth::Basic { user: decoded(url.username()), password: decoded(url.password().unwrap_or("")) })
}

/// Cuts `user:password@` out of a text that may not even be a URL.
fn without_credentials(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_become_basic_authentication_for_that_url() {
        let check = |text: &str, shown: &str, user: &str, password: &str| {
            let base = BaseUrl::parse(text, Some(&RegistryAuth::Bearer("for the others".into()))).unwrap();
            assert_eq!(base.shown, shown);
            assert_eq!(base.auth, Some(RegistryAuth::Basic { user: user.into(), password: password.into() }));
        };
        check("http://me:secret@host:8081/", "http://host:8081", "me", "secret");
        check("http://me:p%40ss%3Aw%2Frd@host/apis/v7", "http://host/apis/v7", "me", "p@ss:w/rd");
        check("http://key@host", "http://host", "key", "");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let check = |urls: &str, auth: Option<RegistryAuth>| {
            let config = RegistryConfig { auth, ..RegistryConfig::new(urls) };
            let shown = format!("{config:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            for url in &config.urls {
                let error = BaseUrl::parse(url, None).err().map_or(String::new(), |error| format!("{error} {error:?}"));
                assert!(!error.contains("hunter2"), "{error}");
            }
        };
        check("http://me:hunter2@host:8081", None);
        check("http://me:hunter2@host:not-a-port,me:hunter2@host", None);
        check("http://me:hunter2@b@host?x", None);
        check("http://host", Some(RegistryAuth::Basic { user: "me".into(), password: "hunter2".into() }));
        check("http://host", Some(RegistryAuth::Bearer("hunter2".into())));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_the_reason() {
        let check = |text: &str, expected: &str| {
            let error = BaseUrl::parse(text, None).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected));
        };
        check("", "cannot use the registry URL: expected something like http://localhost:8081");
        check("localhost", "cannot use the registry URL at localhost: expected something like http://localhost:8081");
        check("ftp://host", "cannot use the registry URL at ftp://host: expected http or https, found `ftp`");
        check("http://host/?a", "cannot use the registry URL at http://host/?a: a base URL has neither `?` nor `#`");
    }
}
