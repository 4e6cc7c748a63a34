//! The schema registry as commands use it: every question is asked again with backoff while the registry does not
//! answer, and the command ends when it has not answered for too long.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use eventwright::{RegistryClient, RegistryError, Settings};
use eventwright_registry::{ResolvedSchema, SchemaText, SubjectVersion, VersionSpec};
use eventwright_schema::compat::{AnySchema, Level, parse_any};

use crate::exit::Failure;
use crate::screen;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How many questions are asked at once by who has many.
pub(crate) const AT_ONCE: usize = 8;

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

    /// Returns the URL, or several, without credentials.
    pub(crate) fn shown(&self) -> String {
        self.client.shown()
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

/// The schemas of a manifest.
impl Registry {
    /// Returns the versions of a subject, oldest first; none where it does not exist.
    ///
    /// # Errors
    /// As [`Registry::ask`].
    pub(crate) async fn versions(&self, subject: &str) -> anyhow::Result<Vec<u32>> {
        match self.ask(async |client| client.versions(subject).await).await? {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            versions => Ok(versions?),
        }
    }

    /// Returns those of a subject's versions that a level compares a new one with, oldest first, each with what messages
    /// call it.
    ///
    /// # Errors
    /// As [`Registry::ask`], or a schema that cannot be read.
    pub(crate) async fn history(
        &self,
        subject: &str,
        versions: &[u32],
        level: Level,
    ) -> anyhow::Result<Vec<(String, AnySchema)>> {
        let count = match level {
            Level::None => 0,
            _ if level.is_transitive() => versions.len(),
            _ => 1,
        };
        let mut history = Vec::new();
        for &version in versions.iter().skip(versions.len().saturating_sub(count)) {
            let label = format!("version {version} of `{subject}`");
            history.push((label.clone(), self.schema(&label, subject, version).await?));
        }
        Ok(history)
    }

    async fn schema(&self, label: &str, subject: &str, version: u32) -> anyhow::Result<AnySchema> {
        let found = self.ask(async |client| client.version(subject, VersionSpec::Number(version)).await).await??;
        let resolved = self.ask(async |client| client.schema_by_id(found.id).await).await??;
        let ResolvedSchema { format, text, references, .. } = &*resolved;
        parse_any(*format, label, text, references).map_err(|problems| {
            let problem = problems.first().map(ToString::to_string).unwrap_or_default();
            anyhow!("{label} cannot be used: {problem}")
        })
    }

    /// Returns under which version exactly this schema is registered, if it is; `label` is what messages call it.
    ///
    /// # Errors
    /// As [`Registry::ask`], or a schema that the registry takes for none.
    pub(crate) async fn look_up(
        &self,
        label: &str,
        subject: &str,
        text: &SchemaText,
    ) -> anyhow::Result<Option<SubjectVersion>> {
        let found = self.ask(async |client| client.lookup(subject, text).await).await?;
        found.with_context(|| format!("cannot look up {label}"))
    }

    /// Registers a schema and returns under which version.
    ///
    /// # Errors
    /// As [`Registry::ask`]; a schema that the registry refuses is a finding.
    pub(crate) async fn submit(&self, label: &str, subject: &str, text: &SchemaText) -> anyhow::Result<SubjectVersion> {
        let registered = self.ask(async |client| client.register(subject, text).await).await?;
        registered.map_err(|error| match error.status() {
            Some(409 | 422) => Failure::findings(format!("{label} is refused: {error}")),
            _ => anyhow::Error::new(error).context(format!("cannot register {label}")),
        })?;
        let found = self.look_up(label, subject, text).await?;
        found.ok_or_else(|| anyhow!("the registry does not find {label} under `{subject}` after it was registered"))
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
