//! What is on a topic, and assertions on it.

use eventwright_wire::RawRecord;

/// The records of a topic at one moment. Assertions return it again, so that one can follow the other.
#[derive(Debug, Clone)]
#[must_use = "assert something of it"]
pub struct Records {
    what: String,
    records: Vec<RawRecord>,
}

impl Records {
    pub(super) fn new(topic: &str, mut records: Vec<RawRecord>) -> Self {
        // Partitions have no order among each other; the time of writing is the nearest thing to one.
        records.sort_by_key(|record| (record.timestamp, record.partition, record.offset));
        Self { what: format!("`{topic}`"), records }
    }

    /// Returns the records, by their timestamps.
    #[must_use]
    pub fn records(&self) -> &[RawRecord] {
        &self.records
    }

    /// Returns those with that header.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let kept = self.records.iter().filter(|record| record.header(name) == Some(value)).cloned().collect();
        Self { what: format!("{} with the header {name}: {value}", self.what), records: kept }
    }

    /// Returns those with that key.
    pub fn with_key(&self, key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        let kept = self.records.iter().filter(|record| record.key.as_deref() == Some(key)).cloned().collect();
        Self { what: format!("{} with the key `{}`", self.what, key.escape_ascii()), records: kept }
    }

    /// Asserts how many records there are.
    ///
    /// # Panics
    /// If there are more or fewer; the text lists them.
    #[track_caller]
    pub fn assert_count(&self, expected: usize) -> &Self {
        let (what, count) = (&self.what, self.records.len());
        assert!(count == expected, "{what} has {count} records, expected {expected}{}", self.shown());
        self
    }

    /// Asserts that there is no record.
    ///
    /// # Panics
    /// If there is one; the text lists them.
    #[track_caller]
    pub fn assert_empty(&self) -> &Self {
        self.assert_count(0)
    }

    /// Asserts that there are records and that all of them have a header.
    ///
    /// # Panics
    /// If one has not, or another value; the text lists them.
    #[track_caller]
    pub fn assert_header(&self, name: &str, value: &str) -> &Self {
        self.assert_all(&format!("the header {name}: {value}"), |record| record.header(name) == Some(value))
    }

    /// Asserts that there are records and that all of them have a value.
    ///
    /// # Panics
    /// If one has not; the text lists them.
    #[track_caller]
    pub fn assert_value(&self, value: impl AsRef<[u8]>) -> &Self {
        let value = value.as_ref();
        self.assert_all("the value", |record| record.value.as_deref() == Some(value))
    }

    #[track_caller]
    fn assert_all(&self, what: &str, holds: impl Fn(&RawRecord) -> bool) -> &Self {
        let all = !self.records.is_empty() && self.records.iter().all(holds);
        assert!(all, "not all records of {} have {what}{}", self.what, self.shown());
        self
    }

    fn shown(&self) -> String {
        if self.records.is_empty() {
            return "; there is none".into();
        }
        self.records.iter().map(|record| format!("\n  {}", line(record))).collect()
    }
}

/// Shows a record without its value, which may hold personal data and says little as bytes.
fn line(record: &RawRecord) -> String {
    let key = record.key.as_deref().map_or("no key".into(), |key| format!("key `{}`", key.escape_ascii()));
    let value = record.value.as_ref().map_or("a tombstone".into(), |value| format!("{} bytes", value.len()));
    let header = |(name, value): &(String, Option<Vec<u8>>)| {
        format!(", {name}: {}", value.as_deref().unwrap_or_default().escape_ascii())
    };
    let headers: String = record.headers.iter().map(header).collect();
    format!("{}:{}, {key}, {value}{headers}", record.partition, record.offset)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    fn records() -> Records {
        let record = |offset, key: &str, reason: &str| RawRecord {
            topic: "t".into(),
            partition: 0,
            offset,
            timestamp: Some(offset),
            key: Some(key.into()),
            value: Some(vec![1, 2, 3]),
            headers: vec![("reason".into(), Some(reason.into()))],
        };
        Records::new("t", vec![record(1, "b", "rejected"), record(0, "a", "handler")])
    }

    fn failure(assert: impl FnOnce() + std::panic::UnwindSafe) -> String {
        catch_unwind(assert).unwrap_err().downcast_ref::<String>().unwrap().clone()
    }

    #[test]
    fn what_holds_passes_and_assertions_follow_each_other() {
        records().assert_count(2).assert_value([1, 2, 3]);
        records().with_key("b").assert_count(1).assert_header("reason", "rejected");
        records().with_header("reason", "other").assert_empty();
    }

    #[test]
    fn what_does_not_hold_says_what_is_there() {
        let list = "\n  0:0, key `a`, 3 bytes, reason: handler\n  0:1, key `b`, 3 bytes, reason: rejected";
        let text = failure(|| drop(records().assert_count(3).clone()));
        assert_eq!(text, format!("`t` has 2 records, expected 3{list}"));
        let text = failure(|| drop(records().assert_header("reason", "handler").clone()));
        assert_eq!(text, format!("not all records of `t` have the header reason: handler{list}"));
        let text = failure(|| drop(records().with_key("c").assert_value([1]).clone()));
        assert_eq!(text, "not all records of `t` with the key `c` have the value; there is none");
    }
}
