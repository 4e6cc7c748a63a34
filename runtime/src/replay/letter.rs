//! A dead letter as it stands in its topic: the record, and what its headers say of how it died.
//!
//! In: a record of the topic. Out: a [`Letter`]. Its headers come from outside, so that one that is missing or makes no
//! sense is no error: a record that does not say where it came from is foreign, is shown as such and left where it is.

use std::fmt;

use eventwright_wire::RawRecord;
use eventwright_wire::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::payload::{Payload, PayloadEncoding};
use crate::copies::headers;
use crate::message::{EVENT, MESSAGE_ID};

/// The header of a record that was replayed: the place of its dead letter, `topic/partition/offset`.
pub const REPLAYED_FROM: &str = "ew-replayed-from";

/// What the topics begin with that Kafka keeps for itself.
const INTERNAL: &str = "__";

/// A record in the topic of dead letters.
#[derive(Debug, Clone)]
pub struct Letter {
    record: RawRecord,
    origin: Result<Origin, String>,
}

/// Where a record was before it became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The topic, with its prefix.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

impl Letter {
    pub(crate) fn new(record: RawRecord) -> Self {
        let origin = origin(&record);
        Self { record, origin }
    }

    /// Returns the record as it is.
    #[must_use]
    pub fn record(&self) -> &RawRecord {
        &self.record
    }

    /// Returns where the record came from; `None` for a foreign one, which does not say so.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref().ok()
    }

    /// Returns why the record is none that a consumer of ours has written, if it is none.
    #[must_use]
    pub fn foreign(&self) -> Option<&str> {
        self.origin.as_ref().err().map(String::as_str)
    }

    /// Returns the last header of that name as text, if there is one and it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.record.header(name)
    }

    /// Returns the id of the event: the header `ew-message-id`.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.header(MESSAGE_ID)
    }

    /// Returns the name of the event: the header `ew-event`.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.header(EVENT)
    }

    /// Returns the class of the failure: the header `ew-failure-reason`.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.header(headers::REASON)
    }

    /// Returns the error with its causes: the header `ew-error`.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.header(headers::ERROR)
    }

    /// Returns how often a handler was given the record: the header `ew-attempt`.
    #[must_use]
    pub fn attempts(&self) -> Option<u32> {
        self.header(headers::ATTEMPT)?.parse().ok()
    }

    /// Returns when the record was written to the topic of dead letters.
    #[must_use]
    pub fn died_at(&self) -> Option<Timestamp> {
        self.record.timestamp.and_then(|millis| Timestamp::from_millisecond(millis).ok())
    }

    /// Returns what is told of the letter, without its value.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (origin, attempts) = (self.origin(), self.attempts());
        Summary {
            id: owned(self.message_id()),
            timestamp: self.died_at(),
            original_topic: origin.map(|origin| origin.topic.clone()),
            original_partition: origin.map(|origin| origin.partition),
            original_offset: origin.map(|origin| origin.offset),
            original_payload: None,
            failure_reason: owned(self.reason()),
            error_message: owned(self.error()),
            retry_count: attempts.map(|attempts| attempts.saturating_sub(1)),
            consumer_group: owned(self.header(headers::GROUP)),
            processing_host: owned(self.header(headers::HOST)),
            payload_encoding: None,
            payload_error: None,
            event: owned(self.event()),
            topic: self.record.topic.clone(),
            partition: self.record.partition,
            offset: self.record.offset,
            attempts,
            first_failed_at: self.header(headers::FIRST_FAILED_AT).and_then(|text| text.parse().ok()),
            replayed_from: owned(self.header(REPLAYED_FROM)),
            foreign: owned(self.foreign()),
        }
    }

    /// Returns the place of the letter, as the ledger and [`REPLAYED_FROM`] name it.
    pub(crate) fn place(&self) -> String {
        let RawRecord { topic, partition, offset, .. } = &self.record;
        format!("{topic}/{partition}/{offset}")
    }

    /// Returns the headers that the record had before it died.
    pub(crate) fn original_headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let of_death = |name: &str| headers::ALL.contains(&name) || name == REPLAYED_FROM;
        let headers = self.record.headers.iter().filter(move |(name, _)| !of_death(name));
        headers.map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

/// What is told of a dead letter, and its JSON form: the fields of a usual description of dead letters, and then those that are ours.
/// `None`, and `null`, is what no header says; what a header says is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The id of the event.
    pub id: Option<String>,
    /// When the letter was written to the topic of dead letters.
    pub timestamp: Option<Timestamp>,
    /// The topic that the record was on.
    pub original_topic: Option<String>,
    /// The partition that it was in.
    pub original_partition: Option<i32>,
    /// Its offset there.
    pub original_offset: Option<i64>,
    /// The value, as `payload_encoding` says: the JSON form of what a registered schema wrote, a text, or base64; `null` where the
    /// record has none. It is there in lists that show values, and left out of JSON elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_payload: Option<Value>,
    /// The class of the failure.
    pub failure_reason: Option<String>,
    /// The error with its causes.
    pub error_message: Option<String>,
    /// How often a handler was given the record after the first time.
    pub retry_count: Option<u32>,
    /// The group that gave it up.
    pub consumer_group: Option<String>,
    /// The machine that gave it up.
    pub processing_host: Option<String>,
    /// What the value is shown as; left out of JSON where there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_encoding: Option<PayloadEncoding>,
    /// Why a value that names a schema is shown in base64; left out of JSON where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_error: Option<String>,
    /// The name of the event.
    pub event: Option<String>,
    /// The topic of dead letters.
    pub topic: String,
    /// The partition there.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
    /// How often a handler was given the record.
    pub attempts: Option<u32>,
    /// When it failed first.
    pub first_failed_at: Option<Timestamp>,
    /// The place of the dead letter that the record was a replay of when it died.
    pub replayed_from: Option<String>,
    /// Why the record is none that a consumer of ours has written, if it is none.
    pub foreign: Option<String>,
}

impl Summary {
    /// Returns the summary with the value.
    pub(crate) fn showing(self, payload: Payload) -> Self {
        let Payload { value, encoding, error } = payload;
        Self { original_payload: Some(value), payload_encoding: encoding, payload_error: error, ..self }
    }
}

/// Two lines for reading. Texts of the record are escaped, so that none can steer a terminal.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)?;
        if let Some(timestamp) = self.timestamp {
            write!(f, "  {timestamp}")?;
        }
        for text in [&self.event, &self.id].into_iter().flatten() {
            write!(f, "  {}", text.escape_debug())?;
        }
        if let (Some(topic), Some(partition), Some(offset)) =
            (&self.original_topic, self.original_partition, self.original_offset)
        {
            write!(f, "  from {topic}/{partition}/{offset}")?;
        }
        let why = self.foreign.as_ref().map(|why| format!("foreign: {}", why.escape_debug()));
        let reason = || self.failure_reason.as_deref().unwrap_or("no reason").escape_debug().to_string();
        write!(f, "\n  {}", why.unwrap_or_else(reason))?;
        if let Some(attempts) = self.attempts {
            write!(f, " after {attempts} attempt{}", if attempts == 1 { "" } else { "s" })?;
        }
        self.error_message.as_ref().map_or(Ok(()), |error| write!(f, ": {}", error.escape_debug()))
    }
}

/// Reads where a record came from.
fn origin(record: &RawRecord) -> Result<Origin, String> {
    let text = |name: &str| record.header(name).ok_or_else(|| format!("it has no header `{name}`"));
    let topic = text(headers::TOPIC)?;
    if !is_topic(topic) || topic == record.topic {
        return Err(format!("its header `{}` names no topic that it can come from", headers::TOPIC));
    }
    let no_number = |name: &str| format!("its header `{name}` is no number");
    let partition = text(headers::PARTITION)?.parse().map_err(|_| no_number(headers::PARTITION))?;
    let offset = text(headers::OFFSET)?.parse().map_err(|_| no_number(headers::OFFSET))?;
    Ok(Origin { topic: topic.to_owned(), partition, offset })
}

/// Returns whether a topic may have that name and is none of Kafka's own.
pub(crate) fn is_topic(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len())
        && !matches!(name, "." | "..")
        && name.bytes().all(is_legal)
        && !name.starts_with(INTERNAL)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A dead letter of `orders` at that place of `orders_dlq`, with these headers beside those of its origin.
    pub(crate) fn letter((partition, offset): (i32, i64), timestamp: i64, more: &[(&str, &str)]) -> Letter {
        let origin = [(headers::TOPIC, "orders"), (headers::PARTITION, "0"), (headers::OFFSET, "7")];
        Letter::new(record((partition, offset), timestamp, &[&origin, more].concat()))
    }

    pub(crate) fn record((partition, offset): (i32, i64), timestamp: i64, headers: &[(&str, &str)]) -> RawRecord {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), Some(value.as_bytes().to_vec()));
        RawRecord {
            topic: "orders_dlq".into(),
            partition,
            offset,
            timestamp: Some(timestamp),
            key: Some(b"k".to_vec()),
            value: Some(b"v".to_vec()),
            headers: headers.iter().map(header).collect(),
        }
    }

    #[test]
    fn a_record_that_does_not_say_where_it_came_from_is_foreign() {
        let check = |headers: &[(&str, &str)], expected: Option<&str>| {
            let letter = Letter::new(record((0, 1), 0, headers));
            assert_eq!(letter.foreign(), expected, "{headers:?}");
            assert_eq!(letter.origin().is_some(), expected.is_none());
        };
        let (topic, partition, offset) = (headers::TOPIC, headers::PARTITION, headers::OFFSET);
        check(&[(topic, "orders"), (partition, "3"), (offset, "9")], None);
        check(&[], Some("it has no header `ew-original-topic`"));
        check(&[(topic, "orders")], Some("it has no header `ew-original-partition`"));
        let no_number = Some("its header `ew-original-offset` is no number");
        check(&[(topic, "orders"), (partition, "3"), (offset, "9999999999999999999")], no_number);
        let no_topic = Some("its header `ew-original-topic` names no topic that it can come from");
        for name in ["", "..", "a b", "a/b", "__consumer_offsets", "orders_dlq", "é", &"a".repeat(250)] {
            check(&[(topic, name), (partition, "3"), (offset, "9")], no_topic);
        }
    }

    #[test]
    fn headers_of_the_death_are_left_behind_and_all_others_kept() {
        let more =
            [(headers::ERROR, "e"), (headers::DUE_AT, "1"), (REPLAYED_FROM, "x/0/1"), (MESSAGE_ID, "m"), ("a", "1")];
        let letter = letter((0, 1), 0, &[&more[..], &[("a", "2")]].concat());
        let kept: Vec<_> = letter.original_headers().collect();
        assert_eq!(kept, [(MESSAGE_ID, Some(&b"m"[..])), ("a", Some(b"1")), ("a", Some(b"2"))]);
    }

    #[test]
    fn the_json_form_has_the_usual_fields_first_and_ours_behind_them() {
        let more = [
            (MESSAGE_ID, "id-1"),
            (EVENT, "OrderCreated"),
            (headers::ATTEMPT, "3"),
            (headers::REASON, "rejected"),
            (headers::ERROR, "order_id is required"),
            (headers::FIRST_FAILED_AT, "2026-02-03T04:05:06Z"),
            (headers::GROUP, "inventory"),
            (headers::HOST, "worker-01"),
        ];
        let letter = letter((2, 1), 1_770_091_506_789, &more);
        let usual = r#"{"id":"id-1","timestamp":"2026-02-03T04:05:06.789Z","original_topic":"orders","original_partition":0,"original_offset":7,"original_payload":{"a":1},"failure_reason":"rejected","error_message":"order_id is required","retry_count":2,"consumer_group":"inventory","processing_host":"worker-01","#;
        let ours = r#""payload_encoding":"avro","event":"OrderCreated","topic":"orders_dlq","partition":2,"offset":1,"attempts":3,"first_failed_at":"2026-02-03T04:05:06Z","replayed_from":null,"foreign":null}"#;
        let value = serde_json::json!({"a": 1});
        let payload = Payload { value, encoding: Some(PayloadEncoding::Avro), error: None };
        let json = serde_json::to_string(&letter.summary().showing(payload)).unwrap();
        assert_eq!(json, [usual, ours].concat());
        let json = serde_json::to_string(&letter.summary()).unwrap();
        assert!(!json.contains("payload"), "a replay's lines have no values: {json}");
    }

    #[test]
    fn a_letter_that_no_handler_was_given_was_not_retried() {
        let count = |attempts| letter((0, 1), 0, &[(headers::ATTEMPT, attempts)]).summary().retry_count;
        assert_eq!(["0", "1", "4", "x"].map(count), [Some(0), Some(0), Some(3), None]);
    }

    #[test]
    fn a_summary_shows_what_is_there_and_no_control_characters() {
        let more = [(headers::ATTEMPT, "many"), (headers::REASON, "a\x1b[31m"), (headers::FIRST_FAILED_AT, "then")];
        let summary = letter((2, 1), 1_770_091_506_789, &more).summary();
        assert_eq!((summary.attempts, summary.first_failed_at), (None, None));
        let text = summary.to_string();
        assert_eq!(text, "orders_dlq/2/1  2026-02-03T04:05:06.789Z  from orders/0/7\n  a\\u{1b}[31m");
    }
}
