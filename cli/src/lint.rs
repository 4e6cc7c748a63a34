//! `eventwright lint`: what is allowed and yet unwise in the newest versions of a manifest.

use eventwright_schema::lint::lint_all;
use eventwright_schema::load;

use crate::args::LintArguments;
use crate::exit::Exit;
use crate::render::{self, Outcome, Question};

pub(crate) fn run(arguments: &LintArguments) -> anyhow::Result<Exit> {
    let loaded = load::load(&arguments.manifest);
    render::print(&Outcome::new(Question::Lint, lint_all(&loaded), &loaded), arguments.format)
}
