//! What a producer counts and measures, for each event that it sends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use eventwright_wire::EventSchema;
use metrics::{Histogram, Label};

use super::count::Count;
use super::names;

/// The figures of one event.
pub(crate) struct SendMeter {
    pub(crate) published: Count,
    pub(crate) failed: Count,
    /// From `send` to the acknowledgement.
    pub(crate) produce: Histogram,
    pub(crate) encode: Histogram,
}

/// The figures of all events of a producer, by topic and name.
#[derive(Default)]
pub(crate) struct SendMeters(Mutex<HashMap<(String, &'static str), Arc<SendMeter>>>);

impl SendMeters {
    /// Returns the figures of an event on a topic; versions of an event share theirs.
    pub(crate) fn of(&self, schema: &'static EventSchema, topic: &str) -> Arc<SendMeter> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meter = || Arc::new(SendMeter::new(topic, schema.event));
        Arc::clone(meters.entry((topic.to_owned(), schema.event)).or_insert_with(meter))
    }

    pub(crate) fn sum(&self, count: impl Fn(&SendMeter) -> &Count) -> u64 {
        let meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        meters.values().map(|meter| count(meter).value()).sum()
    }
}

impl SendMeter {
    fn new(topic: &str, event: &'static str) -> Self {
        names::describe();
        let labels = vec![Label::new("topic", topic.to_owned()), Label::new("type", event)];
        Self {
            published: Count::new(names::PUBLISHED, labels.clone()),
            failed: Count::new(names::PUBLISH_FAILED, labels.clone()),
            produce: metrics::histogram!(names::PRODUCE, labels.clone()),
            encode: metrics::histogram!(names::ENCODE, labels),
        }
    }
}
