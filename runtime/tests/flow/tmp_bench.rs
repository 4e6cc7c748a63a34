use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use eventwright::{Consumer, Context, Outcome, Producer};
use crate::support::events::Order;
use crate::support::{Background, World};
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
const N: usize = 500_000;
fn report(what: &str, t: Instant, c: f64) {
    eprintln!("{what}: {:.0} rec/s, {:.2} us CPU", N as f64 / t.elapsed().as_secs_f64(), (cpu() - c) / N as f64 * 1e6);
}
#[tokio::test(flavor = "multi_thread")]
async fn bench() {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for round in 0..2 {
        let (t, c) = (Instant::now(), cpu());
        let raw: ThreadedProducer<DefaultProducerContext> = rdkafka::ClientConfig::new().set("bootstrap.servers", &world.settings.bootstrap).set("enable.idempotence","true").set("compression.type", "lz4").set("linger.ms", "1").create().unwrap();
        let payload = [7u8; 60];
        for i in 0..N {
            let key = format!("order-{i}");
            let mut record = BaseRecord::to("rawtopic").payload(&payload[..]).key(&key);
            while let Err((_, again)) = raw.send(record) { record = again; tokio::time::sleep(Duration::from_millis(5)).await; }
        }
        raw.flush(Duration::from_secs(30)).unwrap();
        report("raw produce", t, c);
        let (t, c) = (Instant::now(), cpu());
        let mut pending = std::collections::VecDeque::new();
        for i in 0..N {
            let order = Order { id: format!("order-{i}"), quantity: 5, note: "n".repeat(50) };
            pending.push_back(producer.enqueue(&order).await.unwrap());
            if pending.len() > 50_000 { pending.pop_front().unwrap().await.unwrap(); }
        }
        for p in pending { p.await.unwrap(); }
        report("our produce", t, c);
        let (t, c) = (Instant::now(), cpu());
        let consumer: StreamConsumer = rdkafka::ClientConfig::new().set("bootstrap.servers", &world.settings.bootstrap).set("group.id", world.group(&format!("raw{round}"))).set("auto.offset.reset", "earliest").create().unwrap();
        consumer.subscribe(&[&format!("{}orders", world.settings.prefix)]).unwrap();
        for _ in 0..N { consumer.recv().await.unwrap(); }
        report("raw consume", t, c);
        drop(consumer);
        let (t, c) = (Instant::now(), cpu());
        let count = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&count);
        let background = Background::run(Consumer::builder(&world.settings).group(world.group(&format!("ours{round}"))).on(move |order: Order, _: Context| {
            seen.fetch_add(order.quantity as u64 / 5, Ordering::Relaxed);
            async { Outcome::Done }
        }));
        while count.load(Ordering::Relaxed) < N as u64 { tokio::time::sleep(Duration::from_millis(1)).await; }
        report("our consume", t, c);
        background.stop().await.unwrap();
    }
}
