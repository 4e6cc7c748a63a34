//! Consumers on a real Kafka, while processes are killed, brokers crash and the registry goes away.
//!
//! In: how many events, consumers and brokers. Out: a [`Report`] of what was injected and what came of it. `run` drives,
//! `cluster` is Kafka, `consumer` is the process that is killed, `effects` is what handlers did, `verify` judges.

mod cluster;
pub mod consumer;
mod effects;
mod plan;
mod run;
mod verify;

pub use plan::Plan;
pub use run::run;
pub use verify::Report;
