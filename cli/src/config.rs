//! `eventwright config show`: what every setting is and where its value comes from.
//!
//! In: the sources that a service reads. Out: a line or an object for each setting; secrets are masked by the library.

use eventwright::settings::{Explained, Origin, explain};
use serde_json::{Value, json};

use crate::args::{ConfigShowArguments, PlanFormat};
use crate::exit::Exit;
use crate::output;

pub(crate) fn show(arguments: &ConfigShowArguments) -> anyhow::Result<Exit> {
    let settings = explain(arguments.config.as_deref())?;
    let text = match arguments.format {
        PlanFormat::Text => text(&settings),
        PlanFormat::Json => {
            let settings: Vec<_> = settings.iter().map(object).collect();
            json!({"format_version": 1, "settings": settings}).to_string()
        }
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn text(settings: &[Explained]) -> String {
    let value = |one: &Explained| one.value.clone().unwrap_or_else(|| "-".to_owned());
    let keys = settings.iter().map(|one| one.key.len()).max().unwrap_or(0);
    let values = settings.iter().map(|one| value(one).len()).max().unwrap_or(0);
    let line = |one: &Explained| format!("{:keys$}  {:values$}  {}", one.key, value(one), origin(&one.origin));
    settings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns where a value comes from, in few words.
fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Preset(preset) => format!("preset {preset}"),
        Origin::Variable(name) => name.clone(),
        Origin::File { path, line: Some(line) } => format!("{}:{line}", path.display()),
        Origin::File { path, .. } => path.display().to_string(),
        other => other.to_string(),
    }
}

fn object(one: &Explained) -> Value {
    let origin = match &one.origin {
        Origin::Default => json!({"kind": "default"}),
        Origin::Preset(preset) => json!({"kind": "preset", "name": preset.name()}),
        Origin::Variable(name) => json!({"kind": "variable", "name": name}),
        Origin::File { path, line } => json!({"kind": "file", "name": path.display().to_string(), "line": line}),
        other => json!({"kind": "other", "name": other.to_string()}),
    };
    json!({"key": one.key, "value": one.value, "origin": origin, "meaning": one.meaning})
}
