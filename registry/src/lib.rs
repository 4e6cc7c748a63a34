//! A Confluent-compatible schema registry: the client (feature `client`), and a server to embed (feature `server`).
//!
//! In: subjects, schemas and ids. Out: the same, over Confluent's REST API. The types of the API exist once, in `api`,
//! for both sides; [`RegistryClient`] is the only way that anything of Eventwright speaks to a registry.

#[cfg(any(feature = "client", feature = "server"))]
mod api;
#[cfg(feature = "client")]
mod client;
#[cfg(any(feature = "client", feature = "server"))]
mod error;
#[cfg(all(feature = "client", feature = "server"))]
mod in_process;
mod model;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "client")]
pub use client::{RegistryAuth, RegistryClient, RegistryConfig};
#[cfg(any(feature = "client", feature = "server"))]
pub use error::RegistryError;
pub use eventwright_schema::Reference;
pub use eventwright_wire::Format;
pub use eventwright_wire::framing::SchemaId;
#[cfg(all(feature = "client", feature = "server"))]
pub use in_process::InProcess;
pub use model::{
    CompatibilityAnswer, ReferenceEntry, ResolvedSchema, SchemaText, SubjectSchema, SubjectVersion, VersionSpec,
};
