//! A service as one would write it: it knows nothing of the harness that tests it.

use std::future::Future;

use eventwright::wire::jiff::Timestamp;
use eventwright::wire::rust_decimal::Decimal;
use eventwright::wire::uuid::Uuid;
use eventwright::{Consumer, ConsumerBuilder, Context, Error, Outcome, Producer, Settings};
use eventwright_platform::events::order_created::v2::{Currency, OrderItem};
use eventwright_platform::events::{InventoryAdjusted, OrderCreated};

/// The service's consumer group.
pub(crate) const GROUP: &str = "inventory";

/// Takes orders, and publishes by how many each product's stock goes down. A customer called `nobody` is an error each
/// time, one called `shaky` only at the first attempt.
pub(crate) fn inventory(settings: &Settings, producer: &Producer) -> ConsumerBuilder {
    let producer = producer.clone();
    consumer(settings, move |order: OrderCreated, context: Context| {
        let producer = producer.clone();
        async move {
            match order.customer_id.as_str() {
                "nobody" => return Ok(Outcome::Reject("there is no such customer".into())),
                "shaky" if context.attempt() == 1 => return Ok(Outcome::Retry("the database is away".into())),
                _ => {}
            }
            for adjusted in adjustments(&order) {
                producer.send(&adjusted).await?;
            }
            Ok(Outcome::Done)
        }
    })
}

/// Returns a consumer of orders with that handler.
pub(crate) fn consumer<F, U>(settings: &Settings, handler: F) -> ConsumerBuilder
where
    F: Fn(OrderCreated, Context) -> U + Send + Sync + 'static,
    U: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    Consumer::builder(settings).group(GROUP).on(handler)
}

fn adjustments(order: &OrderCreated) -> impl Iterator<Item = InventoryAdjusted> + use<> {
    let (id, at) = (order.order_id, order.created_at);
    let adjusted = move |item: OrderItem| InventoryAdjusted::new(id, item.product_id, -item.quantity, at);
    order.items.clone().into_iter().map(adjusted)
}

/// An order of one item, told from others by its number.
pub(crate) fn order(number: u128, customer: &str) -> OrderCreated {
    let placed: Timestamp = "2026-01-01T00:00:00Z".parse().expect("it is a time");
    let item = OrderItem { product_id: "lamp".into(), quantity: 2, unit_price: Decimal::new(1999, 2) };
    OrderCreated {
        items: vec![item],
        ..OrderCreated::new(Uuid::from_u128(number), customer.into(), Currency::Eur, placed)
    }
}
