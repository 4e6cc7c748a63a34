//! `make chaos`: hurts consumers, brokers, connections and stores while events flow, and says what came of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use eventwright_chaos::Plan;
use eventwright_chaos::consumer::{Place, consume};
use tokio::signal::unix::{SignalKind, signal};

/// The program as the driver calls it.
#[derive(Parser)]
struct Consume {
    #[arg(long)]
    consume: bool,
    #[command(flatten)]
    place: Place,
}

fn main() -> ExitCode {
    let ended = tokio::runtime::Runtime::new().context("cannot start").and_then(|runtime| {
        let ended = runtime.block_on(consume_or_drive());
        // Where it was interrupted, Kafka may still be asked something that nobody waits for.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| {
        eprintln!("chaos: {error:?}");
        ExitCode::FAILURE
    })
}

async fn consume_or_drive() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("--consume") {
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR).init();
        return consume(Consume::parse().place).await.map(|()| ExitCode::SUCCESS);
    }
    let plan = Plan::parse();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        driven = drive(&plan) => driven,
        _ = interrupt.recv() => Ok(interrupted(130)),
        _ = terminate.recv() => Ok(interrupted(143)),
    }
}

async fn drive(plan: &Plan) -> Result<ExitCode> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let report = eventwright_chaos::run(plan, &program).await?;
    println!("{report}");
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn interrupted(code: u8) -> ExitCode {
    eprintln!("chaos: interrupted; all that it started is stopped, and nothing was judged");
    ExitCode::from(code)
}
