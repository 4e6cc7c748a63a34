//! Executes a program on the bytes of one datum.
//!
//! Bytes that are kept are not copied at once: a run of them is copied when something else must stand behind it. So what
//! is the start or the end of the input, or all of it, is not copied at all.

use super::super::conversion::{promote, rescale_fixed};
use super::super::decode::{max_added, too_much};
use super::super::plan::{unknown_symbol, unresolvable, wrong_plan};
use super::super::{Reader, Writer};
use super::pass::pass_over;
use super::program::{BodyId, Branch, BranchIndex, Op, Program, Reorder, Source, Symbols, no_such_bytes};
use crate::DecodeError;

pub(super) struct Run<'p, 'a, 's> {
    program: &'p Program,
    input: &'a [u8],
    reader: Reader<'a>,
    out: &'s mut Vec<u8>,
    /// Where a run of kept bytes begins and ends that is not copied yet.
    closed: (usize, usize),
    /// Where the run behind it begins, which ends where the reader is.
    open: usize,
    /// Where the fields begin of the records that are written in another order.
    starts: &'s mut Vec<usize>,
    /// Whether nothing is written for now: what is read is read again.
    is_silent: bool,
    max_written: usize,
}

impl<'p, 'a, 's> Run<'p, 'a, 's> {
    pub(super) fn new(
        program: &'p Program,
        input: &'a [u8],
        depth_limit: u32,
        out: &'s mut Vec<u8>,
        starts: &'s mut Vec<usize>,
    ) -> Self {
        let (reader, max_written) = (Reader::with_depth_limit(input, depth_limit), max_added(input.len()));
        Self { program, input, reader, out, closed: (0, 0), open: 0, starts, is_silent: false, max_written }
    }

    /// Executes the program on all of the input, and returns what comes out where that is a part of the input.
    pub(super) fn whole(mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let run = self.body(BodyId(0));
        self.reader.finish(run)?;
        self.close(self.position());
        if self.out.is_empty() {
            return self.input.get(self.closed.0..self.closed.1).map(Some).ok_or_else(no_such_bytes);
        }
        self.copy_closed();
        Ok(None)
    }

    fn body(&mut self, id: BodyId) -> Result<(), DecodeError> {
        let (program, body) = (self.program, self.program.body(id)?);
        for (at, op) in body.ops.iter().enumerate() {
            self.op(op).map_err(|(of, error)| program.located(error, body, at, of))?;
        }
        Ok(())
    }

    /// Executes one operation; an error comes with the number of the value that it is in.
    #[inline(always)]
    fn op(&mut self, op: &'p Op) -> Result<(), (usize, DecodeError)> {
        match op {
            Op::Longs(count) => return each(*count, || self.reader.pass_long()),
            Op::Blobs(count) => return each(*count, || self.reader.bytes().map(drop)),
            Op::Fixed(size) => self.reader.fixed(*size).map(drop),
            Op::Int => self.reader.int().map(drop),
            Op::Text => self.reader.str().map(drop),
            Op::Union(branches) => self.union(branches),
            Op::Array { item, min_size } => self.array(*item, *min_size),
            Op::Map(value) => self.map(*value),
            Op::Call(body) => self.body(*body),
            Op::LeaveOut(body) => self.leave_out(*body),
            Op::Insert(bytes) => self.write(|out| out.extend_from_slice(bytes)),
            other => self.rare_op(other),
        }
        .map_err(|error| (0, error))
    }

    #[inline(never)]
    fn rare_op(&mut self, op: &'p Op) -> Result<(), DecodeError> {
        match op {
            Op::Nested(body) => {
                self.reader.descend()?;
                self.body(*body)?;
                self.reader.ascend();
                Ok(())
            }
            Op::Symbol(symbols) => self.symbol(symbols),
            Op::Number { from, to, conversion } => {
                self.replace(|reader, out| promote(reader, (*from, *to), *conversion, out))
            }
            Op::Rescaled { size, conversion } => {
                self.replace(|reader, out| rescale_fixed(reader, *size, *conversion, out))
            }
            Op::Reorder(reorder) => self.reorder(reorder),
            Op::Fail(what) => Err(unresolvable(what)),
            _ => Err(wrong_plan("the program has no such operation")),
        }
    }

    fn array(&mut self, item: BodyId, min_size: usize) -> Result<(), DecodeError> {
        let mut length = 0;
        while let Some(count) = self.block(min_size)? {
            for _ in 0..count {
                self.body(item).map_err(|error| error.in_item(length))?;
                length += 1;
            }
        }
        Ok(())
    }

    fn map(&mut self, value: BodyId) -> Result<(), DecodeError> {
        while let Some(count) = self.block(1)? {
            for _ in 0..count {
                let key = self.reader.bytes()?;
                self.body(value).map_err(|error| error.in_key(&String::from_utf8_lossy(key)))?;
            }
        }
        Ok(())
    }

    /// Reads the header of a block. Its size in bytes is left out: what comes out may be longer.
    fn block(&mut self, min_size: usize) -> Result<Option<usize>, DecodeError> {
        let at = self.position();
        let Some((count, has_size)) = self.reader.block_header(min_size)? else { return Ok(None) };
        if has_size {
            self.skip_from(at);
            self.write(|out| Writer::new(out).length(count))?;
        }
        Ok(Some(count))
    }

    fn union(&mut self, branches: &'p [Branch]) -> Result<(), DecodeError> {
        let at = self.position();
        let index = self.reader.index(branches.len())?;
        let branch = branches.get(index).ok_or_else(|| wrong_plan("the plan has no such branch"))?;
        match branch.index {
            BranchIndex::Kept => {}
            BranchIndex::LeftOut => self.skip_from(at),
            BranchIndex::Replaced(index) => {
                self.skip_from(at);
                self.write(|out| Writer::new(out).length(index))?;
            }
        }
        self.body(branch.value)
    }

    fn symbol(&mut self, symbols: &Symbols) -> Result<(), DecodeError> {
        let at = self.position();
        let index = self.reader.index(symbols.mapping.len())?;
        match symbols.mapping.get(index) {
            Some(Ok(same)) if *same == index => Ok(()),
            Some(Ok(other)) => {
                self.skip_from(at);
                self.write(|out| Writer::new(out).length(*other))
            }
            Some(Err(unknown)) => Err(unknown_symbol(&symbols.name, unknown)),
            None => Err(wrong_plan("the plan has no such symbol")),
        }
    }

    fn leave_out(&mut self, body: BodyId) -> Result<(), DecodeError> {
        let at = self.position();
        pass_over(self.program, body, &mut self.reader)?;
        self.skip_from(at);
        Ok(())
    }

    /// Reads a value and writes another one in its place.
    fn replace(
        &mut self,
        convert: impl FnOnce(&mut Reader<'a>, &mut Vec<u8>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let at = self.position();
        self.close(at);
        self.copy_closed();
        let length = self.out.len();
        convert(&mut self.reader, self.out)?;
        match self.is_silent {
            true => self.out.truncate(length),
            false => self.open = self.position(),
        }
        self.expect_room()
    }

    /// Reads the fields to find where each begins, and then again in the order of the reader.
    fn reorder(&mut self, reorder: &'p Reorder) -> Result<(), DecodeError> {
        let (first, start, empty_before) = (self.starts.len(), self.position(), self.reader.empty_items());
        let was_silent = std::mem::replace(&mut self.is_silent, true);
        for field in &reorder.fields {
            self.starts.push(self.position());
            self.body(*field)?;
        }
        self.is_silent = was_silent;
        if !was_silent {
            let (end, empty_in_all) = (self.position(), self.reader.empty_items());
            self.close(start);
            self.reader.set_empty_items(empty_before);
            for source in &reorder.sources {
                self.source(source, first, reorder)?;
            }
            self.reader.set_empty_items(empty_in_all);
            self.seek(end)?;
        }
        self.starts.truncate(first);
        Ok(())
    }

    fn source(&mut self, source: &'p Source, first: usize, reorder: &'p Reorder) -> Result<(), DecodeError> {
        match source {
            Source::Default(bytes) => {
                self.open = self.position();
                self.write(|out| out.extend_from_slice(bytes))
            }
            Source::Written(field) => {
                let start = self.starts.get(first + field).copied();
                let body = reorder.fields.get(*field);
                let (start, body) = start.zip(body).ok_or_else(no_such_bytes)?;
                self.seek(start)?;
                self.body(*body)?;
                self.close(self.position());
                Ok(())
            }
        }
    }

    fn position(&self) -> usize {
        self.input.len() - self.reader.rest().len()
    }

    /// Goes to another place of the input and keeps what is read from there.
    fn seek(&mut self, to: usize) -> Result<(), DecodeError> {
        self.reader.go_to(self.input.get(to..).ok_or_else(no_such_bytes)?);
        self.open = to;
        Ok(())
    }

    /// Leaves out what was read from there on.
    fn skip_from(&mut self, at: usize) {
        if !self.is_silent {
            self.close(at);
            self.open = self.position();
        }
    }

    /// Ends the run of kept bytes.
    fn close(&mut self, at: usize) {
        if self.is_silent || at == self.open {
            return;
        }
        if self.closed.1 == self.open {
            self.closed.1 = at;
        } else {
            self.copy_closed();
            self.closed = (self.open, at);
        }
        self.open = at;
    }

    fn copy_closed(&mut self) {
        let closed = std::mem::take(&mut self.closed);
        self.out.extend_from_slice(self.input.get(closed.0..closed.1).unwrap_or_default());
    }

    /// Writes behind all that was kept.
    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), DecodeError> {
        if self.is_silent {
            return Ok(());
        }
        self.close(self.position());
        self.copy_closed();
        write(self.out);
        self.expect_room()
    }

    fn expect_room(&self) -> Result<(), DecodeError> {
        if self.out.len() <= self.max_written { Ok(()) } else { Err(too_much(self.max_written)) }
    }
}

/// Reads so many values; an error comes with the number of the value.
#[inline(always)]
fn each(count: usize, mut read: impl FnMut() -> Result<(), DecodeError>) -> Result<(), (usize, DecodeError)> {
    (0..count).try_for_each(|of| read().map_err(|error| (of, error)))
}
