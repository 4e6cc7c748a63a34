//! The model of a JSON Schema: one form for drafts 4 to 2020-12, an arena of [`Node`]s, each with its place in the text.
//!
//! It is the form that Confluent's registry compares. A schema of several parts, such as `type` beside `enum` or
//! `allOf`, is all of its parts ([`Combined`]); several `type`s are any of theirs; `prefixItems` and older drafts'
//! `items` are one thing. Nodes refer to each other by [`NodeId`], so that a `$ref` may lead back to where it stands.

use crate::compat::Sourced;
use crate::{Position, Source};

/// A parsed schema together with the texts that it was parsed from.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The texts: references in their order, the schema's own text last.
    pub(super) sources: Vec<Source>,
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

/// The number of a node in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) usize);

/// A byte range of one of the schema's sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A schema or subschema.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) has_default: bool,
    pub(super) span: Span,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// `true` or `{}`.
    Anything,
    /// `false`.
    Nothing,
    Null,
    Boolean,
    /// `if`, `then`, `else`, which Confluent's registry does not compare.
    Conditional,
    /// A node that stands for another one.
    Reference(NodeId),
    Text(Box<Text>),
    Number(Box<Number>),
    /// `enum`, or `const`, which is one of one value; the values, each as canonical JSON.
    Enum(Vec<String>),
    Combined(Combined),
    Not(NodeId),
    Object(Box<Object>),
    Array(Box<Array>),
}

/// What a keyword says, and where.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A limit of a number, a length or a count.
pub(super) type Bound = Option<Placed<f64>>;

/// `type: string`, or the keywords that are about text.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pub(super) max_length: Bound,
    pub(super) min_length: Bound,
    pub(super) pattern: Option<Placed<String>>,
}

/// `type: number` or `integer`, or the keywords that are about numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Number {
    pub(super) maximum: Bound,
    pub(super) minimum: Bound,
    pub(super) exclusive_maximum: Bound,
    pub(super) exclusive_minimum: Bound,
    pub(super) multiple_of: Bound,
    pub(super) is_integer: bool,
}

/// Several schemas in one.
#[derive(Debug, Clone)]
pub(super) struct Combined {
    pub(super) criterion: Criterion,
    /// The keyword, where it is one that combines: not for several types, or for several parts of one schema.
    pub(super) keyword: Option<&'static str>,
    /// Different ones: what is written twice stands here once.
    pub(super) parts: Vec<NodeId>,
}

/// How many of a combined schema's parts a value must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

/// `type: object`, or the keywords that are about objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub(super) properties: Vec<Property>,
    pub(super) patterns: Vec<Property>,
    pub(super) additional: Additional,
    pub(super) required: Vec<Placed<String>>,
    /// `dependencies` that are lists of properties, and `dependentRequired`.
    pub(super) needs_properties: Vec<Dependency<Vec<String>>>,
    /// `dependencies` that are schemas, and `dependentSchemas`.
    pub(super) needs_schema: Vec<Dependency<NodeId>>,
    pub(super) max_properties: Bound,
    pub(super) min_properties: Bound,
}

/// A property, by its name or by a pattern of names.
#[derive(Debug, Clone)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) node: NodeId,
    /// From the name to the end of the schema.
    pub(super) span: Span,
}

/// What the presence of the property `name` asks for.
#[derive(Debug, Clone)]
pub(super) struct Dependency<T> {
    pub(super) name: String,
    pub(super) on: T,
    pub(super) span: Span,
}

/// What may stand beside the properties or items that a schema names.
#[derive(Debug, Clone, Default)]
pub(super) enum Additional {
    /// Anything: the content model is open.
    #[default]
    Open,
    /// Nothing: the content model is closed.
    Closed(Span),
    /// What fits a schema: the content model is partially open.
    Schema(NodeId),
}

/// `type: array`, or the keywords that are about arrays.
#[derive(Debug, Clone, Default)]
pub(super) struct Array {
    /// The schema of all items, where items are not a tuple.
    pub(super) items: Option<NodeId>,
    /// The schemas of a tuple's first items.
    pub(super) tuple: Vec<NodeId>,
    pub(super) additional: Additional,
    pub(super) max_items: Bound,
    pub(super) min_items: Bound,
    /// How many items fit `contains`.
    pub(super) max_contains: Bound,
    pub(super) min_contains: Bound,
    /// Where items are said to be unique.
    pub(super) unique: Option<Span>,
}

impl Schema {
    /// Returns what messages call the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        self.sources.last().map_or("", |source| &source.name)
    }

    /// Returns the schema's own text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.sources.last().map_or("", |source| &source.text)
    }

    /// Returns a node, following references to what they stand for.
    pub(super) fn resolved(&self, mut id: NodeId) -> (NodeId, &Node) {
        loop {
            let node = self.node(id);
            match node.kind {
                Kind::Reference(target) => id = target,
                _ => return (id, node),
            }
        }
    }

    /// Returns a node as it is written.
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0).expect("ids are made with their nodes")
    }
}

impl Sourced for Schema {
    type Place = Span;

    fn text_of(&self, place: &Span) -> &str {
        self.sources.get(place.source).and_then(|source| source.text.get(place.start..place.end)).unwrap_or("")
    }

    fn position_of(&self, place: &Span) -> (&str, Position) {
        match self.sources.get(place.source) {
            Some(source) => (&source.name, Position::of_offset(&source.text, place.start)),
            None => ("", Position::START),
        }
    }
}
