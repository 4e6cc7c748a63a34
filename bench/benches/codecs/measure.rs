//! Measures cases that take turns: in every round each of them runs for the same short time, so that whatever else the
//! machine does meets all of them alike.
#![expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Counts allocations: loads and stores instead of atomic additions, because one thread allocates and nobody shall wait.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
        // SAFETY: the caller's contract is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is System's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
        // SAFETY: the caller's contract is System's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How long and how often every case runs.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) turn: Duration,
}

/// One thing that is measured.
pub(crate) struct Case {
    /// What is done: the table that the case stands in.
    pub(crate) work: &'static str,
    /// Who does it.
    pub(crate) who: &'static str,
    /// How many bytes are read or written.
    pub(crate) bytes: usize,
    run: Box<dyn FnMut(u64)>,
}

/// What a case came to, in nanoseconds for one value.
pub(crate) struct Figures {
    pub(crate) work: &'static str,
    pub(crate) who: &'static str,
    pub(crate) bytes: usize,
    pub(crate) min: f64,
    pub(crate) p10: f64,
    pub(crate) median: f64,
    /// How often one value allocates.
    pub(crate) allocations: f64,
}

/// Everything that is to be measured.
#[derive(Default)]
pub(crate) struct Suite {
    cases: Vec<Case>,
}

impl Suite {
    /// Adds a case; what `run` returns is not optimised away.
    pub(crate) fn add<T>(
        &mut self,
        work: &'static str,
        who: &'static str,
        bytes: usize,
        mut run: impl FnMut() -> T + 'static,
    ) {
        let run = move |times| {
            for _ in 0..times {
                // By reference: moving what is hundreds of bytes wide would be measured too.
                black_box(&run());
            }
        };
        self.cases.push(Case { work, who, bytes, run: Box::new(run) });
    }

    /// Adds a case that encodes into a buffer which is cleared and used again.
    pub(crate) fn add_encoder(
        &mut self,
        work: &'static str,
        who: &'static str,
        bytes: usize,
        mut encode: impl FnMut(&mut Vec<u8>) + 'static,
    ) {
        let mut out = Vec::with_capacity(4096);
        self.add(work, who, bytes, move || {
            out.clear();
            encode(&mut out);
            black_box(&out);
        });
    }

    /// Leaves only the cases whose work or whose name contains the text.
    pub(crate) fn keep(&mut self, filter: &str) {
        self.cases.retain(|case| case.work.contains(filter) || case.who.contains(filter));
    }

    /// Measures all cases, in turns.
    pub(crate) fn measure(&mut self, effort: Effort) -> Vec<Figures> {
        let prepared: Vec<_> = self.cases.iter_mut().map(|case| prepare(case, effort.turn)).collect();
        let mut times = vec![Vec::with_capacity(effort.rounds); self.cases.len()];
        for _ in 0..effort.rounds {
            for ((case, (_, repeats)), times) in self.cases.iter_mut().zip(&prepared).zip(&mut times) {
                times.push(nanoseconds_each(case, *repeats));
            }
        }
        let measured = self.cases.iter().zip(prepared).zip(times);
        measured.map(|((case, (allocations, _)), times)| figures(case, allocations, times)).collect()
    }
}

/// Warms a case up and returns how often it allocates, and how many repeats fill its turn.
fn prepare(case: &mut Case, turn: Duration) -> (f64, u64) {
    const REPEATS: u64 = 500;
    (case.run)(REPEATS);
    let before = ALLOCATIONS.load(Relaxed);
    (case.run)(REPEATS);
    let allocations = (ALLOCATIONS.load(Relaxed) - before) as f64 / REPEATS as f64;
    let each = (0..10).map(|_| nanoseconds_each(case, 100)).fold(f64::MAX, f64::min);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of repeats is small")]
    let repeats = (turn.as_nanos() as f64 / each.max(0.5)) as u64;
    (allocations, repeats.max(5))
}

fn nanoseconds_each(case: &mut Case, repeats: u64) -> f64 {
    let start = Instant::now();
    (case.run)(repeats);
    start.elapsed().as_nanos() as f64 / repeats as f64
}

fn figures(case: &Case, allocations: f64, mut times: Vec<f64>) -> Figures {
    times.sort_by(f64::total_cmp);
    let at = |tenths: usize| times.get(times.len() * tenths / 10).copied().unwrap_or(f64::NAN);
    let Case { work, who, bytes, .. } = *case;
    Figures { work, who, bytes, min: at(0), p10: at(1), median: at(5), allocations }
}
