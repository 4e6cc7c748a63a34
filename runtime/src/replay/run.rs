//! A replay from its start to its end.
//!
//! In: a request, what is done to values, a topic of dead letters. Out: copies in the topics that the letters came from, or
//! in another one, and an entry for each letter whose turn came. A real run fences off any other, reads the ledger, and
//! then writes batch by batch, each in a transaction; a dry run differs in that it writes nothing.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep_until;

use super::batch::Batch;
use super::client;
use super::ledger::Ledger;
use super::letter::Letter;
use super::pace::Pace;
use super::report::{Entry, Report, Verdict};
use super::request::{Judged, Request};
use super::rework::fix::Fixer;
use super::rework::{Rework, Reworked, Upgrading};
use super::scan::{Cursor, Scan};
use super::writer::{Copy, Writer, Written};
use crate::{Error, Settings};

/// A replay under way.
pub(crate) struct Run<'a, F> {
    settings: &'a Settings,
    request: &'a Request,
    rework: Rework,
    /// None in a dry run.
    writer: Option<Writer>,
    ledger: Ledger,
    scan: Scan,
    /// The topics that were asked for, and whether they exist.
    destinations: HashMap<String, bool>,
    pace: Pace,
    batch: Batch,
    /// How many letters are written or in the batch.
    n_taken: u64,
    report: Report,
    observe: F,
}

/// Replays what the request selects; `observe` is told of letters once they are written.
pub(crate) async fn run<F: FnMut(Entry)>(
    (settings, dlq): (&Settings, &str),
    request: &Request,
    fixers: Vec<Box<dyn Fixer>>,
    stop: impl Future<Output = ()>,
    observe: F,
) -> Result<Report, Error> {
    tokio::pin!(stop);
    let run = tokio::select! {
        biased;
        () = &mut stop => return Ok(Report { dry_run: request.dry_run, interrupted: true, ..Report::default() }),
        run = Box::pin(Run::prepare((settings, dlq), request, fixers, observe)) => run?,
    };
    Box::pin(run.finish(stop)).await
}

impl<'a, F: FnMut(Entry)> Run<'a, F> {
    async fn prepare(
        (settings, dlq): (&'a Settings, &str),
        request: &'a Request,
        fixers: Vec<Box<dyn Fixer>>,
        observe: F,
    ) -> Result<Self, Error> {
        let upgrading = if request.upgrade { Upgrading::ToNewest } else { Upgrading::AsTheyAre };
        let rework = Rework::prepare(settings, fixers, upgrading).await?;
        let Some(scan) = Scan::open(settings, dlq, &Cursor::default()).await? else {
            return Err(client::no_such_topic(settings, dlq));
        };
        let writer = if request.dry_run {
            None
        } else {
            Ledger::prepare(settings, dlq).await?;
            Some(Writer::open(settings, dlq).await?)
        };
        // Only now: what another replay had written before it was fenced off is in it, and nothing can follow.
        let ledger = Ledger::read(settings, dlq).await?;
        Ok(Self {
            settings,
            request,
            rework,
            writer,
            ledger,
            scan,
            destinations: HashMap::new(),
            pace: Pace::new(request.max_per_second.filter(|_| !request.dry_run)),
            batch: Batch::default(),
            n_taken: 0,
            report: Report { dry_run: request.dry_run, ..Report::default() },
            observe,
        })
    }

    async fn finish(mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<Report, Error> {
        loop {
            if self.is_full() {
                // What the broker refuses of it makes room for others.
                self.write().await?;
                if self.is_full() {
                    break;
                }
            }
            let due_at = self.batch.due_at();
            let record = tokio::select! {
                biased;
                () = &mut stop => {
                    self.report.interrupted = true;
                    break;
                }
                record = self.scan.next() => record?,
                // A slow broker must not keep what is ready.
                () = sleep_until(due_at.unwrap_or_else(Instant::now).into()), if due_at.is_some() => {
                    self.write().await?;
                    continue;
                }
            };
            let Some(record) = record else { break };
            let Some((entry, copy)) = self.decide(Letter::new(record)).await? else { continue };
            if copy.is_some() && !self.wait_for_turn(&mut stop).await? {
                break;
            }
            self.n_taken += u64::from(copy.is_some());
            self.batch.push(entry, copy, Instant::now());
            if self.batch.is_due(Instant::now()) {
                self.write().await?;
            }
        }
        self.write().await?;
        Ok(self.report)
    }

    fn is_full(&self) -> bool {
        self.request.max_messages.is_some_and(|max| self.n_taken >= max)
    }

    /// Returns what is told of a letter, and the copy that is written of it.
    async fn decide(&mut self, letter: Letter) -> Result<Option<(Entry, Option<Copy>)>, Error> {
        let to = match self.request.judge(&letter, &self.ledger) {
            Judged::NotSelected => {
                self.report.not_selected += 1;
                return Ok(None);
            }
            Judged::AlreadyReplayed => {
                self.report.already_replayed += 1;
                return Ok(None);
            }
            Judged::Foreign(why) => return Ok(Some((Entry::new(&letter, Verdict::Foreign(why)), None))),
            Judged::Replay(to) => to,
        };
        if !self.exists(&to).await? {
            let why = format!("the topic `{to}` does not exist");
            return Ok(Some((Entry::new(&letter, Verdict::Refused(why)), None)));
        }
        let rewritten = match self.rework.apply(&letter, &to).await? {
            Reworked::AsItIs => None,
            Reworked::Rewritten(rewritten) => Some(rewritten),
            Reworked::Refused(why) => return Ok(Some((Entry::new(&letter, Verdict::Refused(why)), None))),
        };
        let entry = Entry::new(&letter, Verdict::Replay { to: to.clone() });
        Ok(Some((entry, Some(Copy { letter, to, rewritten }))))
    }

    /// Waits until the pace allows another copy, and writes meanwhile what is due; returns false where the replay is to stop.
    async fn wait_for_turn(&mut self, stop: &mut (impl Future<Output = ()> + Unpin)) -> Result<bool, Error> {
        let turn = self.pace.take(Instant::now());
        if turn <= Instant::now() {
            return Ok(true);
        }
        if self.batch.due_at().is_some_and(|due| due <= turn) {
            self.write().await?;
        }
        tokio::select! {
            () = stop => {
                self.report.interrupted = true;
                Ok(false)
            }
            () = sleep_until(turn.into()) => Ok(true),
        }
    }

    /// Returns whether a topic exists: a header from outside must not make one.
    async fn exists(&mut self, topic: &str) -> Result<bool, Error> {
        if let Some(exists) = self.destinations.get(topic) {
            return Ok(*exists);
        }
        let (reader, timeout) = (Arc::clone(self.scan.reader()), self.settings.connect_timeout);
        let name = topic.to_owned();
        let asked = tokio::task::spawn_blocking(move || client::partitions(&reader, &name, timeout));
        let found = asked.await.ok().flatten();
        let found = found.ok_or_else(|| client::silent(self.settings, topic))?;
        self.destinations.insert(topic.to_owned(), found.is_some());
        Ok(found.is_some())
    }

    /// Writes the batch and tells of it.
    async fn write(&mut self) -> Result<(), Error> {
        if let Some(writer) = &self.writer {
            loop {
                let copies = self.batch.copies();
                if copies.is_empty() {
                    break;
                }
                match writer.write(&copies).await? {
                    Written::Committed => break,
                    Written::Refused(index, why) => {
                        self.batch.refuse(index, why);
                        self.n_taken = self.n_taken.saturating_sub(1);
                    }
                }
            }
        }
        for entry in self.batch.take() {
            self.report.count(&entry.verdict);
            (self.observe)(entry);
        }
        Ok(())
    }
}
