//! Decodes the keys of one topic's records, for handlers that ask for them.
//!
//! In: a key's bytes, framed with the id of the key's own schema. Out: the typed key, by the same steps as a value:
//! known writer, plan, or not at all. Only a handler that asks for the key sees an error, so that a key which cannot be
//! decoded never stands in the way of its value.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use eventwright_registry::{RegistryClient, RegistryError};
use eventwright_wire::{Event, framing};
use tokio::time::Instant;

use crate::Error;
use crate::decoder::{Decoder, Entry, How};
use crate::error::Kind;
use crate::handler::Row;

/// The keys of one topic.
pub(crate) struct Keys {
    topic: Arc<str>,
    registry: RegistryClient,
    /// By the address of the reader's schema: one for each type that handlers ask for.
    decoders: RwLock<HashMap<usize, Arc<Decoder>>>,
}

impl Keys {
    pub(crate) fn new(topic: Arc<str>, registry: RegistryClient) -> Self {
        Self { topic, registry, decoders: RwLock::default() }
    }

    /// Returns the topic, with its prefix.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Decodes a key.
    ///
    /// # Errors
    /// A key that is not framed or not of this type, or a registry that does not answer.
    pub(crate) async fn decode<K: Event>(&self, key: Option<&[u8]>) -> Result<K, Error> {
        let key = key.ok_or_else(|| self.undecodable::<K>("the record has no key"))?;
        let (id, payload) = framing::split_header(key).map_err(|error| self.undecodable::<K>(error))?;
        let decoder = self.decoder::<K>();
        let entry = match decoder.cached(id, Instant::now()) {
            Some(entry) => entry,
            None => decoder.load(id).await.map_err(|error| self.not_loaded(error))?,
        };
        let known = match &*entry {
            Entry::Avro(known) => known,
            Entry::Protobuf { .. } => {
                return Err(self.undecodable::<K>(format!("schema id {id} is Protobuf, and keys are Avro")));
            }
            Entry::Unknown(name) => return Err(self.undecodable::<K>(format!("schema id {id} is that of `{name}`"))),
            Entry::Unusable(_, reason) => {
                return Err(self.undecodable::<K>(format!("schema id {id}: {reason}")));
            }
        };
        let decoded = match &known.how {
            How::Writer(writer) => K::decode(*writer, payload),
            How::Transcoder(transcoder) => K::decode_with(transcoder, payload),
        };
        decoded.map_err(|error| self.undecodable::<K>(format!("schema id {id}: {error}")).with_source(error))
    }

    fn decoder<K: Event>(&self) -> Arc<Decoder> {
        let address = std::ptr::from_ref(K::SCHEMA).addr();
        let known = self.decoders.read().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        known.unwrap_or_else(|| {
            let row = Row { reader: K::SCHEMA, writers: K::WRITERS };
            let decoder = Arc::new(Decoder::new(self.registry.clone(), vec![row]));
            let mut decoders = self.decoders.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(decoders.entry(address).or_insert(decoder))
        })
    }

    fn undecodable<K: Event>(&self, reason: impl std::fmt::Display) -> Error {
        let (topic, name) = (&self.topic, K::SCHEMA.event);
        Error::new(Kind::Undecodable, format!("the key of a record of `{topic}` cannot be read as `{name}`: {reason}"))
    }

    fn not_loaded(&self, error: RegistryError) -> Error {
        let text = format!("cannot ask for the schema of a key of `{}`: {error}", self.topic);
        let retriable = error.is_retriable();
        let result = Error::new(Kind::Registry, text).with_source(error);
        if retriable { result.retriable() } else { result }
    }
}
