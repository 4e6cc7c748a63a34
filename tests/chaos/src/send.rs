//! Sends the events of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use eventwright::wire::jiff::Timestamp;
use eventwright::wire::uuid::Uuid;
use eventwright::{Event as _, Message, Producer};
use eventwright_platform::events::OrderCreated;
use eventwright_platform::events::order_created::v2::Currency;

use crate::plan::{Numbered, Plan};

/// How many events are on their way before the oldest of them are awaited.
const PENDING: usize = 1_000;

/// Sends all events, those of each key in the order of their numbers.
pub(crate) async fn send(plan: Plan, producer: Producer, sent: Arc<AtomicU32>) -> Result<()> {
    let started = Instant::now();
    let mut pending = Vec::new();
    for index in 0..plan.events {
        let event = plan.event(index);
        let order = order(event)?;
        // The order's own id is its key here, and no two events have one id.
        let id = format!("{}-{}", event.key, event.number);
        pending.push(producer.enqueue(Message::new(&order).message_id(id)).await?);
        sent.store(index + 1, Ordering::Relaxed);
        if pending.len() == PENDING {
            for delivery in pending.drain(..) {
                delivery.await?;
            }
        }
        if plan.rate > 0 && index % 100 == 0 {
            let due = started + Duration::from_secs_f64(f64::from(index) / f64::from(plan.rate));
            tokio::time::sleep_until(due.into()).await;
        }
    }
    for delivery in pending {
        delivery.await?;
    }
    Ok(())
}

fn order(Numbered { key, number }: Numbered) -> Result<OrderCreated> {
    let id = Uuid::from_u128(u128::from(key));
    let quantity = i32::try_from(number).context("a key has too many events; help: raise `--keys`")?;
    Ok(OrderCreated { quantity, ..OrderCreated::new(id, "customer".into(), Currency::Eur, Timestamp::UNIX_EPOCH) })
}

/// Returns the event that a framed order is.
pub(crate) fn numbered(value: &[u8]) -> Result<Numbered> {
    let order = OrderCreated::decode(OrderCreated::WRITERS.len() - 1, value.get(5..).unwrap_or_default())?;
    Ok(Numbered { key: u32::try_from(order.order_id.as_u128())?, number: u32::try_from(order.quantity)? })
}
