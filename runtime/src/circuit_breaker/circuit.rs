//! The state machine of a circuit breaker: no I/O, no clock, the time is an argument.
//!
//! In: attempts that ask whether they may begin, and how they ended. Out: yes or no, and the state. States and defaults are those of
//! sony/gobreaker: closed, until too many attempts fail; open, for a while; half-open, while a few attempts try whether it is over.

use std::fmt;

use tokio::time::Instant;

use crate::settings::CircuitBreakerSettings;

/// What a circuit breaker does with attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets all of them through.
    Closed,
    /// Lets none through: too many have failed.
    Open,
    /// Lets a few through, to see whether they succeed again.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Succeeded,
    Failed,
    /// Nobody knows: it never really began, or nobody waited for its end.
    GivenUp,
}

/// A circuit.
#[derive(Debug)]
pub(crate) struct Circuit {
    settings: CircuitBreakerSettings,
    state: State,
    /// Grows with each change of the state, so that what began in an earlier one does not count in this one.
    generation: Generation,
    counts: Counts,
}

/// The turn of a state.
pub(crate) type Generation = u64;

/// Attempts of a window of a closed circuit, or the probes of a half-open one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u32,
    pub(crate) successes: u32,
    pub(crate) failures: u32,
    pub(crate) failures_in_a_row: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// When the window ends; `None` before the first attempt of a window, and where there are no windows.
    Closed(Option<Instant>),
    /// When it becomes half-open.
    Open(Instant),
    HalfOpen,
}

impl Circuit {
    pub(crate) fn new(settings: CircuitBreakerSettings) -> Self {
        Self { settings, state: State::Closed(None), generation: 0, counts: Counts::default() }
    }

    pub(crate) fn state(&mut self, now: Instant) -> BreakerState {
        self.follow(now);
        match self.state {
            State::Closed(_) => BreakerState::Closed,
            State::Open(_) => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// Returns whether an attempt may begin.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        match self.state(now) {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => self.counts.requests < self.settings.max_requests,
        }
    }

    /// Takes an attempt that begins, if it may.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<Generation> {
        if !self.admits(now) {
            return None;
        }
        if let State::Closed(window_end @ None) = &mut self.state
            && !self.settings.interval.is_zero()
        {
            *window_end = Some(now + self.settings.interval);
        }
        self.counts.requests = self.counts.requests.saturating_add(1);
        Some(self.generation)
    }

    /// Takes how an attempt ended that began in that generation.
    pub(crate) fn end(&mut self, generation: Generation, ended: Ended, now: Instant) {
        self.follow(now);
        if generation != self.generation {
            return;
        }
        let counts = &mut self.counts;
        match ended {
            Ended::GivenUp => counts.requests = counts.requests.saturating_sub(1),
            Ended::Succeeded => {
                counts.successes = counts.successes.saturating_add(1);
                counts.failures_in_a_row = 0;
                if matches!(self.state, State::HalfOpen) && counts.successes >= self.settings.max_requests {
                    self.change(State::Closed(None));
                }
            }
            Ended::Failed => {
                counts.failures = counts.failures.saturating_add(1);
                counts.failures_in_a_row = counts.failures_in_a_row.saturating_add(1);
                if matches!(self.state, State::HalfOpen) || self.is_too_much() {
                    self.change(State::Open(now + self.settings.timeout));
                }
            }
        }
    }

    /// Closes the circuit and forgets all failures.
    pub(crate) fn reset(&mut self) {
        self.change(State::Closed(None));
    }

    /// Returns when time alone changes what the circuit lets through.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Open(until) => Some(until),
            State::Closed(_) | State::HalfOpen => None,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Follows the time: windows end, and open circuits become half-open.
    fn follow(&mut self, now: Instant) {
        match self.state {
            State::Closed(Some(window_end)) if window_end <= now => self.change(State::Closed(None)),
            State::Open(until) if until <= now => self.change(State::HalfOpen),
            _ => {}
        }
    }

    fn is_too_much(&self) -> bool {
        let CircuitBreakerSettings { failures, failure_percent, min_requests, .. } = self.settings;
        let counts = self.counts;
        let has_share = |percent: u8| {
            counts.requests >= min_requests.max(1)
                && u64::from(counts.failures) * 100 >= u64::from(counts.requests) * u64::from(percent)
        };
        counts.failures_in_a_row >= failures || failure_percent.is_some_and(has_share)
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.counts = Counts::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SETTINGS: CircuitBreakerSettings = CircuitBreakerSettings {
        enabled: true,
        failures: 3,
        failure_percent: Some(50),
        min_requests: 10,
        interval: Duration::from_secs(60),
        timeout: Duration::from_secs(30),
        max_requests: 2,
    };

    /// Runs a story, a step a word: `+` and `-` are attempts that succeed and fail, `!` one that is refused, `?` one that is given
    /// up, a number lets so many seconds pass, `reset` resets; a state says what it must be then.
    fn check(story: &str) {
        let (mut circuit, mut now) = (Circuit::new(SETTINGS), Instant::now());
        for (place, step) in story.split(' ').enumerate() {
            let mut attempt = |ended| {
                let generation = circuit.begin(now).unwrap_or_else(|| panic!("refused at {place} of {story}"));
                circuit.end(generation, ended, now);
            };
            match step {
                "+" => attempt(Ended::Succeeded),
                "-" => attempt(Ended::Failed),
                "?" => attempt(Ended::GivenUp),
                "!" => assert_eq!(circuit.begin(now), None, "at {place} of {story}"),
                "reset" => circuit.reset(),
                "closed" => assert_eq!(circuit.state(now), BreakerState::Closed, "at {place} of {story}"),
                "open" => assert_eq!(circuit.state(now), BreakerState::Open, "at {place} of {story}"),
                "half" => assert_eq!(circuit.state(now), BreakerState::HalfOpen, "at {place} of {story}"),
                seconds => now += Duration::from_secs(seconds.parse().unwrap()),
            }
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        check("- - closed - open !");
        check("- - + - - closed - open");
        check("- - ? closed - open");
    }

    #[test]
    fn it_tries_again_after_a_while_and_closes_when_that_succeeds() {
        check("- - - 29 open ! 1 half + half + closed + + +");
        check("- - - 30 half + - open ! 29 ! 1 + + closed");
        check("- - - 30 ? ? ? half + + closed");
        check("- - - 30 + + - - closed - open");
    }

    #[test]
    fn a_share_of_failures_opens_it_where_there_are_enough_attempts() {
        check("+ - + - + - + - + closed - open");
        check("+ - + - + - + - + + closed + - closed");
        check("+ - + - + - + - + 60 - closed");
        check("+ - + - + - + - + 59 - open");
    }

    #[test]
    fn a_window_forgets_what_was_before_it() {
        check("- - 60 - closed - closed - open");
        check("- - 30 - open");
    }

    #[test]
    fn a_reset_closes_it_and_forgets_everything() {
        check("- - - open reset closed - - closed - open");
        check("- - - 30 half reset closed");
    }

    #[test]
    fn it_lets_as_many_probes_through_at_once_as_it_may() {
        let (mut circuit, now) = (Circuit::new(SETTINGS), Instant::now());
        for _ in 0..3 {
            let generation = circuit.begin(now).unwrap();
            circuit.end(generation, Ended::Failed, now);
        }
        assert_eq!(circuit.wake_at(), Some(now + Duration::from_secs(30)));
        let later = now + Duration::from_secs(30);
        let probes = [circuit.begin(later).unwrap(), circuit.begin(later).unwrap()];
        assert!(!circuit.admits(later));
        circuit.end(probes[0], Ended::Succeeded, later);
        assert!(!circuit.admits(later), "the other one is still running");
        circuit.end(probes[1], Ended::Failed, later);
        assert_eq!(circuit.state(later), BreakerState::Open);
    }

    #[test]
    fn what_began_before_a_change_does_not_count_after_it() {
        let (mut circuit, now) = (Circuit::new(SETTINGS), Instant::now());
        let running: Vec<_> = (0..6).map(|_| circuit.begin(now).unwrap()).collect();
        for generation in &running[..3] {
            circuit.end(*generation, Ended::Failed, now);
        }
        let later = now + Duration::from_secs(30);
        assert_eq!(circuit.state(later), BreakerState::HalfOpen);
        circuit.end(running[3], Ended::Failed, later);
        assert_eq!(circuit.state(later), BreakerState::HalfOpen);
        circuit.end(running[4], Ended::Succeeded, later);
        circuit.end(running[5], Ended::Succeeded, later);
        assert_eq!(circuit.state(later), BreakerState::HalfOpen);
    }

    #[test]
    fn windows_without_end_are_possible() {
        let settings = CircuitBreakerSettings { interval: Duration::ZERO, ..SETTINGS };
        let (mut circuit, now) = (Circuit::new(settings), Instant::now());
        for hour in 0..3 {
            let now = now + Duration::from_secs(3600 * hour);
            let generation = circuit.begin(now).unwrap();
            circuit.end(generation, Ended::Failed, now);
        }
        assert_eq!(circuit.state(now), BreakerState::Open);
    }
}
