//! What must hold in the end, whatever happened on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Plan;
use crate::plan::{Fate, Numbered, Store};

/// What was injected, and what came of it.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    /// How often each kind of fault was injected.
    pub faults: BTreeMap<&'static str, u32>,
    effects: usize,
    dead: usize,
    duplicates: usize,
    /// How many records may have been handled twice: those in flight at the faults.
    pub(crate) in_flight: usize,
    /// What did not hold.
    pub violations: Vec<String>,
}

/// How many violations are shown.
const SHOWN: usize = 20;

impl Report {
    pub(crate) fn new(plan: &Plan) -> Self {
        let (faults, violations) = (BTreeMap::new(), Vec::new());
        Self { plan: plan.clone(), faults, effects: 0, dead: 0, duplicates: 0, in_flight: 0, violations }
    }

    /// Judges what handlers did and what died. The effects of a key are in their order.
    pub(crate) fn judge(&mut self, effects: &[Numbered], letters: &[Numbered]) {
        let mut by_key: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for effect in effects {
            if seen.insert(*effect) {
                by_key.entry(effect.key).or_default().push(effect.number);
            } else {
                self.duplicates += 1;
            }
        }
        let dead: BTreeSet<_> = letters.iter().copied().collect();
        (self.effects, self.dead) = (effects.len(), dead.len());
        // Elsewhere, what was dead and not committed at a fault dies again.
        if self.plan.store == Store::Transactions && letters.len() > dead.len() {
            self.violations.push(format!("{} dead letters of {} records", letters.len(), dead.len()));
        }
        let sent: BTreeSet<Numbered> = (0..self.plan.events).map(|index| self.plan.event(index)).collect();
        let (die, live): (BTreeSet<_>, BTreeSet<_>) = sent.into_iter().partition(|event| event.fate() == Fate::Dies);
        self.compare("lost", &live, &seen);
        self.compare("not among the dead letters", &die, &dead);
        self.compare("has an effect and should have none", &seen, &live);
        self.compare("among the dead letters", &dead, &die);
        by_key.iter().for_each(|(key, numbers)| self.judge_order(*key, numbers));
        if self.duplicates > self.in_flight {
            let (duplicates, in_flight) = (self.duplicates, self.in_flight);
            self.violations.push(format!("{duplicates} duplicates, but only {in_flight} records were in flight"));
        }
    }

    /// Notes what is in one set and not in the other.
    fn compare(&mut self, what: &str, these: &BTreeSet<Numbered>, those: &BTreeSet<Numbered>) {
        let violation = |event: &Numbered| format!("{what}: key {} number {}", event.key, event.number);
        self.violations.extend(these.difference(those).map(violation));
    }

    fn judge_order(&mut self, key: u32, numbers: &[u32]) {
        for pair in numbers.windows(2) {
            if let [first, second] = pair
                && first > second
            {
                self.violations.push(format!("out of order: key {key} number {second} after {first}"));
            }
        }
    }

    fn duplicates_allowed(&self) -> String {
        match self.plan.store {
            Store::None => format!("at most {}, which were handled and not committed at the faults", self.in_flight),
            Store::Redis => format!("at most {}, which handlers were busy with at the faults", self.in_flight),
            Store::Sqlite | Store::Postgres | Store::Transactions => {
                "none may be: effect and mark share a transaction".into()
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { events, keys, consumers, workers, brokers, store, .. } = &self.plan;
        let store = store.name();
        writeln!(
            f,
            "{events} events of {keys} keys, {consumers} x {workers} workers, {brokers} brokers, store {store}"
        )?;
        let count: u32 = self.faults.values().sum();
        writeln!(f, "injected: {count} faults")?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {count} x {fault}")?;
        }
        writeln!(f, "checked: effects {}, dead letters {}", self.effects, self.dead)?;
        writeln!(f, "  duplicates {} ({})", self.duplicates, self.duplicates_allowed())?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "  VIOLATED {violation}")?;
        }
        match self.violations.len() {
            0 => write!(f, "  nothing lost, every key in its order, every offset committed"),
            count => write!(f, "  {count} violations"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of two keys, as they are sent.
    const ALL: [(u32, u32); 6] = [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)];

    fn numbered(events: &[(u32, u32)]) -> Vec<Numbered> {
        events.iter().map(|(key, number)| Numbered { key: *key, number: *number }).collect()
    }

    fn judged(effects: &[(u32, u32)], dead: &[(u32, u32)]) -> Report {
        let plan = clap::Parser::parse_from(["chaos", "--events", "6", "--keys", "2"]);
        let mut report = Report { in_flight: 1, ..Report::new(&plan) };
        report.judge(&numbered(effects), &numbered(dead));
        report
    }

    #[test]
    fn what_is_lost_doubled_out_of_order_or_too_much_is_found() {
        let violations = |effects: &[(u32, u32)], dead: &[(u32, u32)]| judged(effects, dead).violations;
        assert_eq!(violations(&ALL, &[]), Vec::<String>::new());
        assert_eq!(violations(&ALL[..5], &[]), ["lost: key 1 number 2"]);
        let swapped = [(0, 1), (1, 0), (0, 0), (1, 1), (0, 2), (1, 2)];
        assert_eq!(violations(&swapped, &[]), ["out of order: key 0 number 0 after 1"]);
        let foreign = [&ALL[..], &[(0, 3)]].concat();
        assert_eq!(violations(&foreign, &[]), ["has an effect and should have none: key 0 number 3"]);
        assert_eq!(violations(&ALL, &[(0, 1)]), ["among the dead letters: key 0 number 1"]);
        let again = [&ALL[..], &[(0, 0)]].concat();
        assert_eq!((judged(&again, &[]).duplicates, violations(&again, &[]).len()), (1, 0));
        let twice = [&ALL[..], &[(0, 0), (0, 1)]].concat();
        assert_eq!(violations(&twice, &[]), ["2 duplicates, but only 1 records were in flight"]);
    }

    #[test]
    fn what_should_have_died_and_did_not_is_found() {
        let doomed = |event: &Numbered| event.fate() == Fate::Dies;
        let mut plan = Plan { keys: 1, ..clap::Parser::parse_from(["chaos", "--events", "5000"]) };
        let all: Vec<_> = (0..plan.events).map(|index| plan.event(index)).collect();
        let (die, live): (Vec<_>, Vec<_>) = all.into_iter().partition(doomed);
        let mut report = Report::new(&plan);
        report.judge(&live, &die);
        assert_eq!((report.violations.len(), die.is_empty()), (0, false), "{report}");
        report.judge(&live, &die[1..]);
        assert_eq!(report.violations, [format!("not among the dead letters: key 0 number {}", die[0].number)]);

        let twice = [&die[..], &die[..1]].concat();
        let mut violations = |store| {
            plan.store = store;
            let mut report = Report::new(&plan);
            report.judge(&live, &twice);
            report.violations
        };
        assert_eq!(violations(Store::None), Vec::<String>::new());
        assert_eq!(violations(Store::Transactions), [format!("{} dead letters of {} records", twice.len(), die.len())]);
    }
}
