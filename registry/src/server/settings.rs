//! Compatibility levels and modes: global ones, and those of single subjects.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use eventwright_schema::compat::Level;

use super::refusal::Refusal;
use super::subject::Subject;

/// A global value, and values of single subjects that stand above it.
#[derive(Debug)]
pub(super) struct Layered<T> {
    default: T,
    global: T,
    subjects: BTreeMap<Subject, T>,
}

/// What may be done to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ReadWrite,
    ReadOnly,
    /// Read-only whatever a subject's own mode says; global only.
    ReadOnlyOverride,
    /// Schemas come with the ids that they had elsewhere.
    Import,
}

impl<T: Copy> Layered<T> {
    pub(super) fn new(default: T) -> Self {
        Self { default, global: default, subjects: BTreeMap::new() }
    }

    pub(super) fn global(&self) -> T {
        self.global
    }

    pub(super) fn own(&self, subject: &Subject) -> Option<T> {
        self.subjects.get(subject).copied()
    }

    /// Returns the subject's own value, or the global one.
    pub(super) fn effective(&self, subject: &Subject) -> T {
        self.own(subject).unwrap_or(self.global)
    }

    pub(super) fn set(&mut self, subject: Option<Subject>, value: T) {
        match subject {
            Some(subject) => drop(self.subjects.insert(subject, value)),
            None => self.global = value,
        }
    }

    /// Takes a subject's own value away and returns it.
    pub(super) fn remove(&mut self, subject: &Subject) -> Option<T> {
        self.subjects.remove(subject)
    }

    /// Gives the global value its default back and returns what it was.
    pub(super) fn reset(&mut self) -> T {
        std::mem::replace(&mut self.global, self.default)
    }
}

pub(super) fn parse_level(text: &str) -> Result<Level, Refusal> {
    text.parse().map_err(|_| Refusal::invalid_level(text))
}

impl Mode {
    const ALL: [Self; 4] = [Self::ReadWrite, Self::ReadOnly, Self::ReadOnlyOverride, Self::Import];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::ReadOnlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let known = Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| Refusal::invalid_mode(text, &Self::ALL.map(Self::name).join(", ")))
    }
}
