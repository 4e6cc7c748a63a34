//! Which dead letters are meant, and what is to become of them.
//!
//! In: a request, from a builder, a command line or JSON. Out: for each letter whether it is selected and where it goes:
//! decided without I/O, so that what a dry run lists is what a real run does.

use std::collections::BTreeSet;

use eventwright_wire::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::letter::{Letter, is_topic};
use crate::Error;

/// Which dead letters are meant, and what is to become of them. A filter that is empty selects all; of several, all must
/// hold. A key that is not known is an error, so that a misspelt filter does not select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Request {
    /// The ids of events: the header `ew-message-id`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub event_ids: BTreeSet<String>,
    /// Letters that died then or later. The time of death is the timestamp of the letter in its topic: the moment when
    /// the record was given up, which an operator knows, and not the one when it was produced, which may be days before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// Letters that died before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Timestamp>,
    /// The classes of failures, such as `handler`: the header `ew-failure-reason`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reasons: BTreeSet<String>,
    /// The names of events: the header `ew-event`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub events: BTreeSet<String>,
    /// At most so many are replayed, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_messages: Option<u64>,
    /// Nothing is written: the letters are only listed.
    pub dry_run: bool,
    /// The topic to write to, in place of the one that each record came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// At most so many are written in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<u32>,
    /// Avro values are written anew with the newest schema that is registered under their subject.
    pub upgrade: bool,
}

/// What a request says of a letter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is none of those that are meant.
    NotSelected,
    /// The ledger has it.
    AlreadyReplayed,
    /// It does not say where it came from, and the request names no topic.
    Foreign(String),
    /// It goes to this topic.
    Replay(String),
}

impl Request {
    /// Checks what types alone cannot say.
    pub(crate) fn check(&self, dlq: &str, ledger: &str) -> Result<(), Error> {
        if self.max_messages == Some(0) {
            return Err(Error::settings("`max_messages` is 0, expected at least 1; help: leave it out for no limit"));
        }
        if self.max_per_second == Some(0) {
            return Err(Error::settings("`max_per_second` is 0, expected at least 1; help: leave it out for no limit"));
        }
        if let (Some(start), Some(end)) = (self.start_time, self.end_time)
            && start >= end
        {
            let text = format!("the time window is empty: it starts at {start} and ends before {end}");
            return Err(Error::settings(text));
        }
        let Some(to) = self.to.as_deref() else { return Ok(()) };
        if to == dlq || to == ledger {
            let text = format!("cannot replay `{dlq}` to `{to}`: it is the topic of dead letters or its ledger");
            return Err(Error::settings(text));
        }
        if !is_topic(to) {
            return Err(Error::settings(format!("cannot replay to `{}`: no topic has that name", to.escape_debug())));
        }
        Ok(())
    }

    /// Returns whether the letter is one of those that are meant.
    pub(crate) fn selects(&self, letter: &Letter) -> bool {
        let among = |names: &BTreeSet<String>, name: Option<&str>| {
            names.is_empty() || name.is_some_and(|name| names.contains(name))
        };
        let died = letter.died_at();
        among(&self.event_ids, letter.message_id())
            && among(&self.reasons, letter.reason())
            && among(&self.events, letter.event())
            && self.start_time.is_none_or(|start| died.is_some_and(|died| died >= start))
            && self.end_time.is_none_or(|end| died.is_some_and(|died| died < end))
    }

    /// Returns what is to become of the letter.
    pub(crate) fn judge(&self, letter: &Letter, ledger: &Ledger) -> Judged {
        if !self.selects(letter) {
            return Judged::NotSelected;
        }
        if ledger.contains(letter.record()) {
            return Judged::AlreadyReplayed;
        }
        match (&self.to, letter.origin(), letter.foreign()) {
            (Some(to), _, _) => Judged::Replay(to.clone()),
            (None, Some(origin), _) if ledger.is_topic(&origin.topic) => {
                Judged::Foreign("it says that it comes from the ledger of what was replayed".into())
            }
            (None, Some(origin), _) => Judged::Replay(origin.topic.clone()),
            (None, None, why) => Judged::Foreign(why.unwrap_or_default().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{letter, record};
    use super::*;
    use crate::copies::headers::{REASON, TOPIC};
    use crate::message::{EVENT, MESSAGE_ID};

    fn request(json: &str) -> Request {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn each_filter_selects_and_all_of_them_must() {
        let letter = letter((0, 4), 1_704_067_200_000, &[(MESSAGE_ID, "a"), (REASON, "handler"), (EVENT, "Order")]);
        let check = |json: &str, expected: bool| assert_eq!(request(json).selects(&letter), expected, "{json}");
        check("{}", true);
        check(r#"{"event_ids": ["b", "a"], "dry_run": false}"#, true);
        check(r#"{"event_ids": ["b"]}"#, false);
        check(r#"{"reasons": ["handler"]}"#, true);
        check(r#"{"reasons": ["rejected"]}"#, false);
        check(r#"{"events": ["Order"], "reasons": ["rejected"]}"#, false);
        check(r#"{"events": ["Payment"]}"#, false);
        check(r#"{"start_time": "2024-01-01T00:00:00Z", "end_time": "2024-01-02T00:00:00Z"}"#, true);
        check(r#"{"start_time": "2024-01-01T00:00:00.001Z"}"#, false);
        check(r#"{"end_time": "2024-01-01T00:00:00Z"}"#, false);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |json: &str, expected: &str| {
            let error = request(json).check("orders_dlq", "orders_dlq_replayed").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(r#"{"max_messages": 0}"#, "`max_messages` is 0");
        check(r#"{"max_per_second": 0}"#, "`max_per_second` is 0");
        check(
            r#"{"start_time": "2024-01-01T00:00:00Z", "end_time": "2024-01-01T00:00:00Z"}"#,
            "the time window is empty",
        );
        check(r#"{"to": "orders_dlq"}"#, "the topic of dead letters");
        check(r#"{"to": "orders_dlq_replayed"}"#, "the topic of dead letters or its ledger");
        check(r#"{"to": "a b"}"#, "no topic has that name");
        assert!(serde_json::from_str::<Request>(r#"{"event_id": ["a"]}"#).is_err(), "a misspelt filter");
    }

    #[test]
    fn a_letter_goes_where_it_came_from_or_to_the_topic_of_the_request() {
        let mut ledger = Ledger::empty("orders_dlq");
        let check = |json: &str, letter: &Letter, ledger: &Ledger, expected: Judged| {
            assert_eq!(request(json).judge(letter, ledger), expected, "{json}");
        };
        let own = letter((0, 4), 5, &[]);
        check("{}", &own, &ledger, Judged::Replay("orders".into()));
        check(r#"{"to": "x"}"#, &own, &ledger, Judged::Replay("x".into()));
        check(r#"{"event_ids": ["a"]}"#, &own, &ledger, Judged::NotSelected);
        let foreign = Letter::new(record((0, 6), 5, &[]));
        check("{}", &foreign, &ledger, Judged::Foreign("it has no header `ew-original-topic`".into()));
        check(r#"{"to": "x"}"#, &foreign, &ledger, Judged::Replay("x".into()));
        let of_ledger = letter((0, 7), 5, &[(TOPIC, "orders_dlq_replayed")]);
        assert!(matches!(request("{}").judge(&of_ledger, &ledger), Judged::Foreign(_)));
        ledger.add(own.record());
        check("{}", &own, &ledger, Judged::AlreadyReplayed);
        check(r#"{"to": "x"}"#, &own, &ledger, Judged::AlreadyReplayed);
    }

    #[test]
    fn the_requests_of_spec_000_are_requests() {
        let by_ids = request(r#"{"event_ids":["event-123","event-456"],"dry_run":false}"#);
        assert_eq!((by_ids.event_ids.len(), by_ids.dry_run), (2, false));
        let by_time = r#"{"start_time":"2024-01-01T00:00:00Z","end_time":"2024-01-02T00:00:00Z","max_messages":100,"dry_run":true}"#;
        let by_time = request(by_time);
        assert_eq!((by_time.max_messages, by_time.dry_run), (Some(100), true));
        let text = serde_json::to_string(&by_time).unwrap();
        assert_eq!(request(&text), by_time);
    }
}
