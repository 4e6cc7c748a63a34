//! A broker that crashes while records are on their way: both sides recover by themselves, and nothing is lost.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use eventwright::{Consumer, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v2};

/// A Kafka of this test's own, which it may crash.
struct Kafka {
    port: u16,
    data: TempDir,
}

impl Kafka {
    async fn start() -> Self {
        let kafka = Self { port: free_port(), data: tempfile::tempdir().unwrap() };
        kafka.script(&["start"]).await;
        kafka
    }

    async fn script(&self, arguments: &[&str]) {
        let output = tokio::process::Command::from(self.command(arguments)).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kafka.sh {arguments:?} ended with {}: {errors}", output.status);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka.sh"));
        command
            .args(arguments)
            .env("KAFKA_PORT", self.port.to_string())
            .env("KAFKA_DATA", self.data.path().join("kafka"))
            // A broker that died is let in again as soon as its session is over: 9 s by default.
            .env("KAFKA_EXTRA", "broker.session.timeout.ms=3000 broker.heartbeat.interval.ms=500");
        command
    }
}

/// A test that fails leaves no broker behind.
impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.command(&["stop"]).output());
    }
}

/// Kafka takes the port and, for its controller, the one a hundred above. Both are below those that the system gives to
/// outgoing connections, one of which could take them while the broker is down.
fn free_port() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (30_092..32_600).step_by(7).find(|port| free(*port) && free(port + 100)).expect("some port is free")
}

#[tokio::test]
async fn a_broker_that_crashes_and_comes_back_loses_nothing() {
    let mut world = World::new().await;
    let kafka = Kafka::start().await;
    let bootstrap = format!("127.0.0.1:{}", kafka.port);
    world.settings = Settings::new(bootstrap, &world.settings.registry.url).with_prefix(&world.prefix);

    let producer = Producer::connect(&world.settings).await.unwrap();
    producer.send(&order_v2(0)).await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let all = async {
        let mut seen = BTreeSet::new();
        let (first, _) = receiver.recv().await.unwrap();
        seen.insert(first.order_id.as_u128());
        kafka.script(&["kill", "1"]).await;
        let mut pending = Vec::new();
        for number in 1..100 {
            pending.push(producer.enqueue(&order_v2(number)).await.unwrap());
        }
        kafka.script(&["resume", "1"]).await;
        for delivery in pending {
            delivery.await.unwrap();
        }
        while seen.len() < 100 {
            let (order, _) = receiver.recv().await.unwrap();
            seen.insert(order.order_id.as_u128());
        }
        seen
    };
    assert_eq!(consume(consumer, Box::pin(all)).await.unwrap(), (0..100).collect());
}
