//! Circuit breakers: a handler that keeps failing is given a rest, and its records are held meanwhile, not given up.
//!
//! In: how attempts of a handler end. Out: whether the next one may begin, and a handle by which the program follows and resets the
//! breaker. [`Circuit`] decides; this file shares it between the consumer and the program.
//!
//! While a breaker is not closed, the partitions that carry its handler's event are held: all of the topic's, for any of them may.
//! Records of other events there wait too, because to let them overtake would break their order. What is held counts no attempt,
//! and the consumer keeps its place in the group. A failure means that the handler asked for another attempt, or panicked; a record
//! that it rejects is one that it could judge, and so a success.

mod circuit;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use self::circuit::BreakerState;
use self::circuit::{Circuit, Ended, Generation};
use crate::settings::CircuitBreakerSettings;

/// The circuit breaker of a handler, to be followed and reset while the consumer runs; a clone is the same breaker.
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Shared>);

struct Shared {
    topic: Arc<str>,
    handler: String,
    circuit: Mutex<Circuit>,
    state: watch::Sender<BreakerState>,
    /// Tells the consumer that a breaker was reset.
    wake: Arc<Notify>,
}

/// What a circuit breaker does, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStatus {
    /// What it does with attempts.
    pub state: BreakerState,
    /// How many attempts have begun since the state or the interval began.
    pub requests: u32,
    /// How many of them have succeeded.
    pub successes: u32,
    /// How many of them have failed.
    pub failures: u32,
    /// How many of them have failed in a row.
    pub failures_in_a_row: u32,
    /// How long an open breaker stays open.
    pub open_for: Option<Duration>,
}

impl CircuitBreaker {
    pub(crate) fn new(topic: Arc<str>, handler: String, settings: CircuitBreakerSettings, wake: Arc<Notify>) -> Self {
        let (circuit, state) = (Mutex::new(Circuit::new(settings)), watch::Sender::new(BreakerState::Closed));
        Self(Arc::new(Shared { topic, handler, circuit, state, wake }))
    }

    /// Returns the topic of the handler, with its prefix.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Returns the event of the handler; of a handler that takes all events of its topic, the names of all of them.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.0.handler
    }

    /// Returns what the breaker does now, and why.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        let now = Instant::now();
        let mut circuit = self.circuit();
        let (state, counts) = (circuit.state(now), circuit.counts());
        BreakerStatus {
            state,
            requests: counts.requests,
            successes: counts.successes,
            failures: counts.failures,
            failures_in_a_row: counts.failures_in_a_row,
            open_for: circuit.wake_at().map(|until| until.saturating_duration_since(now)),
        }
    }

    /// Closes the breaker and forgets all failures; the records that it held are handled.
    pub fn reset(&self) {
        let mut circuit = self.circuit();
        circuit.reset();
        self.tell(circuit, Instant::now());
        self.0.wake.notify_one();
    }

    /// Returns the states of the breaker, each as soon as the consumer comes to it: a channel that has the newest one.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<BreakerState> {
        self.0.state.subscribe()
    }

    /// Returns whether an attempt may begin.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        let mut circuit = self.circuit();
        let admits = circuit.admits(now);
        self.tell(circuit, now);
        admits
    }

    /// Returns the right to begin an attempt, if it may begin.
    pub(crate) fn begin(&self, now: Instant) -> Option<Permit> {
        let mut circuit = self.circuit();
        let generation = circuit.begin(now);
        self.tell(circuit, now);
        Some(Permit { breaker: Some(self.clone()), generation: generation? })
    }

    /// Returns when time alone changes what the breaker lets through.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.circuit().wake_at()
    }

    fn end(&self, generation: Generation, ended: Ended, now: Instant) -> BreakerState {
        let mut circuit = self.circuit();
        circuit.end(generation, ended, now);
        self.tell(circuit, now)
    }

    /// Tells the log, and whoever follows the states, where the state has changed.
    fn tell(&self, mut circuit: MutexGuard<'_, Circuit>, now: Instant) -> BreakerState {
        let state = circuit.state(now);
        let is_new = self.0.state.send_if_modified(|known| std::mem::replace(known, state) != state);
        drop(circuit);
        if is_new {
            let (topic, handler) = (self.topic(), self.handler());
            match state {
                BreakerState::Open => {
                    tracing::warn!(
                        topic,
                        handler,
                        "a circuit breaker is open: the handler keeps failing, and records wait"
                    );
                }
                _ => tracing::info!(topic, handler, %state, "a circuit breaker has changed its state"),
            }
        }
        state
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to begin an attempt; dropped without an end, it never began.
pub(crate) struct Permit {
    /// `None` once the end is known.
    breaker: Option<CircuitBreaker>,
    generation: Generation,
}

impl Permit {
    /// Takes that the attempt succeeded.
    pub(crate) fn succeeded(self, now: Instant) {
        self.end(Ended::Succeeded, now);
    }

    /// Takes that the attempt failed, and returns whether the breaker is closed all the same.
    pub(crate) fn failed(self, now: Instant) -> bool {
        self.end(Ended::Failed, now) == Some(BreakerState::Closed)
    }

    fn end(mut self, ended: Ended, now: Instant) -> Option<BreakerState> {
        let breaker = self.breaker.take()?;
        Some(breaker.end(self.generation, ended, now))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(breaker) = self.breaker.take() {
            breaker.end(self.generation, Ended::GivenUp, Instant::now());
        }
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (topic, handler) = (self.topic(), self.handler());
        f.debug_struct("CircuitBreaker").field("topic", &topic).field("handler", &handler).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(failures: u32) -> CircuitBreaker {
        let settings = CircuitBreakerSettings { failures, ..CircuitBreakerSettings::enabled() };
        CircuitBreaker::new("orders".into(), "OrderCreated".into(), settings, Arc::default())
    }

    #[test]
    fn its_handle_tells_of_its_states_and_resets_it() {
        let (breaker, now) = (breaker(2), Instant::now());
        let states = breaker.states();
        assert!(breaker.begin(now).unwrap().failed(now));
        assert_eq!((breaker.status().failures_in_a_row, *states.borrow()), (1, BreakerState::Closed));
        assert!(!breaker.begin(now).unwrap().failed(now), "this one was too much");
        assert_eq!((breaker.status().state, *states.borrow()), (BreakerState::Open, BreakerState::Open));
        assert!(breaker.status().open_for.unwrap() > Duration::from_secs(20));
        assert!(!breaker.admits(now) && breaker.begin(now).is_none());
        breaker.reset();
        assert_eq!((breaker.status().state, *states.borrow()), (BreakerState::Closed, BreakerState::Closed));
        assert!(breaker.admits(now));
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_room_for_another() {
        let (breaker, now) = (breaker(1), Instant::now());
        breaker.begin(now).unwrap().failed(now);
        let later = now + CircuitBreakerSettings::default().timeout;
        let probes: Vec<_> = (0..3).map(|_| breaker.begin(later).unwrap()).collect();
        assert!(!breaker.admits(later));
        drop(probes);
        (0..3).for_each(|_| breaker.begin(later).unwrap().succeeded(later));
        assert!(breaker.admits(later));
    }

    #[test]
    fn an_attempt_that_fails_while_the_breaker_is_open_says_so() {
        let (breaker, now) = (breaker(1), Instant::now());
        let running = [breaker.begin(now).unwrap(), breaker.begin(now).unwrap()];
        assert_eq!(running.map(|permit| permit.failed(now)), [false, false]);
    }
}
