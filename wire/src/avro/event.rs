//! Events that are read from Avro, and where their bytes end.

use super::Reader;
use crate::{DecodeError, DecodeErrorKind, Event};

/// An event as Avro's bytes are read into it: the owned struct, or a form that borrows from the bytes. Implemented by
/// generated code only.
///
/// [`Event::decode`] takes bytes that hold one event and nothing else. Whoever has more behind it, or wants another limit of
/// depth than [`MAX_DEPTH`](super::MAX_DEPTH), makes the [`Reader`] and reads from it:
///
/// ```
/// # use eventwright_wire::DecodeError;
/// # use eventwright_wire::avro::{AvroEvent, Reader};
/// fn first<'a, E: AvroEvent<'a>>(writer: usize, bytes: &'a [u8]) -> Result<(E, &'a [u8]), DecodeError> {
///     let mut reader = Reader::with_depth_limit(bytes, 16);
///     let event = E::read(writer, &mut reader)?;
///     Ok((event, reader.rest()))
/// }
/// ```
pub trait AvroEvent<'a>: Sized {
    /// The owned struct: its [`Event::WRITERS`] are the writers of all forms.
    type Owned: Event;

    /// Reads one event that was written with `Owned::WRITERS[writer]` from the front of the reader.
    ///
    /// # Errors
    /// Bytes that are not what that schema writes, or a `writer` that is not an index of [`Event::WRITERS`].
    fn read(writer: usize, reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// Decodes bytes that hold one event and nothing else.
///
/// # Errors
/// As [`AvroEvent::read`], and bytes that are left behind the event.
#[inline]
pub fn decode_whole<'a, E: AvroEvent<'a>>(writer: usize, bytes: &'a [u8]) -> Result<E, DecodeError> {
    let mut reader = Reader::new(bytes);
    let decoded = E::read(writer, &mut reader);
    reader.finish(decoded)
}

/// Returns the error of a writer that a `match` over all known ones did not name.
#[cold]
#[must_use]
pub fn unknown_writer(writer: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::UnknownWriter(writer))
}
