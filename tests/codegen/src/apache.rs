//! apache-avro 0.22 as the other opinion: what it encodes and decodes, between its values and the JSON form of events.

use std::collections::HashMap;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{InnerDecimalSchema, NamesRef, RecordSchema, ResolvedSchema, UnionSchema};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Decimal, Schema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::avro::Duration;
use eventwright_wire::bigdecimal::BigDecimal;
use eventwright_wire::bigdecimal::num_bigint::BigInt;
use eventwright_wire::jiff::civil::{Date, DateTime, Time};
use eventwright_wire::jiff::tz::TimeZone;
use eventwright_wire::jiff::{Span, Timestamp};
use eventwright_wire::uuid::Uuid;
use serde_json::{Value as Json, json};

use crate::random;

/// Encodes a value in the JSON form.
#[must_use]
pub fn encode(text: &str, json: &Json) -> Vec<u8> {
    let schema = parse(text);
    let resolved = ResolvedSchema::try_from(&schema).expect("apache-avro resolves the names");
    let value = Names(resolved.get_names()).value(&schema, json);
    let writer = GenericDatumWriter::builder(&schema).build().expect("apache-avro makes a writer");
    writer.write_value_to_vec(value).expect("apache-avro encodes the value")
}

/// Decodes bytes into the JSON form, resolved for `reader` where that is given.
///
/// # Errors
/// What apache-avro says.
pub fn decode(writer: &str, reader: Option<&str>, bytes: &[u8]) -> Result<Json, String> {
    let writer = parse(writer);
    let reader = reader.map(parse);
    let datum = GenericDatumReader::builder(&writer).maybe_reader_schema(reader.as_ref()).build();
    let datum = datum.map_err(|error| error.to_string())?;
    let value = datum.read_value(&mut &*bytes).map_err(|error| error.to_string())?;
    let schema = reader.as_ref().unwrap_or(&writer);
    let resolved = ResolvedSchema::try_from(schema).expect("apache-avro resolves the names");
    Ok(Names(resolved.get_names()).json(schema, &value))
}

/// Parses a schema, without the defaults of uuids and durations in a fixed: apache-avro 0.22 refuses them.
fn parse(text: &str) -> Schema {
    let mut json: Json = serde_json::from_str(text).expect("golden schemas are JSON");
    let fields = json.get_mut("fields").and_then(Json::as_array_mut).expect("golden schemas are records");
    for field in fields {
        let is = |pointer: &str, word: &str| field.pointer(pointer).is_some_and(|found| found == word);
        if is("/type/type", "fixed") && (is("/type/logicalType", "uuid") || is("/type/logicalType", "duration")) {
            field.as_object_mut().expect("a field is an object").remove("default");
        }
    }
    Schema::parse(&json).expect("apache-avro parses the schema")
}

/// The named types of a schema.
#[derive(Clone, Copy)]
struct Names<'s>(&'s NamesRef<'s>);

impl Names<'_> {
    fn value(self, schema: &Schema, json: &Json) -> Value {
        let text = || json.as_str().expect("text");
        match schema {
            Schema::Null => Value::Null,
            Schema::Boolean => Value::Boolean(json.as_bool().expect("a boolean")),
            Schema::Int => Value::Int(int(json.as_i64().expect("an int"))),
            Schema::Long => Value::Long(json.as_i64().expect("a long")),
            Schema::Float => Value::Float(json.to_string().parse().expect("a float")),
            Schema::Double => Value::Double(json.to_string().parse().expect("a double")),
            Schema::Bytes => Value::Bytes(base64(json)),
            Schema::String => Value::String(text().to_owned()),
            Schema::Array(array) => Value::Array(items(json).map(|item| self.value(&array.items, item)).collect()),
            Schema::Map(map) => {
                let entries = json.as_object().expect("an object").iter();
                Value::Map(
                    entries.map(|(key, one)| (key.clone(), self.value(&map.types, one))).collect::<HashMap<_, _>>(),
                )
            }
            Schema::Union(union) => self.union_value(union, json),
            Schema::Record(record) => self.record_value(record, json),
            Schema::Enum(one) => {
                let index = one.symbols.iter().position(|symbol| symbol == text()).expect("a symbol");
                Value::Enum(u32::try_from(index).expect("few symbols"), text().to_owned())
            }
            Schema::Fixed(fixed) => Value::Fixed(fixed.size, base64(json)),
            Schema::Ref { name } => self.value(self.0.get(name).expect("a known name"), json),
            logical => logical_value(logical, text()),
        }
    }

    fn union_value(self, union: &UnionSchema, json: &Json) -> Value {
        let mut branches = (0..).zip(union.variants());
        let named = (!is_plain(union) && !json.is_null()).then(|| json.as_object().and_then(|one| one.iter().next()));
        let (name, json) = match named {
            Some(branch) => branch.map(|(name, value)| (Some(name), value)).expect("a branch and its value"),
            None => (None, json),
        };
        let is_meant = |branch: &Schema| match name {
            Some(name) => branch_name(branch) == *name,
            None => matches!(branch, Schema::Null) == json.is_null(),
        };
        let (index, branch) = branches.find(|(_, branch)| is_meant(branch)).expect("a branch of the union");
        Value::Union(index, Box::new(self.value(branch, json)))
    }

    fn union_json(self, union: &UnionSchema, index: u32, value: &Value) -> Json {
        let branch = union.variants().get(usize::try_from(index).expect("a small index")).expect("a branch");
        let json = self.json(branch, value);
        if is_plain(union) || json.is_null() { json } else { json!({ branch_name(branch): json }) }
    }

    fn record_value(self, record: &RecordSchema, json: &Json) -> Value {
        let fields = record.fields.iter();
        Value::Record(fields.map(|field| (field.name.clone(), self.value(&field.schema, &json[&field.name]))).collect())
    }

    fn json(self, schema: &Schema, value: &Value) -> Json {
        match (schema, value) {
            (Schema::Ref { name }, value) => self.json(self.0.get(name).expect("a known name"), value),
            (Schema::Union(union), Value::Union(index, value)) => self.union_json(union, *index, value),
            (Schema::Array(array), Value::Array(items)) => {
                items.iter().map(|item| self.json(&array.items, item)).collect()
            }
            (Schema::Map(map), Value::Map(entries)) => {
                Json::Object(entries.iter().map(|(key, one)| (key.clone(), self.json(&map.types, one))).collect())
            }
            (Schema::Record(record), Value::Record(values)) => {
                let fields = record.fields.iter().zip(values);
                Json::Object(fields.map(|(field, (name, one))| (name.clone(), self.json(&field.schema, one))).collect())
            }
            (Schema::Decimal(decimal), Value::Decimal(value)) => {
                let bytes = Vec::<u8>::try_from(value).expect("a decimal has bytes");
                json!(decimal_text(&bytes, u32::try_from(decimal.scale).expect("a small scale")))
            }
            (_, value) => scalar_json(value),
        }
    }
}

/// Returns whether the union is of null and one other branch, so that its values stand for themselves.
fn is_plain(union: &UnionSchema) -> bool {
    union.variants().len() == 2 && union.variants().iter().any(|branch| matches!(branch, Schema::Null))
}

/// Returns a branch's name in the JSON form: that of the type that a logical type stands on.
fn branch_name(branch: &Schema) -> String {
    if let Some(name) = branch.name() {
        return name.fullname(None);
    }
    let word = match branch {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int | Schema::Date | Schema::TimeMillis => "int",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes | Schema::Decimal(_) => "bytes",
        Schema::String | Schema::Uuid(_) => "string",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        _ => "long",
    };
    word.to_owned()
}

fn logical_value(schema: &Schema, text: &str) -> Value {
    let timestamp = || text.parse::<Timestamp>().expect("a timestamp");
    let local =
        || text.parse::<DateTime>().expect("a local timestamp").to_zoned(TimeZone::UTC).expect("in range").timestamp();
    let midnight = || text.parse::<Time>().expect("a time").since(Time::midnight()).expect("after midnight");
    match schema {
        Schema::Decimal(decimal) => Value::Decimal(decimal_value(text, decimal)),
        Schema::Uuid(_) => Value::Uuid(text.parse().expect("a uuid")),
        Schema::Duration(_) => {
            let Duration { months, days, millis } = text.parse().expect("a duration");
            let (months, days) = (apache_avro::Months::new(months), apache_avro::Days::new(days));
            Value::Duration(apache_avro::Duration::new(months, days, apache_avro::Millis::new(millis)))
        }
        Schema::Date => {
            let date: Date = text.parse().expect("a date");
            Value::Date(date.since(Date::constant(1970, 1, 1)).expect("a span").get_days())
        }
        Schema::TimeMillis => Value::TimeMillis(int(microseconds(midnight()) / 1000)),
        Schema::TimeMicros => Value::TimeMicros(microseconds(midnight())),
        Schema::TimestampMillis => Value::TimestampMillis(timestamp().as_millisecond()),
        Schema::TimestampMicros => Value::TimestampMicros(timestamp().as_microsecond()),
        Schema::TimestampNanos => Value::TimestampNanos(nanoseconds(timestamp())),
        Schema::LocalTimestampMillis => Value::LocalTimestampMillis(local().as_millisecond()),
        Schema::LocalTimestampMicros => Value::LocalTimestampMicros(local().as_microsecond()),
        Schema::LocalTimestampNanos => Value::LocalTimestampNanos(nanoseconds(local())),
        other => panic!("no golden schema has {other:?}"),
    }
}

fn scalar_json(value: &Value) -> Json {
    let local = |timestamp: Timestamp| json!(timestamp.to_zoned(TimeZone::UTC).datetime().to_string());
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::Float(value) => random::float(*value),
        Value::Double(value) => json!(value),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => json!(STANDARD.encode(bytes)),
        Value::String(text) | Value::Enum(_, text) => json!(text),
        Value::Uuid(uuid) => json!(Uuid::from_u128(uuid.as_u128()).to_string()),
        Value::Duration(value) => {
            let (months, days) = (value.months().into(), value.days().into());
            json!(Duration { months, days, millis: value.millis().into() }.to_string())
        }
        Value::Date(days) => {
            json!(Date::constant(1970, 1, 1).checked_add(Span::new().days(*days)).expect("in range").to_string())
        }
        Value::TimeMillis(millis) => {
            json!((Time::midnight() + Span::new().milliseconds(i64::from(*millis))).to_string())
        }
        Value::TimeMicros(micros) => json!((Time::midnight() + Span::new().microseconds(*micros)).to_string()),
        Value::TimestampMillis(count) => json!(Timestamp::from_millisecond(*count).expect("in range").to_string()),
        Value::TimestampMicros(count) => json!(Timestamp::from_microsecond(*count).expect("in range").to_string()),
        Value::TimestampNanos(count) => json!(of_nanoseconds(*count).to_string()),
        Value::LocalTimestampMillis(count) => local(Timestamp::from_millisecond(*count).expect("in range")),
        Value::LocalTimestampMicros(count) => local(Timestamp::from_microsecond(*count).expect("in range")),
        Value::LocalTimestampNanos(count) => local(of_nanoseconds(*count)),
        other => panic!("no golden schema gives {other:?}"),
    }
}

fn items(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().expect("an array").iter()
}

fn base64(json: &Json) -> Vec<u8> {
    STANDARD.decode(json.as_str().expect("text")).expect("base64")
}

fn int(value: i64) -> i32 {
    i32::try_from(value).expect("an int")
}

fn microseconds(span: Span) -> i64 {
    i64::try_from(span.to_duration(Date::constant(1970, 1, 1)).expect("a duration").as_micros()).expect("within a day")
}

fn nanoseconds(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_nanosecond()).expect("in range")
}

fn of_nanoseconds(count: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(count)).expect("in range")
}

/// The unscaled number in the fewest bytes, or in those of the fixed.
fn decimal_value(text: &str, schema: &apache_avro::schema::DecimalSchema) -> Decimal {
    let (unscaled, scale) = text.parse::<BigDecimal>().expect("a decimal").into_bigint_and_scale();
    assert_eq!(usize::try_from(scale), Ok(schema.scale), "random decimals have all digits");
    let mut bytes = unscaled.to_signed_bytes_be();
    if let InnerDecimalSchema::Fixed(fixed) = &schema.inner {
        let sign = if text.starts_with('-') { 0xff } else { 0 };
        let padding = vec![sign; fixed.size.checked_sub(bytes.len()).expect("a decimal that fits")];
        bytes.splice(..0, padding);
    }
    Decimal::from(bytes)
}

fn decimal_text(bytes: &[u8], scale: u32) -> String {
    BigDecimal::new(BigInt::from_signed_bytes_be(bytes), i64::from(scale)).to_plain_string()
}
