//! Two versions that are compared, and what is found when they are.

use super::{Direction, Finding, Level, Options, Report, Rule, Severity, Side, Witness};
use crate::Position;

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

/// A schema whose parts have places in its texts.
pub(crate) trait Sourced {
    /// What a part is known by.
    type Place;

    /// Returns the text of a part; empty where its place is not known.
    fn text_of(&self, place: &Self::Place) -> &str;

    /// Returns the name of the text and the position in it of a part.
    fn position_of(&self, place: &Self::Place) -> (&str, Position);
}

/// What a finding is about, on both sides; `None` where a side lacks it.
#[derive(Clone, Copy)]
pub(crate) struct Places<P> {
    pub(crate) reader: Option<P>,
    pub(crate) writer: Option<P>,
    /// The place in the new text.
    pub(crate) new: P,
}

/// A finding before its labels are known to be the old's or the new's.
pub(crate) struct Draft<P> {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) path: String,
    pub(crate) what: String,
    pub(crate) help: String,
    pub(crate) places: Places<P>,
}

/// What a check has found so far.
#[derive(Debug)]
pub(crate) struct Findings {
    options: Options,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    omitted: usize,
}

impl Findings {
    /// More than anybody reads: two schemas of 1 MiB can differ in 100,000 fields, for each older version.
    const MAX: usize = 1000;

    /// How many findings of a kind get a witness: each costs as much as decoding a record.
    const MAX_WITNESSES: usize = 100;

    pub(crate) fn new(options: Options) -> Self {
        Self { options, errors: Vec::new(), warnings: Vec::new(), omitted: 0 }
    }

    /// Returns whether rules of our own are looked at.
    pub(crate) fn are_strict(&self) -> bool {
        self.options.strict
    }

    pub(crate) fn into_report(self, level: Level) -> Report {
        Report { level, findings: self.errors, warnings: self.warnings, omitted: self.omitted }
    }
}

impl<S> Clone for Version<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Version<'_, S> {}

impl<'a, S> Version<'a, S> {
    pub(super) fn with<T>(self, schema: &'a T) -> Version<'a, T> {
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

    /// Returns the places of what both sides have.
    pub(crate) fn both<P: Clone>(&self, of_reader: P, of_writer: P) -> Places<P> {
        let new = self.newer(&of_reader, &of_writer).clone();
        Places { reader: Some(of_reader), writer: Some(of_writer), new }
    }
}

impl<S: Sourced> Pair<'_, S> {
    /// Adds a finding, or counts it where there are too many already. `prove` looks for a witness.
    pub(crate) fn report(&self, draft: Draft<S::Place>, found: &mut Findings, prove: impl FnOnce() -> Option<Witness>) {
        let severity = if found.options.strict { Severity::Error } else { draft.severity };
        let list = match severity {
            Severity::Error => &mut found.errors,
            Severity::Warning => &mut found.warnings,
        };
        if list.len() == Findings::MAX {
            found.omitted += 1;
            return;
        }
        let is_proven = found.options.witnesses && list.len() < Findings::MAX_WITNESSES;
        let witness = if is_proven { prove() } else { None };
        list.push(Finding { severity, witness, ..self.finding(draft) });
    }

    fn finding(&self, draft: Draft<S::Place>) -> Finding {
        let Draft { rule, severity, path, what, help, places } = draft;
        let failure = match severity {
            Severity::Error => "cannot read",
            Severity::Warning => "may misread",
        };
        let (reader, writer) = (self.reader(), self.writer());
        let text = |side: &Version<'_, S>, place: Option<S::Place>| {
            shortened(place.map_or("", |place| side.schema.text_of(&place)))
        };
        let texts = (text(&reader, places.reader), text(&writer, places.writer));
        let (source, position) = self.new.schema.position_of(&places.new);
        let side = |version: &Version<'_, S>, text| Side { label: version.label.to_owned(), text };
        let (new_text, old_text) = self.swapped(texts);
        Finding {
            rule,
            severity,
            direction: Some(self.direction),
            path,
            message: format!("{what}: readers of {} {failure} records written with {}", reader.label, writer.label),
            help,
            old: side(&self.old, old_text),
            new: side(&self.new, new_text),
            source: source.to_owned(),
            position,
            witness: None,
        }
    }

    /// Returns what is new and what is old, of what belongs to the reader and what belongs to the writer.
    fn swapped<T>(&self, (of_reader, of_writer): (T, T)) -> (T, T) {
        match self.direction {
            Direction::Backward => (of_reader, of_writer),
            Direction::Forward => (of_writer, of_reader),
        }
    }
}

/// Cuts a text that nobody reads to its end: thousands of findings may be about one large type.
pub(super) fn shortened(text: &str) -> String {
    const MAX_LEN: usize = 4096;
    if text.len() <= MAX_LEN {
        return text.to_owned();
    }
    let end = (0..=MAX_LEN).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or("").to_owned() + "…"
}
