//! The arguments of the commands that compare a manifest with a registry.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  eventwright plan --registry http://127.0.0.1:8081
  eventwright plan --format json | jq '.subjects[] | select(.changes)'

Nothing is written. Exit codes: 0 nothing to do, 100 there are changes or what is incompatible, 101 the registry does not
answer. The plan goes to standard output, findings and the summary to standard error.";

pub(super) const REGISTER_EXAMPLES: &str = "\
Examples:
  eventwright register --registry http://127.0.0.1:8081
  eventwright register --dry-run                           the same as `eventwright plan`

Does what `eventwright plan` shows: levels are set, then every version is registered, oldest first, each after what it refers
to. What is registered already stays as it is, so that a second run has nothing to do. If one schema is not compatible,
nothing at all is written.";

pub(super) const PULL_EXAMPLES: &str = "\
Examples:
  eventwright pull --registry http://127.0.0.1:8081                     everything, into schemas/
  eventwright pull --subject 'orders-*' --subject 'com.acme.*' --into contracts
  eventwright pull --dry-run                                            what would be written, and what is left out

A subject becomes a folder with a file for each version, a table in events.toml, and lines in schemas.lock. What the manifest has
already stays as it is, and gets the versions that only the registry has; no file is written over. The names say what a subject
is: <topic>-value an event, <topic>-<record> one of several events of a topic, <record> an event whose topic you have to name,
<topic>-key the key of a topic, and what others refer to a shared type. JSON Schema and what fits into no table is left out, with
the reason.";

#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// Only subjects like this one, in which * is any text and ? any character, and what they refer to; may repeat
    #[arg(long = "subject", value_name = "PATTERN")]
    pub(crate) subjects: Vec<String>,
    /// The folder of the manifest
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    pub(crate) into: PathBuf,
    /// Write nothing, and show what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// Also register versions that are older than one that is registered: they become the latest of their subject
    #[arg(long)]
    pub(crate) include_older: bool,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// Write nothing, and show what would be done, as `eventwright plan` does
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) plan: PlanArguments,
}

/// Where the registry is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct RegistryOptions {
    /// The schema registry [default: http://127.0.0.1:8081]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// A file of settings, in YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}
