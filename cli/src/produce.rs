//! `eventwright produce`: writes records from JSON lines.
//!
//! In: a value or an envelope a line. Out: records in the wire format, with the headers that the typed producer of
//! `eventwright` sets. A line that is wrong is named with its number and not written; the lines before it are.

use std::collections::HashMap;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use eventwright::wire::uuid::Uuid;
use eventwright::{Settings, headers};
use rdkafka::message::{Header, OwnedHeaders};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::args::{Input, ProduceArguments, Version, Versioned};
use crate::delivery::{Record, Tally, Writer};
use crate::encode::Encoded;
use crate::envelope::{self, Envelope, Headers};
use crate::exit::{Exit, Failure};
use crate::manifest::EventNames;
use crate::registry::{self, Registry};
use crate::screen;
use crate::stop::Stop;
use crate::target::{Catalogue, Key, Registration, Target};

/// How many lines are read ahead.
const LINES_AHEAD: usize = 1024;

/// How often the line of progress is written anew.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Writes records until the input ends, a line is wrong, or the process is asked to stop.
pub(crate) async fn run(arguments: ProduceArguments, stop: Stop) -> anyhow::Result<Exit> {
    check_usage(&arguments)?;
    let settings = crate::settings::load(&arguments.connection)?;
    let prepared = tokio::select! {
        prepared = Registry::reach(&settings) => prepared,
        _ = stop.asked() => return Ok(Exit::Interrupted),
    };
    let registry = prepared?;
    let catalogue = Catalogue {
        registry: &registry,
        settings: &settings,
        manifest: &arguments.manifest,
        names: EventNames::load(&arguments.manifest).unwrap_or_default(),
        message: arguments.message.as_deref(),
    };
    let opened = tokio::select! {
        opened = open(&arguments, &catalogue) => opened,
        _ = stop.asked() => return Ok(Exit::Interrupted),
    };
    let (target, writer) = opened?;
    let mut feed = Feed { arguments: &arguments, catalogue, target, writer, found: HashMap::new() };
    feed.run(&stop).await
}

fn check_usage(arguments: &ProduceArguments) -> anyhow::Result<()> {
    let is_named = arguments.event.is_some() || arguments.subject.is_some();
    if arguments.register && arguments.event.is_none() {
        return Err(Failure::usage("--register needs an event of the manifest; help: add --event NAME"));
    }
    match arguments.input {
        Input::Value if !is_named => {
            Err(Failure::usage("no schema is named; help: add --event NAME or --subject SUBJECT"))
        }
        Input::Envelope if !is_named && arguments.topic.is_none() => {
            // The topic of the lines would be read and written by `tail t | produce` for ever.
            Err(Failure::usage("no topic is named; help: eventwright produce TOPIC --input envelope"))
        }
        _ => Ok(()),
    }
}

/// Finds the schema that all lines are written with, where the command line names one, and connects to the topic.
async fn open(
    arguments: &ProduceArguments,
    catalogue: &Catalogue<'_>,
) -> anyhow::Result<(Option<Arc<Target>>, Arc<Writer>)> {
    let registration = if arguments.register { Registration::Register } else { Registration::Look };
    let topic = arguments.topic.as_deref();
    let target = match (&arguments.event, &arguments.subject) {
        (Some(event), _) => Some(catalogue.event(event, topic, registration).await?),
        (None, Some(subject)) => Some(catalogue.subject(subject, None).await?),
        (None, None) => None,
    };
    if let (Some(target), Some(key)) = (&target, &arguments.key) {
        if !target.encoder.has_field(key) {
            return Err(Failure::usage(format!("`{}` has no field `{key}` to be the key", target.event)));
        }
        if matches!(target.key, Some(Key::Record(_))) {
            return Err(Failure::usage(format!("the key of `{}` has a schema; help: leave out --key", target.event)));
        }
    }
    let named = target.as_ref().and_then(|target| target.topic.as_deref());
    let topic = topic.or(named).ok_or_else(|| {
        Failure::usage(
            "no topic is named, and the subject's name gives none; help: eventwright produce TOPIC --subject …",
        )
    })?;
    let writer = Writer::open(catalogue.settings, topic).await?;
    Ok((target.map(Arc::new), writer))
}

/// What is wrong with one line, and how the process ends because of it.
struct LineError {
    exit: Exit,
    what: String,
}

impl LineError {
    /// The line is not what the command reads.
    fn malformed(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, what: what.into() }
    }

    /// The value does not fit its schema.
    fn unfit(what: impl Into<String>) -> Self {
        Self { exit: Exit::Findings, what: what.into() }
    }
}

/// Everything that turns lines into records.
struct Feed<'a> {
    arguments: &'a ProduceArguments,
    catalogue: Catalogue<'a>,
    /// The schema of all lines, where the command line names one.
    target: Option<Arc<Target>>,
    writer: Arc<Writer>,
    /// The schemas that envelopes name: subject, version and event.
    found: HashMap<Named, Result<Arc<Target>, String>>,
}

type Named = (String, Option<u32>, Option<String>);

impl Feed<'_> {
    async fn run(&mut self, stop: &Stop) -> anyhow::Result<Exit> {
        let started = Instant::now();
        let read = self.read_lines(stop).await;
        let settings: &Settings = self.catalogue.settings;
        // Once interrupted, people wait; else each record has the time that its delivery may take.
        let timeout = match read {
            Ok(Exit::Interrupted) => settings.producer.flush_timeout,
            _ => settings.producer.delivery_timeout + settings.producer.flush_timeout,
        };
        let flushed = self.writer.flush(timeout);
        let tally = self.writer.tally();
        if let Some((line, error)) = &tally.first_failure {
            screen::line_error(u64::try_from(*line).unwrap_or(u64::MAX), self.writer.explain(error));
        }
        screen::summary(summary(&tally, self.writer.topic(), started.elapsed()));
        flushed?;
        let exit = read?;
        Ok(if tally.failed > 0 { exit.max(Exit::Failed) } else { exit })
    }

    async fn read_lines(&mut self, stop: &Stop) -> anyhow::Result<Exit> {
        let mut lines = start_reading();
        let mut worst = Exit::Done;
        let mut progress = Progress::new();
        let asked = stop.asked();
        tokio::pin!(asked);
        for number in 1_usize.. {
            let line = tokio::select! {
                biased;
                _ = &mut asked => return Ok(Exit::Interrupted),
                line = lines.recv() => line,
            };
            let Some(line) = line else { break };
            let line = line.context("cannot read standard input")?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(LineError { exit, what }) = self.write(number, &line).await? {
                progress.clear();
                screen::line_error(u64::try_from(number).unwrap_or(u64::MAX), what);
                worst = worst.max(exit);
            }
            let is_wrong = worst != Exit::Done || self.writer.has_failed();
            if is_wrong && !self.arguments.keep_going {
                break;
            }
            progress.show(number);
        }
        progress.clear();
        Ok(worst)
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Outer: what concerns all lines, such as a registry that does not answer. Inner: what is wrong with this one.
    async fn write(&mut self, number: usize, line: &[u8]) -> anyhow::Result<Result<(), LineError>> {
        let json: Value = match serde_json::from_slice(line) {
            Ok(json) => json,
            Err(error) => return Ok(Err(LineError::malformed(not_json(&error)))),
        };
        let mut envelope = match self.arguments.input {
            Input::Value => Envelope::of_value(json),
            Input::Envelope => match Envelope::read(json) {
                Ok(envelope) => envelope,
                Err(what) => return Ok(Err(LineError::malformed(what))),
            },
        };
        let target = match self.target_of(&envelope).await? {
            Ok(target) => target,
            Err(what) => return Ok(Err(LineError::malformed(what))),
        };
        let given = match envelope.key.take() {
            Some(key) => match self.key_bytes(key).await? {
                Ok(bytes) => Some(bytes),
                Err(error) => return Ok(Err(error)),
            },
            None => None,
        };
        let (is_named, key) = (self.target.is_some(), self.arguments.key.as_deref());
        let parts = match parts(envelope, given, target.as_deref(), key, is_named) {
            Ok(parts) => parts,
            Err(what) => return Ok(Err(LineError::unfit(what))),
        };
        let mut record: Record<'_> = Record::with_opaque_to(self.writer.topic(), number);
        record.payload = parts.value.as_deref();
        record.key = parts.key.as_deref();
        record.timestamp = parts.timestamp;
        record.headers = Some(parts.headers);
        Ok(self.writer.write(record).await.map_err(|error| LineError::malformed(error.to_string())))
    }

    /// Returns the schema that a line is written with; `None` for a tombstone, which has none.
    async fn target_of(&mut self, envelope: &Envelope) -> anyhow::Result<Result<Option<Arc<Target>>, String>> {
        if envelope.is_tombstone() {
            return Ok(Ok(None));
        }
        if let Some(target) = &self.target {
            return Ok(Ok(Some(Arc::clone(target))));
        }
        let Some((subject, version)) = envelope.subject.clone() else {
            return Ok(Err("the line names no `subject`; help: name it, or use --event or --subject".into()));
        };
        Ok(self.find((subject, version, envelope.event.clone())).await?.map(Some))
    }

    /// Returns the bytes of a line's key. Where the command line names an event whose key has a schema, it is that one.
    async fn key_bytes(&mut self, key: envelope::Key) -> anyhow::Result<Result<Option<Vec<u8>>, LineError>> {
        let (subject, version, value) = match key {
            envelope::Key::Bytes(bytes) => return Ok(Ok(bytes)),
            envelope::Key::Value { subject, version, value } => (subject, version, value),
        };
        let encoded = match self.target.as_ref().and_then(|target| target.key.as_ref()) {
            Some(Key::Record(encoder)) => encoder.encode(&value),
            _ => match self.find((subject, version, None)).await? {
                Ok(found) => found.encoder.encode(&value),
                Err(what) => return Ok(Err(LineError::malformed(what))),
            },
        };
        Ok(encoded.map(|key| Some(key.bytes)).map_err(|why| LineError::unfit(format!("the key: {why}"))))
    }

    /// Finds a schema that a line names, once.
    async fn find(&mut self, named: Named) -> anyhow::Result<Result<Arc<Target>, String>> {
        if let Some(found) = self.found.get(&named) {
            return Ok(found.clone());
        }
        let (subject, version, event) = named.clone();
        let version = version.map_or(Version::Newest, Version::Registry);
        let found = self.catalogue.subject(&Versioned { name: subject, version }, event.as_deref()).await;
        let found = match found {
            Err(error) if registry::is_unusable(&error) => return Err(error),
            found => found.map(Arc::new).map_err(|error| error.to_string()),
        };
        self.found.insert(named, found.clone());
        Ok(found)
    }
}

/// A record, ready to be written.
struct Parts {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
    timestamp: Option<i64>,
}

/// Encodes a line. What an envelope says of key and headers holds; what it does not say comes from the value.
/// `given` is the key of an envelope, `field` the key's field of the command line.
fn parts(
    envelope: Envelope,
    given: Option<Option<Vec<u8>>>,
    target: Option<&Target>,
    field: Option<&str>,
    is_named: bool,
) -> Result<Parts, String> {
    let Some(target) = target else {
        let headers = with_all(OwnedHeaders::new(), &envelope.headers);
        return Ok(Parts { key: given.flatten(), value: None, headers, timestamp: envelope.timestamp });
    };
    let encoded = target.encoder.encode(&envelope.value)?;
    let text = |field: Option<&str>| field.map_or(Ok(None), |field| target.encoder.text(&encoded, field));
    let key = match (given, field, &target.key) {
        (Some(given), None, _) => given,
        (None, None, Some(Key::Record(key))) => Some(key.encode_key(&target.encoder, &encoded)?),
        (None, None, Some(Key::Field(field))) => text(Some(field))?.map(String::into_bytes),
        (_, named, _) => text(named)?.map(String::into_bytes),
    };
    let id = text(target.id.as_deref())?;
    let headers = record_headers(envelope.headers, target, id, is_named);
    let Encoded { bytes, .. } = encoded;
    Ok(Parts { key, value: Some(bytes), headers, timestamp: envelope.timestamp })
}

/// Returns the headers of a record: those of its line, and those of Eventwright that the line does not have. Where the
/// command line names the schema, event and version are that schema's.
fn record_headers(mut given: Headers, target: &Target, id: Option<String>, is_named: bool) -> OwnedHeaders {
    if is_named {
        given.retain(|(name, _)| name != headers::EVENT && name != headers::SCHEMA_VERSION);
    }
    let value_of = |name: &str| given.iter().rev().find(|(header, _)| header == name).map(|(_, value)| value.clone());
    let new_id = || id.unwrap_or_else(|| Uuid::now_v7().to_string()).into_bytes();
    let message_id = value_of(headers::MESSAGE_ID).flatten().unwrap_or_else(new_id);
    let ours: [(&str, Vec<u8>); 4] = [
        (headers::MESSAGE_ID, message_id.clone()),
        (headers::CORRELATION_ID, message_id),
        (headers::EVENT, target.event.clone().into_bytes()),
        (headers::SCHEMA_VERSION, target.version.to_string().into_bytes()),
    ];
    let missing = ours.into_iter().filter(|(name, _)| value_of(name).is_none());
    let missing = missing.map(|(name, value)| (name.to_owned(), Some(value))).collect();
    with_all(with_all(OwnedHeaders::new(), &missing), &given)
}

fn with_all(headers: OwnedHeaders, more: &Headers) -> OwnedHeaders {
    more.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: value.as_ref() }))
}

fn not_json(error: &serde_json::Error) -> String {
    let column = error.column();
    if error.is_eof() {
        return "expected a JSON value, found its beginning only; help: write one value a line, as `jq -c` does".into();
    }
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("column {column}: expected a JSON value: {what}")
}

/// Reads standard input in a thread of its own, because a read cannot be interrupted.
fn start_reading() -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    if std::io::stdin().is_terminal() {
        screen::note("reading JSON lines from the terminal; Ctrl-D ends the input");
    }
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = stdin.read_until(b'\n', &mut line);
            let is_last = !matches!(read, Ok(1..));
            if matches!(read, Ok(0)) || sender.blocking_send(read.map(|_| line)).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}

fn summary(tally: &Tally, topic: &str, took: Duration) -> String {
    /// More partitions than this are only counted.
    const MAX_PARTITIONS: usize = 12;
    let Tally { written, failed, .. } = tally;
    let count: u64 = written.values().sum();
    let records = if count == 1 { "record" } else { "records" };
    let mut text = format!("{count} {records} written to `{topic}` in {:.2} s", took.as_secs_f64());
    match written.len() {
        0 => {}
        1..=MAX_PARTITIONS => {
            let each: Vec<_> = written.iter().map(|(partition, count)| format!("{partition}: {count}")).collect();
            text.push_str(&format!("; by partition {}", each.join(", ")));
        }
        many => text.push_str(&format!("; to {many} partitions")),
    }
    if *failed > 0 {
        text.push_str(&format!("; {failed} not written"));
    }
    text
}

/// A line that says how far the command is, on a terminal only.
struct Progress {
    is_wanted: bool,
    is_shown: bool,
    last: Instant,
}

impl Progress {
    fn new() -> Self {
        let is_wanted = std::io::stderr().is_terminal() && !std::io::stdin().is_terminal();
        Self { is_wanted, is_shown: false, last: Instant::now() }
    }

    fn show(&mut self, number: usize) {
        if self.is_wanted && self.last.elapsed() >= PROGRESS_EVERY {
            self.is_shown = true;
            self.last = Instant::now();
            screen::progress(&format!("{number} lines"));
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            screen::progress("");
        }
    }
}
