//! As deep as messages may nest, those with many fields fit the stack that threads have, whatever is done with them and
//! without optimisation: 2 MiB, as tokio's have. Deeper ones are an error, and do not end the process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Debug;
use std::hint::black_box;

use eventwright_codegen_tests::{dropping, unknown};
use eventwright_wire::Event;
use eventwright_wire::proto::MAX_DEPTH;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How one message stands in the other.
type Inside = fn(Value) -> Value;

const INSIDE: [Inside; 3] = [
    |inner| json!({"again": inner}),
    |inner| json!({"chosenAgain": inner}),
    |inner| json!({"plainString": "x", "again": inner, "strings": ["y"], "plainPoint": {"x": 1.5}}),
];

/// Returns so many messages in each other.
fn nested(depth: u32, inside: Inside) -> Value {
    (1..depth).fold(json!({}), |inner, _| inside(inner))
}

fn on_small_stack(what: fn()) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(what).unwrap().join().unwrap();
}

fn check_fits<E: Event + Serialize + DeserializeOwned + Clone + PartialEq + Debug>() {
    for inside in INSIDE {
        let value = nested(MAX_DEPTH, inside);
        let event: E = serde_json::from_str(&value.to_string()).unwrap();
        let mut bytes = Vec::new();
        event.encode(&mut bytes).unwrap();
        let decoded = E::decode(E::OWN_WRITER, &bytes).unwrap();
        assert!(decoded == event.clone());
        assert!(serde_json::to_value(&decoded).unwrap() == value);
        black_box(format!("{decoded:?}"));
    }
}

/// serde_json's own limit is reached first where the messages stand in lists, but not by a value.
fn check_lists_fit<E: Event + DeserializeOwned>() {
    let inside: Inside = |inner| json!({"children": [inner]});
    let read = |depth| serde_json::from_value::<E>(nested(depth, inside));
    let mut bytes = Vec::new();
    read(MAX_DEPTH).unwrap().encode(&mut bytes).unwrap();
    assert!(E::decode(E::OWN_WRITER, &bytes).is_ok());
    assert!(read(MAX_DEPTH + 1).is_err());
    assert!(serde_json::from_str::<E>(&nested(64, inside).to_string()).is_ok());
}

fn check_refused<E: DeserializeOwned>() {
    let read = |value| serde_json::from_value::<E>(value).map(drop).map_err(|error| error.to_string());
    let refused = format!("messages are nested deeper than the limit of {MAX_DEPTH}");
    for inside in INSIDE {
        assert_eq!(read(nested(MAX_DEPTH + 1, inside)), Err(refused.clone()));
        assert_eq!(read(nested(5 * MAX_DEPTH, inside)), Err(refused.clone()));
        let text = nested(MAX_DEPTH + 1, inside).to_string();
        let error = serde_json::from_str::<E>(&text).map(drop).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{refused} at line 1 column ")), "{error}");
        // What was refused counts no more.
        assert_eq!(read(nested(MAX_DEPTH, inside)), Ok(()));
    }
    for (open, close) in [(r#"{"again":"#, "}"), (r#"{"children":["#, "]}"), (r#"{"chosenAgain":"#, "")] {
        assert!(serde_json::from_str::<E>(&format!("{}{}", open.repeat(10_000), close.repeat(10_000))).is_err());
    }
}

#[test]
fn messages_as_deep_as_may_be_fit() {
    on_small_stack(check_fits::<dropping::new_kinds::v1::NewKinds>);
    on_small_stack(check_fits::<unknown::new_kinds::v1::NewKinds>);
}

#[test]
fn lists_of_messages_as_deep_as_may_be_fit() {
    on_small_stack(check_lists_fit::<dropping::new_kinds::v1::NewKinds>);
    on_small_stack(check_lists_fit::<unknown::new_kinds::v1::NewKinds>);
}

#[test]
fn deeper_messages_are_refused() {
    on_small_stack(check_refused::<dropping::new_kinds::v1::NewKinds>);
    on_small_stack(check_refused::<unknown::new_kinds::v1::NewKinds>);
}
