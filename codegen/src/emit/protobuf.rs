//! Emits the prost types of one version of a Protobuf event or shared type, with serde attributes for Protobuf's JSON mapping.

use prost_build::{Config, Module};
use prost_types::FileDescriptorProto;
use syn::{Item, ItemMod, parse_quote};

use super::{rustdoc, shared};
use crate::ir::{ProtobufBody, SharedImport};
use crate::names;
use crate::rust::{Ident, Path, TokenStream, quote};

mod attribute;
mod json;
mod read;
mod tokens;
mod unknown;

/// Emits the types, or says why prost-build cannot.
pub(super) fn types(body: &ProtobufBody, wire: &Path) -> Result<TokenStream, String> {
    let file = &documented(&body.file);
    let path = wire.as_str();
    let mut config = Config::new();
    config
        .prost_path(format!("{path}::prost"))
        .prost_types_path(format!("{path}::proto::prost_types"))
        .btree_map(["."]);
    for (name, ident, import) in external_types(body) {
        config.extern_path(name, format!("{}::{ident}", import.alias));
    }
    json::field_attributes(&mut config, file, &body.shared, path);
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
    for import in &body.shared {
        import_inside(&mut code.items, &import.alias);
    }
    let syntax: syn::Path = syn::parse_str(path).expect("runtime_path is a Rust path");
    if body.preserves_unknown || body.shared.iter().any(|import| import.preserves_unknown) {
        unknown::forbid_copy(&mut code.items);
    }
    if body.preserves_unknown {
        unknown::preserve(&mut code.items, &syntax);
    }
    json::derive(&mut code.items, &syntax);
    let code = tokens::of(&code);
    let names = enum_names(file, wire);
    let imports = body.shared.iter().map(|SharedImport { path, alias, .. }| {
        let module = shared::path(path);
        quote!(use #module as #alias;)
    });
    Ok(quote!(#(#imports)* #code #names))
}

/// Emits `EnumText` for the enums at the file's top level, for keys.
fn enum_names(file: &FileDescriptorProto, wire: &Path) -> TokenStream {
    let implementations = file.enum_type.iter().map(|one| {
        let ident = names::upper_camel(one.name());
        quote! {
            impl #wire::proto::EnumText for #ident {
                fn text(self) -> &'static str {
                    self.as_str_name()
                }
            }
        }
    });
    quote!(#(#implementations)*)
}

/// Returns the types that stand in the modules of shared types: name in the schema, Rust name, and the import.
fn external_types(body: &ProtobufBody) -> impl Iterator<Item = (&String, &Ident, &SharedImport)> {
    body.shared.iter().flat_map(|import| import.types.iter().map(move |(name, ident)| (name, ident, import)))
}

/// Makes the alias known in the modules that prost-build makes for what is inside a message: what it generates names
/// external types by one path at each depth.
fn import_inside(items: &mut [Item], alias: &Ident) {
    let name = quote::format_ident!("{}", alias.as_str());
    for item in items {
        if let Item::Mod(ItemMod { content: Some((_, inner)), .. }) = item {
            import_inside(inner, alias);
            // As visible as the alias itself, because a message outside names what a oneof inside holds.
            inner.insert(0, parse_quote!(pub(super) use super::#name;));
        }
    }
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
