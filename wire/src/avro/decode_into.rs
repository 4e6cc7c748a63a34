//! Decoding into a value that is there already: its text, bytes and lists keep their memory.

use super::Reader;
use crate::DecodeError;

/// A value that takes another one's place without giving its memory back. Implemented by generated code only.
pub trait DecodeInto {
    /// Reads one value over this one.
    ///
    /// # Errors
    /// Bytes that are not what the schema writes. The value is then a mix of what it was and what was read.
    fn decode_into(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError>;
}

impl Reader<'_> {
    /// Reads text over other text.
    ///
    /// # Errors
    /// As [`Reader::str`].
    #[inline]
    pub fn string_into(&mut self, place: &mut String) -> Result<(), DecodeError> {
        let text = self.str()?;
        place.clear();
        place.push_str(text);
        Ok(())
    }

    /// Reads bytes over other bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    #[inline]
    pub fn bytes_into(&mut self, place: &mut Vec<u8>) -> Result<(), DecodeError> {
        let bytes = self.bytes()?;
        place.clear();
        place.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads an array over a list: `over` reads an item over one that is there, `item` reads those behind them; `min_size`
    /// is the fewest bytes that an item takes.
    ///
    /// # Errors
    /// As [`Reader::items`].
    #[inline]
    pub fn items_into<T>(
        &mut self,
        min_size: usize,
        place: &mut Vec<T>,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
        mut over: impl FnMut(&mut Self, &mut T) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut length = 0;
        while let Some(count) = self.block(min_size)? {
            let new = (length + count).saturating_sub(place.len());
            let ahead = self.reserve(place, new);
            for _ in 0..count {
                let read = match place.get_mut(length) {
                    Some(old) => over(self, old),
                    None => item(self).map(|new| place.push(new)),
                };
                read.map_err(|error| error.in_item(length))?;
                length += 1;
            }
            self.came(ahead);
        }
        place.truncate(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_was_read_whatever_it_was_before() {
        let long = |reader: &mut Reader<'_>, place: &mut i64| reader.long().map(|value| *place = value);
        for before in [vec![], vec![9], vec![9, 8, 7, 6, 5]] {
            let mut list = before.clone();
            // Two blocks, of one item and of two.
            let mut reader = Reader::new(&[2, 2, 4, 4, 6, 0, 99]);
            reader.items_into(1, &mut list, Reader::long, long).unwrap();
            assert_eq!((list.as_slice(), reader.rest()), ([1, 2, 3].as_slice(), [99].as_slice()), "{before:?}");
            let error = Reader::new(&[4, 2, 0x80]).items_into(1, &mut list, Reader::long, long).unwrap_err();
            assert_eq!(error.path(), "[1]");
        }
    }

    #[test]
    fn memory_is_kept() {
        let mut text = String::with_capacity(64);
        Reader::new(&[4, b'a', b'b']).string_into(&mut text).unwrap();
        assert_eq!((text.as_str(), text.capacity()), ("ab", 64));
        let mut bytes = vec![7; 64];
        Reader::new(&[4, 1, 2]).bytes_into(&mut bytes).unwrap();
        assert_eq!((bytes.as_slice(), bytes.capacity()), ([1, 2].as_slice(), 64));
    }
}
