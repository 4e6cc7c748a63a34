//! Where the demo runs: inside this process, or on a cluster of the user's.

use anyhow::{Result, bail};
use eventwright::Settings;
use eventwright::testing::MockKafka;
use eventwright_registry::server::{Server, ServerConfig};

use super::Options;

/// The embedded cluster keeps 5 MiB a partition and drops what is more without a word, so the demo stays far below.
const MOST_EMBEDDED_EVENTS: usize = 5_000;

/// What topics and subjects begin with where the broker or the registry is the user's.
const PREFIX: &str = "demo.";

/// Topics, each with its number of partitions, as `schemas/events.toml` has them.
const TOPICS: [(&str, i32); 3] = [("orders", 3), ("payments", 3), ("events", 3)];

/// A broker and a registry.
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    kafka: Option<MockKafka>,
    registry: Option<Server>,
}

impl Cluster {
    /// Starts what the user did not name.
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        if options.bootstrap.is_none() && options.events > MOST_EMBEDDED_EVENTS {
            bail!(
                "the embedded cluster holds {MOST_EMBEDDED_EVENTS} events of each kind, not {}; help: name a real one \
                 with --bootstrap and --registry",
                options.events
            );
        }
        let prefix = if options.bootstrap.is_some() || options.registry.is_some() { PREFIX } else { "" };
        let kafka = match options.bootstrap {
            Some(_) => None,
            None => Some(start_kafka(prefix)?),
        };
        let mut settings = match &kafka {
            Some(kafka) => kafka.settings(""),
            // Credentials and TLS are the environment's.
            None => Settings::load()?,
        };
        if let Some(bootstrap) = &options.bootstrap {
            settings.bootstrap.clone_from(bootstrap);
        }
        let registry = match &options.registry {
            Some(_) => None,
            None => Some(start_registry().await?),
        };
        match (&registry, &options.registry) {
            (Some(server), _) => settings.registry = Settings::new("", server.url()).registry,
            (None, url) => {
                settings.registry = Settings::load()?.registry;
                settings.registry.url = url.clone().unwrap_or_default();
            }
        }
        Ok(Self { settings: settings.with_prefix(prefix), kafka, registry })
    }

    /// Returns the address of the broker, where it runs inside this process.
    pub(crate) fn embedded_kafka(&self) -> Option<String> {
        self.kafka.as_ref().map(MockKafka::bootstrap)
    }

    /// Returns the URL of the registry, where it runs inside this process.
    pub(crate) fn embedded_registry(&self) -> Option<String> {
        self.registry.as_ref().map(Server::url)
    }

    /// Stops what was started.
    pub(crate) async fn stop(self) {
        if let Some(registry) = self.registry {
            registry.stop().await;
        }
    }
}

fn start_kafka(prefix: &str) -> Result<MockKafka> {
    let kafka = MockKafka::start()?;
    for (topic, partitions) in TOPICS {
        kafka.create_topic(&format!("{prefix}{topic}"), partitions)?;
    }
    Ok(kafka)
}

async fn start_registry() -> Result<Server> {
    let listen = ([127, 0, 0, 1], 0).into();
    Ok(Server::start(ServerConfig { listen, ..ServerConfig::default() }).await?)
}
