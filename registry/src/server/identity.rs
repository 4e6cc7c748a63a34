//! When two schemas are the same one, and so share an id.
//!
//! Confluent compares `canonicalString()`, which prints the parsed model: white space, comments, the order of attributes
//! and the way in which a name is split into namespace and name do not count; docs, aliases and properties do. Here an
//! Avro schema is stored as it was written, less white space and comments, and compared by [`Identity`].

use std::collections::BTreeMap;

use eventwright_schema::compact_json;
use eventwright_schema::compat::AnySchema;
use serde_json::{Map, Value};

use crate::ReferenceEntry;

/// What makes a schema the same as another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    content: Content,
    references: Vec<ReferenceEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Content {
    Avro(String),
    Protobuf([u8; 32]),
    Json(String),
}

impl Identity {
    /// Returns the identity of a schema whose text, as it is stored, is `text`.
    pub(super) fn of(schema: &AnySchema, text: &str, references: &[ReferenceEntry]) -> Self {
        let content = match schema {
            AnySchema::Avro(_) => Content::Avro(same_for_same_meaning(text)),
            AnySchema::Protobuf(schema) => Content::Protobuf(schema.fingerprint().sha256),
            AnySchema::Json(_) => Content::Json(text.to_owned()),
        };
        Self { content, references: references.to_vec() }
    }
}

/// Returns the text as it is stored.
pub(super) fn stored_text(schema: &AnySchema) -> String {
    match schema {
        AnySchema::Avro(schema) => compact_json(schema.text()),
        AnySchema::Protobuf(schema) => schema.text().to_owned(),
        AnySchema::Json(schema) => compact_json(schema.text()),
    }
}

/// Returns one text for all the ways to write the same schema; of what serde_json does not take (too deep, too large a
/// number), the text itself.
fn same_for_same_meaning(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => of_type(&value, "").to_string(),
        Err(_) => text.to_owned(),
    }
}

fn of_type(value: &Value, namespace: &str) -> Value {
    match value {
        Value::String(name) => Value::String(full_name(name, namespace)),
        Value::Array(branches) => branches.iter().map(|branch| of_type(branch, namespace)).collect(),
        Value::Object(attributes) => of_object(attributes, namespace),
        other => other.clone(),
    }
}

fn of_object(attributes: &Map<String, Value>, namespace: &str) -> Value {
    let inner = attributes.get("type").unwrap_or(&Value::Null);
    match inner.as_str() {
        Some("record" | "error" | "enum" | "fixed") => of_named(attributes, namespace),
        Some("array") => with(attributes, |name, value| (name == "items").then(|| of_type(value, namespace))),
        Some("map") => with(attributes, |name, value| (name == "values").then(|| of_type(value, namespace))),
        // {"type": "string"} is "string".
        _ if attributes.len() == 1 => of_type(inner, namespace),
        _ => with(attributes, |name, value| (name == "type").then(|| of_type(value, namespace))),
    }
}

fn of_named(attributes: &Map<String, Value>, namespace: &str) -> Value {
    let text_of = |name: &str| attributes.get(name).and_then(Value::as_str);
    let full = full_name(text_of("name").unwrap_or(""), text_of("namespace").unwrap_or(namespace));
    let inside = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
    with(attributes, |name, value| match name {
        "name" => Some(Value::String(full.clone())),
        // It is in the name now.
        "namespace" => Some(Value::Null),
        "fields" => value.as_array().map(|fields| fields.iter().map(|field| of_field(field, inside)).collect()),
        _ => None,
    })
}

fn of_field(field: &Value, namespace: &str) -> Value {
    match field {
        Value::Object(attributes) => {
            with(attributes, |name, value| (name == "type").then(|| of_type(value, namespace)))
        }
        other => other.clone(),
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    const PRIMITIVE: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    if namespace.is_empty() || name.contains('.') || PRIMITIVE.contains(&name) {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

/// Returns the attributes in the order of their names, with those replaced that `replaced` has something for.
fn with(attributes: &Map<String, Value>, replaced: impl Fn(&str, &Value) -> Option<Value>) -> Value {
    let sorted: BTreeMap<&String, Value> = attributes
        .iter()
        .map(|(name, value)| (name, replaced(name, value).unwrap_or_else(|| value.clone())))
        .filter(|(name, value)| !(*name == "namespace" && value.is_null()))
        .collect();
    sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_schema_written_in_two_ways_is_the_same() {
        let check = |one: &str, other: &str| assert_eq!(same_for_same_meaning(one), same_for_same_meaning(other));
        check(r#"{"type":"string"}"#, r#""string""#);
        check(
            r#"{"type":"record","name":"a.R","fields":[{"name":"f","type":"E"}]}"#,
            r#"{"fields":[{"type":"a.E","name":"f"}],"namespace":"a","name":"R","type":"record"}"#,
        );
        check(
            r#"{"type":"record","name":"R","namespace":"a","fields":[{"name":"f","type":{"type":"enum","name":"E","namespace":"a","symbols":["X"]}}]}"#,
            r#"{"type":"record","name":"R","namespace":"a","fields":[{"name":"f","type":{"type":"enum","name":"E","symbols":["X"]}}]}"#,
        );
    }

    #[test]
    fn what_confluent_tells_apart_stays_apart() {
        let check = |one: &str, other: &str| assert_ne!(same_for_same_meaning(one), same_for_same_meaning(other));
        let record = |extra: &str| format!(r#"{{"type":"record","name":"R",{extra}"fields":[]}}"#);
        check(&record(""), &record(r#""doc":"d","#));
        check(&record(""), &record(r#""aliases":["Q"],"#));
        check(&record(""), &record(r#""namespace":"a","#));
        check(&record(""), &record(r#""owner":"me","#));
        check(r#"["null","int"]"#, r#"["int","null"]"#);
        check(r#"{"type":"int","logicalType":"date"}"#, r#""int""#);
    }
}
