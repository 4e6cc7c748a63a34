//! A record between `send` and its acknowledgement: what is measured and told of it.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;

use super::client::Report;
use crate::metrics::SendMeter;
use crate::trace;

/// A record on its way.
pub(super) struct Sent {
    pub(super) started: Instant,
    meter: Arc<SendMeter>,
    /// It ends with the acknowledgement.
    pub(super) span: Span,
    /// Who waits for the report.
    pub(super) report: Option<oneshot::Sender<Report>>,
}

impl Sent {
    pub(super) fn new(meter: &Arc<SendMeter>, topic: &str, event: &str) -> Box<Self> {
        let (started, meter) = (Instant::now(), Arc::clone(meter));
        Box::new(Self { started, meter, span: trace::send(topic, event), report: None })
    }

    /// Counts what became of the record, and tells who waits for it.
    pub(super) fn ended(self, report: Report) {
        match &report {
            Ok(delivery) => {
                self.meter.published.add(1);
                self.meter.produce.record(self.started.elapsed());
                trace::sent(&self.span, *delivery);
            }
            Err(_) => {
                self.meter.failed.add(1);
                trace::not_sent(&self.span);
            }
        }
        // Nobody awaits this record; that is the caller's choice, which `Pending` warns of.
        drop(self.report.map(|waiting| waiting.send(report)));
    }
}
