//! Tests of services without a broker (feature `testing`).
mod app;
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
pub use self::group::GroupProgress;
pub use self::harness::Harness;
pub use self::journal::Call;
pub(crate) use self::journal::Journal;
pub use self::mock_kafka::MockKafka;
pub use self::published::Published;
pub(crate) use self::stand_in::StandIn;
pub use self::topic::Records;
pub use crate::broker::WriteFault;
