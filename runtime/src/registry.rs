//! The way to the schema registry: a client from settings, the first contact with it, and which errors mean what.

use std::time::{Duration, Instant};

use eventwright_registry::{RegistryAuth, RegistryClient, RegistryConfig, RegistryError};

use crate::backoff::Backoff;
use crate::error::Kind;
use crate::{Error, Settings, kafka};

/// Confluent's code for "schema not found".
const SCHEMA_NOT_FOUND: u32 = 40403;

/// Returns a client; nothing is sent yet.
pub(crate) fn client(settings: &Settings) -> Result<RegistryClient, Error> {
    let registry = &settings.registry;
    let auth = match (&registry.user, &registry.password, &registry.token) {
        (Some(_), None, _) | (None, Some(_), _) => {
            return Err(Error::settings("`registry.user` and `registry.password` go together; help: set both"));
        }
        (Some(user), Some(password), _) => Some(RegistryAuth::Basic { user: user.clone(), password: password.clone() }),
        (_, _, Some(token)) => Some(RegistryAuth::Bearer(token.clone())),
        _ => None,
    };
    let urls = registry.urls().map(str::to_owned).collect();
    RegistryClient::new(RegistryConfig { urls, auth, timeout: registry.timeout })
        .map_err(|error| Error::settings("the settings of the registry cannot be used").with_source(error))
}

/// Waits until the registry answers, at most as long as `connect_timeout`.
pub(crate) async fn reach(client: &RegistryClient, settings: &Settings) -> Result<(), Error> {
    let deadline = Instant::now() + settings.connect_timeout;
    let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
    for attempt in 1.. {
        let error = match client.level(None).await {
            Ok(_) => break,
            // It is a registry, although it does not answer this question.
            Err(error) if error.error_code().is_some() && !is_infrastructure(&error) => break,
            Err(error) => error,
        };
        if !error.is_retriable() {
            return Err(unavailable(settings, "cannot use the schema registry", error));
        }
        let pause = backoff.pause(attempt);
        if Instant::now() + pause >= deadline {
            let within = kafka::shown(settings.connect_timeout);
            return Err(unavailable(settings, &format!("no answer of the schema registry within {within}"), error));
        }
        if attempt == 1 {
            tracing::warn!(url = settings.registry.shown(), %error, "the schema registry does not answer; retrying");
        }
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Returns the error for a registry that did not do what it was asked for.
pub(crate) fn unavailable(settings: &Settings, what: &str, error: RegistryError) -> Error {
    let url = settings.registry.shown();
    let retriable = error.is_retriable();
    let help = match error.status() {
        Some(401 | 403) => "does it accept `registry.user` and `registry.password`, or `registry.token`?",
        Some(404) => "is `registry.url` its base address?",
        _ => "is it running, and is `registry.url` its address?",
    };
    let text = format!("{what} at `{url}`: {error}; help: {help}");
    let result = Error::new(Kind::Registry, text).with_source(error);
    if retriable { result.retriable() } else { result }
}

/// Returns whether the error says something about the registry rather than about the schema that was asked for: what
/// an operator mends, and what no record must be lost for.
pub(crate) fn is_infrastructure(error: &RegistryError) -> bool {
    let refused = matches!(error.status(), Some(401 | 403 | 407));
    // Confluent's registry gives every refusal a code of its own, so a bare one is of something else at that URL.
    let bare = error.status().is_some() && error.error_code().is_none();
    error.is_retriable() || refused || bare
}

/// Returns whether the registry said that this id does not exist. Any other 404 may as well be a wrong URL, and a wrong
/// URL must not turn good records into bad ones.
pub(crate) fn is_unknown_id(error: &RegistryError) -> bool {
    error.error_code() == Some(SCHEMA_NOT_FOUND)
}
