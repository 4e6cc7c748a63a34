//! `eventwright plan`: what `eventwright register` would change in the registry.
//!
//! In: a manifest that passes the check, and what the registry has. Out: a [`Plan`], printed. Nothing is written.

mod candidates;
mod compared;
mod look;
mod print;

use anyhow::anyhow;
use eventwright_registry::{ReferenceEntry, SchemaText, SubjectVersion};
use eventwright_schema::compat::Level;
use eventwright_schema::load::{self, Loaded, LoadedReference};

pub(crate) use self::candidates::Candidate;
pub(crate) use self::look::look;
pub(crate) use self::print::print;
use crate::args::{PlanArguments, PlanFormat, Rendering};
use crate::exit::Exit;
use crate::registry::Registry;
use crate::render::{self, Outcome};
use crate::{screen, settings};

/// What a registry has and lacks of a manifest.
pub(crate) struct Plan<'l> {
    /// The URL, without credentials.
    pub(crate) registry: String,
    pub(crate) subjects: Vec<SubjectPlan>,
    /// In the order in which they can be registered.
    pub(crate) steps: Vec<Step<'l>>,
    /// What of it is not compatible.
    pub(crate) outcome: Outcome,
}

/// A subject of the manifest.
pub(crate) struct SubjectPlan {
    pub(crate) name: String,
    /// The level that holds now, the subject's own or the global one, in the registry's words.
    pub(crate) level_now: Option<String>,
    /// The level of the manifest.
    pub(crate) level: Option<Level>,
    /// The versions that the registry has.
    pub(crate) versions: Vec<u32>,
}

/// A version of the manifest.
pub(crate) struct Step<'l> {
    pub(crate) candidate: Candidate<'l>,
    /// The index of the subject.
    pub(crate) subject: usize,
    pub(crate) state: State,
    /// Whether the version is in the lock.
    pub(crate) is_released: bool,
}

/// What is to be done for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing: it is registered.
    Registered(SubjectVersion),
    /// It is to be registered.
    New,
    /// It is not registered and stays so: a newer one is, and the subject's latest version would become an older one.
    Behind,
}

impl SubjectPlan {
    /// Returns the level to set, where another one holds.
    pub(crate) fn level_to_set(&self) -> Option<Level> {
        self.level.filter(|level| self.level_now.as_deref() != Some(level.name()))
    }
}

impl<'l> Plan<'l> {
    /// Returns the versions of a subject.
    pub(crate) fn steps_of(&self, subject: usize) -> impl Iterator<Item = &Step<'l>> {
        self.steps.iter().filter(move |step| step.subject == subject)
    }

    /// Returns the versions of a subject that are none of the manifest.
    pub(crate) fn unknown(&self, subject: usize) -> Vec<u32> {
        let is_known = |version: &u32| {
            self.steps_of(subject).any(|step| matches!(&step.state, State::Registered(it) if it.version == *version))
        };
        let versions = self.subjects.get(subject).map_or(&[][..], |subject| &subject.versions);
        versions.iter().copied().filter(|version| !is_known(version)).collect()
    }

    /// Returns whether there is something to do.
    pub(crate) fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| step.state == State::New)
            || self.subjects.iter().any(|subject| subject.level_to_set().is_some())
    }

    /// Returns the schema of a step as it is registered, or `None` as long as something is not that it refers to.
    pub(crate) fn text(&self, step: &Step<'_>) -> Option<SchemaText> {
        let version = step.candidate.version;
        let mut references = Vec::new();
        for reference in version.references.iter().filter(|reference| reference.is_direct) {
            let used = self.steps.iter().find(|used| used.candidate.is_meant(reference))?;
            let State::Registered(found) = &used.state else { return None };
            let (name, subject) = (reference.name.clone(), used.candidate.subject.clone());
            references.push(ReferenceEntry { name, subject, version: found.version });
        }
        Some(SchemaText { format: version.schema.format(), text: version.schema.text().to_owned(), references })
    }
}

pub(crate) async fn run(arguments: &PlanArguments) -> anyhow::Result<Exit> {
    let loaded = load::load(&arguments.manifest);
    let Some(plan) = checked(&loaded, arguments).await? else { return Ok(Exit::Findings) };
    print(&plan, arguments.format)?;
    let is_compatible = refuse(&plan, arguments.format)?;
    match plan.has_changes() {
        true if is_compatible => screen::summary("help: `eventwright register` does this"),
        false => screen::summary("nothing to do"),
        _ => {}
    }
    Ok(if plan.has_changes() || !is_compatible { Exit::Findings } else { Exit::Done })
}

/// Makes the plan of a manifest; one that does not pass the check is shown, and has none.
///
/// # Errors
/// A manifest that cannot be read, or a registry that does not answer.
pub(crate) async fn checked<'l>(loaded: &'l Loaded, arguments: &PlanArguments) -> anyhow::Result<Option<Plan<'l>>> {
    let outcome = Outcome::of_manifest(loaded);
    if !outcome.errors.is_empty() || !outcome.is_compatible() {
        let rendering = match arguments.format {
            PlanFormat::Text => Rendering::Text,
            PlanFormat::Json => Rendering::Json,
        };
        return match render::print(&outcome, rendering)? {
            Exit::Failed => Err(anyhow!("nothing can be planned for {}", arguments.manifest.display())),
            _ => Ok(None),
        };
    }
    let settings = settings::of_registry(&arguments.registry)?;
    let registry = Registry::reach(&settings).await?;
    let mut plan = look(loaded, &registry, settings.prefix.as_deref()).await?;
    settle(&mut plan, arguments.include_older);
    plan.outcome = Outcome { results: compared::results(&registry, &plan).await?, ..outcome };
    Ok(Some(plan))
}

/// Shows what is not compatible; returns whether all is.
pub(crate) fn refuse(plan: &Plan<'_>, format: PlanFormat) -> anyhow::Result<bool> {
    let is_compatible = plan.outcome.is_compatible();
    if !is_compatible && format == PlanFormat::Text {
        render::print(&plan.outcome, Rendering::Text)?;
        screen::note("nothing is registered as long as this is so");
    }
    Ok(is_compatible)
}

/// Takes back what would make an old version the latest of its subject, unless somebody refers to it who is new.
fn settle(plan: &mut Plan<'_>, include_older: bool) {
    if include_older {
        return;
    }
    let mut with_newer = vec![false; plan.subjects.len()];
    let mut needed: Vec<&LoadedReference> = Vec::new();
    for step in plan.steps.iter_mut().rev() {
        let Some(has_newer) = with_newer.get_mut(step.subject) else { continue };
        match step.state {
            State::Registered(_) => *has_newer = true,
            // Who refers to a type comes behind it, so that all who need this one were here already.
            State::New if *has_newer && !needed.iter().any(|one| step.candidate.is_meant(one)) => {
                step.state = State::Behind;
            }
            State::New | State::Behind => {
                let version = step.candidate.version;
                needed.extend(version.references.iter().filter(|one| one.is_direct));
            }
        }
    }
}
