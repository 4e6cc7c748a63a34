//! What the demo prints: results on standard output, failures on standard error, colour on terminals only.

use std::time::Duration;

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use eventwright::SubjectVersion;
use eventwright_platform::events;
use serde_json::Value;

use super::cluster::Cluster;
use super::refused::Reason;
use super::samples::Samples;
use super::tally::Tally;

const TITLE: Style = AnsiColor::Cyan.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

pub(super) fn title(cluster: &Cluster, events: usize) {
    println!("{TITLE}Eventwright{TITLE:#}  {events} events of each of six kinds, v1 and v2, Avro and Protobuf");
    println!("  Kafka     {FAINT}{}{FAINT:#}", place(cluster.embedded_kafka()));
    println!("  registry  {FAINT}{}{FAINT:#}", place(cluster.embedded_registry()));
    if cluster.embedded_kafka().is_none() && cluster.embedded_registry().is_some() {
        println!(
            "  {BAD}note{BAD:#}      this registry ends with the demo, the records on your Kafka stay: name both to read them later"
        );
    }
}

/// A user's own address is not printed: it may hold credentials.
fn place(embedded: Option<String>) -> String {
    embedded.map_or_else(|| "the one you named".to_owned(), |address| format!("{address}, in this process"))
}

pub(super) fn registered(versions: &[SubjectVersion]) {
    step("Schemas registered");
    let width = versions.iter().map(|version| version.subject.len()).max().unwrap_or_default();
    for (version, schema) in versions.iter().zip(events::SCHEMAS) {
        let (subject, id, number) = (&version.subject, version.id, version.version);
        let (event, format) = (schema.event, schema.format.schema_type());
        println!("  {subject:width$}  v{number}  id {id:<3} {FAINT}{event}, {format}{FAINT:#}");
    }
}

pub(super) fn produced(samples: &Samples, took: Duration) {
    step("Produced");
    println!("  {} events, {}", samples.count(), rate(samples.count(), took));
}

pub(super) fn consumed(tally: &Tally, count: usize, took: Duration) {
    step("Consumed, all of them as the newest type");
    for ((event, version), arrived) in tally.by_writer() {
        println!("  {event:<18} written with v{version}  {arrived:>6}");
    }
    println!("  {count} events, {}", rate(count, took));
}

pub(super) fn before_and_after(written: &Value, read: &Value) {
    step("One order of version 1");
    println!("  written  {FAINT}{written}{FAINT:#}");
    println!("  read     {FAINT}{read}{FAINT:#}");
}

pub(super) fn refused(subject: &str, reasons: &[Reason]) {
    step("An incompatible version 3");
    println!("  {BAD}refused{BAD:#} by the registry for {subject}");
    for Reason { rule, description } in reasons {
        println!("  {rule}\n    {FAINT}{description}{FAINT:#}");
    }
}

pub(super) fn farewell(count: usize) {
    println!("\n{GOOD}All {count} events arrived once, with the right content.{GOOD:#}");
    println!("{FAINT}Next: add a field to schemas/order_created/v2.avsc and run this again.{FAINT:#}");
}

/// Prints why the demo failed.
pub(crate) fn failure(error: &anyhow::Error) {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors name their cause themselves.
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    eprintln!("{BAD}error:{BAD:#} {text}");
}

fn step(title: &str) {
    println!("\n{TITLE}{title}{TITLE:#}");
}

fn rate(count: usize, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = count as f64 / seconds.max(f64::EPSILON);
    format!("{seconds:.2} s, {rate:.0} a second")
}
