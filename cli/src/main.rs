//! The `eventwright` command: thin commands over the libraries, for any topic whose records a schema registry knows.
//!
//! In: arguments, the environment, standard input. Out: results on standard output, words for people on standard error,
//! and an exit code of `exit`. Each command is a file: `tail`, `produce`, `serve`; `args` says how it is called.

mod args;
mod check;
mod config;
mod decode;
mod delivery;
mod diff;
mod dlq;
mod encode;
mod envelope;
mod exit;
mod explain;
mod fmt;
mod generate;
mod init;
mod kafka;
mod lint;
mod lock;
mod manifest;
mod manual;
mod output;
mod plan;
mod produce;
mod pull;
mod record_json;
mod register;
mod registering;
mod registry;
mod render;
mod screen;
mod serve;
mod settings;
mod start;
mod stop;
mod tail;
mod target;
mod topics;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command, ConfigCommand, RegistryCommand, TopicsCommand};
use crate::exit::Exit;

fn main() -> ExitCode {
    exit::install_panic_hook();
    let arguments = Arguments::parse();
    start_log();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("cannot start")).into(),
    };
    let exit = runtime.block_on(run(arguments.command)).unwrap_or_else(|error| exit::report(&error));
    // A thread that waits for standard input never ends by itself.
    runtime.shutdown_background();
    exit.into()
}

async fn run(command: Command) -> anyhow::Result<Exit> {
    // What only looks at files listens for no signal: Ctrl-C ends it where it stands.
    match command {
        Command::Check(arguments) if arguments.registry.is_some() => stop::listen()?.or(check::run(&arguments)).await,
        Command::Check(arguments) => check::run(&arguments).await,
        Command::Config(ConfigCommand::Show(arguments)) => config::show(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Dlq(command) => Box::pin(dlq::run(command, stop::listen()?)).await,
        Command::Explain { rule } => explain::run(rule.as_deref()),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Gen(arguments) => generate::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments),
        Command::Plan(arguments) => stop::listen()?.or(plan::run(&arguments)).await,
        Command::Register(arguments) => stop::listen()?.or(register::run(&arguments)).await,
        Command::Pull(arguments) => stop::listen()?.or(pull::run(&arguments)).await,
        Command::Tail(arguments) => Box::pin(tail::run(arguments, stop::listen()?)).await,
        Command::Produce(arguments) => Box::pin(produce::run(arguments, stop::listen()?)).await,
        Command::Topics(TopicsCommand::Plan(arguments)) => stop::listen()?.or(topics::plan(&arguments)).await,
        Command::Topics(TopicsCommand::Apply(arguments)) => stop::listen()?.or(topics::apply(&arguments)).await,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { out } => manual::man(out.as_deref()),
        Command::Registry(RegistryCommand::Serve(arguments)) => Box::pin(serve::run(arguments, stop::listen()?)).await,
    }
}

/// Logs are for who looks for a fault: they are silent unless EVENTWRIGHT_LOG says which ones to show.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("EVENTWRIGHT_LOG").unwrap_or_else(|_| "off".into());
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr).init();
}
