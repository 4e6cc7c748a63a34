//! From IR to Rust: the file, one module an event or shared type, one module a version.
//!
//! In: lowered events and types. Out: tokens. Nothing here decides anything about schemas; what each piece of generated code looks
//! like is in the file of its name.

mod avro;
mod binding;
mod key;
mod migrate;
mod protobuf;
mod rustdoc;
mod shared;
mod topic;

use eventwright_schema::Diagnostic;
use eventwright_wire::CODEGEN_ABI;

use crate::ir::{Body, Event, Lowered, Version};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, quote};
use rustdoc::doc;

/// Emits the whole file and hands over one part after the other: what stands at its head, each shared type, each event,
/// the topics. Tokens are large, so that nobody shall hold those of a thousand events at once.
pub(crate) fn file(
    lowered: &Lowered,
    wire: &Path,
    diagnostics: &mut Vec<Diagnostic>,
    mut part: impl FnMut(TokenStream),
) {
    let Lowered { types, events } = lowered;
    part(head(events, wire));
    for one in types {
        part(shared::module(one, wire, diagnostics));
    }
    for one in events {
        part(event(one, wire, diagnostics));
    }
    let topics = topic::enums(lowered, wire, diagnostics);
    part(quote!(#(#topics)*));
}

fn head(events: &[Event], wire: &Path) -> TokenStream {
    let abi = Literal::u32_unsuffixed(CODEGEN_ABI);
    let schemas = events.iter().flat_map(|event| {
        let module = &event.module;
        event.versions.iter().map(move |version| {
            let version = &version.module;
            quote!(&#module::#version::SCHEMA)
        })
    });
    quote! {
        const _: () = ::core::assert!(
            #wire::CODEGEN_ABI == #abi,
            "eventwright and eventwright-codegen are of releases that do not fit: give both the same version",
        );

        /// All versions of all events, then of all keys, in the order of the manifest, oldest first: the order of
        /// registration.
        pub static SCHEMAS: &[&#wire::EventSchema] = &[#(#schemas),*];
    }
}

fn event(event: &Event, wire: &Path, diagnostics: &mut Vec<Diagnostic>) -> TokenStream {
    let Event { module, ident, name, .. } = event;
    let doc = doc(&format!("The versions of `{name}`."));
    let versions: Vec<_> = event.versions.iter().map(|one| version(event, one, wire, diagnostics)).collect();
    let newest = event.versions.last().map(|version| {
        let borrowed = match &version.body {
            Body::Avro(body) => avro::newest_borrowed(body, version),
            Body::Protobuf(_) => None,
        };
        let borrowed = borrowed.map(|root| newest(event, version, &root, &names::reference(ident)));
        let owned = newest(event, version, &version.root, ident);
        quote!(#owned #borrowed)
    });
    quote! {
        #doc
        pub mod #module {
            #(#versions)*
        }
        #newest
    }
}

/// Emits the type of the newest version under the event's own name.
fn newest(event: &Event, version: &Version, root: &Ident, ident: &Ident) -> TokenStream {
    let (event, version) = (&event.module, &version.module);
    if root == ident {
        quote!(pub use #event::#version::#root;)
    } else {
        quote!(pub use #event::#version::#root as #ident;)
    }
}

fn version(event: &Event, version: &Version, wire: &Path, diagnostics: &mut Vec<Diagnostic>) -> TokenStream {
    let Version { module, .. } = version;
    let doc = doc(&format!("Version {} of `{}`.", version.number, event.name));
    let binding = binding::event(event, version, wire);
    let types = match &version.body {
        Body::Avro(body) => avro::types(body, wire),
        Body::Protobuf(file) => protobuf::types(file, wire).unwrap_or_else(|what| {
            diagnostics.push(Diagnostic { message: what, ..event.diagnostic.clone() });
            TokenStream::new()
        }),
    };
    quote! {
        #doc
        pub mod #module {
            #types
            #binding
        }
    }
}
