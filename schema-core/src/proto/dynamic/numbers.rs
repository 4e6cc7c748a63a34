//! Makes the numbers of a JSON value such as prost-reflect reads rightly.
//!
//! In: a value and the message that it is meant for. Out: the same value with other numbers, or what no field can hold. Two
//! things are mended: prost-reflect knows no numbers but those of serde's data model, and with serde_json's
//! `arbitrary_precision`, which any other crate may switch on, a number is handed over as a map where an `f64` is not
//! written as it is: 1.50, or the 1e13 of a `float`. And its floats have another range: it makes an infinity of the text
//! `"1e400"`, and refuses the number 3.4028235e38, as the largest `float` is written.

use std::str::FromStr;

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Number, Value};

/// Returns the value of a message, which stands in the field of that name.
pub(super) fn of_message(name: &str, message: &MessageDescriptor, value: &Value) -> Result<Value, String> {
    match (message.full_name(), value) {
        ("google.protobuf.FloatValue", _) => float::<f32>(name, value),
        ("google.protobuf.DoubleValue", _) => float::<f64>(name, value),
        ("google.protobuf.Any", Value::Object(fields)) => match held_by_any(message, fields) {
            Some(held) => of_fields(&held, fields),
            None => plain(name, value),
        },
        // Its JSON is not that of its fields.
        (known, _) if known.starts_with("google.protobuf.") => plain(name, value),
        (_, Value::Object(fields)) => of_fields(message, fields),
        _ => plain(name, value),
    }
}

/// Returns the message whose fields stand beside the type's URL.
fn held_by_any(any: &MessageDescriptor, fields: &Map<String, Value>) -> Option<MessageDescriptor> {
    let name = fields.get("@type")?.as_str()?.rsplit('/').next()?;
    any.parent_pool().get_message_by_name(name)
}

fn of_fields(message: &MessageDescriptor, fields: &Map<String, Value>) -> Result<Value, String> {
    let of_field = |(name, value): (&String, &Value)| {
        let read = kind_of(message, name).map_or_else(|| plain(name, value), |kind| of_kind(name, &kind, value));
        Ok((name.clone(), read?))
    };
    Ok(Value::Object(fields.iter().map(of_field).collect::<Result<_, String>>()?))
}

fn kind_of(message: &MessageDescriptor, name: &str) -> Option<Kind> {
    let field = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
    let extension = || message.get_extension_by_json_name(name).map(|extension| extension.kind());
    field.map(|field| field.kind()).or_else(extension)
}

fn of_kind(name: &str, kind: &Kind, value: &Value) -> Result<Value, String> {
    match (kind, value) {
        (_, Value::Array(items)) => {
            Ok(Value::Array(items.iter().map(|item| of_kind(name, kind, item)).collect::<Result<_, _>>()?))
        }
        (Kind::Float, _) => float::<f32>(name, value),
        (Kind::Double, _) => float::<f64>(name, value),
        (Kind::Message(entry), Value::Object(entries)) if entry.is_map_entry() => {
            let kind = entry.map_entry_value_field().kind();
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), of_kind(name, &kind, value)?)));
            Ok(Value::Object(entries.collect::<Result<_, String>>()?))
        }
        (Kind::Message(message), _) => of_message(name, message, value),
        _ => plain(name, value),
    }
}

/// Returns a float within the type's range, as a number or as text. Digits that are too many are no infinity: nobody meant
/// that.
fn float<T: FromStr + Into<f64>>(name: &str, value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains(|character: char| character.is_ascii_digit()) => text.clone(),
        // A name of what is not finite, or what prost-reflect refuses.
        other => return Ok(other.clone()),
    };
    let Ok(float) = text.parse::<T>() else { return Ok(value.clone()) };
    let number = Number::from_f64(float.into()).ok_or_else(|| outside(name, &text))?;
    Ok(if value.is_number() { Value::Number(number) } else { value.clone() })
}

/// Returns a value of which nobody knows what it is for, or where only integers fit.
fn plain(name: &str, value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            let float = number.as_f64().and_then(Number::from_f64);
            Value::Number(float.ok_or_else(|| outside(name, &number.to_string()))?)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| plain(name, item)).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), plain(name, value)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

#[cold]
fn outside(name: &str, number: &str) -> String {
    format!("`{name}`: expected a number within its range, found `{number}`")
}
