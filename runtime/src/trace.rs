//! The spans of records on their way, by OpenTelemetry's conventions for messaging, joined across Kafka by W3C headers.
//!
//! In: a record. Out: a span of `tracing`, disabled and nearly free where nobody listens; and the `traceparent` and
//! `tracestate` for records that are sent. With the feature `otlp` a consumer's span is the child of the producer's, and a
//! record carries the context of its own `send`. Without it, what is sent within a handler passes on what the handler's
//! record carried, as the W3C asks of services that take no part.

use eventwright_wire::RawRecord;
use rdkafka::Message;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::handler::Outcome;
use crate::message::{CORRELATION_ID, EVENT, MESSAGE_ID, TRACEPARENT, TRACESTATE, header};
use crate::{Context, Delivery};

/// The W3C context of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) parent: String,
    pub(crate) state: Option<String>,
}

/// Returns the span of an attempt at an event, from its bytes to its outcome.
pub(crate) fn consume(context: &Context, group: &str) -> Span {
    let topic = context.topic();
    let span = info_span!(
        "consume",
        otel.name = format_args!("{} {topic}", operation(context.attempt())),
        otel.kind = "consumer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "kafka",
        messaging.operation.name = operation(context.attempt()),
        messaging.operation.type = "process",
        messaging.destination.name = topic,
        messaging.destination.partition.id = context.partition(),
        messaging.kafka.offset = context.offset(),
        messaging.consumer.group.name = group,
        messaging.message.id = context.message_id(),
        messaging.message.conversation_id = context.correlation_id(),
        eventwright.event = context.event(),
        eventwright.attempt = context.attempt(),
    );
    w3c::follow(&span, |name| context.header(name));
    span
}

/// Returns the span of an attempt at a record whose event is not known.
pub(crate) fn consume_raw(record: &impl Message, group: &str, attempt: u32) -> Span {
    let topic = record.topic();
    let span = info_span!(
        "consume",
        otel.name = format_args!("{} {topic}", operation(attempt)),
        otel.kind = "consumer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "kafka",
        messaging.operation.name = operation(attempt),
        messaging.operation.type = "process",
        messaging.destination.name = topic,
        messaging.destination.partition.id = record.partition(),
        messaging.kafka.offset = record.offset(),
        messaging.consumer.group.name = group,
        messaging.message.id = header(record, MESSAGE_ID),
        messaging.message.conversation_id = header(record, CORRELATION_ID),
        eventwright.event = header(record, EVENT),
        eventwright.attempt = attempt,
    );
    w3c::follow(&span, |name| header(record, name));
    span
}

fn operation(attempt: u32) -> &'static str {
    if attempt > 1 { "retry" } else { "consume" }
}

/// Returns the span of the handler within an attempt.
pub(crate) fn handle(consume: &Span, event: &str) -> Span {
    info_span!(parent: consume, "handle", otel.name = format_args!("handle {event}"))
}

/// Returns the span of the handler of a batch. It begins a trace of its own, because each of its records belongs to another one;
/// it and the attempts at the records are linked with each other. An exporter may keep the first 128 links of a span only, so that
/// those of the attempts are the ones to rely on.
pub(crate) fn handle_batch(attempts: &[Span], context: &Context, group: &str) -> Span {
    let event = context.event();
    let span = info_span!(
        parent: None,
        "handle",
        otel.name = format_args!("handle {event}"),
        messaging.system = "kafka",
        messaging.destination.name = context.topic(),
        messaging.consumer.group.name = group,
        messaging.batch.message_count = attempts.len(),
        eventwright.event = event,
    );
    for attempt in attempts {
        w3c::link(&span, attempt);
        w3c::link(attempt, &span);
    }
    span
}

/// Notes what came of an attempt. The error's text is not told: it may quote what is in the record.
pub(crate) fn end(consume: &Span, outcome: &Outcome) {
    let failure = match outcome {
        Outcome::Retry(_) => "retry",
        Outcome::Reject(_) => "rejected",
        _ => return,
    };
    consume.record("otel.status_code", "ERROR").record("error.type", failure);
}

/// Returns the span of an event from `send` to its acknowledgement.
pub(crate) fn send(topic: &str, event: &str) -> Span {
    info_span!(
        "send",
        otel.name = format_args!("send {topic}"),
        otel.kind = "producer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "kafka",
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = topic,
        messaging.destination.partition.id = Empty,
        messaging.kafka.offset = Empty,
        messaging.message.id = Empty,
        messaging.message.conversation_id = Empty,
        eventwright.event = event,
    )
}

/// Notes where a record was written.
pub(crate) fn sent(send: &Span, delivery: Delivery) {
    if !send.is_disabled() {
        send.record("messaging.destination.partition.id", delivery.partition)
            .record("messaging.kafka.offset", delivery.offset);
    }
}

/// Notes that a record was not written, or that nobody knows.
pub(crate) fn not_sent(send: &Span) {
    send.record("otel.status_code", "ERROR").record("error.type", "not_written");
}

/// Returns the span of writing a copy of a record elsewhere: `dead letter`, `retry`, `redirect`, `replay`.
pub(crate) fn copy(record: &RawRecord, to: &str, what: &str) -> Span {
    let header = |name: &str| {
        let found = record.headers.iter().rfind(|(key, _)| key == name)?.1.as_deref()?;
        std::str::from_utf8(found).ok()
    };
    let span = info_span!(
        "copy",
        otel.name = format_args!("{what} {to}"),
        otel.kind = "producer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "kafka",
        messaging.operation.name = what,
        messaging.operation.type = "send",
        messaging.destination.name = to,
        messaging.message.id = header(MESSAGE_ID),
        messaging.message.conversation_id = header(CORRELATION_ID),
        eventwright.event = header(EVENT),
        eventwright.source.topic = record.topic,
        eventwright.source.partition = record.partition,
        eventwright.source.offset = record.offset,
    );
    w3c::follow(&span, header);
    span
}

/// Returns the W3C context that a record is sent with: that of its own span, or else what the record came with whose
/// handler sends it.
pub(crate) fn context_of(send: &Span) -> Option<TraceContext> {
    w3c::context_of(send).or_else(|| crate::scope::with_current(passed_on).flatten())
}

fn passed_on(context: &Context) -> Option<TraceContext> {
    let parent = context.header(TRACEPARENT)?.to_owned();
    Some(TraceContext { parent, state: context.header(TRACESTATE).map(str::to_owned) })
}

#[cfg(feature = "otlp")]
mod w3c {
    use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
    use opentelemetry::trace::TraceContextExt as _;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    use super::{TRACEPARENT, TRACESTATE, TraceContext};

    /// The headers of a record.
    struct Carrier<'a> {
        parent: Option<&'a str>,
        state: Option<&'a str>,
    }

    impl Extractor for Carrier<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            if key == TRACEPARENT { self.parent } else { self.state.filter(|_| key == TRACESTATE) }
        }

        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT, TRACESTATE]
        }
    }

    /// Makes a span the child of the one that a record's headers name; headers that make no sense name none.
    pub(super) fn follow<'a>(span: &Span, headers: impl Fn(&str) -> Option<&'a str>) {
        if span.is_disabled() {
            return;
        }
        let carrier = Carrier { parent: headers(TRACEPARENT), state: headers(TRACESTATE) };
        let parent = TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &carrier);
        if parent.span().span_context().is_valid() {
            // It fails only where nobody exports spans.
            let _ = span.set_parent(parent);
        }
    }

    /// Makes a span tell of another one.
    pub(super) fn link(span: &Span, to: &Span) {
        if !to.is_disabled() {
            span.add_link(to.context().span().span_context().clone());
        }
    }

    pub(super) fn context_of(span: &Span) -> Option<TraceContext> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        let here = context.span();
        let here = here.span_context();
        let parent = || format!("00-{}-{}-{:02x}", here.trace_id(), here.span_id(), here.trace_flags().to_u8() & 1);
        let state = Some(here.trace_state().header()).filter(|state| !state.is_empty());
        here.is_valid().then(|| TraceContext { parent: parent(), state })
    }
}

#[cfg(not(feature = "otlp"))]
mod w3c {
    use tracing::Span;

    use super::TraceContext;

    pub(super) fn follow<'a>(_: &Span, _: impl Fn(&str) -> Option<&'a str>) {}

    pub(super) fn link(_: &Span, _: &Span) {}

    pub(super) fn context_of(_: &Span) -> Option<TraceContext> {
        None
    }
}
