//! What subjects become in a manifest: files, tables, and lines in the lock.
//!
//! In: what the registry has, and what the manifest has already. Out: an [`Adoption`], which is text only. The same subjects give
//! the same text.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eventwright_schema::compat::AnySchema;
use eventwright_schema::compat::history::Kind;
use eventwright_schema::lock::VersionId;
use eventwright_schema::manifest::SubjectStrategy;

use super::LeftOut;
use super::existing::Existing;
use super::fetch::{Fetched, Subject, Version};
use super::names::{Taken, snake, upper_camel};
use super::role::{self, Role};
use super::table::{self, Pins};

/// All that is to be written, and what is said of it.
#[derive(Debug, Default)]
pub(super) struct Adoption {
    pub(super) files: Vec<NewFile>,
    /// The whole text of the manifest.
    pub(super) manifest: String,
    pub(super) adopted: Vec<Adopted>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A file of a version.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) subject: String,
    pub(super) id: VersionId,
    /// From the manifest's folder.
    pub(super) path: String,
    pub(super) text: String,
}

/// A subject that is taken, in words.
#[derive(Debug)]
pub(super) struct Adopted {
    pub(super) subject: String,
    /// The head of its table in the manifest; a key has none.
    pub(super) table: String,
    pub(super) what: String,
    pub(super) notes: Vec<String>,
}

/// A subject that the manifest does not have yet.
#[derive(Debug)]
pub(super) struct Entry<'s> {
    pub(super) subject: &'s Subject,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) key_folder: Option<String>,
}

/// Says what becomes of each subject but for those that are `excluded`, with the reason.
pub(super) fn make(fetched: &Fetched, existing: &Existing, excluded: &BTreeMap<String, String>) -> Adoption {
    let mut work = Work {
        existing,
        adoption: Adoption::default(),
        taken: existing.taken(),
        entries: Vec::new(),
        additions: Vec::new(),
    };
    let leave = |(subject, why): (&String, &String)| LeftOut { subject: subject.clone(), why: why.clone() };
    work.adoption.left_out.extend(excluded.iter().map(leave));
    let subjects: Vec<&Subject> = fetched.subjects.values().filter(|one| !excluded.contains_key(&one.name)).collect();
    let used = used_names(&subjects, &existing.prefix);
    for subject in subjects {
        if existing.has(&subject.name) {
            work.addition(subject);
        } else {
            work.entry(subject, used.get(&subject.name).unwrap_or(&BTreeSet::new()));
        }
    }
    work.leave_crowded_topics();
    work.place_keys();
    work.leave_dangling();
    work.write()
}

/// Returns by which names others refer to each subject.
fn used_names(subjects: &[&Subject], prefix: &str) -> HashMap<String, BTreeSet<String>> {
    let mut used: HashMap<String, BTreeSet<String>> = HashMap::new();
    for entry in subjects.iter().flat_map(|subject| &subject.versions).flat_map(|version| &version.references) {
        if let Some(subject) = entry.subject.strip_prefix(prefix) {
            used.entry(subject.to_owned()).or_default().insert(entry.name.clone());
        }
    }
    used
}

struct Work<'w> {
    existing: &'w Existing,
    adoption: Adoption,
    taken: Taken,
    entries: Vec<Entry<'w>>,
    /// New versions of what the manifest has.
    additions: Vec<(&'w Subject, Vec<&'w Version>)>,
}

impl<'w> Work<'w> {
    fn leave(&mut self, subject: &str, why: impl Into<String>) {
        self.adoption.left_out.push(LeftOut { subject: subject.to_owned(), why: why.into() });
    }

    fn addition(&mut self, subject: &'w Subject) {
        let unknown = self.existing.unknown(subject);
        if unknown.is_empty() {
            return;
        }
        match self.existing.unregistered(&subject.name) {
            Some(version) => self.leave(
                &subject.name,
                format!(
                    "it has versions that the manifest has not, and {version} is not registered; help: register it, or \
                         move its file away until the others are pulled"
                ),
            ),
            None => self.additions.push((subject, unknown)),
        }
    }

    fn entry(&mut self, subject: &'w Subject, used_as: &BTreeSet<String>) {
        let role = match role::of(subject, used_as) {
            Ok(role) => role,
            Err(why) => return self.leave(&subject.name, why),
        };
        let (name, folder) = match &role {
            Role::Event { full_name, .. } => {
                let name = self.taken.free_name(full_name);
                if !role::fits(subject, &name) {
                    return self.leave(&subject.name, format!("not every version has a record or message `{name}`"));
                }
                let folder = snake(&name);
                (name, folder)
            }
            Role::Key { topic } => (String::new(), format!("{}_key", snake(topic))),
            Role::Type { full_name, import } => {
                let name = match import {
                    None => self.taken.free_name(full_name),
                    // Code is generated of the message or enum of the type's name.
                    Some(_) => match role::defined_names(subject).into_iter().find(|name| !self.taken.has(name)) {
                        Some(name) => name,
                        None => return self.leave(&subject.name, "the names of what it defines are taken by others"),
                    },
                };
                self.taken.name(&name);
                let folder = format!("shared/{}", snake(&name));
                (name, folder)
            }
        };
        let folder = self.taken.free_folder(&self.existing.root, &folder);
        self.entries.push(Entry { subject, role, name, folder, key_folder: None });
    }

    /// Where several events are on a topic, none of them can have the topic's own subject.
    fn leave_crowded_topics(&mut self) {
        let mut events: BTreeMap<String, usize> = self.existing.topics();
        for entry in &self.entries {
            if let Role::Event { topic, .. } = &entry.role {
                *events.entry(topic.clone()).or_default() += 1;
            }
        }
        let is_crowded = |entry: &Entry<'_>| match &entry.role {
            Role::Event { topic, strategy: SubjectStrategy::Topic, .. } => {
                events.get(topic).is_some_and(|count| *count > 1)
            }
            _ => false,
        };
        let (crowded, rest) = std::mem::take(&mut self.entries).into_iter().partition(is_crowded);
        self.entries = rest;
        for entry in crowded {
            let why = "other events of its topic have subjects of their own, so that records of this one cannot be told apart";
            self.leave(&entry.subject.name, why);
        }
    }

    /// Gives keys to the events of their topics, where every version of these has the key's fields.
    fn place_keys(&mut self) {
        let (keys, mut rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| matches!(entry.role, Role::Key { .. }));
        for mut key in keys {
            let Role::Key { topic } = &key.role else { continue };
            let events =
                rest.iter_mut().filter(|one| matches!(&one.role, Role::Event { topic: of, .. } if of == topic));
            let mut events: Vec<&mut Entry<'w>> = events.collect();
            match why_no_key(key.subject, &events, self.existing.topics().contains_key(topic)) {
                Some(why) => {
                    let subject = key.subject.name.clone();
                    self.leave(&subject, why);
                }
                None => {
                    events.iter_mut().for_each(|event| event.key_folder = Some(key.folder.clone()));
                    key.name = upper_camel(&key.folder);
                    rest.push(key);
                }
            }
        }
        self.entries = rest;
    }

    /// Leaves out what refers to what is left out.
    fn leave_dangling(&mut self) {
        loop {
            let pins = Pins::new(self.existing, &self.entries, &self.additions);
            let missing = |versions: &mut dyn Iterator<Item = &Version>| {
                let entries = versions.flat_map(|version| &version.references);
                let known = |name: &str| name.starts_with("google/protobuf/");
                entries
                    .filter(|entry| !known(&entry.name))
                    .find(|entry| pins.of(entry).is_none())
                    .map(|one| one.subject.clone())
            };
            let entry = self
                .entries
                .iter()
                .enumerate()
                .find_map(|(at, one)| Some((at, missing(&mut one.subject.versions.iter())?)));
            let addition = self
                .additions
                .iter()
                .enumerate()
                .find_map(|(at, one)| Some((at, missing(&mut one.1.iter().copied())?)));
            let why = |missing: String| format!("it refers to `{missing}`, which is left out");
            if let Some((at, missing)) = entry {
                let name = self.entries.remove(at).subject.name.clone();
                self.leave(&name, why(missing));
            } else if let Some((at, missing)) = addition {
                let name = self.additions.remove(at).0.name.clone();
                self.leave(&name, why(missing));
            } else {
                return;
            }
        }
    }

    fn write(mut self) -> Adoption {
        let pins = Pins::new(self.existing, &self.entries, &self.additions);
        let mut manifest = table::Text::new(self.existing);
        for (subject, versions) in &self.additions {
            let Some(home) = self.existing.home(&subject.name) else { continue };
            let first = home.newest + 1;
            let numbered = (first..).zip(versions.iter().copied());
            let files = numbered.clone().map(|(number, version)| file(subject, &home.folder, number, version));
            self.adoption.files.extend(files);
            manifest.add_pins(&home, numbered.map(|(number, version)| (number, pins.all(version))));
            let what = format!(
                "{} {} -> {}",
                home.kind.name(),
                home.name,
                files_of(&home.folder, subject, first, versions.len())
            );
            self.adoption.adopted.push(Adopted {
                subject: subject.name.clone(),
                table: table::head(home.kind, &home.name),
                what,
                notes: Vec::new(),
            });
        }
        for entry in &self.entries {
            let files =
                (1..).zip(&entry.subject.versions).map(|(number, it)| file(entry.subject, &entry.folder, number, it));
            self.adoption.files.extend(files);
            manifest.add(entry, &pins);
            let mut adopted = adopted(entry);
            adopted.notes.extend(self.level_note(entry));
            self.adoption.adopted.push(adopted);
        }
        self.adoption.manifest = manifest.finish();
        self.adoption
    }
}

impl Work<'_> {
    /// Says where the manifest cannot keep a level: keys have that of their events, types that of the defaults.
    fn level_note(&self, entry: &Entry<'_>) -> Option<String> {
        let given = match &entry.role {
            Role::Event { .. } => return None,
            Role::Type { .. } => Some(self.existing.level),
            Role::Key { .. } => {
                let event = self.entries.iter().find(|event| event.key_folder.as_ref() == Some(&entry.folder))?;
                event.subject.level()
            }
        };
        let (given, own) = (given?, entry.subject.level()?);
        let note = format!("its level is {own}, and the manifest gives it {given}; help: `eventwright plan` shows it");
        (given != own).then_some(note)
    }
}

fn why_no_key(key: &Subject, events: &[&mut Entry<'_>], has_topic: bool) -> Option<String> {
    let AnySchema::Avro(schema) = &key.newest().schema else {
        return Some("its key is Protobuf, and keys with a schema are Avro records".into());
    };
    let Some(fields) = schema.root_named().and_then(|(_, named)| named.fields()) else {
        let word = schema.root().kind.word();
        return Some(format!(
            "its key is {word}, and keys with a schema are records; help: `key` names a field for it"
        ));
    };
    if has_topic {
        return Some("the manifest has the topic already; help: add key_schema to its events".into());
    }
    if events.is_empty() {
        return Some("no event is on its topic".into());
    }
    if key.versions.iter().any(|version| !version.references.is_empty()) {
        return Some("it refers to other schemas".into());
    }
    let lacks = |version: &Version| match &version.schema {
        AnySchema::Avro(event) => {
            let own = event.root_named().and_then(|(_, named)| named.fields()).unwrap_or_default();
            fields.iter().any(|field| match own.iter().find(|own| own.name == field.name) {
                Some(own) => event.shape_of_node(&own.node) != schema.shape_of_node(&field.node),
                None => field.default.is_none(),
            })
        }
        _ => true,
    };
    let lacking = events.iter().find(|event| event.subject.versions.iter().any(lacks))?;
    Some(format!("`{}` does not have all of its fields, so that the key cannot be made of the event", lacking.name))
}

fn file(subject: &Subject, folder: &str, number: u32, version: &Version) -> NewFile {
    let extension = if matches!(version.schema, AnySchema::Avro(_)) { "avsc" } else { "proto" };
    NewFile {
        subject: subject.name.clone(),
        id: VersionId::new(folder, number),
        path: format!("{folder}/v{number}.{extension}"),
        text: table::pretty(version),
    }
}

fn files_of(folder: &str, subject: &Subject, first: u32, count: usize) -> String {
    let extension = if matches!(subject.newest().schema, AnySchema::Avro(_)) { "avsc" } else { "proto" };
    let files: Vec<String> = (first..).take(count).map(|number| format!("v{number}")).collect();
    match files.as_slice() {
        [first, .., last] => format!("{folder}/{first} to {last}.{extension}"),
        files => format!("{folder}/{}.{extension}", files.concat()),
    }
}

fn adopted(entry: &Entry<'_>) -> Adopted {
    let Entry { subject, role, name, folder, .. } = entry;
    let files = files_of(folder, subject, 1, subject.versions.len());
    let mut notes = Vec::new();
    let what = match role {
        Role::Event { topic, strategy, .. } => {
            if *strategy == SubjectStrategy::Record {
                notes
                    .push(format!("the registry does not know the topic of {name}; help: set `topic` in the manifest"));
            }
            format!("event {name} on {topic} -> {files}")
        }
        Role::Key { topic } => format!("key of {topic} -> {files}"),
        Role::Type { .. } => format!("type {name} -> {files}"),
    };
    let deleted: Vec<String> = subject.deleted().iter().map(ToString::to_string).collect();
    if !deleted.is_empty() {
        let count = if deleted.len() == 1 { "version" } else { "versions" };
        notes.push(format!("without the deleted {count} {}; files are numbered without a gap", deleted.join(", ")));
    }
    Adopted { subject: subject.name.clone(), table: table::head(kind(role), name), what, notes }
}

/// Returns what kind of thing an entry is.
pub(super) fn kind(role: &Role) -> Kind {
    match role {
        Role::Event { .. } => Kind::Event,
        Role::Key { .. } => Kind::Key,
        Role::Type { .. } => Kind::Type,
    }
}
