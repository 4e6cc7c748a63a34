//! What is unwise in a `.proto` file.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::{Hint, names};
use crate::Position;
use crate::compat::{Rule, rule};
use crate::proto::Schema;

pub(super) fn hints(schema: &Schema) -> Vec<Hint> {
    let mut linter = Linter { schema, hints: Vec::new() };
    let file = schema.file();
    if file.package_name().is_empty() {
        let help = "add `package`, such as `package com.example.orders;`".to_owned();
        let message = "the file has no package, so that its names are everybody's".to_owned();
        linter.push(&rule::NAMESPACE_MISSING, String::new(), (message, help), &[]);
    }
    file.messages().for_each(|message| linter.message(&message));
    file.enums().for_each(|one| linter.values(&one));
    linter.hints
}

struct Linter<'s> {
    schema: &'s Schema,
    hints: Vec<Hint>,
}

impl Linter<'_> {
    fn message(&mut self, message: &MessageDescriptor) {
        if message.is_map_entry() {
            return;
        }
        self.type_name("message", message.name(), message.path());
        self.doc("message", message.name().to_owned(), message.path());
        message.fields().for_each(|field| self.field(message.name(), &field));
        message.child_messages().for_each(|child| self.message(&child));
        message.child_enums().for_each(|one| self.values(&one));
    }

    fn type_name(&mut self, word: &str, name: &str, at: &[i32]) {
        if !names::is_upper_camel_case(name) {
            let message = format!("{word} `{name}` is not in UpperCamelCase");
            let help = format!("call it {}", names::upper_camel_case(name));
            self.push(&rule::TYPE_NAME_CASE, name.to_owned(), (message, help), at);
        }
    }

    fn doc(&mut self, word: &str, path: String, at: &[i32]) {
        if !self.schema.has_comment(at) {
            let message = format!("{word} `{path}` has no comment");
            self.push(&rule::DOC_MISSING, path, (message, "say in a comment before it what it stands for".into()), at);
        }
    }

    fn field(&mut self, record: &str, field: &FieldDescriptor) {
        let (name, at) = (field.name(), field.path());
        let path = format!("{record}.{name}");
        if name != names::snake_case(name) {
            let message = format!("field `{path}` is not in snake_case");
            self.push(
                &rule::FIELD_NAME_CASE,
                path.clone(),
                (message, format!("call it {}", names::snake_case(name))),
                at,
            );
        }
        self.doc("field", path.clone(), at);
        let kind = field.kind();
        if names::is_money(name) && matches!(kind, Kind::Float | Kind::Double) {
            let message = format!("field `{path}` is money by its name and a float, which cannot hold 0.1");
            let help =
                "use a message with units and nanos, as google.type.Money, or minor units in an int64".to_owned();
            self.push(&rule::MONEY_AS_FLOAT, path.clone(), (message, help), at);
        }
        let is_number = matches!(kind, Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64);
        if names::is_time(name) && is_number {
            let message = format!("field `{path}` is a time by its name and a bare number");
            self.push(&rule::TIME_AS_NUMBER, path, (message, "use google.protobuf.Timestamp".into()), at);
        }
    }

    fn values(&mut self, one: &EnumDescriptor) {
        let name = one.name();
        self.type_name("enum", name, one.path());
        self.doc("enum", name.to_owned(), one.path());
        for value in one.values().filter(|value| value.name() != names::upper_snake_case(value.name())) {
            let message = format!("value `{}` of `{name}` is not in UPPER_SNAKE_CASE", value.name());
            let help = format!("call it {}", names::upper_snake_case(value.name()));
            self.push(&rule::SYMBOL_CASE, format!("{name}.{}", value.name()), (message, help), value.path());
        }
        let zero = one.values().find(|value| value.number() == 0);
        if let Some(zero) = zero.filter(|zero| !is_nothing(zero.name())) {
            let message = format!("the value 0 of `{name}` is `{}`: what nobody has set reads as that", zero.name());
            let help = format!("add {}_UNSPECIFIED = 0", names::upper_snake_case(name));
            self.push(&rule::ENUM_ZERO_VALUE, format!("{name}.{}", zero.name()), (message, help), zero.path());
        }
    }

    fn push(&mut self, rule: &'static Rule, path: String, (message, help): (String, String), at: &[i32]) {
        let (source, position) = match at {
            [] => (self.schema.name(), Position::START),
            at => self.schema.position_of(self.schema.file(), at),
        };
        let source = source.to_owned();
        self.hints.push(Hint { rule, path, message, help, source, position });
    }
}

/// Whether a name says that nothing was said.
fn is_nothing(name: &str) -> bool {
    ["UNSPECIFIED", "UNKNOWN", "NONE", "UNSET"].iter().any(|word| name.ends_with(word))
}
