//! `eventwright lock`: releases the newest versions, so that nobody edits a schema that records are written with.
//!
//! In: a manifest that passes the check. Out: `schemas.lock` beside it, in which every version has a line.

use std::path::Path;

use eventwright_schema::load::{self, Loaded};
use eventwright_schema::lock::{self, Lock, VersionId};

use crate::args::{LockArguments, Rendering};
use crate::exit::Exit;
use crate::render::{self, Outcome};
use crate::{output, screen};

pub(crate) fn run(arguments: &LockArguments) -> anyhow::Result<Exit> {
    let loaded = load::load(&arguments.manifest);
    let outcome = Outcome::of_manifest(&loaded);
    if !outcome.errors.is_empty() || !outcome.is_compatible() {
        let exit = render::print(&outcome, Rendering::Text)?;
        screen::note("nothing was released");
        return Ok(exit);
    }
    let drafts = drafts(&loaded);
    if drafts.is_empty() {
        screen::summary(format!("all {} versions are released", lock::all_versions(&loaded).count()));
        return Ok(Exit::Done);
    }
    let names: Vec<String> = drafts.iter().map(ToString::to_string).collect();
    if arguments.check {
        screen::summary(format!("not released yet: {}; help: run `eventwright lock`", names.join(", ")));
        return Ok(Exit::Findings);
    }
    output::replace(Path::new(&loaded.lock_source), &Lock::of(&loaded).text())?;
    screen::summary(format!("released {} in {}", names.join(", "), loaded.lock_source));
    Ok(Exit::Done)
}

/// Returns the versions that are not released.
fn drafts(loaded: &Loaded) -> Vec<VersionId> {
    let versions = lock::all_versions(loaded).map(|(id, _)| id);
    versions.filter(|id| loaded.lock.get(id).is_none()).collect()
}
