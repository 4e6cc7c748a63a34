//! What prost's derive takes for the crate `prost` in a message that keeps its unknown fields, by `#[prost(prost_path)]`:
//! prost, but for the trait `Message`.
//!
//! prost's derive implements [`Message`] of this module, which reads and writes the fields that the schema has, and generated
//! code implements `prost::Message` by it and [`UnknownFields`](super::UnknownFields). So the codec of every field is prost's own.

use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};

pub use prost::*;

/// The methods that prost's derive writes, with the signatures of `prost::Message`.
pub trait Message {
    /// Appends the message.
    fn encode_raw(&self, buf: &mut impl BufMut);

    /// Reads one field, whose key was read before, into the message.
    ///
    /// # Errors
    /// Bytes that are no such field.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> ::core::result::Result<(), DecodeError>;

    /// Returns how many bytes `encode_raw` appends.
    fn encoded_len(&self) -> usize;

    /// Sets all fields to their defaults.
    fn clear(&mut self);
}
