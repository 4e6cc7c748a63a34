//! Typed, schema-first events on Kafka.
//!
//! Events are Rust types that `eventwright-codegen` makes of a folder of schemas. A [`Producer`] writes them in the
//! Confluent wire format, framed with the id of their own schema; a [`Consumer`] hands them to typed handlers, whichever
//! version they were written with, and commits an offset only after its record is finished.
//!
//! ```no_run
//! # mod events {
//! #     use eventwright::wire::{*, avro::Plan};
//! #     pub struct OrderCreated;
//! #     impl Event for OrderCreated {
//! #         const SCHEMA: &'static EventSchema = panic!();
//! #         const WRITERS: &'static [&'static EventSchema] = &[];
//! #         const TOPIC: &'static str = "orders";
//! #         const SUBJECT: &'static str = "orders-value";
//! #         fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> { unimplemented!() }
//! #         fn decode(_: usize, _: &[u8]) -> Result<Self, DecodeError> { unimplemented!() }
//! #     }
//! # }
//! # use events::OrderCreated;
//! use eventwright::{Consumer, Context, Outcome, Producer, Settings};
//!
//! # async fn run() -> Result<(), eventwright::Error> {
//! let settings = Settings::load()?;
//! let producer = Producer::connect(&settings).await?;
//! let delivery = producer.send(&OrderCreated).await?;
//! println!("partition {} offset {}", delivery.partition, delivery.offset);
//!
//! Consumer::builder(&settings)
//!     .group("inventory")
//!     .on(|event: OrderCreated, context: Context| async move { Outcome::Done })
//!     .run()
//!     .await
//! # }
//! ```
//!
//! How a record travels: `producer` encodes, frames and sends it; `consumer` receives it, `decoder` knows how its
//! schema id is decoded, `handler` decodes and calls, `dispatch` says what is next, `offsets` what may be committed.

mod audit;
mod backoff;
mod batch;
mod broker;
mod circuit_breaker;
mod clock;
mod consumer;
mod context;
mod copies;
mod dead_letter;
mod decoder;
mod dispatch;
mod error;
mod failure;
mod handler;
mod handler_error;
mod health;
pub mod idempotency;
mod kafka;
mod keys;
mod message;
pub mod metrics;
mod offsets;
mod producer;
mod rate_limit;
mod register;
mod registry;
pub mod replay;
mod retry;
mod scope;
pub mod settings;
mod shutdown;
mod stats;
mod stop_rule;
#[cfg(feature = "logs")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod topics;
mod trace;

pub use audit::{AuditEntry, AuditSink, Outcome as AuditOutcome, Place};
pub use batch::BatchHandler;
pub use circuit_breaker::{BreakerState, BreakerStatus, CircuitBreaker};
pub use consumer::{Consumer, ConsumerBuilder};
pub use context::Context;
pub use error::Error;
pub use eventwright_registry::{RegistryAuth, RegistryClient, RegistryConfig, RegistryError, SubjectVersion};
/// What generated code names.
pub use eventwright_wire as wire;
pub use eventwright_wire::{Event, Migrate, RawRecord, TopicEvents};
pub use failure::DecodeFailure;
pub use handler::{Handler, IntoOutcome, Outcome};
pub use handler_error::{HandlerError, Terminal};
pub use health::{ConsumerHealth, HealthStatus};
pub use message::{Message, raw_record};
pub use metrics::MetricsSnapshot;
pub use producer::{Delivery, Pending, Producer, ProducerBuilder};
pub use register::register;
pub use settings::{CircuitBreakerSettings, DeadLetterStop, OnFailure, Order, Preset, Retry, Settings, Start};
pub use stats::{ConsumerStats, ProducerStats};

/// The names of the headers that records travel with.
pub mod headers {
    pub use crate::copies::headers::{
        ATTEMPT, DUE_AT, ERROR, FIRST_FAILED_AT, GROUP, HOST, OFFSET as ORIGINAL_OFFSET,
        PARTITION as ORIGINAL_PARTITION, REASON as FAILURE_REASON, TIMESTAMP as ORIGINAL_TIMESTAMP,
        TOPIC as ORIGINAL_TOPIC,
    };
    pub use crate::message::{CORRELATION_ID, EVENT, MESSAGE_ID, SCHEMA_VERSION, TRACEPARENT, TRACESTATE};
}

/// Includes the events that `eventwright_codegen::compile` wrote in the build script; or, with a path, those that
/// `eventwright gen` wrote into that file, which is checked in and needs no build script.
///
/// Write it in a module of its own: `mod events { eventwright::include_events!(); }`, or
/// `mod events { eventwright::include_events!("events.rs"); }`, a path from the file that this stands in.
#[macro_export]
macro_rules! include_events {
    () => {
        $crate::include_events!(concat!(env!("OUT_DIR"), "/eventwright_events.rs"));
    };
    ($path:expr) => {
        #[allow(
            missing_docs,
            unreachable_pub,
            unused,
            clippy::all,
            clippy::pedantic,
            clippy::nursery,
            clippy::restriction,
            reason = "lints judge what people write; this is generated"
        )]
        mod generated {
            include!($path);
        }
        pub use generated::*;
    };
}
