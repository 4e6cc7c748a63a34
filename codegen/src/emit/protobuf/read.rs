//! Emits `Deserialize` for a message by way of a struct in which every key of its JSON stands for itself: a oneof's
//! fields beside the others, each an `Option`, so that null is the default, an unknown key is refused, and so are two
//! fields of one oneof. (serde's `flatten` would take a oneof's field of the wrong type for none at all.)
//!
//! In: a struct that prost-build generated, with serde's attributes on its fields. Out: the implementation.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Field, GenericArgument, Item, ItemEnum, ItemStruct, Path, PathArguments, Type, parse_quote};

use super::attribute;
use super::json::is_skipped;
use crate::names;

/// Emits the implementation; `items` is what stands beside the message.
pub(super) fn implementation(message: &ItemStruct, items: &[Item], wire: &Path) -> Item {
    let ident = &message.ident;
    let json = format_ident!("{}Json", names::plain(ident));
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for field in &message.fields {
        let Some(name) = &field.ident else { continue };
        if is_skipped(&field.attrs) {
            values.push(quote!(#name: ::core::default::Default::default()));
            continue;
        }
        match oneof_of(field, items) {
            Some((module, oneof)) => {
                keys.extend(oneof.variants.iter().map(|variant| oneof_key(variant, module)));
                values.push(oneof_value(name, module, oneof, wire));
            }
            None => {
                keys.push(key(field, name));
                let default = default(field, name);
                values.push(quote!(#name: json.#name #default));
            }
        }
    }
    let serde = quote!(#wire::serde).to_string().replace(' ', "");
    parse_quote! {
        const _: () = {
            #[derive(Default, #wire::serde::Deserialize)]
            #[serde(crate = #serde, default, deny_unknown_fields)]
            struct #json {
                #(#keys,)*
            }

            impl<'de> #wire::serde::Deserialize<'de> for #ident {
                fn deserialize<D: #wire::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    let json = <#json as #wire::serde::Deserialize>::deserialize(deserializer)?;
                    ::core::result::Result::Ok(Self { #(#values),* })
                }
            }
        };
    }
}

/// Emits what a field has whose key is absent; the schema may say it of a required one.
fn default(field: &Field, name: &Ident) -> Option<TokenStream> {
    if attribute::has(field, "required") {
        return Some(quote!(.unwrap_or_else(|| <Self as ::core::default::Default>::default().#name)));
    }
    (!is_option(&field.ty)).then(|| quote!(.unwrap_or_default()))
}

fn key(field: &Field, name: &Ident) -> TokenStream {
    let (attributes, ty) = (reading(&field.attrs), &field.ty);
    let ty = if is_option(ty) { quote!(#ty) } else { quote!(::core::option::Option<#ty>) };
    quote!(#(#attributes)* #name: #ty)
}

/// A oneof's field stands in the enum's module, one deeper than the message: what it names is named from here.
fn oneof_key(variant: &syn::Variant, module: &Ident) -> TokenStream {
    let mut ty = variant.fields.iter().next().map_or_else(|| parse_quote!(()), |field| field.ty.clone());
    move_out(&mut ty, module);
    let (name, attributes) = (key_of(variant), reading(&variant.attrs));
    let attributes = attributes.iter().map(|attribute| {
        let text = attribute.to_token_stream().to_string().replacen("Enumeration::<super::", "Enumeration::<", 1);
        text.parse::<TokenStream>().expect("an attribute stays one")
    });
    quote!(#(#attributes)* #name: ::core::option::Option<#ty>)
}

fn oneof_value(field: &Ident, module: &Ident, oneof: &ItemEnum, wire: &Path) -> TokenStream {
    let (one, text) = (&oneof.ident, names::plain(field));
    let members = oneof.variants.iter().map(|variant| {
        let (name, variant) = (key_of(variant), &variant.ident);
        quote!(json.#name.map(#module::#one::#variant))
    });
    quote!(#field: #wire::proto::one_of(#text, [#(#members),*])?)
}

/// Returns what the key of a oneof's field is called.
fn key_of(variant: &syn::Variant) -> Ident {
    format_ident!("{}", names::snake(&names::plain(&variant.ident)).as_str())
}

/// Returns the module and the enum of a field that is a oneof.
fn oneof_of<'i>(field: &Field, items: &'i [Item]) -> Option<(&'i Ident, &'i ItemEnum)> {
    let path: Path = attribute::value(field, "oneof")?.parse().ok()?;
    let (module, one) = (path.segments.first()?, path.segments.last()?);
    let module = items.iter().find_map(|item| match item {
        Item::Mod(found) if found.ident == module.ident => Some(found),
        _ => None,
    })?;
    module.content.as_ref()?.1.iter().find_map(|item| match item {
        Item::Enum(found) if found.ident == one.ident => Some((&module.ident, found)),
        _ => None,
    })
}

/// The attributes that say how a key is read.
fn reading(attributes: &[Attribute]) -> Vec<&Attribute> {
    let of_serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    of_serde.filter(|attribute| !attribute.to_token_stream().to_string().contains("skip_serializing_if")).collect()
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.iter().any(|segment| segment.ident == "Option"))
}

/// Names a type from the module around `module` that was named from inside.
fn move_out(ty: &mut Type, module: &Ident) {
    let Type::Path(named) = ty else { return };
    let path = &mut named.path;
    if path.leading_colon.is_some() {
        for argument in path.segments.iter_mut().filter_map(|segment| match &mut segment.arguments {
            PathArguments::AngleBracketed(arguments) => Some(&mut arguments.args),
            _ => None,
        }) {
            for one in argument {
                if let GenericArgument::Type(inner) = one {
                    move_out(inner, module);
                }
            }
        }
        return;
    }
    let first = path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
    match first.as_str() {
        "super" => path.segments = path.segments.iter().skip(1).cloned().collect(),
        "bool" | "u8" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64" => {}
        _ => *path = parse_quote!(#module::#path),
    }
}
