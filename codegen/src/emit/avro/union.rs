//! Emits the enum of a union with several branches: a variant for each branch that is not null.

use super::seen_type;
use crate::ir::{Union, Variant};
use crate::rust::{Literal, Path, TokenStream, quote};

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

/// Emits how the enum takes a branch from a plan.
pub(super) fn sink(union: &Union, wire: &Path) -> TokenStream {
    let Union { path, variants, .. } = union;
    let arms = variants.iter().map(|Variant { ident, index, .. }| {
        let index = Literal::usize_unsuffixed(*index);
        quote!(#index => branch.read().map(Self::#ident))
    });
    let count = Literal::usize_unsuffixed(variants.len());
    quote! {
        impl #wire::avro::Sink for #path {
            fn branch(
                branch: #wire::avro::Branch<'_, '_, '_>,
            ) -> ::core::result::Result<Self, #wire::DecodeError> {
                match branch.index() {
                    #(#arms,)*
                    other => ::core::result::Result::Err(#wire::avro::no_such_index(other, #count)),
                }
            }
        }
    }
}
