//! Compatibility: whether the readers of one version can read what another version writes.
//!
//! In: the older versions, oldest first, a candidate and a [`Level`]. Out: a [`Report`] with every finding, each with
//! its rule, its place and the edit that mends it. The rules themselves are in `avro/compat.rs`, `proto/compat.rs`
//! and `json_schema/compat.rs`; the levels are those of Confluent's registry ("Schema Evolution and Compatibility").

#[cfg(feature = "manifest")]
pub mod history;
mod level;
#[cfg(feature = "manifest")]
pub mod registered;
mod report;
pub mod rule;

pub use level::{Direction, Level, UnknownLevel};
pub use report::{Finding, Report, Severity, Side};
pub use rule::Rule;

#[cfg(feature = "json")]
use crate::json_schema;
#[cfg(feature = "proto")]
use crate::proto;
use crate::{Diagnostic, Format, Position, Reference, avro};

/// A schema in any of the languages.
#[derive(Debug, Clone)]
pub enum AnySchema {
    /// Apache Avro.
    Avro(avro::Schema),
    /// Protocol Buffers.
    #[cfg(feature = "proto")]
    Protobuf(proto::Schema),
    /// JSON Schema.
    #[cfg(feature = "json")]
    Json(json_schema::Schema),
}

/// Parses a schema of the given language; references come in the order of their dependencies, which JSON Schema does not
/// need.
///
/// # Errors
/// Everything that is wrong with the text or with one of the references.
pub fn parse_any(
    format: Format,
    name: &str,
    text: &str,
    references: &[Reference],
) -> Result<AnySchema, Vec<Diagnostic>> {
    match format {
        Format::Avro => avro::parse_with(name, text, references).map(AnySchema::Avro),
        #[cfg(feature = "proto")]
        Format::Protobuf => proto::parse(name, text, references).map(AnySchema::Protobuf),
        #[cfg(feature = "json")]
        Format::Json => json_schema::parse(name, text, references).map(AnySchema::Json),
        #[cfg(not(all(feature = "proto", feature = "json")))]
        _ => Err(vec![Diagnostic::of_file(
            name,
            format!("this program was built without {}", format.schema_type()),
            "build it with the features `proto` and `json` of eventwright-schema",
        )]),
    }
}

/// Returns whether a text is of the language at all, even if it is no schema: whether it was the wrong file, so to speak.
#[must_use]
pub fn is_well_formed(format: Format, text: &str) -> bool {
    match format {
        Format::Avro => avro::is_well_formed(text),
        #[cfg(feature = "proto")]
        Format::Protobuf => proto::is_well_formed(text),
        #[cfg(not(feature = "proto"))]
        Format::Protobuf => true,
        // JSON is the text of both.
        Format::Json => avro::is_well_formed(text),
    }
}

/// Checks a candidate against the older versions that the level names: each with what messages call it, oldest first.
#[must_use]
pub fn check(level: Level, history: &[(String, &AnySchema)], candidate: (String, &AnySchema)) -> Report {
    let older = if level.is_transitive() { history } else { history.split_at(history.len().saturating_sub(1)).1 };
    let new = Version { label: &candidate.0, schema: candidate.1 };
    let mut found = Findings::default();
    // The newest first, as Confluent's registry goes through them.
    for (label, schema) in older.iter().rev() {
        for &direction in level.directions() {
            check_pair(direction, (Version { label, schema }, new), &mut found);
        }
    }
    let Findings { errors, warnings, omitted } = found;
    Report { level, findings: errors, warnings, omitted }
}

fn check_pair(
    direction: Direction,
    (old, new): (Version<'_, AnySchema>, Version<'_, AnySchema>),
    found: &mut Findings,
) {
    match (old.schema, new.schema) {
        (AnySchema::Avro(older), AnySchema::Avro(newer)) => {
            avro::compat::check(&Pair { direction, old: old.with(older), new: new.with(newer) }, found);
        }
        #[cfg(feature = "proto")]
        (AnySchema::Protobuf(older), AnySchema::Protobuf(newer)) => {
            proto::compat::check(&Pair { direction, old: old.with(older), new: new.with(newer) }, found);
        }
        #[cfg(feature = "json")]
        (AnySchema::Json(older), AnySchema::Json(newer)) => {
            json_schema::compat::check(&Pair { direction, old: old.with(older), new: new.with(newer) }, found);
        }
        #[cfg(any(feature = "proto", feature = "json"))]
        _ => {
            found.push(Severity::Error, || schema_type_changed(&Pair { direction, old, new }));
        }
    }
}

#[cfg(any(feature = "proto", feature = "json"))]
fn schema_type_changed(pair: &Pair<'_, AnySchema>) -> Finding {
    let Pair { old, new, .. } = pair;
    let [older, newer] = [old.schema, new.schema].map(|schema| schema.format().schema_type());
    pair.finding(Draft {
        rule: &rule::SCHEMA_TYPE_CHANGED,
        severity: Severity::Error,
        path: "/".into(),
        what: format!("{} is {older} and {} is {newer}", old.label, new.label),
        help: format!("write {} in {older}, or register it under a subject of its own", new.label),
        reader_text: String::new(),
        writer_text: String::new(),
        source: new.label.to_owned(),
        position: Position::START,
    })
}

impl AnySchema {
    /// Returns the schema language.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            Self::Avro(_) => Format::Avro,
            #[cfg(feature = "proto")]
            Self::Protobuf(_) => Format::Protobuf,
            #[cfg(feature = "json")]
            Self::Json(_) => Format::Json,
        }
    }

    /// Returns the schema's text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Avro(schema) => schema.text(),
            #[cfg(feature = "proto")]
            Self::Protobuf(schema) => schema.text(),
            #[cfg(feature = "json")]
            Self::Json(schema) => schema.text(),
        }
    }
}

/// A version, with what messages call it.
#[derive(Debug)]
pub(crate) struct Version<'a, S> {
    pub(crate) label: &'a str,
    pub(crate) schema: &'a S,
}

/// Two versions, and which one reads what the other one wrote.
pub(crate) struct Pair<'a, S> {
    pub(crate) direction: Direction,
    pub(crate) old: Version<'a, S>,
    pub(crate) new: Version<'a, S>,
}

/// What a check has found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    omitted: usize,
}

impl Findings {
    /// More than anybody reads: two schemas of 1 MiB can differ in 100,000 fields, for each older version.
    const MAX: usize = 1000;

    /// Adds what `finding` returns, or counts it where there are too many already.
    pub(crate) fn push(&mut self, severity: Severity, finding: impl FnOnce() -> Finding) {
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if list.len() < Self::MAX {
            list.push(finding());
        } else {
            self.omitted += 1;
        }
    }
}

/// A finding before its labels are known to be the old's or the new's.
pub(crate) struct Draft {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) path: String,
    pub(crate) what: String,
    pub(crate) help: String,
    pub(crate) reader_text: String,
    pub(crate) writer_text: String,
    pub(crate) source: String,
    pub(crate) position: Position,
}

impl<S> Clone for Version<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Version<'_, S> {}

impl<'a, S> Version<'a, S> {
    fn with<T>(self, schema: &'a T) -> Version<'a, T> {
        Version { label: self.label, schema }
    }
}

impl<'a, S> Pair<'a, S> {
    pub(crate) fn reader(&self) -> Version<'a, S> {
        match self.direction {
            Direction::Backward => self.new,
            Direction::Forward => self.old,
        }
    }

    pub(crate) fn writer(&self) -> Version<'a, S> {
        match self.direction {
            Direction::Backward => self.old,
            Direction::Forward => self.new,
        }
    }

    /// Returns the new one of what belongs to the reader and what belongs to the writer.
    pub(crate) fn newer<T>(&self, of_reader: T, of_writer: T) -> T {
        match self.direction {
            Direction::Backward => of_reader,
            Direction::Forward => of_writer,
        }
    }

    /// Returns the old one of what belongs to the reader and what belongs to the writer.
    pub(crate) fn older<T>(&self, of_reader: T, of_writer: T) -> T {
        self.newer(of_writer, of_reader)
    }

    pub(crate) fn finding(&self, draft: Draft) -> Finding {
        let Draft { rule, severity, path, what, help, reader_text, writer_text, source, position } = draft;
        let failure = match severity {
            Severity::Error => "cannot read",
            Severity::Warning => "may misread",
        };
        let (reader, writer) = (self.reader().label, self.writer().label);
        let (reader_text, writer_text) = (shortened(reader_text), shortened(writer_text));
        let (old_text, new_text) = match self.direction {
            Direction::Backward => (writer_text, reader_text),
            Direction::Forward => (reader_text, writer_text),
        };
        Finding {
            rule,
            severity,
            direction: Some(self.direction),
            path,
            message: format!("{what}: readers of {reader} {failure} records written with {writer}"),
            help,
            old: Side { label: self.old.label.to_owned(), text: old_text },
            new: Side { label: self.new.label.to_owned(), text: new_text },
            source,
            position,
        }
    }
}

/// Cuts a text that nobody reads to its end: thousands of findings may be about one large type.
fn shortened(mut text: String) -> String {
    const MAX_LEN: usize = 4096;
    if text.len() > MAX_LEN {
        let end = (0..=MAX_LEN).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
