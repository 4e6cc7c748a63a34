//! What attributes in parentheses say: of `#[prost(...)]` on a field `required` and `tag = "1"`, of `#[serde(...)]` its names.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Field, Lit, LitStr, Meta, Token};

/// Returns whether prost's attribute has a word that stands alone.
pub(super) fn has(field: &Field, word: &str) -> bool {
    items(&field.attrs, "prost").any(|item| matches!(item, Meta::Path(path) if path.is_ident(word)))
}

/// Returns the text that prost's attribute gives for a word.
pub(super) fn value(field: &Field, word: &str) -> Option<LitStr> {
    values(&field.attrs, "prost", word).next()
}

/// Returns the texts that the attributes of a name give for a word.
pub(super) fn values<'a>(
    attributes: &'a [Attribute],
    name: &'static str,
    word: &'a str,
) -> impl Iterator<Item = LitStr> + 'a {
    items(attributes, name).filter_map(move |item| match item {
        Meta::NameValue(pair) if pair.path.is_ident(word) => match pair.value {
            Expr::Lit(value) => match value.lit {
                Lit::Str(text) => Some(text),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

fn items<'a>(attributes: &'a [Attribute], name: &'static str) -> impl Iterator<Item = Meta> + 'a {
    let attributes = attributes.iter().filter(move |attribute| attribute.path().is_ident(name));
    let items = |attribute: &Attribute| attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    attributes.flat_map(move |attribute| items(attribute).expect("prost-build writes lists"))
}
