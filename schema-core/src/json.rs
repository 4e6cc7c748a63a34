//! JSON with spans, strict but for comments, and the way from there to `serde_json` values.

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Parses a text; an error is the byte it was found at, and what it is.
pub(crate) fn parse(text: &str) -> Result<Value<'_>, (usize, String)> {
    match parse_to_ast(text, &CollectOptions::default(), &OPTIONS) {
        Ok(result) => result.value.ok_or_else(|| (0, "the file is empty".to_owned())),
        Err(error) => {
            let what = error.kind().to_string();
            let mut chars = what.chars();
            let lowercase = chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or(what);
            Err((error.range().start, format!("the text is not JSON: {lowercase}")))
        }
    }
}

/// Returns the same value for serde_json; a number that serde_json cannot hold becomes text and so fits no number.
pub(crate) fn to_serde(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::StringLit(text) => text.value.as_ref().into(),
        Value::NumberLit(number) => {
            serde_json::from_str(number.value).unwrap_or_else(|_| serde_json::Value::String(number.value.into()))
        }
        Value::BooleanLit(boolean) => boolean.value.into(),
        Value::Object(object) => {
            object.properties.iter().map(|one| (one.name.as_str().to_owned(), to_serde(&one.value))).collect()
        }
        Value::Array(array) => array.elements.iter().map(to_serde).collect(),
        Value::NullKeyword(_) => serde_json::Value::Null,
    }
}

/// Returns what JSON calls a value of that kind, for messages.
pub(crate) fn word(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "text",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    }
}
