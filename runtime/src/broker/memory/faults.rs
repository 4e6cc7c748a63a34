//! Faults that a test asked for: each happens once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;

/// What happens to a write, in place of its being acknowledged at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteFault {
    /// The broker refuses it for ever: the record is too large.
    TooLarge,
    /// The broker refuses it for ever: we may not write to the topic.
    NotAuthorized,
    /// The broker cannot write it now: too few replicas are in sync. It is not written.
    NotWritten,
    /// It is written, and its acknowledgement is lost.
    AckLost,
    /// It is written, and its acknowledgement takes that long.
    AckLate(Duration),
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    writes: BTreeMap<String, VecDeque<WriteFault>>,
    /// By group, how many commits are to fail.
    commits: BTreeMap<String, usize>,
}

impl Faults {
    pub(super) fn fail_next_write(&mut self, topic: &str, fault: WriteFault) {
        self.writes.entry(topic.to_owned()).or_default().push_back(fault);
    }

    pub(super) fn fail_next_commit(&mut self, group: &str) {
        *self.commits.entry(group.to_owned()).or_default() += 1;
    }

    /// Takes the fault of a write, if it is to have one.
    pub(super) fn take_write(&mut self, topic: &str) -> Option<WriteFault> {
        self.writes.get_mut(topic)?.pop_front()
    }

    /// Returns whether this commit is to fail.
    pub(super) fn take_commit(&mut self, group: &str) -> bool {
        let Some(count) = self.commits.get_mut(group).filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }
}

impl WriteFault {
    /// Returns the code of a refusal; `None` where the record is written.
    pub(super) fn refusal(self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::TooLarge => Some(RDKafkaErrorCode::MessageSizeTooLarge),
            Self::NotAuthorized => Some(RDKafkaErrorCode::TopicAuthorizationFailed),
            Self::NotWritten => Some(RDKafkaErrorCode::NotEnoughReplicas),
            Self::AckLost | Self::AckLate(_) => None,
        }
    }
}
