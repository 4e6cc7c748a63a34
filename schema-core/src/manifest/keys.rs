//! The keys of topics that have a schema of their own: `key_schema = "folder"`.
//!
//! In: the events of a manifest. Out: an entry for each key, as if it were an event, and what makes keys ambiguous. All
//! records of a topic have one form of key, because a reader has nothing but the bytes to tell forms apart by.

use std::collections::{BTreeMap, HashMap};

use super::{EventEntry, FolderName, Manifest, SubjectStrategy, TopicEntry};
use crate::{Diagnostic, Format};

/// Returns an entry for each topic whose keys have a schema, named after the folder.
pub(super) fn entries(events: &[EventEntry], topics: &BTreeMap<String, TopicEntry>) -> Vec<EventEntry> {
    let mut entries: Vec<EventEntry> = Vec::new();
    for event in events {
        let Some(FolderName { folder, position }) = &event.key_schema else { continue };
        if entries.iter().any(|known| known.folder == *folder) {
            continue;
        }
        entries.push(EventEntry {
            name: upper_camel(folder.rsplit('/').next().unwrap_or(folder)),
            format: Format::Avro,
            folder: folder.clone(),
            subject: SubjectStrategy::Key,
            key: None,
            key_schema: None,
            id: None,
            readers: Vec::new(),
            retired: Vec::new(),
            migrate: Vec::new(),
            uses: topics.get(&event.topic).map(|topic| topic.key_uses.clone()).unwrap_or_default(),
            decode: Vec::new(),
            preserve_unknown: None,
            position: *position,
            ..event.clone()
        });
    }
    entries
}

fn upper_camel(folder: &str) -> String {
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    folder.split(|letter: char| !letter.is_alphanumeric()).map(capitalised).collect()
}

/// Returns what would leave the form of a key open.
pub(super) fn inconsistencies(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut wrong: Vec<_> = manifest.events.iter().filter_map(|event| both_forms(manifest, event)).collect();
    let mut topics: HashMap<&str, &EventEntry> = HashMap::new();
    for event in &manifest.events {
        let first = *topics.entry(&event.topic).or_insert(event);
        wrong.extend(different_keys(manifest, first, event));
    }
    wrong.extend(manifest.keys.iter().filter_map(|key| other_use_of_folder(manifest, key)));
    wrong.extend(manifest.events.iter().filter_map(|event| key_of_other_topic(manifest, event)));
    wrong.extend(manifest.topics.iter().filter_map(|(name, topic)| pins_of_no_key(manifest, name, topic)));
    wrong
}

fn both_forms(manifest: &Manifest, event: &EventEntry) -> Option<Diagnostic> {
    let position = event.key_schema.as_ref().filter(|_| event.key.is_some())?.position;
    let message = format!("`{}` has both `key` and `key_schema`", event.name);
    Some(manifest.diagnostic(position, message, "keep one of them"))
}

/// Compares two events of one topic; the first one of the topic stands for all before.
fn different_keys(manifest: &Manifest, first: &EventEntry, event: &EventEntry) -> Option<Diagnostic> {
    let topic = &event.topic;
    let (with, without, folder) = match (&first.key_schema, &event.key_schema) {
        (None, None) => return None,
        (Some(one), Some(other)) if one.folder == other.folder => return None,
        (Some(one), Some(other)) => {
            let message = format!(
                "the keys of the topic `{topic}` have the schema `{}` in `{}` and `{}` in `{}`, but one subject \
                 `{topic}-key`",
                one.folder, first.name, other.folder, event.name
            );
            return Some(manifest.diagnostic(other.position, message, "name one folder in both"));
        }
        (Some(one), None) => (first, event, &one.folder),
        (None, Some(other)) => (event, first, &other.folder),
    };
    let message = format!(
        "the keys of the topic `{topic}` have a schema in `{}` and none in `{}`, so that nobody could tell which a record \
         has",
        with.name, without.name
    );
    Some(manifest.diagnostic(without.position, message, format!("add key_schema = \"{folder}\"")))
}

fn other_use_of_folder(manifest: &Manifest, key: &EventEntry) -> Option<Diagnostic> {
    let events = manifest.events.iter().map(|event| (&event.folder, &event.name));
    let types = manifest.types.iter().map(|one| (&one.folder, &one.name));
    let (folder, name) = events.chain(types).find(|(folder, _)| **folder == key.folder)?;
    let message = format!("the folder `{folder}` holds the schemas of `{name}` and of a key");
    Some(manifest.diagnostic(key.position, message, "give the key a folder of its own"))
}

fn key_of_other_topic(manifest: &Manifest, event: &EventEntry) -> Option<Diagnostic> {
    let FolderName { folder, position } = event.key_schema.as_ref()?;
    let key = manifest.keys.iter().find(|key| key.folder == *folder && key.topic != event.topic)?;
    let message = format!(
        "the key in `{folder}` is that of the topics `{}` and `{}`, and a schema has one subject",
        key.topic, event.topic
    );
    Some(manifest.diagnostic(*position, message, "give each topic a folder of its own"))
}

fn pins_of_no_key(manifest: &Manifest, name: &str, topic: &TopicEntry) -> Option<Diagnostic> {
    let (_, pin) = topic.key_uses.pins().next().filter(|_| manifest.keys.iter().all(|key| key.topic != name))?;
    let message = format!("the keys of the topic `{name}` have no schema that could use a shared type");
    Some(manifest.diagnostic(pin.position, message, "remove key_uses, or add key_schema to the events of the topic"))
}
