//! How many dead letters there are, by what killed them, what they are, where they came from and how old they are.

use std::collections::BTreeMap;

use eventwright_wire::jiff::Timestamp;
use serde::Serialize;

use super::letter::Letter;

/// What a letter is counted under where no header says it.
const UNKNOWN: &str = "(unknown)";

/// A header from outside could have a value of its own in each letter; beyond so many they are counted together.
const MAX_GROUPS: usize = 1000;

/// What the others are counted under.
const OTHERS: &str = "(others)";

/// The classes of age, in seconds: a letter belongs to the first that it is younger than.
const AGES: [(&str, i64); 4] =
    [("under 1 hour", 3600), ("under 1 day", 86_400), ("under 7 days", 604_800), ("7 days or more", i64::MAX)];

/// How many dead letters there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// All of them.
    pub total: u64,
    /// Those that were replayed.
    pub replayed: u64,
    /// Those that no consumer of ours has written.
    pub foreign: u64,
    /// By the class of the failure.
    pub by_reason: BTreeMap<String, u64>,
    /// By the name of the event.
    pub by_event: BTreeMap<String, u64>,
    /// By the topic that they came from.
    pub by_topic: BTreeMap<String, u64>,
    /// By how long ago they died, the youngest first.
    pub by_age: Vec<(&'static str, u64)>,
    /// When the oldest one died.
    pub oldest: Option<Timestamp>,
    /// When the newest one died.
    pub newest: Option<Timestamp>,
}

impl Stats {
    pub(crate) fn new() -> Self {
        Self { by_age: AGES.map(|(class, _)| (class, 0)).to_vec(), ..Self::default() }
    }

    /// Counts a letter.
    pub(crate) fn add(&mut self, letter: &Letter, replayed: Replayed, now: Timestamp) {
        self.total += 1;
        self.replayed += u64::from(replayed == Replayed::Yes);
        self.foreign += u64::from(letter.foreign().is_some());
        count(&mut self.by_reason, letter.reason());
        count(&mut self.by_event, letter.event());
        count(&mut self.by_topic, letter.origin().map(|origin| origin.topic.as_str()));
        let Some(died) = letter.died_at() else { return };
        self.oldest = Some(self.oldest.map_or(died, |oldest| oldest.min(died)));
        self.newest = Some(self.newest.map_or(died, |newest| newest.max(died)));
        let age = now.as_second() - died.as_second();
        let class = AGES.iter().position(|(_, seconds)| age < *seconds);
        if let Some((_, counted)) = class.and_then(|class| self.by_age.get_mut(class)) {
            *counted += 1;
        }
    }
}

/// Whether the ledger has a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replayed {
    Yes,
    No,
}

fn count(groups: &mut BTreeMap<String, u64>, name: Option<&str>) {
    let name = name.unwrap_or(UNKNOWN);
    let name = if groups.len() < MAX_GROUPS || groups.contains_key(name) { name } else { OTHERS };
    *groups.entry(name.to_owned()).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{letter, record};
    use super::*;
    use crate::copies::headers::REASON;
    use crate::message::EVENT;

    #[test]
    fn letters_are_counted_by_all_that_is_known_of_them() {
        let (now, mut stats) = (Timestamp::from_second(1_000_000).unwrap(), Stats::new());
        let at = |seconds_ago: i64| (1_000_000 - seconds_ago) * 1000;
        stats.add(&letter((0, 0), at(3599), &[(REASON, "handler"), (EVENT, "Order")]), Replayed::Yes, now);
        stats.add(&letter((0, 1), at(3600), &[(REASON, "handler")]), Replayed::No, now);
        stats.add(&letter((0, 2), at(-60), &[(REASON, "rejected"), (EVENT, "Order")]), Replayed::No, now);
        stats.add(&Letter::new(record((0, 3), at(700_000), &[])), Replayed::No, now);
        assert_eq!((stats.total, stats.replayed, stats.foreign), (4, 1, 1));
        let groups = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        assert_eq!(stats.by_reason, groups(&[("handler", 2), ("rejected", 1), (UNKNOWN, 1)]));
        assert_eq!(stats.by_event, groups(&[("Order", 2), (UNKNOWN, 2)]));
        assert_eq!(stats.by_topic, groups(&[("orders", 3), (UNKNOWN, 1)]));
        let ages: Vec<_> = stats.by_age.iter().map(|(_, count)| *count).collect();
        assert_eq!(ages, [2, 1, 0, 1]);
        let seconds = |time: Option<Timestamp>| time.unwrap().as_second();
        assert_eq!((seconds(stats.oldest), seconds(stats.newest)), (300_000, 1_000_060));
    }

    #[test]
    fn headers_from_outside_do_not_fill_the_memory() {
        let mut groups = BTreeMap::new();
        for number in 0..3000 {
            count(&mut groups, Some(&number.to_string()));
        }
        assert_eq!((groups.len(), groups[OTHERS]), (MAX_GROUPS + 1, 2000));
    }
}
