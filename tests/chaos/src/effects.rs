//! What handlers did, in one file that all processes append to: a line for each effect, in the order in which they happened.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// One effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: u32,
    pub(crate) number: u32,
}

/// The file, as a process that handles records has it.
pub(crate) struct Log(File);

impl Log {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(file.with_context(|| format!("cannot open {}", path.display()))?))
    }

    /// Appends an effect by one call, which no other process can get in between of.
    pub(crate) fn append(&self, effect: Effect) -> std::io::Result<()> {
        let Effect { partition, offset, key, number } = effect;
        (&self.0).write_all(format!("{partition} {offset} {key} {number}\n").as_bytes())
    }
}

/// Returns all effects so far.
pub(crate) fn read(path: &Path) -> Result<Vec<Effect>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let effect = |line: &str| {
        let mut fields = line.split(' ');
        let mut field = || fields.next()?.parse().ok();
        let (partition, offset, key, number) = (field()?, field()?, field()?, field()?);
        Some(Effect {
            partition: i32::try_from(partition).ok()?,
            offset,
            key: u32::try_from(key).ok()?,
            number: u32::try_from(number).ok()?,
        })
    };
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| effect(line).with_context(|| format!("not an effect: `{line}`"))).collect()
}
