//! What the topics are called that stand beside a topic. All names are with prefix, where there is one.

/// Returns the topic for the dead letters of a topic: `orders_dlq`.
#[must_use]
pub fn dead_letters(topic: &str) -> String {
    format!("{topic}_dlq")
}

/// Returns the topics in which a topic's records wait to be handled again, in the order in which a record goes through them:
/// `orders_retry` where there is one, or else `orders_retry_1` and so on.
#[must_use]
pub fn retry(topic: &str, count: u32) -> Vec<String> {
    match count {
        1 => vec![format!("{topic}_retry")],
        _ => (1..=count).map(|tier| format!("{topic}_retry_{tier}")).collect(),
    }
}

/// Returns the compacted topic that keeps which events of a topic were handled: `orders_idempotency`.
#[must_use]
pub fn idempotency(topic: &str) -> String {
    format!("{topic}_idempotency")
}

/// Returns the compacted topic that keeps which dead letters were replayed: `orders_dlq_replayed`.
#[must_use]
pub fn replay_ledger(dead_letters: &str) -> String {
    format!("{dead_letters}_replayed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_retry_topic_has_no_number() {
        assert_eq!(retry("orders", 0), [""; 0]);
        assert_eq!(retry("orders", 1), ["orders_retry"]);
        assert_eq!(retry("dev.orders", 2), ["dev.orders_retry_1", "dev.orders_retry_2"]);
    }
}
