//! The arguments of `eventwright topics`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{KafkaSetting, PlanFormat};

const PLAN_EXAMPLES: &str = "\
Examples:
  eventwright topics plan
  eventwright topics plan --config production.yaml --format json | jq -r '.changes[].topic'

Compares the topics of the manifest, and those that the settings' policies need beside them (retry topics, dead letters, the ledger of
what was replayed), with what the broker has. Only what the manifest names is compared: `partitions`, `replication`, `config`
and `dead_letter_config` of [topic.NAME]. Nothing is changed; the broker checks the changes. Exit codes: 0 nothing to do, 100 there are changes or what cannot
be, 101 the broker does not answer.";

const APPLY_EXAMPLES: &str = "\
Examples:
  eventwright topics apply
  EVENTWRIGHT_PREFIX=dev. eventwright topics apply

Does what `eventwright topics plan` shows, and a second run has nothing to do. Topics that nobody names stay as they are, and so do
settings of topics that the manifest does not name; nothing is deleted. If one thing cannot be, nothing at all is done.";

#[derive(Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    /// Show which topics would be made and changed
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(TopicsArguments),
    /// Make and change topics: what `plan` shows, and nothing else
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(TopicsArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TopicsArguments {
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub(crate) format: PlanFormat,
    #[command(flatten)]
    pub(crate) broker: BrokerOptions,
}

/// Where the broker is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct BrokerOptions {
    /// Brokers, separated by commas [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) bootstrap: Option<String>,
    /// A file of settings, in YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A setting of librdkafka, such as security.protocol=ssl; may repeat
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) kafka: Vec<KafkaSetting>,
}
