//! The test that README.md shows.

use eventwright::testing::Harness;
use eventwright_platform::events::{self, InventoryAdjusted};

use crate::service::{inventory, order};

#[tokio::test]
async fn an_order_takes_what_was_ordered_out_of_stock() {
    let harness = Harness::from_env(events::SCHEMAS).await;
    let app = harness.run(inventory(&harness.settings(), harness.producer().await)); // as `main` puts it together
    harness.publish(&order(1, "shaky")).await; // its first attempt fails
    harness.write_raw("orders", None, Some(b"not an event"), &[]).await;
    harness.settled().await; // all is handled and committed; pauses between attempts take no time
    harness.published::<InventoryAdjusted>().await.assert_one(|stock| assert_eq!(stock.quantity, -2));
    harness.topic("orders_dlq").await.assert_count(1).assert_header("ew-failure-reason", "undecodable");
    harness.group("inventory").await.assert_committed_all();
    app.assert_calls(2).assert_key_order();
}
