//! What a replay tells: an entry for each letter whose turn came, and numbers at the end.

use std::fmt;

use serde::Serialize;

use super::letter::{Letter, Summary};

/// A letter whose turn came, and what became of it; in a dry run, what would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// The letter.
    #[serde(flatten)]
    pub letter: Summary,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It was written to that topic.
    #[non_exhaustive]
    Replay {
        /// The topic.
        to: String,
    },
    /// It was left where it is, because it does not say where it came from.
    Foreign(String),
    /// It was left where it is, because a typed function, a schema or the broker refuses it.
    Refused(String),
}

/// The numbers of a replay. Letters that its filters do not select are only counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Nothing was written.
    pub dry_run: bool,
    /// The replay was stopped before its end.
    pub interrupted: bool,
    /// Letters that were written; in a dry run, that would have been.
    pub replayed: u64,
    /// Letters that were replayed before, by this replay or an earlier one.
    pub already_replayed: u64,
    /// Records that do not say where they came from, and were left where they are.
    pub foreign: u64,
    /// Letters that could not be written, and were left where they are.
    pub refused: u64,
    /// Letters that no filter meant.
    pub not_selected: u64,
}

impl Entry {
    pub(crate) fn new(letter: &Letter, verdict: Verdict) -> Self {
        Self { letter: letter.summary(), verdict }
    }
}

impl Report {
    pub(crate) fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Replay { .. } => self.replayed += 1,
            Verdict::Foreign(_) => self.foreign += 1,
            Verdict::Refused(_) => self.refused += 1,
        }
    }
}

/// A few lines for reading.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  ", self.letter)?;
        match &self.verdict {
            Verdict::Replay { to } => write!(f, "-> {}", to.escape_debug()),
            Verdict::Foreign(why) => write!(f, "left, it is foreign: {}", why.escape_debug()),
            Verdict::Refused(why) => write!(f, "left: {}", why.escape_debug()),
        }
    }
}

/// One line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.dry_run { "would be replayed" } else { "replayed" };
        write!(f, "{} {done}", self.replayed)?;
        let others = [
            (self.already_replayed, "replayed before"),
            (self.foreign, "foreign and left"),
            (self.refused, "refused and left"),
            (self.not_selected, "not selected"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        if self.interrupted { f.write_str("; interrupted: the same command goes on from here") } else { Ok(()) }
    }
}
