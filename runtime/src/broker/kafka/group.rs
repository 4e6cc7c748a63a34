//! A consumer group on Kafka, and what librdkafka calls back for: partitions that come and go, commits that failed, logs.
//!
//! The calls come while the consumer polls, on its own task, so that nothing here races with a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::Stream;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol, StreamConsumer,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::{Instant, timeout, timeout_at};

use super::assignment::Assignment;
use super::start::Records;
use super::{Kafka, STATISTICS, list, offset_list, partitions};
use crate::broker::{Subscription, TopicOffset, TopicPartition};
use crate::consumer::Group;
use crate::settings::Start;
use crate::{Error, Settings, kafka};

/// What we set and librdkafka leaves to be overridden under `kafka`.
const DEFAULTS: [(&str, &str); 4] = [
    STATISTICS,
    // A topic that is made after its consumer has started is seen after this long; librdkafka's own 5 minutes look as
    // if nothing worked.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // What is fetched ahead of need. librdkafka counts keys and values only, and small records take three times as much; its own
    // 64 MiB came to 90 MiB of memory under a handler that blocks.
    ("queued.max.messages.kbytes", "16384"),
    // How soon a queue that was full is filled again; with librdkafka's own second, the consumer would wait most of the time.
    ("fetch.queue.backoff.ms", "10"),
];

/// How often it is looked at whether a rebalance is over.
const LOOK: Duration = Duration::from_millis(50);

/// How long the group's coordinator may take to say so.
const ANSWER: Duration = Duration::from_secs(1);

/// A consumer group's subscription.
pub(crate) struct KafkaSubscription {
    consumer: Arc<StreamConsumer<Callbacks>>,
    assignment: Arc<Assignment>,
    leaving: Arc<AtomicBool>,
    /// Where partitions begin of which the group has committed nothing.
    start: Offset,
    /// The group's.
    id: String,
    /// To close the client is all that it takes to leave: a static member is to keep its place, and by KIP-848 librdkafka does leave.
    closes_well: bool,
}

/// The handle that librdkafka owns.
struct Callbacks {
    group: Arc<Group>,
    assignment: Arc<Assignment>,
    /// The session is over: librdkafka takes the partitions back because the consumer is dropped.
    leaving: Arc<AtomicBool>,
}

impl KafkaSubscription {
    pub(super) fn new(settings: &Settings, id: &str, group: &Arc<Group>) -> Result<Self, Error> {
        let leaving = Arc::new(AtomicBool::new(false));
        let assignment = Arc::new(Assignment::default());
        let callbacks =
            Callbacks { group: Arc::clone(group), assignment: Arc::clone(&assignment), leaving: Arc::clone(&leaving) };
        let (start, reset) = match settings.consumer.start {
            Start::Earliest => (Offset::Beginning, "earliest"),
            Start::Latest => (Offset::End, "latest"),
        };
        let mut config = settings.kafka_config(&DEFAULTS);
        if let Some(instance) = &settings.consumer.instance_id {
            config.set("group.instance.id", instance);
        }
        let consumer = config
            .set("group.id", id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", reset)
            .create_with_context(callbacks)
            .map_err(kafka::config_error)?;
        let is_kip_848 = settings.kafka.get("group.protocol").is_some_and(|protocol| protocol == "consumer");
        let closes_well = is_kip_848 || settings.consumer.instance_id.is_some();
        Ok(Self { consumer: Arc::new(consumer), assignment, leaving, start, id: id.to_owned(), closes_well })
    }

    /// Returns whether we have no partition. librdkafka 2.12 closes such a member of a cooperative group without a word, and the
    /// group waits for it until its session is over; it leaves where it unsubscribes and no rebalance is under way.
    fn goes_unheard(&self) -> bool {
        let has_begun = || self.consumer.assignment().is_ok_and(|assignment| assignment.count() > 0);
        !self.closes_well && self.assignment.awaited().is_empty() && !has_begun()
    }

    /// Waits for the end of a rebalance. What still comes is for whoever gets the partitions.
    async fn settled(&self) {
        let is_cut_off = || self.consumer.context().group.health.disconnected().is_some();
        while !is_cut_off() && (self.awaits_assignment() || self.is_rebalancing().await) {
            drop(timeout(LOOK, self.consumer.recv()).await);
        }
    }

    /// Returns whether the group has taken us, by its protocol, and the first assignment is on its way.
    fn awaits_assignment(&self) -> bool {
        !self.assignment.has_begun() && !matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::None)
    }

    /// Returns whether the group's coordinator says so.
    async fn is_rebalancing(&self) -> bool {
        let (consumer, id) = (Arc::clone(&self.consumer), self.id.clone());
        let ask = move || {
            let Ok(list) = consumer.fetch_group_list(Some(&id), ANSWER) else { return false };
            list.groups().iter().any(|group| matches!(group.state(), "PreparingRebalance" | "CompletingRebalance"))
        };
        tokio::task::spawn_blocking(ask).await.unwrap_or(false)
    }
}

/// Also where whoever runs the session does not wait for its end.
impl Drop for KafkaSubscription {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        if self.goes_unheard() {
            self.consumer.unsubscribe();
        }
        // librdkafka closes nothing while it waits to hear of these.
        if let Some(partitions) = self.assignment.owed() {
            self.assignment.give_up(&*self.consumer, &partitions);
        }
    }
}

impl Subscription<Kafka> for KafkaSubscription {
    /// Polls meanwhile, because librdkafka tells of errors while it is polled only.
    async fn reach(&self, topic: &str, timeout: Duration) -> bool {
        let (waiting, topic) = (Arc::clone(&self.consumer), topic.to_owned());
        // Of all questions, this one makes librdkafka connect at once; left alone, it takes up to a second.
        let ask = move || waiting.client().fetch_metadata(Some(&topic), timeout).is_ok();
        let mut reached = tokio::task::spawn_blocking(ask);
        loop {
            tokio::select! {
                reached = &mut reached => return reached.unwrap_or(false),
                // Nothing is subscribed, so this is an error, which the callbacks have taken note of.
                _ = self.consumer.recv() => {}
            }
        }
    }

    fn subscribe(&self, topics: &[&str]) -> Result<(), KafkaError> {
        self.consumer.subscribe(topics)
    }

    fn records(&self) -> impl Stream<Item = Result<BorrowedMessage<'_>, KafkaError>> + Send {
        Records::new(&self.consumer, &self.assignment, self.start)
    }

    fn commit(&self, offsets: &[TopicOffset]) -> Result<(), KafkaError> {
        self.consumer.commit(&offset_list(offsets)?, CommitMode::Async)
    }

    async fn committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<Vec<TopicOffset>, KafkaError> {
        let (consumer, list) = (Arc::clone(&self.consumer), list(partitions));
        // rdkafka panics at metadata that is not UTF-8, which any other client may have committed: an error from here.
        kafka::ask(move || committed_offsets(&consumer.committed_offsets(list, timeout)?)).await
    }

    fn transaction_offsets(
        &self,
        offsets: &[TopicOffset],
    ) -> Result<(TopicPartitionList, ConsumerGroupMetadata), KafkaError> {
        let group = self.consumer.group_metadata().ok_or(KafkaError::Global(RDKafkaErrorCode::InvalidGroupId))?;
        Ok((offset_list(offsets)?, group))
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.assignment.paused(partitions);
        self.consumer.pause(&list(partitions))
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        self.assignment.resumed(partitions);
        self.consumer.resume(&list(partitions))
    }

    fn release(&self, offsets: &[TopicOffset]) {
        let Some(partitions) = self.assignment.owed() else { return };
        commit_for_good(&self.consumer, offsets);
        self.assignment.give_up(&*self.consumer, &partitions);
    }

    /// Commits and leaves, both of which block: on a thread that nobody waits for at the end of the process, because without
    /// a broker they take as long as a session.
    async fn leave(self, offsets: Vec<TopicOffset>, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        if self.goes_unheard() {
            self.leaving.store(true, Ordering::Relaxed);
            // What is left of the time is for the rest, which says so where it was too long.
            drop(timeout_at(deadline, self.settled()).await);
        }
        let (sender, left) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let commit = |list: TopicPartitionList| self.consumer.commit(&list, CommitMode::Sync);
            if !offsets.is_empty() {
                match offset_list(&offsets).and_then(commit) {
                    Ok(()) => self.consumer.context().group.committed(),
                    Err(error) => {
                        tracing::warn!(%error, "the last offsets were not committed; their records will be handled twice");
                    }
                }
            }
            // A question that is not answered yet would keep the client open.
            while Arc::strong_count(&self.consumer) > 1 && !sender.is_closed() {
                std::thread::park_timeout(LOOK);
            }
            drop(self);
            let _ = sender.send(());
        });
        if timeout_at(deadline, left).await.is_err() {
            tracing::warn!("Kafka did not answer when the consumer left its group");
        }
    }
}

fn committed_offsets(list: &TopicPartitionList) -> Result<Vec<TopicOffset>, KafkaError> {
    let mut committed = Vec::new();
    for element in list.elements() {
        element.error()?;
        let Offset::Offset(offset) = element.offset() else { continue };
        let partition = TopicPartition::new(&element.topic().into(), element.partition());
        committed.push(TopicOffset { partition, offset, metadata: element.metadata().to_owned() });
    }
    Ok(committed)
}

/// Commits what is finished on partitions that we give up.
fn commit_for_good(consumer: &StreamConsumer<Callbacks>, offsets: &[TopicOffset]) {
    if offsets.is_empty() {
        return;
    }
    if consumer.assignment_lost() {
        return not_committed("the group has given the partitions to others already");
    }
    let committed = offset_list(offsets).and_then(|list| consumer.commit(&list, CommitMode::Sync));
    match committed {
        Ok(()) => consumer.context().group.committed(),
        Err(error) => not_committed(&error.to_string()),
    }
}

fn not_committed(error: &str) {
    tracing::warn!(error, "offsets of revoked partitions were not committed; their records will be handled twice");
}

impl Callbacks {
    /// Leaves it to the session to give up partitions, once their handlers have ended; those that are lost are gone.
    fn revoked(&self, consumer: &BaseConsumer<Self>, partitions: Vec<TopicPartition>) {
        // A client that is closing waits without end for a coordinator that is gone, and for what is committed by the way.
        let is_leaving = self.leaving.load(Ordering::Relaxed);
        if !is_leaving && !consumer.assignment_lost() {
            self.group.leaving(&partitions);
            return self.assignment.owe(partitions);
        }
        if !self.group.revoked(&partitions).is_empty() {
            let gone = "the group has given the partitions to others already";
            not_committed(if is_leaving { "the consumer was dropped" } else { gone });
        }
        self.assignment.give_up(consumer, &partitions);
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.group.health.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                tracing::warn!(reason, "a topic does not exist yet; waiting for it");
            }
            // The session sees it as well and says what it means.
            Some(RDKafkaErrorCode::PollExceeded) => {}
            _ => self.group.health.error(&error, reason),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let n_up = statistics.brokers.values().filter(|broker| broker.state == "UP").count();
        self.group.health.connections(n_up, statistics.brokers.len());
        self.group.watermarks.take(&statistics);
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let partitions = partitions(list);
            self.group.assigned(&partitions);
            self.assignment.take(consumer, partitions);
        } else {
            self.revoked(consumer, partitions(list));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) => self.group.committed(),
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => {
                tracing::warn!(%error, "offsets were not committed; trying again with the next commit");
                self.group.commit_failed();
            }
        }
    }
}
