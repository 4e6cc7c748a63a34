//! What must hold in the end, whatever happened on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Plan;
use crate::effects::Effect;
use crate::plan::Fate;

/// What was injected, and what came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How often each kind of fault was injected.
    pub faults: BTreeMap<&'static str, u32>,
    pub(crate) effects: usize,
    pub(crate) dead: usize,
    pub(crate) duplicates: usize,
    /// How many records were handled and not committed when something was killed: so many may be handled twice.
    pub(crate) in_flight: usize,
    /// What did not hold.
    pub violations: Vec<String>,
}

impl Report {
    /// Judges what handlers did and what died; `dead` are keys and numbers.
    pub(crate) fn judge(&mut self, plan: &Plan, effects: &[Effect], dead: &BTreeSet<(u32, u32)>) {
        let mut by_key: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for effect in effects {
            if seen.insert((effect.key, effect.number)) {
                by_key.entry(effect.key).or_default().push(effect.number);
            } else {
                self.duplicates += 1;
            }
        }
        (self.effects, self.dead) = (effects.len(), dead.len());
        for key in 0..plan.keys {
            self.judge_key(plan, key, by_key.get(&key).map_or(&[], Vec::as_slice), dead);
        }
        if self.duplicates > self.in_flight {
            let (duplicates, in_flight) = (self.duplicates, self.in_flight);
            self.violations.push(format!("{duplicates} duplicates, but only {in_flight} records were in flight"));
        }
    }

    fn judge_key(&mut self, plan: &Plan, key: u32, handled: &[u32], dead: &BTreeSet<(u32, u32)>) {
        let records = 0..plan.records_of(key);
        let (die, live): (BTreeSet<u32>, BTreeSet<u32>) =
            records.partition(|number| Plan::fate(key, *number) == Fate::Dies);
        let all: BTreeSet<u32> = handled.iter().copied().collect();
        for lost in live.difference(&all) {
            self.violations.push(format!("lost: key {key} number {lost}"));
        }
        for lost in die.iter().filter(|number| !dead.contains(&(key, **number))) {
            self.violations.push(format!("not among the dead letters: key {key} number {lost}"));
        }
        for pair in handled.windows(2) {
            if let [first, second] = pair
                && first > second
            {
                self.violations.push(format!("out of order: key {key} number {second} after {first}"));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.faults.iter().map(|(fault, count)| format!("{count} x {fault}")).collect();
        writeln!(f, "injected: {}", if faults.is_empty() { "nothing".into() } else { faults.join(", ") })?;
        writeln!(f, "effects {}, dead letters {}", self.effects, self.dead)?;
        writeln!(f, "duplicates {} of at most {} in flight at the faults", self.duplicates, self.in_flight)?;
        for violation in self.violations.iter().take(20) {
            writeln!(f, "VIOLATED {violation}")?;
        }
        match self.violations.len() {
            0 => write!(f, "nothing lost, every key in its order, all committed"),
            count => write!(f, "{count} violations"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        clap::Parser::parse_from(["chaos", "--events", "6", "--keys", "2"])
    }

    fn judged(numbers: &[(u32, u32)]) -> Report {
        let effect = |(key, number): &(u32, u32)| Effect { partition: 0, offset: 0, key: *key, number: *number };
        let effects: Vec<_> = numbers.iter().map(effect).collect();
        let mut report = Report { in_flight: 1, ..Report::default() };
        report.judge(&plan(), &effects, &BTreeSet::new());
        report
    }

    #[test]
    fn what_is_lost_doubled_or_out_of_order_is_found() {
        let all = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)];
        assert_eq!(judged(&all).violations, Vec::<String>::new());
        assert_eq!(judged(&all[..5]).violations, ["lost: key 1 number 2"]);
        let swapped = [(0, 1), (1, 0), (0, 0), (1, 1), (0, 2), (1, 2)];
        assert_eq!(judged(&swapped).violations, ["out of order: key 0 number 0 after 1"]);
        let again = [all.as_slice(), &[(0, 0)]].concat();
        assert_eq!((judged(&again).duplicates, judged(&again).violations.len()), (1, 0));
        let twice = [all.as_slice(), &[(0, 0), (0, 1)]].concat();
        assert_eq!(judged(&twice).violations, ["2 duplicates, but only 1 records were in flight"]);
    }
}
