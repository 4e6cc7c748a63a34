//! Effects in one file that all processes append to: a line for each, in the order in which they happened.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::kafka::Progress;
use crate::plan::Numbered;

/// One effect, and which record it came of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) event: Numbered,
}

/// The file, as a process that handles records has it.
pub(crate) struct LinesWritten(File);

/// The file, as the driver has it, and what it has read of it.
pub(crate) struct LinesRead {
    file: File,
    /// The start of a line whose end is not there yet.
    rest: String,
    lines: Vec<Line>,
}

impl LinesWritten {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self(opened(path)?))
    }

    /// Appends an effect by one call, which no other process can get in between of.
    pub(crate) fn append(&self, Line { partition, offset, event }: Line) -> std::io::Result<()> {
        let Numbered { key, number } = event;
        (&self.0).write_all(format!("{partition} {offset} {key} {number}\n").as_bytes())
    }
}

impl LinesRead {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self { file: opened(path)?, rest: String::new(), lines: Vec::new() })
    }

    /// Returns all effects so far.
    pub(crate) fn read_on(&mut self) -> Result<&[Line]> {
        self.file.read_to_string(&mut self.rest).context("cannot read effects")?;
        if let Some((whole, rest)) = self.rest.rsplit_once('\n') {
            for line in whole.lines() {
                self.lines.push(parse(line).with_context(|| format!("not an effect: `{line}`"))?);
            }
            self.rest = rest.to_owned();
        }
        Ok(&self.lines)
    }

    /// Returns how many records were handled and are not committed.
    pub(crate) fn uncommitted(&mut self, progress: &Progress) -> Result<usize> {
        let is_open =
            |line: &&Line| progress.get(&line.partition).is_some_and(|(committed, _)| line.offset >= *committed);
        Ok(self.read_on()?.iter().filter(is_open).count())
    }
}

fn opened(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).read(true).append(true).open(path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

fn parse(line: &str) -> Option<Line> {
    let mut fields = line.split(' ');
    let mut field = || fields.next()?.parse::<i64>().ok();
    let (partition, offset, key, number) = (field()?, field()?, field()?, field()?);
    let event = Numbered { key: u32::try_from(key).ok()?, number: u32::try_from(number).ok()? };
    Some(Line { partition: i32::try_from(partition).ok()?, offset, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_processes_append_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("effects");
        let mut read = LinesRead::open(&path).unwrap();
        let (one, other) = (LinesWritten::open(&path).unwrap(), LinesWritten::open(&path).unwrap());
        let line = |offset, number| Line { partition: 3, offset, event: Numbered { key: 7, number } };
        one.append(line(10, 0)).unwrap();
        other.append(line(11, 1)).unwrap();
        (&one.0).write_all(b"3 12 7").unwrap();
        assert_eq!(read.read_on().unwrap(), [line(10, 0), line(11, 1)]);
        (&one.0).write_all(b" 2\n").unwrap();
        assert_eq!(read.read_on().unwrap(), [line(10, 0), line(11, 1), line(12, 2)]);
        let progress = Progress::from([(3, (11, 20))]);
        assert_eq!(read.uncommitted(&progress).unwrap(), 2);
        (&one.0).write_all(b"3 x 7 2\n").unwrap();
        assert_eq!(read.read_on().unwrap_err().to_string(), "not an effect: `3 x 7 2`");
    }
}
