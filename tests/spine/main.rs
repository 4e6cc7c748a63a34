//! The main job on real Kafka, with the generated events of `schemas/`: v1 and v2 side by side, a restart, a writer that
//! nobody knew at build time, fields that a version does not know, Confluent's own client on the other side, bad bytes, TLS and
//! passwords, a broker, a registry or a Redis that fails, and events that come twice.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers as well"
)]

mod at_start;
mod audit;
mod bad_input;
mod batches;
mod breaker;
mod collector;
mod compacted;
mod confluent;
mod contexts;
mod dead_letters;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod effects;
mod exactly_once;
mod fetched;
mod gate;
mod harness;
#[cfg(feature = "redis")]
mod idempotency;
mod interrupted;
mod kafka;
mod keys;
mod lag;
mod letters;
mod metrics;
mod outage;
mod parallel;
mod partitions;
mod process;
mod produce_request;
mod proxy;
mod raw;
mod rebalance;
#[cfg(feature = "redis")]
mod redis;
mod registry_outage;
mod replay;
mod replay_killed;
mod replay_matrix;
mod restart;
mod retries;
mod secured;
mod services;
mod shared_types;
mod side_by_side;
mod spans;
mod telemetry;
mod topics;
mod unknown_fields;
mod unknown_writer;
mod world;
