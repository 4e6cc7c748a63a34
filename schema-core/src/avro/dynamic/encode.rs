//! Encodes a JSON value as a schema says, in either of two forms: the JSON form of events, or that of defaults.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::EncodeError;
use eventwright_wire::avro::{DECIMAL_DIGITS, Duration, InField, Logical, MAX_DEPTH, Writer, too_deep};
use eventwright_wire::bigdecimal::BigDecimal;
use eventwright_wire::json::JsonForm;
use eventwright_wire::rust_decimal::Decimal;
use eventwright_wire::uuid::Uuid;
use serde_json::{Map, Value};

use super::super::model::{Body, Field, Kind, NamedId, Node, Schema};

/// How deep values may nest: three for each of the records that may stand in each other, such as a union, a list and the
/// record, and some more. A record whose default holds a default of itself would never end.
const MAX_NESTING: u32 = 320;

/// How many values one default may come to: records whose defaults hold two of the next one double at each level.
const MAX_DEFAULT_VALUES: u32 = 1 << 16;

/// Which JSON form the value is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Logical types as text, bytes as base64, unions by branch.
    Event,
    /// Base types, bytes as text of their code points, unions as whichever branch fits first.
    Default,
}

pub(super) struct Encoder<'s, 'o> {
    schema: &'s Schema,
    form: Form,
    out: &'o mut Vec<u8>,
    depth: u32,
    /// How many records the value is in, of those that may hold themselves.
    records: u32,
    default_values: u32,
}

impl<'s, 'o> Encoder<'s, 'o> {
    pub(super) fn new(schema: &'s Schema, form: Form, out: &'o mut Vec<u8>) -> Self {
        Self { schema, form, out, depth: 0, records: 0, default_values: 0 }
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.out)
    }

    pub(super) fn node(&mut self, node: &'s Node, value: &Value) -> Result<(), EncodeError> {
        if self.depth == MAX_NESTING {
            return Err(EncodeError::new("the value nests deeper than 320 levels"));
        }
        if self.form == Form::Default {
            self.default_values += 1;
            if self.default_values > MAX_DEFAULT_VALUES {
                return Err(EncodeError::new("the default holds more than 65,536 values"));
            }
        }
        self.depth += 1;
        self.node_within_limits(node, value)?;
        self.depth -= 1;
        Ok(())
    }

    fn node_within_limits(&mut self, node: &'s Node, value: &Value) -> Result<(), EncodeError> {
        match &node.kind {
            Kind::Array(item) => self.array(item, value),
            Kind::Map(entry) => self.map(entry, value),
            Kind::Union(branches) => self.union(branches, value),
            Kind::Named(id) => self.named(*id, value),
            primitive => self.primitive(primitive, node.logical, value),
        }
    }

    fn array(&mut self, item: &'s Node, value: &Value) -> Result<(), EncodeError> {
        let items = value.as_array().ok_or_else(|| expected("an array", value))?;
        if !items.is_empty() {
            self.writer().length(items.len());
            for (index, one) in items.iter().enumerate() {
                self.node(item, one).map_err(|error| error.in_item(index))?;
            }
        }
        self.writer().length(0);
        Ok(())
    }

    fn map(&mut self, entry: &'s Node, value: &Value) -> Result<(), EncodeError> {
        let entries = value.as_object().ok_or_else(|| expected("an object", value))?;
        // As generated code writes them, whatever order serde_json keeps: equal values have equal bytes.
        let entries: BTreeMap<_, _> = entries.iter().collect();
        if !entries.is_empty() {
            self.writer().length(entries.len());
            for (key, one) in entries {
                self.writer().string(key);
                self.node(entry, one).map_err(|error| error.in_key(key))?;
            }
        }
        self.writer().length(0);
        Ok(())
    }

    fn union(&mut self, branches: &'s [Node], value: &Value) -> Result<(), EncodeError> {
        if self.form == Form::Default {
            return self.first_fitting_branch(branches, value);
        }
        let null = branches.iter().position(|branch| matches!(branch.kind, Kind::Null));
        let (index, branch, inner) = match (value, null) {
            (Value::Null, Some(null)) => {
                write_index(&mut self.writer(), null);
                return Ok(());
            }
            (_, Some(null)) if branches.len() == 2 => {
                let other = 1 - null;
                (other, branches.get(other), value)
            }
            _ => self.named_branch(branches, value)?,
        };
        let branch = branch.ok_or_else(|| EncodeError::new("the union has no such branch"))?;
        write_index(&mut self.writer(), index);
        self.node(branch, inner)
    }

    /// Returns the branch that `{"branch": value}` names: by the word of its type, its full name or its simple name.
    fn named_branch<'v>(
        &self,
        branches: &'s [Node],
        value: &'v Value,
    ) -> Result<(usize, Option<&'s Node>, &'v Value), EncodeError> {
        let names: Vec<_> = branches.iter().map(|branch| self.schema.branch_name(branch)).collect();
        let help = || EncodeError::new(format!("expected {{\"branch\": value}} with one of {}", names.join(", ")));
        let object = value.as_object().filter(|object| object.len() == 1).ok_or_else(help)?;
        let (name, inner) = object.iter().next().ok_or_else(help)?;
        let full = names.iter().position(|one| one == name);
        let simple = || names.iter().position(|one| one.rsplit('.').next() == Some(name));
        // Null stands for itself.
        let index = full.or_else(simple).filter(|index| names.get(*index).is_some_and(|name| name != "null"));
        let index = index.ok_or_else(help)?;
        Ok((index, branches.get(index), inner))
    }

    fn first_fitting_branch(&mut self, branches: &'s [Node], value: &Value) -> Result<(), EncodeError> {
        let start = self.out.len();
        for (index, branch) in branches.iter().enumerate() {
            write_index(&mut self.writer(), index);
            let (depth, records) = (self.depth, self.records);
            if self.node(branch, value).is_ok() {
                return Ok(());
            }
            (self.depth, self.records) = (depth, records);
            self.out.truncate(start);
        }
        Err(expected("a value of one of the union's branches", value))
    }

    fn named(&mut self, id: NamedId, value: &Value) -> Result<(), EncodeError> {
        let schema = self.schema;
        let named = schema.named(id);
        match &named.body {
            Body::Record(fields) => {
                let object = value.as_object().ok_or_else(|| expected("an object", value))?;
                let deeper = u32::from(named.recursive);
                if self.records + deeper > MAX_DEPTH {
                    return Err(too_deep());
                }
                self.records += deeper;
                self.record(fields, object)?;
                self.records -= deeper;
                Ok(())
            }
            Body::Enum { symbols, .. } => {
                let symbol = value.as_str().ok_or_else(|| expected("a symbol as text", value))?;
                let index = symbols.iter().position(|one| one == symbol).ok_or_else(|| {
                    EncodeError::new(format!("`{symbol}` is none of the symbols {}", symbols.join(", ")))
                })?;
                write_index(&mut self.writer(), index);
                Ok(())
            }
            Body::Fixed(size) => self.fixed(*size, named.logical, value),
        }
    }

    fn record(&mut self, fields: &'s [Field], object: &Map<String, Value>) -> Result<(), EncodeError> {
        if let Some(unknown) = object.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
            return Err(EncodeError::new(format!("the schema has no field `{unknown}`")));
        }
        for field in fields {
            match (object.get(&field.name), &field.default) {
                (Some(value), _) => self.node(&field.node, value),
                (None, Some(default)) => {
                    let form = std::mem::replace(&mut self.form, Form::Default);
                    let result = self.node(&field.node, default);
                    self.form = form;
                    result
                }
                (None, None) => Err(EncodeError::new("the field is missing and has no default")),
            }
            .field(&field.name)?;
        }
        Ok(())
    }

    fn fixed(&mut self, size: usize, logical: Logical, value: &Value) -> Result<(), EncodeError> {
        if self.form == Form::Event {
            match logical {
                Logical::Decimal { precision, scale } if precision > DECIMAL_DIGITS => {
                    let decimal: BigDecimal = decimal(value)?;
                    return self.writer().big_decimal_fixed(&decimal, (precision, scale), size);
                }
                Logical::Decimal { precision, scale } => {
                    let decimal: Decimal = decimal(value)?;
                    return self.writer().decimal_fixed(decimal, (precision, scale), size);
                }
                Logical::Uuid => {
                    let uuid: Uuid = from_text(value, "a uuid as text")?;
                    self.writer().fixed(uuid.as_bytes());
                    return Ok(());
                }
                Logical::Duration => {
                    let duration: Duration = from_text(value, "a duration as text")?;
                    self.writer().duration(duration);
                    return Ok(());
                }
                _ => {}
            }
        }
        let bytes = self.bytes_of(value)?;
        if bytes.len() != size {
            return Err(EncodeError::new(format!("expected {size} bytes, found {}", bytes.len())));
        }
        self.writer().fixed(&bytes);
        Ok(())
    }

    fn primitive(&mut self, kind: &Kind, logical: Logical, value: &Value) -> Result<(), EncodeError> {
        if self.form == Form::Event && logical != Logical::None {
            return self.logical(logical, value);
        }
        match kind {
            Kind::Null => value.as_null().ok_or_else(|| expected("null", value)),
            Kind::Boolean => {
                value.as_bool().map(|value| self.writer().boolean(value)).ok_or_else(|| expected("a boolean", value))
            }
            Kind::Int => {
                let int = value.as_i64().and_then(|long| i32::try_from(long).ok());
                int.map(|int| self.writer().int(int)).ok_or_else(|| expected("an integer of 32 bits", value))
            }
            Kind::Long => value
                .as_i64()
                .map(|long| self.writer().long(long))
                .ok_or_else(|| expected("an integer of 64 bits", value)),
            Kind::Float => float::<f32>(value, self.form).map(|float| self.writer().float(float)),
            Kind::Double => float::<f64>(value, self.form).map(|double| self.writer().double(double)),
            Kind::Bytes => self.bytes_of(value).map(|bytes| self.writer().bytes(&bytes)),
            _ => value.as_str().map(|text| self.writer().string(text)).ok_or_else(|| expected("text", value)),
        }
    }

    fn logical(&mut self, logical: Logical, value: &Value) -> Result<(), EncodeError> {
        const ISO: &str = "as ISO 8601 text";
        match logical {
            Logical::Decimal { precision, scale } if precision > DECIMAL_DIGITS => {
                let decimal: BigDecimal = decimal(value)?;
                self.writer().big_decimal(&decimal, precision, scale)
            }
            Logical::Decimal { precision, scale } => {
                let decimal: Decimal = decimal(value)?;
                self.writer().decimal(decimal, precision, scale)
            }
            Logical::Uuid => from_text(value, "a uuid as text").map(|uuid| self.writer().uuid(uuid)),
            Logical::Date => from_text(value, &format!("a date {ISO}")).map(|date| self.writer().date(date)),
            Logical::TimeMillis => {
                from_text(value, &format!("a time {ISO}")).map(|time| self.writer().time_millis(time))
            }
            Logical::TimeMicros => {
                from_text(value, &format!("a time {ISO}")).map(|time| self.writer().time_micros(time))
            }
            Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos => {
                let timestamp = from_text(value, "a timestamp as RFC 3339 text")?;
                self.writer().timestamp(timestamp, logical)
            }
            _ => {
                let timestamp = from_text(value, &format!("a date and time {ISO}"))?;
                self.writer().local_timestamp(timestamp, logical)
            }
        }
    }

    fn bytes_of(&self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        let text = value.as_str().ok_or_else(|| expected("bytes as text", value))?;
        match self.form {
            Form::Event => STANDARD.decode(text).map_err(|error| EncodeError::new(format!("expected base64: {error}"))),
            Form::Default => text
                .chars()
                .map(|one| u8::try_from(one).map_err(|_| EncodeError::new("bytes are code points up to 255")))
                .collect(),
        }
    }
}

fn write_index(writer: &mut Writer<'_>, index: usize) {
    // Avro writes an index as it writes a count.
    writer.length(index);
}

/// A number that the type can only hold as an infinity is refused: nobody meant that.
fn float<T: FromStr + Into<f64> + Copy>(value: &Value, form: Form) -> Result<T, EncodeError> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        // What JSON has no number for: NaN, Infinity.
        Value::String(text) if form == Form::Event => text.clone(),
        _ => return Err(expected("a number", value)),
    };
    let float: T = text.parse().map_err(|_| expected("a number", value))?;
    match value {
        Value::Number(_) if !float.into().is_finite() => {
            Err(EncodeError::new(format!("{text} is outside the type's range")))
        }
        _ => Ok(float),
    }
}

fn decimal<T: JsonForm>(value: &Value) -> Result<T, EncodeError> {
    T::from_json(value).map_err(|error| EncodeError::new(error.to_string()))
}

fn from_text<T: FromStr<Err: Display>>(value: &Value, what: &str) -> Result<T, EncodeError> {
    let text = value.as_str().ok_or_else(|| expected(what, value))?;
    text.parse().map_err(|error| EncodeError::new(format!("expected {what}: {error}")))
}

fn expected(what: &str, found: &Value) -> EncodeError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    EncodeError::new(format!("expected {what}, found {found}"))
}
