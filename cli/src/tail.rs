//! `eventwright tail`: prints the records of a topic.
//!
//! In: a topic and where to start. Out: an object a line, or text. Partitions are assigned by the topic's metadata: no
//! group is joined and nothing is committed, so that looking changes nothing.

use std::sync::Arc;

use anyhow::{Context, bail};
use eventwright::{RawRecord, Settings, raw_record};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::args::{Form, From, TailArguments};
use crate::decode::{Decoded, Decoder, Pii};
use crate::exit::Exit;
use crate::kafka::{self, Reports, Topic};
use crate::manifest::EventNames;
use crate::output::{self, Closed, Output};
use crate::record_json::{self, Palette};
use crate::registry::Registry;
use crate::screen;
use crate::start::{self, Remaining};
use crate::stop::Stop;

const DEFAULTS: [(&str, &str); 5] = [
    // librdkafka assigns partitions only to clients that name a group; it is never joined.
    ("group.id", "eventwright-tail"),
    ("enable.auto.commit", "false"),
    // Where the broker deletes records that are still to be read, the oldest one left is next.
    ("auto.offset.reset", "earliest"),
    ("enable.partition.eof", "true"),
    // A record is printed when it is there, and not when there are many.
    ("fetch.wait.max.ms", "100"),
];

/// Prints records until there is nothing more to print.
pub(crate) async fn run(arguments: TailArguments, stop: Stop) -> anyhow::Result<Exit> {
    tokio::select! {
        exit = follow(&arguments) => exit,
        () = output::closed() => Ok(Exit::Done),
        _ = stop.asked() => Ok(Exit::Interrupted),
    }
}

async fn follow(arguments: &TailArguments) -> anyhow::Result<Exit> {
    let settings = crate::settings::load(&arguments.connection)?;
    let names = EventNames::load(&arguments.manifest)?;
    let (registry, (consumer, remaining)) = tokio::try_join!(Registry::reach(&settings), open(arguments, &settings))?;
    let mut printer = Printer {
        output: Output::new(),
        decoder: Decoder::new(registry, names, if arguments.reveal { Pii::Shown } else { Pii::Masked }),
        form: arguments.format,
        palette: if output::is_coloured() { Palette::coloured() } else { Palette::default() },
    };
    match print_all(&consumer, &mut printer, remaining, arguments.count).await? {
        Ok(()) | Err(Closed) => Ok(Exit::Done),
    }
}

type Tailed = StreamConsumer<Reports>;

/// Connects to the broker and assigns the partitions.
async fn open(arguments: &TailArguments, settings: &Settings) -> anyhow::Result<(Arc<Tailed>, Option<Remaining>)> {
    let reports = Reports::default();
    let health = Arc::clone(&reports.0);
    let config = settings.kafka_config(&DEFAULTS);
    let consumer: Tailed = config.create_with_context(reports).map_err(kafka::config_error)?;
    let consumer = Arc::new(consumer);
    let (topic, wanted) = (arguments.topic.clone(), arguments.partition);
    let default_from = if arguments.until_end { From::Beginning } else { From::End };
    let from = arguments.from.unwrap_or(default_from);
    let find = {
        let (consumer, settings, topic) = (Arc::clone(&consumer), settings.clone(), topic.clone());
        move || {
            let found = kafka::topic(consumer.client(), &health, &settings, &topic)?;
            let Topic::Exists(mut partitions) = found else {
                return Err(kafka::no_such_topic(consumer.client(), &settings, &topic));
            };
            if let Some(wanted) = wanted {
                if !partitions.contains(&wanted) {
                    bail!("`{topic}` has no partition {wanted}; help: it has {}", partitions.len());
                }
                partitions = vec![wanted];
            }
            start::ranges(&*consumer, &topic, &partitions, from, settings.connect_timeout)
        }
    };
    let mut found = tokio::task::spawn_blocking(find);
    let ranges = loop {
        tokio::select! {
            ranges = &mut found => break ranges??,
            // Nothing is assigned yet, so that no record is lost: this lets `Reports` hear why no broker answers.
            _ = consumer.recv() => {}
        }
    };
    let mut assignment = TopicPartitionList::new();
    for range in &ranges {
        assignment.add_partition_offset(&topic, range.partition, Offset::Offset(range.start))?;
    }
    consumer.assign(&assignment).with_context(|| format!("cannot read `{topic}`"))?;
    Ok((consumer, arguments.until_end.then(|| Remaining::new(&ranges))))
}

struct Printer {
    output: Output,
    decoder: Decoder,
    form: Form,
    palette: Palette,
}

/// Prints records until the count or the end is reached, or nobody reads them.
async fn print_all(
    consumer: &Tailed,
    printer: &mut Printer,
    mut remaining: Option<Remaining>,
    count: Option<u64>,
) -> anyhow::Result<Result<(), Closed>> {
    let mut left = count;
    while left != Some(0) && remaining.as_ref().is_none_or(|remaining| !remaining.is_empty()) {
        let received = tokio::select! {
            biased;
            received = consumer.recv() => received,
            // Nothing is there at the moment: whoever reads the output should see all that was.
            () = std::future::ready(()) => {
                if printer.output.flush()?.is_err() {
                    return Ok(Err(Closed));
                }
                consumer.recv().await
            }
        };
        let message = match received {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(partition)) => {
                remaining.iter_mut().for_each(|remaining| remaining.reached_end(partition));
                continue;
            }
            Err(error) => {
                check_error(error)?;
                continue;
            }
        };
        let record = raw_record(&message);
        if remaining.as_mut().is_some_and(|remaining| !remaining.take(record.partition, record.offset)) {
            continue;
        }
        if printer.print(&record).await?.is_err() {
            return Ok(Err(Closed));
        }
        left = left.map(|left| left - 1);
    }
    printer.output.flush()
}

/// Tells of an error that librdkafka gets over by itself.
///
/// # Errors
/// The error, where it does not.
fn check_error(error: KafkaError) -> anyhow::Result<()> {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        // `kafka::Reports` has told of them.
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut) => Ok(()),
        Some(
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::Fatal,
        ) => Err(error).context("cannot read on"),
        _ => {
            screen::warning(error);
            Ok(())
        }
    }
}

impl Printer {
    async fn print(&mut self, record: &RawRecord) -> anyhow::Result<Result<(), Closed>> {
        let key = self.decoder.decode_key(&record.topic, record.key.as_deref()).await?;
        let decoded: Decoded = self.decoder.decode(&record.topic, record.value.as_deref()).await?;
        let line = match self.form {
            Form::Json => record_json::object(record, decoded, key).to_string(),
            Form::Text => record_json::text(record, &decoded, key.as_ref(), self.palette),
        };
        self.output.line(&line)
    }
}
