//! The lines of `produce --input envelope`: objects as `tail` prints them.

use eventwright::wire::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::record_json::bytes_of;

/// Headers in their order; a name may repeat, and a value may be null.
pub(crate) type Headers = Vec<(String, Option<Vec<u8>>)>;

/// What a line says of a record that is to be written.
#[derive(Debug, PartialEq)]
pub(crate) struct Envelope {
    /// The key; `None` where the line says nothing of it.
    pub(crate) key: Option<Key>,
    pub(crate) headers: Headers,
    /// Milliseconds since the Unix epoch.
    pub(crate) timestamp: Option<i64>,
    /// The subject, and its version where the line has one.
    pub(crate) subject: Option<(String, Option<u32>)>,
    pub(crate) event: Option<String>,
    pub(crate) value: Value,
    /// Whether the value, if it is null, is one of a schema and no tombstone.
    has_schema: bool,
}

/// The key of a record.
#[derive(Debug, PartialEq)]
pub(crate) enum Key {
    /// Bytes, or none.
    Bytes(Option<Vec<u8>>),
    /// A value of a schema: its subject, and the version where the line has one.
    Value { subject: String, version: Option<u32>, value: Value },
}

/// What `tail` prints, and nothing else: a key that is misspelt would be lost without a word.
const KEYS: [&str; 16] = [
    "topic",
    "partition",
    "offset",
    "timestamp",
    "key",
    "key_subject",
    "key_schema_id",
    "key_schema_version",
    "headers",
    "subject",
    "schema_id",
    "schema_version",
    "event",
    "value",
    "error",
    "raw",
];

impl Envelope {
    /// Returns the envelope of a bare value.
    pub(crate) fn of_value(value: Value) -> Self {
        Self { key: None, headers: Vec::new(), timestamp: None, subject: None, event: None, value, has_schema: true }
    }

    /// Returns whether the line is a record without value, the mark that its key was deleted: null, of no schema.
    pub(crate) fn is_tombstone(&self) -> bool {
        self.value.is_null() && !self.has_schema
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is not as `tail` prints it, with the key that it is at.
    pub(crate) fn read(line: Value) -> Result<Self, String> {
        let Value::Object(mut object) = line else {
            return Err("expected an object as `tail` prints them; help: `--input value` takes bare values".into());
        };
        if let Some(unknown) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("an envelope has no key `{unknown}`; help: its keys are {}", KEYS.join(", ")));
        }
        if object.contains_key("error") {
            return Err("the line holds a record that could not be decoded, so that it has no value to write".into());
        }
        let value = object.remove("value").ok_or("the key `value` is missing")?;
        let subject = text(&object, "subject")?;
        let version = version(&object, "schema_version")?;
        let is_set = |key| object.get(key).is_some_and(|value| !value.is_null());
        Ok(Self {
            has_schema: is_set("schema_id") || is_set("subject"),
            key: key(&object)?,
            headers: headers(object.get("headers"))?,
            timestamp: timestamp(&object)?,
            subject: subject.map(|subject| (subject, version)),
            event: text(&object, "event")?,
            value,
        })
    }
}

fn key(object: &Map<String, Value>) -> Result<Option<Key>, String> {
    let Some(value) = object.get("key") else { return Ok(None) };
    Ok(Some(match text(object, "key_subject")? {
        Some(subject) => Key::Value { subject, version: version(object, "key_schema_version")?, value: value.clone() },
        None => Key::Bytes(bytes_of(value).map_err(|wrong| format!("`key`: {wrong}"))?),
    }))
}

fn version(object: &Map<String, Value>, key: &str) -> Result<Option<u32>, String> {
    let Some(version) = object.get(key).filter(|version| !version.is_null()) else { return Ok(None) };
    let number = version.as_u64().and_then(|version| u32::try_from(version).ok());
    number.map(Some).ok_or_else(|| format!("`{key}`: expected a whole number or null"))
}

fn text(object: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}`: expected text or null")),
    }
}

fn timestamp(object: &Map<String, Value>) -> Result<Option<i64>, String> {
    let Some(text) = text(object, "timestamp")? else { return Ok(None) };
    let timestamp: Result<Timestamp, _> = text.parse();
    match timestamp {
        Ok(timestamp) => Ok(Some(timestamp.as_millisecond())),
        Err(_) => Err("`timestamp`: expected RFC 3339, such as 2026-02-03T04:05:06.789Z".into()),
    }
}

fn headers(value: Option<&Value>) -> Result<Headers, String> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err("`headers`: expected an array of [name, value]".into()),
    };
    let header = |(index, item): (usize, &Value)| match item.as_array().map(Vec::as_slice) {
        Some([Value::String(name), value]) => {
            let value = bytes_of(value).map_err(|wrong| format!("`headers[{index}]`: {wrong}"))?;
            Ok((name.clone(), value))
        }
        _ => Err(format!("`headers[{index}]`: expected [name, value]")),
    };
    items.iter().enumerate().map(header).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_value_is_needed() {
        let found = Envelope::read(json!({"value": {"a": 1}})).unwrap();
        assert_eq!((found.key, found.timestamp, found.subject), (None, None, None));
        assert_eq!(found.value, json!({"a": 1}));
    }

    #[test]
    fn what_tail_prints_is_taken() {
        let found = Envelope::read(json!({
            "topic": "t", "partition": 0, "offset": 9, "timestamp": "1970-01-01T00:00:01.5Z", "key": null,
            "headers": [["a", "x"], ["b", null], ["c", {"base64": "/w=="}]], "subject": "t-value", "schema_id": 1,
            "schema_version": 2, "event": "E", "value": null,
        }));
        let expected = Envelope {
            key: Some(Key::Bytes(None)),
            headers: vec![("a".into(), Some(b"x".to_vec())), ("b".into(), None), ("c".into(), Some(vec![0xff]))],
            timestamp: Some(1500),
            subject: Some(("t-value".into(), Some(2))),
            event: Some("E".into()),
            value: Value::Null,
            has_schema: true,
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn a_key_of_a_schema_is_a_value() {
        let found = Envelope::read(json!({
            "key": {"id": 7}, "key_subject": "t-key", "key_schema_id": 3, "key_schema_version": 2, "value": 1,
        }));
        let expected = Key::Value { subject: "t-key".into(), version: Some(2), value: json!({"id": 7}) };
        assert_eq!(found.unwrap().key, Some(expected));
    }

    #[test]
    fn null_of_no_schema_is_a_tombstone() {
        let check = |line: Value, expected: bool| {
            assert_eq!(Envelope::read(line).unwrap().is_tombstone(), expected);
        };
        check(json!({"key": "k", "value": null}), true);
        check(json!({"key": "k", "subject": null, "schema_id": null, "value": null}), true);
        check(json!({"subject": "nulls-value", "value": null}), false);
        check(json!({"value": 0}), false);
        assert!(!Envelope::of_value(Value::Null).is_tombstone());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |line: Value, expected: &str| {
            let wrong = Envelope::read(line).unwrap_err();
            assert!(wrong.contains(expected), "{wrong}");
        };
        check(json!(7), "expected an object as `tail` prints them");
        check(json!({}), "the key `value` is missing");
        check(json!({"value": 1, "heders": []}), "no key `heders`");
        check(json!({"value": 1, "headers": {}}), "`headers`: expected an array");
        check(json!({"value": 1, "headers": [["a", "x"], ["a"]]}), "`headers[1]`: expected [name, value]");
        check(json!({"value": 1, "headers": [["a", 7]]}), "`headers[0]`: expected text, null or");
        check(json!({"value": 1, "key": 7}), "`key`: expected text, null or");
        check(json!({"value": 1, "key": 7, "key_subject": 7}), "`key_subject`: expected text or null");
        check(
            json!({"value": 1, "key": 7, "key_subject": "t-key", "key_schema_version": -1}),
            "`key_schema_version`: expected a whole number",
        );
        check(json!({"value": 1, "timestamp": 7}), "`timestamp`: expected text or null");
        check(json!({"value": 1, "timestamp": "noon"}), "`timestamp`: expected RFC 3339");
        check(json!({"value": 1, "schema_version": "2"}), "`schema_version`: expected a whole number");
        check(json!({"error": "x", "raw": "AA=="}), "could not be decoded");
    }
}
