//! Reads a manifest and the schema files that it names: the only place of this crate that touches the disk.
//!
//! In: the manifest's path. Out: every event and shared type with its versions as models, and every problem; what has
//! problems is left out, so that the others can still be used.

mod shared;
mod texts;

use std::path::{Path, PathBuf};

use self::shared::{SharedTypes, User};
use crate::compat::AnySchema;
use crate::lock::{self, Lock};
use crate::manifest::{EventEntry, Manifest, SubjectStrategy, TypeEntry};
use crate::{Diagnostic, Format, Position};

/// What a manifest leads to.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The events without problems, in the manifest's order.
    pub events: Vec<LoadedEvent>,
    /// The shared types without problems, in the manifest's order.
    pub types: Vec<LoadedType>,
    /// The keys without problems, in the manifest's order.
    pub keys: Vec<LoadedEvent>,
    /// Everything that is wrong with the manifest or with a schema.
    pub diagnostics: Vec<Diagnostic>,
    /// The files and folders that this depends on; a folder stands for the files that may be added to it.
    pub watched: Vec<PathBuf>,
    /// The manifest, where it could be read.
    pub manifest: Option<Manifest>,
    /// The released versions: none where there is no lock.
    pub lock: Lock,
    /// The path of the lock.
    pub lock_source: String,
}

/// An event, or the key of a topic, with its versions.
#[derive(Debug)]
pub struct LoadedEvent {
    /// What the manifest says of it.
    pub entry: EventEntry,
    /// The versions, oldest first; there is one at least.
    pub versions: Vec<LoadedVersion>,
}

/// A shared type with its versions.
#[derive(Debug)]
pub struct LoadedType {
    /// What the manifest says of it.
    pub entry: TypeEntry,
    /// The versions, oldest first; there is one at least.
    pub versions: Vec<LoadedVersion>,
}

/// One version of an event or of a shared type.
#[derive(Debug)]
pub struct LoadedVersion {
    /// The number in `vN`.
    pub number: u32,
    /// The file.
    pub path: PathBuf,
    /// The model.
    pub schema: AnySchema,
    /// All that the schema refers to, directly or not, in the order of dependencies.
    pub references: Vec<LoadedReference>,
}

/// A version of a shared type that a schema refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedReference {
    /// The name by which it is used: a full name in Avro, an import path in Protobuf.
    pub name: String,
    /// The type's name in the manifest.
    pub type_name: String,
    /// The version of the type.
    pub version: u32,
    /// Whether the schema's own text has the name, and not only what it refers to.
    pub is_direct: bool,
    /// Whether the type's messages keep the fields that they do not know.
    pub preserves_unknown: bool,
}

impl LoadedType {
    /// Returns the name by which schemas use a version: the full name in Avro, the import path in Protobuf.
    #[must_use]
    pub fn reference_name(&self, version: &LoadedVersion) -> String {
        match &version.schema {
            AnySchema::Avro(schema) => schema.root_named().map(|(_, named)| named.name.full()).unwrap_or_default(),
            AnySchema::Protobuf(_) | AnySchema::Json(_) => {
                let own = || texts::import_path(&self.entry.folder, version.number);
                self.entry.import.clone().unwrap_or_else(own)
            }
        }
    }

    /// Returns the subject of a version.
    #[must_use]
    pub fn subject(&self, version: &LoadedVersion) -> String {
        self.entry.subject.clone().unwrap_or_else(|| self.reference_name(version))
    }
}

impl Loaded {
    /// Returns what a reference is to.
    #[must_use]
    pub fn shared(&self, reference: &LoadedReference) -> Option<(&LoadedType, &LoadedVersion)> {
        let one = self.types.iter().find(|one| one.entry.name == reference.type_name)?;
        let version = one.versions.iter().find(|version| version.number == reference.version)?;
        Some((one, version))
    }
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
    loaded.read_schemas(&manifest, root);
    loaded.read_lock(&root.join(lock::FILE_NAME));
    loaded.manifest = Some(manifest);
    loaded
}

impl Loaded {
    fn read_schemas(&mut self, manifest: &Manifest, root: &Path) {
        let types = texts::read_types(manifest, root, &mut self.watched, &mut self.diagnostics);
        let mut shared = SharedTypes::load(manifest, &types, &mut self.diagnostics);
        self.events = self.read_all(&manifest.events, &mut shared, root);
        self.keys = self.read_all(&manifest.keys, &mut shared, root);
        self.types = shared.into_loaded();
    }

    fn read_lock(&mut self, path: &Path) {
        self.lock_source = path.display().to_string();
        // Cargo takes a watched file that does not exist for one that always changes.
        if !path.exists() {
            return;
        }
        self.watched.push(path.to_owned());
        let text = read(path, &self.lock_source).map_err(|wrong| vec![wrong]);
        match text.and_then(|text| Lock::parse(&self.lock_source, &text)) {
            Ok(lock) => self.lock = lock,
            Err(wrong) => self.diagnostics.extend(wrong),
        }
    }

    /// Returns the events or keys that have no problems.
    fn read_all(&mut self, entries: &[EventEntry], shared: &mut SharedTypes<'_>, root: &Path) -> Vec<LoadedEvent> {
        let mut read = Vec::new();
        for entry in entries {
            let folder = Folder::of_event(root, entry);
            let texts = texts::read_versions(shared.manifest(), &folder, &mut self.watched);
            match texts.and_then(|texts| shared.versions(&User::event(entry), &texts)) {
                Ok(versions) => read.push(LoadedEvent { entry: entry.clone(), versions }),
                Err(wrong) => self.diagnostics.extend(wrong),
            }
        }
        read
    }
}

/// A folder of versions.
struct Folder<'m> {
    root: &'m Path,
    /// As the manifest has it.
    folder: &'m str,
    format: Format,
    name: &'m str,
    /// The path by which every version is imported, where it is one.
    import: Option<&'m str>,
    is_key: bool,
    position: Position,
}

impl<'m> Folder<'m> {
    fn of_event(root: &'m Path, entry: &'m EventEntry) -> Self {
        let EventEntry { folder, format, name, position, .. } = entry;
        let is_key = entry.subject == SubjectStrategy::Key;
        Self { root, folder, format: *format, name, import: None, is_key, position: *position }
    }

    fn of_type(root: &'m Path, entry: &'m TypeEntry) -> Self {
        let TypeEntry { folder, format, name, position, .. } = entry;
        let import = entry.import.as_deref();
        Self { root, folder, format: *format, name, import, is_key: false, position: *position }
    }

    fn path(&self) -> PathBuf {
        self.root.join(self.folder)
    }
}

/// Returns the files `v1`, `v2` and so on of a folder, in that order.
fn version_files(
    manifest: &Manifest,
    entry: &Folder<'_>,
    folder: &Path,
) -> Result<Vec<(u32, PathBuf)>, Vec<Diagnostic>> {
    let extension = match entry.format {
        Format::Avro => "avsc",
        Format::Protobuf => "proto",
        Format::Json => "json",
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
    if files.is_empty() && entry.is_key && folder.join("v1.proto").exists() {
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
