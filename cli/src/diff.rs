//! `eventwright diff`: what two versions differ in, and who is hurt by it.
//!
//! In: versions of a manifest, or loose files. Out: the differences, and the findings of both directions, whatever the level
//! promises.

mod print;

use anyhow::anyhow;
use eventwright_schema::compat::history::{History, histories};
use eventwright_schema::compat::{AnySchema, Direction, Finding, Level, check};
use eventwright_schema::diff::{Change, diff};
use eventwright_schema::load::{self, LoadedVersion};

use crate::args::{DiffArguments, DiffFormat, Operand, Rendering};
use crate::check::files;
use crate::exit::{Exit, Failure};
use crate::render::{self, Outcome};
use crate::{output, screen};

/// Two versions, and what they differ in.
struct Compared {
    name: String,
    old: String,
    new: String,
    /// What the manifest promises of the two; nothing is known of loose files.
    level: Option<Level>,
    changes: Vec<Change>,
    /// Why readers of one version cannot read what the other one writes, in either direction.
    hurt: Vec<Finding>,
    /// The events that use a shared type.
    users: Vec<String>,
}

impl Compared {
    fn new(name: &str, level: Option<Level>, old: (String, &AnySchema), new: (String, &AnySchema)) -> Self {
        let changes = diff(old.1, new.1);
        // Both directions, for what hurts is worth knowing where nobody promised that it would not.
        let report = check(Level::Full, std::slice::from_ref(&old), (new.0.clone(), new.1));
        let (hurt, name) = (report.findings, name.to_owned());
        Self { name, old: old.0, new: new.0, level, changes, hurt, users: Vec::new() }
    }

    fn is_promised(&self, direction: Direction) -> bool {
        self.level.is_some_and(|level| level.directions().contains(&direction))
    }
}

pub(crate) fn run(arguments: &DiffArguments) -> anyhow::Result<Exit> {
    let compared = match (&arguments.old, &arguments.new) {
        (Some(Operand::File(_)), Some(Operand::File(_))) => match of_files(arguments) {
            Ok(compared) => vec![compared],
            Err(outcome) => return render::print(&outcome, Rendering::Text),
        },
        (Some(Operand::File(_)), _) | (_, Some(Operand::File(_))) => {
            return Err(Failure::usage(
                "a file is compared with a file; help: give two files, or names of the manifest",
            ));
        }
        (old, new) => of_manifest(arguments, old.as_ref(), new.as_ref())?,
    };
    match arguments.format {
        DiffFormat::Text => print::text(&compared)?,
        DiffFormat::Json => output::print(&print::json(&compared))?,
    }
    let is_equal = compared.iter().all(|one| one.changes.is_empty());
    Ok(if is_equal { Exit::Done } else { Exit::Findings })
}

fn of_files(arguments: &DiffArguments) -> Result<Compared, Outcome> {
    let mut outcome = Outcome::default();
    let references: Vec<_> =
        arguments.references.iter().filter_map(|one| files::reference(one, &mut outcome)).collect();
    let mut versions = Vec::new();
    for operand in [&arguments.old, &arguments.new].into_iter().flatten() {
        if let Operand::File(path) = operand {
            let schema = files::parse(path, &references, &mut outcome);
            versions.extend(schema.map(|schema| (path.display().to_string(), schema)));
        }
    }
    match versions.as_slice() {
        [(old, older), (new, newer)] => Ok(Compared::new(new, None, (old.clone(), older), (new.clone(), newer))),
        _ => Err(outcome),
    }
}

fn of_manifest(
    arguments: &DiffArguments,
    old: Option<&Operand>,
    new: Option<&Operand>,
) -> anyhow::Result<Vec<Compared>> {
    let loaded = load::load(&arguments.manifest);
    for wrong in &loaded.diagnostics {
        screen::warning(wrong);
    }
    if loaded.manifest.is_none() {
        return Err(anyhow!("{} cannot be used", arguments.manifest.display()));
    }
    let histories = histories(&loaded);
    let Some(Operand::Named(name, older)) = old else {
        let newest = histories.iter().filter_map(|one| Some(compare(&histories, one, newest_two(one)?)));
        return Ok(newest.collect());
    };
    let history = find(&histories, name)?;
    let pair = match new {
        None => neighbours(history, *older)?,
        Some(Operand::Named(other, newer)) if other == name => (version(history, *older)?, version(history, *newer)?),
        Some(_) => {
            return Err(Failure::usage(format!("two versions of one event are compared; help: give `{name}` twice")));
        }
    };
    Ok(vec![compare(&histories, history, pair)])
}

fn find<'h, 'l>(histories: &'h [History<'l>], name: &str) -> anyhow::Result<&'h History<'l>> {
    histories.iter().find(|one| one.name == name).ok_or_else(|| {
        let known: Vec<_> = histories.iter().map(|one| one.name).collect();
        Failure::usage(format!("the manifest has no `{name}`; help: it has {}", known.join(", ")))
    })
}

fn version<'l>(history: &History<'l>, number: Option<u32>) -> anyhow::Result<&'l LoadedVersion> {
    let found = match number {
        None => history.versions.last(),
        Some(number) => history.versions.iter().find(|one| one.number == number),
    };
    found.ok_or_else(|| {
        let known: Vec<_> = history.versions.iter().map(|one| format!("v{}", one.number)).collect();
        let number = number.unwrap_or_default();
        Failure::usage(format!("`{}` has no v{number}; help: it has {}", history.name, known.join(", ")))
    })
}

/// Returns the newest version but one, and the newest one.
fn newest_two<'l>(history: &History<'l>) -> Option<(&'l LoadedVersion, &'l LoadedVersion)> {
    match history.versions {
        [.., before, newest] => Some((before, newest)),
        _ => None,
    }
}

/// Returns a version with the next one, or the newest one with the one before it.
fn neighbours<'l>(
    history: &History<'l>,
    number: Option<u32>,
) -> anyhow::Result<(&'l LoadedVersion, &'l LoadedVersion)> {
    let one = version(history, number)?;
    let pair = match number {
        None => newest_two(history),
        Some(number) => history.versions.iter().find(|next| next.number > number).map(|next| (one, next)),
    };
    pair.ok_or_else(|| {
        let which = if number.is_some() { "newer" } else { "older" };
        Failure::usage(format!("`{}` has no version {which} than v{} to compare with", history.name, one.number))
    })
}

fn compare(histories: &[History<'_>], history: &History<'_>, (old, new): (&LoadedVersion, &LoadedVersion)) -> Compared {
    let label = |one: &LoadedVersion| format!("v{}", one.number);
    let (old, new) = ((label(old), &old.schema), (label(new), &new.schema));
    let mut compared = Compared::new(history.name, Some(history.level), old, new);
    compared.users = users(histories, history.name);
    compared
}

/// Returns the versions that use a shared type, such as `OrderCreated v2 uses v1`.
fn users(histories: &[History<'_>], name: &str) -> Vec<String> {
    let versions = histories.iter().flat_map(|one| one.versions.iter().map(|version| (one.name, version)));
    let uses = versions.flat_map(|(user, version)| {
        let uses = version.references.iter().filter(|one| one.type_name == name);
        uses.map(move |one| format!("{user} v{} uses v{}", version.number, one.version))
    });
    uses.collect()
}
