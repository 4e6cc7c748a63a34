//! What a handler may ask of its record, on real Kafka: it is there whenever and wherever it is asked for, though a record is only
//! lent to its handler.

use std::time::Duration;

use eventwright::wire::Event;
use eventwright::{Consumer, Context, Order, Outcome};
use eventwright_platform::events::OrderCreated;
use tokio::sync::mpsc::unbounded_channel;

use crate::produce_request::produce;
use crate::raw::{create_topic, record_of};
use crate::world::{World, consume, order_v2, take};

/// Where and when a handler asks, by the number of its event.
#[derive(Debug, Clone, Copy)]
enum Asks {
    AtOnce,
    /// The handler waits for the thread that asks.
    OnAnotherThread,
    AfterAPause,
    /// Nobody asks before the handler is done.
    WhenItIsDone,
}

impl Asks {
    fn of(number: u128) -> Self {
        match number % 4 {
            0 => Self::AtOnce,
            1 => Self::OnAnotherThread,
            2 => Self::AfterAPause,
            _ => Self::WhenItIsDone,
        }
    }
}

type Content = (Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

fn content(context: &Context) -> Content {
    let headers = context.headers().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
    (context.key().map(<[u8]>::to_vec), headers.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_and_headers_are_there_whenever_and_wherever_they_are_asked_for() {
    let world = World::new().await;
    create_topic(&world, OrderCreated::TOPIC).await;
    for number in 0..40 {
        let value = record_of(&world, &order_v2(number)).await;
        let number = number.to_string();
        let headers: [(&[u8], &[u8]); 2] = [(b"number", number.as_bytes()), (b"number", b"twice")];
        produce(&world, OrderCreated::TOPIC, (number.as_bytes(), &value), &headers).await;
    }
    for (group, order) in [("partition", Order::Partition), ("key", Order::Key)] {
        let (sender, mut receiver) = unbounded_channel();
        let handler = move |event: OrderCreated, context: Context| {
            let sender = sender.clone();
            async move {
                let number = event.order_id.as_u128();
                let asked = match Asks::of(number) {
                    Asks::AtOnce => Some(content(&context)),
                    Asks::OnAnotherThread => std::thread::scope(|scope| {
                        let asked = scope.spawn(|| content(&context));
                        Some(asked.join().unwrap())
                    }),
                    Asks::AfterAPause => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        Some(content(&context))
                    }
                    Asks::WhenItIsDone => None,
                };
                let _ = sender.send((number, context, asked));
                Outcome::Done
            }
        };
        let consumer = Consumer::builder(&world.settings).group(world.group(group)).order(order).on(handler);
        for (number, context, asked) in consume(consumer, take(&mut receiver, 40)).await.unwrap() {
            let number = number.to_string().into_bytes();
            let header = |value: &[u8]| ("number".to_owned(), Some(value.to_vec()));
            let expected = (Some(number.clone()), vec![header(&number), header(b"twice")]);
            assert_eq!(asked.unwrap_or_else(|| expected.clone()), expected, "{order:?}");
            assert_eq!(content(&context), expected, "{order:?}, after the consumer has ended");
        }
    }
}
