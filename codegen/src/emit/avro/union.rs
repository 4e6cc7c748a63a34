//! Emits the enum of a union with several branches: a variant for each branch that is not null.

use super::seen_type;
use crate::ir::{Union, Variant};
use crate::rust::{Path, TokenStream, quote};

/// Emits the enum.
pub(super) fn definition(union: &Union, wire: &Path) -> TokenStream {
    let Union { path, place, variants } = union;
    let (ident, inside) = (&path.ident, path.module.is_some());
    let doc = super::super::doc(&format!("The branches of the union in `{}`.", place.replace('#', ".")));
    let members = variants.iter().map(|variant| member(variant, inside, wire));
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq)]
        pub enum #ident {
            #(#members,)*
        }
    }
}

fn member(variant: &Variant, inside: bool, wire: &Path) -> TokenStream {
    let Variant { ident, branch, ty, .. } = variant;
    let doc = super::super::doc(&format!("The branch `{branch}`."));
    let ty = seen_type(ty, inside, wire);
    quote!(#doc #ident(#ty))
}
