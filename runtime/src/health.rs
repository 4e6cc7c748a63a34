//! How a consumer is doing, for whoever asks while it runs: a probe of an orchestrator, a page, a test.
//!
//! In: what the session does, what librdkafka says of its connections, answers of the registry. Out: [`HealthStatus`]. Nobody waits for
//! any of it, and to ask costs no request.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventwright_registry::RegistryClient;
use tokio::time::{Instant, sleep};

use crate::consumer::Group;

/// How often the registry is asked whether it is there.
const INTERVAL: Duration = Duration::from_secs(10);

/// A session that has not looked for records for so long hangs: it does so once a second.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// Tells how a consumer is doing; a clone tells of the same consumer.
#[derive(Clone, Default)]
pub struct ConsumerHealth(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// `None` before the consumer has started, and after its end.
    group: Option<Arc<Group>>,
    registry_error: Option<String>,
    partitions: Vec<(Arc<str>, i32)>,
    n_assignments: u64,
    polled_at: Option<Instant>,
}

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthStatus {
    /// Whether it runs: it has connected, and was not stopped.
    pub is_running: bool,
    /// Why no broker can be reached, where that is so.
    pub broker_error: Option<String>,
    /// Why the registry did not answer when it was asked last, where that is so.
    pub registry_error: Option<String>,
    /// The partitions that are assigned: topic, with its prefix, and number.
    pub partitions: Vec<(String, i32)>,
    /// How often partitions came or went so far.
    pub assignments: u64,
    /// How long ago it last looked for records. A handler that blocks its thread makes this grow.
    pub since_poll: Option<Duration>,
}

impl HealthStatus {
    /// Returns whether the consumer runs, and looks for records as often as it should. A broker or a registry that is down is no
    /// reason to start a consumer again: it waits for both.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.is_running && self.since_poll.is_some_and(|since| since < LONGEST_SILENCE)
    }

    /// Returns whether it can work now: it is alive, and broker and registry answer.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_alive() && self.broker_error.is_none() && self.registry_error.is_none()
    }
}

impl ConsumerHealth {
    /// Returns how the consumer is doing.
    #[must_use]
    pub fn status(&self) -> HealthStatus {
        let state = self.state();
        let since = |polled_at: Instant| Instant::now().saturating_duration_since(polled_at);
        HealthStatus {
            is_running: state.group.is_some(),
            broker_error: state.group.as_ref().and_then(|group| group.health.disconnected()),
            registry_error: state.registry_error.clone(),
            partitions: state.partitions.iter().map(|(topic, number)| (topic.to_string(), *number)).collect(),
            assignments: state.n_assignments,
            since_poll: state.polled_at.map(since),
        }
    }

    /// Notes that the consumer starts; it ends when what this returns is dropped.
    pub(crate) fn starts(&self, group: &Arc<Group>) -> impl Drop + use<> {
        *self.state() = State { group: Some(Arc::clone(group)), polled_at: Some(Instant::now()), ..State::default() };
        Running(self.clone())
    }

    /// Notes that the consumer has looked for records.
    pub(crate) fn polled(&self, now: Instant) {
        self.state().polled_at = Some(now);
    }

    /// Notes which partitions are assigned from now on.
    pub(crate) fn assigned(&self, partitions: Vec<(Arc<str>, i32)>) {
        let mut state = self.state();
        if state.partitions != partitions {
            state.n_assignments += 1;
            state.partitions = partitions;
        }
    }

    /// Asks the registry now and then whether it is there; never ends.
    pub(crate) async fn watch(&self, registry: &RegistryClient) -> Infallible {
        loop {
            let error = registry.level(None).await.err();
            // It is there, although it may not like the question.
            let error = error.filter(|error| error.is_infrastructure() || error.error_code().is_none());
            self.state().registry_error = error.map(|error| error.to_string());
            sleep(INTERVAL).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A consumer at work.
struct Running(ConsumerHealth);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.group = None;
        state.partitions.clear();
    }
}

impl fmt::Debug for ConsumerHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConsumerHealth").field(&self.status()).finish()
    }
}
