//! Turns one writer's bytes into the bytes that the reader's own schema would write: any reader of those then decodes
//! what the writer wrote.
//!
//! In: a [`Plan`], once, and the writer's bytes. Out: the reader's bytes. What both have in common is scanned, so that its
//! end is found, and copied in as few runs as possible; whether text is text and an index is one of the reader's is left
//! to whoever decodes it. What only the plan can see is checked here: the writer's own indexes, symbols without a
//! counterpart, branches that the reader has no place for, and numbers of another unit.

mod compile;
mod pass;
mod program;
mod route;
mod run;

use std::cell::Cell;

use self::pass::pass_over;
use self::program::{BodyId, Program};
use self::route::{Route, Source};
use self::run::Run;
use super::plan::wrong_plan;
use super::{AvroEvent, MAX_DEPTH, Plan, Reader};
use crate::{DecodeError, Event, EventSchema};

/// How much memory a thread keeps for the next record.
const MAX_KEPT: usize = 64 << 10;

/// A plan, compiled.
#[derive(Debug)]
pub struct Transcoder {
    reader: u64,
    depth_limit: u32,
    /// `None` where the reader writes what the writer writes.
    program: Option<Program>,
    route: Route,
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
        Self::beside(plan, &[])
    }

    /// Compiles a plan for an event that was generated with the plans of other writers, each with its index in
    /// [`Event::WRITERS`]: decoding takes less time where generated code for one of those can be used.
    #[must_use]
    pub fn beside(plan: &Plan, known: &[(usize, Plan)]) -> Self {
        let program = (!plan.is_identity(plan.root)).then(|| compile::program(plan));
        Self { reader: plan.reader, depth_limit: MAX_DEPTH, program, route: route::choose(plan, known) }
    }

    /// Returns the transcoder with another limit of depth than [`MAX_DEPTH`]; as
    /// [`Reader::with_depth_limit`].
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
        match &self.program {
            None => Ok(bytes),
            Some(program) => self.run(program, bytes, scratch),
        }
    }

    fn run<'a>(&self, program: &Program, bytes: &'a [u8], scratch: &'a mut Scratch) -> Result<&'a [u8], DecodeError> {
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
    #[inline]
    pub fn decode<'a, E: AvroEvent<'a>>(&self, bytes: &'a [u8], scratch: &'a mut Scratch) -> Result<E, DecodeError> {
        match self.start(E::Owned::SCHEMA, bytes, scratch) {
            Ok(bytes) => self.read(bytes),
            Err(error) => Err(error),
        }
    }

    /// Decodes the owned form, with scratch memory of the thread.
    ///
    /// # Errors
    /// As [`Transcoder::decode`].
    #[inline]
    pub fn decode_owned<E: for<'a> AvroEvent<'a, Owned = E> + Event>(&self, bytes: &[u8]) -> Result<E, DecodeError> {
        match self.route.source {
            Source::Start(_) if self.reader == E::SCHEMA.fingerprint => self.read(bytes),
            _ => self.decode_transcoded(bytes),
        }
    }

    /// Apart, so that what is read as it is can be read where the caller wants it: to move an event takes as long as much of
    /// decoding it.
    #[inline(never)]
    fn decode_transcoded<E: for<'a> AvroEvent<'a, Owned = E> + Event>(&self, bytes: &[u8]) -> Result<E, DecodeError> {
        self.decode(bytes, &mut Kept(SCRATCH.take()).0)
    }

    /// Returns the bytes that generated code decodes.
    fn start<'a>(
        &self,
        reader: &EventSchema,
        bytes: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8], DecodeError> {
        if self.reader != reader.fingerprint {
            return Err(self.for_another_reader());
        }
        match &self.route.source {
            Source::Start(_) => Ok(bytes),
            Source::Transcoded => self.transcode(bytes, scratch),
            Source::TranscodedBy(program) => self.run(program, bytes, scratch),
        }
    }

    /// Reads an event, passes over what is behind it, and expects that to be all.
    #[inline]
    fn read<'a, E: AvroEvent<'a>>(&self, bytes: &'a [u8]) -> Result<E, DecodeError> {
        let mut reader = Reader::with_depth_limit(bytes, self.depth_limit);
        let mut decoded = E::read(self.route.writer.unwrap_or(E::Owned::OWN_WRITER), &mut reader);
        if decoded.is_ok()
            && let Err(error) = self.pass_over_rest(reader)
        {
            decoded = Err(error);
        }
        decoded
    }

    fn pass_over_rest(&self, mut reader: Reader<'_>) -> Result<(), DecodeError> {
        let passed = match &self.route.source {
            Source::Start(Some(rest)) => pass_over(rest, BodyId(0), &mut reader),
            _ => Ok(()),
        };
        reader.finish(passed)
    }

    /// Returns the error of a reader that the plan was not made for.
    #[cold]
    pub(crate) fn for_another_reader(&self) -> DecodeError {
        wrong_plan("the plan is for another reader's schema")
    }
}
