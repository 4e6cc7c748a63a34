//! Protocol Buffers, proto2 and proto3: parsing with places, printing, compatibility and the dynamic codec.
//!
//! In: `.proto` text, or base64 of a serialized FileDescriptorProto, as Python's client registers it. Out: a
//! [`Schema`]: the file as a descriptor in a pool of its own, together with what it imports.

pub(crate) mod compat;
mod descriptor;
pub(crate) mod diff;
pub mod dynamic;
mod normal;
mod parse;
mod places;
mod print;
mod witness;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{FileDescriptor, MessageDescriptor};

use self::places::Places;
use crate::compat::Sourced;
use crate::{Fingerprint, Position};

pub(crate) use parse::is_well_formed;
pub use parse::{imports, parse};

/// A compiled `.proto` file and the files that it imports.
#[derive(Debug, Clone)]
pub struct Schema {
    name: String,
    text: String,
    file: FileDescriptor,
    /// By the file's name in the pool.
    places: Arc<HashMap<String, Places>>,
}

impl Schema {
    /// Returns what messages call the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the `.proto` text: as it was given, or printed from the descriptor where it was given as base64.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns base64 of the serialized FileDescriptorProto, without comments and places: what the registry's API calls
    /// the `serialized` format.
    #[must_use]
    pub fn serialized(&self) -> String {
        STANDARD.encode(normal::without_places(&self.file))
    }

    /// Returns the file's descriptor; its pool holds what the file imports and the well-known types, nothing else. It has
    /// the comments of the text, unless the file is one of many thousand fields.
    #[must_use]
    pub fn file(&self) -> &FileDescriptor {
        &self.file
    }

    /// Returns the message that message indexes of the wire format mean, counted as in the descriptor, where the entry
    /// type of a map field counts as well.
    #[must_use]
    pub fn message_at(&self, indexes: &[u32]) -> Option<MessageDescriptor> {
        let (&first, rest) = indexes.split_first()?;
        let outermost = self.file.messages().nth(usize::try_from(first).ok()?)?;
        rest.iter().try_fold(outermost, |message, &index| message.child_messages().nth(usize::try_from(index).ok()?))
    }

    /// Returns the message indexes of a message of this file by its full name.
    #[must_use]
    pub fn indexes_of(&self, full_name: &str) -> Option<Vec<u32>> {
        let message = self.file.parent_pool().get_message_by_name(full_name)?;
        if message.parent_file() != self.file {
            return None;
        }
        // A descriptor's path is 4 (messages of a file), index, 3 (messages of a message), index, and so on.
        message.path().iter().skip(1).step_by(2).map(|&index| u32::try_from(index).ok()).collect()
    }

    /// Returns the fingerprint of what the schema means: of its file and of those that it imports, without comments,
    /// places, the file's own name and the order of imports.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&normal::form(&self.file))
    }

    /// Returns the name of the text and the position in it of an element, by its path in the descriptor; of the text's
    /// start where the element's place is not known.
    pub(crate) fn position_of(&self, file: &FileDescriptor, path: &[i32]) -> (&str, Position) {
        match self.places.get(file.name()) {
            Some(places) => (places.name(), places.position_of(path)),
            None => (&self.name, Position::START),
        }
    }

    /// Returns whether an element of this file has a comment; its path is that of the descriptor.
    #[must_use]
    pub fn has_comment(&self, path: &[i32]) -> bool {
        self.places.get(self.file.name()).is_some_and(|places| places.has_comment(path))
    }

    /// Returns the text of an element; empty where its place is not known.
    fn text_of(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.places.get(file.name()).map_or("", |places| places.text_of(path))
    }
}

/// An element of a file, by its path in the descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    file: FileDescriptor,
    path: Vec<i32>,
}

impl Sourced for Schema {
    type Place = Element;

    fn text_of(&self, element: &Element) -> &str {
        Self::text_of(self, &element.file, &element.path)
    }

    fn position_of(&self, element: &Element) -> (&str, Position) {
        Self::position_of(self, &element.file, &element.path)
    }
}

#[cfg(test)]
mod tests;
