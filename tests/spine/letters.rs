//! Dead letters as a list shows them: what happened to a record, and what it says, decoded where the registry knows how.

use std::collections::BTreeMap;

use eventwright::replay::{self, Cursor, Payloads, Request};
use eventwright::wire::uuid::Uuid;
use eventwright::{Consumer, Context, Event, Outcome, Producer, Settings};
use eventwright_platform::events::{PaymentSettled, UserCreated};
use eventwright_registry::SchemaId;
use serde_json::{Value, json};

use crate::raw::{self, framed, write, write_tombstone};
use crate::world::{World, consume, placed};

/// The topic of all dead letters.
const DLQ: &str = "all_dlq";

const EMAIL: &str = "ada@example.com";

/// Has a consumer give up all that it can be given, and returns its settings.
async fn letters_of(world: &World) -> Settings {
    for topic in [UserCreated::TOPIC, PaymentSettled::TOPIC, DLQ] {
        raw::create_topic_of(world, topic, 1).await;
    }
    let mut settings = world.settings.clone();
    settings.consumer.dead_letter_topic = Some(world.group(DLQ));
    settings.consumer.retry.max_attempts = 3;
    settings.consumer.retry.backoff = std::time::Duration::from_millis(1);
    let producer = Producer::connect(&settings).await.unwrap();
    producer.send(&UserCreated::new(Uuid::from_u128(1), "u-1".into(), EMAIL.into(), placed())).await.unwrap();
    let payment = PaymentSettled { payment_id: "p-1".into(), order_id: "o-1".into(), ..Default::default() };
    producer.send(&payment).await.unwrap();
    write(world, PaymentSettled::TOPIC, [&br#"{"id": 7}"#[..], b"\xff", &framed(SchemaId(999_999), b"x")]).await;
    let consumer = Consumer::builder(&settings)
        .group(world.group("g"))
        .on(|_: UserCreated, _: Context| std::future::ready(Outcome::Reject("there is no such country".into())))
        .on(|_: PaymentSettled, _: Context| std::future::ready(Outcome::Retry("the bank is away".into())));
    let stats = consumer.stats();
    let all_dead = async {
        while stats.dead_lettered() < 5 {
            tokio::task::yield_now().await;
        }
    };
    consume(consumer, Box::pin(all_dead)).await.unwrap();
    write_tombstone(world, DLQ, b"key").await;
    settings
}

/// Lists the letters, by the offset that they had on their topic, and the tombstone as 99.
async fn list(settings: &Settings, dlq: &str, payloads: Payloads) -> BTreeMap<(String, i64), Value> {
    let page = replay::list(settings, dlq, &Request::default(), (&Cursor::default(), 100), payloads).await.unwrap();
    let object = |listed| {
        let object = serde_json::to_value(listed).unwrap();
        let topic = object["original_topic"].as_str().map_or("", |topic| topic.rsplit('.').next().unwrap()).to_owned();
        ((topic, object["original_offset"].as_i64().unwrap_or(99)), object)
    };
    page.letters.iter().map(object).collect()
}

#[tokio::test]
async fn a_letter_tells_what_happened_and_what_its_record_says() {
    let world = World::new().await;
    let settings = letters_of(&world).await;
    let dlq = world.group(DLQ);
    let letters = list(&settings, &dlq, Payloads::Masked).await;
    let user = &letters[&("events".to_owned(), 0)];
    let id = Uuid::from_u128(1).to_string();
    let expected = json!({
        "id": id,
        "original_topic": format!("{}events", world.prefix),
        "original_partition": 0,
        "original_offset": 0,
        "original_payload": {
            "event_id": id, "user_id": "u-1", "email": "***", "first_name": "***", "last_name": "***",
            "created_at": "2026-02-03T04:05:06.789Z",
        },
        "failure_reason": "rejected",
        "error_message": "there is no such country",
        "retry_count": 0,
        "consumer_group": world.group("g"),
        "payload_encoding": "avro",
        "event": "UserCreated",
        "topic": dlq,
        "partition": 0,
        "attempts": 1,
        "replayed_from": null,
        "foreign": null,
        "replayed": false,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&user[name], value, "{name}");
    }
    for name in ["timestamp", "first_failed_at", "processing_host"] {
        assert!(user[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {user}");
    }
    check_payloads(&letters);
    let shown = list(&settings, &dlq, Payloads::Revealed).await;
    assert_eq!(shown[&("events".to_owned(), 0)]["original_payload"]["email"], EMAIL);
    let none = list(&settings, &dlq, Payloads::Omitted).await;
    assert!(none.values().all(|letter| letter.get("original_payload").is_none()), "{none:?}");
}

fn check_payloads(letters: &BTreeMap<(String, i64), Value>) {
    let check = |offset: i64, payload: Value, encoding: Value, error: Option<&str>| {
        let letter = &letters[&("payments".to_owned(), offset)];
        assert_eq!((&letter["original_payload"], &letter["payload_encoding"]), (&payload, &encoding), "{offset}");
        match error {
            Some(error) => assert!(letter["payload_error"].as_str().unwrap().contains(error), "{letter}"),
            None => assert!(letter.get("payload_error").is_none(), "{letter}"),
        }
    };
    check(0, json!({"paymentId": "p-1", "orderId": "o-1"}), "protobuf".into(), None);
    check(1, r#"{"id": 7}"#.into(), "text".into(), None);
    check(2, "/w==".into(), "base64".into(), None);
    check(3, "AAAPQj94".into(), "base64".into(), Some("schema id 999999: "));
    let payment = &letters[&("payments".to_owned(), 0)];
    assert_eq!((&payment["retry_count"], &payment["attempts"]), (&json!(2), &json!(3)));
    let tombstone = &letters[&(String::new(), 99)];
    assert!(tombstone["original_payload"].is_null() && tombstone.get("payload_encoding").is_none(), "{tombstone}");
}

#[tokio::test]
async fn without_a_registry_letters_are_listed_all_the_same() {
    let world = World::new().await;
    let settings = letters_of(&world).await;
    // Nobody listens there once the listener is dropped.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings::new(&settings.bootstrap, format!("http://{nobody}")).with_prefix(&world.prefix);
    let letters = list(&settings, &world.group(DLQ), Payloads::Masked).await;
    let user = &letters[&("events".to_owned(), 0)];
    assert_eq!((letters.len(), &user["payload_encoding"]), (6, &json!("base64")), "{user}");
    assert!(user["payload_error"].as_str().unwrap().contains(&nobody.to_string()), "{user}");
    assert_eq!(letters[&("payments".to_owned(), 1)]["original_payload"], r#"{"id": 7}"#);
}
