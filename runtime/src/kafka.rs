//! What producer and consumer share of librdkafka: its logs, its errors, the last error of a broker, and how to call what blocks.
//!
//! librdkafka retries a wrong password or an unknown certificate authority for ever and tells of it in log lines only.
//! [`Health`] keeps the last of them, so that the error that the user sees in the end can say what really happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use tokio::sync::oneshot;

use crate::error::Kind;
use crate::{Error, Settings};

/// The last error that a broker or the way to it had, until something succeeds again.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failing: AtomicBool,
    /// The broker is there, but does not want us: wrong credentials, or a certificate that we do not trust.
    refused: AtomicBool,
    /// There is no connection to any broker.
    disconnected: AtomicBool,
    last_error: Mutex<String>,
}

impl Health {
    /// Takes an error that librdkafka told of. Only the first one after a success is logged as a warning.
    pub(crate) fn failed(&self, text: &str) {
        text.clone_into(&mut self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
        if self.failing.swap(true, Ordering::Relaxed) {
            tracing::debug!(error = text, "kafka: still failing");
        } else {
            tracing::warn!(error = text, "kafka: a broker cannot be reached or refuses us; retrying");
        }
    }

    /// Notes that a broker did what it was asked for.
    pub(crate) fn succeeded(&self) {
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("kafka: the brokers answer again");
        }
    }

    /// Takes how many of the brokers are connected.
    pub(crate) fn connections(&self, n_up: usize, n_brokers: usize) {
        self.disconnected.store(n_up == 0, Ordering::Relaxed);
        if n_up == n_brokers {
            self.succeeded();
        }
    }

    /// Returns why there is no connection to any broker, where that is so.
    pub(crate) fn disconnected(&self) -> Option<String> {
        let error = || self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.disconnected.load(Ordering::Relaxed).then(error)
    }

    /// Returns `; the last error of a broker was: …`, or nothing where all is well.
    pub(crate) fn suffix(&self) -> String {
        if !self.failing.load(Ordering::Relaxed) {
            return String::new();
        }
        let text = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        format!("; the last error of a broker was: {text}")
    }

    /// Receives a line of librdkafka's log.
    pub(crate) fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                self.failed(text);
            }
            // CONFWARN tells a producer that a consumer's setting is unused; one map of settings serves both.
            RDKafkaLogLevel::Warning if facility != "CONFWARN" => tracing::warn!(facility, "librdkafka: {text}"),
            _ => tracing::debug!(facility, "librdkafka: {text}"),
        }
    }

    /// Receives an error of the client as a whole; librdkafka's reason says more than the error's name.
    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.disconnected.store(true, Ordering::Relaxed);
        }
        match error.rdkafka_error_code() {
            // It comes after the error that says why, which is the one to keep.
            Some(RDKafkaErrorCode::AllBrokersDown) if self.failing.load(Ordering::Relaxed) => return,
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL) => {
                self.refused.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        self.failed(reason);
    }
}

/// librdkafka's log, for clients that have nothing else to be told.
#[derive(Clone, Default)]
pub(crate) struct Logs(pub(crate) Arc<Health>);

impl ClientContext for Logs {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is no fault.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.0.error(&error, reason);
        }
    }
}

impl ConsumerContext for Logs {}

impl ProducerContext for Logs {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Asks librdkafka what it may take long to answer, on a thread that nobody waits for at the end of the process.
pub(crate) async fn ask<T, Q>(question: Q) -> Result<T, KafkaError>
where
    T: Send + 'static,
    Q: FnOnce() -> Result<T, KafkaError> + Send + 'static,
{
    let (sender, answer) = oneshot::channel();
    let asked = std::thread::Builder::new().spawn(move || drop(sender.send(question())));
    asked.map_err(|_| KafkaError::Canceled)?;
    answer.await.unwrap_or(Err(KafkaError::Canceled))
}

/// Returns why a client could not be made: a raw setting that librdkafka does not know or does not like.
pub(crate) fn config_error(error: KafkaError) -> Error {
    match &error {
        // The error itself is no source: it repeats the value, which may be a password under a name that librdkafka lacks.
        KafkaError::ClientConfig(_, reason, key, _) => Error::settings(format!(
            "librdkafka refuses the setting `kafka.{key}`: {reason}; help: see its CONFIGURATION.md"
        )),
        _ => Error::settings("librdkafka refuses the settings under `kafka`").with_source(error),
    }
}

/// Returns the error for a broker that could not be used in time.
pub(crate) fn unreachable(settings: &Settings, health: &Health) -> Error {
    let Settings { bootstrap, connect_timeout, .. } = settings;
    let within = shown(*connect_timeout);
    let suffix = health.suffix();
    if health.refused.load(Ordering::Relaxed) {
        let help = "are `security.protocol`, `sasl.…` and `ssl.…` under `kafka` what the broker wants?";
        return Error::new(Kind::Broker, format!("the broker at `{bootstrap}` refuses us{suffix}; help: {help}"));
    }
    let help = "is Kafka running, and is `bootstrap` its address?";
    Error::new(Kind::Broker, format!("no broker answered at `{bootstrap}` within {within}{suffix}; help: {help}"))
        .retriable()
}

/// Returns a duration as people say it: `10 s`, `250 ms`.
pub(crate) fn shown(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_librdkafka_refuses_is_not_told() {
        for key in ["sasl.jaas.config", "basic.auth.user.info"] {
            let config = Settings::default().with_kafka(key, "hunter2").kafka_config(&[]);
            let error = config_error(config.create::<rdkafka::producer::BaseProducer>().err().unwrap());
            assert!(error.to_string().contains(&format!("refuses the setting `kafka.{key}`: ")), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
        }
    }

    #[test]
    fn the_last_error_is_told_until_something_succeeds() {
        let health = Health::default();
        assert_eq!(health.suffix(), "");
        health.log(RDKafkaLogLevel::Error, "FAIL", "wrong password");
        health.log(RDKafkaLogLevel::Warning, "CONFWARN", "unused");
        health.error(&KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(health.suffix(), "; the last error of a broker was: wrong password");
        health.succeeded();
        assert_eq!(health.suffix(), "");
    }

    #[test]
    fn a_broker_that_refuses_us_is_told_from_one_that_is_not_there() {
        let health = Health::default();
        health.error(&KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "connection refused");
        let error = unreachable(&Settings::default(), &health);
        assert!(
            error.is_retriable() && error.to_string().starts_with("no broker answered at `127.0.0.1:9092` within 10 s")
        );
        health.error(&KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        let error = unreachable(&Settings::default(), &health);
        let text = "the broker at `127.0.0.1:9092` refuses us; the last error of a broker was: wrong password";
        assert!(!error.is_retriable() && error.to_string().starts_with(text), "{error}");
    }

    #[test]
    fn durations_are_shown_in_the_unit_that_fits() {
        assert_eq!(shown(Duration::from_secs(10)), "10 s");
        assert_eq!(shown(Duration::from_millis(1500)), "1500 ms");
    }
}
