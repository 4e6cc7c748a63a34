//! The typed producer and consumer.

use std::collections::VecDeque;
use std::future::ready;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use eventwright::settings::Order;
use eventwright::{Consumer, Context, Outcome, Pending, Producer};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::events::PaymentReceived;
use crate::measure::{Meter, Turn};
use crate::samples;
use crate::turns::Where;

/// How many records are not measured, because connections and caches are cold.
pub(crate) const WARM_UP: u64 = 20_000;

/// How many deliveries are outstanding before the oldest one is awaited.
pub(crate) const WINDOW: u64 = 10_000;

pub(crate) fn produce(place: &Where) -> Turn {
    Runtime::new().expect("a runtime starts").block_on(async {
        let producer = Producer::builder(&place.settings()).event::<PaymentReceived>().connect().await;
        let producer = producer.expect("broker and registry are there");
        let events = samples::events(place.n_keys);
        send(&producer, &events, WARM_UP).await;
        let meter = Meter::start();
        send(&producer, &events, place.count).await;
        meter.stop(place.count)
    })
}

/// Sends so many events and awaits the delivery of each.
async fn send(producer: &Producer, events: &[PaymentReceived], count: u64) {
    let mut pending: VecDeque<Pending> = VecDeque::new();
    for event in events.iter().cycle().take(usize::try_from(count).expect("it fits")) {
        if pending.len() as u64 == WINDOW
            && let Some(oldest) = pending.pop_front()
        {
            black_box(oldest.await.expect("the record is delivered"));
        }
        pending.push_back(producer.enqueue(event).await.expect("the queue has room"));
    }
    for delivery in pending {
        black_box(delivery.await.expect("the record is delivered"));
    }
}

pub(crate) fn consume(place: &Where, keyed: bool) -> Turn {
    let order = if keyed { Order::Key } else { Order::Partition };
    let (last, measured) = Last::new(place.count);
    let handler = move |event: PaymentReceived, _: Context| {
        black_box(event);
        last.count();
        ready(Outcome::Done)
    };
    Runtime::new().expect("a runtime starts").block_on(async {
        let consumer = Consumer::builder(&place.settings()).group(place.group()).order(order).on(handler);
        tokio::spawn(consumer.run());
        measured.await.expect("the consumer comes to the last record")
    })
}

/// Waits for the last record.
pub(crate) struct Last {
    expected: u64,
    seen: AtomicU64,
    meter: Mutex<Option<(Meter, oneshot::Sender<Turn>)>>,
}

impl Last {
    /// The warm-up counts among the expected records.
    pub(crate) fn new(expected: u64) -> (Self, oneshot::Receiver<Turn>) {
        let (sender, receiver) = oneshot::channel();
        let meter = Mutex::new(Some((Meter::start(), sender)));
        (Self { expected, seen: AtomicU64::new(0), meter }, receiver)
    }

    pub(crate) fn count(&self) {
        let seen = self.seen.fetch_add(1, Relaxed) + 1;
        if seen == WARM_UP {
            self.meter.lock().expect("nobody panics").as_mut().expect("it is not over").0 = Meter::start();
        }
        if seen == self.expected {
            let (meter, sender) = self.meter.lock().expect("nobody panics").take().expect("it is not over");
            let turn = meter.stop(self.expected - WARM_UP.min(self.expected));
            sender.send(turn).expect("somebody waits");
        }
    }
}
