//! What two JSON Schemas differ in: keyword by keyword, as they are written.

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;

use super::Schema;
use crate::diff::{Change, ChangeKind, paired};
use crate::{Marks, compact_json, json};

/// Keywords whose arrays have no order.
const SETS: [&str; 3] = ["required", "enum", "type"];

pub(crate) fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let (Ok(older), Ok(newer)) = (json::parse(old.text()), json::parse(new.text())) else { return Vec::new() };
    let marks = [old, new].map(|schema| Marks::new(schema.text()));
    let mut diff = Diff { old, new, marks, path: Vec::new(), changes: Vec::new() };
    diff.both("schema", &older, &newer);
    diff.changes
}

struct Diff<'a> {
    old: &'a Schema,
    new: &'a Schema,
    /// In the text of either.
    marks: [Marks; 2],
    path: Vec<String>,
    changes: Vec<Change>,
}

impl Diff<'_> {
    /// Compares what stands at one place in both.
    fn both(&mut self, keyword: &str, old: &Value<'_>, new: &Value<'_>) {
        match (old, new) {
            (Value::Object(older), Value::Object(newer)) => self.object(&older.properties, &newer.properties),
            (Value::Array(older), Value::Array(newer)) if SETS.contains(&keyword) => {
                self.set(&older.elements, &newer.elements);
            }
            (Value::Array(older), Value::Array(newer)) => {
                for index in 0..older.elements.len().max(newer.elements.len()) {
                    self.either(&index.to_string(), older.elements.get(index), newer.elements.get(index));
                }
            }
            (older, newer) => {
                let texts = (text_of(self.old, older), text_of(self.new, newer));
                if texts.0 != texts.1 {
                    let kind = if keyword == "type" { ChangeKind::Retyped } else { ChangeKind::Changed };
                    self.push(kind, "keyword", texts, newer.range().start);
                }
            }
        }
    }

    fn object(&mut self, old: &[ObjectProp<'_>], new: &[ObjectProp<'_>]) {
        for (older, newer) in paired(old, new, |property| property.name.as_str()) {
            let Some(name) = older.or(newer).map(|property| property.name.as_str().to_owned()) else { continue };
            self.either(&name, older.map(|one| &one.value), newer.map(|one| &one.value));
        }
    }

    fn either(&mut self, name: &str, old: Option<&Value<'_>>, new: Option<&Value<'_>>) {
        let element = if self.path.last().is_some_and(|last| last == "properties") { "property" } else { "keyword" };
        self.path.push(name.replace('~', "~0").replace('/', "~1"));
        match (old, new) {
            (Some(older), Some(newer)) => self.both(name, older, newer),
            (None, Some(newer)) => {
                let text = text_of(self.new, newer);
                self.push(ChangeKind::Added, element, (String::new(), text), newer.range().start);
            }
            (Some(older), None) => self.removed(element, older),
            (None, None) => {}
        }
        self.path.pop();
    }

    fn set(&mut self, old: &[Value<'_>], new: &[Value<'_>]) {
        let older: Vec<_> = old.iter().map(|value| (text_of(self.old, value), value)).collect();
        let newer: Vec<_> = new.iter().map(|value| (text_of(self.new, value), value)).collect();
        for pair in paired(&older, &newer, |(text, _)| text.as_str()) {
            match pair {
                (None, Some((text, value))) => {
                    self.push(ChangeKind::Added, "value", (String::new(), text.clone()), value.range().start);
                }
                (Some((_, value)), None) => self.removed("value", value),
                _ => {}
            }
        }
    }

    fn removed(&mut self, element: &'static str, value: &Value<'_>) {
        let (old, new) = (text_of(self.old, value), String::new());
        let (source, position) =
            (self.old.name().to_owned(), self.marks[0].position(self.old.text(), value.range().start));
        let (kind, path) = (ChangeKind::Removed, self.pointer());
        self.changes.push(Change { kind, element, path, old, new, source, position });
    }

    fn push(&mut self, kind: ChangeKind, element: &'static str, (old, new): (String, String), offset: usize) {
        let (source, position) = (self.new.name().to_owned(), self.marks[1].position(self.new.text(), offset));
        let path = self.pointer();
        self.changes.push(Change { kind, element, path, old, new, source, position });
    }

    fn pointer(&self) -> String {
        format!("/{}", self.path.join("/"))
    }
}

fn text_of(schema: &Schema, value: &Value<'_>) -> String {
    compact_json(schema.text().get(value.range().start..value.range().end).unwrap_or(""))
}
