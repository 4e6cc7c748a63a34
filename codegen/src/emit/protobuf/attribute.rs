//! What `#[prost(...)]` on a field says: `required`, `tag = "1"`.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Field, Lit, LitStr, Meta, Token};

/// Returns whether the attribute has a word that stands alone.
pub(super) fn has(field: &Field, word: &str) -> bool {
    items(field).any(|item| matches!(item, Meta::Path(path) if path.is_ident(word)))
}

/// Returns the text that the attribute gives for a word.
pub(super) fn value(field: &Field, word: &str) -> Option<LitStr> {
    items(field).find_map(|item| match item {
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

fn items(field: &Field) -> impl Iterator<Item = Meta> {
    let attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident("prost"));
    let items = |attribute: &Attribute| attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    attributes.flat_map(move |attribute| items(attribute).expect("prost-build writes lists"))
}
