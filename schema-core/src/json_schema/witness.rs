//! A value that a writer's JSON Schema accepts and its reader's refuses, proven by validating it.
//!
//! In: the way to two schemas that do not fit. Out: the first of a few likely values that both verdicts are certain of: those with
//! keywords that `validate.rs` does not know prove nothing. Confluent's rules compare schemas, not values: some findings
//! have no such value at all.

mod likely;
mod validate;

use serde_json::{Map, Value};

use self::likely::{GENERIC, likely};
use self::validate::{Judgement, Validator};
use super::model::Schema;
use crate::compat::{Outcome, Witness};

/// How many values are tried.
const MAX_VALUES: usize = 400;

/// How long a schema's text may be: it is read as JSON for each finding.
const MAX_TEXT_LEN: usize = 64 << 10;

/// Returns a witness for two schemas; `steps` lead to them: names of properties, and `[]` or `[0]` for items.
pub(super) fn prove(reader: &Schema, writer: &Schema, steps: &[String]) -> Option<Witness> {
    let (reader, writer) = (json(reader)?, json(writer)?);
    // What is about a property's being there shows in the object around it.
    let shorter = steps.split_last().map(|(_, steps)| steps);
    prove_at(&reader, &writer, steps).or_else(|| prove_at(&reader, &writer, shorter?))
}

fn json(schema: &Schema) -> Option<Value> {
    serde_json::from_str(Some(schema.text()).filter(|text| text.len() <= MAX_TEXT_LEN)?).ok()
}

fn prove_at(reader: &Value, writer: &Value, steps: &[String]) -> Option<Witness> {
    let (reads, writes) = (Validator::new(reader), Validator::new(writer));
    let of_writer = within(&writes, writer, steps)?;
    let of_reader = within(&reads, reader, steps).unwrap_or(&Value::Bool(true));
    let values = likely(&reads, of_reader, of_writer).into_iter().chain(likely(&writes, of_writer, of_reader));
    let generic = GENERIC.iter().filter_map(|text| serde_json::from_str(text).ok());
    let frames = frames(&writes, writer, steps)?;
    let whole = values.chain(generic).take(MAX_VALUES).map(|value| around(&frames, value));
    let refused = |value: Value| match (writes.judge(writer, &value), reads.judge(reader, &value)) {
        (Judgement::Accepts, Judgement::Refuses(why)) => {
            Some(Witness { bytes: value.to_string().into_bytes(), json: value, outcome: Outcome::Fails(why) })
        }
        _ => None,
    };
    whole.filter_map(refused).min_by_key(|witness| witness.bytes.len())
}

/// Returns the schema of a part of a schema's values.
fn within<'s>(validator: &Validator<'s>, schema: &'s Value, steps: &[String]) -> Option<&'s Value> {
    let schema = validator.resolved(schema)?;
    let Some((step, rest)) = steps.split_first() else { return Some(schema) };
    let part = if is_item(step) { schema.get("items") } else { schema.get("properties").and_then(|all| all.get(step)) };
    within(validator, part?, rest)
}

/// What a value is in.
enum Frame {
    List,
    /// The other properties, and the value's name.
    Object(Map<String, Value>, String),
}

/// Returns what values are in that stand where the steps lead: the least that the schemas on the way accept.
fn frames<'s>(validator: &Validator<'s>, root: &'s Value, steps: &[String]) -> Option<Vec<Frame>> {
    let mut schema = validator.resolved(root)?;
    let mut frames = Vec::new();
    for step in steps {
        frames.push(if is_item(step) {
            Frame::List
        } else {
            let object = likely(validator, schema, &Value::Null).into_iter().find_map(|value| match value {
                Value::Object(object) => Some(object),
                _ => None,
            });
            Frame::Object(object.unwrap_or_default(), step.clone())
        });
        schema = within(validator, schema, std::slice::from_ref(step))?;
    }
    Some(frames)
}

fn around(frames: &[Frame], part: Value) -> Value {
    frames.iter().rev().fold(part, |part, frame| match frame {
        Frame::List => Value::Array(vec![part]),
        Frame::Object(others, name) => {
            let mut object = others.clone();
            object.insert(name.clone(), part);
            Value::Object(object)
        }
    })
}

fn is_item(step: &str) -> bool {
    step.starts_with('[')
}

#[cfg(test)]
mod tests;
