//! Emits the prost types of one version of a Protobuf event, with serde attributes for Protobuf's JSON mapping.

use proc_macro2::TokenStream;
use prost_build::{Config, Module};
use prost_types::FileDescriptorProto;
use quote::quote;
use syn::Path;

use super::rustdoc;
use crate::ir::ProtobufBody;

mod json;
mod read;

/// Emits the types, or says why prost-build cannot.
pub(super) fn types(body: &ProtobufBody, wire: &Path) -> Result<TokenStream, String> {
    let file = &documented(&body.file);
    let path = quote!(#wire).to_string().replace(' ', "");
    let mut config = Config::new();
    config
        .prost_path(format!("{path}::prost"))
        .prost_types_path(format!("{path}::proto::prost_types"))
        .btree_map(["."])
        .format(false);
    json::field_attributes(&mut config, file, &path);
    let module = Module::from_protobuf_package_name(file.package());
    // prost-build looks into imported messages, and generates what it is given: only our own module is taken.
    let imports = body.imports.iter().map(|import| (Module::from_protobuf_package_name(import.package()), import));
    let requests = imports.chain([(module.clone(), file)]).map(|(module, file)| (module, file.clone())).collect();
    let code = config
        .generate(requests)
        .map_err(|error| format!("prost-build cannot generate the message: {error}"))?
        .remove(&module)
        .unwrap_or_default();
    let mut code: syn::File =
        syn::parse_str(&code).map_err(|error| format!("prost-build's code does not parse: {error}"))?;
    json::derive(&mut code.items, wire);
    let names = json::enum_names(file, wire);
    Ok(quote!(#code #names))
}

/// Returns the file with comments that are safe as rustdoc; prost-build copies them.
fn documented(file: &FileDescriptorProto) -> FileDescriptorProto {
    let mut file = file.clone();
    for location in file.source_code_info.iter_mut().flat_map(|info| &mut info.location) {
        let attached = location.leading_comments.iter_mut().chain(&mut location.trailing_comments);
        for comment in attached.chain(&mut location.leading_detached_comments) {
            *comment = rustdoc::tidy(comment);
        }
    }
    file
}
