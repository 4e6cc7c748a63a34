//! The command line of a replay (feature `replay-cli`): the arguments that `eventwright dlq` takes as well, and a `main` for
//! programs that have typed functions of their own.
//!
//! In: arguments. Out: a line for each letter on standard output, the numbers on standard error, and the exit codes of
//! `eventwright`: 0 fine, 2 usage, 100 letters were refused, 101 it could not be done, 130 interrupted.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, ValueEnum};
use eventwright_wire::jiff::Timestamp;
use serde::Serialize;

use super::{Replay, ReplayBuilder, Report, Request};
use crate::{Error, Settings, shutdown};

/// Which dead letters are meant. Of several options, all must hold; of one that repeats, any.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which letters")]
pub struct FilterArguments {
    /// The letter of the event with this id (ew-message-id); may repeat
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Letters that were written then or later, such as 2026-02-03T04:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Letters that were written before then
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// A class of failures, such as handler, rejected or undecodable; may repeat
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// An event, by its name; may repeat
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,
}

/// What is replayed, and how.
#[derive(Debug, Clone, Args)]
pub struct ReplayArguments {
    /// The topic of dead letters, such as orders_dlq
    dlq: String,
    #[command(flatten)]
    filter: FilterArguments,
    /// Replay at most so many, the oldest first
    #[arg(long = "max", value_name = "N")]
    max_messages: Option<NonZeroU64>,
    /// Write at most so many in a second
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Write to this topic, in place of the one that each record came from
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,
    /// Write Avro values anew with the newest schema of their subject
    #[arg(long)]
    upgrade: bool,
    /// Write nothing, and list what would be written
    #[arg(long)]
    dry_run: bool,
    /// How a letter is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How letters are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// For reading
    Text,
    /// One JSON object a line
    Json,
}

impl FilterArguments {
    /// Returns the request that these arguments make.
    #[must_use]
    pub fn request(&self) -> Request {
        let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<_>>();
        Request {
            event_ids: set(&self.ids),
            start_time: self.from,
            end_time: self.until,
            reasons: set(&self.reasons),
            events: set(&self.events),
            ..Request::default()
        }
    }
}

impl ReplayArguments {
    /// Returns the builder of the replay that these arguments ask for.
    pub fn builder(&self, settings: &Settings) -> ReplayBuilder {
        let request = Request {
            max_messages: self.max_messages.map(NonZeroU64::get),
            max_per_second: self.rate.map(NonZeroU32::get),
            to: self.to.clone(),
            upgrade: self.upgrade,
            dry_run: self.dry_run,
            ..self.filter.request()
        };
        Replay::builder(settings).dlq(&self.dlq).request(request)
    }

    /// Returns how letters are printed.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }
}

impl Format {
    /// Returns what stands on standard output for a letter.
    #[must_use]
    pub fn render(self, letter: &(impl Display + Serialize)) -> String {
        match self {
            Self::Text => letter.to_string(),
            Self::Json => serde_json::to_string(letter).expect("structs of texts and numbers have a JSON form"),
        }
    }
}

/// The arguments of a program of one's own.
#[derive(Debug, Parser)]
#[command(about = "Replays dead letters, mended by this program")]
struct Arguments {
    #[command(flatten)]
    replay: ReplayArguments,
    /// A file of settings, in YAML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Is the `main` of a program that replays dead letters with typed functions of its own: parses the arguments, loads the
/// settings, starts logs and spans as they say (features `logs` and `otlp`) unless the process has a subscriber already, lets `setup`
/// add the functions, and replays until the end or until the process is asked to stop.
///
/// ```no_run
/// # use eventwright::wire::Event;
/// # fn fixed<OrderCreated: Event>(replay: eventwright::replay::ReplayBuilder) -> eventwright::replay::ReplayBuilder {
/// # replay.fix(|order: OrderCreated, _| Ok::<_, String>(order)) }
/// # async fn run<OrderCreated: Event>() -> std::process::ExitCode {
/// // #[tokio::main]
/// // async fn main() -> std::process::ExitCode {
/// eventwright::replay::main(|replay| replay.fix(|order: OrderCreated, _| Ok::<_, String>(order))).await
/// # }
/// ```
pub async fn main(setup: impl FnOnce(ReplayBuilder) -> ReplayBuilder) -> ExitCode {
    let arguments = Arguments::parse();
    match replay(&arguments, setup).await {
        Ok(report) => {
            tell(&report.to_string());
            exit(&report)
        }
        Err(error) => {
            tell(&format!("error: {error:?}"));
            ExitCode::from(if error.is_settings() { 2 } else { 101 })
        }
    }
}

async fn replay(arguments: &Arguments, setup: impl FnOnce(ReplayBuilder) -> ReplayBuilder) -> Result<Report, Error> {
    let settings = match &arguments.config {
        Some(file) => Settings::load_with(file)?,
        None => Settings::load()?,
    };
    let format = arguments.replay.format();
    #[cfg(feature = "logs")]
    let telemetry = if tracing::dispatcher::has_been_set() { None } else { Some(crate::telemetry::init(&settings)?) };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let signal = tokio::spawn(async move {
        shutdown::signal().await?;
        let _ = stop.send(());
        Ok::<_, Error>(())
    });
    let stopped = async {
        if stopped.await.is_err() {
            std::future::pending().await
        }
    };
    let print = |entry: super::Entry| {
        let written = writeln!(std::io::stdout(), "{}", format.render(&entry));
        // Nobody reads it any more, as after `| head`; the replay goes on all the same.
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            tracing::error!(%error, "cannot write to standard output");
        }
    };
    let replayed = setup(arguments.replay.builder(&settings)).run_until(stopped, print).await;
    signal.abort();
    #[cfg(feature = "logs")]
    if let Some(telemetry) = telemetry {
        telemetry.shutdown().await;
    }
    replayed
}

fn exit(report: &Report) -> ExitCode {
    ExitCode::from(if report.interrupted {
        130
    } else if report.refused > 0 {
        100
    } else {
        0
    })
}

fn tell(text: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_a_request() {
        let line = "replay orders_dlq --id a --id b --reason handler --event Order --max 7 --rate 9 --to x --upgrade \
                    --dry-run --from 2024-01-01T00:00:00Z --until 2024-01-02T00:00:00Z --format json";
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap().replay;
        let builder = arguments.builder(&Settings::default());
        let expected = r#"{"event_ids":["a","b"],"start_time":"2024-01-01T00:00:00Z","end_time":"2024-01-02T00:00:00Z","reasons":["handler"],"events":["Order"],"max_messages":7,"dry_run":true,"to":"x","max_per_second":9,"upgrade":true}"#;
        assert_eq!(serde_json::to_string(&builder.request).unwrap(), expected);
        assert_eq!((builder.dlq.as_str(), arguments.format()), ("orders_dlq", Format::Json));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["replay", "replay d --max 0", "replay d --rate 0", "replay d --from noon", "replay d --reasons x"]
        {
            assert!(Arguments::try_parse_from(line.split_whitespace()).is_err(), "{line}");
        }
    }
}
