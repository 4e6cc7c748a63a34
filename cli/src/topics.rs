//! `eventwright topics`: makes the topics of a manifest what they are to be.
//!
//! In: the manifest, the policies of the settings, and what the broker has. Out: the plan, and with `apply` its changes. What differs
//! is the library's to say; here it is only shown.

use std::path::Path;

use anyhow::{Context, bail};
use eventwright::Settings;
use eventwright::topics::{self, Change, Plan, Topic};
use eventwright_schema::manifest::Manifest;
use serde_json::{Value, json};

use crate::args::{PlanFormat, TopicsArguments};
use crate::exit::{Exit, Failure};
use crate::{output, screen, settings};

/// Shows what differs.
pub(crate) async fn plan(arguments: &TopicsArguments) -> anyhow::Result<Exit> {
    let settings = settings::of_broker(&arguments.broker)?;
    let plan = look(&settings, &arguments.manifest).await?;
    print(&settings, &plan, arguments.format)?;
    if !plan.refused.is_empty() {
        refuse(&plan);
        return Ok(Exit::Findings);
    }
    if plan.changes.is_empty() {
        screen::summary("nothing to do");
        return Ok(Exit::Done);
    }
    screen::summary("help: `eventwright topics apply` does this");
    Ok(Exit::Findings)
}

/// Shows what differs, and changes it.
pub(crate) async fn apply(arguments: &TopicsArguments) -> anyhow::Result<Exit> {
    let settings = settings::of_broker(&arguments.broker)?;
    let plan = look(&settings, &arguments.manifest).await?;
    if !plan.refused.is_empty() {
        print(&settings, &plan, arguments.format)?;
        refuse(&plan);
        return Ok(Exit::Findings);
    }
    for warning in &plan.warnings {
        screen::warning(warning);
    }
    let mut n_done = 0;
    let progress = |change: &Change| {
        n_done += 1;
        // What was done is known even if the next change fails.
        if arguments.format == PlanFormat::Text {
            drop(output::print(&change.to_string()));
        }
    };
    let applied = topics::apply(&settings, &plan, progress).await;
    if n_done < plan.changes.len() {
        screen::note(format!("{n_done} of {} changes are made; run it again to go on", plan.changes.len()));
    }
    applied?;
    if arguments.format == PlanFormat::Json {
        output::print(&format!("{:#}", object(&settings, &plan)))?;
    }
    screen::summary(match n_done {
        0 => "nothing to do".to_owned(),
        1 => "1 change is made".to_owned(),
        many => format!("{many} changes are made"),
    });
    Ok(Exit::Done)
}

async fn look(settings: &Settings, manifest: &Path) -> anyhow::Result<Plan> {
    let topics = topics::with_policies(settings, wanted(settings, manifest)?);
    Ok(topics::plan(settings, &topics).await?)
}

/// Returns the topics of a manifest, in the order in which events name them.
fn wanted(settings: &Settings, path: &Path) -> anyhow::Result<Vec<Topic>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = match Manifest::parse(&path.display().to_string(), &text) {
        Ok(manifest) => manifest,
        Err(wrong) => {
            for diagnostic in &wrong {
                screen::warning(diagnostic);
            }
            bail!("the topics of {} are unknown as long as this is so", path.display());
        }
    };
    let mut topics: Vec<Topic> = Vec::new();
    for event in &manifest.events {
        let prefix = settings.prefix.as_deref().unwrap_or(&event.prefix);
        let name = format!("{prefix}{}", event.topic);
        if topics.iter().all(|topic| topic.name() != name) {
            topics.push(described(Topic::new(name), &manifest, &event.topic));
        }
    }
    Ok(topics)
}

/// Returns a topic with what the manifest says of it.
fn described(topic: Topic, manifest: &Manifest, name: &str) -> Topic {
    let Some(entry) = manifest.topics.get(name) else { return topic };
    let topic = entry.partitions.map_or(topic.clone(), |count| topic.partitions(count));
    let topic = entry.replication.map_or(topic.clone(), |factor| topic.replication(factor));
    let topic = entry.config.iter().fold(topic, |topic, (key, value)| topic.config(key, value));
    entry.dead_letter_config.iter().fold(topic, |topic, (key, value)| topic.dead_letter_config(key, value))
}

fn print(settings: &Settings, plan: &Plan, format: PlanFormat) -> anyhow::Result<()> {
    if format == PlanFormat::Json {
        return output::print(&format!("{:#}", object(settings, plan)));
    }
    for warning in &plan.warnings {
        screen::warning(warning);
    }
    output::print(&plan.changes.iter().map(|change| format!("{change}\n")).collect::<String>())
}

fn refuse(plan: &Plan) {
    for why in &plan.refused {
        screen::error(&Failure::findings(why));
    }
    screen::note("nothing is done as long as this is so");
}

fn object(settings: &Settings, plan: &Plan) -> Value {
    json!({
        "format_version": 1,
        "bootstrap": settings.bootstrap,
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "refused": plan.refused,
        "warnings": plan.warnings,
    })
}

fn change(change: &Change) -> Value {
    match change {
        Change::Create { topic, partitions, replication, config } => {
            let (partitions, replication) = (json!(partitions), json!(replication));
            json!({"topic": topic, "kind": "create", "partitions": partitions, "replication": replication, "config": config})
        }
        Change::AddPartitions { topic, from, to } => {
            json!({"topic": topic, "kind": "add_partitions", "from": from, "to": to})
        }
        Change::Configure { topic, entries, .. } => {
            let entries = entries.iter().map(|(key, entry)| (key.clone(), json!({"from": entry.from, "to": entry.to})));
            json!({"topic": topic, "kind": "configure", "config": entries.collect::<serde_json::Map<_, _>>()})
        }
        other => json!({"topic": other.topic(), "kind": "other"}),
    }
}
