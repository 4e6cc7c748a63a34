//! The copies and the text checks of the codec, where std's cost more than the values themselves: most text is short and
//! ASCII, and a call for each of a hundred fields is what an event is slow by.
//!
//! This is the only file of the crate with unsafe code. Each block says why it holds, and `make miri` runs the tests of
//! this file and of the codec above it under Miri.
#![expect(unsafe_code, reason = "measured: an order is encoded in half the time, and decoded in four fifths of it")]

/// The longest varint: 64 bits, seven in a byte.
const MAX_VARINT: usize = 10;

/// The longest bytes whose length is one byte as a zigzag varint.
const MAX_SHORT: usize = 63;

/// Returns the bytes as text, if they are ASCII; most text is.
#[inline(always)]
pub(super) fn ascii(bytes: &[u8]) -> Option<&str> {
    // SAFETY: every byte below 0x80 is a character of UTF-8 by itself.
    is_ascii(bytes).then(|| unsafe { std::str::from_utf8_unchecked(bytes) })
}

/// Returns a copy of the text.
#[inline]
pub(super) fn owned_text(text: &str) -> String {
    let copy = owned(text.as_bytes());
    // SAFETY: the bytes are those of a `str`.
    unsafe { String::from_utf8_unchecked(copy) }
}

/// Returns a copy of the bytes.
#[inline]
pub(super) fn owned(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len());
    // SAFETY: the vector is new, so that it overlaps nothing, and has room for as many bytes; `copy_to` writes them all.
    unsafe {
        copy_to(bytes, copy.as_mut_ptr());
        copy.set_len(bytes.len());
    }
    copy
}

/// Whether no byte is above 0x7f. Of up to 64 bytes those at the start and those at the end are looked at, which overlap:
/// no loop, because most text is shorter than what a loop takes to begin.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    let bits = match bytes.len() {
        0..=3 => bytes.iter().fold(0, |all, byte| all | byte).into(),
        4..=7 => ends(bytes, |four| u32::from_ne_bytes(*four).into()),
        8..=15 => ends(bytes, |eight| u64::from_ne_bytes(*eight)),
        16..=31 => ends::<16>(bytes, words),
        32..=64 => ends::<32>(bytes, words),
        _ => return bytes.is_ascii(),
    };
    bits & 0x8080_8080_8080_8080 == 0
}

/// Returns the bits of the first and the last `N` bytes, laid over each other.
#[inline(always)]
fn ends<const N: usize>(bytes: &[u8], bits: impl Fn(&[u8; N]) -> u64) -> u64 {
    let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else { return u64::MAX };
    bits(first) | bits(last)
}

/// Returns the bits of all words of eight bytes, laid over each other.
#[inline(always)]
fn words<const N: usize>(bytes: &[u8; N]) -> u64 {
    bytes.as_chunks().0.iter().fold(0, |all, eight| all | u64::from_ne_bytes(*eight))
}

/// Copies the bytes: up to 32 of them in line, as two blocks of a fixed size that may overlap each other.
///
/// # Safety
/// `to` must be valid for writing `from.len()` bytes, none of which is in `from`.
#[inline(always)]
unsafe fn copy_to(from: &[u8], to: *mut u8) {
    let length = from.len();
    // SAFETY: each branch reads from the start and up to the end of `from`, no more than its length, and writes as many
    // to the same places behind `to`, for which the caller vouches.
    unsafe {
        match length {
            0 => {}
            1..=3 => copy_ends::<1>(from, to).add(length / 2).write(*from.as_ptr().add(length / 2)),
            4..=7 => drop(copy_ends::<4>(from, to)),
            8..=16 => drop(copy_ends::<8>(from, to)),
            17..=32 => drop(copy_ends::<16>(from, to)),
            _ => from.as_ptr().copy_to_nonoverlapping(to, length),
        }
    }
}

/// Copies the first and the last `N` bytes and returns `to`.
///
/// # Safety
/// As [`copy_to`], and `from` must have `N` bytes at least.
#[inline(always)]
unsafe fn copy_ends<const N: usize>(from: &[u8], to: *mut u8) -> *mut u8 {
    // SAFETY: both blocks are inside `from`, because it has `N` bytes, and inside what the caller vouches for.
    unsafe {
        from.as_ptr().copy_to_nonoverlapping(to, N);
        let last = from.len() - N;
        from.as_ptr().add(last).copy_to_nonoverlapping(to.add(last), N);
    }
    to
}

/// Appends to a vector, whose length is set when this is dropped: until then the end is in a register.
#[derive(Debug)]
pub(super) struct Output<'a> {
    vec: &'a mut Vec<u8>,
    /// Where the next byte goes: between the vector's length and its capacity, and all before it is written.
    next: *mut u8,
    /// Where the vector's capacity ends.
    end: *mut u8,
}

impl<'a> Output<'a> {
    #[inline]
    pub(super) fn new(vec: &'a mut Vec<u8>) -> Self {
        let (next, end) = free_room(vec);
        Self { vec, next, end }
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.room() < bytes.len() {
            return self.with_vec(|vec| vec.extend_from_slice(bytes));
        }
        // SAFETY: there is room for the bytes, and nobody else can have a reference to what lies behind the vector's end.
        unsafe {
            copy_to(bytes, self.next);
            self.next = self.next.add(bytes.len());
        }
    }

    /// Appends a varint, in line if it is one byte or two: rustc compiles what is in line again for every field.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
    pub(super) fn varint(&mut self, value: u64) {
        if value >= 1 << 14 || self.room() < 2 {
            return self.any_varint(value);
        }
        // SAFETY: there is room for two bytes.
        unsafe {
            if value < 0x80 {
                self.next.write(value as u8);
                self.next = self.next.add(1);
            } else {
                self.next.cast::<[u8; 2]>().write([value as u8 | 0x80, (value >> 7) as u8]);
                self.next = self.next.add(2);
            }
        }
    }

    #[inline(never)]
    fn any_varint(&mut self, value: u64) {
        if self.room() < MAX_VARINT {
            return self.with_vec(|vec| push_varint(value, vec));
        }
        // SAFETY: there is room for the longest varint.
        unsafe { self.write_varint(value) }
    }

    /// Appends the length of the bytes, as a zigzag varint, and the bytes, in line if the length is one byte.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the length is one byte")]
    pub(super) fn put_with_length(&mut self, bytes: &[u8]) {
        let length = bytes.len();
        if length > MAX_SHORT || self.room() <= MAX_SHORT {
            return self.put_any_with_length(bytes);
        }
        // SAFETY: there is room for a byte and the bytes; as in `put`.
        unsafe {
            self.next.write((length as u8) << 1);
            copy_to(bytes, self.next.add(1));
            self.next = self.next.add(1 + length);
        }
    }

    #[inline(never)]
    fn put_any_with_length(&mut self, bytes: &[u8]) {
        // No slice is longer than isize::MAX bytes, so that neither the sum nor the shift overflows.
        let (length, varint) = (bytes.len(), (bytes.len() as u64) << 1);
        if self.room() < MAX_VARINT + length {
            return self.with_vec(|vec| {
                push_varint(varint, vec);
                vec.extend_from_slice(bytes);
            });
        }
        // SAFETY: there is room for the longest varint and the bytes; as in `put`.
        unsafe {
            self.write_varint(varint);
            copy_to(bytes, self.next);
            self.next = self.next.add(length);
        }
    }

    #[inline(always)]
    fn room(&self) -> usize {
        self.end.addr() - self.next.addr()
    }

    /// Writes a varint without asking for room.
    ///
    /// # Safety
    /// There must be room for `MAX_VARINT` bytes.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
    unsafe fn write_varint(&mut self, mut value: u64) {
        // SAFETY: 64 bits are ten times seven at most, so that the loop writes nine bytes at most.
        unsafe {
            while value >= 0x80 {
                self.next.write(value as u8 | 0x80);
                self.next = self.next.add(1);
                value >>= 7;
            }
            self.next.write(value as u8);
            self.next = self.next.add(1);
        }
    }

    /// Writes by way of the vector itself, which makes room.
    #[cold]
    #[inline(never)]
    fn with_vec(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.set_length();
        write(self.vec);
        (self.next, self.end) = free_room(self.vec);
    }

    #[inline]
    fn set_length(&mut self) {
        let length = self.next.addr() - self.vec.as_ptr().addr();
        // SAFETY: `next` is not behind the capacity, and all bytes before it are written.
        unsafe { self.vec.set_len(length) }
    }
}

impl Drop for Output<'_> {
    #[inline]
    fn drop(&mut self) {
        self.set_length();
    }
}

/// Returns where a vector's next byte goes, and where its capacity ends.
#[inline]
fn free_room(vec: &mut Vec<u8>) -> (*mut u8, *mut u8) {
    let room = vec.spare_capacity_mut().as_mut_ptr_range();
    (room.start.cast(), room.end.cast())
}

#[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
fn push_varint(mut value: u64, vec: &mut Vec<u8>) {
    while value >= 0x80 {
        vec.push(value as u8 | 0x80);
        value >>= 7;
    }
    vec.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of that length, all of them different for as long as a byte lasts.
    fn counted(length: usize) -> Vec<u8> {
        (0..=127).cycle().take(length).collect()
    }

    #[test]
    fn copies_of_every_length_are_equal() {
        for length in 0..100 {
            assert_eq!(owned(&counted(length)), counted(length));
        }
    }

    #[test]
    fn what_is_ascii_is_text_and_nothing_else_is() {
        for length in (0..100).step_by(if cfg!(miri) { 7 } else { 1 }) {
            let all = counted(length);
            assert_eq!(ascii(&all).map(owned_text).as_deref(), std::str::from_utf8(&all).ok());
            for at in 0..length {
                let mut bytes = all.clone();
                bytes[at] = 0x80;
                assert_eq!(ascii(&bytes), None, "{bytes:?}");
            }
        }
    }

    #[test]
    fn varints_of_every_length_are_what_a_loop_makes() {
        for value in (0..64).flat_map(|bit| [1_u64 << bit, u64::MAX >> bit, 0x5555_5555_5555_5555 >> bit, 0]) {
            let (mut with_room, mut expected) = (Vec::with_capacity(64), Vec::new());
            Output::new(&mut with_room).varint(value);
            push_varint(value, &mut expected);
            assert_eq!(with_room, expected, "{value}");
        }
    }

    #[test]
    fn a_vector_grows_when_it_must_and_only_then() {
        // Miri is a thousand times slower.
        let step = if cfg!(miri) { 11 } else { 1 };
        let lengths = |capacity| (0..70).step_by(step).map(move |length| (capacity, length));
        for (capacity, length) in (0..160).step_by(step).flat_map(lengths) {
            let mut vec = Vec::with_capacity(capacity);
            vec.push(7);
            let (before, room) = (vec.capacity(), vec.capacity() - vec.len());
            let mut output = Output::new(&mut vec);
            output.put(&counted(length));
            output.varint(u64::MAX);
            output.put_with_length(&counted(length));
            drop(output);
            let mut expected = vec![7];
            expected.extend(counted(length));
            push_varint(u64::MAX, &mut expected);
            push_varint((length as u64) << 1, &mut expected);
            expected.extend(counted(length));
            assert_eq!(vec, expected);
            assert_eq!(vec.capacity() == before, expected.len() - 1 <= room, "{capacity} {length}");
        }
    }
}
