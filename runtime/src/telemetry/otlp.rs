//! Spans by OTLP over HTTP, as protobuf.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{Filtered, LevelFilter, Targets};
use tracing_subscriber::layer::Layer as _;
use tracing_subscriber::registry::LookupSpan;

use crate::{Error, Settings};

/// The variables of OpenTelemetry that name a collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// What exports spans; the last ones when it is dropped.
#[derive(Debug)]
pub(super) struct Spans(SdkTracerProvider);

type SpanLayer<S> = Filtered<OpenTelemetryLayer<S, SdkTracer>, Targets, S>;

/// Returns the layer that exports spans, where there is an endpoint.
pub(super) fn layer<S>(settings: &Settings) -> Result<Option<(Spans, SpanLayer<S>)>, Error>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let endpoint = settings.otlp.endpoint.as_deref();
    let by_environment = ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if endpoint.is_none() && !by_environment {
        return Ok(None);
    }
    let exporter = exporter(endpoint).map_err(|error| {
        let help = "set `otlp.endpoint` to the base URL of a collector, such as http://127.0.0.1:4318";
        Error::settings(format!("spans cannot be exported; help: {help}")).with_source(error)
    })?;
    // Without a name of ours, the resource's builder takes that of OTEL_SERVICE_NAME.
    let resource = match &settings.service.name {
        Some(name) => Resource::builder().with_service_name(name.clone()).build(),
        None => Resource::builder().build(),
    };
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("eventwright"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    Ok(Some((Spans(provider), layer.with_filter(filter()))))
}

fn exporter(endpoint: Option<&str>) -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder().with_http();
    match endpoint {
        Some(base) => builder.with_endpoint(format!("{}/v1/traces", base.trim_end_matches('/'))).build(),
        None => builder.build(),
    }
}

/// Spans of everybody, but not of what carries them away.
fn filter() -> Targets {
    let carriers = ["hyper", "hyper_util", "reqwest", "opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "h2"];
    Targets::new().with_default(LevelFilter::INFO).with_targets(carriers.map(|carrier| (carrier, LevelFilter::OFF)))
}

impl Drop for Spans {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_EXPORT) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}
