//! Turns one writer's bytes into the bytes that the reader's own schema would write: any reader of those then decodes
//! what the writer wrote.
//!
//! In: a [`Plan`], once, and the writer's bytes. Out: the reader's bytes. What both have in common is scanned, so that its
//! end is found, and copied in as few runs as possible; whether text is text and an index is one of the reader's is left
//! to whoever decodes it. What only the plan can see is checked here: the writer's own indexes, symbols without a
//! counterpart, branches that the reader has no place for, and numbers of another unit.

mod compile;
mod program;
mod run;

use std::cell::Cell;

use self::program::Program;
use self::run::Run;
use super::plan::wrong_plan;
use super::{AvroEvent, MAX_DEPTH, Plan, decode_whole};
use crate::{DecodeError, Event};

/// How much memory a thread keeps for the next record.
const MAX_KEPT: usize = 64 << 10;

/// A plan, compiled.
#[derive(Debug)]
pub struct Transcoder {
    reader: u64,
    depth_limit: u32,
    /// `None` where the reader writes what the writer writes.
    program: Option<Program>,
}

/// Memory that transcoding uses and leaves for the next time.
#[derive(Debug, Default)]
pub struct Scratch {
    out: Vec<u8>,
    /// Where fields begin that are written in another order.
    starts: Vec<usize>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch { out: Vec::new(), starts: Vec::new() }) };
}

/// The thread's scratch memory, while it is used.
struct Kept(Scratch);

impl Drop for Kept {
    fn drop(&mut self) {
        if self.0.out.capacity() <= MAX_KEPT && self.0.starts.capacity() <= MAX_KEPT {
            SCRATCH.set(std::mem::take(&mut self.0));
        }
    }
}

impl Transcoder {
    /// Compiles a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let program = (!plan.is_identity(plan.root)).then(|| compile::program(plan));
        Self { reader: plan.reader, depth_limit: MAX_DEPTH, program }
    }

    /// Returns the transcoder with another limit of depth than [`MAX_DEPTH`]; as
    /// [`Reader::with_depth_limit`](super::Reader::with_depth_limit).
    #[must_use]
    pub fn with_depth_limit(self, depth_limit: u32) -> Self {
        Self { depth_limit, ..self }
    }

    /// Returns the bytes that the reader's schema writes for what the writer's bytes say: a part of them, where that is
    /// all, and else what is in the scratch memory now. Text and other content that both schemas have in common is not
    /// looked at.
    ///
    /// # Errors
    /// Bytes that the writer's schema does not write, a value that the reader's has no place for, or defaults that make
    /// much more of the bytes than they were: more than 16 MiB and 64 times their length.
    pub fn transcode<'a>(&self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Result<&'a [u8], DecodeError> {
        let Some(program) = &self.program else { return Ok(bytes) };
        let Scratch { out, starts } = scratch;
        out.clear();
        starts.clear();
        Ok(Run::new(program, bytes, self.depth_limit, out, starts).whole()?.unwrap_or(out))
    }

    /// Decodes bytes that hold one event and nothing else, into a form that may borrow from the bytes and the scratch
    /// memory.
    ///
    /// # Errors
    /// As [`Transcoder::transcode`], what the reader's own decoder returns, and a transcoder for another reader.
    pub fn decode<'a, E: AvroEvent<'a>>(&self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Result<E, DecodeError> {
        self.expect_reader::<E::Owned>()?;
        decode_whole(E::Owned::OWN_WRITER, self.transcode(bytes, scratch)?)
    }

    /// Decodes the owned form, with scratch memory of the thread.
    pub(crate) fn decode_owned<E: Event>(&self, bytes: &[u8]) -> Result<E, DecodeError> {
        self.expect_reader::<E>()?;
        if self.program.is_none() {
            return E::decode(E::OWN_WRITER, bytes);
        }
        let mut kept = Kept(SCRATCH.take());
        // The event is what the function ends with: to name it would be to move it, which costs as much as decoding it.
        match self.transcode(bytes, &mut kept.0) {
            Ok(bytes) => E::decode(E::OWN_WRITER, bytes),
            Err(error) => Err(error),
        }
    }

    fn expect_reader<E: Event>(&self) -> Result<(), DecodeError> {
        match self.reader == E::SCHEMA.fingerprint {
            true => Ok(()),
            false => Err(wrong_plan("the plan is for another reader's schema")),
        }
    }
}
