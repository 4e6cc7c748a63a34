//! A producer's queue on a cluster in memory: records are written in the order in which they were put into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::error::KafkaError;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Memory, Write};
use crate::Delivery;

/// Who is told what came of a record.
type Report = Box<dyn FnOnce(Result<Delivery, KafkaError>) + Send>;

/// A producer's queue, which a task empties until the producer is gone.
pub(crate) struct MemoryProducer {
    memory: Memory,
    queue: mpsc::UnboundedSender<(Write, Report)>,
    n_queued: Arc<AtomicUsize>,
    emptying: AbortHandle,
}

impl MemoryProducer {
    /// Returns an empty queue; `timeout` is how long a record may wait for its acknowledgement.
    pub(crate) fn new(memory: Memory, timeout: Duration) -> Self {
        let (queue, records) = mpsc::unbounded_channel();
        let n_queued = Arc::new(AtomicUsize::new(0));
        let emptying = tokio::spawn(write_all(memory.clone(), timeout, records, Arc::clone(&n_queued))).abort_handle();
        Self { memory, queue, n_queued, emptying }
    }

    /// Forgets what is in the queue, as the end of a process does.
    pub(crate) fn abandon(&self) {
        self.emptying.abort();
    }

    /// Puts a record into the queue.
    pub(crate) fn send(&self, write: Write, report: impl FnOnce(Result<Delivery, KafkaError>) + Send + 'static) {
        self.n_queued.fetch_add(1, Ordering::Relaxed);
        // The task ends with this sender, or with the runtime, and then nobody waits for the report.
        let _ = self.queue.send((write, Box::new(report)));
    }

    /// Returns how many records are in the queue or wait for their acknowledgement.
    pub(crate) fn in_flight(&self) -> usize {
        self.n_queued.load(Ordering::Relaxed)
    }

    /// Waits until no record is in flight; returns whether that was so in time.
    pub(crate) async fn flush(&self, timeout: Duration) -> bool {
        let mut changes = self.memory.changes();
        let empty = async {
            while self.in_flight() > 0 {
                // The sender lives as long as we do.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(timeout, empty).await.is_ok()
    }

    /// Returns whether the cluster is there in time.
    pub(crate) async fn reach(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.memory.until_up()).await.is_ok()
    }

    /// Returns the time of day, for records that bring none.
    pub(crate) fn millis(&self) -> i64 {
        self.memory.0.clock.millis()
    }
}

async fn write_all(
    memory: Memory,
    timeout: Duration,
    mut records: mpsc::UnboundedReceiver<(Write, Report)>,
    n_queued: Arc<AtomicUsize>,
) {
    while let Some((write, report)) = records.recv().await {
        let written = memory.write(write, timeout).await;
        let (memory, n_queued) = (memory.clone(), Arc::clone(&n_queued));
        // A late acknowledgement keeps no other record waiting.
        tokio::spawn(async move {
            let delivered = match written {
                Ok(acknowledged) => acknowledged.await,
                Err(error) => Err(error),
            };
            n_queued.fetch_sub(1, Ordering::Relaxed);
            report(delivered);
            memory.0.changed.send_replace(());
        });
    }
}
