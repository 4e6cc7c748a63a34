//! The calls of handlers, and assertions on them.

use std::collections::{BTreeMap, BTreeSet};

use crate::Outcome;

/// One call of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The topic that the record was written to first: for one that came by way of a retry topic, the main topic.
    pub topic: String,
    /// The partition of that topic.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The attempt, counted from 1, as far as the consumer knows.
    pub attempt: u32,
    /// What came of it; `None` while the handler runs, and for one that ended with its consumer.
    pub outcome: Option<Outcome>,
    /// Which of the group's consumers it was.
    pub(super) app: usize,
}

/// Calls of handlers until one moment, in the order in which they began. Assertions return them again, so that one can follow
/// the other.
#[derive(Debug, Clone)]
#[must_use = "assert something of it"]
pub struct Calls {
    group: String,
    calls: Vec<Call>,
}

impl Calls {
    pub(super) fn new(group: &str, calls: Vec<Call>) -> Self {
        Self { group: group.to_owned(), calls }
    }

    /// Returns the calls, in the order in which they began.
    #[must_use]
    pub fn list(&self) -> &[Call] {
        &self.calls
    }

    /// Asserts how many calls there were, attempts that failed included.
    ///
    /// # Panics
    /// If it was another number; the text lists the calls.
    #[track_caller]
    pub fn assert_count(&self, expected: usize) -> &Self {
        let (group, count) = (&self.group, self.calls.len());
        assert!(
            count == expected,
            "handlers of `{group}` were called {count} times, expected {expected}{}",
            self.shown()
        );
        self
    }

    /// Asserts that no record was handled before all that is earlier on its key was done, however often that was tried. What
    /// was done may be handled again, as after a crash.
    ///
    /// # Panics
    /// At the first call that came too late; the text lists the calls.
    #[track_caller]
    pub fn assert_key_order(&self) -> &Self {
        if let Some((call, later)) = out_of_order(&self.calls) {
            let (group, topic, partition, offset) = (&self.group, &call.topic, call.partition, call.offset);
            let shown = self.shown();
            panic!(
                "`{group}` was not done with `{topic}` {partition}:{offset} when it began {partition}:{later} of the same key{shown}"
            );
        }
        self
    }

    fn shown(&self) -> String {
        if self.calls.is_empty() {
            return "; there was no call".into();
        }
        self.calls.iter().map(|call| format!("\n  {}", line(call))).collect()
    }
}

fn line(call: &Call) -> String {
    let key = call.key.as_deref().map_or("no key".into(), |key| format!("key `{}`", key.escape_ascii()));
    let outcome = call.outcome.as_ref().map_or("not ended".into(), |outcome| format!("{outcome:?}"));
    let Call { topic, partition, offset, attempt, .. } = call;
    format!("`{topic}` {partition}:{offset}, {key}, attempt {attempt}: {outcome}")
}

/// Returns the first call of a record that was not done when a later one of its key began, with the offset of that.
fn out_of_order(calls: &[Call]) -> Option<(&Call, i64)> {
    /// What is known of a key: the latest record that began, and those that were done.
    type Seen = (i64, BTreeSet<i64>);
    let mut keys: BTreeMap<(&str, i32, &[u8]), Seen> = BTreeMap::new();
    for call in calls {
        let Some(key) = call.key.as_deref() else { continue };
        let (latest, done) = keys.entry((&call.topic, call.partition, key)).or_insert((call.offset, BTreeSet::new()));
        if call.offset < *latest && !done.contains(&call.offset) {
            return Some((call, *latest));
        }
        *latest = call.offset.max(*latest);
        done.extend((call.outcome == Some(Outcome::Done)).then_some(call.offset));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_done_after_a_later_one_of_its_key_is_out_of_order() {
        let check = |calls: &[(&str, i64, bool)], expected: Option<(i64, i64)>| {
            let call = |(key, offset, is_done): &(&str, i64, bool)| Call {
                topic: "t".into(),
                partition: 0,
                offset: *offset,
                key: Some(key.as_bytes().to_vec()),
                attempt: 1,
                outcome: Some(if *is_done { Outcome::Done } else { Outcome::Retry("no".into()) }),
                app: 0,
            };
            let calls: Vec<_> = calls.iter().map(call).collect();
            assert_eq!(out_of_order(&calls).map(|(call, later)| (call.offset, later)), expected);
        };
        check(&[("a", 0, false), ("b", 1, true), ("a", 0, true), ("a", 2, true)], None);
        check(&[("a", 0, true), ("a", 2, true), ("a", 0, true), ("a", 2, true)], None);
        check(&[("a", 0, false), ("b", 1, true), ("a", 2, true), ("a", 0, true)], Some((0, 2)));
    }

    #[test]
    #[should_panic(expected = "handlers of `g` were called 0 times, expected 1; there was no call")]
    fn what_does_not_hold_says_what_was_called() {
        Calls::new("g", Vec::new()).assert_count(1);
    }
}
