//! Producer, consumer and registry together: on a real Kafka, whose address is `EVENTWRIGHT_TEST_BOOTSTRAP`, and on
//! librdkafka's mock cluster where a broker must go away.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers as well")]

mod connect;
mod fingerprints;
mod kafka;
#[cfg(unix)]
mod signal;
mod support;
