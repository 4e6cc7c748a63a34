//! Reads messages of generated code from JSON: which keys there are, the message says ([`FromObject`]).
//!
//! Not derived: what serde's derive makes holds on the stack, where nothing is optimised, each field several times, and
//! so for each message that is around another one. Here fields are taken into a place on the heap.
//!
//! Messages in each other are counted. serde hands nothing from one to the next, but reads them all on one thread.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// How many messages may stand in each other in JSON that is read: as many as prost decodes.
pub const MAX_DEPTH: u32 = 100;

/// What a message has in JSON. Implemented by generated code only.
pub trait FromObject: Default {
    /// Takes the value of a key.
    ///
    /// # Errors
    /// A key that the message does not have, one that is there twice, or what the deserializer returns.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads what a message has in JSON.
///
/// # Errors
/// More messages in each other than [`MAX_DEPTH`], what the message does not take, or what the deserializer returns.
pub fn read_message<'de, T: FromObject, D: Deserializer<'de>>(deserializer: D) -> Result<Box<T>, D::Error> {
    let _level = Level::enter().ok_or_else(too_deep)?;
    deserializer.deserialize_map(MessageVisitor(PhantomData))
}

/// Reads the value of a key whose form is serde's own.
///
/// # Errors
/// A key that is there twice, or what the deserializer returns.
pub fn take_plain<'de, T, A>(name: &str, place: &mut Option<T>, map: &mut A) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    once(name, place)?;
    *place = map.next_value()?;
    Ok(())
}

/// Refuses a key whose value is there already.
pub(super) fn once<T, E: Error>(name: &str, place: &Option<T>) -> Result<(), E> {
    match place {
        Some(_) => Err(E::custom(format_args!("duplicate field `{name}`"))),
        None => Ok(()),
    }
}

struct MessageVisitor<T>(PhantomData<T>);

impl<'de, T: FromObject> Visitor<'de> for MessageVisitor<T> {
    type Value = Box<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Box<T>, A::Error> {
        let mut message = Box::<T>::default();
        while let Some(Key(name)) = map.next_key()? {
            message.take(&name, &mut map)?;
        }
        Ok(message)
    }
}

/// A key, borrowed where the input has it as it is.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(name.to_owned())))
    }
}

thread_local! {
    /// How many messages this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A message that is being read. It ends with its value, where that is an error or a panic too.
struct Level;

impl Level {
    fn enter() -> Option<Self> {
        let entered = DEPTH.get() + 1;
        (entered <= MAX_DEPTH).then(|| {
            DEPTH.set(entered);
            Self
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

#[cold]
fn too_deep<E: Error>() -> E {
    E::custom(format_args!("messages are nested deeper than the limit of {MAX_DEPTH}"))
}
