//! Avro 1.12: the model of a schema, its parser, its canonical form, resolution, compatibility and the dynamic codec.

mod advice;
mod canonical;
pub mod compat;
pub(crate) mod diff;
pub mod dynamic;
mod model;
mod parse;
mod resolve;
mod witness;

pub use model::{Body, Field, Kind, Name, Named, NamedId, Node, Schema, Span};
pub(crate) use parse::is_well_formed;
pub use parse::{Outline, outline, parse, parse_with};
pub use resolve::{ResolveError, resolve};
#[cfg(feature = "manifest")]
pub(crate) use witness::witness;
