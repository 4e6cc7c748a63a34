//! Random pairs of schemas: one, and the same after a few edits of the kinds that people make, not all of them lawful.

#![expect(clippy::indexing_slicing, reason = "a test that panics has failed, in its helpers as well")]

use serde_json::{Map, Value, json};

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// How deep types nest.
const MAX_DEPTH: u32 = 3;

/// Returns so many pairs of writer's and reader's schema, the same ones every time.
#[must_use]
pub fn pairs(count: usize) -> Vec<(Value, Value)> {
    let mut random = Random(7);
    let pair = |_| {
        let writer = Generator { random: &mut random, names: 0 }.record(0);
        let reader = Editor { random: &mut random, names: 1_000 }.edited(&writer);
        (writer, reader)
    };
    (0..count).map(pair).collect()
}

/// SplitMix64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("it is below a usize")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn choice<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }
}

struct Generator<'r> {
    random: &'r mut Random,
    names: u32,
}

impl Generator<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        let namespace = self.random.choice(&["", "", "a.", "b.c."]);
        format!("{namespace}{kind}{}", self.names)
    }

    fn record(&mut self, depth: u32) -> Value {
        let name = self.name("R");
        let fields: Vec<_> = (0..1 + self.random.below(5))
            .map(|index| json!({"name": format!("f{index}"), "type": self.node(depth + 1)}))
            .collect();
        json!({"type": "record", "name": name, "fields": fields})
    }

    fn node(&mut self, depth: u32) -> Value {
        let flat = self.random.below(if depth >= MAX_DEPTH { 8 } else { 14 });
        match flat {
            0..6 => json!(self.random.choice(&PRIMITIVES)),
            6 => self.enumeration(),
            7 => json!({"type": "fixed", "name": self.name("F"), "size": 1 + self.random.below(4)}),
            8 | 9 => json!({"type": "array", "items": self.node(depth + 1)}),
            10 => json!({"type": "map", "values": self.node(depth + 1)}),
            11 | 12 => self.union(depth),
            _ => self.record(depth),
        }
    }

    fn enumeration(&mut self) -> Value {
        let symbols: Vec<_> = ["A", "B", "C", "D"].into_iter().take(1 + self.random.below(4)).collect();
        json!({"type": "enum", "name": self.name("E"), "symbols": symbols})
    }

    fn union(&mut self, depth: u32) -> Value {
        let branches: Vec<_> = (0..1 + self.random.below(3)).map(|_| self.node(depth + 1)).collect();
        let mut union = vec![json!("null")];
        for branch in branches {
            let is_named = matches!(branch["type"].as_str(), Some("record" | "enum" | "fixed"));
            let word = |one: &Value| one.as_str().or(one["type"].as_str()).map(str::to_owned);
            let is_new = is_named || union.iter().all(|other| word(other) != word(&branch));
            if is_new && !branch.is_array() {
                union.push(branch);
            }
        }
        if self.random.one_in(3) && union.len() > 1 {
            union.rotate_left(1);
        }
        Value::Array(union)
    }
}

struct Editor<'r> {
    random: &'r mut Random,
    names: u32,
}

impl Editor<'_> {
    fn edited(&mut self, node: &Value) -> Value {
        match node {
            Value::String(word) => self.edited_primitive(word),
            Value::Array(branches) => self.edited_union(branches),
            Value::Object(object) => match object["type"].as_str() {
                Some("record") => self.edited_record(object),
                Some("array") => json!({"type": "array", "items": self.edited(&object["items"])}),
                Some("map") => json!({"type": "map", "values": self.edited(&object["values"])}),
                Some("enum") => self.edited_enum(object),
                _ => self.edited_fixed(object),
            },
            other => other.clone(),
        }
    }

    fn edited_primitive(&mut self, word: &str) -> Value {
        let promoted: &[&str] = match word {
            "int" => &["int", "int", "int", "long", "float", "double"],
            "long" => &["long", "long", "float", "double"],
            "float" => &["float", "double"],
            "string" => &["string", "string", "bytes"],
            "bytes" => &["bytes", "bytes", "string"],
            other => &[other],
        };
        let changed = json!(self.random.choice(promoted));
        match self.random.below(24) {
            0 if word != "null" => json!(["null", changed]),
            1 if word != "boolean" => json!(["boolean", changed]),
            2 if self.random.one_in(3) => json!(self.random.choice(&PRIMITIVES)),
            _ => changed,
        }
    }

    fn edited_union(&mut self, branches: &[Value]) -> Value {
        let mut edited: Vec<_> = branches.to_vec();
        match self.random.below(6) {
            0 if edited.len() > 1 => {
                let left_out = self.random.below(edited.len());
                edited.remove(left_out);
            }
            1 => edited.rotate_left(1),
            2 if edited.len() == 2 => return edited[1].clone(),
            3 if !edited.contains(&json!("double")) => edited.push(json!("double")),
            _ => {}
        }
        Value::Array(
            edited.iter().map(|branch| if branch.is_object() { self.edited(branch) } else { branch.clone() }).collect(),
        )
    }

    /// Gives a type another name, with or without an alias, or only another namespace.
    fn rename(&mut self, named: &mut Map<String, Value>) {
        if !self.random.one_in(6) {
            return;
        }
        let old = named["name"].as_str().expect("names are text").to_owned();
        let simple = old.rsplit('.').next().expect("a name has a last part");
        self.names += 1;
        let new = match self.random.below(3) {
            0 => format!("other.{simple}"),
            1 => format!("N{}", self.names),
            _ => format!("other.N{}", self.names),
        };
        named.insert("name".into(), new.into());
        if self.random.one_in(2) {
            // A name without a dot would be one of the new namespace.
            let alias = if old.contains('.') { old } else { format!(".{old}") };
            named.insert("aliases".into(), json!([alias]));
        }
    }

    fn edited_record(&mut self, record: &Map<String, Value>) -> Value {
        let mut edited = record.clone();
        self.rename(&mut edited);
        let mut fields = Vec::new();
        for field in record["fields"].as_array().expect("a record has fields") {
            let mut changed = json!({"name": field["name"], "type": self.edited(&field["type"])});
            match self.random.below(12) {
                0 => continue,
                1 => {
                    self.names += 1;
                    changed["name"] = format!("n{}", self.names).into();
                    changed["aliases"] = json!([field["name"]]);
                }
                _ => {}
            }
            fields.push(changed);
        }
        if self.random.one_in(3) {
            fields.reverse();
        }
        if self.random.one_in(3) {
            fields.push(self.new_field());
        }
        edited.insert("fields".into(), fields.into());
        Value::Object(edited)
    }

    fn new_field(&mut self) -> Value {
        self.names += 1;
        let name = format!("n{}", self.names);
        match self.random.below(7) {
            0 => json!({"name": name, "type": "string", "default": "é"}),
            1 => json!({"name": name, "type": ["null", "long"], "default": null}),
            2 => json!({"name": name, "type": {"type": "array", "items": "int"}, "default": [1, 2]}),
            3 => json!({"name": name, "type": {"type": "map", "values": "bytes"}, "default": {"k": "\u{ff}"}}),
            4 => {
                json!({"name": name, "type": {"type": "enum", "name": format!("E{name}"), "symbols": ["X"]}, "default": "X"})
            }
            5 => json!({"name": name, "type": ["double", "null"], "default": 2}),
            _ => json!({"name": name, "type": "int"}),
        }
    }

    fn edited_enum(&mut self, one: &Map<String, Value>) -> Value {
        let mut edited = one.clone();
        self.rename(&mut edited);
        let mut symbols = one["symbols"].as_array().expect("an enum has symbols").clone();
        match self.random.below(6) {
            0 if symbols.len() > 1 => {
                symbols.pop();
                if self.random.one_in(2) {
                    edited.insert("default".into(), symbols[0].clone());
                }
            }
            1 => symbols.reverse(),
            2 => symbols.insert(0, json!("NEW")),
            _ => {}
        }
        edited.insert("symbols".into(), symbols.into());
        Value::Object(edited)
    }

    fn edited_fixed(&mut self, one: &Map<String, Value>) -> Value {
        let mut edited = one.clone();
        self.rename(&mut edited);
        if self.random.one_in(12) {
            edited.insert("size".into(), json!(5));
        }
        Value::Object(edited)
    }
}
