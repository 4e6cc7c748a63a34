//! Lines of the log: one JSON object each, or text for people.
//!
//! In: events of `tracing` and the spans that they stand in. Out: lines. The fields of spans stand beside those of the
//! line, an inner span's over an outer one's, so that a search for `eventId` finds every line about an event.

use std::fmt::{self, Write as _};
use std::io::Write;

use eventwright_wire::jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::LogEncoding;

/// What lines call the fields of our spans, which have the names of OpenTelemetry. Others of the latter are left out.
const NAMES: [(&str, &str); 8] = [
    ("messaging.message.id", "eventId"),
    ("eventwright.event", "eventType"),
    ("messaging.message.conversation_id", "correlationId"),
    ("messaging.destination.name", "topic"),
    ("messaging.destination.partition.id", "partition"),
    ("messaging.kafka.offset", "offset"),
    ("messaging.consumer.group.name", "group"),
    ("eventwright.attempt", "attempt"),
];

/// Fields of OpenTelemetry that say nothing to a reader of logs.
const LEFT_OUT: [&str; 4] = ["otel.", "messaging.", "error.type", "eventwright.source."];

/// The layer that writes lines.
pub(super) struct Lines<F> {
    encoding: LogEncoding,
    colour: bool,
    writer: F,
}

/// The fields of a span, by the names of lines.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl<F> Lines<F> {
    pub(super) fn new(encoding: LogEncoding, colour: bool, writer: F) -> Self {
        Self { encoding, colour, writer }
    }
}

impl<S, W, F> Layer<S> for Lines<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Write,
    F: Fn() -> W + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let message = own.0.remove("message");
        let mut all = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                all.0.extend(fields.0.clone());
            }
        }
        all.0.extend(own.0);
        let head = Head { time: Timestamp::now(), metadata: event.metadata(), message };
        let line = match self.encoding {
            LogEncoding::Json => head.json(all.0),
            LogEncoding::Console => head.console(&all.0, self.colour),
        };
        // A log that cannot be written has nobody left to tell.
        let _ = (self.writer)().write_all(line.as_bytes());
    }
}

/// What every line begins with.
struct Head<'a> {
    time: Timestamp,
    metadata: &'a tracing::Metadata<'a>,
    message: Option<Value>,
}

impl Head<'_> {
    fn json(self, fields: Map<String, Value>) -> String {
        let mut line = Map::new();
        line.insert("time".into(), self.time.to_string().into());
        line.insert("level".into(), self.metadata.level().as_str().to_ascii_lowercase().into());
        line.insert("target".into(), self.metadata.target().into());
        line.insert("msg".into(), self.message.unwrap_or_default());
        for (name, value) in fields {
            // A field of that name is no reason to lose what every line has.
            let name = if line.contains_key(&name) { format!("field.{name}") } else { name };
            line.insert(name, value);
        }
        format!("{}\n", Value::Object(line))
    }

    fn console(self, fields: &Map<String, Value>, colour: bool) -> String {
        let level = self.metadata.level();
        let (on, off) = if colour { (colour_of(*level), "\x1b[0m") } else { ("", "") };
        let message = self.message.as_ref().and_then(Value::as_str).unwrap_or_default();
        let target = self.metadata.target();
        let mut line = format!("{} {on}{level:>5}{off} {target}: {}", self.time, one_line(message));
        for (name, value) in fields {
            let text = value.as_str().map_or_else(|| value.to_string(), |text| one_line(text).to_string());
            let _ = write!(line, " {name}={text}");
        }
        line.push('\n');
        line
    }
}

fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG | Level::TRACE => "\x1b[34m",
    }
}

/// Shows control characters as their codes: a text from outside must not end a line, or colour the terminal.
fn one_line(text: &str) -> impl fmt::Display {
    struct Shown<'a>(&'a str);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.chars().try_for_each(|letter| match letter.is_control() {
                true => write!(f, "{}", letter.escape_default()),
                false => f.write_char(letter),
            })
        }
    }
    Shown(text)
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        let name = field.name();
        match NAMES.iter().find(|(known, _)| *known == name) {
            Some((_, shown)) => drop(self.0.insert((*shown).to_owned(), value)),
            None if LEFT_OUT.iter().any(|prefix| name.starts_with(prefix)) => {}
            None => drop(self.0.insert(name.strip_prefix("r#").unwrap_or(name).to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }
}
