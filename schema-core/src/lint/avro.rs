//! What is unwise in an Avro schema.

use eventwright_wire::avro::Logical;

use super::{Hint, names};
use crate::avro::{Body, Field, Kind, Named, Node, Schema, Span};
use crate::compat::{Rule, rule};

pub(super) fn hints(schema: &Schema) -> Vec<Hint> {
    let mut linter = Linter { schema, hints: Vec::new() };
    if schema.root_named().is_some_and(|(_, root)| root.name.namespace.is_empty()) {
        let help = "add \"namespace\", such as \"com.example.orders\"".to_owned();
        let message = "the schema has no namespace, so that its name is everybody's".to_owned();
        linter.push(&rule::NAMESPACE_MISSING, String::new(), (message, help), schema.root().span);
    }
    // Referenced types are looked at where they are defined.
    for (_, named) in schema.all_named().filter(|(id, _)| schema.reference_of(*id).is_none()) {
        linter.named(named);
    }
    linter.hints
}

struct Linter<'s> {
    schema: &'s Schema,
    hints: Vec<Hint>,
}

impl Linter<'_> {
    fn named(&mut self, named: &Named) {
        let (name, word, at) = (&named.name.simple, named.word(), named.name_span);
        if !names::is_upper_camel_case(name) {
            let message = format!("{word} `{name}` is not in UpperCamelCase");
            let help = format!("call it {}", names::upper_camel_case(name));
            self.push(&rule::TYPE_NAME_CASE, name.clone(), (message, help), at);
        }
        if named.doc.is_none() {
            let message = format!("{word} `{name}` has no doc");
            self.push(&rule::DOC_MISSING, name.clone(), (message, "add \"doc\": what it stands for".into()), at);
        }
        match &named.body {
            Body::Record(fields) => fields.iter().for_each(|field| self.field(name, field)),
            Body::Enum { symbols, default } => self.symbols(named, symbols, default.as_ref()),
            Body::Fixed(_) => {}
        }
    }

    fn symbols(&mut self, named: &Named, symbols: &[String], default: Option<&String>) {
        let (name, at) = (&named.name.simple, named.name_span);
        for symbol in symbols.iter().filter(|symbol| **symbol != names::upper_snake_case(symbol)) {
            let message = format!("symbol `{symbol}` of `{name}` is not in UPPER_SNAKE_CASE");
            let help = format!("call it {}", names::upper_snake_case(symbol));
            self.push(&rule::SYMBOL_CASE, format!("{name}.{symbol}"), (message, help), at);
        }
        if default.is_none() {
            let message = format!("enum `{name}` has no default: readers of this version fail on every symbol to come");
            let help = "add a symbol such as UNKNOWN, and \"default\": \"UNKNOWN\"".to_owned();
            self.push(&rule::ENUM_DEFAULT_MISSING, name.clone(), (message, help), at);
        }
    }

    fn field(&mut self, record: &str, field: &Field) {
        let (name, at) = (field.name.as_str(), field.span);
        let path = format!("{record}.{name}");
        if *name != names::snake_case(name) {
            let message = format!("field `{path}` is not in snake_case");
            self.push(
                &rule::FIELD_NAME_CASE,
                path.clone(),
                (message, format!("call it {}", names::snake_case(name))),
                at,
            );
        }
        if field.doc.is_none() {
            let message = format!("field `{path}` has no doc");
            self.push(&rule::DOC_MISSING, path.clone(), (message, "add \"doc\": what it stands for".into()), at);
        }
        if field.default.is_none() {
            let message = format!("field `{path}` has no default, so that no later version can drop it");
            self.push(&rule::DEFAULT_MISSING, path.clone(), (message, "add \"default\"".into()), at);
        }
        let value = self.value(&field.node);
        if names::is_money(name) && matches!(value.kind, Kind::Float | Kind::Double) {
            let message =
                format!("field `{path}` is money by its name and a {}, which cannot hold 0.1", value.kind.word());
            let help = "use bytes with \"logicalType\": \"decimal\", \"precision\" and \"scale\"".to_owned();
            self.push(&rule::MONEY_AS_FLOAT, path.clone(), (message, help), at);
        }
        if names::is_time(name) && matches!(value.kind, Kind::Long | Kind::Int) && value.logical == Logical::None {
            let message = format!("field `{path}` is a time by its name and a bare {}", value.kind.word());
            let help = "use a long with \"logicalType\": \"timestamp-millis\"".to_owned();
            self.push(&rule::TIME_AS_NUMBER, path.clone(), (message, help), at);
        }
        if names::is_personal(name) && !field.pii && self.may_hold_text(value) {
            let message = format!("field `{path}` is personal data by its name, and not marked");
            let help = "add \"pii\": true, so that logs and tools mask it".to_owned();
            self.push(&rule::PERSONAL_DATA_UNMARKED, path, (message, help), at);
        }
    }

    /// Returns what a field holds where it holds something: the branch beside null, the item of an array.
    fn value<'n>(&self, mut node: &'n Node) -> &'n Node {
        loop {
            node = match &node.kind {
                Kind::Array(inner) | Kind::Map(inner) => inner,
                Kind::Union(branches) => {
                    let mut others = branches.iter().filter(|branch| !matches!(branch.kind, Kind::Null));
                    match (others.next(), others.next()) {
                        (Some(only), None) => only,
                        _ => return node,
                    }
                }
                _ => return node,
            };
        }
    }

    /// The fields of a record are looked at by themselves.
    fn may_hold_text(&self, node: &Node) -> bool {
        !matches!(node.kind, Kind::Named(id) if self.schema.named(id).fields().is_some())
    }

    fn push(&mut self, rule: &'static Rule, path: String, (message, help): (String, String), at: Span) {
        let (source, position) = self.schema.position_of(at);
        let source = source.to_owned();
        self.hints.push(Hint { rule, path, message, help, source, position });
    }
}
