//! Decodes values without generated code: a walk along the schema, from bytes to the JSON form of events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::avro::{DECIMAL_DIGITS, InField, Logical, Reader, no_such_index};
use eventwright_wire::json::non_finite;
use eventwright_wire::{DecodeError, DecodeErrorKind};
use serde_json::{Map, Value};

use super::super::model::{Body, Field, Kind, Named, NamedId, Node, Schema};

/// How deep types may nest, counted anew in each record that may hold itself: those have a limit of their own. What is
/// deeper has more types in each other than `resolve` takes.
const MAX_NESTING: u32 = 256;

pub(super) struct Decoder<'s, 'r, 'a> {
    schema: &'s Schema,
    reader: &'r mut Reader<'a>,
    depth: u32,
}

impl<'s, 'r, 'a> Decoder<'s, 'r, 'a> {
    pub(super) fn new(schema: &'s Schema, reader: &'r mut Reader<'a>) -> Self {
        Self { schema, reader, depth: 0 }
    }

    pub(super) fn node(&mut self, node: &Node) -> Result<Value, DecodeError> {
        if self.depth == MAX_NESTING {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep));
        }
        self.depth += 1;
        let value = match &node.kind {
            Kind::Array(item) => self.array(item),
            Kind::Map(entry) => self.map(entry),
            Kind::Union(branches) => self.union(branches),
            Kind::Named(id) => self.named(*id),
            kind => primitive(self.reader, kind, node.logical),
        };
        self.depth -= 1;
        value
    }

    fn array(&mut self, item: &Node) -> Result<Value, DecodeError> {
        let (schema, depth) = (self.schema, self.depth);
        let items = self.reader.items(schema.min_size(item), |reader| Decoder { schema, reader, depth }.node(item));
        items.map(Value::Array)
    }

    fn map(&mut self, entry: &Node) -> Result<Value, DecodeError> {
        let (schema, depth) = (self.schema, self.depth);
        let entries = self.reader.entries(|reader| Decoder { schema, reader, depth }.node(entry));
        Ok(Value::Object(entries?.into_iter().collect()))
    }

    fn union(&mut self, branches: &[Node]) -> Result<Value, DecodeError> {
        let index = self.reader.index(branches.len())?;
        let branch = branches.get(index).ok_or_else(|| no_such_index(index, branches.len()))?;
        let value = self.node(branch)?;
        let is_null = |branch: &Node| matches!(branch.kind, Kind::Null);
        let stands_for_itself = is_null(branch) || (branches.len() == 2 && branches.iter().any(is_null));
        match stands_for_itself {
            true => Ok(value),
            false => Ok(Value::Object(Map::from_iter([(self.schema.branch_name(branch), value)]))),
        }
    }

    fn named(&mut self, id: NamedId) -> Result<Value, DecodeError> {
        let schema = self.schema;
        match schema.named(id) {
            Named { body: Body::Record(fields), recursive: true, .. } => {
                self.reader.descend()?;
                let value = Decoder::new(schema, self.reader).record(fields)?;
                self.reader.ascend();
                Ok(value)
            }
            Named { body: Body::Record(fields), .. } => self.record(fields),
            Named { body: Body::Enum { symbols, .. }, .. } => {
                let index = self.reader.index(symbols.len())?;
                let symbol = symbols.get(index).ok_or_else(|| no_such_index(index, symbols.len()))?;
                Ok(symbol.as_str().into())
            }
            Named { body: Body::Fixed(size), logical, .. } => fixed(self.reader, *size, *logical),
        }
    }

    fn record(&mut self, fields: &[Field]) -> Result<Value, DecodeError> {
        let mut object = Map::new();
        for field in fields {
            object.insert(field.name.clone(), self.node(&field.node).field(&field.name)?);
        }
        Ok(Value::Object(object))
    }
}

fn primitive(reader: &mut Reader<'_>, kind: &Kind, logical: Logical) -> Result<Value, DecodeError> {
    Ok(match (logical, kind) {
        (Logical::None, Kind::Null) => Value::Null,
        (Logical::None, Kind::Boolean) => reader.boolean()?.into(),
        (Logical::None, Kind::Int) => reader.int()?.into(),
        (Logical::None, Kind::Long) => reader.long()?.into(),
        (Logical::None, Kind::Float) => single(reader.float()?),
        (Logical::None, Kind::Double) => double(reader.double()?),
        (Logical::None, Kind::Bytes) => STANDARD.encode(reader.bytes()?).into(),
        (Logical::None, _) => reader.str()?.into(),
        (Logical::Decimal { precision, scale }, _) if precision > DECIMAL_DIGITS => {
            reader.big_decimal(scale)?.to_plain_string().into()
        }
        (Logical::Decimal { scale, .. }, _) => reader.decimal(scale)?.to_string().into(),
        (Logical::Uuid, _) => reader.uuid()?.to_string().into(),
        (Logical::Date, _) => reader.date()?.to_string().into(),
        (Logical::TimeMillis, _) => reader.time_millis()?.to_string().into(),
        (Logical::TimeMicros, _) => reader.time_micros()?.to_string().into(),
        (Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos, _) => {
            reader.timestamp(logical)?.to_string().into()
        }
        _ => reader.local_timestamp(logical)?.to_string().into(),
    })
}

fn fixed(reader: &mut Reader<'_>, size: usize, logical: Logical) -> Result<Value, DecodeError> {
    Ok(match logical {
        Logical::Decimal { precision, scale } if precision > DECIMAL_DIGITS => {
            reader.big_decimal_fixed(size, scale)?.to_plain_string()
        }
        Logical::Decimal { scale, .. } => reader.decimal_fixed(size, scale)?.to_string(),
        Logical::Uuid => reader.uuid_fixed()?.to_string(),
        Logical::Duration => reader.duration()?.to_string(),
        _ => STANDARD.encode(reader.fixed(size)?),
    }
    .into())
}

/// A float keeps its own precision: 0.1 stays 0.1 and does not become 0.10000000149011612, as with serde's own text.
fn single(value: f32) -> Value {
    let text = serde_json::to_string(&value).unwrap_or_default();
    double(text.parse().unwrap_or_else(|_| f64::from(value)))
}

/// JSON has no number for what is not finite; such a value becomes text.
fn double(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| non_finite(value).into(), Value::Number)
}
