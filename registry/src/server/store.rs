//! The registry as a state machine: subjects, versions, schemas, settings. No I/O, no clock: the same requests in the
//! same order give the same ids and the same answers.
//!
//! In: requests whose parts were checked. Out: answers, or a [`Refusal`]. Whatever is refused changes nothing: each
//! operation decides first and writes last.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eventwright_schema::compat::{AnySchema, Level};

use super::candidate::Candidate;
use super::compatibility::problems;
use super::identity::Identity;
use super::refusal::Refusal;
use super::settings::{Layered, Mode};
use super::subject::{Deleted, Deletion, Subject};
use crate::api::SchemaBody;
use crate::{ReferenceEntry, VersionSpec};

/// All that a registry knows.
#[derive(Debug)]
pub(super) struct State {
    schemas: BTreeMap<u32, Stored>,
    ids: HashMap<Identity, u32>,
    last_id: u32,
    subjects: BTreeMap<Subject, Versions>,
    pub(super) levels: Layered<Level>,
    modes: Layered<Mode>,
}

/// The versions of one subject; there is one at least.
type Versions = BTreeMap<u32, Entry>;

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: u32,
    deleted: bool,
}

/// A registered schema.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: u32,
    pub(super) text: String,
    pub(super) references: Vec<ReferenceEntry>,
    pub(super) schema: AnySchema,
}

/// Which versions a candidate is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// Those that the level names.
    Level,
    /// This one.
    Version(VersionSpec),
}

impl Default for State {
    fn default() -> Self {
        Self {
            schemas: BTreeMap::new(),
            ids: HashMap::new(),
            last_id: 0,
            subjects: BTreeMap::new(),
            levels: Layered::new(Level::Backward),
            modes: Layered::new(Mode::ReadWrite),
        }
    }
}

/// Registration and what comes before it.
impl State {
    /// Registers a schema and returns its id; what the subject has already keeps its version and id.
    pub(super) fn register(&mut self, subject: &Subject, body: &SchemaBody) -> Result<u32, Refusal> {
        let candidate = Candidate::parse(self, body)?;
        let known = self.ids.get(&candidate.identity).copied();
        let versions = self.subjects.get(subject);
        let is_active = |id| versions.is_some_and(|versions| versions.values().any(|one| one.id == id && !one.deleted));
        if let Some(id) = known.filter(|&id| is_active(id)) {
            return Ok(id);
        }
        self.refuse_unless_writable(subject)?;
        let texts = problems(self.levels.effective(subject), &self.history(subject), &candidate.schema);
        if !texts.is_empty() {
            return Err(Refusal::incompatible(subject, &texts));
        }
        let id = known.unwrap_or_else(|| self.store(candidate));
        let versions = self.subjects.entry(subject.clone()).or_default();
        let version = versions.last_key_value().map_or(1, |(last, _)| last + 1);
        versions.insert(version, Entry { id, deleted: false });
        tracing::debug!(%subject, version, id, "schema registered");
        Ok(id)
    }

    fn store(&mut self, candidate: Candidate) -> u32 {
        let Candidate { identity, text, references, schema } = candidate;
        self.last_id += 1;
        let id = self.last_id;
        self.ids.insert(identity, id);
        self.schemas.insert(id, Stored { id, text, references, schema });
        id
    }

    /// Returns the newest version of the subject that has exactly this schema.
    pub(super) fn lookup(
        &self,
        subject: &Subject,
        body: &SchemaBody,
        deleted: Deleted,
    ) -> Result<(u32, &Stored), Refusal> {
        let versions = self.counted(subject, deleted)?;
        let candidate = Candidate::parse(self, body)?;
        let id = self.ids.get(&candidate.identity).ok_or_else(Refusal::schema_not_found)?;
        let found = versions.into_iter().rev().find(|(_, entry)| entry.id == *id);
        found.map(|(version, _)| (version, self.stored(*id))).ok_or_else(Refusal::schema_not_found)
    }

    /// Returns why a schema could not follow what the subject has; nothing if it could.
    pub(super) fn check(&self, subject: &Subject, against: Against, body: &SchemaBody) -> Result<Vec<String>, Refusal> {
        let history = match against {
            Against::Level => self.history(subject),
            Against::Version(version) => match (self.version(subject, version, Deleted::Hidden), version) {
                (Ok(found), _) => vec![found],
                // Whatever is first is compatible.
                (Err(_), VersionSpec::Latest) => Vec::new(),
                (Err(refusal), VersionSpec::Number(_)) => return Err(refusal),
            },
        };
        let candidate = Candidate::parse(self, body)?;
        Ok(problems(self.levels.effective(subject), &history, &candidate.schema))
    }

    /// Returns the versions that are not deleted, oldest first.
    fn history(&self, subject: &Subject) -> Vec<(u32, &Stored)> {
        let versions = self.subjects.get(subject).into_iter().flatten();
        versions.filter(|(_, entry)| !entry.deleted).map(|(version, entry)| (*version, self.stored(entry.id))).collect()
    }

    fn refuse_unless_writable(&self, subject: &Subject) -> Result<(), Refusal> {
        match self.mode(subject) {
            Mode::ReadWrite => Ok(()),
            Mode::ReadOnly | Mode::ReadOnlyOverride => {
                Err(Refusal::not_permitted(format!("Subject {subject} is in read-only mode")))
            }
            Mode::Import => Err(Refusal::not_permitted(format!(
                "Subject {subject} is in import mode, and this registry does not import by id yet; set READWRITE"
            ))),
        }
    }
}

/// Reading.
impl State {
    /// Returns the subjects with a version that counts.
    pub(super) fn subjects(&self, prefix: &str, deleted: Deleted) -> Vec<&str> {
        let counted = self.subjects.iter().filter(|(_, versions)| match deleted {
            // A subject is deleted when all its versions are.
            Deleted::Only => versions.values().all(|entry| entry.deleted),
            _ => versions.values().any(|entry| deleted.counts(entry.deleted)),
        });
        counted.map(|(subject, _)| subject.as_str()).filter(|subject| subject.starts_with(prefix)).collect()
    }

    /// Returns the numbers of the versions that count, oldest first.
    pub(super) fn versions(&self, subject: &Subject, deleted: Deleted) -> Result<Vec<u32>, Refusal> {
        Ok(self.counted(subject, deleted)?.into_iter().map(|(version, _)| version).collect())
    }

    /// Returns one version, by its number or as the newest that counts.
    pub(super) fn version(
        &self,
        subject: &Subject,
        version: VersionSpec,
        deleted: Deleted,
    ) -> Result<(u32, &Stored), Refusal> {
        let versions = self.counted(subject, deleted)?;
        let found = match version {
            VersionSpec::Latest => versions.last(),
            VersionSpec::Number(number) => versions.iter().find(|(version, _)| *version == number),
        };
        let (number, entry) = found.ok_or_else(|| Refusal::version_not_found(version))?;
        Ok((*number, self.stored(entry.id)))
    }

    /// Returns every version that counts of every subject: subject, version, schema.
    pub(super) fn all(&self, prefix: &str, deleted: Deleted) -> impl Iterator<Item = (&str, u32, &Stored)> {
        let subjects = self.subjects.iter().filter(move |(subject, _)| subject.as_str().starts_with(prefix));
        subjects.flat_map(move |(subject, versions)| {
            let counted = versions.iter().filter(move |(_, entry)| deleted.counts(entry.deleted));
            counted.map(|(version, entry)| (subject.as_str(), *version, self.stored(entry.id)))
        })
    }

    /// Returns the schema of an id, also if it is deleted, but not permanently.
    pub(super) fn schema(&self, id: u32) -> Result<&Stored, Refusal> {
        self.schemas.get(&id).ok_or_else(|| Refusal::id_not_found(id))
    }

    /// Returns where an id is registered.
    pub(super) fn places_of(&self, id: u32, deleted: Deleted) -> Result<Vec<(&str, u32)>, Refusal> {
        self.schema(id)?;
        let here = self.all("", deleted).filter(|(_, _, stored)| stored.id == id);
        Ok(here.map(|(subject, version, _)| (subject, version)).collect())
    }

    /// Returns the ids of the schemas in use that refer to that version.
    pub(super) fn referenced_by(&self, subject: &Subject, version: u32) -> Vec<u32> {
        let refers = |entry: &ReferenceEntry| entry.subject == subject.as_str() && entry.version == version;
        let active = self.all("", Deleted::Hidden).map(|(_, _, stored)| stored);
        let referring: BTreeSet<u32> =
            active.filter(|stored| stored.references.iter().any(refers)).map(|stored| stored.id).collect();
        referring.into_iter().collect()
    }

    /// Returns the highest id that was ever given.
    pub(super) fn last_id(&self) -> u32 {
        self.last_id
    }

    /// Returns the versions that count; a subject without any is not found.
    fn counted(&self, subject: &Subject, deleted: Deleted) -> Result<Vec<(u32, Entry)>, Refusal> {
        let versions = self.subjects.get(subject).into_iter().flatten();
        let counted: Vec<_> = versions
            .filter(|(_, entry)| deleted.counts(entry.deleted))
            .map(|(version, entry)| (*version, *entry))
            .collect();
        if counted.is_empty() { Err(Refusal::subject_not_found(subject)) } else { Ok(counted) }
    }

    fn stored(&self, id: u32) -> &Stored {
        self.schemas.get(&id).expect("a schema stays as long as a version has its id")
    }
}

/// Deletion.
impl State {
    /// Deletes a subject and returns the versions that it had.
    pub(super) fn delete_subject(&mut self, subject: &Subject, deletion: Deletion) -> Result<Vec<u32>, Refusal> {
        let all = self.counted(subject, Deleted::Shown)?;
        self.refuse_unless_writable(subject)?;
        let active: Vec<u32> = all.iter().filter(|(_, entry)| !entry.deleted).map(|(version, _)| *version).collect();
        let doomed = match deletion {
            Deletion::Soft if active.is_empty() => return Err(Refusal::subject_soft_deleted(subject)),
            Deletion::Soft => active,
            Deletion::Permanent if !active.is_empty() => return Err(Refusal::subject_not_soft_deleted(subject)),
            Deletion::Permanent => all.iter().map(|(version, _)| *version).collect(),
        };
        for &version in &doomed {
            self.refuse_if_referenced(subject, version)?;
        }
        self.delete(subject, &doomed, deletion);
        self.levels.remove(subject);
        self.modes.remove(subject);
        Ok(doomed)
    }

    /// Deletes one version and returns its number.
    pub(super) fn delete_version(
        &mut self,
        subject: &Subject,
        version: VersionSpec,
        deletion: Deletion,
    ) -> Result<u32, Refusal> {
        let counted = match (version, deletion) {
            (VersionSpec::Latest, Deletion::Soft) => Deleted::Hidden,
            _ => Deleted::Shown,
        };
        let (version, _) = self.version(subject, version, counted)?;
        self.refuse_unless_writable(subject)?;
        let is_deleted = self.version(subject, VersionSpec::Number(version), Deleted::Only).is_ok();
        match deletion {
            Deletion::Soft if is_deleted => return Err(Refusal::version_soft_deleted(subject, version)),
            Deletion::Permanent if !is_deleted => return Err(Refusal::version_not_soft_deleted(subject, version)),
            _ => {}
        }
        self.refuse_if_referenced(subject, version)?;
        self.delete(subject, &[version], deletion);
        Ok(version)
    }

    fn refuse_if_referenced(&self, subject: &Subject, version: u32) -> Result<(), Refusal> {
        let by = self.referenced_by(subject, version);
        if by.is_empty() { Ok(()) } else { Err(Refusal::reference_exists(subject, version, &by)) }
    }

    fn delete(&mut self, subject: &Subject, doomed: &[u32], deletion: Deletion) {
        let Some(versions) = self.subjects.get_mut(subject) else { return };
        match deletion {
            Deletion::Soft => {
                for (_, entry) in versions.iter_mut().filter(|(version, _)| doomed.contains(version)) {
                    entry.deleted = true;
                }
            }
            Deletion::Permanent => {
                versions.retain(|version, _| !doomed.contains(version));
                if versions.is_empty() {
                    self.subjects.remove(subject);
                }
                self.forget_unused();
            }
        }
    }

    /// Drops the schemas that no version has any more; their ids are not given again.
    fn forget_unused(&mut self) {
        let used: BTreeSet<u32> = self.all("", Deleted::Shown).map(|(_, _, stored)| stored.id).collect();
        self.schemas.retain(|id, _| used.contains(id));
        self.ids.retain(|_, id| used.contains(id));
    }
}

/// Modes.
impl State {
    /// Returns the mode that a subject is in.
    pub(super) fn mode(&self, subject: &Subject) -> Mode {
        match self.modes.global() {
            Mode::ReadOnlyOverride => Mode::ReadOnlyOverride,
            _ => self.modes.effective(subject),
        }
    }

    /// Returns the global modes and those of single subjects.
    pub(super) fn modes(&self) -> &Layered<Mode> {
        &self.modes
    }

    /// Takes a subject's own mode away and returns it.
    pub(super) fn remove_mode(&mut self, subject: &Subject) -> Option<Mode> {
        self.modes.remove(subject)
    }

    /// Sets the mode of a subject, or the global one. Schemas are imported into nothing that has other ids already,
    /// unless that is wanted so.
    pub(super) fn set_mode(&mut self, subject: Option<Subject>, mode: Mode, force: Force) -> Result<(), Refusal> {
        let has_versions = match &subject {
            Some(subject) => self.subjects.contains_key(subject),
            None => !self.subjects.is_empty(),
        };
        if mode == Mode::Import && has_versions && force == Force::No {
            return Err(Refusal::not_permitted("Cannot import since found existing subjects; set force=true"));
        }
        if mode == Mode::ReadOnlyOverride && subject.is_some() {
            return Err(Refusal::not_permitted("READONLY_OVERRIDE is a global mode"));
        }
        self.modes.set(subject, mode);
        Ok(())
    }
}

/// Whether a mode is set in spite of what speaks against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    No,
    Yes,
}

#[cfg(test)]
mod tests;
