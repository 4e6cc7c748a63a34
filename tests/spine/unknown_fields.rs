//! A service that is behind passes events on, on real Kafka: what a newer version wrote reaches the readers of that version,
//! although the struct in between does not know it all.
//!
//! The events are those of codegen's golden test, as they are generated for a user.

use eventwright::{Consumer, Producer, register};
use tokio::sync::mpsc::unbounded_channel;

use self::events::seat::v2::Seat;
use self::events::ticket_sold::{v1, v2};
use crate::world::{World, collect, consume, take};

#[allow(
    missing_docs,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "lints judge what people write; this is generated"
)]
mod events {
    include!("../../codegen/tests/golden/unknown/expected.rs");
}

#[tokio::test]
async fn unknown_fields_pass_through_a_consumer_and_a_producer_of_an_older_version() {
    let world = World::without_schemas().await;
    register(&world.client, world.settings.prefix.as_deref(), events::SCHEMAS).await.unwrap();
    let buyer = v2::Buyer { name: "b".into(), photo: vec![0, 255], ..Default::default() };
    let sold = v2::TicketSold {
        ticket_id: "t".into(),
        buyer: Some(v2::Buyer { parent: Some(Box::new(buyer.clone())), ..buyer }),
        seat: Some(Seat { row: 7, block: "N".into(), ..Default::default() }),
        paid: Some(v2::ticket_sold::Paid::Voucher("v".into())),
        extras: vec![-1, 1],
        ..Default::default()
    };
    let producer = Producer::builder(&world.settings).event::<v1::TicketSold>().event::<v2::TicketSold>();
    let producer = producer.connect().await.unwrap();
    producer.send(&sold).await.unwrap();

    let (sender, mut receiver) = unbounded_channel();
    let behind = Consumer::builder(&world.settings).group(world.group("behind")).on(collect::<v1::TicketSold>(&sender));
    let read = consume(behind, take(&mut receiver, 1)).await.unwrap();
    let [(passed_on, Some(2))] = read.as_slice() else { panic!("{read:?}") };
    producer.send(passed_on).await.unwrap();

    let (sender, mut receiver) = unbounded_channel();
    let newest = Consumer::builder(&world.settings).group(world.group("newest")).on(collect::<v2::TicketSold>(&sender));
    let mut read = consume(newest, take(&mut receiver, 2)).await.unwrap();
    read.sort_by_key(|(_, version)| *version);
    assert_eq!(read, [(sold.clone(), Some(1)), (sold, Some(2))]);
}
