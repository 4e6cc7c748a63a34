//! Pairs of schemas that Java Avro is asked about, and the code that is generated for them.
#![deny(warnings)]

use eventwright_wire::Event;

#[allow(
    missing_docs,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "lints judge what people write; this is generated anew at every build"
)]
mod events {
    include!(concat!(env!("OUT_DIR"), "/events.rs"));
}

/// A pair, and what it has become.
#[derive(Debug, Clone)]
pub struct Case {
    /// What the pair is to show.
    pub rule: &'static str,
    /// The writer's schema, as JSON.
    pub writer: &'static str,
    /// The reader's schema, as JSON.
    pub reader: &'static str,
    /// Whether we may read what Java does not.
    pub is_lenient: bool,
    /// The generated code, or why there is none.
    pub generated: Result<Codec, &'static str>,
}

/// The generated code of a pair, as functions over bytes.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    /// Reads with the writer's own type, and writes again.
    pub again: fn(&[u8]) -> Result<Vec<u8>, String>,
    /// Reads what the writer wrote with the reader's type, and writes that.
    pub read: fn(&[u8]) -> Result<Vec<u8>, String>,
}

/// Returns all pairs.
#[must_use]
pub fn cases() -> Vec<Case> {
    include!(concat!(env!("OUT_DIR"), "/cases.rs")).into()
}

fn codec<Writer: Event, Reader: Event>() -> Codec {
    Codec { again: recode::<Writer>, read: recode::<Reader> }
}

/// Decodes what version 1 wrote, and encodes it.
fn recode<E: Event>(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let writer = E::WRITERS.iter().position(|writer| writer.version == 1).ok_or("version 1 is not known")?;
    let event = E::decode(writer, bytes).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    event.encode(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}
