//! Emits `Sink`: how a type takes what a run-time plan hands over, for writers that are not known at build time.

use super::default;
use crate::ir::{Enum, Record, Type};
use crate::rust::{Literal, Path, TokenStream, quote};

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
    let fields = record.fields.iter().enumerate().map(|(index, field)| {
        let (name, index) = (&field.ident, Literal::usize_unsuffixed(index));
        match &field.default {
            None => quote!(#name: fields.read(#index)?),
            Some(_) => {
                let default = default::function_name(field);
                quote!(#name: fields.read_or(#index, Self::#default)?)
            }
        }
    });
    // A record without fields has nothing to ask for.
    let fields_name = if record.fields.is_empty() { quote!(_fields) } else { quote!(fields) };
    quote! {
        impl #wire::avro::Sink for #path {
            fn record(
                #fields_name: &mut #wire::avro::Fields<'_, '_, '_>,
            ) -> ::core::result::Result<Self, #wire::DecodeError> {
                ::core::result::Result::Ok(Self { #(#fields),* })
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
