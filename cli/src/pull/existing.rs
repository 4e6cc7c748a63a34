//! What the manifest has already, and which of it the registry knows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use eventwright_schema::compact_json;
use eventwright_schema::compat::history::Kind;
use eventwright_schema::compat::{AnySchema, Level};
use eventwright_schema::load::Loaded;

use super::fetch::{Subject, Version};
use super::names::Taken;
use super::table;
use crate::plan::{Plan, State, Step};

/// A manifest as it is before the pull; empty where there is none.
pub(super) struct Existing {
    /// The manifest's folder.
    pub(super) root: PathBuf,
    /// What subjects begin with.
    pub(super) prefix: String,
    /// The manifest's text.
    pub(super) text: String,
    /// The level of events that have none of their own.
    pub(super) level: Level,
    pub(super) versions: Vec<Known>,
    names: Vec<String>,
    folders: Vec<String>,
    topics: BTreeMap<String, usize>,
}

/// A version of the manifest.
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) number: u32,
    /// Without the prefix.
    pub(super) subject: String,
    /// The registry's number, where it is registered.
    pub(super) registered: Option<u32>,
    text: String,
}

/// Where new versions of a subject go.
pub(super) struct Home {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) newest: u32,
}

impl Existing {
    /// Returns what there is where there is no manifest; `level` is that of the new one.
    pub(super) fn nothing(root: PathBuf, prefix: String, level: Level) -> Self {
        Self {
            root,
            prefix,
            text: table::beginning(level),
            level,
            versions: Vec::new(),
            names: Vec::new(),
            folders: Vec::new(),
            topics: BTreeMap::new(),
        }
    }

    /// Returns what a manifest has; `plan` says what of it is registered.
    pub(super) fn of(root: PathBuf, prefix: String, loaded: &Loaded, plan: &Plan<'_>) -> Self {
        let manifest = loaded.manifest.as_ref();
        let known = |step: &Step<'_>| Known {
            kind: step.candidate.kind,
            name: step.candidate.name.to_owned(),
            folder: step.candidate.id.folder.clone(),
            number: step.candidate.version.number,
            subject: step.candidate.subject.strip_prefix(&prefix).unwrap_or(&step.candidate.subject).to_owned(),
            registered: match &step.state {
                State::Registered(found) => Some(found.version),
                State::New | State::Behind => None,
            },
            text: content(&step.candidate.version.schema),
        };
        let events = loaded.events.iter().chain(&loaded.keys).map(|one| (&one.entry.name, &one.entry.folder));
        let all: Vec<_> = events.chain(loaded.types.iter().map(|one| (&one.entry.name, &one.entry.folder))).collect();
        let mut topics = BTreeMap::new();
        for event in &loaded.events {
            *topics.entry(event.entry.topic.clone()).or_default() += 1;
        }
        Self {
            root,
            text: manifest.map_or_else(String::new, |manifest| manifest.source.text.clone()),
            level: manifest.map_or(Level::BackwardTransitive, |manifest| manifest.compatibility),
            versions: plan.steps.iter().map(known).collect(),
            names: all.iter().map(|(name, _)| (*name).clone()).collect(),
            folders: all.iter().map(|(_, folder)| (*folder).clone()).collect(),
            topics,
            prefix,
        }
    }

    pub(super) fn taken(&self) -> Taken {
        let mut taken = Taken::default();
        self.names.iter().for_each(|name| taken.name(name));
        self.folders.iter().for_each(|folder| taken.folder(folder));
        taken
    }

    /// Returns the topics, with how many events each has.
    pub(super) fn topics(&self) -> BTreeMap<String, usize> {
        self.topics.clone()
    }

    pub(super) fn has(&self, subject: &str) -> bool {
        self.of_subject(subject).next().is_some()
    }

    fn of_subject<'e>(&'e self, subject: &'e str) -> impl Iterator<Item = &'e Known> {
        self.versions.iter().filter(move |known| known.subject == subject)
    }

    /// Returns where new versions of a subject go.
    pub(super) fn home(&self, subject: &str) -> Option<Home> {
        let last = self.of_subject(subject).last()?;
        let (kind, name, folder) = (last.kind, last.name.clone(), last.folder.clone());
        let newest = self.versions.iter().filter(|known| known.folder == folder).map(|known| known.number).max()?;
        Some(Home { kind, name, folder, newest })
    }

    /// Returns the versions of a subject that no file has.
    pub(super) fn unknown<'s>(&self, subject: &'s Subject) -> Vec<&'s Version> {
        let is_known = |version: &&Version| {
            let content = content(&version.schema);
            self.of_subject(&subject.name)
                .any(|known| known.registered == Some(version.number) || known.text == content)
        };
        subject.versions.iter().filter(|version| !is_known(version)).collect()
    }

    /// Returns a version of a subject that is not registered and newer than all that are.
    pub(super) fn unregistered(&self, subject: &str) -> Option<String> {
        let last = self.of_subject(subject).last()?;
        last.registered.is_none().then(|| format!("{} v{}", last.name, last.number))
    }
}

/// Returns what makes two texts the same without doubt; registries may know of more.
fn content(schema: &AnySchema) -> String {
    match schema {
        AnySchema::Avro(schema) => compact_json(schema.text()),
        AnySchema::Protobuf(schema) => schema.text().trim().to_owned(),
        AnySchema::Json(schema) => compact_json(schema.text()),
    }
}
