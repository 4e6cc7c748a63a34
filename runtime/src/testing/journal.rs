//! What handlers were called with, in the order of the calls.
//!
//! In: records as their handlers are given them, and outcomes. Out: the calls, and whether each key was handled in order.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::Message;
use rdkafka::message::Headers as _;

use crate::Outcome;
use crate::headers::{ORIGINAL_OFFSET, ORIGINAL_PARTITION, ORIGINAL_TOPIC};

/// One call of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The topic that the record was written to first: for one that came by way of a retry topic, the main topic.
    pub topic: String,
    /// The partition of that topic.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The attempt, counted from 1, as far as the consumer knows.
    pub attempt: u32,
    /// What came of it; `None` while the handler runs, and for one that ended with its consumer.
    pub outcome: Option<Outcome>,
}

/// The calls of one consumer's handlers; none are kept unless a harness asks for them.
#[derive(Clone, Default)]
pub(crate) struct Journal(Option<Arc<Mutex<Vec<Call>>>>);

impl Journal {
    /// Returns a journal that keeps calls.
    pub(crate) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.as_deref().map(|calls| calls.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Notes the call of a handler.
    pub(crate) fn note(&self, record: &impl Message, attempt: u32) -> Note {
        let noted = self.0.clone().map(|calls| {
            let mut all = calls.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(call(record, attempt));
            let index = all.len() - 1;
            drop(all);
            (calls, index)
        });
        Note(noted)
    }
}

/// A call that was noted.
pub(crate) struct Note(Option<(Arc<Mutex<Vec<Call>>>, usize)>);

impl Note {
    /// Waits for what comes of the call, and notes it.
    pub(crate) async fn follow(self, running: impl Future<Output = Outcome>) -> Outcome {
        let outcome = running.await;
        if let Some((calls, index)) = self.0
            && let Some(call) = calls.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index)
        {
            call.outcome = Some(outcome.clone());
        }
        outcome
    }
}

fn call(record: &impl Message, attempt: u32) -> Call {
    let header = |name: &str| {
        let header = record.headers()?.iter().filter(|header| header.key == name).last()?;
        std::str::from_utf8(header.value?).ok()
    };
    let original = || {
        let (partition, offset) = (header(ORIGINAL_PARTITION)?.parse().ok()?, header(ORIGINAL_OFFSET)?.parse().ok()?);
        Some((header(ORIGINAL_TOPIC)?.to_owned(), partition, offset))
    };
    let here = || (record.topic().to_owned(), record.partition(), record.offset());
    let (topic, partition, offset) = original().unwrap_or_else(here);
    Call { topic, partition, offset, key: record.key().map(<[u8]>::to_vec), attempt, outcome: None }
}

/// Returns the first call that came while an earlier record of its key was not done, with that record's offset.
pub(crate) fn out_of_order(calls: &[Call]) -> Option<(&Call, i64)> {
    let mut latest: BTreeMap<(&str, i32, &[u8]), i64> = BTreeMap::new();
    for call in calls {
        let Some(key) = call.key.as_deref() else { continue };
        let last = latest.entry((&call.topic, call.partition, key)).or_insert(call.offset);
        if call.offset < *last {
            return Some((call, *last));
        }
        *last = call.offset;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_handled_again_after_a_later_one_of_its_key_is_out_of_order() {
        let check = |calls: &[(&str, i64)], expected: Option<(i64, i64)>| {
            let call = |(key, offset): &(&str, i64)| Call {
                topic: "t".into(),
                partition: 0,
                offset: *offset,
                key: Some(key.as_bytes().to_vec()),
                attempt: 1,
                outcome: None,
            };
            let calls: Vec<_> = calls.iter().map(call).collect();
            assert_eq!(out_of_order(&calls).map(|(call, later)| (call.offset, later)), expected);
        };
        check(&[("a", 0), ("b", 1), ("a", 0), ("a", 2)], None);
        check(&[("a", 0), ("b", 1), ("a", 2), ("b", 3)], None);
        check(&[("a", 0), ("a", 2), ("b", 1), ("a", 0)], Some((0, 2)));
    }
}
