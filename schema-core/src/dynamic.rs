//! Values of a schema in any language as JSON, without generated code.
//!
//! In: a schema as a registry has it, and the payload of a record behind its frame. Out: the payload in the JSON form, or why it
//! has none.

use eventwright_wire::framing;
use serde_json::Value;

use crate::compat::{AnySchema, parse_any};
use crate::{Format, Reference, avro, proto};

/// What becomes of fields that a schema marks as personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pii {
    /// [`avro::dynamic::MASK`] stands in their place.
    Masked,
    /// They are shown.
    Shown,
}

/// A value, and what it is a value of.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The full name of its record or message, where the schema tells which one it is.
    pub full_name: Option<String>,
    /// The value in the JSON form, or why it cannot be decoded.
    pub value: Result<Value, String>,
}

/// Parses a schema whose values are to be decoded; references come in the order of their dependencies.
///
/// # Errors
/// The first thing that is wrong with the text or with a reference, or a language whose values are not read.
pub fn parse(format: Format, name: &str, text: &str, references: &[Reference]) -> Result<AnySchema, String> {
    if format == Format::Json {
        return Err("the schema cannot be used: values of JSON Schema are not read yet".into());
    }
    parse_any(format, name, text, references).map_err(|problems| {
        let problem = problems.first().map(ToString::to_string).unwrap_or_default();
        format!("the schema cannot be used: {problem}")
    })
}

/// Decodes what stands behind magic byte and id: for Protobuf the message indexes, and the value.
#[must_use]
pub fn decode(schema: &AnySchema, payload: &[u8], pii: Pii) -> Decoded {
    match schema {
        AnySchema::Avro(schema) => decode_avro(schema, payload, pii),
        AnySchema::Protobuf(schema) => decode_protobuf(schema, payload),
        #[cfg(feature = "json")]
        AnySchema::Json(_) => nameless("values of JSON Schema are not read yet"),
    }
}

fn decode_avro(schema: &avro::Schema, payload: &[u8], pii: Pii) -> Decoded {
    let mut value = avro::dynamic::decode_json(schema, payload);
    if let (Ok(value), Pii::Masked) = (&mut value, pii) {
        avro::dynamic::mask(schema, value);
    }
    let full_name = schema.root_named().map(|(_, named)| named.name.full());
    Decoded { full_name, value: value.map_err(|error| error.to_string()) }
}

fn decode_protobuf(schema: &proto::Schema, payload: &[u8]) -> Decoded {
    let (indexes, bytes) = match framing::split_message_indexes(payload) {
        Ok(split) => split,
        Err(error) => return nameless(error),
    };
    let Some(message) = schema.message_at(&indexes) else {
        return nameless(format!("the schema has no message at the indexes {indexes:?}"));
    };
    let value = proto::dynamic::decode_json(&message, bytes).map_err(|error| error.to_string());
    Decoded { full_name: Some(message.full_name().to_owned()), value }
}

fn nameless(why: impl ToString) -> Decoded {
    Decoded { full_name: None, value: Err(why.to_string()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AVRO: &str = r#"{"type":"record","name":"a.Order","fields":[{"name":"id","type":"string","pii":true}]}"#;
    const PROTO: &str = "syntax = \"proto3\"; package a; message Other {} message Paid { string id = 1; }";

    fn check(format: Format, payload: &[u8], pii: Pii, full_name: Option<&str>, value: Result<Value, &str>) {
        let text = if format == Format::Avro { AVRO } else { PROTO };
        let decoded = decode(&parse(format, "test", text, &[]).unwrap(), payload, pii);
        assert_eq!(decoded.full_name.as_deref(), full_name, "{payload:?}");
        match (decoded.value, value) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{payload:?}"),
        }
    }

    #[test]
    fn a_value_is_that_of_its_schema_or_the_reason_why_there_is_none() {
        let order = Some("a.Order");
        check(Format::Avro, b"\x04ab", Pii::Shown, order, Ok(json!({"id": "ab"})));
        check(Format::Avro, b"\x04ab", Pii::Masked, order, Ok(json!({"id": "***"})));
        check(Format::Avro, b"\x04a", Pii::Shown, order, Err("id"));
        check(Format::Protobuf, b"\x02\x02\x0a\x02ab", Pii::Masked, Some("a.Paid"), Ok(json!({"id": "ab"})));
        check(Format::Protobuf, b"\x02\x08", Pii::Masked, None, Err("no message at the indexes [4]"));
    }

    #[test]
    fn a_schema_that_is_none_says_why() {
        let why = |format, text| parse(format, "test", text, &[]).unwrap_err();
        assert!(why(Format::Avro, "{").starts_with("the schema cannot be used: "));
        assert!(why(Format::Json, "{}").contains("values of JSON Schema are not read yet"));
    }
}
