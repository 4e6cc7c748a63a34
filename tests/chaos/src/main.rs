//! `make chaos`: hurts consumers, brokers and the registry while events flow, and says what came of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use eventwright_chaos::Plan;
use eventwright_chaos::consumer::{Place, consume};

/// The program as the driver calls it.
#[derive(Parser)]
struct Consume {
    #[arg(long)]
    consume: bool,
    #[command(flatten)]
    place: Place,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = if std::env::args().nth(1).as_deref() == Some("--consume") {
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR).init();
        consume(Consume::parse().place).await.map(|()| true)
    } else {
        drive().await
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn drive() -> Result<bool> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let report = eventwright_chaos::run(&Plan::parse(), &program).await?;
    println!("{report}");
    Ok(report.violations.is_empty())
}
