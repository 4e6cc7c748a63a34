//! Reads the keywords of one subschema: each family of them (text, numbers, objects, arrays) is a part of its own, as
//! are `enum`, `const`, `not` and each of `allOf`, `anyOf`, `oneOf`.
//!
//! With `type` a family is there even without keywords; without it, keywords are: `{"minLength": 1}` is about text.

use std::collections::BTreeSet;

use jsonc_parser::ast::{Object as JsonObject, Value};

use super::super::model::{
    Additional, Array, Bound, Combined, Criterion, Dependency, Kind, NodeId, Number, Object, Placed, Property, Span,
    Text,
};
use super::pattern;
use super::values::canonical;
use super::{Draft, Parser, Pending, Scope, span};

/// The families of keywords that belong to one type of values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Array,
    Object,
    Number,
    Text,
}

impl Family {
    const ALL: [Self; 4] = [Self::Array, Self::Object, Self::Number, Self::Text];

    fn of_type(name: &str) -> Option<Self> {
        match name {
            "array" => Some(Self::Array),
            "object" => Some(Self::Object),
            "number" | "integer" => Some(Self::Number),
            "string" => Some(Self::Text),
            _ => None,
        }
    }

    /// Returns the keywords, and the draft that brought each.
    fn keywords(self) -> &'static [(&'static str, Draft)] {
        match self {
            Self::Array => &[
                ("items", Draft::V4),
                ("additionalItems", Draft::V4),
                ("minItems", Draft::V4),
                ("maxItems", Draft::V4),
                ("uniqueItems", Draft::V4),
                ("contains", Draft::V6),
                ("prefixItems", Draft::V2019),
                ("unevaluatedItems", Draft::V2019),
            ],
            Self::Object => &[
                ("properties", Draft::V4),
                ("required", Draft::V4),
                ("minProperties", Draft::V4),
                ("maxProperties", Draft::V4),
                ("dependencies", Draft::V4),
                ("patternProperties", Draft::V4),
                ("additionalProperties", Draft::V4),
                ("propertyNames", Draft::V6),
                ("dependentRequired", Draft::V2019),
                ("dependentSchemas", Draft::V2019),
                ("unevaluatedProperties", Draft::V2019),
            ],
            Self::Number => &[
                ("minimum", Draft::V4),
                ("maximum", Draft::V4),
                ("exclusiveMinimum", Draft::V4),
                ("exclusiveMaximum", Draft::V4),
                ("multipleOf", Draft::V4),
            ],
            Self::Text => {
                &[("minLength", Draft::V4), ("maxLength", Draft::V4), ("pattern", Draft::V4), ("format", Draft::V4)]
            }
        }
    }

    fn is_in(self, keywords: Keywords<'_>) -> bool {
        let has = |(name, since): &(&str, Draft)| keywords.scope.draft >= *since && keywords.get(name).is_some();
        let says_something =
            |(name, _): &&(&str, Draft)| keywords.scope.draft < Draft::V2019 || !keywords.is_empty(name);
        self.keywords().iter().filter(says_something).any(has)
    }
}

/// The keywords of one subschema, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Keywords<'v> {
    object: &'v JsonObject<'v>,
    pub(super) scope: Scope,
}

impl<'v> Keywords<'v> {
    /// Returns the value of a keyword: the last, where it is written twice.
    pub(super) fn get(self, name: &str) -> Option<&'v Value<'v>> {
        self.object.properties.iter().rev().find(|one| one.name.as_str() == name).map(|one| &one.value)
    }

    /// Returns whether a keyword names no property: since 2019 Confluent's registry does not see it.
    fn is_empty(self, name: &str) -> bool {
        matches!(name, "properties" | "patternProperties")
            && self.get(name).and_then(Value::as_object).is_some_and(|object| object.properties.is_empty())
    }
}

impl<'v> Parser<'v> {
    /// Reads a subschema that is an object: its only part, or all of its parts.
    pub(super) fn object(&mut self, id: NodeId, object: &'v JsonObject<'v>, scope: Scope) {
        let keywords = Keywords { object, scope };
        let own = span(scope, object);
        let has_default = keywords.get("default").is_some();
        let mut parts = self.parts(keywords);
        let kind = match parts.len() {
            0 => Kind::Anything,
            1 => parts.remove(0),
            _ => {
                let parts = parts.into_iter().map(|kind| self.part(kind, keywords)).collect();
                Kind::Combined(Combined { criterion: Criterion::All, keyword: None, parts })
            }
        };
        self.define(id, kind, own, has_default);
    }

    fn part(&mut self, kind: Kind, keywords: Keywords<'v>) -> NodeId {
        let id = self.reserve();
        self.define(id, kind, span(keywords.scope, keywords.object), false);
        id
    }

    fn parts(&mut self, keywords: Keywords<'v>) -> Vec<Kind> {
        let draft = keywords.scope.draft;
        let mut parts: Vec<Kind> = Vec::new();
        for name in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(value) = keywords.get(name).filter(|_| name == "$ref" || draft >= Draft::V2019) {
                parts.extend(self.reference(value, keywords.scope));
                // Until 2019 whatever stands beside `$ref` means nothing.
                if draft < Draft::V2019 {
                    return parts;
                }
            }
        }
        parts.extend(keywords.get("enum").and_then(|values| self.enumeration(values, keywords.scope)));
        for (name, criterion) in [("allOf", Criterion::All), ("anyOf", Criterion::Any), ("oneOf", Criterion::One)] {
            parts.extend(keywords.get(name).and_then(|value| self.combined((name, criterion), value, keywords.scope)));
        }
        parts.extend(keywords.get("not").map(|value| Kind::Not(self.schema(value, keywords.scope))));
        if draft >= Draft::V6 {
            parts.extend(keywords.get("const").map(|value| Kind::Enum(vec![canonical(value)])));
        }
        let mut typed = Vec::new();
        parts.extend(keywords.get("type").and_then(|value| self.typed(value, keywords, &mut typed)));
        for family in Family::ALL.into_iter().filter(|family| !typed.contains(family)) {
            if family.is_in(keywords) {
                let kind = self.family(family, keywords);
                parts.push(kind);
            }
        }
        if draft >= Draft::V7 && ["if", "then", "else"].iter().any(|name| keywords.get(name).is_some()) {
            ["if", "then", "else"].into_iter().for_each(|name| self.read_unused(name, keywords));
            parts.push(Kind::Conditional);
        }
        parts
    }

    /// Reads a subschema that is not compared, so that what is wrong in it is found.
    fn read_unused(&mut self, name: &str, keywords: Keywords<'v>) {
        if let Some(value) = keywords.get(name) {
            self.schema(value, keywords.scope);
        }
    }

    fn reference(&mut self, value: &'v Value<'v>, scope: Scope) -> Option<Kind> {
        let reference = self.text(value, scope, "$ref")?;
        let node = self.reserve();
        self.pending.push_back(Pending { node, reference, span: span(scope, value), scope });
        Some(Kind::Reference(node))
    }

    fn enumeration(&mut self, value: &'v Value<'v>, scope: Scope) -> Option<Kind> {
        let items = self.list(value, scope, "enum")?;
        Some(Kind::Enum(items.iter().map(canonical).collect::<BTreeSet<_>>().into_iter().collect()))
    }

    fn combined(
        &mut self,
        (name, criterion): (&'static str, Criterion),
        value: &'v Value<'v>,
        scope: Scope,
    ) -> Option<Kind> {
        let items = different(self.list(value, scope, name)?);
        let parts = items.into_iter().map(|item| self.schema(item, scope)).collect();
        Some(Kind::Combined(Combined { criterion, keyword: Some(name), parts }))
    }

    /// Reads `type`: one, or any of several; `families` are those that it is about.
    fn typed(&mut self, value: &'v Value<'v>, keywords: Keywords<'v>, families: &mut Vec<Family>) -> Option<Kind> {
        let Value::Array(types) = value else { return self.one_type(value, keywords, families) };
        let mut parts = Vec::new();
        for one in different(&types.elements) {
            let kind = self.one_type(one, keywords, families)?;
            parts.push(self.part(kind, keywords));
        }
        Some(Kind::Combined(Combined { criterion: Criterion::Any, keyword: None, parts }))
    }

    fn one_type(&mut self, value: &'v Value<'v>, keywords: Keywords<'v>, families: &mut Vec<Family>) -> Option<Kind> {
        let name = self.text(value, keywords.scope, "type")?;
        if let Some(family) = Family::of_type(&name) {
            families.push(family);
            let mut kind = self.family(family, keywords);
            if let Kind::Number(number) = &mut kind {
                number.is_integer = name == "integer";
            }
            return Some(kind);
        }
        match name.as_str() {
            "null" => Some(Kind::Null),
            "boolean" => Some(Kind::Boolean),
            _ => {
                let help = "write null, boolean, string, number, integer, object or array";
                self.wrong(span(keywords.scope, value), format!("`{name}` is no type"), help);
                None
            }
        }
    }

    fn family(&mut self, family: Family, keywords: Keywords<'v>) -> Kind {
        match family {
            Family::Array => Kind::Array(Box::new(self.array(keywords))),
            Family::Object => Kind::Object(Box::new(self.of_objects(keywords))),
            Family::Number => Kind::Number(Box::new(self.of_numbers(keywords))),
            Family::Text => Kind::Text(Box::new(self.of_text(keywords))),
        }
    }

    fn of_text(&mut self, keywords: Keywords<'v>) -> Text {
        if let Some(format) = keywords.get("format") {
            self.text(format, keywords.scope, "format");
        }
        let pattern = keywords.get("pattern").and_then(|value| {
            let place = span(keywords.scope, value);
            let pattern = self.text(value, keywords.scope, "pattern")?;
            self.pattern(&pattern, place);
            Some(Placed { value: pattern, span: place })
        });
        Text { max_length: self.count("maxLength", keywords), min_length: self.count("minLength", keywords), pattern }
    }

    fn pattern(&mut self, pattern: &str, place: Span) {
        if let Some(problem) = pattern::problem(pattern) {
            self.wrong(
                place,
                format!("the pattern is no regular expression: {problem}"),
                "escape what is meant literally",
            );
        }
    }

    fn of_numbers(&mut self, keywords: Keywords<'v>) -> Number {
        Number {
            maximum: self.bound("maximum", keywords),
            minimum: self.bound("minimum", keywords),
            exclusive_maximum: self.exclusive_bound("exclusiveMaximum", keywords),
            exclusive_minimum: self.exclusive_bound("exclusiveMinimum", keywords),
            multiple_of: self.bound("multipleOf", keywords),
            is_integer: false,
        }
    }

    /// In draft 4 it is a boolean, which Confluent's registry does not compare.
    fn exclusive_bound(&mut self, name: &str, keywords: Keywords<'v>) -> Bound {
        match keywords.get(name)? {
            Value::BooleanLit(_) if keywords.scope.draft == Draft::V4 => None,
            other if keywords.scope.draft == Draft::V4 => self.refuse(other, keywords.scope, name, "a boolean"),
            _ => self.bound(name, keywords),
        }
    }

    fn of_objects(&mut self, keywords: Keywords<'v>) -> Object {
        if keywords.scope.draft >= Draft::V6 {
            self.read_unused("propertyNames", keywords);
        }
        let required = keywords.get("required").and_then(|value| self.list(value, keywords.scope, "required"));
        let required = required.unwrap_or_default().iter().filter_map(|name| {
            let value = self.text(name, keywords.scope, "required")?;
            Some(Placed { value, span: span(keywords.scope, name) })
        });
        let mut object = Object {
            required: required.collect(),
            properties: self.properties("properties", keywords),
            patterns: self.pattern_properties(keywords),
            additional: self.additional("additionalProperties", "unevaluatedProperties", keywords),
            max_properties: self.count("maxProperties", keywords),
            min_properties: self.count("minProperties", keywords),
            ..Object::default()
        };
        for name in ["dependencies", "dependentRequired", "dependentSchemas"] {
            self.dependencies(name, keywords, &mut object);
        }
        object
    }

    fn properties(&mut self, name: &str, keywords: Keywords<'v>) -> Vec<Property> {
        let scope = keywords.scope;
        let Some(object) = keywords.get(name).and_then(|value| self.json_object(value, scope, name)) else {
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut properties: Vec<_> =
            object.properties.iter().rev().filter(|one| seen.insert(one.name.as_str())).collect();
        properties.reverse();
        let property = |one: &'v jsonc_parser::ast::ObjectProp<'v>| Property {
            name: one.name.as_str().to_owned(),
            node: self.schema(&one.value, scope),
            span: span(scope, one),
        };
        properties.into_iter().map(property).collect()
    }

    fn pattern_properties(&mut self, keywords: Keywords<'v>) -> Vec<Property> {
        let patterns = self.properties("patternProperties", keywords);
        patterns.iter().for_each(|one| self.pattern(&one.name, one.span));
        patterns
    }

    fn dependencies(&mut self, name: &str, keywords: Keywords<'v>, into: &mut Object) {
        let scope = keywords.scope;
        let is_known = name == "dependencies" || scope.draft >= Draft::V2019;
        let value = keywords.get(name).filter(|_| is_known);
        let Some(object) = value.and_then(|value| self.json_object(value, scope, name)) else { return };
        for one in &object.properties {
            let (key, place) = (one.name.as_str().to_owned(), span(scope, one));
            match &one.value {
                Value::Array(names) if name != "dependentSchemas" => {
                    let texts = names.elements.iter().filter_map(|text| self.text(text, scope, name));
                    let on = texts.collect::<BTreeSet<_>>().into_iter().collect();
                    into.needs_properties.push(Dependency { name: key, on, span: place });
                }
                schema => {
                    let on = self.schema(schema, scope);
                    into.needs_schema.push(Dependency { name: key, on, span: place });
                }
            }
        }
    }

    /// What is left over is read as what is additional, where nothing says that.
    fn additional(&mut self, name: &str, left_over: &str, keywords: Keywords<'v>) -> Additional {
        let left_over = || keywords.get(left_over).filter(|_| keywords.scope.draft >= Draft::V2019);
        match keywords.get(name).or_else(left_over) {
            None => Additional::Open,
            Some(Value::BooleanLit(all)) if all.value => Additional::Open,
            Some(value @ Value::BooleanLit(_)) => Additional::Closed(span(keywords.scope, value)),
            Some(value) => Additional::Schema(self.schema(value, keywords.scope)),
        }
    }

    /// A tuple is `prefixItems` since 2020 and a list of `items` before; what stands beside it, `items` since 2020 and
    /// `additionalItems` before.
    fn array(&mut self, keywords: Keywords<'v>) -> Array {
        let scope = keywords.scope;
        if scope.draft >= Draft::V6 {
            self.read_unused("contains", keywords);
        }
        let prefix = keywords.get("prefixItems").filter(|_| scope.draft >= Draft::V2019);
        let mut array = Array {
            max_items: self.count("maxItems", keywords),
            min_items: self.count("minItems", keywords),
            unique: self.unique(keywords),
            max_contains: self.since_2019("maxContains", keywords),
            min_contains: self.min_contains(keywords),
            ..Array::default()
        };
        match (prefix, keywords.get("items")) {
            (Some(prefix), _) => {
                let items = self.list(prefix, scope, "prefixItems").unwrap_or_default();
                array.tuple = items.iter().map(|item| self.schema(item, scope)).collect();
                array.additional = self.additional("items", "unevaluatedItems", keywords);
                return array;
            }
            (None, Some(Value::Array(items))) => {
                array.tuple = items.elements.iter().map(|item| self.schema(item, scope)).collect();
            }
            (None, Some(item)) => array.items = Some(self.schema(item, scope)),
            (None, None) => {}
        }
        array.additional = self.additional("additionalItems", "unevaluatedItems", keywords);
        array
    }

    fn since_2019(&mut self, name: &str, keywords: Keywords<'v>) -> Bound {
        if keywords.scope.draft < Draft::V2019 || keywords.get("contains").is_none() {
            return None;
        }
        self.count(name, keywords)
    }

    /// Without `minContains` one item at least must fit.
    fn min_contains(&mut self, keywords: Keywords<'v>) -> Bound {
        let contains = keywords.get("contains").filter(|_| keywords.scope.draft >= Draft::V2019)?;
        let implied = Placed { value: 1.0, span: span(keywords.scope, contains) };
        Some(self.since_2019("minContains", keywords).unwrap_or(implied))
    }

    fn unique(&mut self, keywords: Keywords<'v>) -> Option<Span> {
        let value = keywords.get("uniqueItems")?;
        let Value::BooleanLit(unique) = value else {
            return self.refuse(value, keywords.scope, "uniqueItems", "a boolean");
        };
        unique.value.then(|| span(keywords.scope, value))
    }
}

/// Returns the values of a list, each once.
fn different<'v>(list: &'v [Value<'v>]) -> Vec<&'v Value<'v>> {
    let mut seen = BTreeSet::new();
    list.iter().filter(|item| list.len() == 1 || seen.insert(canonical(item))).collect()
}
