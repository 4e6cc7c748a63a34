//! The manifest as TOML: the keys and how their values are written.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{
    DecodeForm, EventEntry, FieldName, FolderName, Manifest, Pin, SubjectStrategy, TopicEntry, TypeEntry, Uses,
};
use crate::compat::Level;
use crate::lint::{self, LINTS, Levels, LintLevel};
use crate::{Diagnostic, Format, Position, Source};

/// Reads the text; checks that need more than one key are the caller's.
pub(super) fn read(source: Source) -> Result<Manifest, Vec<Diagnostic>> {
    let file: ManifestFile = match toml::from_str(&source.text) {
        Ok(file) => file,
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            return Err(vec![Diagnostic {
                position: Position::of_offset(&source.text, offset),
                source: source.name,
                message: error.message().trim_end().replace('\n', ", "),
                help: "see ARCHITECTURE.md, \"The manifest\"".into(),
            }]);
        }
    };
    let events = file.event.0.iter().flat_map(|(_, table)| table.refused());
    let wrong: Vec<_> = events.chain(file.types.0.iter().filter_map(|(_, table)| table.refused())).collect();
    if !wrong.is_empty() {
        let diagnostic = |(offset, message): (usize, &str)| Diagnostic {
            source: source.name.clone(),
            position: Position::of_offset(&source.text, offset),
            message: message.into(),
            help: "remove it".into(),
        };
        return Err(wrong.into_iter().map(diagnostic).collect());
    }
    let at = |offset: usize| Position::of_offset(&source.text, offset);
    let compatibility = file.defaults.compatibility.map_or(Level::BackwardTransitive, |it| it.0);
    let event = |(name, table): (Spanned<String>, EventTable)| EventEntry {
        position: at(name.span().start),
        name: name.into_inner(),
        format: table.format.0,
        folder: table.folder,
        prefix: file.defaults.prefix.clone(),
        topic: table.topic,
        subject: table.subject.or(file.defaults.subject).unwrap_or_default().0,
        compatibility: table.compatibility.map_or(compatibility, |it| it.0),
        strict: table.strict.unwrap_or(file.defaults.strict),
        key: table.key.map(|key| FieldName { position: at(key.span().start), name: key.into_inner() }),
        key_schema: table.key_schema.map(|folder| FolderName {
            position: at(folder.span().start),
            folder: folder.into_inner().trim_end_matches('/').to_owned(),
        }),
        id: table.id.map(|id| FieldName { position: at(id.span().start), name: id.into_inner() }),
        readers: table.readers.into_iter().map(|version| version.0).collect(),
        retired: table.retired.into_iter().map(|version| version.0).collect(),
        migrate: table.migrate.into_iter().flat_map(Spanned::into_inner).map(|version| version.0).collect(),
        uses: uses(table.uses, &at),
        decode: table.decode.into_iter().flat_map(Spanned::into_inner).map(|form| form.0).collect(),
        preserve_unknown: asked(table.preserve_unknown.as_ref()).map(&at),
        lint: levels(table.lint),
    };
    let shared = |(name, table): (Spanned<String>, TypeTable)| TypeEntry {
        position: at(name.span().start),
        name: name.into_inner(),
        format: table.format.map_or(Format::Avro, |format| format.0),
        folder: table.folder,
        subject: table.subject,
        import: table.import.map(Spanned::into_inner),
        uses: uses(table.uses, &at),
        preserve_unknown: asked(table.preserve_unknown.as_ref()).map(&at),
    };
    let topic = |(name, table): (Spanned<String>, TopicTable)| {
        let TopicTable { partitions, replication, config, dead_letter_config, key_uses } = table;
        let (position, key_uses) = (at(name.span().start), uses(key_uses, &at));
        (name.into_inner(), TopicEntry { partitions, replication, config, dead_letter_config, key_uses, position })
    };
    let events = file.event.0.into_iter().map(event).collect();
    let types = file.types.0.into_iter().map(shared).collect();
    let topics = file.topic.0.into_iter().map(topic).collect();
    let (strict, lint) = (file.defaults.strict, levels(file.lint));
    Ok(Manifest { events, types, keys: Vec::new(), topics, compatibility, strict, lint, source })
}

fn uses(table: UsesTable, at: &impl Fn(usize) -> Position) -> Uses {
    let pin = |(name, version): (String, Spanned<VersionText>)| Pin {
        type_name: name,
        position: at(version.span().start),
        version: version.into_inner().0,
    };
    Uses(table.into_iter().map(|(version, pins)| (version.0, pins.into_iter().map(pin).collect())).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    #[serde(default)]
    defaults: DefaultsTable,
    #[serde(default)]
    lint: LintTable,
    #[serde(default)]
    topic: InOrder<TopicTable>,
    #[serde(default)]
    event: InOrder<EventTable>,
    #[serde(default, rename = "type")]
    types: InOrder<TypeTable>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct DefaultsTable {
    compatibility: Option<LevelText>,
    #[serde(default)]
    strict: bool,
    subject: Option<SubjectText>,
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicTable {
    partitions: Option<u32>,
    replication: Option<u16>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    dead_letter_config: BTreeMap<String, String>,
    #[serde(default)]
    key_uses: UsesTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventTable {
    format: FormatText,
    folder: String,
    topic: String,
    subject: Option<SubjectText>,
    compatibility: Option<LevelText>,
    strict: Option<bool>,
    key: Option<Spanned<String>>,
    key_schema: Option<Spanned<String>>,
    id: Option<Spanned<String>>,
    #[serde(default)]
    readers: Vec<VersionText>,
    #[serde(default)]
    retired: Vec<VersionText>,
    #[serde(default)]
    uses: UsesTable,
    migrate: Option<Spanned<Vec<VersionText>>>,
    preserve_unknown: Option<Spanned<bool>>,
    decode: Option<Spanned<Vec<DecodeText>>>,
    #[serde(default)]
    lint: LintTable,
}

impl EventTable {
    /// Returns what the table asks for that is not there, yet or at all, and where; the defaults ask for nothing.
    fn refused(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let is_migrated = self.migrate.as_ref().is_some_and(|versions| !versions.get_ref().is_empty());
        let decode = self.decode.as_ref().filter(|forms| !forms.get_ref().is_empty());
        let decode = decode.and_then(|it| match self.format.0 {
            Format::Protobuf => {
                Some((it.span().start, "`decode` is for Avro events: prost decodes into owned messages"))
            }
            _ if is_migrated => Some((it.span().start, "`decode` goes without `migrate`, which makes owned structs")),
            _ => None,
        });
        let preserve = unknown_of_avro(self.format.0, self.preserve_unknown.as_ref());
        preserve.into_iter().chain(decode)
    }
}

/// Returns where a switch is on.
fn asked(switch: Option<&Spanned<bool>>) -> Option<usize> {
    switch.filter(|wanted| *wanted.get_ref()).map(|wanted| wanted.span().start)
}

fn unknown_of_avro(format: Format, preserve_unknown: Option<&Spanned<bool>>) -> Option<(usize, &'static str)> {
    let place = asked(preserve_unknown).filter(|_| format == Format::Avro)?;
    Some((place, "`preserve_unknown` is for Protobuf: bytes of Avro have no unknown fields"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeTable {
    format: Option<FormatText>,
    folder: String,
    subject: Option<String>,
    import: Option<Spanned<String>>,
    #[serde(default)]
    uses: UsesTable,
    preserve_unknown: Option<Spanned<bool>>,
}

impl TypeTable {
    /// As [`EventTable::refused`].
    fn refused(&self) -> Option<(usize, &'static str)> {
        let format = self.format.map_or(Format::Avro, |format| format.0);
        let import = self.import.as_ref().filter(|_| format == Format::Avro);
        let import = import.map(|it| (it.span().start, "`import` is for Protobuf: Avro uses a type by its full name"));
        import.or_else(|| unknown_of_avro(format, self.preserve_unknown.as_ref()))
    }
}

/// By the version that uses; then by the name of the type.
type UsesTable = BTreeMap<VersionText, BTreeMap<String, Spanned<VersionText>>>;

#[derive(Clone, Copy)]
struct FormatText(Format);
#[derive(Clone, Copy)]
struct LevelText(Level);
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct VersionText(u32);
#[derive(Clone, Copy)]
struct DecodeText(DecodeForm);

#[derive(Clone, Copy, Default)]
struct SubjectText(SubjectStrategy);

/// Levels by the ids of lints.
type LintTable = BTreeMap<LintText, LintLevelText>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct LintText(&'static str);
#[derive(Clone, Copy)]
struct LintLevelText(LintLevel);

fn levels(table: LintTable) -> Levels {
    table.into_iter().map(|(rule, level)| (rule.0, level.0)).collect()
}

impl<'de> Deserialize<'de> for LintText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = lint::find(&text);
        rule.map(|rule| Self(rule.id)).ok_or_else(|| {
            let known: Vec<_> = LINTS.iter().map(|(rule, _)| rule.id).collect();
            D::Error::custom(format!("there is no lint `{text}`; there are {}", known.join(", ")))
        })
    }
}

impl<'de> Deserialize<'de> for LintLevelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let level = LintLevel::ALL.into_iter().find(|level| level.name() == text);
        level
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("expected \"allow\", \"warn\" or \"deny\", found {text:?}")))
    }
}

impl<'de> Deserialize<'de> for FormatText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "avro" => Ok(Self(Format::Avro)),
            "protobuf" => Ok(Self(Format::Protobuf)),
            "json" => Err(D::Error::custom(
                "expected \"avro\" or \"protobuf\": JSON Schema is checked for compatibility, and nothing is generated of it",
            )),
            other => Err(D::Error::custom(format!("expected \"avro\" or \"protobuf\", found \"{other}\""))),
        }
    }
}

impl<'de> Deserialize<'de> for LevelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SubjectText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "topic" => Ok(Self(SubjectStrategy::Topic)),
            "record" => Ok(Self(SubjectStrategy::Record)),
            "topic-record" => Ok(Self(SubjectStrategy::TopicRecord)),
            other => {
                Err(D::Error::custom(format!("expected \"topic\", \"record\" or \"topic-record\", found \"{other}\"")))
            }
        }
    }
}

impl<'de> Deserialize<'de> for VersionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.strip_prefix('v').and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| D::Error::custom(format!("expected a version such as \"v1\", found \"{text}\"")))
    }
}

impl<'de> Deserialize<'de> for DecodeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "borrowed" => Ok(Self(DecodeForm::Borrowed)),
            "reused" => Ok(Self(DecodeForm::Reused)),
            other => Err(D::Error::custom(format!("expected \"borrowed\" or \"reused\", found \"{other}\""))),
        }
    }
}

/// A table in the order of the file, its keys with their places.
struct InOrder<T>(Vec<(Spanned<String>, T)>);

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrderVisitor(PhantomData))
    }
}

struct InOrderVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrderVisitor<T> {
    type Value = InOrder<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(InOrder(entries))
    }
}
