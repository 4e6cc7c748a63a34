//! `eventwright check`: whether schemas keep what their level promises, of a manifest or of loose files.
//!
//! In: schema files. Out: findings, in the words of the build's gate, which asks the same functions.

mod against;
pub(crate) mod files;
mod registered;

use eventwright_schema::compat::history::Checked;
use eventwright_schema::compat::{Options, Report};
use eventwright_schema::load;

use crate::args::{CheckArguments, RegistryOptions};
use crate::exit::Exit;
use crate::render::{self, Outcome};

/// What is looked for where nothing else is asked.
pub(crate) const OPTIONS: Options = Options { witnesses: true, strict: false };

pub(crate) async fn run(arguments: &CheckArguments) -> anyhow::Result<Exit> {
    let outcome = match arguments.level {
        Some(level) => files::check(options(arguments), level, &arguments.files, &arguments.references),
        None => of_manifest(arguments).await?,
    };
    render::print(&outcome, arguments.format)
}

fn options(arguments: &CheckArguments) -> Options {
    Options { strict: arguments.strict, ..OPTIONS }
}

async fn of_manifest(arguments: &CheckArguments) -> anyhow::Result<Outcome> {
    let loaded = load::load(&arguments.manifest);
    let mut outcome = Outcome::of_manifest_with(options(arguments), &loaded);
    if let Some(commit) = &arguments.against {
        for Checked { kind, name, report, .. } in
            against::check(options(arguments), &loaded, &arguments.manifest, &commit.0)?
        {
            add(&mut outcome, |one| (one.kind, &one.name) == (kind, &name), report);
        }
    }
    // What is missing here would look as if the registry had too much.
    if let Some(url) = arguments.registry.clone().filter(|_| outcome.errors.is_empty()) {
        let options = RegistryOptions { registry: Some(url), config: arguments.config.clone() };
        for (name, report) in registered::check(&loaded, &options).await? {
            add(&mut outcome, |one| one.name == name, report);
        }
    }
    Ok(outcome)
}

/// Adds what was found in another history of the same event; what is the same in both is said once.
fn add(outcome: &mut Outcome, is_same: impl Fn(&Checked) -> bool, report: Report) {
    let Some(Checked { report: own, .. }) = outcome.results.iter_mut().find(|one| is_same(one)) else { return };
    for (own, others) in [(&mut own.findings, report.findings), (&mut own.warnings, report.warnings)] {
        for finding in others {
            if !own.contains(&finding) {
                own.push(finding);
            }
        }
    }
    own.omitted += report.omitted;
}
