//! Finds events and shared types that would be one module in Rust, or one subject in a registry.

use std::collections::{BTreeSet, HashMap};

use eventwright_schema::Diagnostic;

use crate::ir::Lowered;

/// Returns a diagnostic for each event or type whose Rust name or subject another one has.
pub(super) fn find(lowered: &Lowered) -> Vec<Diagnostic> {
    let mut wrong = same_modules(lowered);
    wrong.extend(same_subjects(lowered));
    wrong
}

fn same_modules(lowered: &Lowered) -> Vec<Diagnostic> {
    let types = lowered.types.iter().map(|one| (&one.module, &one.name, &one.diagnostic));
    let events = lowered.events.iter().map(|one| (&one.module, &one.name, &one.diagnostic));
    let mut seen: HashMap<String, &str> = HashMap::new();
    let mut wrong = Vec::new();
    for (module, name, diagnostic) in types.chain(events) {
        if let Some(other) = seen.insert(module.to_string(), name) {
            wrong.push(Diagnostic {
                message: format!("`{name}` and `{other}` are one module `{module}` in Rust"),
                help: "rename one of them".into(),
                ..diagnostic.clone()
            });
        }
    }
    wrong
}

/// Versions of two events under one subject would be versions of each other for the registry.
fn same_subjects(lowered: &Lowered) -> Vec<Diagnostic> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut wrong = Vec::new();
    for one in &lowered.types {
        let subjects: BTreeSet<_> = one.versions.iter().map(|version| version.subject.as_str()).collect();
        for subject in subjects {
            if let Some(other) = seen.insert(subject, &one.name) {
                wrong.push(Diagnostic {
                    message: format!("`{other}` and `{}` have one subject `{subject}`", one.name),
                    help: "give one of them another `subject`".into(),
                    ..one.diagnostic.clone()
                });
            }
        }
    }
    for event in &lowered.events {
        let subjects: BTreeSet<_> = event.versions.iter().map(|version| version.schema.subject.as_str()).collect();
        for subject in subjects {
            if let Some(other) = seen.insert(subject, &event.name) {
                wrong.push(Diagnostic {
                    message: format!("`{other}` and `{}` have one subject `{subject}`", event.name),
                    help: "rename the record of one, or set subject = \"topic-record\" if their topics differ".into(),
                    ..event.diagnostic.clone()
                });
            }
        }
    }
    wrong
}
