//! Encodes values without generated code: from the JSON form to the bytes of a record, framed with the schema's id.

use eventwright::wire::framing::{self, SchemaId};
use eventwright_schema::compat::AnySchema;
use eventwright_schema::{avro, proto};
use serde_json::{Map, Value};

/// Encodes the values of one schema.
#[derive(Debug)]
pub(crate) struct Encoder {
    codec: Codec,
    /// Magic byte, id, and for Protobuf the message indexes.
    frame: Vec<u8>,
}

#[derive(Debug)]
enum Codec {
    Avro(avro::Schema),
    Protobuf { schema: proto::Schema, indexes: Vec<u32> },
}

/// Refuses what `tail` has masked: the mask would be written as data.
fn refuse_masked(schema: &avro::Schema, value: &Value) -> Result<(), String> {
    let refuse = |path: String| {
        let mask = avro::dynamic::MASK;
        format!("`{path}`: expected personal data, found its mask `{mask}`; help: read it with `tail --reveal`")
    };
    avro::dynamic::masked_field(schema, value).map_or(Ok(()), |path| Err(refuse(path)))
}

/// A value as bytes, and as whoever reads the bytes sees it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    value: Value,
}

impl Encoder {
    /// Returns the encoder of a schema; for Protobuf, of the message of that full name.
    ///
    /// # Errors
    /// A message that the schema does not have.
    pub(crate) fn new(schema: AnySchema, full_name: Option<&str>, id: SchemaId) -> Result<Self, String> {
        let mut frame = Vec::new();
        framing::write_header(id, &mut frame);
        let codec = match schema {
            AnySchema::Avro(schema) => Codec::Avro(schema),
            AnySchema::Protobuf(schema) => {
                let full_name = full_name.ok_or("the file has no message")?;
                let indexes = schema.indexes_of(full_name);
                let indexes = indexes.ok_or_else(|| format!("the file has no message `{full_name}`"))?;
                framing::write_message_indexes(&indexes, &mut frame);
                Codec::Protobuf { schema, indexes }
            }
            AnySchema::Json(_) => return Err("values of JSON Schema are not written yet".into()),
        };
        Ok(Self { codec, frame })
    }

    /// Encodes a value.
    ///
    /// # Errors
    /// A value that the schema has no place for, with the path to what is wrong.
    pub(crate) fn encode(&self, value: &Value) -> Result<Encoded, String> {
        let mut bytes = self.frame.clone();
        let payload = |bytes: &Vec<u8>| bytes.get(self.frame.len()..).unwrap_or_default().to_vec();
        // The value is read back, so that a key is that of the record and not that of the input: with defaults, and in
        // the one text form that a typed producer makes of it.
        let value = match &self.codec {
            Codec::Avro(schema) => {
                refuse_masked(schema, value)?;
                avro::dynamic::encode_json(schema, value, &mut bytes).map_err(|error| error.to_string())?;
                avro::dynamic::decode_json(schema, &payload(&bytes))
            }
            Codec::Protobuf { schema, indexes } => {
                let message = schema.message_at(indexes).expect("the indexes are those of a message of this file");
                let encoded = proto::dynamic::encode_json(&message, value, &mut bytes);
                encoded.map_err(|error| error.to_string())?;
                proto::dynamic::decode_json(&message, &payload(&bytes))
            }
        };
        let value = value.map_err(|error| format!("the value cannot be read back: {error}"))?;
        Ok(Encoded { bytes, value })
    }

    /// Returns whether the record or message has a field.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        match &self.codec {
            Codec::Avro(schema) => {
                let fields = schema.root_named().and_then(|(_, named)| named.fields());
                fields.is_some_and(|fields| fields.iter().any(|field| field.name == name))
            }
            Codec::Protobuf { schema, indexes } => {
                schema.message_at(indexes).is_some_and(|message| message.get_field_by_name(name).is_some())
            }
        }
    }

    /// Encodes the key of an event's value: a record of the fields that the value has as well; the others have defaults.
    ///
    /// # Errors
    /// A value without a field that the key needs.
    pub(crate) fn encode_key(&self, event: &Self, encoded: &Encoded) -> Result<Vec<u8>, String> {
        let Codec::Avro(schema) = &self.codec else { return Err("keys are Avro".into()) };
        let fields = schema.root_named().and_then(|(_, named)| named.fields()).unwrap_or_default();
        let field = |field: &avro::Field| Some((field.name.clone(), event.field_for(encoded, field)?));
        let key: Map<_, _> = fields.iter().filter_map(field).collect();
        self.encode(&Value::Object(key)).map(|key| key.bytes).map_err(|why| format!("the key: {why}"))
    }

    /// Returns the value of a key's field, `None` where the event has no such field.
    fn field_for(&self, encoded: &Encoded, wanted: &avro::Field) -> Option<Value> {
        let name = &wanted.name;
        let Codec::Protobuf { schema, indexes } = &self.codec else { return encoded.value.get(name).cloned() };
        schema.message_at(indexes)?.get_field_by_name(name)?;
        let value = protobuf_field(schema, indexes, &encoded.value, name).unwrap_or(Value::Null);
        // Protobuf's JSON has integers of 64 bits as text, Avro's as numbers.
        let is_long = matches!(wanted.node.kind, avro::Kind::Long);
        let number = value.as_str().filter(|_| is_long).and_then(|text| text.parse::<i64>().ok());
        Some(number.map_or(value, Value::from))
    }

    /// Returns the text of a field, as it is in keys and headers; `None` where the value does not have it.
    ///
    /// # Errors
    /// A field of many values, which has no such text.
    pub(crate) fn text(&self, encoded: &Encoded, name: &str) -> Result<Option<String>, String> {
        let field = match &self.codec {
            Codec::Avro(_) => encoded.value.get(name).cloned(),
            Codec::Protobuf { schema, indexes } => protobuf_field(schema, indexes, &encoded.value, name),
        };
        match field {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(single @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(single.to_string())),
            Some(_) => Err(format!("`{name}`: a field of several values cannot be a key")),
        }
    }
}

/// Returns a field of a message in its JSON form, which leaves out what has its default.
fn protobuf_field(schema: &proto::Schema, indexes: &[u32], value: &Value, name: &str) -> Option<Value> {
    let field = schema.message_at(indexes)?.get_field_by_name(name)?;
    if let Some(found) = value.get(field.json_name()) {
        return Some(found.clone());
    }
    if field.supports_presence() {
        return None;
    }
    let default = field.default_value();
    if default.as_bytes().is_some() {
        return Some("".into());
    }
    Some(match (default.as_str(), default.as_bool(), field.kind().as_enum()) {
        (Some(text), _, _) => text.into(),
        (_, Some(boolean), _) => boolean.into(),
        (_, _, Some(symbols)) => symbols.default_value().name().into(),
        _ => 0.into(),
    })
}

#[cfg(test)]
mod tests {
    use eventwright_schema::Format;
    use eventwright_schema::compat::parse_any;
    use serde_json::json;

    use super::*;

    const RECORD: &str = r#"{"type":"record","name":"R","fields":[
        {"name":"id","type":{"type":"string","logicalType":"uuid"}},
        {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":28,"scale":2},"default":"\u0001"},
        {"name":"n","type":"long","default":7},
        {"name":"x","type":"double","default":0.5},
        {"name":"note","type":["null","string"],"default":null},
        {"name":"tags","type":{"type":"array","items":"string"},"default":[]}]}"#;

    const FILE: &str = "syntax = \"proto3\"; package p; enum Kind { NONE = 0; SOME = 1; } message Other {} \
        message M { string order_id = 1; int64 count = 2; bool is_new = 3; Kind kind = 4; optional string note = 5; \
        repeated int32 many = 6; double x = 7; float y = 8; }";

    fn encoder(format: Format, text: &str, full_name: &str) -> Encoder {
        Encoder::new(parse_any(format, "test", text, &[]).unwrap(), Some(full_name), SchemaId(258)).unwrap()
    }

    fn avro_value(text: &str) -> (Encoder, Result<Encoded, String>) {
        let encoder = encoder(Format::Avro, RECORD, "R");
        let encoded = encoder.encode(&serde_json::from_str(text).unwrap());
        (encoder, encoded)
    }

    #[test]
    fn texts_are_those_of_the_record_and_not_those_of_the_input() {
        let (encoder, encoded) = avro_value(r#"{"id": "0B9C8F1E3A524D0C9D521F2B0B3F9D11"}"#);
        let encoded = encoded.unwrap();
        assert!(encoded.bytes.starts_with(&[0, 0, 0, 1, 2]));
        let check = |field: &str, expected: Option<&str>| {
            assert_eq!(encoder.text(&encoded, field).unwrap().as_deref(), expected, "{field}");
        };
        check("id", Some("0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11"));
        check("n", Some("7"));
        check("price", Some("0.01"));
        check("note", None);
        assert!(encoder.text(&encoded, "tags").is_err());
        assert!(encoder.has_field("n") && !encoder.has_field("m"));
    }

    #[test]
    fn numbers_are_never_floats_on_their_way() {
        let id = "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11";
        let check = |number: &str, field: &str, expected: &str| {
            let (encoder, encoded) = avro_value(&format!(r#"{{"id": "{id}", "{field}": {number}}}"#));
            assert_eq!(encoder.text(&encoded.unwrap(), field).unwrap().as_deref(), Some(expected));
        };
        check("12345678901234567890123456.78", "price", "12345678901234567890123456.78");
        check("19.90", "price", "19.90");
        check("5", "price", "5.00");
        check("9223372036854775807", "n", "9223372036854775807");
        check("-9223372036854775808", "n", "-9223372036854775808");
        check("1.50", "x", "1.5");
        check("1e3", "x", "1000.0");
    }

    #[test]
    fn values_that_do_not_fit_say_where() {
        let check = |text: &str, expected: &str| assert_eq!(avro_value(text).1.unwrap_err(), expected);
        check("{}", "`id`: the field is missing and has no default");
        check(
            r#"{"id": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "tags": ["a", 1]}"#,
            "`tags[1]`: expected text, found a number",
        );
        check(
            r#"{"id": "0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11", "n": 1.5}"#,
            "`n`: expected an integer of 64 bits, found a number",
        );
    }

    #[test]
    fn protobuf_fields_with_their_default_have_a_text_as_well() {
        let encoder = encoder(Format::Protobuf, FILE, "p.M");
        let check = |value: Value, field: &str, expected: Option<&str>| {
            let encoded = encoder.encode(&value).unwrap();
            assert!(encoded.bytes.starts_with(&[0, 0, 0, 1, 2, 2, 2]));
            assert_eq!(encoder.text(&encoded, field).unwrap().as_deref(), expected);
        };
        check(json!({"orderId": "a"}), "order_id", Some("a"));
        check(json!({"order_id": "a"}), "order_id", Some("a"));
        check(json!({}), "order_id", Some(""));
        check(json!({"count": "-5"}), "count", Some("-5"));
        check(json!({}), "count", Some("0"));
        check(json!({}), "is_new", Some("false"));
        check(json!({"kind": 1}), "kind", Some("SOME"));
        check(json!({}), "kind", Some("NONE"));
        check(json!({}), "note", None);
        check(json!({"note": ""}), "note", Some(""));
    }

    #[test]
    fn protobuf_takes_numbers_however_they_are_written() {
        let encoder = encoder(Format::Protobuf, FILE, "p.M");
        let check = |number: &str, field: &str, expected: &str| {
            let value = serde_json::from_str(&format!(r#"{{"{field}": {number}}}"#)).unwrap();
            let encoded = encoder.encode(&value).unwrap();
            assert_eq!(encoder.text(&encoded, field).unwrap().as_deref(), Some(expected), "{number}");
        };
        check("1.50", "x", "1.5");
        check("19.9000", "x", "19.9");
        check("19.9000", "y", "19.9");
        check("10000000000000", "y", "1e+13");
        check("1e13", "y", "1e+13");
        check("1e3", "x", "1000.0");
        check("1e3", "count", "1000");
        check("9223372036854775807", "count", "9223372036854775807");
        let value = serde_json::from_str(r#"{"x": 1e400}"#).unwrap();
        let error = encoder.encode(&value).unwrap_err();
        assert!(error.ends_with("`x`: expected a number within its range, found `1e+400`"), "{error}");
    }
}
