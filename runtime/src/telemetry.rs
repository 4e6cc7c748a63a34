//! Logs, and with the feature `otlp` spans, as the settings say (features `logs` and `otlp`).
//!
//! In: [`Settings`]. Out: the process's subscriber of `tracing`. A line of the log within a handler tells the record that it
//! is about: `eventId`, `eventType`, `correlationId`, `topic`, `partition`, `offset`, `group`, `attempt`. With JSON a line
//! is one object: `time`, `level`, `target`, `msg`, the fields of the line, and those of the spans that it stands in.
//!
//! ```no_run
//! # async fn run() -> Result<(), eventwright::Error> {
//! let settings = eventwright::Settings::load()?;
//! let telemetry = eventwright::telemetry::init(&settings)?;
//! // ... produce and consume ...
//! telemetry.shutdown().await;
//! # Ok(()) }
//! ```

mod lines;
#[cfg(feature = "otlp")]
mod otlp;

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use self::lines::Lines;
use crate::settings::{LogEncoding, LogLevel};
use crate::{Error, Settings};

/// Where our spans are made: they are there whatever the level of the log, because its lines tell of them.
const SPANS: &str = "eventwright::trace";

/// Logs and spans of this process; spans that are not exported yet are, when it is dropped.
#[derive(Debug)]
#[must_use = "spans are exported when this is dropped; hold it as long as the process works"]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    _spans: Option<otlp::Spans>,
}

/// Logs to standard error at `log.level` in `log.encoding`, and exports spans to `otlp.endpoint` or
/// `OTEL_EXPORTER_OTLP_ENDPOINT`, where one of them is set. Once for the process.
///
/// # Errors
/// A process that has a subscriber already, or an endpoint that cannot be used.
pub fn init(settings: &Settings) -> Result<Telemetry, Error> {
    init_with(settings, io::stderr)
}

/// [`init`] with another place for the lines.
///
/// # Errors
/// As [`init`].
pub fn init_with<W: Write>(
    settings: &Settings,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Result<Telemetry, Error> {
    let colour = settings.log.encoding == LogEncoding::Console && io::stderr().is_terminal();
    let lines = Lines::new(settings.log.encoding, colour, writer).with_filter(filter(settings.log.level));
    let registry = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "otlp")]
    let (spans, layer) = otlp::layer(settings)?.unzip();
    #[cfg(feature = "otlp")]
    let registry = registry.with(layer);
    registry.try_init().map_err(|error| {
        let help = "call `telemetry::init` once, and install no subscriber beside it";
        Error::settings(format!("this process has a subscriber of `tracing` already; help: {help}")).with_source(error)
    })?;
    Ok(Telemetry {
        #[cfg(feature = "otlp")]
        _spans: spans,
    })
}

/// Returns what is told at this level.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // What carries spans away would tell of itself without end.
    let carriers = ["hyper", "hyper_util", "reqwest", "opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "h2"];
    let quiet = carriers.map(|carrier| (carrier, level.min(LevelFilter::WARN)));
    Targets::new().with_default(level).with_target(SPANS, level.max(LevelFilter::INFO)).with_targets(quiet)
}

impl Telemetry {
    /// Exports the spans that are left; what takes longer than 5 seconds is given up.
    pub async fn shutdown(self) {
        // The exporter waits for its answers on a thread of its own, which must not be one of tokio's.
        let ended = tokio::task::spawn_blocking(move || drop(self)).await;
        if ended.is_err() {
            tracing::warn!("the last spans may not have been exported");
        }
    }
}
