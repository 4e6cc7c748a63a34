//! `eventwright gen`: the Rust types of the events as a file, for crates that check it in and have no build script.
//!
//! In: a manifest. Out: what the build script would write, or whether the file is that.

use anyhow::bail;
use eventwright_codegen::Codegen;
use eventwright_schema::load;

use crate::args::{GenArguments, Rendering};
use crate::exit::Exit;
use crate::render::{self, Outcome};
use crate::{output, screen};

pub(crate) fn run(arguments: &GenArguments) -> anyhow::Result<Exit> {
    let outcome = Outcome::of_manifest(&load::load(&arguments.manifest));
    if !outcome.errors.is_empty() || !outcome.is_compatible() {
        let exit = render::print(&outcome, Rendering::Text)?;
        screen::note("nothing was written");
        return Ok(exit);
    }
    let generated = Codegen::new().generate(&arguments.manifest);
    for problem in &generated.diagnostics {
        screen::warning(problem);
    }
    if !generated.diagnostics.is_empty() {
        bail!("nothing was written");
    }
    let path = arguments.out.display();
    if std::fs::read_to_string(&arguments.out).is_ok_and(|old| old == generated.code) {
        screen::summary(format!("{path} is what the schemas say"));
        return Ok(Exit::Done);
    }
    if arguments.check {
        screen::summary(format!("{path} is not what the schemas say; help: run `eventwright gen --out {path}`"));
        return Ok(Exit::Findings);
    }
    output::replace(&arguments.out, &generated.code)?;
    screen::summary(format!("wrote {path}"));
    Ok(Exit::Done)
}
