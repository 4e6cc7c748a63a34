//! Replays dead orders, mended and as their newest version:
//! `cargo run --bin mend_orders -- orders_dlq --reason rejected --dry-run`.

use std::process::ExitCode;

use eventwright::replay::{self, Letter};
use eventwright_platform::events::OrderCreated;

#[tokio::main]
async fn main() -> ExitCode {
    replay::main(|replay| replay.fix(mend)).await
}

/// An error leaves the order where it is.
fn mend(order: OrderCreated, letter: &Letter) -> Result<OrderCreated, String> {
    let customer_id = order.customer_id.trim().to_owned();
    if customer_id.is_empty() {
        return Err(format!("nobody ordered it: {}", letter.error().unwrap_or("no error is known")));
    }
    Ok(OrderCreated { customer_id, ..order })
}
