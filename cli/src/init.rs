//! `eventwright init`: a crate with one event, which builds and whose tests pass without a broker.
//!
//! In: a folder. Out: the files of `init/` in it. No file that is there is written over.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::args::InitArguments;
use crate::exit::{Exit, Failure};
use crate::{output, screen};

/// The files, and what they are called.
const FILES: [(&str, &str); 8] = [
    ("Cargo.toml", include_str!("init/Cargo.toml.txt")),
    (".gitignore", "/target\n"),
    ("build.rs", include_str!("init/build.rs.txt")),
    ("schemas/events.toml", include_str!("init/events.toml.txt")),
    ("schemas/order_placed/v1.avsc", include_str!("init/v1.avsc.txt")),
    ("src/lib.rs", include_str!("init/lib.rs.txt")),
    ("src/main.rs", include_str!("init/main.rs.txt")),
    ("tests/events.rs", include_str!("init/events.rs.txt")),
];

pub(crate) fn run(arguments: &InitArguments) -> anyhow::Result<Exit> {
    let folder = &arguments.folder;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(folder)?,
    };
    check(&name)?;
    let there: Vec<_> = FILES.iter().map(|(path, _)| folder.join(path)).filter(|path| path.exists()).collect();
    if !there.is_empty() {
        let there: Vec<_> = there.iter().map(|path| path.display().to_string()).collect();
        bail!("nothing was written, for there is already {}; help: name another folder", there.join(", "));
    }
    let checkout = arguments.eventwright.as_deref().map(checkout).transpose()?;
    let dependency = |package: &str, part: &str| match &checkout {
        Some(path) => format!("{package} = {{ path = {:?} }}", path.join(part)),
        None => format!("{package} = {:?}", env!("CARGO_PKG_VERSION")),
    };
    for (path, template) in FILES {
        let text = template
            .replace("{{name}}", &name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{runtime}}", &dependency("eventwright", "runtime"))
            .replace("{{codegen}}", &dependency("eventwright-codegen", "codegen"));
        write(&folder.join(path), &text)?;
    }
    screen::summary(format!("made {name} in {}; now run `cargo test` there", folder.display()));
    Ok(Exit::Done)
}

/// Returns the absolute path of a checkout: the crate may stand anywhere.
fn checkout(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.join("runtime/Cargo.toml").is_file() {
        return Err(Failure::usage(format!(
            "{} is no checkout of Eventwright; help: it has a folder `runtime`",
            path.display()
        )));
    }
    path.canonicalize().with_context(|| format!("cannot look at {}", path.display()))
}

fn name_of(folder: &Path) -> anyhow::Result<String> {
    let absolute = std::path::absolute(folder).with_context(|| format!("cannot look at {}", folder.display()))?;
    let name = absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    Ok(name.to_lowercase().replace([' ', '.'], "-"))
}

/// What cargo takes as a name and Rust as an identifier.
fn check(name: &str) -> anyhow::Result<()> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(is_letter) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{name}` is no name for a crate; help: give one with --name, such as order-service")))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    output::replace(path, text)
}
