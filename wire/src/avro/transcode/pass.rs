//! Passes over values that nobody reads: finds where they end, and checks what nobody else will.
//!
//! In: a body of a program and the bytes that are left. Out: the bytes behind it. As in `front`, where a value ends does
//! not go through memory.

use super::super::plan::{unresolvable, wrong_plan};
use super::super::{Reader, front};
use super::program::{BodyId, Branch, Op, Program};
use crate::DecodeError;

/// Passes over what a body reads, at the front of the reader.
pub(super) fn pass_over(program: &Program, body: BodyId, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let bytes = reader.rest();
    let rest = Pass { program, reader }.body(body, bytes)?;
    reader.go_to(rest);
    Ok(())
}

struct Pass<'p, 'r, 'a> {
    program: &'p Program,
    /// Counts the depth and the items of no bytes; its bytes are not those that are left.
    reader: &'r mut Reader<'a>,
}

impl<'a> Pass<'_, '_, 'a> {
    fn body(&mut self, id: BodyId, mut left: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let (program, body) = (self.program, self.program.body(id)?);
        for (at, op) in body.ops.iter().enumerate() {
            left = self.op(op, left).map_err(|(of, error)| program.located(error, body, at, of))?;
        }
        Ok(left)
    }

    /// Passes over one operation; an error comes with the number of the value that it is in.
    #[inline(always)]
    fn op(&mut self, op: &Op, left: &'a [u8]) -> Result<&'a [u8], (usize, DecodeError)> {
        match op {
            Op::Longs(count) => return each(*count, left, front::pass_long),
            Op::Blobs(count) => return each(*count, left, |left| Ok(front::bytes(left)?.1)),
            Op::Int => front::pass_int(left),
            Op::Union(branches) => self.union(branches, left),
            Op::Array { item, min_size } => self.array(*item, *min_size, left),
            Op::Map(value) => self.map(*value, left),
            Op::Call(body) | Op::LeaveOut(body) => self.body(*body, left),
            Op::Nested(body) => self.nested(*body, left),
            Op::Fail(what) => Err(unresolvable(what)),
            other => self.by_reader(left, |reader| match other {
                Op::Fixed(size) => reader.fixed(*size).map(drop),
                Op::Boolean => reader.boolean().map(drop),
                Op::Index(count) => reader.index(*count).map(drop),
                _ => Err(wrong_plan("the program keeps what nobody reads")),
            }),
        }
        .map_err(|error| (0, error))
    }

    /// Reads with the reader, at what is left.
    fn by_reader<T>(
        &mut self,
        left: &'a [u8],
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<&'a [u8], DecodeError> {
        self.reader.go_to(left);
        read(self.reader)?;
        Ok(self.reader.rest())
    }

    fn nested(&mut self, body: BodyId, left: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        self.reader.descend()?;
        let left = self.body(body, left)?;
        self.reader.ascend();
        Ok(left)
    }

    fn array(&mut self, item: BodyId, min_size: usize, mut left: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let mut length = 0;
        loop {
            let (count, items) = self.block(min_size, left)?;
            left = items;
            if count == 0 {
                return Ok(left);
            }
            for _ in 0..count {
                left = self.body(item, left).map_err(|error| error.in_item(length))?;
                length += 1;
            }
        }
    }

    fn map(&mut self, value: BodyId, mut left: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        loop {
            let (count, entries) = self.block(1, left)?;
            left = entries;
            if count == 0 {
                return Ok(left);
            }
            for _ in 0..count {
                let (key, behind) = front::bytes(left)?;
                let passed = self.body(value, behind);
                left = passed.map_err(|error| error.in_key(&String::from_utf8_lossy(key)))?;
            }
        }
    }

    /// Reads the header of a block; no items end the array or map.
    fn block(&mut self, min_size: usize, left: &'a [u8]) -> Result<(usize, &'a [u8]), DecodeError> {
        self.reader.go_to(left);
        let count = self.reader.block(min_size)?;
        Ok((count.unwrap_or(0), self.reader.rest()))
    }

    fn union(&mut self, branches: &[Branch], left: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        self.reader.go_to(left);
        let index = self.reader.index(branches.len())?;
        let branch = branches.get(index).ok_or_else(|| wrong_plan("the plan has no such branch"))?;
        self.body(branch.value, self.reader.rest())
    }
}

/// Passes over so many values; an error comes with the number of the value.
#[inline(always)]
fn each<'a>(
    count: usize,
    left: &'a [u8],
    pass: impl Fn(&'a [u8]) -> Result<&'a [u8], DecodeError>,
) -> Result<&'a [u8], (usize, DecodeError)> {
    (0..count).try_fold(left, |left, of| pass(left).map_err(|error| (of, error)))
}
