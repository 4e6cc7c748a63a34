//! Compatibility: whether the readers of one version can read what another version writes.
//!
//! In: the older versions, oldest first, a candidate and a [`Level`]. Out: a [`Report`] with every finding, each with
//! its rule, its place and the edit that mends it. The rules themselves are in `avro/compat.rs`, `proto/compat.rs`
//! and `json_schema/compat.rs`; the levels are those of Confluent's registry ("Schema Evolution and Compatibility").

#[cfg(feature = "manifest")]
pub mod history;
mod level;
mod pair;
#[cfg(feature = "manifest")]
pub mod registered;
mod report;
pub mod rule;
mod witness;

pub use level::{Direction, Level, UnknownLevel};
pub(crate) use pair::{Draft, Findings, Pair, Places, Sourced, Version};
pub use report::{Finding, Report, Severity, Side};
pub use rule::Rule;
pub use witness::{Outcome, Witness};

#[cfg(any(feature = "proto", feature = "json"))]
use crate::Position;
#[cfg(feature = "json")]
use crate::json_schema;
#[cfg(feature = "proto")]
use crate::proto;
use crate::{Diagnostic, Format, Reference, avro};

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

/// What a check looks for beside what Confluent's registry answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether findings get a [`Witness`], which takes longer than to find them.
    pub witnesses: bool,
    /// Whether breaks count that Confluent's rules miss: warnings become errors, and rules of our own are looked at.
    pub strict: bool,
}

/// Checks a candidate against the older versions that the level names: each with what messages call it, oldest first.
#[must_use]
pub fn check(level: Level, history: &[(String, &AnySchema)], candidate: (String, &AnySchema)) -> Report {
    check_with(Options::default(), level, history, candidate)
}

/// As [`check`], and looks for more.
#[must_use]
pub fn check_with(
    options: Options,
    level: Level,
    history: &[(String, &AnySchema)],
    candidate: (String, &AnySchema),
) -> Report {
    let older = if level.is_transitive() { history } else { history.split_at(history.len().saturating_sub(1)).1 };
    let new = Version { label: &candidate.0, schema: candidate.1 };
    let mut found = Findings::new(options);
    // The newest first, as Confluent's registry goes through them.
    for (label, schema) in older.iter().rev() {
        for &direction in level.directions() {
            check_pair(direction, (Version { label, schema }, new), &mut found);
        }
    }
    found.into_report(level)
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
            schema_type_changed(&Pair { direction, old, new }, found);
        }
    }
}

#[cfg(any(feature = "proto", feature = "json"))]
fn schema_type_changed(pair: &Pair<'_, AnySchema>, found: &mut Findings) {
    let Pair { old, new, .. } = pair;
    let [older, newer] = [old.schema, new.schema].map(|schema| schema.format().schema_type());
    let draft = Draft {
        rule: &rule::SCHEMA_TYPE_CHANGED,
        severity: Severity::Error,
        path: "/".into(),
        what: format!("{} is {older} and {} is {newer}", old.label, new.label),
        help: format!("write {} in {older}, or register it under a subject of its own", new.label),
        places: Places { reader: None, writer: None, new: () },
    };
    pair.report(draft, found, || None);
}

/// A whole schema is at its start.
#[cfg(any(feature = "proto", feature = "json"))]
impl Sourced for AnySchema {
    type Place = ();

    fn text_of(&self, (): &()) -> &str {
        ""
    }

    fn position_of(&self, (): &()) -> (&str, Position) {
        match self {
            Self::Avro(schema) => (schema.position_of(schema.root().span).0, Position::START),
            #[cfg(feature = "proto")]
            Self::Protobuf(schema) => (schema.name(), Position::START),
            #[cfg(feature = "json")]
            Self::Json(schema) => (schema.name(), Position::START),
        }
    }
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

#[cfg(test)]
mod tests;
