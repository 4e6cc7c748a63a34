//! Time: pauses cost nothing, and the time of day may jump.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use eventwright::headers::FIRST_FAILED_AT;
use eventwright::wire::jiff::Timestamp;
use eventwright::{Outcome, Settings};

use crate::in_memory;
use crate::service::{consumer, order};

fn patient(mut settings: Settings) -> Settings {
    settings.consumer.retry.max_attempts = 5;
    settings.consumer.retry.backoff = Duration::from_secs(30);
    settings.consumer.retry.max_backoff = Duration::from_secs(3600);
    settings.consumer.retry.jitter_percent = 0;
    settings
}

#[tokio::test]
async fn pauses_of_minutes_pass_at_once_and_are_as_long_as_they_should_be() {
    let (began, harness) = (Instant::now(), in_memory().await);
    let times = Arc::new(Mutex::new(Vec::new()));
    let (handler_times, start) = (Arc::clone(&times), tokio::time::Instant::now());
    let app = harness.run(consumer(&patient(harness.settings()), move |_, _| {
        handler_times.lock().unwrap().push(start.elapsed().as_secs());
        std::future::ready(Ok(Outcome::Retry("not yet".into())))
    }));
    harness.publish(&order(1, "ada")).await;
    harness.settled().await;
    app.assert_calls(5);
    assert_eq!(*times.lock().unwrap(), [0, 30, 90, 210, 450]);
    harness.topic("orders_dlq").await.assert_count(1).assert_header("ew-attempt", "5");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn headers_tell_the_time_of_day_of_the_harness_also_when_it_was_set_back() {
    let harness = in_memory().await;
    let began = harness.now();
    assert_eq!(began.duration_since(UNIX_EPOCH).unwrap().as_secs(), 1_767_225_600);
    harness.advance(Duration::from_secs(60)).await;
    harness.set_clock_back(Duration::from_secs(3600));
    let app = harness.run(consumer(&harness.settings(), |_, _| std::future::ready(Ok(Outcome::Reject("no".into())))));
    harness.publish(&order(1, "ada")).await;
    harness.settled().await;
    let dead = harness.topic("orders_dlq").await;
    let failed: Timestamp = dead.records()[0].header(FIRST_FAILED_AT).unwrap().parse().unwrap();
    let elapsed = failed.as_second() - 1_767_225_600;
    assert!((60 - 3600..=61 - 3600).contains(&elapsed), "{elapsed}");
    app.assert_calls(1);
}
