//! The model of an Avro schema: a tree of [`Node`]s over an arena of named types, each with its place in the text.
//!
//! Named types live in an arena and are referred to by [`NamedId`], so that recursive types need no pointers back and
//! a type that is used twice exists once.

use std::collections::HashSet;
use std::sync::OnceLock;

use eventwright_wire::avro::Logical;

use crate::compat::Sourced;
use crate::{Diagnostic, Fingerprint, Marks, Position, Source};

/// A parsed schema together with the texts that it was parsed from.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The texts: references in their order, the schema's own text last.
    pub(super) sources: Vec<Source>,
    /// Marks in each of the texts, made when the first position is asked for.
    pub(super) marks: Vec<OnceLock<Marks>>,
    /// All named types, in the order of their definition.
    pub(super) named: Vec<Named>,
    /// The schema itself.
    pub(super) root: Node,
}

/// The place of a node: a byte range of one of the schema's sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub(super) source: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// The number of a named type in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedId(pub(super) usize);

/// A type where it is used.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The logical type, where the schema gives one that is valid for the kind.
    pub logical: Logical,
    /// Where it is written.
    pub span: Span,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// No value.
    Null,
    /// One byte.
    Boolean,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    Long,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// A sequence of bytes.
    Bytes,
    /// UTF-8 text.
    String,
    /// A sequence of items.
    Array(Box<Node>),
    /// String keys to values.
    Map(Box<Node>),
    /// One of several branches.
    Union(Vec<Node>),
    /// A record, an enum or a fixed.
    Named(NamedId),
}

/// A record, an enum or a fixed.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its full name.
    pub name: Name,
    /// Its other names, as full names.
    pub aliases: Vec<Name>,
    /// Its documentation.
    pub doc: Option<String>,
    /// What it is.
    pub body: Body,
    /// The logical type of a fixed.
    pub logical: Logical,
    /// Where it is defined.
    pub span: Span,
    /// Where its name stands.
    pub name_span: Span,
    /// Whether a value may hold another of this type: only then can values nest without end.
    pub recursive: bool,
    /// The fewest bytes that a value takes.
    pub min_size: usize,
}

/// What a named type is.
#[derive(Debug, Clone)]
pub enum Body {
    /// Fields in their order.
    Record(Vec<Field>),
    /// Symbols in their order.
    Enum {
        /// The symbols in their order.
        symbols: Vec<String>,
        /// The symbol that a reader takes for one it does not know.
        default: Option<String>,
    },
    /// So many bytes.
    Fixed(usize),
}

/// A field of a record.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Its documentation.
    pub doc: Option<String>,
    /// Its type.
    pub node: Node,
    /// Its default, checked against the type; `Some(Null)` is the default `null`.
    pub default: Option<serde_json::Value>,
    /// Whether it holds personal data: `"pii": true`.
    pub pii: bool,
    /// Where it is defined.
    pub span: Span,
}

/// The full name of a named type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The namespace; empty for none.
    pub namespace: String,
    /// The name without its namespace.
    pub simple: String,
}

impl Name {
    /// Returns `namespace.name`, or the name alone where there is no namespace.
    #[must_use]
    pub fn full(&self) -> String {
        if self.namespace.is_empty() { self.simple.clone() } else { format!("{}.{}", self.namespace, self.simple) }
    }

    /// Returns the name that `text` means inside `namespace`: dotted names stand for themselves.
    #[must_use]
    pub fn in_namespace(text: &str, namespace: &str) -> Self {
        match text.rsplit_once('.') {
            Some((own, simple)) => Self { namespace: own.into(), simple: simple.into() },
            None => Self { namespace: namespace.into(), simple: text.into() },
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.full())
    }
}

impl Kind {
    /// Returns the word that the specification has for the kind; a named type is a `named type`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Named(_) => "named type",
        }
    }
}

impl Named {
    /// Returns the fields, where this is a record.
    #[must_use]
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.body {
            Body::Record(fields) => Some(fields),
            Body::Enum { .. } | Body::Fixed(_) => None,
        }
    }

    /// Returns `record`, `enum` or `fixed`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.body {
            Body::Record(_) => "record",
            Body::Enum { .. } => "enum",
            Body::Fixed(_) => "fixed",
        }
    }
}

impl Schema {
    /// Returns the schema's own type.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the named type of that number.
    #[must_use]
    pub fn named(&self, id: NamedId) -> &Named {
        self.named.get(id.0).expect("a NamedId is made by the schema that it belongs to")
    }

    /// Returns the named types with their numbers, in the order of their definition.
    pub fn all_named(&self) -> impl Iterator<Item = (NamedId, &Named)> {
        self.named.iter().enumerate().map(|(index, named)| (NamedId(index), named))
    }

    /// Returns the index of the reference whose text defines the type; `None` for the schema's own text.
    #[must_use]
    pub fn reference_of(&self, id: NamedId) -> Option<usize> {
        let source = self.named(id).span.source;
        (source + 1 < self.sources.len()).then_some(source)
    }

    /// Returns the fewest bytes that a value of the type takes, so that a count of items can be compared with the bytes
    /// that are left.
    #[must_use]
    pub fn min_size(&self, node: &Node) -> usize {
        match &node.kind {
            Kind::Null => 0,
            Kind::Float => 4,
            Kind::Double => 8,
            Kind::Named(id) => self.named(*id).min_size,
            _ => 1,
        }
    }

    /// Returns the record, enum or fixed that the schema as a whole is, if it is one.
    #[must_use]
    pub fn root_named(&self) -> Option<(NamedId, &Named)> {
        match self.root.kind {
            Kind::Named(id) => Some((id, self.named(id))),
            _ => None,
        }
    }

    /// Returns the schema's own text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.sources.last().map_or("", |source| source.text.as_str())
    }

    /// Returns whether any field holds personal data.
    #[must_use]
    pub fn has_pii(&self) -> bool {
        self.named.iter().filter_map(Named::fields).flatten().any(|field| field.pii)
    }

    /// Returns the text of a node.
    #[must_use]
    pub fn text_of(&self, span: Span) -> &str {
        let source = self.sources.get(span.source);
        source.and_then(|source| source.text.get(span.start..span.end)).unwrap_or("")
    }

    /// Returns the name of the source and the position of a node.
    #[must_use]
    pub fn position_of(&self, span: Span) -> (&str, Position) {
        match self.sources.get(span.source).zip(self.marks.get(span.source)) {
            Some((source, marks)) => {
                let marks = marks.get_or_init(|| Marks::new(&source.text));
                (&source.name, marks.position(&source.text, span.start))
            }
            None => ("", Position::START),
        }
    }

    /// Returns a diagnostic at a node.
    pub fn diagnostic(&self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        let (source, position) = self.position_of(span);
        Diagnostic { source: source.to_owned(), position, message: message.into(), help: help.into() }
    }

    /// Returns the parsing canonical form of the specification.
    #[must_use]
    pub fn canonical_form(&self) -> String {
        super::canonical::parsing_form(self)
    }

    /// Returns the CRC-64-AVRO of the parsing canonical form: what single-object encoding tells schemas apart by.
    #[must_use]
    pub fn canonical_fingerprint(&self) -> u64 {
        crate::crc64(self.canonical_form().as_bytes())
    }

    /// Returns the fingerprint that tells writers apart: of the canonical form together with the attributes that
    /// change what bytes mean (logical types, a decimal's scale), which the parsing canonical form strips.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(super::canonical::meaning_form(self).as_bytes())
    }

    /// Returns a text that is equal for two named types if one Rust type can stand for both.
    #[must_use]
    pub fn shape_of(&self, id: NamedId) -> String {
        super::canonical::shape_form(self, id)
    }

    /// Returns a text that is equal for two types, wherever they are used, if one Rust type can stand for both.
    #[must_use]
    pub fn shape_of_node(&self, node: &Node) -> String {
        super::canonical::node_shape_form(self, node)
    }

    /// Returns the named types that a value of the type may hold, the type itself only if it may hold another of it.
    #[must_use]
    pub fn named_within(&self, id: NamedId) -> HashSet<NamedId> {
        let mut found = HashSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            open.extend(self.directly_within(next).into_iter().filter(|inner| found.insert(*inner)));
        }
        found
    }

    /// Returns the named types of a record's fields, of their items, values and branches.
    pub(super) fn directly_within(&self, id: NamedId) -> Vec<NamedId> {
        let fields = self.named(id).fields().unwrap_or_default();
        let mut nodes: Vec<&Node> = fields.iter().map(|field| &field.node).collect();
        let mut found = Vec::new();
        while let Some(node) = nodes.pop() {
            match &node.kind {
                Kind::Array(inner) | Kind::Map(inner) => nodes.push(inner),
                Kind::Union(branches) => nodes.extend(branches),
                Kind::Named(named) => found.push(*named),
                _ => {}
            }
        }
        found
    }
}

impl Sourced for Schema {
    type Place = Span;

    fn text_of(&self, place: &Span) -> &str {
        Self::text_of(self, *place)
    }

    fn position_of(&self, place: &Span) -> (&str, Position) {
        Self::position_of(self, *place)
    }
}
