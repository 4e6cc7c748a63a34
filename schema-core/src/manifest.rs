//! The manifest `events.toml`: which events there are, where their schemas stand, and which topic each belongs to.
//!
//! In: the manifest's text. Out: a [`Manifest`] in the order of the file, or what is wrong with it and where.

mod file;
mod keys;

use std::collections::{BTreeMap, HashMap};

use crate::compat::Level;
use crate::lint::Levels;
use crate::{Diagnostic, Format, Position, Source};

/// A manifest that is consistent in itself; whether its schemas exist is `load`'s matter.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Where the manifest was read from, with its text.
    pub source: Source,
    /// The events, in the order of the file: the order of registration.
    pub events: Vec<EventEntry>,
    /// The shared types, in the order of the file, which means nothing.
    pub types: Vec<TypeEntry>,
    /// The keys of topics that have a schema of their own, in the order in which events name them: one a topic. Their
    /// versions are versions like an event's.
    pub keys: Vec<EventEntry>,
    /// What the file says of topics, by name.
    pub topics: BTreeMap<String, TopicEntry>,
    /// The level of what has none of its own: the shared types.
    pub compatibility: Level,
    /// Whether breaks count that Confluent's rules miss, where nothing else is said: for the shared types.
    pub strict: bool,
    /// The levels of lints, where the file says something.
    pub lint: Levels,
}

/// One event of the manifest, or the key of a topic.
#[derive(Debug, Clone)]
pub struct EventEntry {
    /// Its name, in UpperCamelCase.
    pub name: String,
    /// The schema language.
    pub format: Format,
    /// The folder of its versions, relative to the manifest's folder.
    pub folder: String,
    /// What topic and subject begin with, unless the process has a prefix of its own.
    pub prefix: String,
    /// The topic, without prefix.
    pub topic: String,
    /// How the subject is called.
    pub subject: SubjectStrategy,
    /// The level that new versions are checked at.
    pub compatibility: Level,
    /// Whether breaks count that Confluent's rules miss.
    pub strict: bool,
    /// The field whose text form is the record's key.
    pub key: Option<FieldName>,
    /// The folder of the key's schema, in place of `key`.
    pub key_schema: Option<FolderName>,
    /// The field that holds the event's own id.
    pub id: Option<FieldName>,
    /// The older versions whose structs get decoders for newer bytes as well.
    pub readers: Vec<u32>,
    /// The versions that need no decoder any more.
    pub retired: Vec<u32>,
    /// The versions whose values become the next version's by a function that is written by hand.
    pub migrate: Vec<u32>,
    /// Which versions of shared types its versions use.
    pub uses: Uses,
    /// What is decoded into beside the owned structs.
    pub decode: Vec<DecodeForm>,
    /// Where it is said that messages keep the fields that they do not know.
    pub preserve_unknown: Option<Position>,
    /// The levels of lints for this event.
    pub lint: Levels,
    /// Where the event is defined.
    pub position: Position,
}

impl EventEntry {
    /// Returns the first of the versions that a version keeps a promise to: those since the last one before it that is migrated by
    /// hand. Versions before it are read by a function, stand under a subject of their own, and are not compared.
    #[must_use]
    pub fn first_comparable(&self, version: u32) -> u32 {
        self.migrate.iter().filter(|migrated| **migrated < version).max().map_or(1, |migrated| migrated + 1)
    }

    /// Returns the last version that is read by the same code as a version: `newest`, or the next one that is migrated by hand.
    #[must_use]
    pub fn last_comparable(&self, version: u32, newest: u32) -> u32 {
        self.migrate.iter().copied().filter(|migrated| *migrated >= version).min().unwrap_or(newest)
    }
}

/// A type that the schemas of several events use.
#[derive(Debug, Clone)]
pub struct TypeEntry {
    /// Its name, in UpperCamelCase.
    pub name: String,
    /// The schema language.
    pub format: Format,
    /// The folder of its versions, relative to the manifest's folder.
    pub folder: String,
    /// The subject; `None` for the full name in Avro and for the import path in Protobuf.
    pub subject: Option<String>,
    /// The path by which Protobuf files import every version; `None` where each version has its own, that of its file.
    pub import: Option<String>,
    /// Which versions of other shared types its versions use.
    pub uses: Uses,
    /// Where it is said that messages keep the fields that they do not know.
    pub preserve_unknown: Option<Position>,
    /// Where the type is defined.
    pub position: Position,
}

/// Which versions of shared types the versions of an event or of a type use, where the manifest says so.
#[derive(Debug, Clone, Default)]
pub struct Uses(BTreeMap<u32, Vec<Pin>>);

/// One version of a shared type that is used.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The type's name in the manifest.
    pub type_name: String,
    /// The version of the type.
    pub version: u32,
    /// Where the manifest says so.
    pub position: Position,
}

impl TypeEntry {
    /// Returns whether the versions stand under one subject: not where each has its own, the path that files import.
    #[must_use]
    pub fn has_history(&self) -> bool {
        self.format != Format::Protobuf || self.subject.is_some() || self.import.is_some()
    }
}

impl Uses {
    /// Returns the pin that holds for a version: its own, or else that of the nearest older version which has one.
    #[must_use]
    pub fn pin(&self, version: u32, type_name: &str) -> Option<&Pin> {
        let older = self.0.range(..=version).rev();
        older.flat_map(|(_, pins)| pins).find(|pin| pin.type_name == type_name)
    }

    /// Returns all pins, each with the version that it is for.
    pub fn pins(&self) -> impl Iterator<Item = (u32, &Pin)> {
        self.0.iter().flat_map(|(version, pins)| pins.iter().map(|pin| (*version, pin)))
    }
}

/// A field that the manifest names, and where.
#[derive(Debug, Clone)]
pub struct FieldName {
    /// The field's name in the schema.
    pub name: String,
    /// Where the manifest names it.
    pub position: Position,
}

/// A folder that the manifest names, and where.
#[derive(Debug, Clone)]
pub struct FolderName {
    /// The folder, relative to the manifest's folder.
    pub folder: String,
    /// Where the manifest names it.
    pub position: Position,
}

/// What an Avro event can be decoded into beside the owned struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeForm {
    /// A struct whose text and bytes borrow from what is decoded.
    Borrowed,
    /// An owned struct that is there already, whose memory is used again.
    Reused,
}

/// What the manifest says of a topic.
#[derive(Debug, Clone)]
pub struct TopicEntry {
    /// How many partitions; `None` leaves it to the broker.
    pub partitions: Option<u32>,
    /// How many brokers have a copy; `None` leaves it to the broker.
    pub replication: Option<u16>,
    /// Topic settings of Kafka's; the value `default` takes the topic's own value away.
    pub config: BTreeMap<String, String>,
    /// The same of the topic of its dead letters.
    pub dead_letter_config: BTreeMap<String, String>,
    /// Which versions of shared types the versions of the key's schema use.
    pub key_uses: Uses,
    /// Where the topic is defined.
    pub position: Position,
}

/// How a subject is named, as in Confluent's serializers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectStrategy {
    /// `<topic>-value`: one event a topic.
    #[default]
    Topic,
    /// The full name of the record.
    Record,
    /// `<topic>-<full name of the record>`.
    TopicRecord,
    /// `<topic>-key`: the key of a topic, whatever its events are named after.
    Key,
}

impl SubjectStrategy {
    /// Returns the subject of a schema.
    #[must_use]
    pub fn subject(self, topic: &str, full_name: &str) -> String {
        match self {
            Self::Topic => format!("{topic}-value"),
            Self::Record => full_name.to_owned(),
            Self::TopicRecord => format!("{topic}-{full_name}"),
            Self::Key => format!("{topic}-key"),
        }
    }
}

impl Manifest {
    /// Parses a manifest; `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let source = Source { name: name.to_owned(), text: text.to_owned() };
        let mut manifest = file::read(source)?;
        manifest.keys = keys::entries(&manifest.events, &manifest.topics);
        let mut wrong = manifest.inconsistencies();
        wrong.extend(keys::inconsistencies(&manifest));
        if wrong.is_empty() { Ok(manifest) } else { Err(wrong) }
    }

    /// Returns the event of that name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&EventEntry> {
        self.events.iter().find(|event| event.name == name)
    }

    /// Returns a diagnostic at a place of the manifest.
    pub fn diagnostic(&self, position: Position, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic { source: self.source.name.clone(), position, message: message.into(), help: help.into() }
    }

    fn inconsistencies(&self) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        if self.events.is_empty() {
            let help = "add [event.OrderCreated] with format, folder and topic";
            wrong.push(self.diagnostic(Position::START, "the manifest defines no event", help));
        }
        let types = self.types.iter().map(|one| (&one.folder, &one.name, one.position));
        let events = self.events.iter().map(|one| (&one.folder, &one.name, one.position));
        let mut folders = HashMap::new();
        for (folder, name, position) in types.chain(events) {
            if let Some(other) = folders.insert(folder, name) {
                let message = format!("`{name}` and `{other}` share the folder `{folder}`");
                wrong.push(self.diagnostic(position, message, "give each event and each type a folder of its own"));
            }
        }
        let mut topics: HashMap<&str, Vec<&EventEntry>> = HashMap::new();
        for event in &self.events {
            topics.entry(&event.topic).or_default().push(event);
        }
        for event in &self.events {
            let others = topics.get(event.topic.as_str()).map_or(0, |events| events.len().saturating_sub(1));
            if others > 0 && event.subject == SubjectStrategy::Topic {
                let message = format!(
                    "the topic `{}` carries several events, so the subject of `{}` cannot be named after it",
                    event.topic, event.name
                );
                wrong.push(self.diagnostic(event.position, message, "set subject = \"record\" or \"topic-record\""));
            }
        }
        for (topic, entry) in &self.topics {
            if self.events.iter().all(|event| event.topic != *topic) {
                let help = format!("remove {}, or name the topic in an event", table_head("topic", topic));
                wrong.push(self.diagnostic(entry.position, format!("no event is on the topic `{topic}`"), help));
            }
        }
        let users = self.events.iter().chain(&self.keys);
        wrong.extend(users.flat_map(|one| self.wrong_pins(&one.name, one.format, &one.uses)));
        wrong.extend(self.types.iter().flat_map(|one| self.wrong_pins(&one.name, one.format, &one.uses)));
        wrong
    }

    fn wrong_pins(&self, user: &str, format: Format, uses: &Uses) -> Vec<Diagnostic> {
        let known: Vec<_> = self.types.iter().map(|one| one.name.as_str()).collect();
        let wrong = uses.pins().filter_map(|(_, pin)| {
            let name = pin.type_name.as_str();
            let is_pinned = |one: &TypeEntry| one.name == name && one.import.is_some();
            let (message, help) = if format == Format::Protobuf && !self.types.iter().any(is_pinned) {
                let message = format!("`{user}` is Protobuf, where the path of an import names the version");
                (message, "remove the pin".to_owned())
            } else if known.contains(&name) {
                return None;
            } else if known.is_empty() {
                (format!("there is no shared type `{name}`"), format!("add [type.{name}] with a folder"))
            } else {
                let known: Vec<_> = known.iter().map(|name| format!("[type.{name}]")).collect();
                (format!("there is no shared type `{name}`"), format!("the manifest has {}", known.join(", ")))
            };
            Some(self.diagnostic(pin.position, message, help))
        });
        wrong.collect()
    }
}

/// Returns the head of a table as TOML has it: `[topic.orders]`, `[topic."order.created"]`.
pub(crate) fn table_head(kind: &str, name: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.chars().all(is_bare) { format!("[{kind}.{name}]") } else { format!("[{kind}.{name:?}]") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(text: &str, expected: &str) {
        let wrong = Manifest::parse("events.toml", text).expect_err(text);
        assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), expected);
    }

    const ORDER: &str = "[event.OrderCreated]\nformat = \"avro\"\nfolder = \"order_created\"\ntopic = \"orders\"\n";

    #[test]
    fn events_keep_the_order_of_the_file() {
        let text = "[event.B]\nformat = \"avro\"\nfolder = \"b\"\ntopic = \"b\"\n\
                    [event.A]\nformat = \"protobuf\"\nfolder = \"a\"\ntopic = \"a\"\nkey = \"id\"\n";
        let manifest = Manifest::parse("events.toml", text).unwrap();
        assert_eq!(manifest.events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["B", "A"]);
        let a = manifest.event("A").unwrap();
        assert_eq!(a.format, Format::Protobuf);
        assert_eq!(a.key.as_ref().unwrap().position, Position { line: 9, column: 7 });
        assert_eq!(a.compatibility, Level::BackwardTransitive);
    }

    #[test]
    fn defaults_hold_where_an_event_says_nothing() {
        let text = format!("[defaults]\nsubject = \"record\"\ncompatibility = \"FULL\"\n{ORDER}");
        let manifest = Manifest::parse("events.toml", &text).unwrap();
        assert_eq!(manifest.events[0].subject, SubjectStrategy::Record);
        assert_eq!(manifest.events[0].compatibility, Level::Full);
    }

    #[test]
    fn json_schema_is_refused_and_said_to_be_known() {
        check_refused(
            &ORDER.replace("avro", "json"),
            "events.toml:2:10: expected \"avro\" or \"protobuf\": JSON Schema is checked for compatibility, and nothing is \
             generated of it; see ARCHITECTURE.md, \"The manifest\"",
        );
    }

    #[test]
    fn a_pin_holds_until_a_newer_version_has_another() {
        let text = format!(
            "{ORDER}uses.v2 = {{ Money = \"v1\" }}\nuses.v4 = {{ Money = \"v2\", Weight = \"v1\" }}\n\
             [type.Money]\nfolder = \"money\"\n[type.Weight]\nfolder = \"weight\"\nsubject = \"weights\"\n"
        );
        let manifest = Manifest::parse("events.toml", &text).unwrap();
        let uses = &manifest.events[0].uses;
        let pinned = |name: &str| [1, 2, 3, 4, 9].map(|version| uses.pin(version, name).map(|pin| pin.version));
        assert_eq!(pinned("Money"), [None, Some(1), Some(1), Some(2), Some(2)]);
        assert_eq!(pinned("Weight"), [None, None, None, Some(1), Some(1)]);
        assert_eq!(uses.pin(2, "Money").unwrap().position, Position { line: 5, column: 21 });
        assert_eq!(manifest.types[0].format, Format::Avro);
        assert_eq!(manifest.types[1].subject.as_deref(), Some("weights"));
    }

    #[test]
    fn a_topic_has_events_and_pins_of_its_own_for_keys() {
        let topic = "[topic.orders]\nkey_uses.v1 = { Money = \"v1\" }\n[type.Money]\nfolder = \"money\"\n";
        let keyed = format!("{ORDER}uses.v1 = {{ Money = \"v2\" }}\nkey_schema = \"k\"\n{topic}");
        let manifest = Manifest::parse("events.toml", &keyed).unwrap();
        assert_eq!(manifest.keys[0].uses.pin(3, "Money").map(|pin| pin.version), Some(1));
        check_refused(
            &format!("{ORDER}{topic}"),
            "events.toml:6:25: the keys of the topic `orders` have no schema that could use a shared type; remove \
             key_uses, or add key_schema to the events of the topic",
        );
        check_refused(
            &keyed.replace("\"k\"", "\"money\""),
            "events.toml:6:14: the folder `money` holds the schemas of `Money` and of a key; give the key a folder of its \
             own",
        );
        check_refused(
            &format!("{ORDER}[topic.\"order.created\"]\npartitions = 3\n"),
            "events.toml:5:8: no event is on the topic `order.created`; remove [topic.\"order.created\"], or name the topic \
             in an event",
        );
    }

    #[test]
    fn pins_name_what_there_is() {
        let money = "[type.Money]\nfolder = \"money\"\n";
        check_refused(
            &format!("{ORDER}uses.v1 = {{ Mony = \"v1\" }}\n{money}"),
            "events.toml:5:20: there is no shared type `Mony`; the manifest has [type.Money]",
        );
        check_refused(
            &format!("{ORDER}uses.v1 = {{ Money = \"v1\" }}\n"),
            "events.toml:5:21: there is no shared type `Money`; add [type.Money] with a folder",
        );
        check_refused(
            &format!("{}uses.v1 = {{ Money = \"v1\" }}\n{money}", ORDER.replace("avro", "protobuf")),
            "events.toml:5:21: `OrderCreated` is Protobuf, where the path of an import names the version; remove the pin",
        );
    }

    #[test]
    fn the_prefix_is_that_of_the_defaults() {
        let prefix = |text: &str| Manifest::parse("events.toml", text).unwrap().events[0].prefix.clone();
        assert_eq!(prefix(&format!("[defaults]\nprefix = \"dev.\"\n{ORDER}")), "dev.");
        assert_eq!(prefix(ORDER), "");
    }

    #[test]
    fn migrated_versions_part_those_that_are_compared() {
        let text = format!("{ORDER}migrate = [\"v3\", \"v1\"]\n");
        let entry = Manifest::parse("events.toml", &text).unwrap().events[0].clone();
        assert_eq!([1, 2, 3, 4, 5].map(|version| entry.first_comparable(version)), [1, 2, 2, 4, 4]);
        assert_eq!([1, 2, 3, 4, 5].map(|version| entry.last_comparable(version, 5)), [1, 3, 3, 5, 5]);
        check_refused(
            &format!("{text}decode = [\"borrowed\"]\n"),
            "events.toml:6:10: `decode` goes without `migrate`, which makes owned structs; remove it",
        );
    }

    #[test]
    fn strictness_is_that_of_the_defaults_where_an_event_says_nothing() {
        let strict = |text: &str| Manifest::parse("events.toml", text).unwrap().events[0].strict;
        assert!(strict(&format!("[defaults]\nstrict = true\n{ORDER}")));
        assert!(!strict(&format!("[defaults]\nstrict = true\n{ORDER}strict = false\n")));
        assert!(!strict(ORDER));
    }

    #[test]
    fn unknown_fields_are_protobufs_only() {
        let place = |text: &str| Manifest::parse("events.toml", text).unwrap().events[0].preserve_unknown;
        let proto = ORDER.replace("avro", "protobuf");
        assert_eq!(place(&format!("{proto}preserve_unknown = true\n")), Some(Position { line: 5, column: 20 }));
        assert_eq!(place(&format!("{ORDER}preserve_unknown = false\n")), None);
        check_refused(
            &format!("{ORDER}preserve_unknown = true\n[type.Money]\nfolder = \"m\"\npreserve_unknown = true\n"),
            "events.toml:5:20: `preserve_unknown` is for Protobuf: bytes of Avro have no unknown fields; remove it\n\
             events.toml:8:20: `preserve_unknown` is for Protobuf: bytes of Avro have no unknown fields; remove it",
        );
    }

    #[test]
    fn forms_of_decoding_are_named_and_avros_only() {
        let manifest =
            Manifest::parse("events.toml", &format!("{ORDER}decode = [\"borrowed\", \"reused\"]\n")).unwrap();
        assert_eq!(manifest.events[0].decode, [DecodeForm::Borrowed, DecodeForm::Reused]);
        assert_eq!(Manifest::parse("events.toml", ORDER).unwrap().events[0].decode, []);
        check_refused(
            &format!("{ORDER}decode = [\"view\"]\n"),
            "events.toml:5:10: expected \"borrowed\" or \"reused\", found \"view\"; see ARCHITECTURE.md, \"The manifest\"",
        );
        check_refused(
            &format!("{}decode = [\"reused\"]\n", ORDER.replace("avro", "protobuf")),
            "events.toml:5:10: `decode` is for Avro events: prost decodes into owned messages; remove it",
        );
    }

    #[test]
    fn an_empty_manifest_is_refused() {
        check_refused(
            "",
            "events.toml:1:1: the manifest defines no event; add [event.OrderCreated] with format, folder and topic",
        );
    }

    const KEYED: &str =
        "[event.Other]\nformat = \"avro\"\nfolder = \"other\"\ntopic = \"orders\"\nsubject = \"record\"\n";

    #[test]
    fn the_events_of_a_topic_share_one_key() {
        let text = format!(
            "{ORDER}subject = \"record\"\nkey_schema = \"keys/order_key\"\n{KEYED}key_schema = \"keys/order_key\"\n"
        );
        let manifest = Manifest::parse("events.toml", &text).unwrap();
        let [key] = manifest.keys.as_slice() else { panic!("{:?}", manifest.keys) };
        assert_eq!((key.name.as_str(), key.folder.as_str(), key.format), ("OrderKey", "keys/order_key", Format::Avro));
        assert_eq!(key.subject.subject(&key.topic, "shop.OrderKey"), "orders-key");
        assert!(manifest.event("OrderKey").is_none());
    }

    #[test]
    fn keys_that_readers_could_not_tell_apart_are_refused() {
        let check = |first: &str, second: &str, expected: &str| {
            check_refused(&format!("{ORDER}subject = \"record\"\n{first}\n{KEYED}{second}\n"), expected);
        };
        check(
            "key_schema = \"k\"\nkey = \"id\"",
            "key_schema = \"k\"",
            "events.toml:6:14: `OrderCreated` has both `key` and `key_schema`; keep one of them",
        );
        check(
            "key_schema = \"k\"",
            "key_schema = \"l\"",
            "events.toml:12:14: the keys of the topic `orders` have the schema `k` in `OrderCreated` and `l` in `Other`, \
             but one subject `orders-key`; name one folder in both",
        );
        check(
            "key_schema = \"k\"",
            "key = \"id\"",
            "events.toml:7:8: the keys of the topic `orders` have a schema in `OrderCreated` and none in `Other`, so that \
             nobody could tell which a record has; add key_schema = \"k\"",
        );
        check(
            "key_schema = \"k\"",
            "",
            "events.toml:7:8: the keys of the topic `orders` have a schema in `OrderCreated` and none in `Other`, so that \
             nobody could tell which a record has; add key_schema = \"k\"",
        );
        check(
            "key_schema = \"other\"",
            "key_schema = \"other\"",
            "events.toml:6:14: the folder `other` holds the schemas of `Other` and of a key; give the key a folder of its \
             own",
        );
        check_refused(
            &format!("{ORDER}key_schema = \"k\"\n{}key_schema = \"k\"\n", KEYED.replace("\"orders\"", "\"others\"")),
            "events.toml:11:14: the key in `k` is that of the topics `orders` and `others`, and a schema has one subject; \
             give each topic a folder of its own",
        );
    }

    #[test]
    fn mistakes_are_refused_with_their_place() {
        check_refused(
            &format!("{ORDER}{ORDER}"),
            "events.toml:5:8: duplicate key; see ARCHITECTURE.md, \"The manifest\"",
        );
        check_refused(
            &format!("{ORDER}colour = 1\n"),
            "events.toml:5:1: unknown field `colour`, expected one of `format`, `folder`, `topic`, `subject`, \
             `compatibility`, `strict`, `key`, `key_schema`, `id`, `readers`, `retired`, `uses`, `migrate`, `preserve_unknown`, `decode`, `lint`; \
             see ARCHITECTURE.md, \"The manifest\"",
        );
        check_refused(
            &format!("{ORDER}readers = [\"1\"]\n"),
            "events.toml:5:11: expected a version such as \"v1\", found \"1\"; see ARCHITECTURE.md, \"The manifest\"",
        );
        check_refused(
            &format!(
                "{ORDER}[event.Other]\nformat = \"avro\"\nfolder = \"other\"\ntopic = \"orders\"\nsubject = \"record\"\n"
            ),
            "events.toml:1:8: the topic `orders` carries several events, so the subject of `OrderCreated` cannot be named \
             after it; set subject = \"record\" or \"topic-record\"",
        );
        check_refused(
            &format!("{ORDER}[event.Other]\nformat = \"avro\"\nfolder = \"order_created\"\ntopic = \"others\"\n"),
            "events.toml:5:8: `Other` and `OrderCreated` share the folder `order_created`; give each event and \
             each type a folder of its own",
        );
    }
}
