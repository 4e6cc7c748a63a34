//! A Kafka of a test's own, beside the one that all tests share: to crash it, or to have it ask for credentials.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

/// A broker on ports of its own; it stops with the test.
pub(crate) struct Kafka {
    pub(crate) port: u16,
    data: TempDir,
    /// Variables for `scripts/kafka.sh`.
    variables: &'static [(&'static str, &'static str)],
}

impl Kafka {
    pub(crate) async fn start(variables: &'static [(&'static str, &'static str)]) -> Self {
        let kafka = Self { port: free_port(), data: tempfile::tempdir().unwrap(), variables };
        kafka.script(&["start"]).await;
        kafka
    }

    /// Runs `scripts/kafka.sh` and returns what it printed.
    pub(crate) async fn script(&self, arguments: &[&str]) -> String {
        let output = tokio::process::Command::from(self.command(arguments)).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kafka.sh {arguments:?} ended with {}: {errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the addresses, credentials and files that `kafka.sh env` tells of.
    pub(crate) async fn environment(&self) -> HashMap<String, String> {
        let lines = self.script(&["env"]).await;
        let pairs = lines.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka.sh"));
        command
            .args(arguments)
            .env("KAFKA_PORT", self.port.to_string())
            .env("KAFKA_DATA", self.data.path().join("kafka"))
            .envs(self.variables.iter().copied());
        command
    }
}

/// A test that fails leaves no broker behind.
impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.command(&["stop"]).output());
    }
}

/// Kafka takes the port and those 100, 200 and 300 above it. All are below those that the system gives to outgoing
/// connections, one of which could take them while the broker is down.
fn free_port() -> u16 {
    // Two tests that look at once would find the same port.
    static NEXT: AtomicU16 = AtomicU16::new(30_092);
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(7, Ordering::Relaxed)).take(300);
    ports.find(|port| (0..4).all(|number| free(port + 100 * number))).expect("some port is free")
}
