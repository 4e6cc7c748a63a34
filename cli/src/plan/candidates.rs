//! What a manifest has to register, in the order in which it can be registered.
//!
//! In: what was loaded. Out: every version with its subject: shared types, each after what it refers to, then the events in the
//! manifest's order, each after its key; versions oldest first. Equal manifests so give a fresh registry equal ids.

use std::collections::HashSet;

use eventwright_schema::compat::Level;
use eventwright_schema::compat::history::Kind;
use eventwright_schema::load::{Loaded, LoadedEvent, LoadedReference, LoadedType, LoadedVersion};
use eventwright_schema::lock::VersionId;

use crate::manifest;

/// A version and where it is to be registered.
#[derive(Debug)]
pub(crate) struct Candidate<'l> {
    pub(crate) kind: Kind,
    /// The name in the manifest.
    pub(crate) name: &'l str,
    pub(crate) subject: String,
    /// The level that the manifest promises; `None` where each version has a subject of its own.
    pub(crate) level: Option<Level>,
    /// What the lock calls it.
    pub(crate) id: VersionId,
    pub(crate) version: &'l LoadedVersion,
}

impl Candidate<'_> {
    /// Returns what messages call it: `OrderCreated v2`.
    pub(crate) fn label(&self) -> String {
        format!("{} v{}", self.name, self.version.number)
    }

    /// Returns whether this is what a reference is to.
    pub(crate) fn is_meant(&self, reference: &LoadedReference) -> bool {
        self.kind == Kind::Type && self.name == reference.type_name && self.version.number == reference.version
    }
}

/// Returns every version; `prefix` is that of the process, where it has one.
pub(crate) fn candidates<'l>(loaded: &'l Loaded, prefix: Option<&str>) -> Vec<Candidate<'l>> {
    let first = loaded.events.first().map_or("", |event| &event.entry.prefix);
    let mut walk = Walk { loaded, prefix: prefix.unwrap_or(first), seen: HashSet::new(), found: Vec::new() };
    for one in &loaded.types {
        for version in &one.versions {
            walk.shared(one, version);
        }
    }
    let mut found = walk.found;
    let prefix = walk.prefix;
    let mut keys: HashSet<&str> = HashSet::new();
    for event in &loaded.events {
        let folder = event.entry.key_schema.as_ref().map(|folder| &folder.folder);
        let key = loaded.keys.iter().find(|key| Some(&key.entry.folder) == folder);
        let key = key.filter(|key| keys.insert(&key.entry.folder));
        found.extend(key.into_iter().flat_map(|key| of_event(key, Kind::Key, prefix)));
        found.extend(of_event(event, Kind::Event, prefix));
    }
    found
}

fn of_event<'l>(event: &'l LoadedEvent, kind: Kind, prefix: &str) -> impl Iterator<Item = Candidate<'l>> {
    let LoadedEvent { entry, versions } = event;
    versions.iter().map(move |version| Candidate {
        kind,
        name: &entry.name,
        subject: format!("{prefix}{}", manifest::subject(entry, version)),
        level: Some(entry.compatibility),
        id: VersionId::new(&entry.folder, version.number),
        version,
    })
}

/// One walk through the shared types.
struct Walk<'l, 'p> {
    loaded: &'l Loaded,
    prefix: &'p str,
    seen: HashSet<(&'l str, u32)>,
    found: Vec<Candidate<'l>>,
}

impl<'l> Walk<'l, '_> {
    fn shared(&mut self, one: &'l LoadedType, version: &'l LoadedVersion) {
        if !self.seen.insert((&one.entry.name, version.number)) {
            return;
        }
        let older = one.versions.iter().take_while(|older| older.number < version.number);
        older.for_each(|older| self.shared(one, older));
        let references = version.references.iter().filter_map(|reference| self.loaded.shared(reference));
        references.for_each(|(other, version)| self.shared(other, version));
        let level = self.loaded.manifest.as_ref().map(|manifest| manifest.compatibility);
        // Each version of an imported file has a subject of its own, its path, and so nothing to keep.
        let level = level.filter(|_| one.entry.has_history());
        self.found.push(Candidate {
            kind: Kind::Type,
            name: &one.entry.name,
            subject: format!("{}{}", self.prefix, one.subject(version)),
            level,
            id: VersionId::new(&one.entry.folder, version.number),
            version,
        });
    }
}
