//! Typed functions that mend events before they are replayed.
//!
//! In: the bytes of a letter, in any version that the event reads, those of a `Migrate` chain included. Out: the bytes of
//! the newest version, of what the function made of it. So a function that changes nothing upgrades the schema.

use std::fmt::Display;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use eventwright_registry::RegistryClient;
use eventwright_wire::{EncodeError, Event, EventSchema, framing};
use tokio::time::Instant;

use super::super::letter::Letter;
use super::{Reworked, Rewritten, unanswered};
use crate::decoder::{Decoder, Entry, How, Known};
use crate::handler::Row;
use crate::{Error, Settings, register, registry};

/// A typed function with its type erased.
pub(crate) trait Fixer: Send + Sync {
    fn row(&self) -> Row;

    fn key_schema(&self) -> Option<&'static EventSchema>;

    fn fix(&self, how: &How, payload: &[u8], letter: &Letter, frames: &Frames) -> Result<Rewritten, String>;
}

/// What stands before the bytes of values and keys.
#[derive(Debug)]
pub(crate) struct Frames {
    value: Vec<u8>,
    key: Option<Vec<u8>>,
}

struct Typed<E, F> {
    fix: F,
    event: PhantomData<fn(E) -> E>,
}

/// Returns a typed function with its type erased.
pub(crate) fn fixer<E: Event, X: Display>(
    fix: impl Fn(E, &Letter) -> Result<E, X> + Send + Sync + 'static,
) -> Box<dyn Fixer> {
    Box::new(Typed { fix, event: PhantomData })
}

impl<E, F, X> Fixer for Typed<E, F>
where
    E: Event,
    X: Display,
    F: Fn(E, &Letter) -> Result<E, X> + Send + Sync,
{
    fn row(&self) -> Row {
        Row { reader: E::SCHEMA, writers: E::WRITERS }
    }

    fn key_schema(&self) -> Option<&'static EventSchema> {
        E::KEY_SCHEMA
    }

    fn fix(&self, how: &How, payload: &[u8], letter: &Letter, frames: &Frames) -> Result<Rewritten, String> {
        let event = match how {
            How::Writer(writer) => E::decode(*writer, payload),
            How::Transcoder(transcoder) => E::decode_with(transcoder, payload),
        };
        let event = event.map_err(|error| format!("it cannot be decoded: {error}"))?;
        let unencoded = |error: EncodeError| format!("it cannot be encoded: {error}");
        let old_key = key(&event).map_err(unencoded)?;
        let event = (self.fix)(event, letter).map_err(|why| why.to_string())?;
        let mut value = frames.value.clone();
        event.encode(&mut value).map_err(unencoded)?;
        // The key's bytes stay as they were where the key is the same, so that the record stays in its partition.
        let new_key = key(&event).map_err(unencoded)?.filter(|new| Some(new) != old_key.as_ref());
        let framed = |key: Vec<u8>| [frames.key.as_deref().unwrap_or_default(), &key].concat();
        Ok(Rewritten { value, key: new_key.map(framed), event: Some(E::SCHEMA.event), version: E::SCHEMA.version })
    }
}

/// Returns the bytes of an event's key, without frame.
fn key<E: Event>(event: &E) -> Result<Option<Vec<u8>>, EncodeError> {
    if E::KEY_SCHEMA.is_none() {
        return Ok(event.key().map(|text| text.as_bytes().to_vec()));
    }
    let mut key = Vec::new();
    event.encode_key(&mut key)?;
    Ok(Some(key))
}

/// The typed functions of a replay.
pub(crate) struct Fixes {
    topics: Vec<Topic>,
    registry: RegistryClient,
}

/// A function with the frames that it writes with.
type Framed = (Box<dyn Fixer>, Frames);

/// The functions for the events of one topic.
struct Topic {
    /// With the prefix.
    name: String,
    decoder: Decoder,
    /// By the rows of the decoder.
    fixers: Vec<Framed>,
}

impl Fixes {
    /// Looks for the schemas that the functions write with.
    pub(crate) async fn prepare(
        settings: &Settings,
        registry: &RegistryClient,
        fixers: Vec<Box<dyn Fixer>>,
    ) -> Result<Self, Error> {
        if !fixers.is_empty() {
            registry::reach_at_start(registry, settings).await?;
        }
        let mut topics: Vec<(String, Vec<Framed>)> = Vec::new();
        for fixer in fixers {
            let schema = fixer.row().reader;
            let key = match fixer.key_schema() {
                Some(key) => Some(register::frame(registry, settings, key).await?),
                None => None,
            };
            let frames = Frames { value: register::frame(registry, settings, schema).await?, key };
            let name = schema.prefixed_topic(settings.prefix.as_deref());
            match topics.iter_mut().find(|(topic, _)| *topic == name) {
                Some((_, fixers)) if fixers.iter().any(|(known, _)| known.row().reader.event == schema.event) => {
                    let text = format!("the event `{}` has two functions that fix it; help: keep one", schema.event);
                    return Err(Error::settings(text));
                }
                Some((_, fixers)) => fixers.push((fixer, frames)),
                None => topics.push((name, vec![(fixer, frames)])),
            }
        }
        let topic = |(name, fixers): (String, Vec<Framed>)| {
            let rows = fixers.iter().map(|(fixer, _)| fixer.row()).collect();
            Topic { name, decoder: Decoder::new(registry.clone(), rows), fixers }
        };
        Ok(Self { topics: topics.into_iter().map(topic).collect(), registry: registry.clone() })
    }

    /// Returns what the function for the letter's event makes of it. What no function is for stays as it is; what is of
    /// a topic with functions and cannot be decoded is refused, because the function was to see it first.
    ///
    /// # Errors
    /// A registry that does not answer.
    pub(crate) async fn apply(&self, letter: &Letter, topic: &str) -> Result<Reworked, Error> {
        let Some(topic) = self.topics.iter().find(|one| one.name == topic) else { return Ok(Reworked::AsItIs) };
        let Some(value) = letter.record().value.as_deref() else { return Ok(Reworked::AsItIs) };
        let (id, payload) = match framing::split_header(value) {
            Ok(split) => split,
            Err(error) => return Ok(Reworked::Refused(format!("it cannot be decoded: {error}"))),
        };
        let entry = match topic.decoder.cached(id, Instant::now()) {
            Some(entry) => entry,
            None => topic.decoder.load(id).await.map_err(|error| unanswered(&self.registry, error))?,
        };
        Ok(match &*entry {
            Entry::Avro(known) => topic.fix(known, payload, letter),
            Entry::Protobuf { messages, .. } => match framing::split_message_indexes(payload) {
                Ok((indexes, payload)) => match messages.iter().find(|(place, _)| *place == indexes) {
                    Some((_, known)) => topic.fix(known, payload, letter),
                    None => Reworked::AsItIs,
                },
                Err(error) => Reworked::Refused(format!("it cannot be decoded: {error}")),
            },
            Entry::Unknown(_) => Reworked::AsItIs,
            Entry::Unusable(_, reason) => Reworked::Refused(format!("it cannot be decoded: schema id {id}: {reason}")),
        })
    }
}

impl Topic {
    fn fix(&self, known: &Known, payload: &[u8], letter: &Letter) -> Reworked {
        let (fixer, frames) = self.fixers.get(known.row).expect("the decoder was made from these rows");
        let fixed = catch_unwind(AssertUnwindSafe(|| fixer.fix(&known.how, payload, letter, frames)));
        match fixed {
            Ok(Ok(rewritten)) => Reworked::Rewritten(rewritten),
            Ok(Err(why)) => Reworked::Refused(why),
            Err(_) => Reworked::Refused("the function that fixes it panicked".into()),
        }
    }
}
