//! Copies in retry topics that were deleted before they were read: retention takes what waits for too long.
//!
//! A copy that was written blocks its key until it is read. What stands before the last copy that was read, and was not seen, is
//! known to be gone; of what stands behind it, only Kafka knows. So where a copy has not come although its partition was read to
//! the end, Kafka is asked a moment later where the partition begins. The end alone proves nothing: a new leader may tell of one
//! that is too early.

use std::time::Duration;

use rdkafka::error::KafkaError;

use super::Event;
use crate::broker::{Broker, Reader as _};
use crate::consumer::session::Session;
use crate::offsets::{Epoch, Partition};

/// For how long a copy that was not read at the end of its partition may still be on its way.
const OVERDUE: Duration = Duration::from_secs(1);

impl<B: Broker> Session<'_, B> {
    /// Looks later whether a copy has come that is not read at the end of its partition. Most are on their way, because they were
    /// written just now.
    pub(super) fn await_unread(&mut self, main: Partition, retry: Partition) {
        let Some(retries) = &mut self.retries else { return };
        let Some(state) = retries.mains.get_mut(&main) else { return };
        if let Some(offset) = self.dispatch.first_unread(retry)
            && state.in_question.insert(retry)
        {
            let epoch = state.epoch;
            retries.questions.push(Box::pin(async move {
                tokio::time::sleep(OVERDUE).await;
                Event::Overdue(retry, epoch, offset)
            }));
        }
    }

    /// Asks where a partition begins of which a copy has not come: only Kafka knows whether it was deleted.
    pub(super) fn ask_beginning(&mut self, retry: Partition, epoch: Epoch, offset: i64) {
        let Some((main, _)) = self.group.main_of(retry).filter(|(main, _)| self.is_ours(*main, epoch)) else { return };
        let Some(retries) = &mut self.retries else { return };
        if self.dispatch.first_unread(retry) != Some(offset) {
            retries.mains.get_mut(&main).map(|state| state.in_question.remove(&retry));
            return;
        }
        let (reader, name, timeout) = (retries.reader, self.group.name(retry), self.plan.settings.connect_timeout);
        retries.questions.push(Box::pin(async move {
            let beginning = reader.beginning(&name, timeout).await;
            Event::Begins(retry, epoch, beginning)
        }));
    }

    /// Goes on without copies that were deleted before they were read.
    pub(super) fn take_beginning(&mut self, retry: Partition, epoch: Epoch, beginning: Result<i64, KafkaError>) {
        let Some((main, tier)) = self.group.main_of(retry).filter(|(main, _)| self.is_ours(*main, epoch)) else {
            return;
        };
        let state = self.retries.as_mut().and_then(|retries| retries.mains.get_mut(&main));
        state.map(|state| state.in_question.remove(&retry));
        match beginning {
            Ok(offset) => {
                let (records, name) = (self.dispatch.begins_at(retry, tier, offset), self.group.name(retry));
                if records > 0 {
                    let (topic, partition) = (&*name.topic, name.number);
                    tracing::error!(
                        topic,
                        partition,
                        records,
                        "records of a retry topic were deleted before they were handled, and are lost; help: raise its `retention.ms`"
                    );
                }
            }
            Err(error) => {
                tracing::debug!(%error, "where a retry topic begins is not known; asking again at its next end");
            }
        }
    }
}
