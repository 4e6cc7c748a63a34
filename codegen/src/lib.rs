//! Compiles a manifest of Avro and Protobuf schemas into typed Rust events, from a build script:
//!
//! ```no_run
//! eventwright_codegen::compile("schemas/events.toml");
//! ```
//!
//! In: `events.toml` and the schema files that it names. Out: one Rust file in `OUT_DIR`, which
//! `eventwright::include_events!()` includes, and cargo's directives. The steps are load (`eventwright-schema`), lower
//! (`lower/`), emit (`emit/`) and output (`output.rs`).

mod emit;
mod gate;
mod ir;
mod lower;
mod names;
mod output;
mod rust;
mod stamp;

use std::path::{Path, PathBuf};

use eventwright_schema::Diagnostic;
use eventwright_schema::load::load;

use crate::rust::Path as RustPath;
use crate::stamp::Run;

/// Compiles the events of a manifest and prints cargo's directives: one `cargo::error=` line a finding, each of which
/// fails the build. What could be generated is written all the same.
///
/// For use in build scripts only.
pub fn compile(manifest_path: impl AsRef<Path>) {
    Codegen::new().compile(manifest_path);
}

/// Code generation with other settings than [`compile`] has.
#[derive(Debug, Clone)]
pub struct Codegen {
    runtime_path: String,
}

/// What code generation came to.
#[derive(Debug, Default)]
pub struct Generated {
    /// The Rust text of all events that could be generated.
    pub code: String,
    /// What is wrong with the manifest or a schema.
    pub diagnostics: Vec<Diagnostic>,
    /// What would break readers: what the gate has found.
    pub breaks: Vec<Diagnostic>,
    /// What readers may misread.
    pub warnings: Vec<Diagnostic>,
    /// The files and folders that the code depends on.
    pub watched: Vec<PathBuf>,
}

impl Default for Codegen {
    fn default() -> Self {
        Self::new()
    }
}

impl Codegen {
    /// Returns the settings of [`compile`].
    #[must_use]
    pub fn new() -> Self {
        Self { runtime_path: "::eventwright::wire".to_owned() }
    }

    /// Sets the path by which generated code reaches `eventwright-wire`, for crates that depend on it alone:
    /// `::eventwright_wire`.
    #[must_use]
    pub fn runtime_path(mut self, path: impl Into<String>) -> Self {
        self.runtime_path = path.into();
        self
    }

    /// As [`compile`].
    pub fn compile(&self, manifest_path: impl AsRef<Path>) {
        let path = manifest_path.as_ref();
        let variable = std::env::var(gate::VARIABLE).ok();
        let run = Run {
            settings: format!("{} {} {variable:?}", path.display(), self.runtime_path),
            lock: path.with_file_name(eventwright_schema::lock::FILE_NAME).display().to_string(),
        };
        output::run(&run, || {
            let mut generated = self.generate(path);
            gate::apply(variable.as_deref(), &path.display().to_string(), &mut generated);
            generated
        });
    }

    /// Generates the code without writing it.
    ///
    /// # Panics
    /// A `runtime_path` that is not a Rust path.
    pub fn generate(&self, manifest_path: impl AsRef<Path>) -> Generated {
        let wire = RustPath::parse(&self.runtime_path).expect("runtime_path is a Rust path");
        let loaded = load(manifest_path.as_ref());
        let mut diagnostics = loaded.diagnostics.clone();
        let gate::Verdict { errors: breaks, warnings } = gate::check(&loaded);
        let lowered = lower::all(&loaded, &mut diagnostics);
        let mut code = output::HEADER.to_owned();
        emit::file(&lowered, &wire, &mut diagnostics, |part| {
            // The parts stand apart; one may be empty.
            if !part.as_str().is_empty() {
                code.push('\n');
                code += &rust::layout(part.as_str());
            }
        });
        Generated { code, diagnostics, breaks, warnings, watched: loaded.watched }
    }
}
