//! The `eventwright` command as people run it: the real binary, a real Kafka, and its own registry.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers as well")]

mod check;
mod ci;
mod config;
mod diff;
mod dlq;
mod endings;
mod fmt;
mod init;
mod keys;
mod lint;
mod produce;
mod pull;
mod register;
mod serve;
mod support;
mod tail;
mod topics;
