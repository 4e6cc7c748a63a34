//! Writes what was adopted: new files only, then the manifest and the lock, each in one piece.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use eventwright_schema::lock::{self, Lock};

use super::MANIFEST;
use super::adoption::Adoption;

/// Writes everything; where that fails, no new file is left.
///
/// # Errors
/// A file that is there already, or cannot be written.
pub(super) fn all(root: &Path, adoption: &Adoption, lock: &Lock) -> anyhow::Result<()> {
    std::fs::create_dir_all(root).with_context(|| format!("cannot make the folder {}", root.display()))?;
    let written = files(root, adoption)?;
    let rest = crate::output::replace(&root.join(MANIFEST), &adoption.manifest)
        .and_then(|()| crate::output::replace(&root.join(lock::FILE_NAME), &lock.text()));
    if rest.is_err() {
        remove(&written);
    }
    rest
}

/// Writes the files of versions and returns their paths.
///
/// # Errors
/// As [`all`].
pub(super) fn files(root: &Path, adoption: &Adoption) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for file in &adoption.files {
        let path = root.join(&file.path);
        if let Err(error) = create(&path, &file.text) {
            remove(&written);
            return Err(error).with_context(|| format!("cannot write {}", path.display()));
        }
        written.push(path);
    }
    Ok(written)
}

fn create(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn remove(paths: &[PathBuf]) {
    for path in paths {
        // What made us stop is what is reported; a file that stays is found by the next pull, which says so.
        let _ = std::fs::remove_file(path);
    }
}
