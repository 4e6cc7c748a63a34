//! Writers that no version is, but that are like one: what somebody else may have made of it.

use eventwright_schema::avro::{Schema, parse, resolve};
use eventwright_wire::avro::Plan;
use serde_json::{Value, json};

use crate::{Row, references};

/// What becomes of the fields of a known writer.
const EDITS: [fn(&mut Vec<Value>); 9] = [
    |fields| fields.push(new_field()),
    |fields| fields.insert(0, new_field()),
    |fields| fields.insert(fields.len() / 2, new_field()),
    |fields| drop(fields.pop()),
    |fields| drop(fields.remove(0)),
    |fields| fields.reverse(),
    |fields| fields.rotate_left(1),
    |fields| {
        fields.pop();
        fields.push(new_field());
    },
    |_| {},
];

fn new_field() -> Value {
    json!({"name": "nobody_knows_it", "type": {"type": "array", "items": ["null", "string", "int"]}})
}

/// Returns the writer's schema after each edit that leaves it one: a type may have stood in a field that is gone.
///
/// # Panics
/// If the row is none of an Avro record with fields.
#[must_use]
pub fn siblings(writer: &Row) -> Vec<Schema> {
    let known: Value = serde_json::from_str(&references::self_contained(writer.schema)).expect("a schema is JSON");
    let edited = EDITS.iter().filter_map(|edit| {
        let mut schema = known.clone();
        edit(schema.get_mut("fields").and_then(Value::as_array_mut).expect("a record has fields"));
        parse("sibling", &schema.to_string()).ok()
    });
    edited.collect()
}

/// Returns the plans that the reader's code was generated from, each with the index of its writer.
///
/// # Panics
/// If the reader knows a writer that it cannot read.
#[must_use]
pub fn known_plans(reader: &Row) -> Vec<(usize, Plan)> {
    let to = references::avro_schema(reader.schema);
    let plan = |schema| resolve(&references::avro_schema(schema), &to).expect("generated code was made of the plan");
    reader.writers.iter().map(|schema| plan(schema)).enumerate().collect()
}
