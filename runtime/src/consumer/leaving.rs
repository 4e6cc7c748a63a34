//! The end of a session, and of a partition that the group gives to another consumer: what is being handled may end, and so may what
//! came before it, so that all of it is committed before anybody else begins; nothing else is begun.

use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use super::retries::Retries;
use super::session::{Session, next_event};
use crate::broker::{Broker, Subscription as _};
use crate::kafka;
use crate::offsets::Partition;

/// Partitions on their way to somebody else.
pub(super) struct Leaving {
    partitions: Vec<Partition>,
    /// When they go, whatever is still running.
    pub(super) deadline: Instant,
}

impl<B: Broker> Session<'_, B> {
    /// Begins to come to an end with partitions.
    pub(super) fn begin_to_leave(&mut self, partitions: Vec<Partition>) {
        partitions.iter().for_each(|partition| self.dispatch.wind_up(*partition));
        let deadline = Instant::now() + self.plan.settings.consumer.rebalance_timeout;
        self.leaving = Some(Leaving { partitions, deadline });
    }

    pub(super) fn is_leaving(&self, partition: Partition) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.partitions.contains(&partition))
    }

    /// Gives partitions up once they have come to an end, or it took too long.
    pub(super) fn leave_when_idle(&mut self, now: Instant) {
        let Some(Leaving { partitions, deadline }) = &self.leaving else { return };
        let is_busy = partitions.iter().any(|partition| self.dispatch.is_busy(*partition));
        if is_busy && now < *deadline {
            return;
        }
        if is_busy {
            let within = kafka::shown(self.plan.settings.consumer.rebalance_timeout);
            tracing::warn!(
                within,
                "handlers did not end in time, and their partitions go to others; their records will be handled twice"
            );
        }
        let partitions = self.group.names(partitions);
        self.leaving = None;
        let offsets = self.group.revoked(&partitions);
        self.subscription.release(&offsets);
        self.follow_assignment();
    }

    /// Comes to an end with all partitions, within the time for that; without `goes_on`, only what is running may end.
    pub(super) async fn drain(&mut self, mut goes_on: bool) {
        let timeout = self.plan.settings.consumer.shutdown_timeout;
        let deadline = Instant::now() + timeout;
        let partitions: Vec<_> = self.dispatch.partitions().collect();
        partitions.iter().for_each(|partition| self.dispatch.wind_up(*partition));
        loop {
            let now = self.tick();
            self.brakes.follow_breakers(self.plan, &mut self.dispatch, now);
            goes_on = goes_on && self.start_ready().is_ok();
            if goes_on {
                self.follow_chains();
            }
            let will_begin = goes_on && partitions.iter().any(|partition| self.dispatch.is_busy(*partition));
            let is_idle = self.jobs.is_empty() && self.retries.as_ref().is_none_or(Retries::is_idle);
            if is_idle && !will_begin {
                return;
            }
            let wake_at = self.brakes.wake_at(self.plan, now).unwrap_or(deadline).min(deadline);
            tokio::select! {
                biased;
                // A record that is the reason for stopping, or a second one like it, stays uncommitted.
                Some((ticket, report)) = self.jobs.next() => {
                    self.tick();
                    goes_on = self.finish(ticket, report).is_ok() && goes_on;
                }
                event = next_event(&mut self.retries) => goes_on = self.retry_event(event).is_ok() && goes_on,
                () = sleep_until(wake_at) => {}
            }
            if Instant::now() >= deadline {
                let (records, within) = (self.jobs.len(), kafka::shown(timeout));
                tracing::warn!(records, within, "handlers did not end in time; their records will be handled again");
                return;
            }
        }
    }
}
