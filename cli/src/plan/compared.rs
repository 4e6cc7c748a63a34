//! Whether the registry would take what is new, in the words of the check.

use eventwright_schema::compat::history::Checked;
use eventwright_schema::compat::{self, AnySchema, Level};

use super::{Plan, State, Step, SubjectPlan};
use crate::registry::Registry;

/// Compares the new versions of each subject with those before them, as the registry will at the level that will hold.
///
/// # Errors
/// A registry that does not answer, or a schema of it that cannot be read.
pub(super) async fn results(registry: &Registry, plan: &Plan<'_>) -> anyhow::Result<Vec<Checked>> {
    let mut results: Vec<Checked> = Vec::new();
    for (index, subject) in plan.subjects.iter().enumerate() {
        let new: Vec<&Step<'_>> = plan.steps_of(index).filter(|step| step.state == State::New).collect();
        if new.is_empty() {
            continue;
        }
        for one in of_subject(registry, subject, &new).await? {
            match results.iter_mut().find(|known| known.kind == one.kind && known.name == one.name) {
                Some(known) => {
                    known.versions += one.versions;
                    known.report.findings.extend(one.report.findings);
                    known.report.warnings.extend(one.report.warnings);
                    known.report.omitted += one.report.omitted;
                }
                None => results.push(one),
            }
        }
    }
    Ok(results)
}

async fn of_subject(registry: &Registry, subject: &SubjectPlan, new: &[&Step<'_>]) -> anyhow::Result<Vec<Checked>> {
    let of_registry = || subject.level_now.as_deref().and_then(|level| level.parse().ok());
    let level = subject.level.or_else(of_registry).unwrap_or(Level::None);
    let read = registry.history(&subject.name, &subject.versions, level).await?;
    let mut history: Vec<(String, &AnySchema)> = read.iter().map(|(label, schema)| (label.clone(), schema)).collect();
    let mut results = Vec::new();
    for step in new {
        let candidate = (format!("v{}", step.candidate.version.number), &step.candidate.version.schema);
        let report = compat::check(level, &history, candidate.clone());
        let (kind, name) = (step.candidate.kind, step.candidate.name.to_owned());
        results.push(Checked { kind, name, versions: 1, report });
        history.push(candidate);
    }
    Ok(results)
}
