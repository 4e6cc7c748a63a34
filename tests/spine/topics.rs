//! Topics that were made before services start are the ones that they use, and every preset writes and reads.

use std::time::Duration;

use eventwright::topics::{self, Change, Topic};
use eventwright::{Consumer, Order, Preset, Producer, Retry};
use eventwright_platform::events::OrderCreated;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::sync::mpsc;

use crate::world::{World, collect, consume, order_v2, take};

/// Returns the names of all topics of a world.
fn names(world: &World) -> Vec<String> {
    let client: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &world.settings.bootstrap).create().unwrap();
    let metadata = client.fetch_metadata(None, Duration::from_secs(30)).unwrap();
    let ours = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let mut ours: Vec<_> = ours.filter(|name| name.starts_with(&world.prefix)).collect();
    ours.sort();
    ours
}

#[tokio::test]
async fn a_consumer_uses_the_topics_that_were_made_and_makes_no_others() {
    let world = World::new().await;
    let mut settings = world.settings.clone();
    settings.consumer.order = Order::Key;
    settings.consumer.retry = Retry::one_topic();
    let orders = Topic::new(format!("{}orders", world.prefix)).partitions(2);
    let wanted = topics::with_policies(&settings, [orders]);
    let plan = topics::plan(&settings, &wanted).await.unwrap();
    let mut made = Vec::new();
    topics::apply(&settings, &plan, |change| made.push(change.topic().to_owned())).await.unwrap();
    let mut expected: Vec<_> = wanted.iter().map(|topic| topic.name().to_owned()).collect();
    assert!(plan.changes.iter().all(|change| matches!(change, Change::Create { .. })), "{plan:?}");
    assert_eq!(made, expected);

    let (sender, mut receiver) = mpsc::unbounded_channel();
    let consumer = Consumer::builder(&settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
    let consumed = async {
        Producer::connect(&settings).await.unwrap().send(&order_v2(1)).await.unwrap();
        take(&mut receiver, 1).await
    };
    assert_eq!(Box::pin(consume(consumer, consumed)).await.unwrap(), [(order_v2(1), Some(2))]);
    expected.sort();
    assert_eq!(names(&world), expected);
    assert_eq!(topics::plan(&settings, &wanted).await.unwrap().changes, []);
}

#[tokio::test]
async fn every_preset_writes_and_reads() {
    for preset in Preset::ALL {
        let world = World::new().await;
        let settings = world.settings.clone().with_preset(preset);
        Producer::connect(&settings).await.unwrap().send(&order_v2(1)).await.unwrap();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let consumer = Consumer::builder(&settings).group(world.group("g")).on(collect::<OrderCreated>(&sender));
        let consumed = consume(consumer, take(&mut receiver, 1)).await.unwrap();
        assert_eq!(consumed, [(order_v2(1), Some(2))], "{preset}");
    }
}
