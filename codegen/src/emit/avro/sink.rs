//! Emits `Sink`: how a type takes what a run-time plan hands over, for writers that are not known at build time.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::Path;

use crate::ir::{Enum, Record, Type};

/// Emits the implementation for one type.
pub(super) fn implementation(one: &Type, wire: &Path) -> TokenStream {
    match one {
        Type::Record(record) => self::record(record, wire),
        Type::Enum(one) => enumeration(one, wire),
        Type::Union(one) => super::union::sink(one, wire),
    }
}

fn record(record: &Record, wire: &Path) -> TokenStream {
    let path = &record.path;
    // Numbered, so that no field's name can be in the way.
    let slots: Vec<_> = (0..record.fields.len()).map(|index| format_ident!("field_{index}")).collect();
    let arms = slots.iter().enumerate().map(|(index, slot)| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => #slot = ::core::option::Option::Some(fields.read()?))
    });
    let values = record.fields.iter().zip(&slots).map(|(field, slot)| {
        let (ident, name) = (&field.ident, &field.name);
        quote!(#ident: fields.required(#slot, #name)?)
    });
    quote! {
        impl #wire::avro::Sink for #path {
            fn record(
                mut fields: #wire::avro::Fields<'_, '_, '_>,
            ) -> ::core::result::Result<Self, #wire::DecodeError> {
                #(let mut #slots = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(field) = fields.advance()? {
                    match field {
                        #(#arms,)*
                        other => return ::core::result::Result::Err(fields.unexpected(other)),
                    }
                }
                ::core::result::Result::Ok(Self { #(#values),* })
            }
        }
    }
}

fn enumeration(one: &Enum, wire: &Path) -> TokenStream {
    let path = &one.path;
    let count = Literal::usize_unsuffixed(one.variants.len());
    let arms = one.variants.iter().enumerate().map(|(index, (variant, _))| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => ::core::result::Result::Ok(Self::#variant))
    });
    quote! {
        impl #wire::avro::Sink for #path {
            fn symbol(
                _node: &#wire::avro::EnumNode,
                index: usize,
            ) -> ::core::result::Result<Self, #wire::DecodeError> {
                match index {
                    #(#arms,)*
                    other => ::core::result::Result::Err(#wire::avro::no_such_index(other, #count)),
                }
            }
        }
    }
}
