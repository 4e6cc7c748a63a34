//! The records of a subscription, each partition from the offset on that its group has committed.
//!
//! librdkafka would ask for that offset itself, and begin at the wrong place at times: when the assignment changes while it asks,
//! it takes an offset of a transaction that is not over for one that was never committed, and where the request fails, it never
//! begins at all (2.12). So we ask, until the group's coordinator answers for all partitions, and assign them with their offsets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use rdkafka::consumer::{Consumer as _, ConsumerContext, MessageStream, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::Assignment;
use super::list;
use crate::backoff::Backoff;
use crate::kafka::ask;

/// The pauses before the coordinator is asked again.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };

/// How long the coordinator may take. A transaction that is open takes longer; asked again, it is over at some time.
const ANSWER: Duration = Duration::from_secs(2);

type Answer = Result<TopicPartitionList, KafkaError>;

/// What the subscription's stream is: polling it also begins with partitions that were assigned.
pub(super) struct Records<'a, C: ConsumerContext + 'static> {
    consumer: &'a Arc<StreamConsumer<C>>,
    assignment: &'a Assignment,
    /// Where partitions without a committed offset begin.
    start: Offset,
    messages: MessageStream<'a, C>,
    /// The turn of the assignment that is asked for.
    turn: u64,
    asking: Option<BoxFuture<'static, Answer>>,
    n_failed: u32,
}

impl<'a, C: ConsumerContext + 'static> Records<'a, C> {
    pub(super) fn new(consumer: &'a Arc<StreamConsumer<C>>, assignment: &'a Assignment, start: Offset) -> Self {
        Self { consumer, assignment, start, messages: consumer.stream(), turn: 0, asking: None, n_failed: 0 }
    }

    /// Asks where the partitions begin that are awaited now.
    fn ask(&mut self) {
        let awaited = self.assignment.awaited();
        if awaited.is_empty() {
            self.asking = None;
            return;
        }
        let (consumer, start) = (Arc::clone(self.consumer), self.start);
        let pause = (self.n_failed > 0).then(|| BACKOFF.pause(self.n_failed));
        let asking = async move {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            ask(move || begins(consumer.committed_offsets(list(&awaited), ANSWER)?, start)).await
        };
        self.asking = Some(asking.boxed());
    }

    fn answered(&mut self, answer: Answer) -> Result<(), KafkaError> {
        self.asking = None;
        let error = match answer {
            Ok(partitions) => {
                self.assignment.begin(&**self.consumer, &partitions);
                return Ok(());
            }
            Err(error) => error,
        };
        if self.n_failed == 0 {
            tracing::warn!(%error, "the group's offsets are not known; asking again, and its partitions wait");
        }
        self.n_failed = self.n_failed.saturating_add(1);
        self.ask();
        Err(error)
    }
}

impl<'a, C: ConsumerContext + 'static> Stream for Records<'a, C> {
    type Item = Result<BorrowedMessage<'a>, KafkaError>;

    /// The assignment changes while librdkafka is polled, and whoever polls is woken for that.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let turn = this.assignment.turn();
        if turn != this.turn {
            (this.turn, this.n_failed) = (turn, 0);
            this.ask();
        }
        if let Some(asking) = &mut this.asking
            && let Poll::Ready(answer) = asking.poll_unpin(context)
            && let Err(error) = this.answered(answer)
        {
            return Poll::Ready(Some(Err(error)));
        }
        this.messages.poll_next_unpin(context)
    }
}

/// Returns a list with the offsets that partitions begin at; an error if one of them is not known.
fn begins(mut partitions: TopicPartitionList, start: Offset) -> Answer {
    let mut uncommitted = Vec::new();
    for element in partitions.elements() {
        element.error()?;
        if element.offset() == Offset::Invalid {
            uncommitted.push((element.topic().to_owned(), element.partition()));
        }
    }
    for (topic, partition) in uncommitted {
        partitions.set_partition_offset(&topic, partition, start)?;
    }
    Ok(partitions)
}
