//! Avro schemas that grow out of an input: valid JSON, and mostly valid schemas, with a value's bytes left over.

use serde_json::{Value, json};

/// How deep types nest before only primitives are taken.
const MAX_DEPTH: u32 = 12;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
const NAMES: [&str; 8] = ["A", "B", "C", "n.A", "n.B", "m.n.A", "D", ".A"];
const FIELDS: [&str; 6] = ["a", "b", "c", "d", "e", "type"];

const LOGICAL: [(&str, &str); 10] = [
    ("int", "date"),
    ("int", "time-millis"),
    ("long", "time-micros"),
    ("long", "timestamp-millis"),
    ("long", "timestamp-nanos"),
    ("long", "local-timestamp-micros"),
    ("string", "uuid"),
    ("bytes", "decimal"),
    ("string", "date"),
    ("bytes", "duration"),
];

/// What is left of an input; behind its end there are only zeros.
#[derive(Debug)]
pub(crate) struct Choices<'i>(pub(crate) &'i [u8]);

impl Choices<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn of<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        items.get(self.next() % items.len()).expect("there are items")
    }
}

/// Returns a schema.
pub(crate) fn schema(choices: &mut Choices<'_>) -> Value {
    node(choices, 0)
}

fn node(choices: &mut Choices<'_>, depth: u32) -> Value {
    let kinds = if depth >= MAX_DEPTH { 4 } else { 16 };
    match choices.next() % kinds {
        0..=2 => json!(choices.of(&PRIMITIVES)),
        3 => json!(choices.of(&NAMES)),
        4 => logical(choices),
        5 | 6 => json!({"type": "array", "items": node(choices, depth + 1)}),
        7 => json!({"type": "map", "values": node(choices, depth + 1)}),
        8 => json!({"type": "fixed", "name": choices.of(&NAMES), "size": choices.next() % 20, "logicalType": "decimal",
            "precision": choices.next() % 50, "scale": choices.next() % 30}),
        9 => symbols(choices),
        10 | 11 => (0..choices.next() % 4).map(|_| node(choices, depth + 1)).collect(),
        _ => record(choices, depth),
    }
}

fn logical(choices: &mut Choices<'_>) -> Value {
    let (base, logical) = choices.of(&LOGICAL);
    json!({"type": base, "logicalType": logical, "precision": choices.next() % 40, "scale": choices.next() % 30})
}

fn symbols(choices: &mut Choices<'_>) -> Value {
    let symbols: Vec<String> = (0..choices.next() % 5).map(|at| format!("S{}", at * (choices.next() % 3))).collect();
    let mut one = json!({"type": "enum", "name": choices.of(&NAMES), "symbols": symbols});
    if choices.next().is_multiple_of(2) {
        put(&mut one, "default", json!("S0"));
    }
    one
}

fn record(choices: &mut Choices<'_>, depth: u32) -> Value {
    let name = choices.of(&NAMES);
    let fields: Vec<Value> = (0..choices.next() % 6).map(|_| field(choices, depth)).collect();
    json!({"type": "record", "name": name, "aliases": [choices.of(&NAMES)], "fields": fields})
}

fn field(choices: &mut Choices<'_>, depth: u32) -> Value {
    let mut field = json!({"name": choices.of(&FIELDS), "type": node(choices, depth + 1)});
    if choices.next().is_multiple_of(4) {
        put(&mut field, "aliases", json!([choices.of(&FIELDS)]));
    }
    if choices.next().is_multiple_of(2) {
        let defaults = [json!(null), json!(0), json!(""), json!([]), json!({}), json!(1.5), json!(true), json!("S0")];
        put(&mut field, "default", choices.of(&defaults).clone());
    }
    if choices.next().is_multiple_of(8) {
        put(&mut field, "pii", json!(true));
    }
    field
}

fn put(object: &mut Value, key: &str, value: Value) {
    object.as_object_mut().expect("it was made as an object").insert(key.to_owned(), value);
}
