//! Emits shared types: a module for each, with a module for each version, which schemas' references name.

use eventwright_schema::Diagnostic;

use super::{avro, doc, protobuf};
use crate::ir::{Body, SharedPath, SharedType, SharedVersion};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, quote};

/// Emits the module of one shared type, and the newest version under the type's own name.
pub(super) fn module(one: &SharedType, wire: &Path, diagnostics: &mut Vec<Diagnostic>) -> TokenStream {
    let SharedType { name, module, ident, .. } = one;
    let doc = doc(&format!("The versions of the shared type `{name}`."));
    let versions: Vec<_> = one.versions.iter().map(|version| self::version(one, version, wire, diagnostics)).collect();
    let newest = one.versions.last().and_then(|newest| Some((newest, newest.root.as_ref()?)));
    let newest = newest.map(|(version, root)| {
        let borrowed = match &version.body {
            Body::Avro(body) => avro::newest_shared_borrowed(body, root),
            Body::Protobuf(_) => None,
        };
        let borrowed = borrowed.map(|root| self::newest(module, version, &root, &names::reference(ident)));
        let owned = self::newest(module, version, root, ident);
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

/// Emits one name for a type of the newest version.
fn newest(module: &Ident, version: &SharedVersion, root: &Ident, ident: &Ident) -> TokenStream {
    let version = &version.module;
    match root == ident {
        true => quote!(pub use #module::#version::#root;),
        false => quote!(pub use #module::#version::#root as #ident;),
    }
}

/// Returns the path of a version's module from the module of any version.
pub(super) fn path(path: &SharedPath) -> TokenStream {
    let SharedPath { module, version } = path;
    quote!(super::super::#module::#version)
}

/// Returns what a schema's references are, as an expression.
pub(super) fn references(references: &[SharedPath]) -> TokenStream {
    let references = references.iter().map(|reference| {
        let module = path(reference);
        quote!(#module::REFERENCE)
    });
    quote!(&[#(#references),*])
}

fn version(one: &SharedType, version: &SharedVersion, wire: &Path, diagnostics: &mut Vec<Diagnostic>) -> TokenStream {
    let SharedVersion { number, module, reference_name, subject, .. } = version;
    let types = match &version.body {
        Body::Avro(body) => avro::types(body, wire),
        Body::Protobuf(body) => protobuf::types(body, wire).unwrap_or_else(|what| {
            diagnostics.push(Diagnostic { message: what, ..one.diagnostic.clone() });
            TokenStream::new()
        }),
    };
    let (text, references) = (Literal::raw_string(&version.text), references(&version.references));
    let of_module = doc(&format!("Version {number} of the shared type `{}`.", one.name));
    let of_reference = doc(&format!("How schemas refer to version {number} of `{}`.", one.name));
    quote! {
        #of_module
        pub mod #module {
            #types

            #of_reference
            pub const REFERENCE: #wire::SchemaReference = #wire::SchemaReference {
                name: #reference_name,
                subject: #subject,
                text: #text,
                references: #references,
            };
        }
    }
}
