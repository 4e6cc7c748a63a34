//! `eventwright dlq`: looks into a topic of dead letters, replays them and deletes them.
//!
//! In: a topic, which letters are meant. Out: letters as a table or an object a line, numbers, copies in other topics. What
//! is selected and what becomes of it is decided by `eventwright::replay`, as for a program of one's own.

mod purge;
mod table;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant, SystemTime};

use eventwright::replay::{self, Entry, Format, Page, Payloads, Stats};
use eventwright::wire::jiff::Timestamp;

use crate::args::{DlqCommand, ListArguments, RedriveArguments, StatsArguments};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::screen;
use crate::stop::Stop;

/// How often the line of progress is written.
const PROGRESS: Duration = Duration::from_millis(200);

/// Carries out a command for dead letters.
pub(crate) async fn run(command: DlqCommand, stop: Stop) -> anyhow::Result<Exit> {
    match command {
        DlqCommand::List(arguments) => stop.or(list(arguments)).await,
        DlqCommand::Stats(arguments) => stop.or(stats(arguments)).await,
        DlqCommand::Replay(arguments) => redrive(arguments, stop).await,
        DlqCommand::Purge(arguments) => stop.or(purge::run(arguments)).await,
    }
}

async fn list(arguments: ListArguments) -> anyhow::Result<Exit> {
    let ListArguments { dlq, filter, limit, after, format, reveal, connection } = arguments;
    let settings = crate::settings::load(&connection)?;
    let payloads = match format {
        Format::Json if reveal => Payloads::Revealed,
        Format::Json => Payloads::Masked,
        // There is no place for them in a line of a table.
        _ => Payloads::Omitted,
    };
    let pages = (&after.unwrap_or_default(), limit);
    let page = replay::list(&settings, &dlq, &filter.request(), pages, payloads).await;
    let Page { letters, next, .. } = page.map_err(explained)?;
    match format {
        Format::Json => {
            let lines: Vec<_> = letters.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
            output::print(&lines.join("\n"))?;
        }
        _ => output::print(&table::letters(&letters, now()))?,
    }
    if let Some(next) = next {
        screen::summary(format!("there are more: --after {next}"));
    } else if letters.is_empty() {
        screen::summary("no letters");
    }
    Ok(Exit::Done)
}

async fn stats(arguments: StatsArguments) -> anyhow::Result<Exit> {
    let StatsArguments { dlq, filter, format, connection } = arguments;
    let settings = crate::settings::load(&connection)?;
    let stats: Stats = replay::stats(&settings, &dlq, &filter.request()).await.map_err(explained)?;
    match format {
        Format::Json => output::print(&serde_json::to_string(&stats)?)?,
        _ => output::print(&table::stats(&stats))?,
    }
    Ok(Exit::Done)
}

async fn redrive(arguments: RedriveArguments, stop: Stop) -> anyhow::Result<Exit> {
    let RedriveArguments { replay, connection } = arguments;
    let settings = crate::settings::load(&connection)?;
    let (format, builder) = (replay.format(), replay.builder(&settings));
    let mut printer = Printer { output: Output::new(), format, shown: Shown::new(), failure: None };
    let asked = async {
        stop.asked().await;
    };
    let report = builder.run_until(asked, |entry| printer.print(&entry)).await;
    printer.end()?;
    let report = report.map_err(explained)?;
    if format == Format::Json {
        output::print(&serde_json::to_string(&report)?)?;
    }
    screen::summary(report);
    Ok(match report {
        report if report.interrupted => Exit::Interrupted,
        report if report.refused > 0 => Exit::Findings,
        _ => Exit::Done,
    })
}

/// Prints letters as they are replayed.
struct Printer {
    output: Output,
    format: Format,
    shown: Shown,
    /// An output that cannot be written, which does not keep letters from being replayed.
    failure: Option<anyhow::Error>,
}

impl Printer {
    fn print(&mut self, entry: &Entry) {
        let line = self.format.render(entry);
        let written = self.output.line(&line).and_then(|_| self.output.flush());
        self.failure = self.failure.take().or(written.err());
        self.shown.count();
    }

    fn end(mut self) -> anyhow::Result<()> {
        self.shown.clear();
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// The line of progress, where letters go elsewhere and somebody looks at standard error.
struct Shown {
    letters: u64,
    is_wanted: bool,
    next: Instant,
}

impl Shown {
    fn new() -> Self {
        let is_wanted = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        Self { letters: 0, is_wanted, next: Instant::now() }
    }

    fn count(&mut self) {
        self.letters += 1;
        let now = Instant::now();
        if self.is_wanted && now >= self.next {
            self.next = now + PROGRESS;
            screen::progress(&format!("{} letters", self.letters));
        }
    }

    fn clear(&self) {
        if self.is_wanted && self.letters > 0 {
            screen::progress("");
        }
    }
}

/// Returns the error with the exit code that it has.
fn explained(error: eventwright::Error) -> anyhow::Error {
    if error.is_settings() { Failure::usage(error.to_string()) } else { error.into() }
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}
