//! What is written in one transaction: copies, and between them the letters of which only the reason is told.
//!
//! Letters leave a batch in the order in which they came, so that a real run tells of them as a dry run does.

use std::time::{Duration, Instant};

use super::report::{Entry, Verdict};
use super::writer::Copy;

/// A transaction costs a few milliseconds, whatever is in it. More than this at once only takes memory.
const MAX_LETTERS: usize = 2000;

/// Bytes of keys and values, beyond which a batch takes no more letters.
const MAX_BYTES: usize = 4 << 20;

/// How long the first letter of a batch waits for others, where they come slowly.
const MAX_AGE: Duration = Duration::from_millis(250);

/// Letters whose turn has come.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    items: Vec<(Entry, Option<Copy>)>,
    bytes: usize,
    since: Option<Instant>,
}

impl Batch {
    pub(crate) fn push(&mut self, entry: Entry, copy: Option<Copy>, now: Instant) {
        self.since.get_or_insert(now);
        self.bytes += copy.as_ref().map_or(0, Copy::size);
        self.items.push((entry, copy));
    }

    /// Returns whether the batch should be written now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.items.len() >= MAX_LETTERS
            || self.bytes >= MAX_BYTES
            || self.since.is_some_and(|since| now.saturating_duration_since(since) >= MAX_AGE)
    }

    /// Returns when the batch is due even if nothing is added.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.since.map(|since| since + MAX_AGE)
    }

    pub(crate) fn copies(&self) -> Vec<&Copy> {
        self.items.iter().filter_map(|(_, copy)| copy.as_ref()).collect()
    }

    /// Takes out the copy at that index of [`Batch::copies`]: the broker does not take it.
    pub(crate) fn refuse(&mut self, index: usize, why: String) {
        if let Some((entry, copy)) = self.items.iter_mut().filter(|(_, copy)| copy.is_some()).nth(index) {
            *copy = None;
            entry.verdict = Verdict::Refused(why);
        }
    }

    /// Empties the batch.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Entry> {
        let items = std::mem::take(self).items;
        items.into_iter().map(|(entry, _)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;

    fn push(batch: &mut Batch, offset: i64, verdict: Verdict, now: Instant) {
        let letter = letter((0, offset), 5, &[]);
        let entry = Entry::new(&letter, verdict);
        let copy = matches!(entry.verdict, Verdict::Replay { .. });
        let copy = copy.then(|| Copy { letter, to: "orders".into(), rewritten: None });
        batch.push(entry, copy, now);
    }

    fn replay() -> Verdict {
        Verdict::Replay { to: "orders".into() }
    }

    #[test]
    fn a_copy_that_is_refused_leaves_the_others_and_the_order() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        push(&mut batch, 1, replay(), now);
        push(&mut batch, 2, Verdict::Foreign("no headers".into()), now);
        push(&mut batch, 3, replay(), now);
        push(&mut batch, 4, replay(), now);
        batch.refuse(1, "too large".into());
        let left: Vec<_> = batch.copies().iter().map(|copy| copy.letter.record().offset).collect();
        assert_eq!(left, [1, 4]);
        let entries: Vec<_> = batch.take().map(|entry| (entry.letter.offset, entry.verdict)).collect();
        let refused = |why: &str| Verdict::Refused(why.into());
        let expected =
            [(1, replay()), (2, Verdict::Foreign("no headers".into())), (3, refused("too large")), (4, replay())];
        assert_eq!(entries, expected);
        assert!(batch.copies().is_empty() && batch.due_at().is_none());
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_old() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        assert!(!batch.is_due(now + Duration::from_secs(9)));
        push(&mut batch, 1, replay(), now);
        assert!(!batch.is_due(now) && batch.is_due(now + MAX_AGE));
        for offset in 2..=2000 {
            push(&mut batch, offset, replay(), now);
        }
        assert!(batch.is_due(now));
    }
}
