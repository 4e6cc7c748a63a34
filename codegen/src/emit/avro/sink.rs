//! Emits `Sink`: how a type takes what a run-time plan hands over, for writers that are not known at build time.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::Path;

use super::default;
use crate::ir::{Enum, Record, Type};

/// Emits the implementation for one type.
pub(super) fn implementation(one: &Type, wire: &Path) -> TokenStream {
    match one {
        Type::Record(record) => self::record(record, wire),
        Type::Enum(one) => enumeration(one, wire),
    }
}

fn record(record: &Record, wire: &Path) -> TokenStream {
    let ident = &record.ident;
    // Numbered, so that no field's name can be in the way.
    let slots: Vec<_> = (0..record.fields.len()).map(|index| format_ident!("field_{index}")).collect();
    let arms = slots.iter().zip(&record.fields).enumerate().map(|(index, (slot, field))| {
        let index = Literal::usize_unsuffixed(index);
        let read = match &field.default {
            None => quote!(fields.read()?),
            Some(_) => {
                let default = default::function_name(field);
                quote!(fields.read_or(Self::#default)?)
            }
        };
        quote!(#index => #slot = ::core::option::Option::Some(#read))
    });
    let values = record.fields.iter().zip(&slots).map(|(field, slot)| {
        let (ident, name) = (&field.ident, &field.name);
        quote!(#ident: fields.required(#slot, #name)?)
    });
    quote! {
        impl #wire::avro::Sink for #ident {
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
    let ident = &one.ident;
    let count = Literal::usize_unsuffixed(one.variants.len());
    let arms = one.variants.iter().enumerate().map(|(index, (variant, _))| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => ::core::result::Result::Ok(Self::#variant))
    });
    quote! {
        impl #wire::avro::Sink for #ident {
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
