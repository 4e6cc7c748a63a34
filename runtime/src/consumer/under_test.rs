//! What a harness asks of a consumer, and tells it.

use std::sync::Arc;

use super::{Consumer, ConsumerBuilder, Group};
use crate::testing::Journal;

impl ConsumerBuilder {
    /// Puts a prefix before the group; returns the group's name without it.
    pub(crate) fn prefix_group(&mut self, prefix: &str) -> String {
        let group = self.group.take().or_else(|| self.settings.consumer.group.clone()).unwrap_or_default();
        // A group that is missing stays so, and is an error of `build`.
        self.group = Some(if group.is_empty() { String::new() } else { format!("{prefix}{group}") });
        group
    }

    pub(crate) fn set_journal(&mut self, journal: Journal) {
        self.journal = journal;
    }
}

impl Consumer {
    pub(crate) fn group(&self) -> &str {
        &self.plan.group
    }

    /// Returns the names of the topics that it reads, and of its retry topics.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        let topics = self.plan.topics.iter().map(|topic| Arc::clone(&topic.name)).collect();
        Group::new(topics, self.plan.settings.consumer.retry.topics, self.plan.stats.clone(), self.plan.audit.clone())
            .topics()
            .to_vec()
    }
}
