//! What a registry has: the newest versions must be compatible with it, and released ones must be what it has.

use eventwright_schema::compat::{self, AnySchema, Finding, Level, Report, registered};
use eventwright_schema::load::Loaded;

use crate::args::RegistryOptions;
use crate::plan::{self, Plan, State, Step, SubjectPlan};
use crate::registry::Registry;
use crate::settings;

/// Compares every subject of a manifest with the registry, at the level that the registry has for it.
pub(super) async fn check(loaded: &Loaded, options: &RegistryOptions) -> anyhow::Result<Vec<(String, Report)>> {
    let settings = settings::of_registry(options)?;
    let registry = Registry::reach(&settings).await?;
    let plan = plan::look(loaded, &registry, settings.prefix.as_deref()).await?;
    let mut reports = Vec::new();
    for (index, subject) in plan.subjects.iter().enumerate() {
        let steps: Vec<&Step<'_>> = plan.steps_of(index).collect();
        let Some(newest) = steps.last().filter(|_| !subject.versions.is_empty()) else { continue };
        let mut report = newest_of(&registry, subject, newest).await?;
        let (differing, unknown) = disagreements(&plan, index, &steps, newest);
        report.findings.extend(differing);
        report.warnings.extend(unknown);
        reports.push((newest.candidate.name.to_owned(), report));
    }
    Ok(reports)
}

/// Compares the newest version with those that the registry has before it: all, where it is not registered.
async fn newest_of(registry: &Registry, subject: &SubjectPlan, newest: &Step<'_>) -> anyhow::Result<Report> {
    let level = subject.level_now.as_deref().and_then(|level| level.parse().ok()).unwrap_or(Level::None);
    let before = match &newest.state {
        State::Registered(found) => subject.versions.iter().filter(|version| **version < found.version).count(),
        State::New | State::Behind => subject.versions.len(),
    };
    let before = subject.versions.get(..before).unwrap_or_default();
    let history = registry.history(&subject.name, before, level).await?;
    let history: Vec<(String, &AnySchema)> = history.iter().map(|(label, schema)| (label.clone(), schema)).collect();
    let version = newest.candidate.version;
    Ok(compat::check(level, &history, (format!("v{}", version.number), &version.schema)))
}

/// Finds the released versions in whose place the registry has something else, and what else no file has.
fn disagreements(
    plan: &Plan<'_>,
    subject: usize,
    steps: &[&Step<'_>],
    newest: &Step<'_>,
) -> (Vec<Finding>, Vec<Finding>) {
    let (mut differing, mut others) = (Vec::new(), Vec::new());
    for version in plan.unknown(subject) {
        let label = format!("version {version} of `{}`", newest.candidate.subject);
        let in_place = |step: &&&Step<'_>| {
            step.is_released && step.candidate.version.number == version && step.state == State::New
        };
        match steps.iter().find(in_place) {
            Some(step) => differing.push(registered::differs(step.candidate.name, step.candidate.version, &label)),
            None => others.push(registered::unknown(newest.candidate.name, newest.candidate.version, &label)),
        }
    }
    (differing, others)
}
