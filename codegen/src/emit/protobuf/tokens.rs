//! Trees of tokens, as which prost-build's code is changed, into Rust text like the rest.

use proc_macro2::{Delimiter, Group, Spacing, TokenTree};
use quote::ToTokens;
use syn::{Expr, ExprLit, Lit, Meta, MetaNameValue};

use crate::rust::TokenStream;

/// What several signs that follow each other at once may mean together.
const SIGNS: [&str; 9] = ["::", "->", "=>", "..", "&&", "||", "==", "!=", "<="];

/// Returns the text of syntax.
pub(super) fn of(syntax: &impl ToTokens) -> TokenStream {
    let mut text = TokenStream::new();
    append(syntax.to_token_stream(), &mut text);
    text
}

fn append(trees: proc_macro2::TokenStream, text: &mut TokenStream) {
    let mut trees = trees.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Group(group) => append_group(&group, text),
            TokenTree::Ident(ident) => text.token(&ident.to_string()),
            TokenTree::Literal(literal) => text.token(&literal.to_string()),
            TokenTree::Punct(punct) => {
                let mut sign = punct.as_char().to_string();
                if let ("#", Some(TokenTree::Group(group))) = (sign.as_str(), trees.peek())
                    && let Some(doc) = documentation(group)
                {
                    text.doc(&doc);
                    trees.next();
                    continue;
                }
                let next = match (punct.spacing(), trees.peek()) {
                    (Spacing::Joint, Some(TokenTree::Punct(next))) => Some(next.as_char().to_string()),
                    (Spacing::Joint, Some(TokenTree::Ident(name))) if sign == "\'" => Some(name.to_string()),
                    _ => None,
                };
                if let Some(next) =
                    next.filter(|next| sign == "\'" || SIGNS.contains(&format!("{sign}{next}").as_str()))
                {
                    sign.push_str(&next);
                    trees.next();
                }
                text.token(&sign);
            }
        }
    }
}

fn append_group(group: &Group, text: &mut TokenStream) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => return append(group.stream(), text),
    };
    text.token(open);
    append(group.stream(), text);
    text.token(close);
}

/// Returns the text of an attribute that is documentation.
fn documentation(attribute: &Group) -> Option<String> {
    let meta: MetaNameValue = match syn::parse2(attribute.stream()) {
        Ok(Meta::NameValue(meta)) => meta,
        _ => return None,
    };
    match meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if meta.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}
