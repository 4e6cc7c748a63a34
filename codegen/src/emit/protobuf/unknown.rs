//! Messages that keep the fields that they do not know: one more field, and an implementation of `prost::Message` that puts
//! into it what prost skips.
//!
//! In: what prost-build generated. Out: the same, where prost's derive reads and writes the known fields only, as
//! `wire/src/proto/known.rs` says. To the derive the new field is a oneof whose one tag is the first that no field can have:
//! nothing on the wire leads to it, and it is written last.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Field, Item, ItemStruct, LitInt, LitStr, Path, Token, parse_quote};

use super::attribute;
use super::json::prost_says;
use crate::names::UNKNOWN_FIELDS;

/// Makes every message keep its unknown fields.
pub(super) fn preserve(items: &mut Vec<Item>, wire: &Path) {
    let mut implementations = Vec::new();
    for item in items.iter_mut() {
        match item {
            Item::Struct(message) => {
                implementations.push(implementation(message, wire));
                derive_known(message, wire);
            }
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    preserve(items, wire);
                }
            }
            _ => {}
        }
    }
    items.extend(implementations);
}

/// Takes `Copy` from all messages and oneofs: unknown fields are on the heap.
pub(super) fn forbid_copy(items: &mut [Item]) {
    for item in items {
        match item {
            Item::Struct(message) => without_copy(&mut message.attrs),
            Item::Enum(one) if prost_says(&one.attrs, "Oneof") => without_copy(&mut one.attrs),
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    forbid_copy(items);
                }
            }
            _ => {}
        }
    }
}

fn without_copy(attributes: &mut [Attribute]) {
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let derives = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        let derives = derives.expect("a derive is a list of paths").into_iter().filter(|path| !path.is_ident("Copy"));
        *attribute = parse_quote!(#[derive(#(#derives),*)]);
    }
}

/// Adds the field, and leads the derive to the trait of known fields.
fn derive_known(message: &mut ItemStruct, wire: &Path) {
    for attribute in &mut message.attrs {
        if attribute.path().is_ident("prost") && prost_says(std::slice::from_ref(attribute), "prost_path") {
            let known = text(&quote!(#wire::proto::known));
            *attribute = parse_quote!(#[prost(prost_path = #known)]);
        }
    }
    let syn::Fields::Named(fields) = &mut message.fields else { unreachable!("prost-build names all fields") };
    let (ident, oneof) = (quote::format_ident!("{UNKNOWN_FIELDS}"), text(&quote!(#wire::proto::UnknownFields)));
    let field: Field = parse_quote! {
        /// The fields that the schema does not have; they are written again behind the others.
        #[prost(oneof = #oneof, tags = "536870912")]
        #[serde(skip)]
        pub #ident: ::core::option::Option<#wire::proto::UnknownFields>
    };
    fields.named.push(field);
}

fn text(path: &TokenStream) -> String {
    path.to_string().replace(' ', "")
}

fn implementation(message: &ItemStruct, wire: &Path) -> Item {
    let (ident, prost) = (&message.ident, quote!(#wire::prost));
    let (known, field) = (quote!(#wire::proto::known::Message), quote::format_ident!("{UNKNOWN_FIELDS}"));
    let tags: Vec<_> = message.fields.iter().flat_map(tags).collect();
    let merge_known =
        (!tags.is_empty()).then(|| quote!(#(#tags)|* => #known::merge_field(self, tag, wire_type, buf, ctx),));
    parse_quote! {
        impl #prost::Message for #ident {
            fn encode_raw(&self, buf: &mut impl #prost::bytes::BufMut) {
                #known::encode_raw(self, buf)
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: #prost::encoding::WireType,
                buf: &mut impl #prost::bytes::Buf,
                ctx: #prost::encoding::DecodeContext,
            ) -> ::core::result::Result<(), #prost::DecodeError> {
                match tag {
                    #merge_known
                    _ => #wire::proto::UnknownFields::merge(&mut self.#field, tag, wire_type, buf, ctx),
                }
            }

            fn encoded_len(&self) -> usize {
                #known::encoded_len(self)
            }

            fn clear(&mut self) {
                #known::clear(self)
            }
        }
    }
}

/// Returns the numbers of a field: of a oneof that of each member.
fn tags(field: &Field) -> impl Iterator<Item = LitInt> {
    let tags = ["tag", "tags"].into_iter().filter_map(|word| attribute::value(field, word));
    let numbers = |tags: LitStr| tags.parse_with(Punctuated::<LitInt, Token![,]>::parse_terminated);
    tags.flat_map(move |tags| numbers(tags).expect("tags are numbers"))
}
