//! One partition, 100 keys, a handler that takes 50 ms: one record after the other, and many keys at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use eventwright::settings::Order;
use eventwright::{Consumer, Context, Outcome};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::events::PaymentReceived;
use crate::measure::{Meter, Turn};
use crate::turns::Where;

/// How many records there are beside those that are measured, so that all workers are busy until the end.
pub(crate) const RESERVE: u64 = 500;

const WORKERS: usize = 64;
const TAKES: Duration = Duration::from_millis(50);

/// From the first record's begin to the last one's end.
struct Progress {
    expected: u64,
    meter: OnceLock<Meter>,
    ended: AtomicU64,
    sender: Mutex<Option<oneshot::Sender<Turn>>>,
}

pub(crate) fn consume(place: &Where, by_key: bool) -> Turn {
    let (sender, measured) = oneshot::channel();
    let (meter, ended, sender) = (OnceLock::new(), AtomicU64::new(0), Mutex::new(Some(sender)));
    let progress = Arc::new(Progress { expected: place.count, meter, ended, sender });
    let handler = move |_: PaymentReceived, _: Context| {
        let progress = Arc::clone(&progress);
        async move {
            let meter = progress.meter.get_or_init(Meter::start);
            tokio::time::sleep(TAKES).await;
            if progress.ended.fetch_add(1, Relaxed) + 1 == progress.expected {
                let sender = progress.sender.lock().expect("nobody panics").take().expect("it is not over");
                sender.send(meter.stop(progress.expected)).expect("somebody waits");
            }
            Outcome::Done
        }
    };
    Runtime::new().expect("a runtime starts").block_on(async {
        let consumer = Consumer::builder(&place.settings()).group(place.group()).on(handler);
        let consumer = if by_key { consumer.order(Order::Key).workers(WORKERS) } else { consumer };
        tokio::spawn(consumer.run());
        measured.await.expect("the consumer comes to the last record")
    })
}
