//! Reads the texts of versions, and of each what others call it and what it uses but does not define.
//!
//! In: the folders that the manifest names. Out: texts, in which nothing is checked yet but how they are called.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::Folder;
use crate::manifest::{Manifest, TypeEntry};
use crate::{Diagnostic, Format, avro, proto};

/// The text of one version.
pub(super) struct VersionText {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// The name by which others use it: a full name in Avro, an import path in Protobuf.
    pub(super) name: Option<String>,
    /// Such names in the text that it does not define.
    pub(super) uses: BTreeSet<String>,
}

/// The texts of a shared type, oldest first.
pub(super) struct TypeTexts<'m> {
    pub(super) entry: &'m TypeEntry,
    pub(super) versions: Vec<VersionText>,
}

/// Reads all versions of an event or of a type.
pub(super) fn read_versions(
    manifest: &Manifest,
    folder: &Folder<'_>,
    watched: &mut Vec<PathBuf>,
) -> Result<Vec<VersionText>, Vec<Diagnostic>> {
    let path = folder.path();
    watched.push(path.clone());
    let mut versions = Vec::new();
    let mut wrong = Vec::new();
    for (number, path) in super::version_files(manifest, folder, &path)? {
        watched.push(path.clone());
        match super::read(&path, &path.display().to_string()) {
            Ok(text) => versions.push(outline(folder, number, path, text)),
            Err(diagnostic) => wrong.push(diagnostic),
        }
    }
    if wrong.is_empty() { Ok(versions) } else { Err(wrong) }
}

fn outline(folder: &Folder<'_>, number: u32, path: PathBuf, text: String) -> VersionText {
    let (name, uses) = match folder.format {
        Format::Avro => {
            let avro::Outline { name, undefined } = avro::outline(&text);
            (name, undefined)
        }
        Format::Protobuf => {
            let import = folder.import.map_or_else(|| import_path(folder.folder, number), str::to_owned);
            (Some(import), proto::imports(&text))
        }
        Format::Json => (None, BTreeSet::new()),
    };
    VersionText { number, path, text, name, uses }
}

/// The path from the manifest's folder, with slashes whatever the system has.
pub(super) fn import_path(folder: &str, number: u32) -> String {
    let parts = folder.split(['/', '\\']).filter(|part| !matches!(*part, "" | "."));
    parts.chain([format!("v{number}.proto").as_str()]).collect::<Vec<_>>().join("/")
}

/// Reads the shared types; one that has no name to use it by, or that of another, is left out.
pub(super) fn read_types<'m>(
    manifest: &'m Manifest,
    root: &Path,
    watched: &mut Vec<PathBuf>,
    wrong: &mut Vec<Diagnostic>,
) -> Vec<TypeTexts<'m>> {
    let mut types: Vec<TypeTexts<'m>> = Vec::new();
    let mut names: HashMap<String, &str> = HashMap::new();
    for entry in &manifest.types {
        let versions = match read_versions(manifest, &Folder::of_type(root, entry), watched) {
            Ok(versions) => versions,
            Err(found) => {
                wrong.extend(found);
                continue;
            }
        };
        wrong.extend(renamed(entry, &versions));
        let name = versions.first().and_then(|first| first.name.clone()).unwrap_or_default();
        if let Some(other) = names.insert(name.clone(), &entry.name) {
            let message = format!("the types `{other}` and `{}` define one name `{name}`", entry.name);
            let help = "make them versions of one type, or rename one";
            wrong.push(manifest.diagnostic(entry.position, message, help));
            continue;
        }
        types.push(TypeTexts { entry, versions });
    }
    types
}

/// Says which Avro version has another full name than the first: who uses the type finds it by that.
fn renamed(entry: &TypeEntry, versions: &[VersionText]) -> Option<Diagnostic> {
    let first = versions.first()?.name.as_ref().filter(|_| entry.format == Format::Avro)?;
    let other = versions.iter().find(|version| version.name.as_ref().is_some_and(|name| name != first))?;
    let name = other.name.as_deref().unwrap_or_default();
    let message = format!("v{} of `{}` is called `{name}`, and v1 is called `{first}`", other.number, entry.name);
    Some(Diagnostic::of_file(other.path.display().to_string(), message, "keep the name, or make it a type of its own"))
}
