//! When a consumer stops rather than go on making dead letters.
//!
//! In: whether each record that is finished was handled or died. Out: whether one death is too many. No I/O, no clock.

use std::collections::VecDeque;

use crate::settings::DeadLetterStop;

/// Counts dead letters among the last records.
#[derive(Debug)]
pub(crate) struct StopRule {
    limits: DeadLetterStop,
    /// How many died since one was handled.
    run: u32,
    /// The last records, and whether they died; kept where a share of them is a limit.
    window: VecDeque<bool>,
    n_dead: u32,
}

impl StopRule {
    pub(crate) fn new(limits: DeadLetterStop) -> Self {
        Self { limits, run: 0, window: VecDeque::new(), n_dead: 0 }
    }

    /// Takes a record that was handled.
    pub(crate) fn handled(&mut self) {
        self.run = 0;
        self.note(false);
    }

    /// Takes a record that is to become a dead letter; returns why it must not, if it is one too many.
    pub(crate) fn died(&mut self) -> Option<String> {
        self.run = self.run.saturating_add(1);
        self.note(true);
        let DeadLetterStop { run, percent, window } = self.limits;
        if run.is_some_and(|limit| self.run >= limit) {
            return Some(format!("{} records in a row", self.run));
        }
        let is_full = self.window.len() >= usize::try_from(window).unwrap_or(usize::MAX);
        let is_too_much = |percent: u8| u64::from(self.n_dead) * 100 >= u64::from(percent) * u64::from(window);
        (is_full && percent.is_some_and(is_too_much)).then(|| format!("{} of the last {window} records", self.n_dead))
    }

    fn note(&mut self, died: bool) {
        if self.limits.percent.is_none() {
            return;
        }
        self.window.push_back(died);
        self.n_dead += u32::from(died);
        if self.window.len() > usize::try_from(self.limits.window).unwrap_or(usize::MAX) {
            let oldest = self.window.pop_front();
            self.n_dead -= u32::from(oldest == Some(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a story of records that are handled (`+`) and that die (`-`), and expects the last one, and no other, to be too much
    /// where there is something that it is told with.
    fn check(limits: DeadLetterStop, story: &str, expected: Option<&str>) {
        let mut rule = StopRule::new(limits);
        let told: Vec<_> = story
            .chars()
            .map(|record| match record {
                '+' => {
                    rule.handled();
                    None
                }
                _ => rule.died(),
            })
            .collect();
        let (last, others) = told.split_last().unwrap();
        assert_eq!(last.as_deref(), expected, "{story}");
        assert!(others.iter().all(Option::is_none), "{story}: {others:?}");
    }

    #[test]
    fn without_limits_any_number_may_die() {
        check(DeadLetterStop::default(), &"-".repeat(3000), None);
    }

    #[test]
    fn a_run_is_broken_by_a_record_that_is_handled() {
        let limits = DeadLetterStop { run: Some(3), ..DeadLetterStop::default() };
        check(limits, "--+--+--", None);
        check(limits, "--+---", Some("3 records in a row"));
        check(DeadLetterStop { run: Some(1), ..limits }, "+++-", Some("1 records in a row"));
    }

    #[test]
    fn a_share_counts_over_the_last_records_and_over_all_of_the_window() {
        let limits = DeadLetterStop { percent: Some(50), window: 4, ..DeadLetterStop::default() };
        check(limits, "---", None);
        check(limits, "++--", Some("2 of the last 4 records"));
        check(limits, "--+++-+++-", None);
        check(limits, "+-+++-+-", Some("2 of the last 4 records"));
        check(DeadLetterStop { percent: Some(100), ..limits }, "+---", None);
        check(DeadLetterStop { percent: Some(100), ..limits }, "----", Some("4 of the last 4 records"));
    }
}
