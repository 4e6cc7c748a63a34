//! Fuzz targets for all that takes bytes or text from outside: decoders, plans, the JSON form, schemas, frames.
//!
//! `cargo test` tries some inputs of each target, the same every time, and those that once failed (`found/`); `make fuzz`
//! tries new ones for as long as it is told. A target panics where a property does not hold: no panic of ours, no more
//! memory than the input justifies, what was decoded is encoded and decoded again to the same, and two ways to decode
//! agree.

mod edit;
mod engine;
mod grown;
mod limits;
mod samples;
pub mod targets;

pub use engine::{Check, Failure, Target, inputs, run};

/// The stack of tokio's workers, on which decoders run.
pub const STACK: usize = 2 << 20;

/// Returns the folder of the inputs that once failed, one folder a target.
#[must_use]
pub fn found() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("found")
}
