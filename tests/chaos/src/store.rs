//! What a store is kept in, as the driver has it: a folder, and a Redis or a PostgreSQL that can be hurt.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::effects::Effects;
use crate::plan::Store;
use crate::service::Service;

/// Marks and effects of a run.
pub(crate) struct Kept {
    store: Store,
    service: Option<Service>,
    /// Where effects go: a file, or the URL of a database.
    pub(crate) place: String,
    /// The URL of Redis.
    pub(crate) redis: String,
    pub(crate) effects: Effects,
}

impl Kept {
    /// Starts what a store needs, by the ports behind the one that is given.
    pub(crate) async fn start(store: Store, port: u16, folder: &Path) -> Result<Self> {
        let (redis_port, postgres_port) = (port + 10, port + 20);
        let redis = format!("redis://127.0.0.1:{redis_port}");
        let file = folder.join("effects").display().to_string();
        let (service, place) = match store {
            Store::None | Store::Sqlite | Store::Transactions => (None, file),
            Store::Redis => (Some(start_redis(redis_port, folder).await?), file),
            Store::Postgres => {
                let url = format!("postgres://postgres@127.0.0.1:{postgres_port}/postgres");
                (Some(start_postgres(postgres_port, folder).await?), url)
            }
        };
        let effects = Effects::open(store, &place).await?;
        Ok(Self { store, service, place, redis, effects })
    }

    /// Crashes the store's service, which stays away for a while.
    pub(crate) async fn crash(&self, away: Duration) -> Result<()> {
        let service = self.service()?;
        service.call(&["kill"]).await?;
        tokio::time::sleep(away).await;
        service.call(&["start"]).await
    }

    /// Stops the store's service cleanly and starts it again.
    pub(crate) async fn restart(&self) -> Result<()> {
        self.service()?.call(&["restart"]).await
    }

    fn service(&self) -> Result<&Service> {
        self.service.as_ref().with_context(|| format!("`{}` has no service", self.store.name()))
    }
}

/// Starts a Redis that has written to its file whatever it has answered.
async fn start_redis(port: u16, folder: &Path) -> Result<Service> {
    let data = folder.join("redis").display().to_string();
    let variables = vec![("REDIS_PORT", port.to_string()), ("REDIS_DATA", data), ("REDIS_KEEPS", "yes".to_owned())];
    Service::start("redis.sh", "stop", variables).await
}

async fn start_postgres(port: u16, folder: &Path) -> Result<Service> {
    // It refuses to run as root, and whom it runs as has to reach its folder.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))?;
    let data = folder.join("postgres").display().to_string();
    Service::start("postgres.sh", "stop", vec![("POSTGRES_PORT", port.to_string()), ("POSTGRES_DATA", data)]).await
}
