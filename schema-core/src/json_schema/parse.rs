//! Parses the JSON of a JSON Schema into the model, with the place of every node.
//!
//! In: the schema's text and the texts that it refers to. Out: a [`Schema`], or every problem that was found. As in
//! Confluent's registry, only what the schema reaches is looked at: a definition that nobody refers to may be wrong, a
//! `$schema` that is none of ours is draft 7, unknown keywords mean nothing. A `$ref` leads into one of the texts or is
//! an error: nothing is fetched.

mod index;
mod keywords;
mod pattern;
mod uri;
mod values;

use std::collections::{HashMap, VecDeque};

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;

use self::index::{Base, Index, Pointers, Target};
use super::model::{Kind, Node, NodeId, Schema, Span};
use crate::compat::Sourced;
use crate::{Diagnostic, Position, Reference, Source, json};

/// How long a text may be: larger than any schema that is known, small enough to be compared in no time.
const MAX_LEN: usize = 8 << 20;

/// How deep subschemas may stand in each other; a `$ref` is no depth.
const MAX_DEPTH: usize = 100;

/// How many `$ref`s may lead to each other without any other keyword.
const MAX_HOPS: usize = 100;

/// How many problems of one schema are reported; each costs a look at the text before it.
const MAX_DIAGNOSTICS: usize = 100;

/// Parses a schema, whose `$ref`s may lead into `references` by their names or `$id`s.
///
/// # Errors
/// All problems of the first text that is no JSON, or of what the schema reaches, each with its place.
pub fn parse(name: &str, text: &str, references: &[Reference]) -> Result<Schema, Vec<Diagnostic>> {
    let mut sources: Vec<Source> =
        references.iter().map(|one| Source { name: one.name.clone(), text: one.text.clone() }).collect();
    sources.push(Source { name: name.to_owned(), text: text.to_owned() });

    let documents: Vec<_> = sources.iter().map(document).collect::<Result<_, _>>().map_err(|wrong| vec![wrong])?;
    let draft = documents.last().and_then(Draft::of).unwrap_or(Draft::V7);
    let pointers = if draft < Draft::V2019 { Pointers::FromText } else { Pointers::FromSchema };
    let index = Index::new(&sources, &documents, pointers);
    let mut parser = Parser::new(&sources, &documents, index);
    let root = parser.root();
    let Parser { nodes, mut diagnostics, .. } = parser;
    drop(documents);
    let nodes = nodes.into_iter().map(|node| node.expect("every node that is reserved is read")).collect();
    let schema = Schema { sources, nodes, root };
    diagnostics.extend(endless_references(&schema));
    if diagnostics.is_empty() { Ok(schema) } else { Err(diagnostics) }
}

fn document(source: &Source) -> Result<Value<'_>, Diagnostic> {
    let Source { name, text } = source;
    if text.len() > MAX_LEN {
        let message = format!("the text has {} bytes, more than {MAX_LEN}", text.len());
        return Err(Diagnostic::of_file(name, message, "split it, and refer to the parts"));
    }
    json::parse(text).map_err(|(offset, message)| Diagnostic {
        source: name.clone(),
        position: Position::of_offset(text, offset),
        message,
        help: "write the schema as JSON".into(),
    })
}

/// What holds for the place where a subschema stands.
#[derive(Clone, Copy)]
struct Scope {
    source: usize,
    base: Base,
    draft: Draft,
    depth: usize,
}

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    V4,
    V6,
    V7,
    V2019,
    V2020,
}

impl Draft {
    /// Returns what a `$schema` names; Confluent's registry takes what it does not know for draft 7.
    fn of(document: &Value<'_>) -> Option<Self> {
        let schema = document.as_object()?.get_string("$schema")?;
        let uri = schema.value.trim_end_matches('#');
        match uri.split_once("://").map_or(uri, |(_, rest)| rest) {
            "json-schema.org/draft-04/schema" => Some(Self::V4),
            "json-schema.org/draft-06/schema" => Some(Self::V6),
            "json-schema.org/draft/2019-09/schema" => Some(Self::V2019),
            "json-schema.org/draft/2020-12/schema" => Some(Self::V2020),
            _ => Some(Self::V7),
        }
    }
}

/// A `$ref` that was read and not followed yet.
struct Pending {
    node: NodeId,
    reference: String,
    span: Span,
    scope: Scope,
}

/// The state of one parse.
struct Parser<'v> {
    sources: &'v [Source],
    documents: &'v [Value<'v>],
    index: Index<'v>,
    /// `None` while the node is being read.
    nodes: Vec<Option<Node>>,
    /// By text and first byte, so that what is referred to twice is one node.
    known: HashMap<(usize, usize), NodeId>,
    pending: VecDeque<Pending>,
    diagnostics: Vec<Diagnostic>,
}

impl<'v> Parser<'v> {
    fn new(sources: &'v [Source], documents: &'v [Value<'v>], index: Index<'v>) -> Self {
        let (nodes, diagnostics) = (Vec::new(), Vec::new());
        Self { sources, documents, index, nodes, known: HashMap::new(), pending: VecDeque::new(), diagnostics }
    }

    /// Reads the schema and all that it reaches. References are followed from here and not from where they stand, so
    /// that a chain of thousands needs no deep stack.
    fn root(&mut self) -> NodeId {
        let source = self.documents.len().saturating_sub(1);
        let value = self.documents.get(source).expect("the schema's own text is one");
        let root = self.schema(value, self.scope_of(source, self.index.own_base(source, value)));
        while let Some(pending) = self.pending.pop_front() {
            self.follow(pending);
        }
        root
    }

    fn scope_of(&self, source: usize, base: Base) -> Scope {
        let own = self.documents.last().and_then(Draft::of);
        let draft = self.documents.get(source).and_then(Draft::of).or(own).unwrap_or(Draft::V7);
        Scope { source, base, draft, depth: 0 }
    }

    fn follow(&mut self, Pending { node, reference, span, scope }: Pending) {
        let kind = match self.index.find(scope.source, scope.base, &reference) {
            Some(Target { source, value, base }) => Kind::Reference(self.schema(value, self.scope_of(source, base))),
            None => {
                let message = format!("`$ref` leads to `{reference}`, which is in none of the given schemas");
                let help = if self.index.is_behind_id(scope.base, &reference) {
                    "write a pointer from the start of the text, `#/...`: until 2019 nothing else leads into it"
                } else {
                    "define it, or give the schema that has it as a reference"
                };
                self.wrong(span, message, help);
                Kind::Anything
            }
        };
        self.define(node, kind, span, false);
    }

    /// Reads a subschema, once; where it cannot be read, it is reported and anything goes.
    fn schema(&mut self, value: &'v Value<'v>, scope: Scope) -> NodeId {
        let span = span(scope, value);
        if let Some(&known) = self.known.get(&(span.source, span.start)) {
            return known;
        }
        let id = self.reserve();
        self.known.insert((span.source, span.start), id);
        if scope.depth == MAX_DEPTH {
            self.wrong(span, format!("subschemas nest deeper than {MAX_DEPTH} levels"), "move some to `$defs`");
            self.define(id, Kind::Anything, span, false);
            return id;
        }
        let scope =
            Scope { depth: scope.depth + 1, base: self.index.base_of(scope.source, value, scope.base), ..scope };
        match value {
            Value::Object(object) => self.object(id, object, scope),
            Value::BooleanLit(all) if scope.draft > Draft::V4 => {
                let kind = if all.value { Kind::Anything } else { Kind::Nothing };
                self.define(id, kind, span, false);
            }
            other => {
                self.wrong(span, format!("expected a schema, found {}", json::word(other)), "write an object");
                self.define(id, Kind::Anything, span, false);
            }
        }
        id
    }

    fn reserve(&mut self) -> NodeId {
        self.nodes.push(None);
        NodeId(self.nodes.len() - 1)
    }

    fn define(&mut self, id: NodeId, kind: Kind, span: Span, has_default: bool) {
        if let Some(node) = self.nodes.get_mut(id.0) {
            *node = Some(Node { kind, has_default, span });
        }
    }

    fn wrong(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let Some(source) = self.sources.get(span.source).filter(|_| self.diagnostics.len() < MAX_DIAGNOSTICS) else {
            return;
        };
        self.diagnostics.push(Diagnostic {
            source: source.name.clone(),
            position: Position::of_offset(&source.text, span.start),
            message: message.into(),
            help: help.into(),
        });
    }
}

fn span(scope: Scope, value: &impl Ranged) -> Span {
    Span { source: scope.source, start: value.start(), end: value.end() }
}

/// Returns a diagnostic at a `$ref` that leads back to itself, or too far.
fn endless_references(schema: &Schema) -> Option<Diagnostic> {
    let is_endless = |node: &&Node| {
        let mut kind = &node.kind;
        for _ in 0..MAX_HOPS {
            match kind {
                Kind::Reference(target) => kind = &schema.node(*target).kind,
                _ => return false,
            }
        }
        true
    };
    let node = schema.nodes.iter().find(is_endless)?;
    let (source, position) = schema.position_of(&node.span);
    Some(Diagnostic {
        source: source.to_owned(),
        position,
        message: format!("`$ref` leads back to itself, or over more than {MAX_HOPS} others"),
        help: "refer to a schema that says something".into(),
    })
}
