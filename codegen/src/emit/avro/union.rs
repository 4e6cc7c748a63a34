//! Emits the enum of a union with several branches: a variant for each branch that is not null.
//!
//! Its JSON form, `{"branch": value}`, is the form that serde derives for such an enum.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

use super::{path_text, seen_type, serde_path};
use crate::ir::{Union, Variant};

/// Emits the enum.
pub(super) fn definition(union: &Union, wire: &Path) -> TokenStream {
    let Union { path, place, variants } = union;
    let (ident, inside) = (&path.ident, path.module.is_some());
    let doc = super::super::doc(&format!("The branches of the union in `{}`.", place.replace('#', ".")));
    let serde = serde_path(wire);
    let members = variants.iter().map(|variant| member(variant, inside, wire));
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq, #wire::serde::Serialize, #wire::serde::Deserialize)]
        #[serde(crate = #serde)]
        pub enum #ident {
            #(#members,)*
        }
    }
}

fn member(variant: &Variant, inside: bool, wire: &Path) -> TokenStream {
    let Variant { ident, branch, alias, ty, .. } = variant;
    let doc = super::super::doc(&format!("The branch `{branch}`."));
    let alias = alias.as_ref().map(|alias| quote!(#[serde(alias = #alias)]));
    let path = format!("{}::json", path_text(wire));
    let with = ty.needs_json_form().then(|| quote!(#[serde(with = #path)]));
    let ty = seen_type(ty, inside, wire);
    quote!(#doc #[serde(rename = #branch)] #alias #ident(#with #ty))
}
