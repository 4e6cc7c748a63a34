//! Rust names for the names of schemas: snake_case and UpperCamelCase as prost-build makes them, keywords as raw
//! identifiers.

use std::fmt::Display;

use heck::{ToSnakeCase, ToUpperCamelCase};

use crate::rust::Ident;

/// The field for what a message does not know, where it keeps that.
pub(crate) const UNKNOWN_FIELDS: &str = "unknown_fields";

/// Returns the identifier of a field or a module.
pub(crate) fn snake(name: &str) -> Ident {
    identifier(name.to_snake_case())
}

/// Returns the identifier of a type or a variant.
pub(crate) fn upper_camel(name: &str) -> Ident {
    identifier(name.to_upper_camel_case())
}

/// Returns the name of a type's borrowed form.
pub(crate) fn reference(ident: &Ident) -> Ident {
    identifier(format!("{}Ref", plain(ident)))
}

/// Returns the text of an identifier as a schema would have it: without `r#`.
pub(crate) fn plain(ident: &impl Display) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

fn identifier(text: String) -> Ident {
    match text.as_str() {
        // Keywords that cannot be raw identifiers, and one that prost-build takes for such: it appends an underscore too.
        "self" | "super" | "crate" | "Self" | "extern" => Ident::new(format!("{text}_")),
        keyword if is_keyword(keyword) => Ident::new(format!("r#{text}")),
        // A name of underscores and digits only has nothing left.
        _ if text == "_" || !text.starts_with(|first: char| first.is_alphabetic() || first == '_') => {
            Ident::new(format!("_{text}_"))
        }
        _ => Ident::new(text),
    }
}

/// Whether Rust keeps the word for itself, or may do so (The Rust Reference, "Keywords").
#[rustfmt::skip]
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "abstract" | "as" | "async" | "await" | "become" | "box" | "break" | "const" | "continue" | "do" | "dyn" | "else"
        | "enum" | "false" | "final" | "fn" | "for" | "gen" | "if" | "impl" | "in" | "let" | "loop" | "macro" | "match"
        | "mod" | "move" | "mut" | "override" | "priv" | "pub" | "ref" | "return" | "static" | "struct" | "trait" | "true"
        | "try" | "type" | "typeof" | "unsafe" | "unsized" | "use" | "virtual" | "where" | "while" | "yield"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        let check = |ident: Ident, expected: &str| assert_eq!(ident.to_string(), expected);
        check(snake("orderId"), "order_id");
        check(snake("type"), "r#type");
        check(snake("gen"), "r#gen");
        check(snake("self"), "self_");
        check(snake("__"), "__");
        check(upper_camel("PAYMENT_METHOD"), "PaymentMethod");
        check(upper_camel("Self"), "Self_");
        check(upper_camel("_1"), "_1_");
    }

    #[test]
    fn a_raw_identifier_is_plain_in_text() {
        assert_eq!(plain(&snake("type")), "type");
        assert_eq!(plain(&snake("order")), "order");
    }
}
