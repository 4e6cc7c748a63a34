//! The names of all metrics, and what they are, for whoever scrapes them.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const PUBLISHED: &str = "events_published_total";
pub(super) const PUBLISH_FAILED: &str = "events_publish_failed_total";
pub(super) const PRODUCE: &str = "kafka_produce_duration_seconds";
pub(super) const ENCODE: &str = "event_encode_duration_seconds";
pub(super) const RECEIVED: &str = "events_received_total";
pub(super) const PROCESSED: &str = "events_processed_total";
pub(super) const PER_SECOND: &str = "events_processed_per_second";
pub(super) const FAILED: &str = "events_failed_total";
pub(super) const RETRIED: &str = "events_retried_total";
pub(super) const REDIRECTED: &str = "events_redirected_total";
pub(super) const DEAD_LETTERS: &str = "dlq_entries_total";
pub(super) const DECODE_FAILURES: &str = "event_decode_failures_total";
pub(super) const DECODE: &str = "event_decode_duration_seconds";
pub(super) const HANDLE: &str = "event_handle_duration_seconds";
pub(super) const CONSUME: &str = "kafka_consume_duration_seconds";
pub(super) const LAG_RECORDS: &str = "consumer_lag_records";
pub(super) const LAG_SECONDS: &str = "consumer_lag_seconds";
pub(super) const HELD_RECORDS: &str = "consumer_held_records";
pub(super) const HELD_BYTES: &str = "consumer_held_bytes";
pub(super) const RUNNING: &str = "consumer_running_handlers";
pub(super) const PAUSED: &str = "consumer_paused_partitions";
pub(super) const ASSIGNED: &str = "consumer_assigned_partitions";
pub(super) const COMMITS: &str = "consumer_commits_total";
pub(super) const REBALANCES: &str = "consumer_rebalances_total";
pub(super) const CACHE_HITS: &str = "schema_cache_hits_total";
pub(super) const CACHE_MISSES: &str = "schema_cache_misses_total";
pub(super) const CACHE_SIZE: &str = "schema_cache_size";
pub(super) const DB_OPERATION: &str = "db_operation_duration_seconds";

const COUNTERS: [(&str, &str); 13] = [
    (PUBLISHED, "Events that Kafka has acknowledged; failed ones are not among them"),
    (PUBLISH_FAILED, "Events that were not encoded, not taken or not acknowledged"),
    (RECEIVED, "Records that a consumer was given by Kafka"),
    (PROCESSED, "Records that came to an end, by how they did"),
    (FAILED, "Attempts whose handler asked for a retry, rejected the event or panicked"),
    (RETRIED, "Attempts that failed and are followed by another one"),
    (REDIRECTED, "Records that went to a retry topic unhandled, because an earlier one of their key waits there"),
    (DEAD_LETTERS, "Records that were written to a topic of dead letters, by reason"),
    (DECODE_FAILURES, "Records that no typed handler can be given, by kind"),
    (COMMITS, "Commits of offsets"),
    (REBALANCES, "Changes of a consumer's assignment"),
    (CACHE_HITS, "Records whose schema id was known"),
    (CACHE_MISSES, "Schema ids that the registry was asked for"),
];

const GAUGES: [(&str, &str); 9] = [
    (PER_SECOND, "Records that came to an end, over the last second"),
    (LAG_RECORDS, "Records between the last finished one and the end of the partition"),
    (LAG_SECONDS, "Age of the oldest record in hand that is not finished; 0 where there is none"),
    (HELD_RECORDS, "Records in hand that have not come to their end"),
    (HELD_BYTES, "Bytes of the keys and values of records in hand"),
    (RUNNING, "Handlers that are running"),
    (PAUSED, "Partitions that are paused because they hold as much as they may"),
    (ASSIGNED, "Partitions that the consumer has"),
    (CACHE_SIZE, "Schema ids that are known"),
];

const HISTOGRAMS: [(&str, &str); 6] = [
    (PRODUCE, "From send to the acknowledgement of Kafka"),
    (ENCODE, "Encoding of an event and its key"),
    (CONSUME, "From a record's arrival to its end, waits and retries included"),
    (DECODE, "Decoding of an event, of one record in 16"),
    (HANDLE, "One attempt at a record: decoding and the handler"),
    (DB_OPERATION, "Database operations of handlers"),
];

/// Tells the recorder what each metric is.
pub(super) fn describe() {
    for (name, help) in COUNTERS {
        describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        describe_gauge!(name, help);
    }
    for (name, help) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, help);
    }
}
