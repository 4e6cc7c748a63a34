//! A broker that wants TLS and a password.

use std::collections::HashMap;

use eventwright::{Consumer, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc;

use crate::kafka::Kafka;
use crate::world::{World, collect, consume, order_v2, take};

fn settings(world: &World, environment: &HashMap<String, String>, mechanism: &str, password: &str) -> Settings {
    let mut settings = Settings::new(&environment["KAFKA_SASL_BOOTSTRAP"], &world.settings.registry.url)
        .with_prefix(&world.prefix)
        .with_kafka("security.protocol", "sasl_ssl")
        .with_kafka("ssl.ca.location", &environment["KAFKA_CA"])
        .with_kafka("sasl.mechanism", mechanism)
        .with_kafka("sasl.username", &environment["KAFKA_USER"])
        .with_kafka("sasl.password", password);
    settings.connect_timeout = std::time::Duration::from_secs(10);
    settings
}

#[tokio::test]
async fn a_broker_with_tls_and_passwords_is_written_to_and_read_from() {
    let world = World::new().await;
    let kafka = Kafka::start(&[("KAFKA_SECURITY", "sasl")]).await;
    let environment = kafka.environment().await;
    let password = &environment["KAFKA_PASSWORD"];

    let plain = settings(&world, &environment, "PLAIN", password);
    Producer::connect(&plain).await.unwrap().send(&order_v2(1)).await.unwrap();
    let scram = settings(&world, &environment, "SCRAM-SHA-512", password);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&scram).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    assert_eq!(consume(consumer, take(&mut receiver, 1)).await.unwrap(), [(order_v2(1), Some(2))]);

    let wrong = "not-the-password";
    let error = Producer::connect(&settings(&world, &environment, "SCRAM-SHA-512", wrong)).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(error.is_broker() && text.contains("refuses us") && text.contains("Authentication failed"), "{text}");
    assert!(!text.contains(wrong) && !text.contains(password), "{text}");

    let mut stranger = settings(&world, &environment, "PLAIN", password);
    stranger.kafka.remove("ssl.ca.location");
    let error = Producer::connect(&stranger).await.err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(error.is_broker() && text.contains("certificate") && !text.contains(password), "{text}");
}
