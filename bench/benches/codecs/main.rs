//! Measures the generated codecs beside those of other crates, all in one process and in turns, and prints a table for
//! each kind of work, then our goals with what was measured.
//!
//! `cargo bench -p eventwright-bench --bench codecs -- [--quick] [TEXT]`: `--quick` takes a second, `TEXT` leaves only
//! what has it in its name. Before anything is measured, all codecs have to agree on the bytes and the values.
#![expect(clippy::print_stdout, reason = "what a bench is for")]
#![expect(clippy::cast_precision_loss, reason = "counts are shown, not calculated with")]

mod goals;
mod hand;
mod measure;
mod ours;
mod protobuf_peers;
mod samples;
mod serde_peers;

use std::time::Duration;

use measure::{Effort, Figures, Suite};

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
    pub(crate) const ENCODE: &str = "encode v2, reused buffer";
    pub(crate) const DECODE: &str = "decode v2, owned";
    pub(crate) const BORROW: &str = "decode v2, borrowed";
    pub(crate) const BORROW_NOT_ASCII: &str = "decode v2, borrowed, text not ASCII";
    pub(crate) const ADDED: &str = "v1 bytes to v2 struct: fields added";
    pub(crate) const SKIPPED: &str = "v2 bytes to v1 struct: tail skipped";
    pub(crate) const ENCODE_NOT_ASCII: &str = "encode v2, text not ASCII";
    pub(crate) const DECODE_NOT_ASCII: &str = "decode v2, text not ASCII";
    pub(crate) const ENCODE_LOGICAL: &str = "encode v2, logical types";
    pub(crate) const DECODE_LOGICAL: &str = "decode v2, logical types";
    pub(crate) const ALL: [&str; 10] = [
        ENCODE,
        DECODE,
        BORROW,
        ADDED,
        SKIPPED,
        ENCODE_NOT_ASCII,
        DECODE_NOT_ASCII,
        BORROW_NOT_ASCII,
        ENCODE_LOGICAL,
        DECODE_LOGICAL,
    ];
}

// Who does it, where a goal names them.
const OURS: &str = "eventwright";
const REUSED: &str = "eventwright, over another";
const KNOWN: &str = "eventwright, known writer";
const PLAN: &str = "eventwright, run-time plan";
const PLAN_ALONE: &str = "eventwright, plan, none like it";
const HAND: &str = "by hand";
const HAND_FAST: &str = "by hand, fast";
const CLONE: &str = "limit: clone() of the struct";
const PROST: &str = "prost 0.14";
const BUFFA: &str = "buffa 0.9";
const BUFFA_VIEW: &str = "buffa 0.9, view";
const FAST: &str = "serde_avro_fast 2.1";
const FAST_BORROWED: &str = "serde_avro_fast, borrowed";
const APACHE: &str = "apache-avro 0.22, direct";
const APACHE_VALUE: &str = "apache-avro 0.22, by Value";

fn main() {
    // cargo itself passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let mut suite = Suite::default();
    ours::add(&mut suite);
    protobuf_peers::add(&mut suite);
    serde_peers::add(&mut suite);
    if let Some(filter) = arguments.iter().find(|argument| !argument.starts_with("--")) {
        suite.keep(filter);
    }
    let (rounds, turn) = if is_quick { (40, 100) } else { (400, 250) };
    let figures = suite.measure(Effort { rounds, turn: Duration::from_micros(turn) });
    for work in work::ALL {
        table(work, figures.iter().filter(|one| one.work == work).collect());
    }
    println!("\nGoals (ratios of p10)");
    for line in goals::lines(&figures) {
        println!("{line}");
    }
}

/// Prints what was measured of one kind of work, the fastest first, beside ours.
fn table(work: &str, mut figures: Vec<&Figures>) {
    figures.sort_by(|a, b| a.p10.total_cmp(&b.p10));
    let Some(ours) = figures.iter().find(|one| one.who == OURS || one.who == KNOWN).or(figures.first()).copied() else {
        return;
    };
    println!(
        "\n{work:<38} {:>9} {:>9} {:>9} {:>6} {:>7} {:>7} {:>8}",
        "min ns", "p10", "median", "bytes", "MB/s", "allocs", "x ours"
    );
    for Figures { who, bytes, min, p10, median, allocations, .. } in figures {
        let (speed, ratio) = (*bytes as f64 / p10 * 1e3, p10 / ours.p10);
        println!(
            "  {who:<36} {min:>9.1} {p10:>9.1} {median:>9.1} {bytes:>6} {speed:>7.0} {allocations:>7.1} {ratio:>8.2}"
        );
    }
}
