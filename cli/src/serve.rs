//! `eventwright registry serve`: serves a schema registry until it is asked to stop.

use eventwright_registry::server::{Server, ServerConfig, Store};

use crate::args::{ServeArguments, StoreChoice};
use crate::exit::Exit;
use crate::output::Output;
use crate::screen;
use crate::stop::{Signal, Stop};

/// Serves; the URL is the one line on standard output, for scripts that asked for any free port.
pub(crate) async fn run(arguments: ServeArguments, stop: Stop) -> anyhow::Result<Exit> {
    let store = match arguments.store {
        StoreChoice::Memory => Store::Memory,
    };
    let config = ServerConfig { listen: arguments.listen, store, ..ServerConfig::default() };
    let server = Server::start(config).await?;
    let mut output = Output::new();
    // Whether anybody reads the URL does not matter to a server.
    let _ = output.line(&server.url())?;
    let _ = output.flush()?;
    screen::note("a schema registry in memory; Ctrl-C stops it");
    let signal = stop.asked().await;
    server.stop().await;
    Ok(match signal {
        Signal::Interrupt => Exit::Interrupted,
        // The way that supervisors end a service is no fault.
        Signal::Terminate => Exit::Done,
    })
}
