//! JSON with spans, strict but for comments, the way from there to `serde_json` values, and texts without their layout.

mod layout;

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

pub use layout::format_json;

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

/// Takes white space and comments out of a text that was parsed as JSON.
#[must_use]
pub fn compact_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(first) = rest.chars().next() {
        let (is_content, len) = match first {
            '"' => (true, string_len(rest)),
            '/' if rest.starts_with("//") => (false, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (false, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            other => (!other.is_whitespace(), other.len_utf8()),
        };
        let (token, after) = rest.split_at(len);
        out.push_str(if is_content { token } else { "" });
        rest = after;
    }
    out
}

/// Returns the length of the string literal that a text begins with, quotes included.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_comments_are_no_content_and_strings_are() {
        let check = |text: &str, expected: &str| assert_eq!(compact_json(text), expected);
        check(" { \"a\" :\t[ 1 ,\n2.50 ] } ", r#"{"a":[1,2.50]}"#);
        check(r#"{"doc": "a  b // \" /* c */"}"#, r#"{"doc":"a  b // \" /* c */"}"#);
        check("// one\n{ /* two\n */ \"a\": \"\\\\\" } // three", r#"{"a":"\\"}"#);
        check("\u{feff}\"string\"", "\"string\"");
        check("\"open", "\"open");
        check("/* open", "");
        check("{ \"a b\" : /* c */ [1, // \"d\n 2] }", "{\"a b\":[1,2]}");
        check(r#"["a\" // b"]"#, r#"["a\" // b"]"#);
        check("[\"cut", "[\"cut");
        check("é /* open", "é");
    }
}
