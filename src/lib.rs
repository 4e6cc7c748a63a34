//! The reference system of Eventwright: an outside user's view of the crates.
//!
//! Its events are compiled from `schemas/` by the three lines of `build.rs`.

/// The events of `schemas/events.toml`, as Rust types.
pub mod events {
    eventwright::include_events!();
}
