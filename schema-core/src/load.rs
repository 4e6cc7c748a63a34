//! Reads a manifest and the schema files that it names: the only place of this crate that touches the disk.
//!
//! In: the manifest's path. Out: every event with its versions as models, and every problem; an event with problems is
//! left out, so that the others can still be used.

use std::path::{Path, PathBuf};

use crate::compat::{AnySchema, parse_any};
use crate::manifest::{EventEntry, Manifest, SubjectStrategy};
use crate::{Diagnostic, Format};

/// What a manifest leads to.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The events without problems, in the manifest's order.
    pub events: Vec<LoadedEvent>,
    /// The keys without problems, in the manifest's order.
    pub keys: Vec<LoadedEvent>,
    /// Everything that is wrong with the manifest or with a schema.
    pub diagnostics: Vec<Diagnostic>,
    /// The files and folders that this depends on; a folder stands for the files that may be added to it.
    pub watched: Vec<PathBuf>,
    /// The manifest, where it could be read.
    pub manifest: Option<Manifest>,
}

/// An event, or the key of a topic, with its versions.
#[derive(Debug)]
pub struct LoadedEvent {
    /// What the manifest says of it.
    pub entry: EventEntry,
    /// The versions, oldest first; there is one at least.
    pub versions: Vec<LoadedVersion>,
}

/// One version of an event.
#[derive(Debug)]
pub struct LoadedVersion {
    /// The number in `vN`.
    pub number: u32,
    /// The file.
    pub path: PathBuf,
    /// The model.
    pub schema: AnySchema,
}

impl LoadedEvent {
    /// Returns the newest version.
    #[must_use]
    pub fn newest(&self) -> &LoadedVersion {
        self.versions.last().expect("an event without versions is not loaded")
    }
}

/// Loads a manifest with all schemas that it names.
#[must_use]
pub fn load(manifest_path: &Path) -> Loaded {
    let mut loaded = Loaded { watched: vec![manifest_path.to_owned()], ..Loaded::default() };
    let name = manifest_path.display().to_string();
    let text = match read(manifest_path, &name) {
        Ok(text) => text,
        Err(wrong) => {
            loaded.diagnostics.push(wrong);
            return loaded;
        }
    };
    let manifest = match Manifest::parse(&name, &text) {
        Ok(manifest) => manifest,
        Err(wrong) => {
            loaded.diagnostics = wrong;
            return loaded;
        }
    };
    let root = manifest_path.parent().unwrap_or(Path::new(""));
    loaded.events = load_all(&manifest, &manifest.events, root, &mut loaded);
    loaded.keys = load_all(&manifest, &manifest.keys, root, &mut loaded);
    loaded.manifest = Some(manifest);
    loaded
}

/// Returns the entries that have no problems; problems and paths go into `loaded`.
fn load_all(manifest: &Manifest, entries: &[EventEntry], root: &Path, loaded: &mut Loaded) -> Vec<LoadedEvent> {
    let mut events = Vec::new();
    for entry in entries {
        let folder = root.join(&entry.folder);
        match load_event(manifest, entry, &folder, &mut loaded.watched) {
            Ok(event) => events.push(event),
            Err(wrong) => loaded.diagnostics.extend(wrong),
        }
        loaded.watched.push(folder);
    }
    events
}

fn load_event(
    manifest: &Manifest,
    entry: &EventEntry,
    folder: &Path,
    watched: &mut Vec<PathBuf>,
) -> Result<LoadedEvent, Vec<Diagnostic>> {
    let files = version_files(manifest, entry, folder)?;
    let mut versions = Vec::new();
    let mut wrong = Vec::new();
    for (number, path) in files {
        watched.push(path.clone());
        let name = path.display().to_string();
        let schema = read(&path, &name).map_err(|one| vec![one]);
        match schema.and_then(|text| parse_any(entry.format, &name, &text, &[])) {
            Ok(schema) => versions.push(LoadedVersion { number, path, schema }),
            Err(diagnostics) => wrong.extend(diagnostics),
        }
    }
    if wrong.is_empty() { Ok(LoadedEvent { entry: entry.clone(), versions }) } else { Err(wrong) }
}

/// Returns the files `v1`, `v2` and so on of an event, in that order.
fn version_files(
    manifest: &Manifest,
    entry: &EventEntry,
    folder: &Path,
) -> Result<Vec<(u32, PathBuf)>, Vec<Diagnostic>> {
    let extension = match entry.format {
        Format::Avro => "avsc",
        Format::Protobuf => "proto",
    };
    let refuse = |message: String, help: String| vec![manifest.diagnostic(entry.position, message, help)];
    let listing = std::fs::read_dir(folder).map_err(|error| {
        let help = format!("put the schema of `{}` into {}/v1.{extension}", entry.name, folder.display());
        refuse(format!("cannot read the folder {}: {error}", folder.display()), help)
    })?;
    let mut files: Vec<(u32, PathBuf)> = Vec::new();
    for file in listing {
        let unreadable = |error| refuse(format!("cannot read the folder {}: {error}", folder.display()), String::new());
        let path = file.map_err(unreadable)?.path();
        if let Some(number) = version_number(&path, extension) {
            files.push((number, path));
        }
    }
    files.sort();
    for (expected, (number, path)) in (1..).zip(&files) {
        if *number != expected {
            let help = format!("number the versions of `{}` from v1 without a gap", entry.name);
            let name = path.display();
            return Err(vec![Diagnostic::of_file(name.to_string(), format!("v{expected} is missing before it"), help)]);
        }
    }
    if files.is_empty() && entry.subject == SubjectStrategy::Key && folder.join("v1.proto").exists() {
        let message = format!("the key in {} is Protobuf, and keys are Avro", folder.display());
        return Err(refuse(message, "write the key's schema as a record in v1.avsc".into()));
    }
    if files.is_empty() {
        let help = format!("put the schema of `{}` into {}/v1.{extension}", entry.name, folder.display());
        return Err(refuse(format!("no version of `{}` is in {}", entry.name, folder.display()), help));
    }
    Ok(files)
}

/// Returns the number of a file `v1`, `v2` and so on; other files in the folder mean nothing.
fn version_number(path: &Path, extension: &str) -> Option<u32> {
    let number = path.file_name()?.to_str()?.strip_prefix('v')?.strip_suffix(extension)?.strip_suffix('.')?;
    number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number)
}

fn read(path: &Path, name: &str) -> Result<String, Diagnostic> {
    std::fs::read_to_string(path).map_err(|error| {
        Diagnostic::of_file(name, format!("cannot read the file: {error}"), "check the path and that it is UTF-8")
    })
}
