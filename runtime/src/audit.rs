//! What became of every record, one line each, apart from the technical log.
//!
//! In: the end of each attempt at a record. Out: an [`AuditEntry`] for a file (`audit.file`) or a sink of the user's. What
//! was written is handed to the operating system before the offset of its record is committed, so that a crash loses no
//! line of a committed record; a record that is handled again after a crash has its line again. Payloads, headers and the
//! texts of errors, which may quote a payload, are not in it. A stream that cannot be written stops the consumer: it is a
//! promise, and the log is there for what is not.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use eventwright_wire::jiff::Timestamp;
use serde::Serialize;

use crate::{Error, Settings};

/// What came of an attempt at a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A handler finished it.
    Handled,
    /// It is an event that the consumer was told to ignore.
    Ignored,
    /// It was handled before.
    Duplicate,
    /// Its handler failed, and it will be handled again.
    Retried,
    /// Its handler said that trying again would not help; a dead letter follows, or the consumer stops.
    Rejected,
    /// It was written to a topic of dead letters.
    DeadLettered,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handled => "handled",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::Retried => "retried",
            Self::Rejected => "rejected",
            Self::DeadLettered => "dead_lettered",
        }
    }
}

/// Where a record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place<'a> {
    /// The topic, with its prefix.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AuditEntry<'a> {
    /// When, RFC 3339 in UTC.
    pub time: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Where the record is.
    #[serde(flatten)]
    pub place: Place<'a>,
    /// Where it was at first, if this is a copy: a retry or a dead letter that was replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Place<'a>>,
    /// The event's name; `unknown` where no handler of this consumer takes it.
    pub event: &'a str,
    /// The header `ew-message-id`.
    pub message_id: Option<&'a str>,
    /// The header `ew-correlation-id`.
    pub correlation_id: Option<&'a str>,
    /// The consumer group.
    pub group: &'a str,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// What kind of failure a dead letter is of: `handler`, `rejected` or `undecodable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// How long the attempt took, in milliseconds.
    pub duration_ms: f64,
}

/// Takes the audit stream of a consumer.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes an entry, which may stay in memory until [`AuditSink::flush`]. It is called in the middle of a consumer's
    /// work, so it must not wait for anything.
    ///
    /// # Errors
    /// What keeps the entry from being taken; the consumer stops, and the record is not committed.
    fn write(&self, entry: &AuditEntry<'_>) -> io::Result<()>;

    /// Makes sure that what was written survives the end of this process. It is called before offsets are committed.
    ///
    /// # Errors
    /// What keeps it from being so; the consumer stops, and no offset is committed.
    fn flush(&self) -> io::Result<()>;
}

/// The stream of a consumer: to nobody, a file or a sink.
#[derive(Clone, Default)]
pub(crate) struct Audit(Option<Arc<dyn AuditSink>>);

impl Audit {
    pub(crate) fn to(sink: impl AuditSink) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Returns the stream that the settings ask for.
    ///
    /// # Errors
    /// A file that cannot be opened, or that another process writes to.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        let Some(path) = &settings.audit.file else { return Ok(Self::default()) };
        let opened = open_once(path);
        let failed = |error: io::Error| {
            let help = "is the folder there, may this process write to it, and does no other one?";
            let text = format!("cannot write the audit stream to `{}`; help: {help}", path.display());
            Error::settings(text).with_source(error)
        };
        opened.map(|file| Self(Some(file))).map_err(failed)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// What the sink says.
    pub(crate) fn write(&self, entry: &AuditEntry<'_>) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |sink| sink.write(entry).map_err(lost))
    }

    /// Has what was written kept.
    ///
    /// # Errors
    /// What the sink says.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |sink| sink.flush().map_err(lost))
    }
}

fn lost(error: io::Error) -> Error {
    let text =
        "the audit stream cannot be written, so the consumer stops; its records are kept; help: is the disk full?";
    Error::new(crate::error::Kind::Handler, text).with_source(error)
}

/// A file of lines, which this process alone writes.
struct AuditFile(Mutex<BufWriter<File>>);

impl AuditSink for AuditFile {
    fn write(&self, entry: &AuditEntry<'_>) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_writer(&mut *file, entry)?;
        file.write_all(b"\n")
    }

    fn flush(&self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// Returns the file, which all consumers of this process share that name it.
fn open_once(path: &Path) -> io::Result<Arc<AuditFile>> {
    static OPEN: Mutex<Vec<(PathBuf, Weak<AuditFile>)>> = Mutex::new(Vec::new());
    let path = std::path::absolute(path)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|(_, file)| file.strong_count() > 0);
    if let Some(file) = open.iter().find(|(known, _)| *known == path).and_then(|(_, file)| file.upgrade()) {
        return Ok(file);
    }
    let file = Arc::new(AuditFile(Mutex::new(BufWriter::new(open_at_end(&path)?))));
    open.push((path, Arc::downgrade(&file)));
    Ok(file)
}

/// How long a line may be that a crash cut off.
const LONGEST_LINE: u64 = 64 << 10;

/// Opens a file behind its last whole line. What stands there without an end is what a crash left of a line whose record
/// was not committed, so that it will come again. A file that cannot be such a stream is left as it is.
fn open_at_end(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    file.try_lock()?;
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let lines = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let cut = tail.get(lines..).unwrap_or_default();
    if cut.is_empty() {
        return Ok(file);
    }
    if (lines == 0 && start > 0) || !cut.starts_with(b"{") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds something else than an audit stream"));
    }
    file.set_len(start + u64::try_from(lines).unwrap_or(u64::MAX))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(offset: i64) -> AuditEntry<'static> {
        AuditEntry {
            time: Timestamp::UNIX_EPOCH,
            outcome: Outcome::DeadLettered,
            place: Place { topic: "orders", partition: 1, offset },
            original: None,
            event: "OrderCreated",
            message_id: Some("m-1"),
            correlation_id: None,
            group: "g",
            attempt: 2,
            reason: Some("handler"),
            duration_ms: 1.5,
        }
    }

    #[test]
    fn a_line_says_what_became_of_a_record() {
        let line = serde_json::to_string(&entry(7)).unwrap();
        assert_eq!(
            line,
            r#"{"time":"1970-01-01T00:00:00Z","outcome":"dead_lettered","topic":"orders","partition":1,"offset":7,"event":"OrderCreated","message_id":"m-1","correlation_id":null,"group":"g","attempt":2,"reason":"handler","duration_ms":1.5}"#
        );
    }

    #[test]
    fn a_file_goes_on_behind_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.events");
        for (before, kept) in [("", ""), ("{half", ""), ("one\n", "one\n"), ("one\n{\"t", "one\n")] {
            std::fs::write(&path, before).unwrap();
            let file = open_once(&path).unwrap();
            file.write(&entry(7)).unwrap();
            file.flush().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let line = text.strip_prefix(kept).unwrap().strip_suffix('\n').unwrap();
            assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["offset"], 7, "{before:?}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        for text in ["precious".to_owned(), "{".repeat(100_000)] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(open_once(&path).err().map(|error| error.kind()), Some(io::ErrorKind::InvalidData));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_file_is_shared_within_the_process_and_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.events");
        let first = open_once(&path).unwrap();
        assert!(Arc::ptr_eq(&first, &open_once(&path).unwrap()));
        // A second process has a handle of its own.
        let error = open_at_end(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
        let mut settings = Settings::default();
        settings.audit.file = Some(folder.path().join("none/tracker.events"));
        let error = Audit::of(&settings).err().unwrap().to_string();
        assert!(error.contains("none/tracker.events") && error.contains("help: "), "{error}");
    }
}
