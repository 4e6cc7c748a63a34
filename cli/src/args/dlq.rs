//! The arguments of the commands for dead letters.

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use eventwright::replay::{Cursor, FilterArguments, Format, ReplayArguments};
use eventwright::wire::jiff::Timestamp;

use super::Connection;

const LIST_EXAMPLES: &str = "\
Examples:
  eventwright dlq list orders_dlq
  eventwright dlq list orders_dlq --reason handler --event OrderCreated --from 2026-02-03T00:00:00Z
  eventwright dlq list orders_dlq --limit 1000 --format json | jq -r 'select(.replayed | not).id'
  eventwright dlq list orders_dlq --format json | jq '{id, error_message, retry_count, original_payload}'

The oldest letters come first. Where there are more than --limit, the last line on standard error has the --after of the next
page. Records that no consumer of ours has written are `foreign`, with the reason.

JSON has id, timestamp, original_topic, original_partition, original_offset, original_payload, failure_reason, error_message,
retry_count (attempts less one), consumer_group, processing_host, and what else there is. payload_encoding says what
original_payload is: `avro` and `protobuf` are decoded by the schema that the registry has, `text` is the value as it is, `base64`
its bytes, with a payload_error where it names a schema that cannot be had. Fields that an Avro schema marks with \"pii\": true
are `***` unless --reveal asks for them.";

const STATS_EXAMPLES: &str = "\
Examples:
  eventwright dlq stats orders_dlq
  eventwright dlq stats orders_dlq --from 2026-02-03T00:00:00Z --format json";

const REPLAY_EXAMPLES: &str = "\
Examples:
  eventwright dlq replay orders_dlq --dry-run                what would be replayed
  eventwright dlq replay orders_dlq --reason handler --max 100 --rate 50
  eventwright dlq replay orders_dlq --id 0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11
  eventwright dlq replay orders_dlq --upgrade                with the newest registered schemas

Key, value and headers are those of the original; the headers of the failure are removed, and ew-replayed-from says which letter
it was. Each letter is replayed once: the topic <dlq>_replayed keeps account, in the transaction that writes the copy. After
an interruption, or a crash, the same command goes on where it was. Letters stay until `dlq purge` or the topic's
retention deletes them. Exit codes: 0 fine, 100 some letters were refused and left, 130 interrupted.

Typed functions that mend events run in a program of your own: see `eventwright::replay::main`.";

const PURGE_EXAMPLES: &str = "\
Examples:
  eventwright dlq purge orders_dlq --replayed --dry-run
  eventwright dlq purge orders_dlq --older-than 30d --yes
  eventwright dlq purge orders_dlq --before 0:120,1:77

Kafka deletes from the beginning of a partition only: the first letter that must stay keeps all behind it.";

/// The commands for dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArguments),
    /// Count dead letters by failure, event, topic and age
    #[command(after_help = STATS_EXAMPLES)]
    Stats(StatsArguments),
    /// Write dead letters to the topics that they came from
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(RedriveArguments),
    /// Delete dead letters that are not needed any more
    #[command(after_help = PURGE_EXAMPLES)]
    Purge(PurgeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The topic of dead letters, such as orders_dlq
    pub(crate) dlq: String,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// Print at most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Begin there: what the last page has told
    #[arg(long, value_name = "PARTITION:OFFSET,...")]
    pub(crate) after: Option<Cursor>,
    /// How letters are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Show what schemas mark as personal data ("pii": true) in the values that JSON has, which is `***` otherwise
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// The topic of dead letters, such as orders_dlq
    pub(crate) dlq: String,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
    /// How the numbers are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArguments {
    #[command(flatten)]
    pub(crate) replay: ReplayArguments,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArguments {
    /// The topic of dead letters, such as orders_dlq
    pub(crate) dlq: String,
    #[command(flatten)]
    pub(crate) which: PurgeWhich,
    /// Delete nothing, and show what would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which letters may go.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PurgeWhich {
    /// Letters that were replayed
    #[arg(long)]
    pub(crate) replayed: bool,
    /// Letters that died before a time, or longer ago than an age such as 30d, 12h, 15m; replayed or not
    #[arg(long, value_name = "TIME|AGE", value_parser = time_or_age)]
    pub(crate) older_than: Option<Timestamp>,
    /// Letters before these offsets, replayed or not
    #[arg(long, value_name = "PARTITION:OFFSET,...")]
    pub(crate) before: Option<Cursor>,
}

fn time_or_age(text: &str) -> Result<Timestamp, String> {
    const EXPECTED: &str = "expected a time such as 2026-02-03T04:00:00Z, or an age such as 30d, 12h or 15m";
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let unit = text.chars().last().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    });
    let count = text.get(..text.len().saturating_sub(1)).and_then(|count| count.parse::<u64>().ok());
    let seconds = unit.zip(count).and_then(|(unit, count)| count.checked_mul(unit)).ok_or(EXPECTED)?;
    let time = SystemTime::now().checked_sub(Duration::from_secs(seconds)).ok_or(EXPECTED)?;
    Timestamp::try_from(time).map_err(|_| EXPECTED.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_time_that_long_ago() {
        assert_eq!(time_or_age("2026-02-03T04:00:00Z"), Ok("2026-02-03T04:00:00Z".parse().unwrap()));
        let now = Timestamp::try_from(SystemTime::now()).unwrap().as_second();
        for (text, seconds) in [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000)] {
            let ago = now - time_or_age(text).unwrap().as_second();
            assert!((ago - seconds).abs() <= 1, "{text}");
        }
        for wrong in ["", "d", "-1d", "1.5h", "7w", "é", "99999999999999999999d", "18446744073709551615d"] {
            assert!(time_or_age(wrong).is_err(), "{wrong}");
        }
    }
}
