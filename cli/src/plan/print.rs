//! A plan for people, a line a change; and for scripts, one JSON object.

use serde_json::{Value, json};

use super::{Plan, State, Step, SubjectPlan};
use crate::args::PlanFormat;
use crate::{output, render};

/// Prints a plan on standard output.
///
/// # Errors
/// An output that cannot be written.
pub(crate) fn print(plan: &Plan<'_>, format: PlanFormat) -> anyhow::Result<()> {
    let printed = match format {
        PlanFormat::Text => {
            plan.subjects.iter().enumerate().map(|(index, subject)| text_of(plan, index, subject)).collect::<String>()
        }
        PlanFormat::Json => format!("{:#}", object(plan)),
    };
    output::print(&printed)
}

fn text_of(plan: &Plan<'_>, index: usize, subject: &SubjectPlan) -> String {
    let steps: Vec<&Step<'_>> = plan.steps_of(index).collect();
    let unknown = plan.unknown(index);
    let count = steps.iter().filter(|step| step.state == State::New).count();
    let mut changes = Vec::new();
    if subject.versions.is_empty() {
        changes.push("new subject".to_owned());
    } else if count > 0 {
        changes.push(format!("{count} new version{}", if count == 1 { "" } else { "s" }));
    }
    if let Some(level) = subject.level_to_set() {
        changes.push(format!("level {} -> {level}", subject.level_now.as_deref().unwrap_or("unknown")));
    }
    if changes.is_empty() {
        changes.push("unchanged".to_owned());
    }
    let mut out = format!("{}: {}\n", subject.name, changes.join(", "));
    out.extend(steps.iter().map(|step| line(step)));
    out.extend(unknown.iter().map(|version| {
        format!("  ? version {version} is not in the manifest; help: `eventwright pull` takes it over\n")
    }));
    out
}

fn line(step: &Step<'_>) -> String {
    let label = step.candidate.label();
    match &step.state {
        State::Registered(found) => format!("    {label} = version {}, id {}\n", found.version, found.id),
        State::New if step.is_released => format!("  + {label}\n"),
        State::New => format!("  + {label} (not released)\n"),
        State::Behind => format!(
            "  - {label} is not registered, and stays so: a newer one is, and this one would become the latest; \
             help: --include-older\n"
        ),
    }
}

fn object(plan: &Plan<'_>) -> Value {
    let subjects = plan.subjects.iter().enumerate().map(|(index, subject)| {
        let steps: Vec<&Step<'_>> = plan.steps_of(index).collect();
        let has_new = steps.iter().any(|step| step.state == State::New);
        json!({
            "subject": subject.name,
            "new": subject.versions.is_empty(),
            "changes": has_new || subject.level_to_set().is_some(),
            "level": {"now": subject.level_now, "then": subject.level_to_set().map(|level| level.name())},
            "versions": steps.iter().map(|step| version(step)).collect::<Vec<_>>(),
            "unknown": plan.unknown(index),
        })
    });
    json!({
        "format_version": 1,
        "registry": plan.registry,
        "changes": plan.has_changes(),
        "compatible": plan.outcome.is_compatible(),
        "subjects": subjects.collect::<Vec<_>>(),
        "results": render::results(&plan.outcome),
    })
}

fn version(step: &Step<'_>) -> Value {
    let (state, found) = match &step.state {
        State::Registered(found) => ("registered", Some(found)),
        State::New => ("new", None),
        State::Behind => ("behind", None),
    };
    json!({
        "kind": step.candidate.kind.name(),
        "event": step.candidate.name,
        "version": format!("v{}", step.candidate.version.number),
        "state": state,
        "registered_version": found.map(|found| found.version),
        "id": found.map(|found| found.id.0),
        "released": step.is_released,
    })
}
