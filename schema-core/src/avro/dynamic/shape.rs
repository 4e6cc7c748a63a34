//! A parsed schema as the walks of the JSON form see it.

use std::borrow::Cow;

use eventwright_wire::avro::{Logical, Primitive};
use eventwright_wire::json::{self, Shape};
use eventwright_wire::serde::Serializer;

use super::super::model::{Body, Field, Kind, Named, Node, Schema};
use super::default_bytes;

/// A type of a schema.
#[derive(Clone, Copy)]
pub(super) struct TypeOf<'s> {
    schema: &'s Schema,
    node: &'s Node,
}

impl<'s> TypeOf<'s> {
    pub(super) fn new(schema: &'s Schema, node: &'s Node) -> Self {
        Self { schema, node }
    }

    fn of(&self, node: &'s Node) -> Self {
        Self { node, ..*self }
    }

    fn named(&self) -> Option<&'s Named> {
        match self.node.kind {
            Kind::Named(id) => Some(self.schema.named(id)),
            _ => None,
        }
    }

    fn record_field(&self, index: usize) -> Option<&'s Field> {
        self.named()?.fields()?.get(index)
    }
}

impl Shape for TypeOf<'_> {
    fn kind(&self) -> json::Kind<Self> {
        let primitive = match &self.node.kind {
            Kind::Array(item) => {
                return json::Kind::Array { item: self.of(item), min_size: self.schema.min_size(item) };
            }
            Kind::Map(value) => return json::Kind::Map(self.of(value)),
            Kind::Union(branches) => return self.union(branches),
            Kind::Named(id) => return named(self.schema.named(*id)),
            Kind::Null => Primitive::Null,
            Kind::Boolean => Primitive::Boolean,
            Kind::Int => Primitive::Int,
            Kind::Long => Primitive::Long,
            Kind::Float => Primitive::Float,
            Kind::Double => Primitive::Double,
            Kind::Bytes => Primitive::Bytes,
            Kind::String => Primitive::String,
        };
        match self.node.logical {
            Logical::None => json::Kind::Scalar(primitive),
            logical => json::Kind::Logical(logical),
        }
    }

    fn symbol(&self, index: usize) -> Option<&str> {
        match &self.named()?.body {
            Body::Enum { symbols, .. } => symbols.get(index).map(String::as_str),
            _ => None,
        }
    }

    fn branch(&self, index: usize) -> Option<(Cow<'_, str>, Self)> {
        let Kind::Union(branches) = &self.node.kind else { return None };
        let branch = branches.get(index)?;
        Some((self.schema.branch_name(branch).into(), self.of(branch)))
    }

    fn field(&self, index: usize) -> Option<(&str, Self)> {
        let field = self.record_field(index)?;
        Some((&field.name, self.of(&field.node)))
    }

    fn default(&self, field: usize) -> Option<Cow<'_, [u8]>> {
        default_bytes(self.schema, self.record_field(field)?).map(Cow::Owned)
    }

    /// A JSON value has doubles only. The float keeps its own digits: 0.1 does not become 0.10000000149011612.
    fn float<S: Serializer>(value: f32, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&value).unwrap_or_default();
        serializer.serialize_f64(text.parse().unwrap_or_else(|_| f64::from(value)))
    }
}

impl<'s> TypeOf<'s> {
    fn union(&self, branches: &'s [Node]) -> json::Kind<Self> {
        match branches {
            [Node { kind: Kind::Null, .. }, other] => json::Kind::Optional { null: 0, other: self.of(other) },
            [other, Node { kind: Kind::Null, .. }] => json::Kind::Optional { null: 1, other: self.of(other) },
            _ => json::Kind::Union(branches.len()),
        }
    }
}

fn named<S>(named: &Named) -> json::Kind<S> {
    match &named.body {
        Body::Record(fields) => json::Kind::Record { fields: fields.len(), recursive: named.recursive },
        Body::Enum { symbols, .. } => json::Kind::Enum(symbols.len()),
        Body::Fixed(size) => json::Kind::Fixed(*size, named.logical),
    }
}
