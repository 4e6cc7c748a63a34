//! rdkafka alone: what is fastest with it, with the settings, headers and bytes of ours.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use eventwright::{Event as _, headers};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Message as _};

use crate::measure::{Meter, Turn};
use crate::turns::Where;
use crate::{ours, samples};

/// How long the last records may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what was delivered.
#[derive(Default)]
struct Count(AtomicU64);

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "a record was not delivered");
        self.0.fetch_add(1, Relaxed);
    }
}

pub(crate) fn produce(place: &Where) -> Turn {
    let mut config = ClientConfig::new();
    let ours = [("linger.ms", "1"), ("compression.type", "lz4"), ("partitioner", "murmur2_random")];
    for (key, value) in ours {
        config.set(key, value);
    }
    config.set("bootstrap.servers", &place.bootstrap).set("enable.idempotence", "true").set("acks", "all");
    let producer: ThreadedProducer<Count> =
        config.create_with_context(Count::default()).expect("the settings are known");
    let records = records(place.n_keys);
    let topic = place.topic();
    let mut sent = 0;
    let mut send = |count: u64| {
        for (key, value) in records.iter().cycle().take(usize::try_from(count).expect("it fits")) {
            // As many as ours has outstanding: with a full queue of librdkafka's 100,000 it is slower, for all of them are cold.
            while sent - producer.context().0.load(Relaxed) >= ours::WINDOW {
                producer.poll(Duration::from_millis(1));
            }
            send_one(&producer, &topic, key, value);
            sent += 1;
        }
        producer.flush(PATIENCE).expect("all is delivered");
    };
    send(ours::WARM_UP);
    let meter = Meter::start();
    send(place.count);
    meter.stop(place.count)
}

/// Keys and framed values, encoded beforehand.
fn records(n_keys: u32) -> Vec<(String, Vec<u8>)> {
    let record = |event: crate::events::PaymentReceived| {
        let mut value = vec![0, 0, 0, 0, 1];
        event.encode(&mut value).expect("the event can be encoded");
        (event.order_id, value)
    };
    let records: Vec<_> = samples::events(n_keys).into_iter().map(record).collect();
    assert!(records.iter().all(|(_, value)| value.len() == samples::N_BYTES), "the values have their length");
    records
}

fn send_one(producer: &ThreadedProducer<Count>, topic: &str, key: &str, value: &[u8]) {
    let id = "01990e2c-6a52-7b5e-a6b7-3f3f0c1d2e3f";
    let headers = OwnedHeaders::new_with_capacity(4)
        .insert(Header { key: headers::MESSAGE_ID, value: Some(id) })
        .insert(Header { key: headers::CORRELATION_ID, value: Some(id) })
        .insert(Header { key: headers::EVENT, value: Some("PaymentReceived") })
        .insert(Header { key: headers::SCHEMA_VERSION, value: Some("1") });
    let mut record = BaseRecord::to(topic).key(key).payload(value).headers(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => record = again,
            Err((error, _)) => panic!("a record was not sent: {error}"),
        }
        producer.poll(Duration::from_millis(1));
    }
}

pub(crate) fn consume(place: &Where) -> Turn {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &place.bootstrap)
        .set("group.id", place.group())
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("the settings are known");
    consumer.subscribe(&[&place.topic()]).expect("the topic has a name");
    take(&consumer, ours::WARM_UP);
    let meter = Meter::start();
    let count = place.count - ours::WARM_UP;
    take(&consumer, count);
    meter.stop(count)
}

fn take(consumer: &BaseConsumer, count: u64) {
    let (mut taken, began) = (0, Instant::now());
    while taken < count {
        // Without a record something else may have happened, such as an assignment.
        let Some(record) = consumer.poll(PATIENCE) else {
            assert!(began.elapsed() < PATIENCE, "the topic ended after {taken} of {count} records");
            continue;
        };
        let record = record.expect("Kafka gives records");
        black_box((record.key(), record.payload()));
        taken += 1;
    }
}
