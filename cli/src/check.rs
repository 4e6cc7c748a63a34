//! `eventwright check`: whether schemas keep what their level promises, of a manifest or of loose files.
//!
//! In: schema files. Out: findings, in the words of the build's gate, which asks the same functions.

mod against;
pub(crate) mod files;
mod registered;

use eventwright_schema::compat::history::Checked;
use eventwright_schema::compat::{Level, Report};
use eventwright_schema::load::{self, Loaded};

use crate::args::{CheckArguments, RegistryOptions};
use crate::exit::Exit;
use crate::render::{self, Outcome};

pub(crate) async fn run(arguments: &CheckArguments) -> anyhow::Result<Exit> {
    let outcome = match arguments.level {
        Some(level) => files::check(level, &arguments.files, &arguments.references),
        None => of_manifest(arguments).await?,
    };
    render::print(&outcome, arguments.format)
}

async fn of_manifest(arguments: &CheckArguments) -> anyhow::Result<Outcome> {
    let loaded = load::load(&arguments.manifest);
    let mut outcome = Outcome::of_manifest(&loaded);
    if let Some(commit) = &arguments.against {
        add(&mut outcome, against::check(&loaded, &arguments.manifest, &commit.0)?);
    }
    // What is missing here would look as if the registry had too much.
    if let Some(url) = arguments.registry.clone().filter(|_| outcome.errors.is_empty()) {
        let options = RegistryOptions { registry: Some(url), config: arguments.config.clone() };
        add(&mut outcome, registered::check(&loaded, &options).await?);
    }
    Ok(outcome)
}

/// Adds what another history of the same events has found; what is the same in both is said once.
fn add(outcome: &mut Outcome, others: Vec<(String, Report)>) {
    for (name, report) in others {
        let Some(Checked { report: own, .. }) = outcome.results.iter_mut().find(|one| one.name == name) else {
            continue;
        };
        for (own, others) in [(&mut own.findings, report.findings), (&mut own.warnings, report.warnings)] {
            for finding in others {
                if !own.contains(&finding) {
                    own.push(finding);
                }
            }
        }
        own.omitted += report.omitted;
    }
}

/// Returns the newest version of each event, key and type, with its name and level.
fn newest(loaded: &Loaded) -> impl Iterator<Item = Newest<'_>> {
    let events =
        loaded.events.iter().chain(&loaded.keys).map(|one| (&one.entry.name, one.entry.compatibility, &one.versions));
    let level = loaded.manifest.as_ref().map(|manifest| manifest.compatibility);
    let types = loaded.types.iter().filter_map(move |one| Some((&one.entry.name, level?, &one.versions)));
    events.chain(types).filter_map(|(name, level, versions)| Some(Newest { name, level, version: versions.last()? }))
}

/// The newest version of an event, a key or a type.
struct Newest<'l> {
    name: &'l str,
    level: Level,
    version: &'l load::LoadedVersion,
}
