//! Findings that differ only in the older version: one for people, with the other versions.

use eventwright_schema::compat::Finding;

/// A finding, and the other older versions of which it is true.
pub(super) struct Folded<'f> {
    pub(super) finding: &'f Finding,
    pub(super) others: Vec<&'f str>,
}

impl Folded<'_> {
    /// Returns the message of the first finding, with the other versions.
    pub(super) fn message(&self) -> String {
        match self.others.join(", ") {
            others if others.is_empty() => self.finding.message.clone(),
            others => format!("{}; and of {others}", self.finding.message),
        }
    }
}

/// Puts findings of one message together, in the order of their first ones.
pub(super) fn fold<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<Folded<'f>> {
    let mut folded: Vec<Folded<'_>> = Vec::new();
    for finding in findings {
        match folded.iter_mut().find(|one| differs_in_version_only(one.finding, finding)) {
            Some(one) => one.others.push(&finding.old.label),
            None => folded.push(Folded { finding, others: Vec::new() }),
        }
    }
    folded
}

fn differs_in_version_only(one: &Finding, other: &Finding) -> bool {
    let place = |finding: &Finding| (finding.rule.id, finding.direction, finding.position, finding.severity);
    place(one) == place(other)
        && (&one.path, &one.source, &one.new, &one.help) == (&other.path, &other.source, &other.new, &other.help)
        && one.old.label != other.old.label
        && one.message.replace(&one.old.label, "") == other.message.replace(&other.old.label, "")
}
