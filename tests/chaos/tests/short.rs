//! The short form of `make chaos`: with the default store, and with one where nothing may happen twice.

use std::path::Path;

use clap::Parser as _;
use eventwright_chaos::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_no_more_happens_twice_than_may() {
    for of_its_own in [["--store", "none", "--retry-topics", "3"], ["--store", "sqlite", "--seed", "8"]] {
        let plan = ["chaos", "--events", "2400", "--keys", "60", "--consumers", "2", "--brokers", "1", "--rate", "400"];
        let plan = Plan::parse_from(plan.iter().chain(&["--pause", "1000"]).chain(&of_its_own));
        let report = run(&plan, Path::new(env!("CARGO_BIN_EXE_eventwright-chaos"))).await.unwrap();
        assert!(!report.faults.is_empty() && report.violations.is_empty(), "{report}");
    }
}
