//! What a `$ref` may mean: every text, every subschema with an `$id`, every anchor, by its absolute URI.
//!
//! The texts are the schema's own and its references; nothing else is looked up, nothing is fetched.

use std::collections::HashMap;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;

use super::uri;
use crate::Source;

/// How many identifiers are looked at, and how long one may be: more of either is no schema that people write.
const MAX_IDS: usize = 10_000;
const MAX_URI_LEN: usize = 2048;

/// The number of a base URI in its [`Index`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base(usize);

/// A value in one of the texts, and the base URI of what stands in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'v> {
    pub(super) source: usize,
    pub(super) value: &'v Value<'v>,
    pub(super) base: Base,
}

/// What a JSON pointer starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pointers {
    /// The schema that the URI before it identifies.
    #[default]
    FromSchema,
    /// The text that it stands in, or one of the given ones. Confluent's registry reads drafts 4 to 7 so: a pointer
    /// behind an `$id` of the same text is something that it would fetch.
    FromText,
}

#[derive(Default)]
pub(super) struct Index<'v> {
    bases: Vec<String>,
    /// The base URIs of values that have an `$id`, by text and first byte.
    bases_of: HashMap<(usize, usize), Base>,
    targets: HashMap<String, Target<'v>>,
    texts: Vec<Target<'v>>,
    /// The properties of objects that pointers have led through, by text and first byte: thousands of references may
    /// lead into one object of thousands of definitions.
    members: HashMap<(usize, usize), HashMap<&'v str, &'v Value<'v>>>,
    pointers: Pointers,
}

impl<'v> Index<'v> {
    /// Collects the identifiers of the texts, the last of which is the schema's own.
    pub(super) fn new(sources: &[Source], documents: &'v [Value<'v>], pointers: Pointers) -> Self {
        let mut index = Self { pointers, ..Self::default() };
        let own_id = documents.last().and_then(|own| own.as_object()).and_then(id_of).unwrap_or_default();
        for (source, (text, value)) in sources.iter().zip(documents).enumerate() {
            let is_own = source + 1 == documents.len();
            // What a text is called is what its neighbours write: relative to the schema, or as it is.
            let name = if is_own { String::new() } else { uri::join(own_id, &text.name) };
            let base = index.add_base(name.clone());
            index.targets.insert(name, Target { source, value, base });
            if !is_own {
                index.targets.insert(text.name.clone(), Target { source, value, base });
            }
            index.texts.push(Target { source, value, base });
            index.bases_of.insert((source, value.start()), base);
            index.collect(source, value, base);
        }
        index
    }

    /// Returns what a reference means in the text `source` where `base` is the base URI.
    pub(super) fn find(&mut self, source: usize, base: Base, reference: &str) -> Option<Target<'v>> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let absolute = uri::join(self.uri(base), document);
        let start = self.targets.get(&absolute).or_else(|| self.targets.get(document)).copied()?;
        if fragment.is_empty() {
            return Some(start);
        }
        if !fragment.starts_with('/') {
            return self.targets.get(&format!("{}#{fragment}", self.uri(start.base))).copied();
        }
        if self.pointers == Pointers::FromText {
            return self.within_text(source, document, fragment, start);
        }
        self.descend(start, fragment)
    }

    /// Returns whether a reference is found if its pointer starts from a schema and not from a text.
    pub(super) fn is_behind_id(&mut self, base: Base, reference: &str) -> bool {
        let pointers = std::mem::replace(&mut self.pointers, Pointers::FromSchema);
        let found = self.find(0, base, reference).is_some();
        self.pointers = pointers;
        found
    }

    fn within_text(&mut self, source: usize, document: &str, pointer: &str, start: Target<'v>) -> Option<Target<'v>> {
        let text = if document.is_empty() { source } else { Some(start.source).filter(|found| *found != source)? };
        let whole = self.texts.get(text).copied()?;
        self.descend(whole, pointer)
    }

    /// Returns the base URI of what stands in a value: its own where it has an `$id`, else `around`.
    pub(super) fn base_of(&self, source: usize, value: &Value<'_>, around: Base) -> Base {
        self.bases_of.get(&(source, value.start())).copied().unwrap_or(around)
    }

    /// The base of the schema's own text.
    pub(super) fn own_base(&self, source: usize, value: &Value<'_>) -> Base {
        self.base_of(source, value, Base(0))
    }

    fn descend(&mut self, start: Target<'v>, pointer: &str) -> Option<Target<'v>> {
        uri::pointer_steps(pointer).try_fold(start, |Target { source, value, base }, step| {
            let value = match value {
                Value::Object(object) => self.member(source, object, &step)?,
                Value::Array(array) => array.elements.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
            Some(Target { source, value, base: self.base_of(source, value, base) })
        })
    }

    fn member(&mut self, source: usize, object: &'v Object<'v>, name: &str) -> Option<&'v Value<'v>> {
        let members = self.members.entry((source, object.start())).or_insert_with(|| {
            // Of a property that is written twice the last one is kept.
            object.properties.iter().map(|one| (one.name.as_str(), &one.value)).collect()
        });
        members.get(name).copied()
    }

    /// The depth of JSON bounds this recursion.
    fn collect(&mut self, source: usize, value: &'v Value<'v>, around: Base) {
        match value {
            Value::Object(object) => {
                let base = self.identify(source, value, object, around);
                object.properties.iter().for_each(|one| self.collect(source, &one.value, base));
            }
            Value::Array(array) => array.elements.iter().for_each(|item| self.collect(source, item, around)),
            _ => {}
        }
    }

    /// Adds a value by its `$id` and anchors; returns the base URI of what stands in it.
    fn identify(&mut self, source: usize, value: &'v Value<'v>, object: &'v Object<'v>, around: Base) -> Base {
        let id = id_of(object).filter(|id| id.len() <= MAX_URI_LEN && self.bases.len() < MAX_IDS);
        let mut base = around;
        if let Some(id) = id {
            let absolute = uri::join(self.uri(around), id);
            // Up to draft 7 an `$id` that is a fragment is an anchor.
            if !id.starts_with('#') && absolute.len() <= MAX_URI_LEN {
                let document = uri::without_fragment(&absolute).to_owned();
                base = self.add_base(document.clone());
                self.bases_of.insert((source, value.start()), base);
                self.targets.entry(document).or_insert(Target { source, value, base });
            }
            self.targets.entry(absolute).or_insert(Target { source, value, base });
        }
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = text_of(object, key).filter(|_| self.targets.len() < MAX_IDS) {
                let absolute = format!("{}#{anchor}", self.uri(base));
                self.targets.entry(absolute).or_insert(Target { source, value, base });
            }
        }
        base
    }

    fn add_base(&mut self, uri: String) -> Base {
        self.bases.push(uri);
        Base(self.bases.len() - 1)
    }

    fn uri(&self, base: Base) -> &str {
        self.bases.get(base.0).map_or("", String::as_str)
    }
}

/// Returns the `$id`, or draft 4's `id`.
fn id_of<'v>(object: &'v Object<'_>) -> Option<&'v str> {
    text_of(object, "$id").or_else(|| text_of(object, "id"))
}

fn text_of<'v>(object: &'v Object<'_>, key: &str) -> Option<&'v str> {
    match &object.properties.iter().rev().find(|one| one.name.as_str() == key)?.value {
        Value::StringLit(text) => Some(&text.value),
        _ => None,
    }
}
