//! The history of each event, key and shared type of a manifest: whether the versions keep what their level promises, whether
//! the released ones are what they were, and whether readers can decode what they promise to read.
//!
//! In: what was loaded, with its lock. Out: a [`Report`] each. The build and `eventwright check` both ask here.

use std::collections::BTreeSet;

use super::{AnySchema, Direction, Finding, Level, Options, Report, Rule, Severity, Side, check_with, rule};
use crate::Position;
use crate::avro::{self, Schema};
use crate::load::{Loaded, LoadedVersion};
use crate::lock::{self, Lock, VersionId};
use crate::manifest::{EventEntry, SubjectStrategy};

/// What no default mends, and a function may.
const CHANGES_OF_TYPE: [&Rule; 6] = [
    &rule::TYPE_MISMATCH,
    &rule::FIXED_SIZE_MISMATCH,
    &rule::FIELD_KIND_CHANGED,
    &rule::FIELD_SCALAR_KIND_CHANGED,
    &rule::FIELD_NAMED_TYPE_CHANGED,
    &rule::FIELD_NUMERIC_LABEL_CHANGED,
];

/// What was found in one history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What the history is of.
    pub kind: Kind,
    /// The name in the manifest.
    pub name: String,
    /// How many versions there are.
    pub versions: usize,
    /// What was found.
    pub report: Report,
}

/// What has versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Event,
    /// The key of a topic.
    Key,
    /// A shared type.
    Type,
}

impl Kind {
    /// Returns the word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Key => "key",
            Self::Type => "type",
        }
    }
}

/// Checks every history of a manifest: events, keys, then shared types, in the manifest's order.
#[must_use]
pub fn check_all(loaded: &Loaded) -> Vec<Checked> {
    check_all_with(Options::default(), loaded)
}

/// As [`check_all`], and looks for more.
#[must_use]
pub fn check_all_with(options: Options, loaded: &Loaded) -> Vec<Checked> {
    let mut checked: Vec<Checked> = histories(loaded).iter().map(|one| one.check(options, loaded)).collect();
    if let Some(last) = checked.last_mut() {
        last.report.findings.extend(orphans(loaded));
    }
    checked
}

/// The versions of one event, key or type.
#[derive(Debug, Clone, Copy)]
pub struct History<'l> {
    /// What the history is of.
    pub kind: Kind,
    /// The name in the manifest.
    pub name: &'l str,
    /// The folder, from the manifest's.
    pub folder: &'l str,
    /// What its versions promise each other.
    pub level: Level,
    /// Whether breaks count that Confluent's rules miss.
    pub strict: bool,
    /// The versions, oldest first; there is one at least.
    pub versions: &'l [LoadedVersion],
    /// What the manifest says of an event or a key.
    pub(crate) entry: Option<&'l EventEntry>,
}

/// Returns every history of a manifest: events, keys, then shared types, in the manifest's order.
#[must_use]
pub fn histories(loaded: &Loaded) -> Vec<History<'_>> {
    let events = loaded.events.iter().chain(&loaded.keys).map(|event| History {
        kind: if event.entry.subject == SubjectStrategy::Key { Kind::Key } else { Kind::Event },
        name: &event.entry.name,
        folder: &event.entry.folder,
        level: event.entry.compatibility,
        strict: event.entry.strict,
        versions: &event.versions,
        entry: Some(&event.entry),
    });
    let level = loaded.manifest.as_ref().map_or(Level::None, |manifest| manifest.compatibility);
    let strict = loaded.manifest.as_ref().is_some_and(|manifest| manifest.strict);
    let types = loaded.types.iter().map(|one| History {
        kind: Kind::Type,
        name: &one.entry.name,
        folder: &one.entry.folder,
        // Each version of an imported file has a subject of its own, its path, and so nothing to keep.
        level: if one.entry.has_history() { level } else { Level::None },
        strict,
        versions: &one.versions,
        entry: None,
    });
    events.chain(types).collect()
}

impl History<'_> {
    fn check(&self, options: Options, loaded: &Loaded) -> Checked {
        let options = Options { strict: options.strict || self.strict, ..options };
        let mut report = Report { level: self.level, findings: Vec::new(), warnings: Vec::new(), omitted: 0 };
        report.findings.extend(self.versions.iter().filter_map(|version| self.changed(loaded, version)));
        report.findings.extend(self.out_of_order(&loaded.lock));
        for (index, version) in self.versions.iter().enumerate().skip(1) {
            // The released ones were checked when they were drafts, and cannot be mended any more.
            let is_draft = loaded.lock.get(&self.id(version)).is_none();
            if is_draft || index + 1 == self.versions.len() {
                self.check_version(options, index, &mut report);
            }
        }
        let decoding = self.unreadable(options, &report);
        report.findings.extend(decoding);
        Checked { kind: self.kind, name: self.name.to_owned(), versions: self.versions.len(), report }
    }

    fn id(&self, version: &LoadedVersion) -> VersionId {
        VersionId::new(self.folder, version.number)
    }

    fn check_version(&self, options: Options, index: usize, report: &mut Report) {
        let Some((version, older)) = self.versions.get(..=index).and_then(<[_]>::split_last) else { return };
        let first = self.entry.map_or(1, |entry| entry.first_comparable(version.number));
        let older = older.iter().filter(|one| one.number >= first);
        let older: Vec<_> = older.map(|one| (label(one.number), &one.schema)).collect();
        let Report { findings, warnings, omitted, .. } =
            check_with(options, self.level, &older, (label(version.number), &version.schema));
        report.findings.extend(findings.into_iter().map(|finding| self.with_migration(finding, version)));
        report.warnings.extend(warnings);
        report.omitted += omitted;
    }

    /// Says of a change of an event's type that it can be migrated by hand, on the step to the version that changes it.
    fn with_migration(&self, mut finding: Finding, version: &LoadedVersion) -> Finding {
        let old = version.number - 1;
        if self.kind == Kind::Event && CHANGES_OF_TYPE.contains(&finding.rule) {
            finding.help += &format!(
                ", or write how v{old} becomes {}: `migrate = [\"v{old}\"]` in the manifest",
                label(version.number)
            );
        }
        finding
    }

    /// Finds a released version that says something else now.
    fn changed(&self, loaded: &Loaded, version: &LoadedVersion) -> Option<Finding> {
        let id = self.id(version);
        let released = loaded.lock.get(&id)?;
        let content = lock::content(loaded, version);
        (released.content != content || released.format != version.schema.format()).then(|| {
            let name = label(version.number);
            let what = format!("{name} of `{}` is released, and what it says has changed since", self.name);
            let newest = self.versions.last().unwrap_or(version);
            let help = match loaded.lock.get(&self.id(newest)) {
                None => format!("undo the edit, and make it in {}, which is not released yet", label(newest.number)),
                Some(_) => {
                    let (newest, next) = (label(newest.number), label(newest.number + 1));
                    format!("undo the edit, and make it in a copy of {newest} that is called {next}")
                }
            };
            finding(&rule::RELEASED_VERSION_CHANGED, version, what, help)
        })
    }

    /// Finds drafts that are older than a released version.
    fn out_of_order(&self, lock: &Lock) -> Vec<Finding> {
        let is_released = |version: &&LoadedVersion| lock.get(&self.id(version)).is_some();
        let Some(newest) = self.versions.iter().rev().find(is_released) else { return Vec::new() };
        let drafts = self.versions.iter().filter(|version| version.number < newest.number && !is_released(version));
        let finding = |draft: &LoadedVersion| {
            let (draft_name, newest) = (label(draft.number), label(newest.number));
            let what = format!("{newest} of `{}` is released, and {draft_name} is not", self.name);
            let help =
                "give the file the number after the newest, or take its line in schemas.lock back from version control";
            finding(&rule::RELEASED_OUT_OF_ORDER, draft, what, help.to_owned())
        };
        drafts.map(finding).collect()
    }

    /// Finds what readers promise to decode and cannot, where no rule of compatibility has said so.
    fn unreadable(&self, options: Options, report: &Report) -> Vec<Finding> {
        let known: BTreeSet<(&str, &str)> = report
            .findings
            .iter()
            .filter_map(|finding| finding.reader_and_writer())
            .map(|(reader, writer)| (reader.label.as_str(), writer.label.as_str()))
            .collect();
        let promised = self.promised();
        let news = promised.iter().filter(|(reader, writer)| {
            let (reader, writer) = (label(reader.number), label(writer.number));
            !known.contains(&(reader.as_str(), writer.as_str()))
        });
        news.flat_map(|(reader, writer)| self.undecodable(options, reader, writer)).collect()
    }

    /// Returns readers with writers that each promises to read: the newest version, as far back as the level goes; what is migrated
    /// by hand, what was before it; and those that the manifest lists in `readers`, everything. Nobody reads across a migration.
    fn promised(&self) -> Vec<(&LoadedVersion, &LoadedVersion)> {
        let Some((entry, (newest, older))) = self.entry.zip(self.versions.split_last()) else { return Vec::new() };
        let reads_back = self.level.directions().contains(&Direction::Backward);
        let far = if self.level.is_transitive() { older.len() } else { 1 };
        let back = older.iter().rev().take(if reads_back { far } else { 0 }).map(|writer| (newest, writer));
        let migrated = older.iter().filter(|reader| entry.migrate.contains(&reader.number));
        let behind = migrated.flat_map(|reader| {
            older.iter().filter(|writer| writer.number < reader.number).map(move |writer| (reader, writer))
        });
        let readers = older.iter().filter(|reader| entry.readers.contains(&reader.number));
        let others = readers.flat_map(|reader| self.versions.iter().map(move |writer| (reader, writer)));
        let others = others.filter(|(reader, writer)| reader.number != writer.number);
        let are_comparable = |(reader, writer): &(&LoadedVersion, &LoadedVersion)| {
            entry.first_comparable(reader.number) == entry.first_comparable(writer.number)
        };
        let all = back.chain(behind).chain(others).filter(are_comparable);
        all.filter(|(_, writer)| !entry.retired.contains(&writer.number)).collect()
    }

    fn undecodable(&self, options: Options, reader: &LoadedVersion, writer: &LoadedVersion) -> Vec<Finding> {
        let (AnySchema::Avro(reads), AnySchema::Avro(writes)) = (&reader.schema, &writer.schema) else {
            return Vec::new();
        };
        let Err(errors) = avro::resolve(writes, reads) else { return Vec::new() };
        let witness = options.witnesses.then(|| avro::witness(writes, reads)).flatten();
        let is_newest = self.versions.last().is_some_and(|newest| newest.number == reader.number);
        let finding = |error: &avro::ResolveError| {
            let (source, position) = place_of(reads, &error.path);
            let (reader, writer) = (label(reader.number), label(writer.number));
            let help = match is_newest {
                true => error.help.clone(),
                false => format!("take \"{reader}\" out of `readers` in the manifest, or {}", error.help),
            };
            Finding {
                rule: &rule::READER_CANNOT_DECODE,
                severity: Severity::Error,
                direction: Some(if is_newest { Direction::Backward } else { Direction::Forward }),
                path: error.path.clone(),
                message: format!("{error}: readers of {reader} cannot read records written with {writer}"),
                help,
                old: Side { label: if is_newest { &writer } else { &reader }.clone(), text: String::new() },
                new: Side { label: if is_newest { reader } else { writer }, text: String::new() },
                source,
                position,
                witness: witness.clone(),
            }
        };
        errors.iter().map(finding).collect()
    }
}

/// Returns the place of the root's field that a path begins with, or else that of the root.
fn place_of(schema: &Schema, path: &str) -> (String, Position) {
    let top = path.split(['.', '[']).next();
    let fields = schema.root_named().and_then(|(_, root)| root.fields()).unwrap_or_default();
    let field = fields.iter().find(|field| Some(field.name.as_str()) == top);
    let (source, position) = schema.position_of(field.map_or(schema.root().span, |field| field.span));
    (source.to_owned(), position)
}

fn label(number: u32) -> String {
    format!("v{number}")
}

/// Returns a finding about one version alone.
pub(super) fn finding(rule: &'static Rule, version: &LoadedVersion, message: String, help: String) -> Finding {
    let side = || Side { label: label(version.number), text: String::new() };
    Finding {
        rule,
        severity: Severity::Error,
        direction: None,
        path: String::new(),
        message,
        help,
        old: side(),
        new: side(),
        source: version.path.display().to_string(),
        position: Position::START,
        witness: None,
    }
}

/// Finds released versions that have no file any more. Where something else is wrong nobody knows what is missing.
fn orphans(loaded: &Loaded) -> Vec<Finding> {
    if !loaded.diagnostics.is_empty() {
        return Vec::new();
    }
    let known: BTreeSet<VersionId> = lock::all_versions(loaded).map(|(id, _)| id).collect();
    let missing = loaded.lock.released().filter(|(id, _)| !known.contains(id));
    let finding = |(id, released): (&VersionId, &lock::Released)| Finding {
        rule: &rule::RELEASED_VERSION_REMOVED,
        severity: Severity::Error,
        direction: None,
        path: String::new(),
        message: format!("{id} is released, and the manifest leads to no such file"),
        help: "take the file back from version control; or remove this line, if no record of that version is left"
            .into(),
        old: Side { label: label(id.number), text: String::new() },
        new: Side { label: label(id.number), text: String::new() },
        source: loaded.lock_source.clone(),
        position: Position { line: released.line, column: 1 },
        witness: None,
    };
    missing.map(finding).collect()
}
