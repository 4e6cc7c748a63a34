//! Whether a manifest with what was pulled can be loaded, tried in a folder of its own.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use eventwright_schema::Diagnostic;
use eventwright_schema::load::{self, Loaded};
use eventwright_schema::lock::{self, Lock};

use super::adoption::{self, Adoption};
use super::existing::Existing;
use super::fetch::Fetched;
use super::{MANIFEST, relative, version_paths, write};

/// What can be written, and the lock that goes with it.
pub(super) struct Verified {
    pub(super) adoption: Adoption,
    pub(super) lock: Lock,
}

/// Leaves out one subject after the other until what is left can be loaded.
///
/// # Errors
/// A folder that cannot be made, or a problem that no subject is the cause of.
pub(super) fn verified(fetched: &Fetched, existing: &Existing, loaded: Option<&Loaded>) -> anyhow::Result<Verified> {
    let mut excluded: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let adoption = adoption::make(fetched, existing, &excluded);
        let lock = loaded.map(|loaded| loaded.lock.clone()).unwrap_or_default();
        if adoption.files.is_empty() {
            return Ok(Verified { adoption, lock });
        }
        let copy = tempfile::tempdir().context("cannot make a folder to try the manifest in")?;
        copy_versions(existing, loaded, copy.path())?;
        write::files(copy.path(), &adoption)?;
        let manifest = copy.path().join(MANIFEST);
        std::fs::write(&manifest, &adoption.manifest).context("cannot write the manifest that is tried")?;
        let trial = load::load(&manifest);
        if trial.diagnostics.is_empty() {
            let lock = released(lock, &adoption, existing, &trial);
            return Ok(Verified { adoption, lock });
        }
        for wrong in &trial.diagnostics {
            let message = wrong.message.replace(&format!("{}/", copy.path().display()), "");
            match culprit(&adoption, wrong, copy.path()) {
                Some(subject) => excluded.entry(subject).or_insert(message),
                None => bail!("the manifest could not be used with what the registry has: {message}; help: --subject"),
            };
        }
    }
}

fn copy_versions(existing: &Existing, loaded: Option<&Loaded>, to: &Path) -> anyhow::Result<()> {
    for path in loaded.into_iter().flat_map(version_paths) {
        let copy = to.join(relative(&existing.root, path));
        let folder = copy.parent().unwrap_or(to);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::copy(path, &copy))
            .with_context(|| format!("cannot copy {} to try the manifest", path.display()))?;
    }
    Ok(())
}

/// Returns the subject that a problem is about: that of the file, or of the table that the place in the manifest is in.
fn culprit(adoption: &Adoption, wrong: &Diagnostic, copy: &Path) -> Option<String> {
    let source = relative(copy, Path::new(&wrong.source));
    if let Some(file) = adoption.files.iter().find(|file| Path::new(&file.path) == source) {
        return Some(file.subject.clone());
    }
    let lines: Vec<&str> = adoption.manifest.lines().take(wrong.position.line).collect();
    let head = lines.iter().rev().find(|line| line.starts_with('[')).filter(|_| source == Path::new(MANIFEST))?;
    adoption.adopted.iter().find(|one| one.table == **head).map(|one| one.subject.clone())
}

/// Returns the lock with what the registry has: nobody may edit that any more.
fn released(mut lock: Lock, adoption: &Adoption, existing: &Existing, trial: &Loaded) -> Lock {
    let is_of_registry = |id: &lock::VersionId| {
        let is_new = adoption.files.iter().any(|file| file.id == *id);
        let grows = adoption.files.iter().any(|file| file.id.folder == id.folder);
        let is_registered = |known: &super::existing::Known| {
            known.folder == id.folder && known.number == id.number && known.registered.is_some()
        };
        is_new || (grows && existing.versions.iter().any(is_registered))
    };
    for (id, version) in lock::all_versions(trial) {
        if is_of_registry(&id) && lock.get(&id).is_none() {
            lock.release(id, version.schema.format(), lock::content(trial, version));
        }
    }
    lock
}
