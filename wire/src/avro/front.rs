//! Takes numbers, bytes and text from the front of a slice: what all decoding comes down to.
//!
//! In: the bytes that are left. Out: the value and the bytes behind it. No function takes the reader: it would have to be
//! in memory before and after every value then, and each value waits for where the one before it ended.
//!
//! What an event has most of is in line: numbers of one and two bytes, and short text that is ASCII.

use super::decode::{bad_length, too_long, unexpected_end};
use super::raw;
use crate::{DecodeError, DecodeErrorKind};

/// Takes a zigzag varint of 64 bits.
#[inline]
pub(super) fn long(bytes: &[u8]) -> Result<(i64, &[u8]), DecodeError> {
    let (value, rest) = varint(bytes)?;
    Ok(((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg(), rest))
}

/// Passes over a varint of 64 bits.
#[inline]
pub(super) fn pass_long(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    const LAST_BYTE: u64 = 0x8080_8080_8080_8080;
    let last = bytes.first_chunk().map_or(0, |chunk| !u64::from_le_bytes(*chunk) & LAST_BYTE);
    match bytes.get(last.trailing_zeros() as usize / 8 + 1..) {
        Some(rest) if last != 0 => Ok(rest),
        _ => long(bytes).map(|(_, rest)| rest),
    }
}

/// Passes over a zigzag varint of 32 bits.
#[inline]
pub(super) fn pass_int(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    let (value, rest) = long(bytes)?;
    i32::try_from(value).map(|_| rest).map_err(|_| too_long())
}

/// Takes a length and as many bytes.
#[inline]
pub(super) fn bytes(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    match short_bytes(bytes) {
        Some(both) => Ok(both),
        None => any_bytes(bytes),
    }
}

/// Takes a length and as many bytes of UTF-8.
#[inline(always)]
pub(super) fn text(bytes: &[u8]) -> Result<(&str, &[u8]), DecodeError> {
    match short_text(bytes) {
        Some(both) => Ok(both),
        None => any_text(bytes),
    }
}

/// Takes a number that is one byte long and not negative; `None` where another one stands there, or nothing.
#[inline(always)]
pub(super) fn small(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [byte, rest @ ..] if byte & 0x81 == 0 => Some((usize::from(byte >> 1), rest)),
        _ => None,
    }
}

#[inline(always)]
fn short_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = small(bytes)?;
    rest.split_at_checked(length)
}

#[inline(always)]
fn short_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (taken, rest) = short_bytes(bytes)?;
    Some((raw::ascii(taken)?, rest))
}

#[inline(never)]
fn any_bytes(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (length, rest) = long(bytes)?;
    let at = usize::try_from(length).map_err(|_| bad_length(length))?;
    rest.split_at_checked(at).ok_or_else(|| bad_length(length))
}

#[inline(never)]
fn any_text(bytes: &[u8]) -> Result<(&str, &[u8]), DecodeError> {
    let (taken, rest) = self::bytes(bytes)?;
    Ok((std::str::from_utf8(taken).map_err(|_| not_utf8())?, rest))
}

#[inline]
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    match bytes {
        [a, rest @ ..] if *a < 0x80 => Ok((u64::from(*a), rest)),
        [a, b, rest @ ..] if *b < 0x80 => Ok((u64::from(*a & 0x7f) | u64::from(*b) << 7, rest)),
        _ => any_varint(bytes),
    }
}

#[inline(never)]
fn any_varint(bytes: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    if let Some(eight) = bytes.first_chunk()
        && let Some((value, length)) = varint_in(u64::from_le_bytes(*eight))
        && let Some(rest) = bytes.get(length..)
    {
        return Ok((value, rest));
    }
    let mut value = 0;
    let mut left = bytes.iter();
    for shift in (0..=63).step_by(7) {
        let byte = *left.next().ok_or_else(unexpected_end)?;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value, left.as_slice()));
        }
    }
    Err(too_long())
}

/// Returns the varint that a word of eight bytes begins with, and its length, if it ends in the word: most times are as
/// long. Seven bits of each byte are moved together by halves, in three steps.
#[inline]
fn varint_in(word: u64) -> Option<(u64, usize)> {
    const LAST_OF_BYTE: u64 = 0x8080_8080_8080_8080;
    let ends = !word & LAST_OF_BYTE;
    if ends == 0 {
        return None;
    }
    let last_bit = ends.trailing_zeros();
    let sevens = word & !LAST_OF_BYTE & (u64::MAX >> (63 - last_bit));
    let fourteens = sevens & 0x007f_007f_007f_007f | (sevens & 0x7f00_7f00_7f00_7f00) >> 1;
    let halves = fourteens & 0x0000_3fff_0000_3fff | (fourteens & 0x3fff_0000_3fff_0000) >> 2;
    let value = halves & 0x0fff_ffff | (halves & 0x0fff_ffff_0000_0000) >> 4;
    Some((value, last_bit as usize / 8 + 1))
}

#[cold]
fn not_utf8() -> DecodeError {
    DecodeError::new(DecodeErrorKind::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_of_every_length_are_read() {
        let check = |bytes: &[u8], expected| assert_eq!(long(bytes), Ok((expected, [].as_slice())));
        check(&[0], 0);
        check(&[1], -1);
        check(&[0x7f], -64);
        check(&[0x80, 1], 64);
        check(&[0xfe, 0xff, 0xff, 0xff, 0x0f], i64::from(i32::MAX));
        check(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], i64::MAX);
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], i64::MIN);
    }

    #[test]
    fn varints_are_read_alike_with_and_without_bytes_behind_them() {
        for value in (0..64).flat_map(|bit| [1_u64 << bit, u64::MAX >> bit, 0x5555_5555_5555_5555 >> bit]) {
            let mut bytes = Vec::new();
            let groups = (64 - value.leading_zeros()).div_ceil(7).max(1);
            bytes.extend((0..groups).map(|group| u8::try_from(value >> (7 * group) & 0x7f).unwrap() | 0x80));
            *bytes.last_mut().unwrap() &= 0x7f;
            let length = bytes.len();
            for behind in 0..10 {
                bytes.truncate(length);
                bytes.extend(std::iter::repeat_n(0xff, behind));
                assert_eq!(varint(&bytes), Ok((value, bytes.get(length..).unwrap())));
            }
        }
    }

    #[test]
    fn text_of_every_length_is_read_and_cut_text_is_refused() {
        for text in
            (0..200).step_by(if cfg!(miri) { 9 } else { 1 }).flat_map(|length| ["a".repeat(length), "ü".repeat(length)])
        {
            let mut bytes = Vec::new();
            crate::avro::Writer::new(&mut bytes).string(&text);
            bytes.push(99);
            assert_eq!(super::text(&bytes), Ok((text.as_str(), [99].as_slice())));
            assert!(super::text(&bytes[..bytes.len() - 2]).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_that_are_too_long_or_cut_are_refused() {
        let kind = |bytes: &[u8]| long(bytes).unwrap_err().kind().clone();
        assert_eq!(kind(&[]), DecodeErrorKind::UnexpectedEnd);
        assert_eq!(kind(&[0x80]), DecodeErrorKind::UnexpectedEnd);
        assert_eq!(kind(&[0xff; 9]), DecodeErrorKind::UnexpectedEnd);
        assert_eq!(kind(&[0xff; 11]), DecodeErrorKind::IntegerTooLong);
        assert_eq!(kind(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), DecodeErrorKind::IntegerTooLong);
        assert!(super::super::Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x10]).int().is_err());
    }
}
