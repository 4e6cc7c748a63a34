//! `eventwright pull`: adopts what a registry has, so that a team with years of schemas can build from them.
//!
//! In: subjects. Out: a file for each version, tables in the manifest, lines in the lock; and why the rest is left out. What is
//! written was loaded before, in another folder: a subject that would break the manifest is left out as well.

mod adoption;
mod existing;
mod fetch;
mod names;
mod role;
mod table;
mod verify;
mod write;

use std::path::Path;

use anyhow::bail;
use eventwright_schema::compat::Level;
use eventwright_schema::load::{self, Loaded};

use self::adoption::Adoption;
use self::existing::Existing;
use self::verify::Verified;
use crate::args::{PullArguments, Rendering};
use crate::exit::Exit;
use crate::output::Output;
use crate::registry::Registry;
use crate::render::{self, Outcome};
use crate::{plan, screen, settings};

const MANIFEST: &str = "events.toml";

/// A subject that is not taken, and why.
#[derive(Debug)]
struct LeftOut {
    subject: String,
    why: String,
}

pub(crate) async fn run(arguments: &PullArguments) -> anyhow::Result<Exit> {
    let path = arguments.into.join(MANIFEST);
    let loaded = path.exists().then(|| load::load(&path));
    if let Some(wrong) = loaded.as_ref().and_then(|loaded| loaded.diagnostics.first()) {
        bail!("the manifest has to be in order first: {wrong}");
    }
    let settings = settings::of_registry(&arguments.registry)?;
    let registry = Registry::reach(&settings).await?;
    let prefix = settings.prefix.as_deref();
    let own_prefix = loaded.as_ref().and_then(|loaded| loaded.events.first()).map_or("", |event| &event.entry.prefix);
    let own_prefix = prefix.unwrap_or(own_prefix).to_owned();
    let fetched = fetch::all(&registry, &arguments.subjects, &own_prefix).await?;
    if fetched.subjects.is_empty() && fetched.left_out.is_empty() && !arguments.subjects.is_empty() {
        bail!("{} has no such subject; help: `--subject '*-value'` takes a pattern", registry.shown());
    }
    let existing = match &loaded {
        None => {
            let level = fetched.global.as_deref().and_then(|level| level.parse().ok());
            Existing::nothing(arguments.into.clone(), own_prefix, level.unwrap_or(Level::Backward))
        }
        Some(loaded) => {
            let plan = plan::look(loaded, &registry, prefix).await?;
            Existing::of(arguments.into.clone(), own_prefix, loaded, &plan)
        }
    };
    let verified = verify::verified(&fetched, &existing, loaded.as_ref())?;
    print(&verified.adoption, &fetched.left_out)?;
    // What is left out of the manifest's own subjects is for somebody to decide.
    let is_open = verified.adoption.left_out.iter().any(|one| existing.has(&one.subject));
    let exit = if is_open { Exit::Findings } else { Exit::Done };
    Ok(write_all(arguments, &verified)?.max(exit))
}

/// Writes what there is, and says how the manifest is then.
fn write_all(arguments: &PullArguments, Verified { adoption, lock }: &Verified) -> anyhow::Result<Exit> {
    let count = adoption.files.len();
    if count == 0 {
        screen::summary("nothing to do");
        return Ok(Exit::Done);
    }
    let folder = &arguments.into;
    let written = format!("{count} file{} of versions in {}", if count == 1 { "" } else { "s" }, folder.display());
    if arguments.dry_run {
        screen::summary(format!("would write {written}"));
        return Ok(Exit::Findings);
    }
    write::all(folder, adoption, lock)?;
    screen::summary(format!("wrote {written}"));
    check(&folder.join(MANIFEST))
}

/// Says what is taken, and on standard error what is not.
fn print(adoption: &Adoption, left_out: &[LeftOut]) -> anyhow::Result<()> {
    let mut output = Output::new();
    for one in &adoption.adopted {
        if output.line(&clean(&format!("{}: {}", one.subject, one.what)))?.is_err() {
            break;
        }
    }
    let _ = output.flush()?;
    for one in &adoption.adopted {
        one.notes.iter().for_each(|note| screen::warning(clean(&format!("{}: {note}", one.subject))));
    }
    for LeftOut { subject, why } in left_out.iter().chain(&adoption.left_out) {
        screen::warning(clean(&format!("{subject} is left out: {why}")));
    }
    Ok(())
}

/// Takes what could steer a terminal, or turn the direction of a line, out of a registry's words.
fn clean(text: &str) -> String {
    let steers =
        |letter: char| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|letter| if steers(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// Says which of the histories break their own level: a registry keeps what was registered before its level was set.
fn check(manifest: &Path) -> anyhow::Result<Exit> {
    let outcome = Outcome::of_manifest(&load::load(manifest));
    let exit = render::print(&outcome, Rendering::Text)?;
    if exit != Exit::Done {
        screen::note(
            "what was registered cannot be mended: name a lower `compatibility` for such an event, or versions that are \
             `retired`, in the manifest",
        );
    }
    Ok(exit)
}

/// Returns the path of a file of a loaded manifest, from the manifest's folder.
fn relative<'p>(root: &Path, path: &'p Path) -> &'p Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// Returns the paths of all versions of a manifest.
fn version_paths(loaded: &Loaded) -> impl Iterator<Item = &Path> {
    eventwright_schema::lock::all_versions(loaded).map(|(_, version)| version.path.as_path())
}
