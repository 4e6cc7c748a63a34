//! Reads the binary encoding from a slice (Avro 1.12, "Binary Encoding").
//!
//! In: bytes from anybody. Out: values, or an error; never a panic, and never more memory than the bytes justify:
//! lengths are compared with what is left before anything is allocated.

use std::collections::BTreeMap;

use super::{BorrowedMap, MAX_DEPTH, front, raw};
use crate::{DecodeError, DecodeErrorKind};

/// How many items of zero bytes (nulls, empty records) one datum may hold in all: nothing in the bytes pays for them.
pub(crate) const MAX_EMPTY_ITEMS: usize = 1 << 10;

/// How much memory is allocated ahead of what is read into it; after that a list grows as its items arrive. It is that of all
/// lists that are being read: those in each other are justified by the same bytes, so that each alone would multiply them.
const MAX_RESERVED: usize = 128 << 10;

/// How many entries of a map are allocated ahead: nobody knows how few bytes they take.
const MAX_RESERVED_ENTRIES: usize = 16;

/// How many bytes may come out of few: defaults and indexes that the writer did not write are no amplifier.
const MAX_ADDED: usize = 16 << 20;

/// How many bytes may come out of each one of many.
const MAX_ADDED_PER_BYTE: usize = 64;

/// Reads values from the front of a slice.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// How many bytes there were at the start.
    length: usize,
    /// How many records deeper it may go.
    depth_left: u32,
    empty_items: usize,
    added: usize,
    /// How much memory the lists that are being read have for items that may still come.
    reserved: usize,
}

impl<'a> Reader<'a> {
    /// Returns a reader at the start of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::with_depth_limit(bytes, MAX_DEPTH)
    }

    /// Returns a reader at the start of `bytes` that goes no more than `limit` records deep, in place of
    /// [`MAX_DEPTH`]. Each level takes stack, and a stack that ends ends the process: raise the limit only for a thread
    /// whose stack you have measured.
    #[inline]
    #[must_use]
    pub const fn with_depth_limit(bytes: &'a [u8], limit: u32) -> Self {
        Self { bytes, length: bytes.len(), depth_left: limit, empty_items: 0, added: 0, reserved: 0 }
    }

    /// Goes to other bytes, as deep in records as it is.
    pub(super) const fn go_to(&mut self, bytes: &'a [u8]) {
        self.bytes = bytes;
    }

    /// Returns how many items of zero bytes there were so far.
    pub(super) const fn empty_items(&self) -> usize {
        self.empty_items
    }

    /// Forgets items of zero bytes, for whoever reads them again.
    pub(super) const fn set_empty_items(&mut self, count: usize) {
        self.empty_items = count;
    }

    /// Returns the bytes that are not read yet.
    #[inline]
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns what was decoded, if nothing is left behind it: bytes that were framed with the id of another schema than
    /// the one they were written with would otherwise lose fields without a word.
    ///
    /// # Errors
    /// The error that was decoded, or bytes that are left.
    #[inline]
    pub fn finish<T>(&self, decoded: Result<T, DecodeError>) -> Result<T, DecodeError> {
        if self.bytes.is_empty() { decoded } else { decoded.and_then(|_| Err(trailing_bytes(self.bytes.len()))) }
    }

    /// Reads a boolean: one byte, 0 or 1.
    ///
    /// # Errors
    /// No byte left, or another byte.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [byte] => Err(DecodeError::new(DecodeErrorKind::BadBoolean(byte))),
        }
    }

    /// Reads an int: a zigzag varint within 32 bits.
    ///
    /// # Errors
    /// Too few bytes, or a value outside 32 bits.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        i32::try_from(self.long()?).map_err(|_| too_long())
    }

    /// Reads a long: a zigzag varint within 64 bits.
    ///
    /// # Errors
    /// Too few bytes, or a value outside 64 bits.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        let (value, rest) = front::long(self.bytes)?;
        self.bytes = rest;
        Ok(value)
    }

    /// Passes a long over whose value somebody else reads.
    ///
    /// # Errors
    /// Too few bytes, or a value outside 64 bits.
    #[inline]
    pub(super) fn pass_long(&mut self) -> Result<(), DecodeError> {
        self.bytes = front::pass_long(self.bytes)?;
        Ok(())
    }

    /// Reads a float: 4 bytes, little-endian.
    ///
    /// # Errors
    /// Too few bytes.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        self.array().map(f32::from_le_bytes)
    }

    /// Reads a double: 8 bytes, little-endian.
    ///
    /// # Errors
    /// Too few bytes.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads a length and as many bytes.
    ///
    /// # Errors
    /// A length that is negative or longer than what is left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = front::bytes(self.bytes)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads a length and as many bytes of UTF-8.
    ///
    /// # Errors
    /// A length that is negative or longer than what is left, or bytes that are not UTF-8.
    // What is always in line is so without optimisation as well, and takes stack of its own wherever it stands then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        let (text, rest) = front::text(self.bytes)?;
        self.bytes = rest;
        Ok(text)
    }

    /// Reads an owned string.
    ///
    /// # Errors
    /// As [`Reader::str`].
    #[inline(never)]
    pub fn string(&mut self) -> Result<String, DecodeError> {
        self.str().map(raw::owned_text)
    }

    /// Reads exactly `N` bytes: a fixed whose size is known at build time.
    ///
    /// # Errors
    /// Too few bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or_else(unexpected_end)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// Reads exactly `size` bytes.
    ///
    /// # Errors
    /// Too few bytes.
    #[inline]
    pub fn fixed(&mut self, size: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.bytes.split_at_checked(size).ok_or_else(unexpected_end)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads the index of an enum's symbol or a union's branch.
    ///
    /// # Errors
    /// An index outside `0..count`.
    #[inline]
    pub fn index(&mut self, count: usize) -> Result<usize, DecodeError> {
        if let Some((index, rest)) = front::small(self.bytes)
            && index < count
        {
            self.bytes = rest;
            return Ok(index);
        }
        let index = self.long()?;
        let found = usize::try_from(index).ok().filter(|&found| found < count);
        found.ok_or_else(|| bad_index(index, count))
    }

    /// Reads the blocks of an array; `min_size` is the fewest bytes that an item takes.
    ///
    /// # Errors
    /// A count that the bytes cannot justify, or what `item` returns, with the item's index in the path.
    #[inline(never)]
    pub fn items<T>(
        &mut self,
        min_size: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::new();
        while let Some(count) = self.block(min_size)? {
            let ahead = self.reserve(&mut items, count);
            for _ in 0..count {
                match item(self) {
                    Ok(value) => items.push(value),
                    Err(error) => return Err(error.in_item(items.len())),
                }
            }
            self.came(ahead);
        }
        Ok(items)
    }

    /// Reads the blocks of a map; of two equal keys the later one holds.
    ///
    /// # Errors
    /// A count that the bytes cannot justify, or what `value` returns, with the key in the path.
    #[inline(never)]
    pub fn entries<T>(
        &mut self,
        mut value: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<BTreeMap<String, T>, DecodeError> {
        let mut entries = BTreeMap::new();
        while let Some(count) = self.block(1)? {
            for _ in 0..count {
                let key = self.string()?;
                match value(self) {
                    Ok(value) => entries.insert(key, value),
                    Err(error) => return Err(error.in_key(&key)),
                };
            }
        }
        Ok(entries)
    }

    /// As [`Reader::entries`], with keys that borrow from the bytes.
    ///
    /// # Errors
    /// As [`Reader::entries`].
    #[inline]
    pub fn borrowed_entries<T>(
        &mut self,
        mut value: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<BorrowedMap<'a, T>, DecodeError> {
        let mut entries = Vec::new();
        while let Some(count) = self.block(1)? {
            let ahead = self.reserve(&mut entries, count.min(MAX_RESERVED_ENTRIES));
            for _ in 0..count {
                let key = self.str()?;
                match value(self) {
                    Ok(value) => entries.push((key, value)),
                    Err(error) => return Err(error.in_key(key)),
                }
            }
            self.came(ahead);
        }
        Ok(BorrowedMap::from(entries))
    }

    /// Reads the header of a block and returns how many items follow; `None` ends the array or map.
    ///
    /// # Errors
    /// A count or a size that the bytes that are left cannot hold.
    #[inline]
    pub fn block(&mut self, min_size: usize) -> Result<Option<usize>, DecodeError> {
        if let Some((count, rest)) = front::small(self.bytes)
            && min_size > 0
            && count.saturating_mul(min_size) <= rest.len()
        {
            self.bytes = rest;
            return Ok((count > 0).then_some(count));
        }
        self.any_block(min_size)
    }

    #[inline(never)]
    fn any_block(&mut self, min_size: usize) -> Result<Option<usize>, DecodeError> {
        Ok(self.block_header(min_size)?.map(|(count, _)| count))
    }

    /// As [`Reader::block`]; says also whether the header has a size.
    #[inline(always)]
    pub(super) fn block_header(&mut self, min_size: usize) -> Result<Option<(usize, bool)>, DecodeError> {
        let count = self.long()?;
        if count == 0 {
            return Ok(None);
        }
        // A negative count is followed by the block's size in bytes, for readers that skip.
        if count < 0 {
            let size = self.long()?;
            usize::try_from(size).ok().filter(|&size| size <= self.bytes.len()).ok_or_else(|| bad_length(size))?;
        }
        let items = usize::try_from(count.unsigned_abs()).map_err(|_| bad_length(count))?;
        match self.bytes.len().checked_div(min_size) {
            Some(most) if items > most => return Err(bad_length(count)),
            Some(_) => {}
            None => self.count_empty_items(items, count)?,
        }
        Ok(Some((items, count < 0)))
    }

    /// Goes one record deeper. Generated code calls it for recursive types only.
    ///
    /// # Errors
    /// More records inside each other than the limit.
    #[inline]
    pub fn descend(&mut self) -> Result<(), DecodeError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(too_deep)?;
        Ok(())
    }

    /// Comes back from [`Reader::descend`]. An error does not come back: whatever is read behind it is less deep.
    #[inline]
    pub const fn ascend(&mut self) {
        self.depth_left += 1;
    }

    /// Reads a value onto the heap, outside the function that asks for it: a record that holds itself keeps no place for
    /// another one on the stack, and so can nest deeper.
    ///
    /// # Errors
    /// What `read` returns.
    #[inline(never)]
    pub fn boxed<T>(&mut self, read: fn(&mut Self) -> Result<T, DecodeError>) -> Result<Box<T>, DecodeError> {
        read(self).map(Box::new)
    }

    /// Skips the blocks of an array or map, item by item: a size that a block gives is not believed.
    ///
    /// # Errors
    /// As [`Reader::block`], and what `item` returns.
    #[inline]
    pub fn skip_blocks(
        &mut self,
        min_size: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some(count) = self.block(min_size)? {
            for _ in 0..count {
                item(self)?;
            }
        }
        Ok(())
    }

    /// Counts so many bytes of defaults, in the reader's encoding. Generated code calls it where each of many items may have
    /// them, and they are long.
    ///
    /// # Errors
    /// More than 16 MiB and than 64 times the bytes that the reader was made for.
    #[inline]
    pub fn add(&mut self, defaults: usize) -> Result<(), DecodeError> {
        self.added = self.added.saturating_add(defaults);
        let most = max_added(self.length);
        if self.added <= most { Ok(()) } else { Err(too_much(most)) }
    }

    /// Makes room for items that follow, as far as lists may, and counts it; whoever has read them says so ([`Reader::came`]).
    /// In one step for the first block, which is the only one as a rule. For more it is not `reserve_exact`: of many small
    /// blocks each would copy all items before it.
    #[inline]
    pub(super) fn reserve<T>(&mut self, items: &mut Vec<T>, count: usize) -> usize {
        let size = size_of::<T>().max(1);
        // Half of what is left: of long lists, those in their items have room as well.
        let count = count.min((MAX_RESERVED - self.reserved) / 2 / size);
        if items.capacity() == 0 {
            *items = Vec::with_capacity(count)
        } else {
            items.reserve(count)
        }
        self.reserved += count * size;
        count * size
    }

    /// Says that what there was room for is read. An error does not say so: whatever is read behind it has less room ahead.
    #[inline]
    pub(super) const fn came(&mut self, ahead: usize) {
        self.reserved = self.reserved.saturating_sub(ahead);
    }

    fn count_empty_items(&mut self, items: usize, count: i64) -> Result<(), DecodeError> {
        self.empty_items = self.empty_items.saturating_add(items);
        if self.empty_items > MAX_EMPTY_ITEMS { Err(bad_length(count)) } else { Ok(()) }
    }
}

/// Returns how many bytes may come out of so many.
pub(super) fn max_added(length: usize) -> usize {
    length.saturating_mul(MAX_ADDED_PER_BYTE).max(MAX_ADDED)
}

/// Returns the error of an index that a `match` over all symbols or branches did not name.
#[cold]
#[must_use]
pub fn no_such_index(index: usize, count: usize) -> DecodeError {
    bad_index(i64::try_from(index).unwrap_or(i64::MAX), count)
}

#[cold]
fn bad_index(index: i64, count: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::BadIndex { index, count })
}

#[cold]
pub(super) fn too_much(most: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::TooMuch(most))
}

#[cold]
pub(super) fn too_long() -> DecodeError {
    DecodeError::new(DecodeErrorKind::IntegerTooLong)
}

#[cold]
fn trailing_bytes(count: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::TrailingBytes(count))
}

#[cold]
fn too_deep() -> DecodeError {
    DecodeError::new(DecodeErrorKind::TooDeep)
}

#[cold]
pub(super) fn unexpected_end() -> DecodeError {
    DecodeError::new(DecodeErrorKind::UnexpectedEnd)
}

#[cold]
pub(super) fn bad_length(length: i64) -> DecodeError {
    DecodeError::new(DecodeErrorKind::BadLength(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_is_passed_over_where_it_would_be_read() {
        for length in 0..12 {
            for more in 0..12 {
                let bytes = [vec![0x80; length], vec![1], vec![0xff; more]].concat();
                let (mut passed, mut read) = (Reader::new(&bytes), Reader::new(&bytes));
                assert_eq!(passed.pass_long(), read.long().map(drop), "{bytes:?}");
                assert_eq!(passed.rest(), read.rest(), "{bytes:?}");
            }
            let cut = vec![0x80; length];
            assert_eq!(Reader::new(&cut).pass_long(), Reader::new(&cut).long().map(drop), "{cut:?}");
        }
    }

    #[test]
    fn hostile_lengths_are_refused_before_anything_is_allocated() {
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert!(Reader::new(&huge).bytes().is_err());
        assert!(Reader::new(&huge).items(1, Reader::long).is_err());
        assert!(Reader::new(&huge).items(0, |_| Ok(())).is_err());
        let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
        assert!(Reader::new(&lowest).items(0, |_| Ok(())).is_err());
        assert!(Reader::new(&[1]).bytes().is_err());
        assert!(Reader::new(&[1, 0, 0]).str().is_err());
        assert!(Reader::new(&[4, 0, 0]).items(2, Reader::long).is_err());
        assert!(Reader::new(&[4, 0, 0]).items(usize::MAX, Reader::long).is_err());
    }

    #[test]
    fn lists_in_each_other_share_what_is_allocated_ahead() {
        type Item = [u64; 16];
        let (mut outer, mut inner) = (Vec::<Item>::new(), Vec::<Item>::new());
        let mut reader = Reader::new(&[]);
        let ahead = reader.reserve(&mut outer, 10_000);
        let more = reader.reserve(&mut inner, 10_000);
        assert_eq!((ahead, more), (MAX_RESERVED / 2, MAX_RESERVED / 4));
        assert_eq!((outer.capacity(), inner.capacity()), (512, 256));
        let others: usize = (0..100).map(|_| reader.reserve(&mut Vec::<Item>::new(), 10_000)).sum();
        assert!(ahead + more + others <= MAX_RESERVED);
        let mut reader = Reader::new(&[]);
        for _ in 0..100 {
            let ahead = reader.reserve(&mut Vec::<Item>::new(), 10_000);
            assert_eq!(ahead, MAX_RESERVED / 2);
            reader.came(ahead);
        }
    }

    #[test]
    fn blocks_with_sizes_are_read_like_blocks_without() {
        let mut reader = Reader::new(&[3, 4, 2, 4, 2, 6, 0, 99]);
        assert_eq!(reader.items(1, Reader::long), Ok(vec![1, 2, 3]));
        assert_eq!(reader.rest(), [99]);
    }

    #[test]
    fn the_path_names_the_item_and_the_key() {
        let error = Reader::new(&[4, 2, 0x80]).items(1, Reader::long).unwrap_err();
        assert_eq!(error.path(), "[1]");
        let error = Reader::new(&[2, 2, b'a', 0x80]).entries(Reader::long).unwrap_err();
        assert_eq!(error.to_string(), "`[\"a\"]`: the bytes end in the middle of a value");
    }
}
