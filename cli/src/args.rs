//! The command line: what may be given, and into which types it is parsed.

mod config;
mod dlq;
mod registry;
mod schemas;
mod topics;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use eventwright::wire::jiff::Timestamp;

pub(crate) use self::config::{ConfigCommand, ConfigShowArguments};
pub(crate) use self::dlq::{DlqCommand, ListArguments, PurgeArguments, PurgeWhich, RedriveArguments, StatsArguments};
pub(crate) use self::registry::{PlanArguments, PlanFormat, PullArguments, RegisterArguments, RegistryOptions};
pub(crate) use self::schemas::{
    CheckArguments, DiffArguments, DiffFormat, FmtArguments, GenArguments, InitArguments, LintArguments, LockArguments,
    NamedFile, Operand, Rendering,
};
pub(crate) use self::topics::{BrokerOptions, TopicsArguments, TopicsCommand};

const AFTER_HELP: &str = "\
Settings come from options, then EVENTWRIGHT_* variables (EVENTWRIGHT_BOOTSTRAP, EVENTWRIGHT_REGISTRY,
EVENTWRIGHT_KAFKA__SECURITY_PROTOCOL), then --config, ./config.yaml and ./configs/config.yaml; `config show` prints
them all.
EVENTWRIGHT_LOG=debug shows logs. NO_COLOR=1 turns colour off.

Exit codes: 0 fine; 100 findings (a value does not fit its schema, a schema is not compatible); 101 it could not be
done (malformed input, broker or registry unreachable); 2 usage; 70 a bug; 130 interrupted, after draining.";

const TAIL_EXAMPLES: &str = "\
Examples:
  eventwright tail orders                                  new records, until Ctrl-C
  eventwright tail orders --from beginning --until-end     all records that there are now
  eventwright tail orders --from 2026-02-03T04:00:00Z --count 10
  eventwright tail orders --format text                    for reading
  eventwright tail orders --from beginning --until-end | jq -r 'select(.error).error'

Each line is an object: topic, partition, offset, timestamp, key, headers (an array of [name, value]), subject,
schema_id, schema_version, event, value. A key or header value that is not UTF-8 is {\"base64\": \"...\"}. In place of
`value`, a record that cannot be decoded has `error` and `raw` (base64). No consumer group is joined and nothing is
committed. The order is that of each partition. Fields that an Avro schema marks with \"pii\": true are `***` unless --reveal
is given; keys, headers and `raw` are shown as they are.";

const PRODUCE_EXAMPLES: &str = "\
Examples:
  eventwright produce --event OrderCreated < orders.ndjson          its newest version in schemas/events.toml
  eventwright produce --event OrderCreated@v1 --register < orders.ndjson
  eventwright produce orders --subject orders-value@2 < orders.ndjson
  eventwright tail orders --from beginning --until-end | eventwright produce orders_copy --input envelope

Each line of the input is one value in JSON, or with --input envelope one object as `tail` prints them, of which only
`value` is needed: key, headers and timestamp are kept, and subject and schema_version say which schema it is written
with unless --event or --subject does. The first line that is wrong ends the command: lines before it are written, it
and those after it are not. --keep-going goes on with the next line.";

const SERVE_EXAMPLES: &str = "\
Examples:
  eventwright registry serve
  eventwright registry serve --listen 127.0.0.1:0          any free port; the URL is printed on standard output";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  eventwright completions bash > ~/.local/share/bash-completion/completions/eventwright
  eventwright completions zsh > ~/.zfunc/_eventwright
  eventwright completions fish > ~/.config/fish/completions/eventwright.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  eventwright man | man -l -
  eventwright man --out ~/.local/share/man/man1";

/// Schema-first events on Kafka: check schemas, look into topics, write to them, serve a schema registry
#[derive(Debug, Parser)]
#[command(name = "eventwright", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a crate with one event, to begin with
    #[command(after_help = schemas::INIT_EXAMPLES)]
    Init(InitArguments),
    /// Check that schemas keep what their compatibility level promises, as the build does
    #[command(after_help = schemas::CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Show what versions differ in, and who is hurt by it
    #[command(after_help = schemas::DIFF_EXAMPLES)]
    Diff(DiffArguments),
    /// Lay out Avro and JSON Schema files
    #[command(after_help = schemas::FMT_EXAMPLES)]
    Fmt(FmtArguments),
    /// Write the Rust types of the events into a file, to be checked in
    #[command(after_help = schemas::GEN_EXAMPLES)]
    Gen(GenArguments),
    /// Look for what is allowed and yet unwise: names, docs, defaults, money as floats, personal data
    #[command(after_help = schemas::LINT_EXAMPLES)]
    Lint(LintArguments),
    /// Release the newest versions: write schemas.lock, and from then on their files may not change
    #[command(after_help = schemas::LOCK_EXAMPLES)]
    Lock(LockArguments),
    /// Explain a rule of compatibility: why it is one, an example, and how to mend what breaks it
    Explain {
        /// The rule, as findings name it [default: list all rules]
        rule: Option<String>,
    },
    /// Show what would change in the registry: subjects, versions, compatibility levels
    #[command(after_help = registry::PLAN_EXAMPLES)]
    Plan(PlanArguments),
    /// Register the schemas of the manifest: what `plan` shows, and nothing else
    #[command(after_help = registry::REGISTER_EXAMPLES)]
    Register(RegisterArguments),
    /// Adopt what a registry has: files of versions, manifest and lock
    #[command(after_help = registry::PULL_EXAMPLES)]
    Pull(PullArguments),
    /// Print the records of a topic as JSON, one object a line
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(TailArguments),
    /// Write records from JSON lines on standard input
    #[command(after_help = PRODUCE_EXAMPLES)]
    Produce(ProduceArguments),
    /// Dead letters: look at them, replay them, delete them
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// The schema registry
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// The topics of the manifest
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// The settings of services
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what a shell needs to complete this command's arguments
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for man(1)
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Write the page of every command into this folder
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Serve a schema registry with Confluent's REST API
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
}

/// Where the broker and the registry are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Brokers, separated by commas [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) bootstrap: Option<String>,
    /// The schema registry [default: http://127.0.0.1:8081]
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// A file of settings, in YAML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A setting of librdkafka, such as security.protocol=ssl; may repeat
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) kafka: Vec<KafkaSetting>,
}

#[derive(Debug, Args)]
pub(crate) struct TailArguments {
    /// The topic
    pub(crate) topic: String,
    /// What a record is printed as
    #[arg(long, value_enum, default_value_t = Form::Json)]
    pub(crate) format: Form,
    /// Where to start: beginning, end, an offset, or a time such as 2026-02-03T04:00:00Z [default: end; with
    /// --until-end: beginning]
    #[arg(long, value_name = "FROM")]
    pub(crate) from: Option<From>,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End at the records that are the last ones now, and not wait for more
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Show what schemas mark as personal data ("pii": true), which is `***` otherwise
    #[arg(long)]
    pub(crate) reveal: bool,
    /// Only this partition
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
    /// The manifest that events are named after, where it exists
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct ProduceArguments {
    /// The topic [default: the event's in the manifest; with --subject NAME-value: NAME]
    pub(crate) topic: Option<String>,
    /// The event: looked up in the manifest (@v2 is its version), then in the registry (@2 is the registry's version)
    #[arg(long, value_name = "NAME[@v2]", conflicts_with = "subject")]
    pub(crate) event: Option<Versioned>,
    /// The subject in the registry, with its version there [default: the newest]
    #[arg(long, value_name = "SUBJECT[@2]")]
    pub(crate) subject: Option<Versioned>,
    /// Which message of a Protobuf schema is meant [default: the event's, or the first one]
    #[arg(long, value_name = "NAME")]
    pub(crate) message: Option<String>,
    /// What a line of the input is
    #[arg(long, value_enum, default_value_t = Input::Value)]
    pub(crate) input: Input,
    /// The field whose text is the record's key [default: the event's in the manifest]
    #[arg(long, value_name = "FIELD")]
    pub(crate) key: Option<String>,
    /// Register the event's schema where it is not registered yet; needs --event, and the event in the manifest
    #[arg(long, conflicts_with = "subject")]
    pub(crate) register: bool,
    /// Go on after lines that are wrong
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on; port 0 is any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081", value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// Where schemas are kept: memory, which is empty at every start
    #[arg(long, value_name = "STORE", default_value = "memory")]
    pub(crate) store: StoreChoice,
}

/// What a record is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object a line
    Json,
    /// Two lines for reading
    Text,
}

/// What a line of the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Input {
    /// The value
    Value,
    /// An object as `tail` prints them
    Envelope,
}

/// Where `tail` starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Beginning,
    End,
    Offset(i64),
    Time(Timestamp),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "beginning" => Ok(Self::Beginning),
            "end" => Ok(Self::End),
            _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self::Offset).map_err(|_| "an offset has at most 63 bits".into())
            }
            _ => text.parse().map(Self::Time).map_err(|_| {
                "expected `beginning`, `end`, an offset such as 42, or a time such as 2026-02-03T04:00:00Z".into()
            }),
        }
    }
}

/// A name with the version that may stand behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versioned {
    pub(crate) name: String,
    pub(crate) version: Version,
}

/// Which version is meant, and who counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Newest,
    /// `@v2`: the manifest's.
    Manifest(u32),
    /// `@2`: the registry's.
    Registry(u32),
}

impl FromStr for Versioned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.rsplit_once('@') {
            None => (text, Version::Newest),
            Some((name, version)) => {
                let (counter, number): (fn(u32) -> Version, _) = match version.strip_prefix('v') {
                    Some(number) => (Version::Manifest, number),
                    None => (Version::Registry, version),
                };
                let number = number.parse().ok().filter(|number| *number > 0);
                let number = number.ok_or("expected `@v2`, the manifest's version, or `@2`, the registry's")?;
                (name, counter(number))
            }
        };
        if name.is_empty() {
            return Err("the name is empty".into());
        }
        Ok(Self { name: name.to_owned(), version })
    }
}

/// A setting of librdkafka.
#[derive(Debug, Clone)]
pub(crate) struct KafkaSetting {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl FromStr for KafkaSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as security.protocol=ssl")?;
        Ok(Self { key: key.trim().to_owned(), value: value.to_owned() })
    }
}

/// Where the registry keeps schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    Memory,
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(':').next() {
            Some("memory") if text == "memory" => Ok(Self::Memory),
            Some(kind @ ("file" | "kafka")) => Err(format!("the {kind} store is not in this version; use `memory`")),
            _ => Err("expected `memory`".into()),
        }
    }
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| format!("expected HOST:PORT: {error}"))?;
    addresses.next().ok_or_else(|| "the host has no address".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_start_is_a_word_an_offset_or_a_time() {
        let check = |text: &str, expected: Option<From>| assert_eq!(text.parse().ok(), expected, "{text}");
        check("beginning", Some(From::Beginning));
        check("end", Some(From::End));
        check("42", Some(From::Offset(42)));
        check("2026-02-03T04:05:06.789Z", Some(From::Time("2026-02-03T04:05:06.789Z".parse().unwrap())));
        check("2026-02-03T05:05:06+01:00", Some(From::Time("2026-02-03T04:05:06Z".parse().unwrap())));
        for wrong in ["", "-1", "start", "2026-02-03", "99999999999999999999"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_version_says_who_counts_it() {
        let check = |text: &str, expected: Option<(&str, Version)>| {
            let parsed: Option<Versioned> = text.parse().ok();
            assert_eq!(parsed.as_ref().map(|one| (one.name.as_str(), one.version)), expected, "{text}");
        };
        check("OrderCreated", Some(("OrderCreated", Version::Newest)));
        check("OrderCreated@v2", Some(("OrderCreated", Version::Manifest(2))));
        check("orders-value@12", Some(("orders-value", Version::Registry(12))));
        for wrong in ["", "@2", "a@", "a@v", "a@0", "a@v0", "a@x"] {
            check(wrong, None);
        }
    }
}
