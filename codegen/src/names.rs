//! Rust names for the names of schemas: snake_case and UpperCamelCase as prost-build makes them, keywords as raw
//! identifiers.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span};

/// The field for what a message does not know, where it keeps that.
pub(crate) const UNKNOWN_FIELDS: &str = "unknown_fields";

/// Returns the identifier of a field or a module.
pub(crate) fn snake(name: &str) -> Ident {
    identifier(&name.to_snake_case())
}

/// Returns the identifier of a type or a variant.
pub(crate) fn upper_camel(name: &str) -> Ident {
    identifier(&name.to_upper_camel_case())
}

/// Returns the name of a type's borrowed form.
pub(crate) fn reference(ident: &Ident) -> Ident {
    identifier(&format!("{}Ref", plain(ident)))
}

/// Returns the text of an identifier as a schema would have it: without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

fn identifier(text: &str) -> Ident {
    match text {
        // Keywords that cannot be raw identifiers, and one that prost-build takes for such: it appends an underscore too.
        "self" | "super" | "crate" | "Self" | "extern" => Ident::new(&format!("{text}_"), Span::call_site()),
        // A keyword since edition 2024, of which syn knows nothing.
        "gen" => Ident::new_raw(text, Span::call_site()),
        _ if syn::parse_str::<Ident>(text).is_ok() => Ident::new(text, Span::call_site()),
        // A name of underscores and digits only has nothing left.
        _ if !text.starts_with(|first: char| first.is_alphabetic()) => {
            Ident::new(&format!("_{text}_"), Span::call_site())
        }
        keyword => Ident::new_raw(keyword, Span::call_site()),
    }
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
