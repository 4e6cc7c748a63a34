//! Schemas with what they refer to: as models, and for apache-avro as one text in which every type is defined where it is
//! used first.

use eventwright_schema::{Reference, avro, proto};
use eventwright_wire::{EventSchema, SchemaReference};
use serde_json::Value;

/// Parses the Avro schema of an event.
#[must_use]
pub fn avro_schema(schema: &EventSchema) -> avro::Schema {
    avro::parse_with(schema.event, schema.text, &in_order(schema.references)).expect("golden schemas parse")
}

/// Parses the Protobuf file of an event.
#[must_use]
pub fn proto_schema(schema: &EventSchema) -> proto::Schema {
    proto::parse(schema.event, schema.text, &in_order(schema.references)).expect("golden schemas parse")
}

/// Returns the Avro schema of an event as a text that refers to no other.
#[must_use]
pub fn self_contained(schema: &EventSchema) -> String {
    let mut open = in_order(schema.references);
    match open.is_empty() {
        true => schema.text.to_owned(),
        false => inlined(serde_json::from_str(schema.text).expect("golden schemas are JSON"), &mut open).to_string(),
    }
}

/// Each reference after those that it needs, and once.
fn in_order(references: &[SchemaReference]) -> Vec<Reference> {
    let mut ordered: Vec<Reference> = Vec::new();
    for reference in references {
        let own = Reference { name: reference.name.to_owned(), text: reference.text.to_owned() };
        for one in in_order(reference.references).into_iter().chain([own]) {
            if !ordered.contains(&one) {
                ordered.push(one);
            }
        }
    }
    ordered
}

/// Puts each definition of `open` where its name stands first: as a full name, or as a name in the same namespace.
fn inlined(value: Value, open: &mut Vec<Reference>) -> Value {
    match value {
        Value::String(name) => {
            let is_named = |one: &Reference| one.name == name || one.name.rsplit('.').next() == Some(name.as_str());
            match open.iter().position(is_named) {
                Some(index) => {
                    let text = open.remove(index).text;
                    inlined(serde_json::from_str(&text).expect("golden schemas are JSON"), open)
                }
                None => Value::String(name),
            }
        }
        Value::Array(items) => items.into_iter().map(|item| inlined(item, open)).collect(),
        Value::Object(fields) => {
            let is_type = |key: &str| matches!(key, "type" | "items" | "values" | "fields");
            let field =
                |(key, value): (String, Value)| if is_type(&key) { (key, inlined(value, open)) } else { (key, value) };
            fields.into_iter().map(field).collect()
        }
        other => other,
    }
}
