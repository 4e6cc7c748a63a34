//! Consumes a topic that carries several events, until Ctrl-C: the second example of README.md.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod events {
    eventwright::include_events!();
}

use events::EventsTopic;
use eventwright::{Consumer, Context, Outcome, Settings};

#[tokio::main]
async fn main() -> Result<(), eventwright::Error> {
    let settings = Settings::load()?;
    let consumer = Consumer::builder(&settings).group("audit");
    consumer
        .on_topic(|event: EventsTopic, _: Context| async move {
            match event {
                EventsTopic::UserCreated(user) => println!("{} has joined", user.email),
                EventsTopic::InventoryAdjusted(stock) => println!("{}: {:+}", stock.sku, stock.quantity),
                EventsTopic::Unknown(record) => println!("not ours, at offset {}", record.offset),
            }
            Outcome::Done
        })
        .run()
        .await
}
