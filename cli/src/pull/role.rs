//! What a subject is to a manifest: the way in which its name was made says so.
//!
//! | subject | is |
//! |---|---|
//! | others refer to it | a shared type |
//! | `<topic>-key` | the key of the topic (TopicNameStrategy) |
//! | `<topic>-value` | the event of the topic (TopicNameStrategy) |
//! | `<topic>-<full name>` | one of the topic's events (TopicRecordNameStrategy) |
//! | `<full name>` of a record or message | an event whose topic the registry does not know (RecordNameStrategy) |
//! | `<full name>` of an enum or a fixed | a shared type |

use std::collections::BTreeSet;

use eventwright_schema::Format;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::manifest::SubjectStrategy;

use super::fetch::Subject;
use crate::manifest;

/// What a subject becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    Event {
        topic: String,
        strategy: SubjectStrategy,
        /// The full name of the record or message.
        full_name: String,
    },
    Key {
        topic: String,
    },
    Type {
        /// The full name in Avro.
        full_name: String,
        /// The path by which files import it, in Protobuf.
        import: Option<String>,
    },
}

/// Returns what a subject is, or why it can be nothing; `used_as` are the names by which others refer to it.
pub(super) fn of(subject: &Subject, used_as: &BTreeSet<String>) -> Result<Role, String> {
    if !used_as.is_empty() {
        return shared(subject, used_as);
    }
    let name = subject.name.as_str();
    let full_names = full_names(&subject.newest().schema);
    let event = |topic: &str, strategy, full_name: &str| {
        is_topic(topic)?;
        Ok(Role::Event { topic: topic.to_owned(), strategy, full_name: full_name.to_owned() })
    };
    if let Some(topic) = name.strip_suffix("-key") {
        is_topic(topic)?;
        return Ok(Role::Key { topic: topic.to_owned() });
    }
    if let Some(topic) = name.strip_suffix("-value") {
        let first = full_names.first().ok_or_else(|| no_record(subject))?;
        return event(topic, SubjectStrategy::Topic, first);
    }
    if let Some(full_name) = full_names.iter().find(|full_name| *full_name == name) {
        return match is_record(&subject.newest().schema) {
            // The registry does not know the topic; the name is one that a topic can have.
            true => event(full_name, SubjectStrategy::Record, full_name),
            false => Ok(Role::Type { full_name: full_name.clone(), import: None }),
        };
    }
    let topic_of =
        |full_name: &String| Some((name.strip_suffix(full_name.as_str())?.strip_suffix('-')?, full_name.clone()));
    match full_names.iter().find_map(topic_of) {
        Some((topic, full_name)) => event(topic, SubjectStrategy::TopicRecord, &full_name),
        None => Err("it is named after neither a topic (`-value`, `-key`) nor its record".into()),
    }
}

/// Returns the event's name in the manifest and whether every version has a record or message for it.
pub(super) fn fits(subject: &Subject, name: &str) -> bool {
    subject
        .versions
        .iter()
        .all(|version| is_record(&version.schema) && manifest::full_name(&version.schema, name).is_some())
}

/// Returns the messages and enums that every version of a Protobuf file defines, without package.
pub(super) fn defined_names(subject: &Subject) -> Vec<String> {
    let names = |schema: &AnySchema| match schema {
        AnySchema::Protobuf(schema) => {
            let messages = schema.file().messages().map(|message| message.name().to_owned());
            messages.chain(schema.file().enums().map(|one| one.name().to_owned())).collect()
        }
        AnySchema::Avro(_) | AnySchema::Json(_) => Vec::new(),
    };
    let mut common = names(&subject.newest().schema);
    for version in &subject.versions {
        let own = names(&version.schema);
        common.retain(|name| own.contains(name));
    }
    common
}

fn shared(subject: &Subject, used_as: &BTreeSet<String>) -> Result<Role, String> {
    let first = full_names(&subject.newest().schema).first().cloned();
    match subject.format {
        Format::Avro => {
            let full_name = first.ok_or_else(|| no_record(subject))?;
            Ok(Role::Type { full_name, import: None })
        }
        Format::Protobuf | Format::Json => {
            let mut names = used_as.iter();
            let import = names.next().cloned().unwrap_or_default();
            if import.starts_with("google/protobuf/") {
                return Err("every compiler has the well-known types".into());
            }
            match names.next() {
                Some(other) => Err(format!("files import it by several paths, `{import}` and `{other}`")),
                None => Ok(Role::Type { full_name: first.unwrap_or_default(), import: Some(import) }),
            }
        }
    }
}

fn no_record(subject: &Subject) -> String {
    let what = match &subject.newest().schema {
        AnySchema::Avro(schema) => format!("`{}`", schema.root().kind.word()),
        _ => "a file without a message".to_owned(),
    };
    format!("its schema is {what}, and an event is a record")
}

/// Returns the names of what a schema defines for others: the root in Avro, the messages of the file in Protobuf.
fn full_names(schema: &AnySchema) -> Vec<String> {
    match schema {
        AnySchema::Avro(schema) => schema.root_named().map(|(_, named)| named.name.full()).into_iter().collect(),
        AnySchema::Protobuf(schema) => schema.file().messages().map(|message| message.full_name().to_owned()).collect(),
        AnySchema::Json(_) => Vec::new(),
    }
}

fn is_record(schema: &AnySchema) -> bool {
    match schema {
        AnySchema::Avro(schema) => schema.root_named().is_some_and(|(_, named)| named.fields().is_some()),
        AnySchema::Protobuf(_) => true,
        AnySchema::Json(_) => false,
    }
}

/// Kafka takes 249 letters, digits, dots, dashes and underscores.
fn is_topic(name: &str) -> Result<(), String> {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    match name.len() {
        1..=249 if name.chars().all(is_legal) && name != "." && name != ".." => Ok(()),
        _ => Err("no topic can have the name that it is made of".into()),
    }
}
