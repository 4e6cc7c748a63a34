//! Emits the way from what was written before a migration to the newest version: decoded by the version that still reads it, made
//! the next one by a function that is written by hand, and so on.

use crate::ir::{Body, Event, Version};
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

/// Emits a function for each migration: from the last version before it to the newest one.
pub(super) fn functions(event: &Event, version: &Version, wire: &Path) -> Vec<TokenStream> {
    if version.migrated.is_empty() {
        return Vec::new();
    }
    event.migrate.iter().filter_map(|step| function(event, version, *step, wire)).collect()
}

fn function(event: &Event, newest: &Version, step: u32, wire: &Path) -> Option<TokenStream> {
    let (old, next) = (version_of(event, step)?, version_of(event, step + 1)?);
    let (old_type, next_type) = (path(old, newest), path(next, newest));
    let name = name(step);
    let doc = format!(" Makes this version of version {step}, first by hand.");
    let migrated = quote!(<#next_type as #wire::Migrate<#old_type>>::migrate(old));
    let rest = match event.migrate.iter().copied().find(|later| *later > step) {
        None if next.number == newest.number => migrated,
        None => quote! {
            let migrated = #migrated?;
            #wire::upgrade(&migrated)
        },
        Some(later) => {
            let onward = self::name(later);
            if later == next.number {
                quote!(#onward(#migrated?))
            } else {
                quote! {
                    let migrated = #migrated?;
                    #onward(#wire::upgrade(&migrated)?)
                }
            }
        }
    };
    let root = &newest.root;
    Some(quote! {
        #[doc = #doc]
        fn #name(old: #old_type) -> ::core::result::Result<#root, #wire::DecodeError> {
            #rest
        }
    })
}

/// Returns the schemas of the writers whose values are migrated.
pub(super) fn writers(event: &Event, version: &Version) -> Vec<TokenStream> {
    let schema = |(writer, _): &(u32, u32)| {
        let module = &version_of(event, *writer)?.module;
        Some(quote!(&super::#module::SCHEMA))
    };
    version.migrated.iter().filter_map(schema).collect()
}

/// Returns the arms of a `match` over the writers for those whose values are migrated; `decode` returns how a type decodes what its
/// writer of that index wrote.
pub(super) fn arms(
    event: &Event,
    version: &Version,
    decode: impl Fn(&TokenStream, &TokenStream) -> TokenStream,
) -> Vec<TokenStream> {
    let first = n_writers(version);
    let arm = |(index, (writer, through)): (usize, &(u32, u32))| {
        let through = version_of(event, *through)?;
        let position = Literal::usize_unsuffixed(writers_of(through).iter().position(|one| one == writer)?);
        let decoded = decode(&path(through, version), &quote!(#position));
        let (index, function) = (Literal::usize_unsuffixed(first + index), name(through.number));
        Some(quote!(#index => #function(#decoded?),))
    };
    version.migrated.iter().enumerate().filter_map(arm).collect()
}

fn n_writers(version: &Version) -> usize {
    writers_of(version).len()
}

fn writers_of(version: &Version) -> Vec<u32> {
    match &version.body {
        Body::Avro(body) => body.writers.iter().map(|writer| writer.version).collect(),
        Body::Protobuf(body) => body.writers.clone(),
    }
}

fn version_of(event: &Event, number: u32) -> Option<&Version> {
    event.versions.iter().find(|version| version.number == number)
}

/// Returns the type of a version, as the newest one's module names it.
fn path(version: &Version, newest: &Version) -> TokenStream {
    let (module, root) = (&version.module, &version.root);
    if version.number == newest.number { quote!(#root) } else { quote!(super::#module::#root) }
}

fn name(step: u32) -> Ident {
    format_ident!("migrated_from_v{step}")
}
