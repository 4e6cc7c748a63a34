//! Measures what it takes to handle an event once, in memory: the claim and the mark of a new event, and the claim of one that was
//! handled, on one thread and on two.
//!
//! `cargo bench -p eventwright-bench --bench idempotency -- [--quick]`
#![expect(clippy::print_stdout, reason = "what a bench is for")]

use std::sync::Arc;
use std::time::Instant;

use eventwright::idempotency::{DedupeStore as _, EventKey, MemoryStore, Owner};
use eventwright::settings::IdempotencySettings;
use futures::FutureExt as _;

/// A claim of an event that was handled may take so long.
const GOAL: f64 = 300.0;

/// Each figure is the least of so many runs: the others were disturbed.
const RUNS: usize = 5;

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let count = if is_quick { 100_000 } else { 1_000_000 };
    let group: Arc<str> = "inventory".into();
    let keys: Vec<_> = (0..count).map(|number: u128| key(&group, number)).collect();
    let runs: Vec<[f64; 3]> = (0..RUNS).map(|_| measure(&keys)).collect();
    let least = |figure: usize| runs.iter().filter_map(|run| run.get(figure)).copied().fold(f64::INFINITY, f64::min);
    let [new, duplicate, beside] = [least(0), least(1), least(2)];
    println!("{count} events, ids of 36 bytes, nanoseconds an event:");
    println!("  a new event, claim and mark       {new:6.0}");
    println!("  a handled event, claim            {duplicate:6.0}");
    println!("  the same, two threads at once     {beside:6.0} on each");
    println!("goal: a check takes < {GOAL} ns: {}", if duplicate < GOAL { "met" } else { "NOT MET" });
}

fn key(group: &Arc<str>, number: u128) -> EventKey {
    EventKey::new(Arc::clone(group), format!("{number:08x}-0000-7000-8000-{number:012x}"))
}

fn measure(keys: &[EventKey]) -> [f64; 3] {
    let store = MemoryStore::new(&IdempotencySettings::default());
    let new = each(keys, |key| {
        claim(&store, key);
        let _ = store.done(key).now_or_never();
    });
    let duplicate = each(keys, |key| claim(&store, key));
    let beside = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| each(keys, |key| claim(&store, key))));
        threads.map(|thread| thread.join().unwrap_or(f64::INFINITY)).into_iter().fold(0.0, f64::max)
    });
    [new, duplicate, beside]
}

fn claim(store: &MemoryStore, key: &EventKey) {
    let _ = std::hint::black_box(store.claim(key, Owner(1)).now_or_never());
}

/// Returns the nanoseconds that a key takes.
fn each(keys: &[EventKey], work: impl Fn(&EventKey)) -> f64 {
    let start = Instant::now();
    keys.iter().for_each(work);
    let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
