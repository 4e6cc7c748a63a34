//! Whether a schema accepts a value, where it says so in keywords that are as old as draft 4 or mean the same since.

use std::cell::Cell;

use regex_lite::RegexBuilder;
use serde_json::{Map, Value};

/// How many schemas are asked in all: combined ones could ask each other without end.
const MAX_STEPS: u32 = 20_000;

/// How deep schemas may lead into each other.
const MAX_DEPTH: u32 = 64;

const MAX_PATTERN_LEN: usize = 1 << 15;

/// What a schema says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Accepts,
    /// Not, and which keyword says so.
    Refuses(String),
    /// There is a keyword that is not known here.
    Unknown,
}

/// One schema, as JSON.
pub(super) struct Validator<'s> {
    root: &'s Value,
    left: Cell<u32>,
    depth: Cell<u32>,
}

impl<'s> Validator<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, left: Cell::new(MAX_STEPS), depth: Cell::new(0) }
    }

    /// Follows `$ref`s within the text; what stands beside one is not known.
    pub(super) fn resolved(&self, mut schema: &'s Value) -> Option<&'s Value> {
        const MAX_HOPS: usize = 16;
        for _ in 0..MAX_HOPS {
            let Some(reference) = schema.get("$ref") else { return Some(schema) };
            let is_alone = schema.as_object()?.keys().all(|key| key == "$ref" || is_annotation(key));
            let pointer = reference.as_str().filter(|_| is_alone)?.strip_prefix('#')?;
            schema = self.root.pointer(pointer)?;
        }
        None
    }

    /// Takes a step; returns whether there was one left.
    pub(super) fn afford(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    pub(super) fn judge(&self, schema: &'s Value, value: &Value) -> Judgement {
        if self.depth.get() == MAX_DEPTH || !self.afford() {
            return Judgement::Unknown;
        }
        self.depth.set(self.depth.get() + 1);
        let judgement = self.judge_within_limits(schema, value);
        self.depth.set(self.depth.get() - 1);
        judgement
    }

    fn judge_within_limits(&self, schema: &'s Value, value: &Value) -> Judgement {
        match self.resolved(schema) {
            Some(Value::Bool(true)) => Judgement::Accepts,
            Some(Value::Bool(false)) => Judgement::Refuses(format!("nothing is allowed in place of {value}")),
            Some(Value::Object(keywords)) => {
                worst(keywords.iter().map(|(keyword, rule)| self.judge_keyword(keywords, (keyword, rule), value)))
            }
            _ => Judgement::Unknown,
        }
    }

    fn judge_keyword(
        &self,
        keywords: &'s Map<String, Value>,
        (keyword, rule): (&str, &'s Value),
        value: &Value,
    ) -> Judgement {
        let known = |name| keywords.get(name).and_then(Value::as_object);
        match (keyword, value) {
            ("items", Value::Array(items)) if !rule.is_array() => self.all(items.iter().map(|item| (rule, item))),
            ("properties", Value::Object(object)) => {
                let known = known("properties");
                self.all(object.iter().filter_map(|(name, value)| Some((known?.get(name)?, value))))
            }
            ("additionalProperties", Value::Object(object)) if !keywords.contains_key("patternProperties") => {
                let known = known("properties");
                let others = object.iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                self.all(others.map(|(_, value)| (rule, value)))
            }
            _ => match self.fits(keyword, rule, value) {
                Some(true) => Judgement::Accepts,
                Some(false) => Judgement::Refuses(format!("{value} does not fit \"{keyword}\": {rule}")),
                None => Judgement::Unknown,
            },
        }
    }

    /// Returns whether a value is what a keyword says that is about itself; `None` if the keyword is not known.
    fn fits(&self, keyword: &str, rule: &'s Value, value: &Value) -> Option<bool> {
        match (keyword, value) {
            ("type", _) => Some(match rule {
                Value::Array(types) => types.iter().any(|one| is_of_type(value, one)),
                one => is_of_type(value, one),
            }),
            ("enum", _) => Some(rule.as_array()?.contains(value)),
            ("const", _) => Some(rule == value),
            ("allOf" | "anyOf" | "oneOf", _) => self.combined(keyword, rule.as_array()?, value),
            ("not", _) => verdict(&self.judge(rule, value)).map(|accepts| !accepts),
            ("minimum", Value::Number(_)) => Some(value.as_f64()? >= rule.as_f64()?),
            ("maximum", Value::Number(_)) => Some(value.as_f64()? <= rule.as_f64()?),
            ("exclusiveMinimum", Value::Number(_)) => Some(value.as_f64()? > rule.as_f64()?),
            ("exclusiveMaximum", Value::Number(_)) => Some(value.as_f64()? < rule.as_f64()?),
            ("multipleOf", Value::Number(_)) => Some((value.as_f64()? / rule.as_f64()?).fract() == 0.0),
            ("minLength", Value::String(text)) => Some(count(text.chars().count()) >= rule.as_f64()?),
            ("maxLength", Value::String(text)) => Some(count(text.chars().count()) <= rule.as_f64()?),
            ("pattern", Value::String(text)) => {
                let pattern = RegexBuilder::new(rule.as_str()?).size_limit(MAX_PATTERN_LEN).build().ok()?;
                Some(pattern.is_match(text))
            }
            ("minItems", Value::Array(items)) => Some(count(items.len()) >= rule.as_f64()?),
            ("maxItems", Value::Array(items)) => Some(count(items.len()) <= rule.as_f64()?),
            ("uniqueItems", Value::Array(items)) => {
                let repeats =
                    items.iter().enumerate().any(|(index, item)| items.iter().skip(index + 1).any(|one| one == item));
                Some(!(rule.as_bool()? && repeats))
            }
            ("minProperties", Value::Object(object)) => Some(count(object.len()) >= rule.as_f64()?),
            ("maxProperties", Value::Object(object)) => Some(count(object.len()) <= rule.as_f64()?),
            ("required", Value::Object(object)) => {
                Some(rule.as_array()?.iter().all(|name| name.as_str().is_some_and(|name| object.contains_key(name))))
            }
            (other, value) => is_about_another_type(other, value).then_some(true),
        }
    }

    fn combined(&self, keyword: &str, parts: &'s [Value], value: &Value) -> Option<bool> {
        let verdicts: Vec<_> = parts.iter().map(|part| verdict(&self.judge(part, value))).collect();
        let n_accepting = verdicts.iter().filter(|one| **one == Some(true)).count();
        let is_certain = !verdicts.contains(&None);
        match keyword {
            "allOf" if verdicts.contains(&Some(false)) => Some(false),
            "anyOf" if n_accepting > 0 => Some(true),
            "oneOf" => is_certain.then_some(n_accepting == 1),
            "anyOf" => is_certain.then_some(false),
            _ => is_certain.then_some(true),
        }
    }

    fn all<'v>(&self, pairs: impl Iterator<Item = (&'s Value, &'v Value)>) -> Judgement {
        worst(pairs.map(|(schema, value)| self.judge(schema, value)))
    }
}

/// One refusal is enough; without any, one thing that is not known is too much.
fn worst(judgements: impl Iterator<Item = Judgement>) -> Judgement {
    judgements.fold(Judgement::Accepts, |worst, one| match (worst, one) {
        (Judgement::Refuses(why), _) | (_, Judgement::Refuses(why)) => Judgement::Refuses(why),
        (Judgement::Unknown, _) | (_, Judgement::Unknown) => Judgement::Unknown,
        (Judgement::Accepts, Judgement::Accepts) => Judgement::Accepts,
    })
}

fn verdict(judgement: &Judgement) -> Option<bool> {
    match judgement {
        Judgement::Accepts => Some(true),
        Judgement::Refuses(_) => Some(false),
        Judgement::Unknown => None,
    }
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// Returns whether a keyword says nothing of such a value.
fn is_about_another_type(keyword: &str, value: &Value) -> bool {
    match keyword {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => !value.is_number(),
        "minLength" | "maxLength" | "pattern" => !value.is_string(),
        "minItems" | "maxItems" | "uniqueItems" | "items" | "additionalItems" => !value.is_array(),
        "minProperties" | "maxProperties" | "required" | "properties" | "additionalProperties" => !value.is_object(),
        other => is_annotation(other),
    }
}

fn is_annotation(keyword: &str) -> bool {
    let known =
        ["$schema", "$id", "id", "$comment", "title", "description", "default", "examples", "definitions", "$defs"];
    known.contains(&keyword)
}

/// Counts are compared with what is a number in the schema.
#[expect(clippy::cast_precision_loss, reason = "no value that is tried has 2^53 parts")]
fn count(number: usize) -> f64 {
    number as f64
}
