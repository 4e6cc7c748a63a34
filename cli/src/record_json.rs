//! What a record looks like: the object that `tail` prints and `produce --input envelope` reads, and the text for eyes.

use anstyle::{AnsiColor, Style};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright::RawRecord;
use eventwright::wire::framing::SchemaId;
use eventwright::wire::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::decode::{Decoded, DecodedKey};

/// Returns the object of a record, its keys in the order of the contract; those that begin with `key_` are there where
/// the key has a schema.
pub(crate) fn object(record: &RawRecord, decoded: Decoded, key: Option<DecodedKey>) -> Value {
    let Decoded { schema_id, place, event, value } = decoded;
    let (subject, version) = place.unzip();
    let headers = record.headers.iter().map(|(name, value)| {
        Value::Array(vec![name.as_str().into(), value.as_deref().map_or(Value::Null, text_or_base64)])
    });
    let mut object = Map::new();
    object.insert("topic".into(), record.topic.as_str().into());
    object.insert("partition".into(), record.partition.into());
    object.insert("offset".into(), record.offset.into());
    object.insert("timestamp".into(), record.timestamp.and_then(timestamp).into());
    match key {
        Some(DecodedKey { schema_id: SchemaId(id), place: (subject, version), value }) => {
            object.insert("key".into(), value);
            object.insert("key_subject".into(), subject.into());
            object.insert("key_schema_id".into(), id.into());
            object.insert("key_schema_version".into(), version.into());
        }
        None => {
            object.insert("key".into(), plain_key(record));
        }
    }
    object.insert("headers".into(), headers.collect());
    object.insert("subject".into(), subject.into());
    object.insert("schema_id".into(), schema_id.map(|SchemaId(id)| id).into());
    object.insert("schema_version".into(), version.into());
    object.insert("event".into(), event.into());
    match value {
        Ok(value) => {
            object.insert("value".into(), value);
        }
        Err(error) => {
            object.insert("error".into(), error.into());
            object.insert("raw".into(), record.value.as_deref().map(|raw| STANDARD.encode(raw)).into());
        }
    }
    Value::Object(object)
}

/// Returns milliseconds since the epoch as RFC 3339, or nothing for what is no time.
fn timestamp(milliseconds: i64) -> Option<String> {
    Timestamp::from_millisecond(milliseconds).ok().map(|timestamp| timestamp.to_string())
}

/// Returns a key that has no schema.
fn plain_key(record: &RawRecord) -> Value {
    record.key.as_deref().map_or(Value::Null, text_or_base64)
}

/// Returns bytes as text where they are UTF-8, else as `{"base64": …}`.
fn text_or_base64(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => Value::Object(Map::from_iter([("base64".to_owned(), STANDARD.encode(bytes).into())])),
    }
}

/// Returns the bytes that [`text_or_base64`] made a value of; `None` for null.
///
/// # Errors
/// Anything else, with what was expected.
pub(crate) fn bytes_of(value: &Value) -> Result<Option<Vec<u8>>, String> {
    const EXPECTED: &str = "expected text, null or {\"base64\": \"…\"}";
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_bytes().to_vec())),
        Value::Object(object) if object.len() == 1 => {
            let text = object.get("base64").and_then(Value::as_str).ok_or(EXPECTED)?;
            STANDARD.decode(text).map(Some).map_err(|error| format!("expected base64: {error}"))
        }
        _ => Err(EXPECTED.into()),
    }
}

/// The colours of the text form.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Palette {
    place: Style,
    event: Style,
    bad: Style,
}

impl Palette {
    pub(crate) fn coloured() -> Self {
        Self {
            place: Style::new().dimmed(),
            event: AnsiColor::Cyan.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Returns a record as two lines for reading. Texts of the record stand in it as JSON, so that none can steer a terminal.
pub(crate) fn text(record: &RawRecord, decoded: &Decoded, key: Option<&DecodedKey>, palette: Palette) -> String {
    let Palette { place, event, bad } = palette;
    let mut line = format!("{place}{}[{}]@{}", record.topic, record.partition, record.offset);
    if let Some(timestamp) = record.timestamp.and_then(timestamp) {
        line.push_str(&format!("  {timestamp}"));
    }
    line.push_str(&format!("{place:#}"));
    if let Some(name) = &decoded.event {
        line.push_str(&format!("  {event}{}{event:#}", name.escape_debug()));
    }
    let from = match (&decoded.place, decoded.schema_id) {
        (Some((subject, version)), Some(id)) => format!("  {place}{subject} v{version}, id {id}{place:#}"),
        (None, Some(id)) => format!("  {place}id {id}{place:#}"),
        (_, None) => String::new(),
    };
    let key = key.map_or_else(|| plain_key(record), |key| key.value.clone());
    line.push_str(&format!("{from}  key {key}\n  "));
    match &decoded.value {
        Ok(_) if record.value.is_none() => line.push_str("no value: a tombstone"),
        Ok(value) => line.push_str(&value.to_string()),
        Err(error) => {
            let count = record.value.as_ref().map_or(0, Vec::len);
            line.push_str(&format!("{bad}cannot be decoded:{bad:#} {} ({count} bytes)", error.escape_debug()));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> RawRecord {
        RawRecord {
            topic: "orders".into(),
            partition: 2,
            offset: 7,
            timestamp: Some(1_770_091_506_789),
            key: Some(b"k\xff".to_vec()),
            value: Some(vec![0, 0]),
            headers: vec![("a".into(), Some(b"x".to_vec())), ("a".into(), None), ("b".into(), Some(vec![0xfe]))],
        }
    }

    #[test]
    fn a_record_is_an_object_with_the_keys_of_the_contract_in_order() {
        let decoded = Decoded {
            schema_id: Some(SchemaId(3)),
            place: Some(("orders-value".into(), 2)),
            event: Some("Order".into()),
            value: Ok(json!({"z": 1, "a": null})),
        };
        assert_eq!(
            object(&record(), decoded, None).to_string(),
            r#"{"topic":"orders","partition":2,"offset":7,"timestamp":"2026-02-03T04:05:06.789Z","key":{"base64":"a/8="},"headers":[["a","x"],["a",null],["b",{"base64":"/g=="}]],"subject":"orders-value","schema_id":3,"schema_version":2,"event":"Order","value":{"z":1,"a":null}}"#
        );
    }

    #[test]
    fn a_key_with_a_schema_says_which() {
        let key = DecodedKey { schema_id: SchemaId(4), place: ("orders-key".into(), 1), value: json!({"id": 7}) };
        let found = object(&record(), Decoded::without_schema(Ok(Value::Null)), Some(key)).to_string();
        let expected =
            r#""key":{"id":7},"key_subject":"orders-key","key_schema_id":4,"key_schema_version":1,"headers""#;
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn what_cannot_be_decoded_keeps_its_bytes() {
        let found = object(&record(), Decoded::without_schema(Err("too short".into())), None);
        assert_eq!(found["error"], "too short");
        assert_eq!(found["raw"], "AAA=");
        assert_eq!(found["schema_id"], Value::Null);
        assert!(found.get("value").is_none());
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [&b"text"[..], b"", b"\x00\xff", "é\n".as_bytes()] {
            assert_eq!(bytes_of(&text_or_base64(bytes)), Ok(Some(bytes.to_vec())));
        }
        assert_eq!(bytes_of(&Value::Null), Ok(None));
        for wrong in [json!(7), json!({"base64": 7}), json!({"base64": "!"}), json!({"hex": "00"}), json!([])] {
            assert!(bytes_of(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_text_form_shows_no_control_characters() {
        let mut record = record();
        record.key = Some(b"\x1b[31m".to_vec());
        let decoded = Decoded::without_schema(Err("bad \x1b[2J".into()));
        let text = text(&record, &decoded, None, Palette::default());
        assert!(!text.contains('\x1b'), "{text:?}");
        assert_eq!(text.lines().count(), 2);
    }
}
