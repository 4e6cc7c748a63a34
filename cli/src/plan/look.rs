//! Asks a registry what it has of a manifest.

use std::collections::HashMap;

use eventwright_schema::compat::Level;
use eventwright_schema::compat::history::Kind;
use eventwright_schema::load::Loaded;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::candidates::{Candidate, candidates};
use super::{Plan, State, Step, SubjectPlan};
use crate::registry::{AT_ONCE, Registry};
use crate::render::Outcome;

/// Returns a plan in which everything is new that is not registered, and nothing was compared yet.
///
/// # Errors
/// A registry that does not answer.
pub(crate) async fn look<'l>(
    loaded: &'l Loaded,
    registry: &Registry,
    prefix: Option<&str>,
) -> anyhow::Result<Plan<'l>> {
    let candidates = candidates(loaded, prefix);
    let (names, indexes) = subjects_of(&candidates);
    let global = registry.ask(async |client| client.level(None).await).await?.unwrap_or_default();
    let subjects = stream::iter(names).map(|one| subject(registry, one, global.as_ref())).buffered(AT_ONCE);
    let subjects: Vec<SubjectPlan> = subjects.try_collect().await?;
    let step = |(candidate, subject): (Candidate<'l>, usize)| Step {
        is_released: loaded.lock.get(&candidate.id).is_some(),
        candidate,
        subject,
        state: State::New,
    };
    let steps = candidates.into_iter().zip(indexes).map(step);
    let (types, others): (Vec<Step<'l>>, Vec<Step<'l>>) = steps.partition(|step| step.candidate.kind == Kind::Type);
    let mut plan = Plan { registry: registry.shown(), subjects, steps: Vec::new(), outcome: Outcome::default() };
    // Types may refer to those before them, and only types are referred to.
    for step in types {
        let state = find(&plan, registry, &step).await?;
        plan.steps.push(Step { state, ..step });
    }
    let states = stream::iter(&others).map(|step| find(&plan, registry, step)).buffered(AT_ONCE);
    let states: Vec<State> = states.try_collect().await?;
    plan.steps.extend(others.into_iter().zip(states).map(|(step, state)| Step { state, ..step }));
    Ok(plan)
}

/// Returns the subjects with their levels, and for each candidate the index of its own.
fn subjects_of(candidates: &[Candidate<'_>]) -> (Vec<(String, Option<Level>)>, Vec<usize>) {
    let mut subjects: Vec<(String, Option<Level>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut indexes = Vec::with_capacity(candidates.len());
    for Candidate { subject, level, .. } in candidates {
        let index = known.entry(subject).or_insert_with(|| {
            subjects.push((subject.clone(), *level));
            subjects.len() - 1
        });
        indexes.push(*index);
    }
    (subjects, indexes)
}

async fn subject(
    registry: &Registry,
    (name, level): (String, Option<Level>),
    global: Option<&String>,
) -> anyhow::Result<SubjectPlan> {
    let own = registry.ask(async |client| client.level(Some(&name)).await).await??;
    let versions = registry.versions(&name).await?;
    Ok(SubjectPlan { name, level_now: own.or_else(|| global.cloned()), level, versions })
}

/// A version that refers to what is not registered cannot be registered itself.
async fn find(plan: &Plan<'_>, registry: &Registry, step: &Step<'_>) -> anyhow::Result<State> {
    let is_empty = plan.subjects.get(step.subject).is_none_or(|subject| subject.versions.is_empty());
    let Some(text) = plan.text(step).filter(|_| !is_empty) else { return Ok(State::New) };
    let found = registry.look_up(&step.candidate.label(), &step.candidate.subject, &text).await?;
    Ok(found.map_or(State::New, State::Registered))
}
