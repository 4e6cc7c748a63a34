//! `eventwright completions` and `eventwright man`: what shells and man(1) know of the command, made of its own description.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::{output, screen};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    output::print(&String::from_utf8(text).context("completions that are no text")?)?;
    Ok(Exit::Done)
}

/// Prints the manual page of the command, or writes that of every command into a folder.
pub(crate) fn man(folder: Option<&Path>) -> anyhow::Result<Exit> {
    let command = Arguments::command();
    let Some(folder) = folder else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text).context("cannot make the manual page")?;
        output::print(&String::from_utf8(text).context("a manual page that is no text")?)?;
        return Ok(Exit::Done);
    };
    let failed = || format!("cannot write the manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(command, folder).with_context(failed)?;
    screen::summary(format!("the manual pages are in {}", folder.display()));
    Ok(Exit::Done)
}
