//! Values that a schema is likely to accept, or to refuse by a little: what its keywords name, and what is just beside it.

use serde_json::{Map, Value, json};

use super::validate::{Judgement, Validator};

/// Values of each type.
pub(super) const GENERIC: &[&str] = &[
    "1",
    "\"a\"",
    "true",
    "null",
    "0.5",
    "[]",
    "{}",
    "-1",
    "\"\"",
    "0",
    "[1]",
    "[\"a\",\"a\"]",
    "{\"x\":1}",
    "1000000",
];

/// How long texts and lists become.
const MAX_LEN: usize = 200;

/// How many properties of an object are looked at.
const MAX_PROPERTIES: usize = 16;

/// How deep values nest.
const MAX_DEPTH: u32 = 6;

/// Returns values for a schema: the least first, where it is simple. `other` is the schema at the same place on the other side.
pub(super) fn likely<'s>(validator: &Validator<'s>, schema: &'s Value, other: &Value) -> Vec<Value> {
    Likely { validator, depth: MAX_DEPTH }.values(schema, other)
}

#[derive(Clone, Copy)]
struct Likely<'v, 's> {
    validator: &'v Validator<'s>,
    depth: u32,
}

impl<'s> Likely<'_, 's> {
    fn values(self, schema: &'s Value, other: &Value) -> Vec<Value> {
        let (Some(depth), Some(schema)) = (self.depth.checked_sub(1), self.validator.resolved(schema)) else {
            return Vec::new();
        };
        if !self.validator.afford() {
            return Vec::new();
        }
        let inner = Self { depth, ..self };
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().cloned();
        let mut values: Vec<Value> = listed.chain(schema.get("const").cloned()).collect();
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                values.extend(inner.values(part, other));
            }
        }
        for keywords in [schema, other] {
            values.extend(numbers(keywords));
            values.extend(texts(keywords));
        }
        values.extend(inner.objects(schema, other));
        values.extend(inner.lists(schema, other));
        values
    }

    /// Returns a value that the schema accepts.
    fn least(self, schema: &'s Value) -> Option<Value> {
        let generic = GENERIC.iter().filter_map(|text| serde_json::from_str(text).ok());
        let mut values = self.values(schema, &Value::Null).into_iter().chain(generic);
        values.find(|value| self.validator.judge(schema, value) == Judgement::Accepts)
    }

    fn objects(self, schema: &'s Value, other: &Value) -> Vec<Value> {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let known = properties.iter().take(MAX_PROPERTIES);
        let known: Map<String, Value> =
            known.filter_map(|(name, schema)| Some((name.clone(), self.least(schema)?))).collect();
        let of_required = known.iter().filter(|(name, _)| required.contains(&name.as_str()));
        let least: Map<String, Value> = of_required.map(|(name, value)| (name.clone(), value.clone())).collect();
        let with = |name: &str, value: &Value| {
            let mut object = least.clone();
            object.insert(name.to_owned(), value.clone());
            Value::Object(object)
        };
        let mut values = vec![Value::Object(least.clone())];
        values.extend(known.iter().map(|(name, value)| with(name, value)));
        let others = other.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name);
        let others = others.filter(|name| !properties.contains_key(*name)).take(MAX_PROPERTIES);
        for name in others.map(String::as_str).chain(["x"]) {
            values.extend([json!(1), json!("a")].iter().map(|value| with(name, value)));
        }
        values.push(Value::Object(known));
        values
    }

    fn lists(self, schema: &'s Value, other: &Value) -> Vec<Value> {
        let is_list =
            |schema: &Value| schema.get("type").is_some_and(|name| name == "array") || schema.get("items").is_some();
        if !is_list(schema) {
            return Vec::new();
        }
        let item = schema.get("items").map_or(Some(json!(1)), |items| self.least(items)).unwrap_or(Value::Null);
        let lengths = ["minItems", "maxItems"].into_iter().flat_map(|keyword| lengths(schema, other, keyword));
        [0, 1, 2].into_iter().chain(lengths).map(|len| Value::Array(vec![item.clone(); len])).collect()
    }
}

fn numbers(schema: &Value) -> Vec<Value> {
    let keywords = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    let bounds = keywords.into_iter().filter_map(|keyword| schema.get(keyword));
    let near = |bound: &Value| match bound.as_i64() {
        Some(bound) => [-1, 0, 1].into_iter().filter_map(|by| bound.checked_add(by)).map(Value::from).collect(),
        None => bound.as_f64().map_or_else(Vec::new, |bound| [0.0, -0.5, 0.5].map(|by| Value::from(bound + by)).into()),
    };
    bounds.flat_map(near).collect()
}

fn texts(schema: &Value) -> Vec<Value> {
    let lengths = ["minLength", "maxLength"].into_iter().flat_map(|keyword| lengths(schema, &Value::Null, keyword));
    lengths.map(|len| "a".repeat(len).into()).collect()
}

/// Returns a length that either schema names, and those beside it.
fn lengths(schema: &Value, other: &Value, keyword: &str) -> Vec<usize> {
    let named = [schema, other].into_iter().filter_map(|schema| schema.get(keyword)?.as_u64());
    let named = named.filter_map(|len| usize::try_from(len).ok()).filter(|len| *len < MAX_LEN);
    named.flat_map(|len| [len, len + 1, len.saturating_sub(1)]).collect()
}
