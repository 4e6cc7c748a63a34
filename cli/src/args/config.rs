//! The arguments of `eventwright config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlanFormat;

const SHOW_EXAMPLES: &str = "\
Examples:
  eventwright config show
  eventwright config show --config production.yaml
  eventwright config show --format json | jq -r '.settings[] | select(.origin.kind != \"default\") | .key'

Key, value, and where the value comes from: default, preset, file and line, or variable. Secrets are `****`, and `-` is no value. What
a service could not use is an error that names the origin.";

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where that comes from
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ConfigShowArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShowArguments {
    /// A file of settings, in YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How the settings are printed
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
}
