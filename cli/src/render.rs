//! How findings are printed: one file a format.
//!
//! In: an [`Outcome`]. Out: text. Nothing is decided here.

mod fold;
mod github;
mod json;
mod junit;
mod sarif;
mod text;
mod witness;

use std::collections::BTreeMap;
use std::path::Path;

use eventwright_schema::compat::history::{Checked, check_all_with};
use eventwright_schema::compat::{Options, is_well_formed};
use eventwright_schema::load::Loaded;
use eventwright_schema::lock;
use eventwright_schema::{Diagnostic, Format};

use crate::args::Rendering;
use crate::check::OPTIONS;
use crate::exit::Exit;
use crate::output;

/// What came of a check.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was asked.
    pub(crate) question: Question,
    /// The histories that could be checked.
    pub(crate) results: Vec<Checked>,
    /// What kept others from being checked.
    pub(crate) errors: Vec<Diagnostic>,
    /// The texts that findings are about, by the names that they use.
    pub(crate) texts: BTreeMap<String, String>,
}

/// What a check asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Question {
    /// Whether readers can read.
    #[default]
    Compatibility,
    /// Whether anything is unwise.
    Lint,
}

impl Outcome {
    /// Checks every history of a manifest.
    pub(crate) fn of_manifest(loaded: &Loaded) -> Self {
        Self::of_manifest_with(OPTIONS, loaded)
    }

    /// As [`Outcome::of_manifest`], and looks for what is asked.
    pub(crate) fn of_manifest_with(options: Options, loaded: &Loaded) -> Self {
        Self::new(Question::Compatibility, check_all_with(options, loaded), loaded)
    }

    /// Returns what was found in a manifest.
    pub(crate) fn new(question: Question, results: Vec<Checked>, loaded: &Loaded) -> Self {
        let versions = lock::all_versions(loaded).map(|(_, one)| one);
        let versions = versions.map(|one| (one.path.display().to_string(), one.schema.text().to_owned()));
        let manifest = loaded.manifest.iter().map(|one| (one.source.name.clone(), one.source.text.clone()));
        let texts = versions.chain(manifest).collect();
        Self { question, results, errors: loaded.diagnostics.clone(), texts }
    }

    /// Returns the text of a file that was not loaded, because something is wrong with it.
    fn text_of(&self, source: &str) -> Option<String> {
        self.texts.get(source).cloned().or_else(|| std::fs::read_to_string(source).ok())
    }

    pub(crate) fn is_compatible(&self) -> bool {
        self.results.iter().all(|one| one.report.is_compatible())
    }

    /// Returns whether a file could not even be read as what it should be.
    fn is_malformed(&self, source: &str) -> bool {
        match (format_of(Path::new(source)), self.text_of(source)) {
            (Some(format), Some(text)) => !is_well_formed(format, &text),
            // A manifest that leads to schemas has its own text here.
            _ => !self.texts.contains_key(source),
        }
    }

    fn exit(&self) -> Exit {
        let is_malformed = self.errors.iter().any(|error| self.is_malformed(&error.source));
        match (is_malformed, self.errors.is_empty() && self.is_compatible()) {
            (true, _) => Exit::Failed,
            (_, true) => Exit::Done,
            (_, false) => Exit::Findings,
        }
    }
}

/// Returns the schema language of a file by its name.
pub(crate) fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "avsc" => Some(Format::Avro),
        "proto" => Some(Format::Protobuf),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// Returns what was found as the JSON of a check has it.
pub(crate) fn results(outcome: &Outcome) -> serde_json::Value {
    json::results(outcome)
}

/// Prints an outcome and returns how the process is to end.
pub(crate) fn print(outcome: &Outcome, rendering: Rendering) -> anyhow::Result<Exit> {
    let printed = match rendering {
        Rendering::Text => {
            text::print(outcome);
            return Ok(outcome.exit());
        }
        Rendering::Short => short(outcome),
        Rendering::Json => json::render(outcome),
        Rendering::Github => github::render(outcome),
        Rendering::Sarif => sarif::render(outcome),
        Rendering::Junit => junit::render(outcome),
    };
    output::print(&printed)?;
    Ok(outcome.exit())
}

/// The lines of the build's errors.
fn short(outcome: &Outcome) -> String {
    let errors = outcome.errors.iter().map(ToString::to_string);
    let reports = outcome.results.iter().map(|one| &one.report);
    let findings = reports.flat_map(|report| report.findings.iter().chain(&report.warnings)).map(ToString::to_string);
    errors.chain(findings).map(|line| line.replace('\n', " ") + "\n").collect()
}
