//! Consumers on a real Kafka, while processes are killed, brokers crash, connections are cut and stores restart.
//!
//! In: a [`Plan`]. Out: a [`Report`] of what was injected and what came of it. `run` drives: it starts a `cluster` of Kafka
//! behind `door`s, a `registry` and what the `store` needs, each a `service` of a script; it `send`s events, deals `faults`, and
//! asks `kafka` how far all is. `consumer` is the process that is killed, `effects` is what handlers did, `verify` judges.

mod cluster;
pub mod consumer;
mod door;
mod effects;
mod faults;
mod kafka;
mod plan;
mod registry;
mod run;
mod send;
mod service;
mod store;
mod verify;

pub use plan::{Plan, Store};
pub use run::run;
pub use verify::Report;
