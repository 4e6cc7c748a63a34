//! Encodes a field's default, whose JSON form is another one than that of events (Avro 1.12, "default"): base types, bytes
//! as text of their code points, unions as whichever branch fits first.

use std::collections::BTreeMap;
use std::str::FromStr;

use eventwright_wire::EncodeError;
use eventwright_wire::avro::{InField, MAX_DEPTH, Writer, too_deep};
use serde_json::{Map, Value};

use super::super::model::{Body, Field, Kind, NamedId, Node, Schema};

/// How deep values may nest: three for each of the records that may stand in each other, such as a union, a list and the
/// record, and some more. A record whose default holds a default of itself would never end.
const MAX_NESTING: u32 = 320;

/// How many values one default may come to: records whose defaults hold two of the next one double at each level.
const MAX_VALUES: u32 = 1 << 16;

pub(super) struct Encoder<'s, 'o> {
    schema: &'s Schema,
    out: &'o mut Vec<u8>,
    depth: u32,
    /// How many records the value is in, of those that may hold themselves.
    records: u32,
    values: u32,
}

impl<'s, 'o> Encoder<'s, 'o> {
    pub(super) fn new(schema: &'s Schema, out: &'o mut Vec<u8>) -> Self {
        Self { schema, out, depth: 0, records: 0, values: 0 }
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.out)
    }

    pub(super) fn node(&mut self, node: &'s Node, value: &Value) -> Result<(), EncodeError> {
        if self.depth == MAX_NESTING {
            return Err(EncodeError::new("the value nests deeper than 320 levels"));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(EncodeError::new("the default holds more than 65,536 values"));
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
            Kind::Union(branches) => self.first_fitting_branch(branches, value),
            Kind::Named(id) => self.named(*id, value),
            primitive => self.primitive(primitive, value),
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
            Body::Fixed(size) => self.fixed(*size, value),
        }
    }

    fn record(&mut self, fields: &'s [Field], object: &Map<String, Value>) -> Result<(), EncodeError> {
        if let Some(unknown) = object.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
            return Err(EncodeError::new(format!("the schema has no field `{unknown}`")));
        }
        for field in fields {
            let value = object.get(&field.name).or(field.default.as_ref());
            let missing = || EncodeError::new("the field is missing and has no default");
            value.ok_or_else(missing).and_then(|value| self.node(&field.node, value)).field(&field.name)?;
        }
        Ok(())
    }

    fn fixed(&mut self, size: usize, value: &Value) -> Result<(), EncodeError> {
        let bytes = bytes_of(value)?;
        if bytes.len() != size {
            return Err(EncodeError::new(format!("expected {size} bytes, found {}", bytes.len())));
        }
        self.writer().fixed(&bytes);
        Ok(())
    }

    fn primitive(&mut self, kind: &Kind, value: &Value) -> Result<(), EncodeError> {
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
            Kind::Float => float::<f32>(value).map(|float| self.writer().float(float)),
            Kind::Double => float::<f64>(value).map(|double| self.writer().double(double)),
            Kind::Bytes => bytes_of(value).map(|bytes| self.writer().bytes(&bytes)),
            _ => value.as_str().map(|text| self.writer().string(text)).ok_or_else(|| expected("text", value)),
        }
    }
}

fn bytes_of(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let text = value.as_str().ok_or_else(|| expected("bytes as text", value))?;
    let too_large = |_| EncodeError::new("bytes are code points up to 255");
    text.chars().map(|one| u8::try_from(one).map_err(too_large)).collect()
}

fn write_index(writer: &mut Writer<'_>, index: usize) {
    // Avro writes an index as it writes a count.
    writer.length(index);
}

/// A number that the type can only hold as an infinity is refused: nobody meant that.
fn float<T: FromStr + Into<f64> + Copy>(value: &Value) -> Result<T, EncodeError> {
    let Value::Number(number) = value else { return Err(expected("a number", value)) };
    let text = number.to_string();
    let float: T = text.parse().map_err(|_| expected("a number", value))?;
    if float.into().is_finite() {
        Ok(float)
    } else {
        Err(EncodeError::new(format!("{text} is outside the type's range")))
    }
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
