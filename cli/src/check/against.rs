//! The manifest of another commit: what is released there, or deployed, is what must not break.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use eventwright_schema::compat::history::{Checked, histories};
use eventwright_schema::compat::{self, Options};
use eventwright_schema::load::{self, Loaded};

/// Checks the newest version of each event against those that the commit has.
pub(super) fn check(
    options: Options,
    loaded: &Loaded,
    manifest: &Path,
    revision: &str,
) -> anyhow::Result<Vec<Checked>> {
    let folder = manifest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = manifest.file_name().context("the manifest has no file name")?;
    let copy = tempfile::tempdir().context("cannot make a folder for the schemas of the commit")?;
    extract(folder, revision, copy.path())?;
    let then = load::load(&copy.path().join(name));
    if let Some(wrong) = then.diagnostics.first() {
        let wrong = wrong.to_string().replace(&format!("{}/", copy.path().display()), "");
        bail!("the manifest of {revision} cannot be used: {wrong}");
    }
    let histories_then = histories(&then);
    let reports = histories(loaded).into_iter().filter_map(|now| {
        let before = histories_then.iter().find(|before| (before.kind, before.name) == (now.kind, now.name))?;
        let newest = now.versions.last()?;
        let label = |number: u32| format!("v{number} of {revision}");
        // The version itself may have been edited since; it is compared with what it was.
        let older: Vec<_> = before.versions.iter().map(|one| (label(one.number), &one.schema)).collect();
        let options = Options { strict: options.strict || now.strict, ..options };
        let candidate = (format!("v{}", newest.number), &newest.schema);
        let report = compat::check_with(options, now.level, &older, candidate);
        Some(Checked { kind: now.kind, name: now.name.to_owned(), versions: older.len(), report })
    });
    Ok(reports.collect())
}

/// Writes the files that a commit has in a folder.
fn extract(folder: &Path, revision: &str, to: &Path) -> anyhow::Result<()> {
    let listed = git(folder, &["ls-tree", "-r", "--name-only", "-z", revision, "."])?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let path = to.join(name);
        let is_within = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_within {
            bail!("{revision} has a file that is called {name}");
        }
        let text = git(folder, &["show", &format!("{revision}:./{name}")])?;
        let parent = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    let output = output.context("cannot run git, which --against needs")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", arguments.join(" "), why.trim().trim_start_matches("fatal: "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
