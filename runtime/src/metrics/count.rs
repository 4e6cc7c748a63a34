//! A counter with two readers: us, and whoever records metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::Label;

/// One call counts for both, so that they cannot disagree.
pub(crate) struct Count {
    own: AtomicU64,
    recorded: metrics::Counter,
}

impl Count {
    pub(crate) fn new(name: &'static str, labels: Vec<Label>) -> Self {
        Self { own: AtomicU64::new(0), recorded: metrics::counter!(name, labels) }
    }

    pub(crate) fn add(&self, n: u64) {
        self.own.fetch_add(n, Ordering::Relaxed);
        self.recorded.increment(n);
    }

    pub(crate) fn value(&self) -> u64 {
        self.own.load(Ordering::Relaxed)
    }
}

/// Returns these labels and one more.
pub(super) fn with(labels: &[Label], key: &'static str, value: impl Into<metrics::SharedString>) -> Vec<Label> {
    let mut all = labels.to_vec();
    all.push(Label::new(key, value));
    all
}
