//! What is told of a process: logs, metrics, spans and the audit stream.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::masked_url;

/// The technical log, which [`telemetry::init`](crate::telemetry) writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogSettings {
    /// What is told: lines of this level and graver ones. Key `log.level`, `info`.
    pub level: LogLevel,
    /// How lines are written. Key `log.encoding`, `console`.
    pub encoding: LogEncoding,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Of use to whoever looks for a fault.
    Debug,
    /// What happens now and then and is in order.
    #[default]
    Info,
    /// What mends itself and should not happen often.
    Warn,
    /// Data is lost, or an operator is needed.
    Error,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogEncoding {
    /// For people.
    #[default]
    Console,
    /// One JSON object a line.
    Json,
}

/// The figures of the process, for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MetricsSettings {
    /// Where `GET /metrics` is answered; nowhere where it is not set. A port alone, such as `:9464`, is one of
    /// 127.0.0.1: figures are nobody's business but yours. Key `metrics.listen`, `EVENTWRIGHT_METRICS__LISTEN`.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
}

/// Where spans go.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OtlpSettings {
    /// The base URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`. Key `otlp.endpoint`; without
    /// it, the variable `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: Option<String>,
}

/// What this process is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// The service's name in spans. Key `service.name`; without it, the variable `OTEL_SERVICE_NAME`.
    pub name: Option<String>,
}

/// What became of every record: see [`AuditEntry`](crate::AuditEntry).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AuditSettings {
    /// The file that lines are added to; none where it is not set. One process writes it. Key `audit.file`.
    pub file: Option<PathBuf>,
}

/// A URL may carry a password.
impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSettings").field("endpoint", &self.endpoint.as_deref().map(masked_url)).finish()
    }
}

fn listen<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let address = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.clone() };
    let wanted = || serde::de::Error::custom(format!("expected `address:port` or `:port`, found `{text}`"));
    address.parse().map(Some).map_err(|_| wanted())
}
