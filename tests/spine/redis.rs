//! A Redis of a test's own, beside the one that all tests share: to stop it, or to have it ask for a password or speak TLS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use eventwright::Settings;
use tempfile::TempDir;

/// A Redis on a port of its own; it stops with the test.
pub(crate) struct Redis {
    pub(crate) port: u16,
    data: TempDir,
    password: Option<&'static str>,
    /// Variables for `scripts/redis.sh`.
    variables: &'static [(&'static str, &'static str)],
}

impl Redis {
    pub(crate) async fn start(
        password: Option<&'static str>,
        variables: &'static [(&'static str, &'static str)],
    ) -> Self {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let redis = Self { port, data: tempfile::tempdir().unwrap(), password, variables };
        redis.script("start").await;
        redis
    }

    fn command(&self, argument: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/redis.sh"));
        command
            .arg(argument)
            .env("REDIS_PORT", self.port.to_string())
            .env("REDIS_PASSWORD", self.password.unwrap_or_default())
            .env("REDIS_DATA", self.folder())
            .envs(self.variables.iter().copied());
        command
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join("redis")
    }

    /// The authority by which it speaks TLS.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Runs `scripts/redis.sh`.
    pub(crate) async fn script(&self, argument: &str) {
        let output = tokio::process::Command::from(self.command(argument)).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn settings(&self, mut settings: Settings) -> Settings {
        settings.redis.url = format!("redis://127.0.0.1:{}", self.port);
        settings.redis.password = self.password.map(str::to_owned);
        settings.redis.timeout = Duration::from_millis(500);
        settings
    }
}

/// A test that fails leaves no Redis behind.
impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.command("stop").output());
    }
}
