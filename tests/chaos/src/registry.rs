//! The schema registry of a run, behind a door of its own.

use std::time::Duration;

use anyhow::Result;
use eventwright::{RegistryClient, RegistryConfig, register};
use eventwright_platform::events::SCHEMAS;
use eventwright_registry::server::{Server, ServerConfig};

use crate::door::{Door, State};

/// A registry that knows all events.
pub(crate) struct Registry {
    pub(crate) url: String,
    door: Door,
    /// Stops with the run.
    _server: Server,
}

impl Registry {
    pub(crate) async fn start() -> Result<Self> {
        let listen = ([127, 0, 0, 1], 0).into();
        let server = Server::start(ServerConfig { listen, ..ServerConfig::default() }).await?;
        let door = Door::to(server.url().trim_start_matches("http://").parse()?).await?;
        let url = format!("http://{}", door.address());
        register(&RegistryClient::new(RegistryConfig::new(&url))?, None, SCHEMAS).await?;
        Ok(Self { url, door, _server: server })
    }

    /// Lets nobody in for a while, and throws out who is in.
    pub(crate) async fn go_away(&self, away: Duration) {
        self.door.set(State::Shut);
        tokio::time::sleep(away).await;
        self.door.set(State::Open);
    }
}
