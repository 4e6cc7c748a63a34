//! Parses the JSON of an Avro schema into the model, with the place of every node (Avro 1.12, "Schema Declaration").
//!
//! In: the schema's text and the texts that it refers to. Out: a [`Schema`], or every problem that was found. Comments
//! are allowed, as in Java's parser.

mod declaration;
mod default;
mod depth;
mod recursion;
mod size;

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use jsonc_parser::ast::Value;

use super::model::{Name, Named, NamedId, Node, Schema, Span};
use crate::{Diagnostic, Reference, Source, json};

/// Parses a schema that refers to no other text.
///
/// # Errors
/// All problems of the text, each with its place.
pub fn parse(name: &str, text: &str) -> Result<Schema, Vec<Diagnostic>> {
    parse_with(name, text, &[])
}

/// Parses a schema whose named types may be defined in `references`, each of which may use those before it.
///
/// # Errors
/// All problems of the first text that has any, each with its place.
pub fn parse_with(name: &str, text: &str, references: &[Reference]) -> Result<Schema, Vec<Diagnostic>> {
    let mut sources: Vec<Source> =
        references.iter().map(|one| Source { name: one.name.clone(), text: one.text.clone() }).collect();
    sources.push(Source { name: name.to_owned(), text: text.to_owned() });

    let mut parser = Parser::default();
    let mut root = None;
    for (index, source) in sources.iter().enumerate() {
        root = parser.source(index, source);
        if !parser.diagnostics.is_empty() {
            return Err(parser.diagnostics);
        }
    }
    let root = root.expect("a text without diagnostics has a root");
    let named = parser.named.into_iter().map(|named| named.expect("a definition without diagnostics is complete"));
    let marks = vec![OnceLock::new(); sources.len()];
    let mut schema = Schema { sources, marks, named: named.collect(), root };
    if let Some(wrong) = depth::check(&schema) {
        return Err(vec![wrong]);
    }
    let recursive = recursion::recursive(&schema);
    schema.named.iter_mut().zip(recursive).for_each(|(named, recursive)| named.recursive = recursive);
    size::set(&mut schema);
    let wrong = default::check(&schema);
    if wrong.is_empty() { Ok(schema) } else { Err(wrong) }
}

/// How a text depends on others: what it is called by them, and what it needs of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The full name of the first type that it defines, which is the schema's own if that has a name.
    pub name: Option<String>,
    /// The full names that it uses and does not define.
    pub undefined: BTreeSet<String>,
}

/// Returns how a text depends on others, as far as it can be read.
#[must_use]
pub fn outline(text: &str) -> Outline {
    let source = Source { name: String::new(), text: text.to_owned() };
    let mut parser = Parser::default();
    parser.source(0, &source);
    let Parser { by_name, mut undefined, .. } = parser;
    undefined.retain(|name| !by_name.contains_key(name));
    let name = by_name.into_iter().find(|(_, id)| id.0 == 0).map(|(name, _)| name);
    Outline { name, undefined }
}

/// Returns whether a text is JSON, whatever it says.
#[must_use]
pub(crate) fn is_well_formed(text: &str) -> bool {
    json::parse(text).is_ok()
}

/// How many problems of one text are reported; each costs a look at the text before it.
const MAX_DIAGNOSTICS: usize = 100;

/// The state of one parse: the names that are known, and what was found wrong.
#[derive(Default)]
struct Parser<'t> {
    /// `None` while the type's own definition is being read.
    named: Vec<Option<Named>>,
    by_name: HashMap<String, NamedId>,
    /// The full names that stand where they are not defined yet.
    undefined: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
    source_index: usize,
    source_name: &'t str,
    text: &'t str,
}

impl<'t> Parser<'t> {
    fn source(&mut self, index: usize, source: &'t Source) -> Option<Node> {
        self.source_index = index;
        self.source_name = &source.name;
        self.text = &source.text;
        match json::parse(&source.text) {
            Ok(value) => self.node(&value, ""),
            Err((offset, message)) => {
                let span = Span { source: index, start: offset, end: offset };
                self.wrong(span, message, "write the schema as JSON");
                None
            }
        }
    }

    fn span(&self, value: &impl jsonc_parser::common::Ranged) -> Span {
        Span { source: self.source_index, start: value.start(), end: value.end() }
    }

    fn wrong(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if self.diagnostics.len() >= MAX_DIAGNOSTICS {
            return;
        }
        self.diagnostics.push(Diagnostic {
            source: self.source_name.to_owned(),
            position: crate::Position::of_offset(self.text, span.start),
            message: message.into(),
            help: help.into(),
        });
    }

    /// Reports `message` at `value`, and is `None`, so that a caller can return it.
    fn refuse<T>(&mut self, value: &Value<'_>, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        let span = self.span(value);
        self.wrong(span, message, help);
        None
    }

    /// Reserves the name of a type before its body is read, so that the body may refer to it.
    fn define(&mut self, name: &Name, span: Span) -> Option<NamedId> {
        let full = name.full();
        if declaration::PRIMITIVES.contains(&full.as_str()) {
            self.wrong(span, format!("`{full}` is the name of a primitive type"), "give the type another name");
            return None;
        }
        let id = NamedId(self.named.len());
        if self.by_name.insert(full.clone(), id).is_some() {
            self.wrong(
                span,
                format!("the name `{full}` is defined twice"),
                "refer to the first definition by its name",
            );
            return None;
        }
        self.named.push(None);
        Some(id)
    }
}

#[cfg(test)]
mod tests;
