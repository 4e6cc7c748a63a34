//! Loose files: versions of one schema, oldest first.

use std::collections::BTreeSet;
use std::path::Path;

use eventwright_schema::compat::history::{Checked, Kind};
use eventwright_schema::compat::{self, AnySchema, Level, Options, parse_any};
use eventwright_schema::{Diagnostic, Format, Reference, avro, proto};

use crate::args::NamedFile;
use crate::render::{Outcome, format_of};

/// Checks the last file against those before it.
pub(super) fn check(options: Options, level: Level, files: &[std::path::PathBuf], references: &[NamedFile]) -> Outcome {
    let mut outcome = Outcome::default();
    let references: Vec<Reference> = references.iter().filter_map(|one| reference(one, &mut outcome)).collect();
    let mut versions: Vec<(String, AnySchema)> = Vec::new();
    for path in files {
        if let Some(schema) = parse(path, &references, &mut outcome) {
            versions.push((path.display().to_string(), schema));
        }
    }
    if !outcome.errors.is_empty() {
        return outcome;
    }
    let Some(((name, newest), older)) = versions.split_last() else { return outcome };
    let older: Vec<_> = older.iter().map(|(name, schema)| (name.clone(), schema)).collect();
    let report = compat::check_with(options, level, &older, (name.clone(), newest));
    outcome.results.push(Checked { kind: Kind::Event, name: name.clone(), versions: versions.len(), report });
    outcome
}

/// Reads a reference.
pub(crate) fn reference(named: &NamedFile, outcome: &mut Outcome) -> Option<Reference> {
    let text = read(&named.path, outcome)?;
    Some(Reference { name: named.name.clone(), text })
}

/// Parses a file; what is wrong with it becomes part of the outcome.
pub(crate) fn parse(path: &Path, references: &[Reference], outcome: &mut Outcome) -> Option<AnySchema> {
    let name = path.display().to_string();
    let Some(format) = format_of(path) else {
        let help = "give it the ending .avsc, .proto or .json";
        outcome.errors.push(Diagnostic::of_file(name, "the name does not say which language the schema is in", help));
        return None;
    };
    let text = read(path, outcome)?;
    match parse_any(format, &name, &text, &in_order(format, references)) {
        Ok(schema) => Some(schema),
        Err(wrong) => {
            outcome.errors.extend(wrong);
            None
        }
    }
}

fn read(path: &Path, outcome: &mut Outcome) -> Option<String> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            outcome.texts.insert(name, text.clone());
            Some(text)
        }
        Err(error) => {
            let help = "check the path and that the file is UTF-8";
            outcome.errors.push(Diagnostic::of_file(name, format!("cannot read the file: {error}"), help));
            None
        }
    }
}

/// Returns references so that each comes after those that it needs, in whatever order they were given. What cannot be ordered
/// comes last, and parsing says what is wrong.
fn in_order(format: Format, references: &[Reference]) -> Vec<Reference> {
    let mut waiting: Vec<(Reference, BTreeSet<String>)> =
        references.iter().map(|one| (one.clone(), needs(format, &one.text))).collect();
    let mut ordered: Vec<Reference> = Vec::new();
    while !waiting.is_empty() {
        let open: BTreeSet<String> = waiting.iter().filter_map(|(one, _)| name_of(format, one)).collect();
        let is_ready = |(_, needs): &(Reference, BTreeSet<String>)| needs.is_disjoint(&open);
        let next = waiting.iter().position(is_ready).unwrap_or(0);
        ordered.push(waiting.remove(next).0);
    }
    ordered
}

fn needs(format: Format, text: &str) -> BTreeSet<String> {
    match format {
        Format::Avro => avro::outline(text).undefined,
        Format::Protobuf => proto::imports(text),
        // It finds what it refers to in whatever order.
        Format::Json => BTreeSet::new(),
    }
}

/// Returns the name by which others need a reference.
fn name_of(format: Format, reference: &Reference) -> Option<String> {
    match format {
        Format::Avro => avro::outline(&reference.text).name,
        Format::Protobuf | Format::Json => Some(reference.name.clone()),
    }
}
