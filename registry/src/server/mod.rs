//! The server: Confluent's REST API over a store of its own, to embed in a program or a test.
//!
//! In: HTTP. Out: JSON in Confluent's form, status and error codes included. `routes` binds paths to operations, `http`
//! reads requests and writes answers, `store` decides; what one needs to follow a registration is, in this order:
//! `routes::register`, `candidate`, `identity`, `compatibility`, `store`.

mod candidate;
mod compatibility;
mod http;
mod identity;
mod refusal;
mod routes;
mod settings;
mod store;
mod subject;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::RegistryError;
use crate::error::Kind;

/// How long [`Server::stop`] waits for requests that are under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
    /// Where it keeps what it is told.
    pub store: Store,
    /// How large the body of a request may be.
    pub max_body_bytes: usize,
}

/// Where a server keeps what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Store {
    /// In memory: it starts empty, and the same requests give the same ids.
    Memory,
}

/// A server that runs. When it is dropped it stops, without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// 127.0.0.1:8081, which nobody outside this machine reaches; in memory; bodies of up to 4 MiB.
impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 8081).into(), store: Store::Memory, max_body_bytes: 4 * 1024 * 1024 }
    }
}

/// Returns the paths of a new, empty registry, to embed in an HTTP server of one's own; `listen` does not matter.
pub fn router(config: &ServerConfig) -> axum::Router {
    match config.store {
        Store::Memory => routes::router(config.max_body_bytes),
    }
}

impl Server {
    /// Starts a server; once this returns, it answers.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub async fn start(config: ServerConfig) -> Result<Self, RegistryError> {
        let cannot = |error: std::io::Error| {
            let doing = format!("listen on {} for the schema registry", config.listen);
            RegistryError::new(doing, "", Kind::Unusable("choose another address or port".into())).with_source(error)
        };
        let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, router(&config)).with_graceful_shutdown(async {
            // An error means that the server was dropped, which stops it as well.
            let _ = stopped.await;
        });
        let serving = tokio::spawn(async {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the schema registry stopped");
            }
        });
        tracing::info!(%address, "schema registry listening");
        Ok(Self { address, stop, serving })
    }

    /// Returns the base URL for clients on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            // "All addresses" is nowhere to connect to.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{address}")
    }

    /// Takes no more requests, and waits a few seconds for those that are under way.
    pub async fn stop(self) {
        let Self { stop, mut serving, .. } = self;
        let _ = stop.send(());
        if tokio::time::timeout(STOP_TIMEOUT, &mut serving).await.is_err() {
            serving.abort();
        }
    }
}
