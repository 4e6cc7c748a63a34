//! Emits the key of an event that has a schema of its own: the event writes it from its own fields, without a value of
//! the key's type in between.

use super::avro;
use crate::ir::{KeyField, KeyRecord, KeySource};
use crate::rust::{Literal, Path, TokenStream, format_ident, quote};

/// Emits `Event::KEY_SCHEMA`.
pub(super) fn schema(record: &KeyRecord, wire: &Path) -> TokenStream {
    let KeyRecord { module, version, .. } = record;
    quote! {
        const KEY_SCHEMA: ::core::option::Option<&'static #wire::EventSchema> =
            ::core::option::Option::Some(&super::super::#module::#version::SCHEMA);
    }
}

/// Emits `Event::encode_key`.
pub(super) fn encode(record: &KeyRecord, wire: &Path) -> TokenStream {
    let fields = record.fields.iter().map(|KeyField { name, source }| match source {
        KeySource::Event { ident, ty } => avro::write_field(ident, name, ty, wire),
        KeySource::Default(bytes) => {
            let default = format_ident!("default_{}", heck::ToSnakeCase::to_snake_case(name.as_str()));
            let bytes = bytes.iter().map(|byte| Literal::u8_unsuffixed(*byte));
            quote! {
                let #default: &[u8] = &[#(#bytes),*];
                writer.fixed(#default);
            }
        }
    });
    quote! {
        fn encode_key(&self, out: &mut ::std::vec::Vec<u8>) -> ::core::result::Result<(), #wire::EncodeError> {
            use #wire::avro::InField as _;

            #wire::avro::encode_with(out, |writer| {
                #(#fields)*
                ::core::result::Result::Ok(())
            })
        }
    }
}
