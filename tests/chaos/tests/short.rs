//! The short form of `make chaos`.

use std::path::Path;

use clap::Parser as _;
use eventwright_chaos::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_consumers_are_killed() {
    for topics in ["1", "3"] {
        let plan = ["chaos", "--events", "6000", "--keys", "60", "--consumers", "2", "--brokers", "1", "--rate", "400"];
        let plan = Plan::parse_from(plan.iter().chain(&["--pause", "1500", "--retry-topics", topics]));
        let report = run(&plan, Path::new(env!("CARGO_BIN_EXE_eventwright-chaos"))).await.unwrap();
        assert!(!report.faults.is_empty() && report.violations.is_empty(), "{report}");
    }
}
