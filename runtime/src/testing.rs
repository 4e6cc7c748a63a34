//! Tests of services: the production code in the process of the test, without a broker, by a clock that costs nothing
//! (feature `testing`).
//!
//! A [`Harness`] runs consumers, publishes events, makes faults, and asserts what came of it all:
//!
//! ```no_run
//! # mod events {
//! #     use eventwright::wire::{*, avro::Plan};
//! #     #[derive(Debug)]
//! #     pub struct OrderCreated;
//! #     impl Event for OrderCreated {
//! #         const SCHEMA: &'static EventSchema = panic!();
//! #         const WRITERS: &'static [&'static EventSchema] = &[];
//! #         const TOPIC: &'static str = "orders";
//! #         const SUBJECT: &'static str = "orders-value";
//! #         fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> { unimplemented!() }
//! #         fn decode(_: usize, _: &[u8]) -> Result<Self, DecodeError> { unimplemented!() }
//! #     }
//! #     pub static SCHEMAS: &[&EventSchema] = &[];
//! # }
//! # use events::OrderCreated;
//! use std::time::Duration;
//!
//! use eventwright::testing::{Harness, WriteFault};
//! use eventwright::{Consumer, ConsumerBuilder, Context, Outcome, Settings};
//!
//! /// What `main` runs.
//! fn app(settings: &Settings) -> ConsumerBuilder {
//!     Consumer::builder(settings)
//!         .group("inventory")
//!         .on(|order: OrderCreated, context: Context| async move { Outcome::Reject("out of stock".into()) })
//! }
//!
//! # async fn test() {
//! let harness = Harness::in_memory(events::SCHEMAS).await;
//! let consumer = harness.run(app(&harness.settings()));
//! harness.fail_next_write("orders_dlq", WriteFault::AckLate(Duration::from_secs(5)));
//! harness.publish(&OrderCreated).await;
//! harness.settled().await;
//! harness.topic("orders_dlq").await.assert_count(1).assert_header("ew-failure-reason", "rejected");
//! harness.group("inventory").await.assert_committed_all();
//! consumer.assert_calls(1);
//!
//! consumer.crash().await; // and another one goes on where it was
//! let consumer = harness.run(app(&harness.settings()));
//! # }
//! ```
//!
//! **In memory** ([`Harness::in_memory`]) the settings of the harness lead producers and consumers to a cluster, a registry and
//! a clock in this process. tokio's clock stands still and moves on when nobody has anything to do, so that a pause of an hour
//! takes no time, and everything happens in an order that is always the same but for what the test makes random itself. What
//! opens a socket of its own, such as a database or a client of `Settings::kafka_config`, is not part of that: its time-outs fire as
//! soon as it is waited for.
//! Topics that nobody made have three partitions. Transactions, compaction, retention, access rights and quotas are not there.
//!
//! **On a live cluster** ([`Harness::live`]; [`Harness::from_env`] with `EVENTWRIGHT_TEST_HARNESS=live`) the same test takes real
//! time. Faults cannot be asked for there and fail the test with a text that says so; [`Harness::is_live`] tells.
//!
//! [`MockKafka`] is another thing: sockets, librdkafka's own protocol, and no clock; for demos.
mod app;
mod calls;
mod clock;
mod faults;
mod group;
mod harness;
mod journal;
mod live;
mod mock_kafka;
mod published;
mod stand_in;
mod topic;

pub use self::app::App;
pub use self::calls::{Call, Calls};
pub use self::group::GroupProgress;
pub use self::harness::Harness;
pub(crate) use self::journal::{Journal, Note};
pub use self::mock_kafka::MockKafka;
pub use self::published::Published;
pub(crate) use self::stand_in::StandIn;
pub use self::topic::Records;
pub use crate::broker::WriteFault;
