//! The testing kit on a service with generated events, in memory: without a broker, by a clock that costs nothing.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers as well"
)]

mod chaos;
mod clock;
mod crashes;
mod faults;
mod losses;
mod matrix;
mod scenarios;
mod service;
mod tested;

use eventwright::testing::Harness;
use eventwright_platform::events::SCHEMAS;

async fn in_memory() -> Harness {
    Harness::in_memory(SCHEMAS).await
}

#[tokio::test]
async fn orders_are_answered() {
    scenarios::orders_are_answered(&in_memory().await).await;
}

#[tokio::test]
async fn what_cannot_be_handled_is_a_dead_letter() {
    scenarios::what_cannot_be_handled_is_a_dead_letter(&in_memory().await).await;
}

#[tokio::test]
async fn a_crash_loses_nothing() {
    scenarios::a_crash_loses_nothing(&in_memory().await).await;
}

#[tokio::test]
async fn a_key_waits_in_retry_topics_and_keeps_its_order() {
    scenarios::a_key_waits_in_retry_topics_and_keeps_its_order(&in_memory().await).await;
}
