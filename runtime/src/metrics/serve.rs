//! The endpoint that Prometheus scrapes: `GET /metrics`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::names;
use crate::Error;

/// How often what was measured is gathered where nobody scrapes, so that it takes no more memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The type of Prometheus's text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of durations from 100 µs to 30 s.
const SECONDS: [f64; 17] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bounds of what codecs take, from 100 ns to 1 ms.
const CODEC_SECONDS: [f64; 10] = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 5e-5, 1e-4, 1e-3];

/// An endpoint that Prometheus scrapes; it ends when it is dropped.
#[derive(Debug)]
#[must_use = "the endpoint ends when this is dropped"]
pub struct Server {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// Records the metrics of this process and serves them at `GET /metrics`. To be called before producers and consumers are
/// made, which look their counters up once; where the settings have `metrics.listen`, they do so themselves.
///
/// # Errors
/// An address that cannot be listened at, or a process that records its metrics otherwise.
pub async fn serve(address: SocketAddr) -> Result<Server, Error> {
    let listener = listen(address).await?;
    let recorder = recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| {
        let help = "serve its metrics yourself, or leave the recorder to `eventwright::metrics::serve`";
        Error::settings(format!("this process has a recorder of metrics already; help: {help}"))
    })?;
    names::describe();
    Server::start(listener, handle)
}

/// [`serve`] for the first that asks; it lasts as long as the process.
pub(super) async fn serve_once(address: SocketAddr) -> Result<(), Error> {
    static SERVED: tokio::sync::Mutex<Option<Server>> = tokio::sync::Mutex::const_new(None);
    let mut served = SERVED.lock().await;
    if served.is_none() {
        let server = serve(address).await?;
        tracing::info!(address = %server.address(), "serving metrics at /metrics");
        *served = Some(server);
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| {
        let help = "is another process there? set `metrics.listen` to a free port";
        Error::settings(format!("cannot serve metrics at `{address}`; help: {help}")).with_source(error)
    })
}

fn recorder() -> PrometheusRecorder {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS).and_then(|builder| {
        let builder = builder.set_buckets_for_metric(Matcher::Full(names::DECODE.into()), &CODEC_SECONDS)?;
        builder.set_buckets_for_metric(Matcher::Full(names::ENCODE.into()), &CODEC_SECONDS)
    });
    builder.expect("there are bounds").build_recorder()
}

impl Server {
    fn start(listener: TcpListener, handle: PrometheusHandle) -> Result<Self, Error> {
        let address = listener.local_addr();
        let address = address.map_err(|error| Error::settings("cannot serve metrics").with_source(error))?;
        let upkeep = handle.clone();
        let gathers = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                ticks.tick().await;
                upkeep.run_upkeep();
            }
        });
        let answer = move || std::future::ready(([(CONTENT_TYPE, TEXT)], handle.render()));
        let router = Router::new().route("/metrics", get(answer));
        let serves = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "metrics are not served any more");
            }
        });
        Ok(Self { address, tasks: [gathers, serves] })
    }

    /// Returns the address that it listens at, with the port that it was given where it asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
