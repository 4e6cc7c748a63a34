//! Emits how the event itself is decoded in each of its forms, whichever known writer wrote it.

use super::decode;
use super::form::{Form, Kind};
use crate::ir::{AvroBody, Type, Version};
use crate::rust::{Path, TokenStream, quote};

/// Emits `AvroEvent` for the event and its borrowed form, and `decode_into`; `migrated` are the arms of what is migrated, which
/// is owned.
pub(in crate::emit) fn events(
    body: &AvroBody,
    version: &Version,
    migrated: &[TokenStream],
    wire: &Path,
) -> TokenStream {
    let root = body.root(version);
    let arms = decode::arms(root, &Form::owned(), body, wire);
    let owned = avro_event(root, &Form::owned(), &quote!(#(#migrated)* #arms), wire);
    let others = Form::wanted(body).into_iter().filter_map(|form| match form.kind {
        Kind::Owned => None,
        // Without text, bytes and maps there is nothing to borrow.
        Kind::Borrowed => form.has(root).then(|| borrowed(root, &form, body, wire)),
        Kind::Reused => Some(reused(root, &form, body, wire)),
    });
    quote!(#owned #(#others)*)
}

fn avro_event(root: &Type, form: &Form, arms: &TokenStream, wire: &Path) -> TokenStream {
    let (owned, ty) = (root.path(), form.named_type(root));
    quote! {
        impl<'a> #wire::avro::AvroEvent<'a> for #ty {
            type Owned = #owned;

            #[inline]
            fn read(
                writer: usize,
                reader: &mut #wire::avro::Reader<'a>,
            ) -> ::core::result::Result<Self, #wire::DecodeError> {
                match writer {
                    #arms
                }
            }
        }
    }
}

fn borrowed(root: &Type, form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    let arms = decode::arms(root, form, body, wire);
    let (ty, event) = (form.named_type(root), avro_event(root, form, &arms, wire));
    let ident = &root.path().ident;
    let doc = format!(" Decodes bytes, without frame, that were written with `WRITERS[writer]` of [`{ident}`].");
    quote! {
        #event

        impl<'a> #ty {
            #[doc = #doc]
            ///
            /// # Errors
            /// Bytes that are not what that schema writes, or a `writer` that is not an index of `WRITERS`.
            pub fn decode(writer: usize, bytes: &'a [u8]) -> ::core::result::Result<Self, #wire::DecodeError> {
                #wire::avro::decode_whole(writer, bytes)
            }
        }
    }
}

fn reused(root: &Type, form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    let (owned, arms) = (root.path(), decode::arms(root, form, body, wire));
    quote! {
        impl #owned {
            /// Decodes bytes, without frame, that were written with `WRITERS[writer]`, over this event: its text, bytes and
            /// lists keep their memory.
            ///
            /// # Errors
            /// Bytes that are not what that schema writes, or a `writer` that is not an index of `WRITERS`. The event is
            /// then a mix of what it was and what was read.
            pub fn decode_into(
                &mut self,
                writer: usize,
                bytes: &[u8],
            ) -> ::core::result::Result<(), #wire::DecodeError> {
                let reader = &mut #wire::avro::Reader::new(bytes);
                let decoded = match writer {
                    #arms
                };
                reader.finish(decoded)
            }
        }
    }
}
