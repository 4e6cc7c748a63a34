//! What a run does, and which records fail in it.

use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};

/// Hurts a Kafka cluster, its consumers and what they need while events flow, and checks that nothing is lost, that every key
/// stays in its order and that no more happens twice than may.
///
/// It starts brokers of its own (scripts/kafka.sh), a schema registry, and Redis or PostgreSQL where the store needs them; it
/// sends events, has them consumed by processes of this program, and injects one fault after the other until all events are
/// sent. Then it waits until all is committed, and judges. One of a thousand events is rejected by its handler and must be a
/// dead letter, ten of a thousand fail twice.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos", after_help = AFTER_HELP)]
pub struct Plan {
    /// How many events are sent.
    #[arg(long, default_value_t = 500_000, value_parser = at_least_one())]
    pub events: u32,
    /// How many keys they have.
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one())]
    pub keys: u32,
    /// How handlers keep what they do from happening twice.
    #[arg(long, value_enum, default_value_t = Store::None)]
    pub store: Store,
    /// How many processes consume them.
    #[arg(long, default_value_t = 4, value_parser = at_least_one())]
    pub consumers: u32,
    /// How many handlers each of them runs at once.
    #[arg(long, default_value_t = 3, value_parser = at_least_one())]
    pub workers: u32,
    /// How many brokers there are: 1 or 3.
    #[arg(long, default_value_t = 3, value_parser = brokers)]
    pub brokers: u32,
    /// How many events are sent a second at most; 0 is as many as possible.
    #[arg(long, default_value_t = 2_000)]
    pub rate: u32,
    /// How many retry topics there are; with `--store transactions` there are none, and records wait in their processes.
    #[arg(long, default_value_t = 1)]
    pub retry_topics: u32,
    /// How many milliseconds lie between two faults.
    #[arg(long, default_value_t = 3_000)]
    pub pause: u64,
    /// What chance begins with: the same number, the same order of faults.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

const AFTER_HELP: &str = "\
Faults, dealt like cards, so that each kind comes before one comes again too often:
  a consumer is killed (kill -9), or stopped for longer than its session and continued
  a broker is killed and comes back, or is restarted cleanly
  all connections of consumers and of the producer to Kafka are cut, those to one broker are cut for 4 s, or
  nothing passes to any broker and back for 9 s, which is longer than a session
  the registry is away for 3 s
  with `--store redis`: Redis is killed and comes back, or is restarted cleanly
  with `--store postgres`: PostgreSQL crashes and comes back

It ends with 0 where all held, with 1 where something did not or the run could not be judged, and with 130 or 143 where it was
interrupted (Ctrl-C, SIGTERM); whatever it started is stopped, and its files are deleted.";

/// How handlers keep what they do from happening twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// Not at all: an effect is a line in a file, and what was handled and not committed at a fault may happen again.
    None,
    /// Redis knows what was handled; an effect is a line in a file, and what a handler was busy with at a fault may happen again.
    Redis,
    /// An effect is a row of SQLite, in one transaction with the event's mark: nothing happens twice.
    Sqlite,
    /// The same in PostgreSQL.
    Postgres,
    /// An effect is an event in Kafka, in one transaction with the offset: those who read what is committed see nothing twice.
    Transactions,
}

/// What a handler does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeeds,
    /// It fails the first two times.
    Recovers,
    /// It is rejected.
    Dies,
}

/// An event: its key, and its number among those of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Numbered {
    pub(crate) key: u32,
    pub(crate) number: u32,
}

impl Store {
    /// Returns the name that the command line has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Redis => "redis",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Transactions => "transactions",
        }
    }
}

impl Numbered {
    /// Returns what becomes of the event.
    pub(crate) fn fate(self) -> Fate {
        let mixed = (u64::from(self.key) << 32 | u64::from(self.number) | 1 << 63).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match (mixed >> 40) % 1000 {
            0 => Fate::Dies,
            1..=10 => Fate::Recovers,
            _ => Fate::Succeeds,
        }
    }
}

impl Plan {
    /// Returns the event that is sent as the so-manieth, counted from 0.
    pub(crate) fn event(&self, index: u32) -> Numbered {
        Numbered { key: index % self.keys, number: index / self.keys }
    }

    /// Returns how many retry topics there are with the plan's store.
    pub(crate) fn retry_topics(&self) -> u32 {
        if self.store == Store::Transactions { 0 } else { self.retry_topics }
    }
}

fn at_least_one() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(1..)
}

fn brokers(text: &str) -> Result<u32, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("expected 1 or 3".into()),
    }
}
