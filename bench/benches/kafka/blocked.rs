//! A handler that blocks for ever, on a topic with a gigabyte of records: how much memory the consumer takes.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use eventwright::{Consumer, Context, Outcome};
use tokio::runtime::Runtime;

use crate::events::PaymentReceived;
use crate::measure::{Meter, Turn};
use crate::turns::Where;

/// How long the consumer may gather records.
const WATCHED: Duration = Duration::from_secs(15);

pub(crate) fn consume(place: &Where) -> Turn {
    let began = Arc::new(AtomicU64::new(0));
    let handler = {
        let began = Arc::clone(&began);
        move |_: PaymentReceived, _: Context| {
            began.fetch_add(1, Relaxed);
            pending::<Outcome>()
        }
    };
    Runtime::new().expect("a runtime starts").block_on(async {
        let meter = Meter::start();
        tokio::spawn(Consumer::builder(&place.settings()).group(place.group()).on(handler).run());
        tokio::time::sleep(WATCHED).await;
        assert_eq!(began.load(Relaxed), 1, "one handler runs");
        meter.stop(1)
    })
}
