//! A broker, and a Redis, that want TLS and a password.

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

#[cfg(feature = "redis")]
mod redis {
    use eventwright::idempotency::{Claim, DedupeStore as _, EventKey, Owner, RedisStore};

    use crate::redis::Redis;
    use crate::world::within;

    use super::*;

    const PASSWORD: &str = "hunter2";

    fn settings(redis: &Redis) -> Settings {
        let mut settings = redis.settings(Settings::new("127.0.0.1:1", "http://127.0.0.1:1"));
        settings.redis.url = format!("rediss://localhost:{}", redis.port);
        settings.redis.ca_file = Some(redis.authority());
        settings
    }

    async fn open(settings: &Settings) -> Result<RedisStore, eventwright::Error> {
        let store = RedisStore::new(settings)?;
        within(store.open("g")).await?;
        Ok(store)
    }

    #[tokio::test]
    async fn a_redis_with_tls_and_a_password_keeps_claims() {
        let redis = Redis::start(Some(PASSWORD), &[("REDIS_TLS", "1")]).await;
        let (key, [one, two]) = (EventKey::new("g", "1"), [Owner(1), Owner(2)]);
        let store = open(&settings(&redis)).await.unwrap();
        assert_eq!(store.claim(&key, one).await.unwrap(), Claim::New);
        let mut by_address = settings(&redis);
        by_address.redis.url = format!("rediss://:{PASSWORD}@127.0.0.1:{}", redis.port);
        by_address.redis.password = None;
        let other = open(&by_address).await.unwrap();
        assert_eq!(other.claim(&key, two).await.unwrap(), Claim::InProgress);
        store.done(&key).await.unwrap();
        assert_eq!(other.claim(&key, two).await.unwrap(), Claim::Duplicate);
    }

    #[tokio::test]
    async fn a_redis_that_refuses_us_or_is_not_trusted_is_an_error_at_once_without_the_password() {
        let redis = Redis::start(Some(PASSWORD), &[("REDIS_TLS", "1")]).await;
        let (strange, folder) = (Redis::start(None, &[("REDIS_TLS", "1")]).await, tempfile::tempdir().unwrap());
        let no_pem = folder.path().join("no.pem");
        std::fs::write(&no_pem, PASSWORD).unwrap();
        let check = async |change: &dyn Fn(&mut eventwright::settings::RedisSettings), expected: &[&str]| {
            let mut settings = settings(&redis);
            // What is not final is tried again for so long.
            settings.connect_timeout = std::time::Duration::from_secs(3600);
            change(&mut settings.redis);
            let error = open(&settings).await.map(drop).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
            assert!(!error.is_retriable() && !text.contains("hunter"), "{text}");
        };
        let refused = ["cannot be used; help: are `redis.user` and `redis.password` right?"];
        check(&|redis| redis.password = Some("hunter3".into()), &refused).await;
        check(&|redis| redis.password = None, &refused).await;
        check(&|redis| redis.user = Some("nobody".into()), &refused).await;
        let untrusted =
            ["cannot be used; help: does it speak TLS there", "`redis.ca_file`", "certificate verify failed"];
        check(&|redis| redis.ca_file = None, &untrusted).await;
        check(&|redis| redis.ca_file = Some(strange.authority()), &untrusted).await;
        check(&|redis| redis.ca_file = Some(no_pem.clone()), &["no certificates in PEM in `redis.ca_file`", "no.pem"])
            .await;
        let missing = folder.path().join("missing.pem");
        check(&|redis| redis.ca_file = Some(missing.clone()), &["cannot read `redis.ca_file`", "missing.pem"]).await;
    }

    #[tokio::test]
    async fn a_redis_that_wants_tls_is_not_reached_without_nor_one_without_by_tls() {
        let wants_tls = Redis::start(Some(PASSWORD), &[("REDIS_TLS", "1")]).await;
        let is_plain = Redis::start(Some(PASSWORD), &[]).await;
        let mut by_tls = settings(&is_plain);
        by_tls.redis.ca_file = None;
        for mut settings in [wants_tls.settings(by_tls.clone()), by_tls] {
            settings.connect_timeout = std::time::Duration::from_millis(300);
            let text = format!("{:?}", open(&settings).await.map(drop).unwrap_err());
            assert!(
                text.contains("no Redis answered") && text.contains("where it speaks TLS and only there"),
                "{text}"
            );
            assert!(!text.contains(PASSWORD), "{text}");
        }
    }
}
