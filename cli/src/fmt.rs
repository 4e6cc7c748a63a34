//! `eventwright fmt`: lays out schema files that are JSON. Nothing but white space changes.
//!
//! In: files, or those of a manifest. Out: the files, or which of them are not laid out.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use eventwright_schema::load;
use eventwright_schema::{Diagnostic, Format, Position, compact_json, format_json};

use crate::args::{FmtArguments, Rendering};
use crate::exit::{Exit, Failure};
use crate::render::{self, Outcome, format_of};
use crate::{output, screen};

pub(crate) fn run(arguments: &FmtArguments) -> anyhow::Result<Exit> {
    if arguments.files == [Path::new("-")] {
        return standard_input();
    }
    let mut outcome = Outcome::default();
    let mut changed = Vec::new();
    let files = if arguments.files.is_empty() { of_manifest(&arguments.manifest)? } else { arguments.files.clone() };
    for path in &files {
        if !matches!(format_of(path), Some(Format::Avro | Format::Json)) {
            let name = path.display();
            return Err(Failure::usage(format!(
                "{name} is neither .avsc nor .json; help: `buf format` lays out .proto"
            )));
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        match formatted(&path.display().to_string(), &text) {
            Ok(laid_out) if laid_out == text => {}
            Ok(laid_out) => changed.push((path, laid_out)),
            Err(wrong) => {
                outcome.texts.insert(wrong.source.clone(), text);
                outcome.errors.push(wrong);
            }
        }
    }
    let is_changed = !changed.is_empty();
    for (path, text) in changed {
        output::print(&path.display().to_string())?;
        if !arguments.check {
            output::replace(path, &text)?;
        }
    }
    if !outcome.errors.is_empty() {
        return render::print(&outcome, Rendering::Text);
    }
    if arguments.check && is_changed {
        screen::summary("not laid out: the files above; help: run `eventwright fmt`");
        return Ok(Exit::Findings);
    }
    Ok(Exit::Done)
}

fn standard_input() -> anyhow::Result<Exit> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    let laid_out = formatted("<standard input>", &text).map_err(|wrong| anyhow!("{wrong}"))?;
    output::print(&laid_out)?;
    Ok(Exit::Done)
}

/// Returns every JSON file of a manifest, whether what stands in it is a schema or not.
fn of_manifest(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let loaded = load::load(path);
    if loaded.manifest.is_none() {
        let problem = loaded.diagnostics.first().map(ToString::to_string).unwrap_or_default();
        bail!("{problem}");
    }
    let mut files: Vec<_> = loaded.watched.into_iter().filter(|path| format_of(path) == Some(Format::Avro)).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn formatted(name: &str, text: &str) -> Result<String, Diagnostic> {
    let laid_out = format_json(text).map_err(|(offset, message)| Diagnostic {
        source: name.to_owned(),
        position: Position::of_offset(text, offset),
        message,
        help: "write the schema as JSON".into(),
    })?;
    // A fault of ours must not reach a schema that is released.
    assert_eq!(compact_json(&laid_out), compact_json(text), "laying out {name} would change what it says");
    Ok(laid_out)
}
