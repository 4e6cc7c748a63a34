//! The tables of a manifest as text, and schemas as people read them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use eventwright_registry::ReferenceEntry;
use eventwright_schema::compact_json;
use eventwright_schema::compat::history::Kind;
use eventwright_schema::compat::{AnySchema, Level};
use eventwright_schema::manifest::SubjectStrategy;

use super::adoption::{Entry, kind};
use super::existing::{Existing, Home};
use super::fetch::{Subject, Version};
use super::role::Role;

/// Which version of which type a version of a subject is.
pub(super) struct Pins {
    prefix: String,
    types: HashMap<(String, u32), (String, u32)>,
}

/// Types and their versions, by the types' names.
type PinsOfVersion = BTreeMap<String, u32>;

impl Pins {
    pub(super) fn new(existing: &Existing, entries: &[Entry<'_>], additions: &[(&Subject, Vec<&Version>)]) -> Self {
        let mut types = HashMap::new();
        for known in existing.versions.iter().filter(|known| known.kind == Kind::Type) {
            if let Some(registered) = known.registered {
                types.insert((known.subject.clone(), registered), (known.name.clone(), known.number));
            }
        }
        for (subject, versions) in additions {
            let Some(home) = existing.home(&subject.name).filter(|home| home.kind == Kind::Type) else { continue };
            for (number, version) in (home.newest + 1..).zip(versions) {
                types.insert((subject.name.clone(), version.number), (home.name.clone(), number));
            }
        }
        for entry in entries.iter().filter(|entry| kind(&entry.role) == Kind::Type) {
            for (number, version) in (1..).zip(&entry.subject.versions) {
                types.insert((entry.subject.name.clone(), version.number), (entry.name.clone(), number));
            }
        }
        Self { prefix: existing.prefix.clone(), types }
    }

    /// Returns the type and version that a reference is to.
    pub(super) fn of(&self, entry: &ReferenceEntry) -> Option<&(String, u32)> {
        let subject = entry.subject.strip_prefix(&self.prefix)?;
        self.types.get(&(subject.to_owned(), entry.version))
    }

    pub(super) fn all(&self, version: &Version) -> PinsOfVersion {
        version.references.iter().filter_map(|entry| self.of(entry)).cloned().collect()
    }
}

/// The text of a manifest as it grows.
pub(super) struct Text {
    text: String,
    /// The level of events that have none of their own.
    default: Level,
}

/// Returns what a new manifest begins with.
pub(super) fn beginning(level: Level) -> String {
    format!(
        "# What `eventwright pull` has found in a registry. What each key means: ARCHITECTURE.md, \"The manifest\".\n\n\
         [defaults]\ncompatibility = \"{level}\"\n"
    )
}

impl Text {
    pub(super) fn new(existing: &Existing) -> Self {
        Self { text: existing.text.clone(), default: existing.level }
    }

    /// Adds pins to a table that is there already: behind its head.
    pub(super) fn add_pins(&mut self, home: &Home, versions: impl Iterator<Item = (u32, PinsOfVersion)>) {
        let Some(lines) = Some(pin_lines(versions)).filter(|lines| !lines.is_empty()) else { return };
        let head = head(home.kind, &home.name);
        let end = self.text.match_indices(&head).find_map(|(at, _)| {
            let begins = at == 0 || self.text.get(..at).is_some_and(|before| before.ends_with('\n'));
            let rest = self.text.get(at..).filter(|_| begins)?;
            Some(at + rest.find('\n').map_or(rest.len(), |end| end + 1))
        });
        if let Some(end) = end {
            self.text.insert_str(end, &lines);
        }
    }

    pub(super) fn add(&mut self, entry: &Entry<'_>, pins: &Pins) {
        let Entry { subject, role, name, folder, key_folder } = entry;
        let level = subject.level();
        let format = subject.format.name();
        match role {
            Role::Event { topic, strategy, .. } => {
                let level = level.filter(|level| *level != self.default);
                self.line(format_args!("\n[event.{name}]\nformat = \"{format}\"\nfolder = {}", quoted(folder)));
                let note = match strategy {
                    SubjectStrategy::Record => "   # the registry does not say which: set it",
                    _ => "",
                };
                self.line(format_args!("topic = {}{note}", quoted(topic)));
                self.line(format_args!("subject = \"{}\"", word(*strategy)));
                if let Some(level) = level {
                    self.line(format_args!("compatibility = \"{level}\""));
                }
                if let Some(folder) = key_folder {
                    self.line(format_args!("key_schema = {}", quoted(folder)));
                }
            }
            Role::Type { full_name, import } => {
                self.line(format_args!("\n[type.{name}]\nformat = \"{format}\"\nfolder = {}", quoted(folder)));
                if let Some(import) = import {
                    self.line(format_args!("import = {}", quoted(import)));
                }
                if subject.name != *import.as_ref().unwrap_or(full_name) {
                    self.line(format_args!("subject = {}", quoted(&subject.name)));
                }
            }
            Role::Key { .. } => return,
        }
        let versions = (1..).zip(&subject.versions).map(|(number, version)| (number, pins.all(version)));
        self.text += &pin_lines(versions);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("text grows");
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Returns the head of a table. The pins of a key stand with its topic: it has no table, and verification says what is missing.
pub(super) fn head(kind: Kind, name: &str) -> String {
    format!("[{}.{name}]", kind.name())
}

/// Returns a line for each version whose pins are others than those that hold already.
fn pin_lines(versions: impl Iterator<Item = (u32, PinsOfVersion)>) -> String {
    let mut holding = PinsOfVersion::new();
    let mut lines = String::new();
    for (number, pins) in versions {
        let new = pins.iter().filter(|(name, version)| holding.get(*name) != Some(*version));
        let new: Vec<String> = new.map(|(name, version)| format!("{name} = \"v{version}\"")).collect();
        if !new.is_empty() {
            writeln!(lines, "uses.v{number} = {{ {} }}", new.join(", ")).expect("text grows");
        }
        holding.extend(pins);
    }
    lines
}

const fn word(strategy: SubjectStrategy) -> &'static str {
    match strategy {
        SubjectStrategy::Topic | SubjectStrategy::Key => "topic",
        SubjectStrategy::Record => "record",
        SubjectStrategy::TopicRecord => "topic-record",
    }
}

/// Returns a basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => write!(out, "\\u{:04X}", u32::from(letter)).expect("text grows"),
            letter => out.push(letter),
        }
    }
    out + "\""
}

/// Returns the text as a file: JSON in lines, where that changes nothing but white space.
pub(super) fn pretty(version: &Version) -> String {
    let text = match &version.schema {
        AnySchema::Avro(schema) => schema.text(),
        // As it is, because some registries compare it so; a descriptor that was registered in base64 is a text by now.
        AnySchema::Protobuf(schema) => return schema.text().to_owned(),
        AnySchema::Json(schema) => schema.text(),
    };
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let in_lines = value.map(|value| format!("{value:#}\n"));
    let same = in_lines.filter(|in_lines| compact_json(in_lines) == compact_json(text));
    same.unwrap_or_else(|| format!("{}\n", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_one_string_of_toml() {
        for text in ["a", "a\"b\\c", "\"]\n[event.X]", "\u{7}é\u{7f}"] {
            let toml = quoted(text);
            assert!(!toml.contains('\n') && toml.starts_with('"') && toml.ends_with('"'), "{toml}");
        }
        assert_eq!(quoted("a\"\n\\"), "\"a\\\"\\u000A\\\\\"");
    }

    #[test]
    fn a_pin_is_written_where_another_one_holds() {
        let pins = |list: &[(&str, u32)]| list.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect();
        let versions =
            [(1, pins(&[("A", 1)])), (2, pins(&[("A", 1), ("B", 2)])), (3, pins(&[])), (4, pins(&[("A", 2)]))];
        let expected = "uses.v1 = { A = \"v1\" }\nuses.v2 = { B = \"v2\" }\nuses.v4 = { A = \"v2\" }\n";
        assert_eq!(pin_lines(versions.into_iter()), expected);
    }
}
