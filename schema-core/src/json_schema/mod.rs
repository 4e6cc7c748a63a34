//! JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12: parsing with places and compatibility.
//!
//! In: schema text and the texts that it refers to; nothing is fetched. Out: a [`Schema`], whose drafts are one model.

pub(crate) mod compat;
pub(crate) mod diff;
mod model;
mod parse;
mod witness;

pub use model::Schema;
pub use parse::parse;

#[cfg(test)]
mod tests;
