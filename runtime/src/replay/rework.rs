//! What becomes of a letter's value before it is written: nothing, or what a typed function or a newer schema makes of it.

pub(crate) mod fix;
pub(crate) mod upgrade;

use eventwright_registry::{RegistryClient, RegistryError};

use self::fix::{Fixer, Fixes};
use self::upgrade::Upgrades;
use super::letter::Letter;
use crate::error::Kind;
use crate::{Error, Settings};

/// What came of a letter's value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reworked {
    /// It is written as it is.
    AsItIs,
    /// It is written so.
    Rewritten(Rewritten),
    /// It is not written, for this reason.
    Refused(String),
}

/// A value that was written anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) value: Vec<u8>,
    /// The key, where it is another one now.
    pub(crate) key: Option<Vec<u8>>,
    /// The event's name, where a typed function knows it.
    pub(crate) event: Option<&'static str>,
    /// The number of the version that it was written with.
    pub(crate) version: u32,
}

/// All that may be done to values.
pub(crate) struct Rework {
    fixes: Fixes,
    upgrades: Option<Upgrades>,
}

impl Rework {
    /// Looks for the schemas of the typed functions.
    pub(crate) async fn prepare(
        settings: &Settings,
        fixers: Vec<Box<dyn Fixer>>,
        upgrades: Upgrading,
    ) -> Result<Self, Error> {
        let registry = settings.registry_client()?;
        let upgrades = (upgrades == Upgrading::ToNewest).then(|| Upgrades::new(registry.clone()));
        Ok(Self { fixes: Fixes::prepare(settings, &registry, fixers).await?, upgrades })
    }

    /// Returns what becomes of a letter that goes to the topic `to`. A typed function is asked first.
    ///
    /// # Errors
    /// A registry that does not answer.
    pub(crate) async fn apply(&mut self, letter: &Letter, to: &str) -> Result<Reworked, Error> {
        let topic = letter.origin().map_or(to, |origin| origin.topic.as_str());
        match (self.fixes.apply(letter, topic).await?, &mut self.upgrades) {
            (Reworked::AsItIs, Some(upgrades)) => upgrades.apply(letter, topic).await,
            (reworked, _) => Ok(reworked),
        }
    }
}

/// Whether values that no typed function is for are written with the newest schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upgrading {
    AsTheyAre,
    ToNewest,
}

/// Returns the error for a registry that does not answer: it says nothing of the letter, which can be replayed later.
fn unanswered(registry: &RegistryClient, error: RegistryError) -> Error {
    let text = format!(
        "cannot ask for the schema of a dead letter at `{}`: {error}; help: start again once the registry answers",
        registry.shown()
    );
    let retriable = error.is_retriable();
    let result = Error::new(Kind::Registry, text).with_source(error);
    if retriable { result.retriable() } else { result }
}
