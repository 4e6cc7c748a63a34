//! The parsing canonical form (Avro 1.12, "Transforming into Parsing Canonical Form"), and the same form with what the
//! parsing one strips although it changes what bytes mean: the logical type.

use std::collections::HashSet;

use eventwright_wire::avro::Logical;

use super::model::{Body, Kind, NamedId, Node, Schema};

/// Returns the specification's parsing canonical form.
pub(super) fn parsing_form(schema: &Schema) -> String {
    Form::new(schema, Detail::Parsing).write(schema.root())
}

/// Returns the parsing canonical form with logical types: two writers that differ in a decimal's scale or in a
/// timestamp's unit write different values with equal bytes.
pub(super) fn meaning_form(schema: &Schema) -> String {
    Form::new(schema, Detail::Meaning).write(schema.root())
}

/// Returns the form of a named type that two types share if one Rust type can stand for both: with logical types and
/// defaults.
pub(super) fn shape_form(schema: &Schema, id: NamedId) -> String {
    let mut form = Form::new(schema, Detail::Shape);
    form.named(id);
    form.out
}

/// As [`shape_form`], of any type.
pub(super) fn node_shape_form(schema: &Schema, node: &Node) -> String {
    Form::new(schema, Detail::Shape).write(node)
}

/// How much beyond the parsing canonical form is kept; each includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Parsing,
    Meaning,
    Shape,
}

struct Form<'s> {
    schema: &'s Schema,
    detail: Detail,
    defined: HashSet<NamedId>,
    out: String,
}

impl<'s> Form<'s> {
    fn new(schema: &'s Schema, detail: Detail) -> Self {
        Self { schema, detail, defined: HashSet::new(), out: String::new() }
    }

    fn write(mut self, root: &Node) -> String {
        self.node(root);
        self.out
    }

    fn node(&mut self, node: &Node) {
        match &node.kind {
            Kind::Named(id) => self.named(*id),
            Kind::Array(item) => self.wrapped(r#"{"type":"array","items":"#, item),
            Kind::Map(value) => self.wrapped(r#"{"type":"map","values":"#, value),
            Kind::Union(branches) => {
                self.out.push('[');
                for (index, branch) in branches.iter().enumerate() {
                    self.separate(index);
                    self.node(branch);
                }
                self.out.push(']');
            }
            primitive => match self.logical_of(node.logical) {
                Some(logical) => {
                    let word = primitive.word();
                    self.out.push_str(&format!(r#"{{"type":"{word}",{logical}}}"#));
                }
                None => self.text(primitive.word()),
            },
        }
    }

    fn wrapped(&mut self, start: &str, inner: &Node) {
        self.out.push_str(start);
        self.node(inner);
        self.out.push('}');
    }

    fn named(&mut self, id: NamedId) {
        let schema = self.schema;
        let named = schema.named(id);
        if !self.defined.insert(id) {
            return self.text(&named.name.full());
        }
        self.out.push_str(r#"{"name":"#);
        self.text(&named.name.full());
        self.out.push_str(&format!(r#","type":"{}""#, named.word()));
        match &named.body {
            Body::Record(fields) => {
                self.out.push_str(r#","fields":["#);
                for (index, field) in fields.iter().enumerate() {
                    self.separate(index);
                    self.out.push_str(r#"{"name":"#);
                    self.text(&field.name);
                    self.out.push_str(r#","type":"#);
                    self.node(&field.node);
                    self.default(field.default.as_ref());
                    // It changes the type's `Debug`.
                    if field.pii && self.detail == Detail::Shape {
                        self.out.push_str(r#","pii":true"#);
                    }
                    self.out.push('}');
                }
                self.out.push(']');
            }
            Body::Enum { symbols, default } => {
                self.default(default.clone().map(serde_json::Value::String).as_ref());
                self.out.push_str(r#","symbols":["#);
                for (index, symbol) in symbols.iter().enumerate() {
                    self.separate(index);
                    self.text(symbol);
                }
                self.out.push(']');
            }
            Body::Fixed(size) => self.out.push_str(&format!(r#","size":{size}"#)),
        }
        if let Some(logical) = self.logical_of(named.logical) {
            self.out.push(',');
            self.out.push_str(&logical);
        }
        self.out.push('}');
    }

    fn default(&mut self, default: Option<&serde_json::Value>) {
        if let Some(default) = default.filter(|_| self.detail == Detail::Shape) {
            self.out.push_str(&format!(r#","default":{default}"#));
        }
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
        }
    }

    /// Names and symbols are ASCII letters, digits, `_` and `.`: nothing needs an escape.
    fn text(&mut self, text: &str) {
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    fn logical_of(&self, logical: Logical) -> Option<String> {
        match logical {
            _ if self.detail < Detail::Meaning => None,
            Logical::None => None,
            // The precision changes what may be written, not what is read: a matter of the type, not of the writer.
            Logical::Decimal { precision, scale } if self.detail == Detail::Shape => {
                Some(format!(r#""logicalType":"decimal","precision":{precision},"scale":{scale}"#))
            }
            Logical::Decimal { scale, .. } => Some(format!(r#""logicalType":"decimal","scale":{scale}"#)),
            other => Some(format!(r#""logicalType":"{}""#, other.name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::avro::parse;

    #[test]
    fn the_canonical_form_equals_apache_avros() {
        let texts = [
            r#""string""#,
            r#"{"type":"array","items":{"type":"map","values":["null","long"]}}"#,
            r#"{"type":"record","name":"A","namespace":"x.y","doc":"d","fields":[
                {"name":"b","type":{"type":"enum","name":"B","symbols":["P","Q"]},"default":"P"},
                {"name":"c","type":["null",{"type":"fixed","name":"z.C","size":12}]},
                {"name":"next","type":["null","A"]}, {"name":"again","type":"B"}]}"#,
        ];
        for text in texts {
            let theirs = apache_avro::Schema::parse_str(text).unwrap().canonical_form();
            assert_eq!(parse("test", text).unwrap().canonical_form(), theirs);
        }
    }

    #[test]
    fn the_canonical_form_strips_logical_types() {
        // The specification keeps no attribute but type, name, fields, symbols, items, values and size; apache-avro 0.22
        // keeps a decimal's precision and scale as well.
        let text = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
        assert_eq!(parse("test", text).unwrap().canonical_form(), r#""bytes""#);
    }

    #[test]
    fn writers_that_differ_in_meaning_have_different_fingerprints() {
        let decimal = |scale| {
            let text = format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#);
            parse("test", &text).unwrap()
        };
        assert_eq!(decimal(2).canonical_form(), decimal(3).canonical_form());
        assert_ne!(decimal(2).fingerprint(), decimal(3).fingerprint());
        assert_eq!(decimal(2).fingerprint(), decimal(2).fingerprint());
    }
}
