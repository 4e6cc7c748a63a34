//! Replays dead letters: once their cause is mended, they go back to the topic that they came from.
//!
//! In: a topic of dead letters, which of them are meant, and what is to be done to their values. Out: copies with the
//! original key, value and headers, and with the header [`REPLAYED_FROM`] in place of those of the failure. Each letter is
//! replayed once: a ledger beside their topic, `<dlq>_replayed`, gets an entry in the transaction that writes the copy.
//! So a replay that is killed goes on where it was when it is started again, and of two that run at once the later one
//! takes over. Consumers must read with `isolation.level=read_committed`, which is what librdkafka, and so
//! [`Consumer`](crate::Consumer), does unless told otherwise.
//!
//! ```no_run
//! # use eventwright::wire::Event;
//! # async fn run<OrderCreated: Event>() -> Result<(), eventwright::Error> {
//! use eventwright::{Settings, replay::{Letter, Replay}};
//!
//! let settings = Settings::load()?;
//! let report = Replay::builder(&settings)
//!     .dlq("orders_dlq")
//!     .reason("handler")
//!     .fix(|order: OrderCreated, _: &Letter| Ok::<_, String>(order))   // written anew with the newest schema
//!     .dry_run()
//!     .run(|entry| println!("{entry}"))
//!     .await?;
//! println!("{report}");
//! # Ok(()) }
//! ```
//!
//! How a letter travels: `scan` reads it, `letter` says what it is, `request` whether it is meant, `rework` what becomes of
//! its value, `writer` writes it, and `run` holds them together.

mod batch;
mod client;
#[cfg(feature = "replay-cli")]
mod command;
mod ledger;
mod letter;
mod pace;
mod payload;
mod purge;
mod report;
mod request;
mod rework;
mod run;
mod scan;
mod stats;
mod writer;

use std::fmt::Display;
use std::future::Future;
use std::time::SystemTime;

use eventwright_wire::Event;
use eventwright_wire::jiff::Timestamp;
use serde::Serialize;

#[cfg(feature = "replay-cli")]
pub use self::command::{FilterArguments, Format, ReplayArguments, main};
use self::ledger::Ledger;
pub use self::letter::{Letter, Origin, REPLAYED_FROM, Summary};
use self::payload::Shower;
pub use self::payload::{PayloadEncoding, Payloads};
pub use self::purge::{PurgePlan, Purgeable, PurgedPartition, plan_purge};
pub use self::report::{Entry, Report, Verdict};
pub use self::request::Request;
use self::rework::fix::{Fixer, fixer};
pub use self::scan::Cursor;
use self::scan::Scan;
use self::stats::Replayed;
pub use self::stats::Stats;
use crate::topics;
use crate::{Error, Settings};

/// A replay of dead letters.
#[derive(Debug)]
pub struct Replay;

/// Puts a replay together.
#[must_use = "call `run`"]
pub struct ReplayBuilder {
    settings: Settings,
    dlq: String,
    request: Request,
    fixers: Vec<Box<dyn Fixer>>,
}

impl Replay {
    /// Returns a builder; the topic of dead letters is still missing.
    pub fn builder(settings: &Settings) -> ReplayBuilder {
        ReplayBuilder {
            settings: settings.clone(),
            dlq: String::new(),
            request: Request::default(),
            fixers: Vec::new(),
        }
    }
}

impl ReplayBuilder {
    /// Sets the topic of dead letters, with its prefix.
    pub fn dlq(mut self, topic: impl Into<String>) -> Self {
        self.dlq = topic.into();
        self
    }

    /// Sets all at once that a request says, in place of what was said before.
    pub fn request(mut self, request: Request) -> Self {
        self.request = request;
        self
    }

    /// Selects the letter of an event by its id; may repeat.
    pub fn event_id(mut self, id: impl Into<String>) -> Self {
        self.request.event_ids.insert(id.into());
        self
    }

    /// Selects letters that died then or later.
    pub fn died_from(mut self, time: Timestamp) -> Self {
        self.request.start_time = Some(time);
        self
    }

    /// Selects letters that died before then.
    pub fn died_before(mut self, time: Timestamp) -> Self {
        self.request.end_time = Some(time);
        self
    }

    /// Selects a class of failures, such as `handler`; may repeat.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.request.reasons.insert(reason.into());
        self
    }

    /// Selects an event by its name; may repeat.
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.request.events.insert(name.into());
        self
    }

    /// Replays at most so many, the oldest first.
    pub fn max_messages(mut self, max: u64) -> Self {
        self.request.max_messages = Some(max);
        self
    }

    /// Writes at most so many in a second.
    pub fn max_per_second(mut self, max: u32) -> Self {
        self.request.max_per_second = Some(max);
        self
    }

    /// Writes to this topic, in place of the one that each record came from.
    pub fn to(mut self, topic: impl Into<String>) -> Self {
        self.request.to = Some(topic.into());
        self
    }

    /// Writes nothing: the letters are only listed, and the list is that of a real run.
    pub fn dry_run(mut self) -> Self {
        self.request.dry_run = true;
        self
    }

    /// Writes Avro values anew with the newest schema that is registered under their subject, where no function fixes
    /// their event.
    pub fn upgrade(mut self) -> Self {
        self.request.upgrade = true;
        self
    }

    /// Adds a function that mends events of one type. It is given what any version wrote that `E` reads, and what it
    /// returns is written with the schema of `E`. An error leaves the letter where it is. It also runs in a dry run, so
    /// that it should change nothing elsewhere.
    pub fn fix<E: Event, X: Display + 'static>(
        mut self,
        fix: impl Fn(E, &Letter) -> Result<E, X> + Send + Sync + 'static,
    ) -> Self {
        const { assert!(!E::IS_KEY, "a key is written beside its event: fix the event") };
        self.fixers.push(fixer(fix));
        self
    }

    /// Replays what there is now. `observe` is told of each letter whose turn came, once it is written; of those that the
    /// filters do not mean and that were replayed before, the report has the numbers.
    ///
    /// # Errors
    /// A setting that cannot be used, a topic that does not exist, no answer of broker or registry, or another replay of
    /// the same topic that has taken over. What `observe` was told of is written and stays so.
    pub async fn run(self, observe: impl FnMut(Entry)) -> Result<Report, Error> {
        self.run_until(std::future::pending(), observe).await
    }

    /// Replays as [`ReplayBuilder::run`] does, until `stop` is ready: what is ready then is still written. Dropping the
    /// future in place of that ends the replay as a crash would, and the transaction that is open is aborted.
    ///
    /// # Errors
    /// As [`ReplayBuilder::run`].
    pub async fn run_until(self, stop: impl Future<Output = ()>, observe: impl FnMut(Entry)) -> Result<Report, Error> {
        let Self { settings, dlq, request, fixers } = self;
        check(&settings, &dlq)?;
        request.check(&dlq, &topics::replay_ledger(&dlq))?;
        run::run((&settings, &dlq), &request, fixers, stop, observe).await
    }
}

impl std::fmt::Debug for ReplayBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplayBuilder").field("dlq", &self.dlq).field("request", &self.request).finish_non_exhaustive()
    }
}

/// A letter of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The letter.
    #[serde(flatten)]
    pub letter: Summary,
    /// Whether it was replayed.
    pub replayed: bool,
}

/// A page of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The letters.
    pub letters: Vec<Listed>,
    /// Where the next page begins; `None` where there is no further letter.
    pub next: Option<Cursor>,
}

/// Lists letters, replayed or not, the oldest first: at most `limit` of those that the request selects, from a page's
/// [`Page::next`] on, or from the beginning. Values are decoded by the schemas that the registry has; where it does not answer,
/// they are shown in base64, with the reason.
///
/// # Errors
/// A topic that does not exist, or a broker that does not answer.
pub async fn list(
    settings: &Settings,
    dlq: &str,
    request: &Request,
    (from, limit): (&Cursor, usize),
    payloads: Payloads,
) -> Result<Page, Error> {
    check(settings, dlq)?;
    let mut shower = Shower::new(settings, payloads)?;
    let ledger = Ledger::read(settings, dlq).await?;
    let mut scan = open(settings, dlq, from).await?;
    let mut page = Page::default();
    loop {
        // Known before the next letter is taken, which then belongs to the next page.
        let next = scan.cursor();
        let Some(record) = scan.next().await? else { return Ok(page) };
        let letter = Letter::new(record);
        if !request.selects(&letter) {
            continue;
        }
        if page.letters.len() >= limit {
            page.next = Some(next);
            return Ok(page);
        }
        let (replayed, summary) = (ledger.contains(letter.record()), letter.summary());
        let letter = match &mut shower {
            Some(shower) => summary.showing(shower.show(letter.record().value.as_deref()).await),
            None => summary,
        };
        page.letters.push(Listed { letter, replayed });
    }
}

/// Counts the letters that the request selects.
///
/// # Errors
/// A topic that does not exist, or a broker that does not answer.
pub async fn stats(settings: &Settings, dlq: &str, request: &Request) -> Result<Stats, Error> {
    check(settings, dlq)?;
    let ledger = Ledger::read(settings, dlq).await?;
    let mut scan = open(settings, dlq, &Cursor::default()).await?;
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    let mut stats = Stats::new();
    while let Some(record) = scan.next().await? {
        let letter = Letter::new(record);
        if request.selects(&letter) {
            let replayed = if ledger.contains(letter.record()) { Replayed::Yes } else { Replayed::No };
            stats.add(&letter, replayed, now);
        }
    }
    Ok(stats)
}

async fn open(settings: &Settings, dlq: &str, from: &Cursor) -> Result<Scan, Error> {
    Scan::open(settings, dlq, from).await?.ok_or_else(|| client::no_such_topic(settings, dlq))
}

fn check(settings: &Settings, dlq: &str) -> Result<(), Error> {
    settings.check()?;
    if letter::is_topic(dlq) {
        return Ok(());
    }
    let text = format!(
        "`{}` cannot be a topic of dead letters: Kafka takes no such name; help: name it with its prefix, such as `orders_dlq`",
        dlq.escape_debug()
    );
    Err(Error::settings(text))
}
