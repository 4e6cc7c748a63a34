//! Runs one target on many inputs: bolero gives the properties' panics back and looks for smaller inputs that fail.
//!
//! In: a seed and a number, or bytes that were saved. Out: nothing, or the first [`Failure`]. Every input is a function
//! of the seed, so that a run under `cargo test` is the same every time.

use std::fmt;
use std::panic::{AssertUnwindSafe, RefUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use bolero::bolero_engine::driver::Options;
use bolero::bolero_engine::input::Bytes;
use bolero::bolero_engine::{Test, panic};
use bolero::{Engine, TestTarget};

/// How long an input is at most. What a target makes of it may be much longer.
const MAX_INPUT: usize = 512;

/// What is fuzzed: a name, and a check that panics where a property does not hold.
pub struct Target {
    /// The name, and that of the folder of saved inputs.
    pub name: &'static str,
    /// How many inputs `cargo test` tries.
    pub inputs: usize,
    /// Makes the check; samples and plans are made once.
    pub prepare: fn() -> Check,
}

/// Checks one input, and says whether it was valid: whether it got past the first layer.
pub type Check = Box<dyn Fn(&[u8]) -> bool>;

/// An input that fails.
#[derive(Debug)]
pub struct Failure {
    /// The input.
    pub input: Vec<u8>,
    /// The panic, and the smallest input that was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Tries a target on inputs; `before` sees each of them first. Returns how many were valid.
///
/// # Errors
/// The first input that fails.
pub fn run(
    target: &Target,
    inputs: impl Iterator<Item = Vec<u8>>,
    before: impl FnMut(&[u8]),
) -> Result<usize, Box<Failure>> {
    let check = AssertUnwindSafe((target.prepare)());
    let valid = AtomicUsize::new(0);
    TestTarget::new(Inputs { inputs, before }).for_each(|bytes: &[u8]| {
        // The whole of it: what unwinds is the wrapper.
        let check = &check;
        if (check.0)(bytes) {
            valid.fetch_add(1, Ordering::Relaxed);
        }
    })?;
    Ok(valid.into_inner())
}

/// Returns inputs that follow from a seed.
pub fn inputs(seed: u64, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(seed);
    (0..count).map(move |_| random.input())
}

/// bolero's engine: where inputs come from.
struct Inputs<I, B> {
    inputs: I,
    before: B,
}

impl<T, I, B> Engine<T> for Inputs<I, B>
where
    T: Test + RefUnwindSafe,
    T::Value: fmt::Debug,
    I: Iterator<Item = Vec<u8>>,
    B: FnMut(&[u8]),
{
    type Output = Result<(), Box<Failure>>;

    fn run(mut self, mut test: T, options: Options) -> Self::Output {
        panic::set_hook();
        let forwarded = panic::forward_panic(false);
        let failed = self.inputs.find_map(|input| {
            (self.before)(&input);
            let error = test.test(&mut Bytes::new(&input, &options)).err()?;
            let smaller = test.shrink(input.clone(), None, &options);
            let message = smaller.map_or_else(|| error.to_string(), |smaller| format!("{smaller:#}"));
            Some(Box::new(Failure { input, message }))
        });
        panic::forward_panic(forwarded);
        failed.map_or(Ok(()), Err)
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Short inputs are as frequent as long ones: what they fail on is easier to read.
    fn input(&mut self) -> Vec<u8> {
        let most = 32 << (self.next() % 5);
        let length = usize::try_from(self.next() % most).map_or(MAX_INPUT, |length| length.min(MAX_INPUT));
        let mut input = Vec::with_capacity(length + 8);
        while input.len() < length {
            input.extend(self.next().to_le_bytes());
        }
        input.truncate(length);
        input
    }
}
