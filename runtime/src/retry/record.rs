//! Records of retry topics: what their headers say.

use std::time::SystemTime;

use eventwright_wire::jiff::Timestamp;
use rdkafka::Message;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

use crate::copies::headers;
use crate::message::{self, header};

/// What a record of a retry topic is.
#[derive(Debug)]
pub(crate) enum Found {
    /// It waits for our group.
    Ours(Waiting),
    /// It waits for another group.
    Foreign,
    /// Nobody can tell what it is, for this reason.
    Unreadable(String),
}

/// A record that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// As it was: with its topic, partition and offset, and without the headers of the copy.
    pub(crate) message: OwnedMessage,
    pub(crate) attempts: u32,
    pub(crate) due_at: Option<SystemTime>,
    pub(crate) first_failed_at: Option<SystemTime>,
}

/// Reads a record of a retry topic that belongs to a topic; `group` is ours.
pub(crate) fn read(record: &impl Message, topic: &str, group: &str) -> Found {
    match header(record, headers::GROUP) {
        Some(of) if of != group => return Found::Foreign,
        Some(_) => {}
        None => return Found::Unreadable(format!("a record of a retry topic without the header `{}`", headers::GROUP)),
    }
    waiting(record, topic).map_or_else(Found::Unreadable, Found::Ours)
}

fn waiting(record: &impl Message, topic: &str) -> Result<Waiting, String> {
    let text =
        |name| header(record, name).ok_or_else(|| format!("a record of a retry topic without the header `{name}`"));
    let wrong =
        |name, expected: &str, found| Err(format!("expected {expected} in the header `{name}`, found `{found}`"));
    let of = text(headers::TOPIC)?;
    if of != topic {
        return wrong(headers::TOPIC, &format!("`{topic}`"), of);
    }
    let partition: i32 = number(headers::PARTITION, text(headers::PARTITION)?)?;
    if partition != record.partition() {
        return wrong(headers::PARTITION, &record.partition().to_string(), text(headers::PARTITION)?);
    }
    let offset: i64 = number(headers::OFFSET, text(headers::OFFSET)?)?;
    let timestamp = header(record, headers::TIMESTAMP).map(|text| number(headers::TIMESTAMP, text)).transpose()?;
    let message = OwnedMessage::new(
        record.payload().map(<[u8]>::to_vec),
        record.key().map(<[u8]>::to_vec),
        of.to_owned(),
        timestamp.map_or(rdkafka::Timestamp::NotAvailable, rdkafka::Timestamp::CreateTime),
        partition,
        offset,
        Some(own_headers(record)),
    );
    let time = |name| header(record, name).map(|text| moment(name, text)).transpose();
    Ok(Waiting {
        message,
        attempts: number(headers::ATTEMPT, text(headers::ATTEMPT)?)?,
        due_at: time(headers::DUE_AT)?,
        first_failed_at: time(headers::FIRST_FAILED_AT)?,
    })
}

/// Returns the headers that the record came with.
fn own_headers(record: &impl Message) -> OwnedHeaders {
    let own = message::headers(record).filter(|header| !headers::ALL.contains(&header.key));
    own.fold(OwnedHeaders::new(), |own, Header { key, value }| own.insert(Header { key, value }))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("expected a number in the header `{name}`, found `{text}`"))
}

fn moment(name: &str, text: &str) -> Result<SystemTime, String> {
    let time: Timestamp =
        text.parse().map_err(|_| format!("expected a time of RFC 3339 in the header `{name}`, found `{text}`"))?;
    Ok(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 7] = [
        (headers::GROUP, "g"),
        (headers::TOPIC, "orders"),
        (headers::PARTITION, "2"),
        (headers::OFFSET, "17"),
        (headers::ATTEMPT, "3"),
        (headers::DUE_AT, "2026-02-03T04:05:06Z"),
        ("tenant", "acme"),
    ];

    fn record(headers: &[(&str, &str)]) -> OwnedMessage {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        let timestamp = rdkafka::Timestamp::CreateTime(9);
        OwnedMessage::new(
            Some(b"v".to_vec()),
            Some(b"k".to_vec()),
            "orders_retry".into(),
            timestamp,
            2,
            99,
            Some(headers),
        )
    }

    #[test]
    fn a_record_is_what_it_was_before_it_was_copied() {
        let Found::Ours(found) = read(&record(&GOOD), "orders", "g") else { panic!("ours") };
        let message = &found.message;
        assert_eq!((message.topic(), message.partition(), message.offset()), ("orders", 2, 17));
        assert_eq!((message.key(), message.payload()), (Some(b"k".as_slice()), Some(b"v".as_slice())));
        assert_eq!((found.attempts, found.first_failed_at), (3, None));
        let names: Vec<_> = message::headers(message).map(|header| header.key).collect();
        assert_eq!(names, ["tenant"]);
        assert!(matches!(read(&record(&GOOD), "orders", "h"), Found::Foreign));
    }

    #[test]
    fn headers_that_are_missing_or_wrong_are_named() {
        let check = |name: &str, value: Option<&str>| {
            let mut headers: Vec<_> = GOOD.iter().filter(|(other, _)| *other != name).copied().collect();
            headers.extend(value.map(|value| (name, value)));
            match read(&record(&headers), "orders", "g") {
                Found::Unreadable(reason) => assert!(reason.contains(name), "{reason}"),
                other => panic!("{other:?}"),
            }
        };
        for (name, _) in &GOOD[..5] {
            check(name, None);
        }
        check(headers::TOPIC, Some("payments"));
        check(headers::PARTITION, Some("1"));
        check(headers::OFFSET, Some("17.5"));
        check(headers::ATTEMPT, Some("-1"));
        check(headers::DUE_AT, Some("soon"));
        check(headers::FIRST_FAILED_AT, Some("2026-02-03"));
    }
}
