//! The way of a delivery report from librdkafka's thread to whoever awaits the record.
//!
//! Both ends share one allocation, which is librdkafka's opaque of the record as well: a channel in a box would be three.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use rdkafka::error::KafkaError;

use crate::Delivery;

/// What librdkafka says of one record.
pub(super) type Report = Result<Delivery, KafkaError>;

/// Where the report of one record arrives. librdkafka gives one for every record that it took, even for those that it gives up
/// when it is closed.
#[derive(Default)]
pub(super) struct Slot {
    report: OnceLock<Report>,
    waker: AtomicWaker,
}

impl Slot {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Brings the report, of which there is one.
    pub(super) fn fill(&self, report: Report) {
        if self.report.set(report).is_ok() {
            self.waker.wake();
        }
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Report> {
        if let Some(report) = self.report.get() {
            return Poll::Ready(report.clone());
        }
        self.waker.register(context.waker());
        // It may have come between the two.
        self.report.get().map_or(Poll::Pending, |report| Poll::Ready(report.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_awaits_a_report_is_woken_once_and_gets_the_first() {
        let (slot, wakes) = (Slot::new(), Arc::new(Wakes::default()));
        let waker = Waker::from(Arc::clone(&wakes));
        let context = Context::from_waker(&waker);
        assert!(slot.poll(&context).is_pending());
        let delivery = Delivery { partition: 1, offset: 7 };
        slot.fill(Ok(delivery));
        slot.fill(Err(KafkaError::Canceled));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(matches!(slot.poll(&context), Poll::Ready(Ok(first)) if first == delivery));
    }
}
