//! What producers and consumers count and measure.
//!
//! In: what they do. Out: the figures of [`ProducerStats`](crate::ProducerStats) and
//! [`ConsumerStats`](crate::ConsumerStats), and the same ones, with durations and levels, for the recorder of the `metrics`
//! facade, if the process has one: that of [`serve`] (feature `prometheus`), or its own.
//!
//! Counters and histograms are looked up once for each event of a producer or consumer, so install a recorder before these
//! are made. Labels hold names of topics, events and groups, numbers of partitions, and words of ours: never a key, an id
//! or the text of an error, which have no bound.
//!
//! | metric | labels | what it is |
//! |---|---|---|
//! | `events_published_total` | `topic`, `type` | events that Kafka has acknowledged; failed ones are not among them |
//! | `events_publish_failed_total` | `topic`, `type` | events that were not encoded, not taken or not acknowledged |
//! | `kafka_produce_duration_seconds` | `topic`, `type` | from `send` or `enqueue` to the acknowledgement |
//! | `event_encode_duration_seconds` | `topic`, `type` | encoding of value and key |
//! | `events_received_total` | `topic`, `group` | records that a consumer was given by Kafka, those of a retry topic under its name |
//! | `events_processed_total` | `topic`, `group`, `type`, `status` | records that came to an end, once each: `handled`, `ignored`, `duplicate`, `dead_lettered` |
//! | `events_processed_per_second` | `topic`, `group`, `type` | the same, over the last second |
//! | `events_failed_total` | `topic`, `group`, `type` | attempts whose handler asked for a retry, rejected the event or panicked |
//! | `events_retried_total` | `topic`, `group`, `type` | attempts that failed and are followed by another one |
//! | `events_redirected_total` | `topic`, `group` | records that went to a retry topic unhandled, behind an earlier one of their key |
//! | `dlq_entries_total` | `topic`, `group`, `type`, `reason` | dead letters: `handler`, `rejected`, `undecodable` |
//! | `event_decode_failures_total` | `topic`, `group`, `kind` | records that no typed handler can be given |
//! | `event_decode_duration_seconds` | `topic`, `group`, `type` | decoding, of one record in 16 |
//! | `event_handle_duration_seconds` | `topic`, `group`, `type` | one attempt: decoding and the handler |
//! | `kafka_consume_duration_seconds` | `topic`, `group` | from a record's arrival to its end, waits and retries included; of one that waited in a retry topic, from its arrival from there |
//! | `consumer_lag_records`, `consumer_lag_seconds` | `topic`, `group`, `partition` | how many records, and how much time, the consumer is behind; in a retry topic, what waits there |
//! | `consumer_held_records`, `consumer_held_bytes` | `group` | records in hand that have not come to their end |
//! | `consumer_running_handlers`, `consumer_paused_partitions`, `consumer_assigned_partitions` | `group` | |
//! | `consumer_commits_total` | `group`, `status` | commits of offsets: `ok`, `failed` |
//! | `consumer_rebalances_total` | `group`, `kind` | `assigned`, `revoked` |
//! | `schema_cache_hits_total`, `schema_cache_misses_total`, `schema_cache_size` | `topic`, `group` | schema ids that were known, were asked for, are held |
//! | `db_operation_duration_seconds` | `operation` | what [`db_timer`] measures for you |
//!
//! An `undecodable` record that its handler finished is `handled`, of the `type` `unknown`, as all records are whose event
//! is not one of the consumer's.

mod consumer;
mod count;
mod lag;
mod names;
mod producer;
#[cfg(feature = "prometheus")]
mod serve;
mod snapshot;

use std::time::Instant;

pub(crate) use consumer::{ConsumerMeter, EventMeter, Levels, TopicMeter};
pub(crate) use lag::Watermarks;
pub(crate) use producer::{SendMeter, SendMeters};
#[cfg(feature = "prometheus")]
pub use serve::{Server, serve};
pub(crate) use serve_as_set::serve_as_set;
pub use snapshot::MetricsSnapshot;

/// Measures a database operation until it is dropped, as `db_operation_duration_seconds{operation}`.
///
/// ```
/// # fn insert() {}
/// let timer = eventwright::metrics::db_timer("insert_order");
/// insert();
/// drop(timer);
/// ```
///
/// The name is part of the program, so that nobody makes a time series of each value.
pub fn db_timer(operation: &'static str) -> DbTimer {
    DbTimer { operation, started: Instant::now() }
}

/// What [`db_timer`] returns.
#[derive(Debug)]
#[must_use = "it measures until it is dropped"]
pub struct DbTimer {
    operation: &'static str,
    started: Instant,
}

impl Drop for DbTimer {
    fn drop(&mut self) {
        metrics::histogram!(names::DB_OPERATION, "operation" => self.operation).record(self.started.elapsed());
    }
}

/// Starts the endpoint that the settings ask for.
mod serve_as_set {
    use crate::{Error, Settings};

    /// Serves metrics where `metrics.listen` says, once for the process.
    ///
    /// # Errors
    /// An address that is taken, or a build without the feature `prometheus`.
    #[cfg(feature = "prometheus")]
    pub(crate) async fn serve_as_set(settings: &Settings) -> Result<(), Error> {
        match settings.metrics.listen {
            Some(address) => super::serve::serve_once(address).await,
            None => Ok(()),
        }
    }

    #[cfg(not(feature = "prometheus"))]
    pub(crate) async fn serve_as_set(settings: &Settings) -> Result<(), Error> {
        match settings.metrics.listen {
            Some(_) => Err(Error::settings(
                "`metrics.listen` is set, but this program was built without an endpoint; help: add the feature \
                 `prometheus` to the dependency `eventwright`",
            )),
            None => Ok(()),
        }
    }
}
