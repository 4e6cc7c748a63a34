//! A record between `send` and its acknowledgement: what is measured and told of it, and who waits for it.
//!
//! The caller and librdkafka's thread share one allocation, which the caller mostly frees: memory that another thread frees is
//! dear.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;
use tracing::Span;

use super::client::Report;
use crate::metrics::SendMeter;
use crate::trace;

/// A record on its way.
pub(super) struct Sent {
    started: Instant,
    /// `None` for what is no event of ours.
    meter: Option<Arc<SendMeter>>,
    state: Mutex<State>,
}

struct State {
    /// It ends with the acknowledgement.
    span: Span,
    report: Option<Report>,
    waker: Option<Waker>,
}

impl Sent {
    pub(super) fn new(started: Instant, meter: Option<&Arc<SendMeter>>, span: Span) -> Arc<Self> {
        let state = Mutex::new(State { span, report: None, waker: None });
        Arc::new(Self { started, meter: meter.cloned(), state })
    }

    /// Counts what became of the record, and tells who waits for it.
    pub(super) fn ended(&self, report: Report) {
        let mut state = self.state();
        let span = std::mem::replace(&mut state.span, Span::none());
        match &report {
            Ok(delivery) => {
                if let Some(meter) = &self.meter {
                    meter.published.add(1);
                    meter.produce.record(self.started.elapsed());
                }
                trace::sent(&span, *delivery);
            }
            Err(_) => {
                self.meter.iter().for_each(|meter| meter.failed.add(1));
                trace::not_sent(&span);
            }
        }
        state.report = Some(report);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes what became of the record, once it is known.
    pub(super) fn take_report(&self) -> Option<Report> {
        self.state().report.take()
    }

    /// Takes what became of the record, or wakes the task when it is known.
    pub(super) fn poll_report(&self, context: &mut Context<'_>) -> Poll<Report> {
        let mut state = self.state();
        match state.report.take() {
            Some(report) => Poll::Ready(report),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
