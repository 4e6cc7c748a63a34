//! The schema registry as commands use it: every question is asked again with backoff while the registry does not
//! answer, and the command ends when it has not answered for too long.

use std::time::{Duration, Instant};

use eventwright::{RegistryClient, RegistryError, Settings};

use crate::exit::Failure;
use crate::screen;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A registry, and how long it may stay silent.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    client: RegistryClient,
    patience: Duration,
}

impl Registry {
    /// Connects to the registry of the settings and waits until it answers.
    ///
    /// # Errors
    /// A URL that cannot be used, or a registry that does not answer in time or refuses us.
    pub(crate) async fn reach(settings: &Settings) -> anyhow::Result<Self> {
        let client = settings.registry_client().map_err(|error| Failure::usage(error.to_string()))?;
        let registry = Self { client, patience: settings.connect_timeout };
        match registry.ask(async |client| client.level(None).await).await? {
            // A refusal with a registry's code is a registry's, whatever it refuses.
            Err(error) if error.error_code().is_none() => Err(unusable(error)),
            _ => Ok(registry),
        }
    }

    /// Asks until there is an answer. The inner error is the registry's word about what was asked for.
    ///
    /// # Errors
    /// No answer for too long, credentials that are refused, or something at that URL that is no registry.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFn(&RegistryClient) -> Result<T, RegistryError>,
    ) -> anyhow::Result<Result<T, RegistryError>> {
        let deadline = Instant::now() + self.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match question(&self.client).await {
                Err(error) if error.is_infrastructure() => error,
                answer => return Ok(answer),
            };
            if !error.is_retriable() || Instant::now() + pause >= deadline {
                return Err(unusable(error));
            }
            if pause == FIRST_PAUSE {
                screen::warning(format!("{error}; trying again for {} s", self.patience.as_secs_f64()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Returns whether an error of [`Registry::ask`] is the outer one: nothing that another question could mend.
pub(crate) fn is_unusable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<RegistryError>().is_some_and(RegistryError::is_infrastructure)
}

fn unusable(error: RegistryError) -> anyhow::Error {
    let help = match error.status() {
        Some(401 | 403) => "set EVENTWRIGHT_REGISTRY__USER and EVENTWRIGHT_REGISTRY__PASSWORD, or __TOKEN",
        Some(_) => "is --registry the base URL of a schema registry?",
        None => "name the registry with --registry; `eventwright registry serve` starts one",
    };
    let text = format!("{error}; help: {help}");
    anyhow::Error::new(error).context(text)
}
