//! Produces one order and consumes orders until Ctrl-C: the example of README.md.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod events {
    eventwright::include_events!();
}

use events::OrderCreated;
use events::order_created::v2::Currency;
use eventwright::wire::{jiff::Timestamp, uuid::Uuid};
use eventwright::{Consumer, Context, Outcome, Producer, Settings};

#[tokio::main]
async fn main() -> Result<(), eventwright::Error> {
    let settings = Settings::load()?; // EVENTWRIGHT_BOOTSTRAP, EVENTWRIGHT_REGISTRY, ./config.yaml
    let producer = Producer::connect(&settings).await?;
    let order = OrderCreated::new(Uuid::from_u128(1), "customer-1".into(), Currency::Eur, Timestamp::now());
    let delivery = producer.send(&order).await?; // the broker has it
    println!("partition {} offset {}", delivery.partition, delivery.offset);

    Consumer::builder(&settings)
        .group("inventory")
        .on(|order: OrderCreated, context: Context| async move {
            println!("{order:?} at offset {}", context.offset());
            Outcome::Done // now, and not earlier, its offset may be committed
        })
        .run()
        .await
}
