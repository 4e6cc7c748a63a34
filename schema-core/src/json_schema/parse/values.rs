//! Reads the values of keywords: a value of another kind is reported.

use jsonc_parser::ast::{Object as JsonObject, Value};

use super::keywords::Keywords;
use super::{Parser, Scope, span};
use crate::json;
use crate::json_schema::model::{Bound, Placed};

impl<'v> Parser<'v> {
    /// Reads a whole number.
    pub(super) fn count(&mut self, name: &str, keywords: Keywords<'v>) -> Bound {
        match self.bound(name, keywords)? {
            bound if bound.value.fract() == 0.0 => Some(bound),
            bound => {
                self.wrong(bound.span, format!("expected a whole number in `{name}`"), "write a whole number");
                None
            }
        }
    }

    pub(super) fn bound(&mut self, name: &str, keywords: Keywords<'v>) -> Bound {
        let value = keywords.get(name)?;
        let number = value.as_number_lit().and_then(|number| number.value.parse::<f64>().ok());
        match number {
            Some(number) => Some(Placed { value: number, span: span(keywords.scope, value) }),
            None => self.refuse(value, keywords.scope, name, "a number"),
        }
    }

    pub(super) fn text(&mut self, value: &Value<'_>, scope: Scope, name: &str) -> Option<String> {
        match value {
            Value::StringLit(text) => Some(text.value.clone().into_owned()),
            other => self.refuse(other, scope, name, "a text"),
        }
    }

    pub(super) fn list(&mut self, value: &'v Value<'v>, scope: Scope, name: &str) -> Option<&'v [Value<'v>]> {
        match value {
            Value::Array(list) => Some(&list.elements),
            other => self.refuse(other, scope, name, "a list"),
        }
    }

    pub(super) fn json_object(&mut self, value: &'v Value<'v>, scope: Scope, name: &str) -> Option<&'v JsonObject<'v>> {
        match value {
            Value::Object(object) => Some(object),
            other => self.refuse(other, scope, name, "an object"),
        }
    }

    /// Reports that a keyword has a value of another kind, and is `None`, so that a caller can return it.
    pub(super) fn refuse<T>(&mut self, value: &Value<'_>, scope: Scope, name: &str, expected: &str) -> Option<T> {
        let found = json::word(value);
        self.wrong(
            span(scope, value),
            format!("expected {expected} in `{name}`, found {found}"),
            format!("write {expected}"),
        );
        None
    }
}

/// Returns JSON that is equal for equal values: keys in order, no space. The depth of JSON bounds the recursion.
pub(super) fn canonical(value: &Value<'_>) -> String {
    let mut text = String::new();
    append(value, &mut text);
    text
}

fn append(value: &Value<'_>, text: &mut String) {
    match value {
        Value::StringLit(string) => text.push_str(&format!("{:?}", string.value)),
        Value::NumberLit(number) => text.push_str(number.value),
        Value::BooleanLit(boolean) => text.push_str(if boolean.value { "true" } else { "false" }),
        Value::NullKeyword(_) => text.push_str("null"),
        Value::Array(array) => {
            text.push('[');
            for (index, item) in array.elements.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                append(item, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            let mut properties: Vec<_> = object.properties.iter().collect();
            properties.sort_by_key(|one| one.name.as_str());
            text.push('{');
            for (index, one) in properties.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&format!("{:?}:", one.name.as_str()));
                append(&one.value, text);
            }
            text.push('}');
        }
    }
}
