//! The way to the schema registry: the first contact with it, and which errors mean what.

use std::time::Duration;

use eventwright_registry::{RegistryClient, RegistryError};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::{Error, Settings, kafka};

/// Confluent's code for "schema not found".
const SCHEMA_NOT_FOUND: u32 = 40403;

/// Waits until the registry answers, at most as long as `connect_timeout`, unless that is not wanted.
pub(crate) async fn reach_at_start(client: &RegistryClient, settings: &Settings) -> Result<(), Error> {
    if settings.registry.check_at_start { reach(client, settings).await } else { Ok(()) }
}

async fn reach(client: &RegistryClient, settings: &Settings) -> Result<(), Error> {
    let deadline = Instant::now() + settings.connect_timeout;
    let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
    for attempt in 1.. {
        let error = match client.level(None).await {
            Ok(_) => break,
            // It is a registry, although it does not answer this question.
            Err(error) if error.error_code().is_some() && !error.is_infrastructure() => break,
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
    let help = match error.status() {
        Some(401 | 403) => "does it accept `registry.user` and `registry.password`, or `registry.token`?",
        Some(404) => "is `registry.url` its base address?",
        _ => "is it running, and is `registry.url` its address?",
    };
    let text = format!("{what} at `{url}`: {error}; help: {help}");
    Error::of_registry(text, error)
}

/// Returns whether the registry said that this id does not exist. Any other 404 may as well be a wrong URL, and a wrong
/// URL must not turn good records into bad ones.
pub(crate) fn is_unknown_id(error: &RegistryError) -> bool {
    error.error_code() == Some(SCHEMA_NOT_FOUND)
}
