//! Versions that no resolution can bridge: values of the older one become values of the newer one by a function that is written by
//! hand, where the manifest says `migrate`. Generated code reads with the writer's own version and asks for it.

use crate::event::index_of;
use crate::{DecodeError, DecodeErrorKind, Event};

/// Makes a value of an event's version of one of the version before it, where the manifest has that one in `migrate`.
///
/// ```
/// # struct V1 { amount: String }
/// # struct V2 { cents: i64 }
/// use eventwright_wire::{DecodeError, Migrate};
///
/// impl Migrate<V1> for V2 {
///     fn migrate(old: V1) -> Result<Self, DecodeError> {
///         let cents = old.amount.parse().map_err(|_| DecodeError::migration("the amount is no number"))?;
///         Ok(Self { cents })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the manifest says that `{Old}` is migrated by hand, and nobody has written how it becomes `{Self}`",
    label = "there is no `impl Migrate<{Old}> for {Self}`",
    note = "write `impl eventwright::Migrate<{Old}> for {Self}` in the crate that includes the events, or take the version \
            out of `migrate` in the manifest"
)]
pub trait Migrate<Old>: Sized {
    /// Returns what the older value is in this version.
    ///
    /// # Errors
    /// [`DecodeError::migration`] for a value that this version has no place for: the record is then one that cannot be decoded.
    fn migrate(old: Old) -> Result<Self, DecodeError>;
}

/// Returns what a value of an older version is in a version that reads it, by its bytes.
///
/// # Errors
/// What encoding the one and decoding the other return.
pub fn upgrade<Old: Event, New: Event>(old: &Old) -> Result<New, DecodeError> {
    let mut bytes = Vec::new();
    old.encode(&mut bytes).map_err(|error| DecodeError::new(DecodeErrorKind::Migration(error.to_string())))?;
    New::decode(const { index_of(Old::SCHEMA, New::WRITERS) }, &bytes)
}
