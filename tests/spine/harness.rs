//! The testing kit on real Kafka: the scenarios that `tests/harness` runs in memory, word for word.

#[path = "../harness/scenarios.rs"]
mod scenarios;
#[path = "../harness/service.rs"]
mod service;

use std::panic::{AssertUnwindSafe, catch_unwind};

use eventwright::testing::{Harness, WriteFault};
use eventwright_platform::events::SCHEMAS;

use crate::world::World;

async fn live() -> (World, Harness) {
    let world = World::without_schemas().await;
    let harness = Harness::live(&world.settings, SCHEMAS).await;
    (world, harness)
}

#[tokio::test]
async fn orders_are_answered() {
    let (_world, harness) = live().await;
    scenarios::orders_are_answered(&harness).await;
}

#[tokio::test]
async fn what_cannot_be_handled_is_a_dead_letter() {
    let (_world, harness) = live().await;
    scenarios::what_cannot_be_handled_is_a_dead_letter(&harness).await;
}

#[tokio::test]
async fn a_crash_loses_nothing() {
    let (_world, harness) = live().await;
    scenarios::a_crash_loses_nothing(&harness).await;
}

#[tokio::test]
async fn a_key_waits_in_retry_topics_and_keeps_its_order() {
    let (_world, harness) = live().await;
    scenarios::a_key_waits_in_retry_topics_and_keeps_its_order(&harness).await;
}

#[tokio::test]
async fn faults_that_a_live_cluster_does_not_make_say_so() {
    let (_world, harness) = live().await;
    let asked = catch_unwind(AssertUnwindSafe(|| harness.fail_next_write("orders", WriteFault::AckLost)));
    let text = asked.unwrap_err().downcast_ref::<String>().unwrap().clone();
    assert!(text.starts_with("`fail_next_write` needs the cluster in memory; help: "), "{text}");
}
