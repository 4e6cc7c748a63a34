//! Measures the typed producer and the typed consumer beside rdkafka alone, on one real Kafka, and prints a table for each kind
//! of work, then our goals with what was measured.
//!
//! `make bench-kafka` starts a Kafka for it, whose address is in `EVENTWRIGHT_BENCH_BOOTSTRAP`, and runs
//! `cargo bench -p eventwright-bench --bench kafka -- [--quick] [TEXT]`: `--quick` takes half a minute, `TEXT` leaves only the work that has it in its name. Each turn is a process of its own, so that
//! its CPU time is that of one contender; contenders take turns, so that whatever else the machine does meets all alike.
#![expect(clippy::print_stdout, reason = "what a bench is for")]
#![expect(clippy::cast_precision_loss, reason = "counts are shown, not calculated with")]

mod blocked;
mod goals;
mod measure;
mod ours;
mod parallel;
mod raw;
mod samples;
mod turns;

use measure::{Figures, Turn};
use turns::{Bench, Scale, Where};

#[allow(
    clippy::allow_attributes,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    reason = "an event can do more than is measured here, and lints judge what people write"
)]
mod events {
    include!(concat!(env!("OUT_DIR"), "/eventwright_events.rs"));
}

/// What is measured: the names of the tables.
mod work {
    pub(crate) const PRODUCE: &str = "produce";
    pub(crate) const CONSUME: &str = "consume";
    pub(crate) const PARALLEL: &str = "one partition, 100 keys, 50 ms each";
    pub(crate) const BLOCKED: &str = "memory under a blocked handler";
}

// Who does it.
const RAW: &str = "rdkafka";
const OURS: &str = "eventwright";
const KEYED: &str = "eventwright, order: key";
const SERIAL: &str = "one after the other";
const WORKERS: &str = "64 workers, order: key";

/// The variable with the address of the Kafka to measure on.
const BOOTSTRAP: &str = "EVENTWRIGHT_BENCH_BOOTSTRAP";

/// The argument with which the bench is one turn of one contender.
const TURN: &str = "--turn";

fn main() {
    // cargo itself passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, work, who, rest @ ..] = arguments.as_slice()
        && flag == TURN
    {
        println!("{}", turn(work, who, &Where::parse(rest)));
        // A handler that blocks for ever would hold up the end of the process.
        std::process::exit(0);
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let Ok(bootstrap) = std::env::var(BOOTSTRAP) else {
        println!("kafka: not measured, because it needs a real one; `make bench-kafka` starts it and measures");
        return;
    };
    let filter = arguments.iter().find(|argument| !argument.starts_with("--")).map_or("", String::as_str);
    let figures = Bench::start(&bootstrap, Scale::new(is_quick)).run(filter);
    tables(&figures);
    println!("\nGoals");
    for line in goals::lines(&figures) {
        println!("{line}");
    }
}

/// Takes one turn.
fn turn(work: &str, who: &str, place: &Where) -> Turn {
    match (work, who) {
        (work::PRODUCE, RAW) => raw::produce(place),
        (work::PRODUCE, _) => ours::produce(place),
        (work::CONSUME, RAW) => raw::consume(place),
        (work::CONSUME, who) => ours::consume(place, who == KEYED),
        (work::PARALLEL, who) => parallel::consume(place, who == WORKERS),
        _ => blocked::consume(place),
    }
}

fn tables(figures: &[Figures]) {
    println!("\n{:<38} {:>12} {:>10} {:>11} {:>9}", "medians", "records/s", "x rdkafka", "CPU us/rec", "RSS MiB");
    for one in figures {
        let ratio = figures.iter().find(|raw| raw.work == one.work && raw.who == RAW);
        let ratio = ratio.map_or_else(String::new, |raw| format!("{:.2}", one.ratio(raw, |turn| turn.rate())));
        let (rate, cpu) = (one.median(Turn::rate), one.median(Turn::cpu_micros));
        let grown = one.median(|turn| turn.grown_mib);
        println!("{:<38} {rate:>12.0} {ratio:>10} {cpu:>11.2} {grown:>9.1}", format!("{}: {}", one.work, one.who));
    }
}
