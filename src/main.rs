//! The demo: `cargo run --release`, or `make demo`.

mod demo;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;

/// Produces v1, v2 and Protobuf events side by side and reads all of them as the newest types.
///
/// Without `--bootstrap` and `--registry` everything runs inside this process: a small Kafka cluster for demos and a
/// schema registry. With them the same runs on yours, on topics and subjects that begin with `demo.`.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// Brokers of a real cluster, `host:port` separated by commas
    #[arg(long, value_name = "HOST:PORT", env = "EVENTWRIGHT_BOOTSTRAP", hide_env_values = true)]
    bootstrap: Option<String>,
    /// The URL of a real schema registry
    #[arg(long, value_name = "URL", env = "EVENTWRIGHT_REGISTRY", hide_env_values = true)]
    registry: Option<String>,
    /// How many events of each kind: orders v1 and v2, payments v1 and v2, users, stock; at most 5,000 without --bootstrap
    #[arg(long, value_name = "N", default_value_t = 1000, allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("EVENTWRIGHT_LOG").unwrap_or_else(|_| "warn".into());
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    match demo::run(&demo::Options {
        bootstrap: arguments.bootstrap,
        registry: arguments.registry,
        events: arguments.events as usize,
    })
    .await
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            demo::screen::failure(&error);
            ExitCode::FAILURE
        }
    }
}
