//! Emits `Deserialize` for a message by way of a struct in which every key of its JSON stands for itself: a oneof's
//! fields beside the others, each an `Option`, so that null is the default, an unknown key is refused, and so are two
//! fields of one oneof. `wire::proto::read_message` fills it, key by key, on the heap: a function that had the fields on
//! its stack would have them there for each of the messages in each other.
//!
//! In: a struct that prost-build generated, with serde's attributes on its fields. Out: the implementation.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Field, GenericArgument, Item, ItemEnum, ItemStruct, LitStr, Path, PathArguments, Type, parse_quote,
};

use super::attribute;
use super::json::is_skipped;
use crate::names;

/// A key of a message's JSON.
struct Key {
    /// Where the struct has its value.
    place: TokenStream,
    /// What it takes.
    arm: TokenStream,
    /// Its name in JSON.
    name: LitStr,
}

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
                keys.extend(oneof.variants.iter().map(|variant| oneof_key(variant, module, wire)));
                values.push(oneof_value(name, module, oneof, wire));
            }
            None => {
                keys.push(key(name, &field.ty, &field.attrs, &form(&field.attrs, wire, |path| path)));
                let default = default(field, name, ident);
                values.push(quote!(#name: self.#name #default));
            }
        }
    }
    let reading = reading(&json, &keys, wire);
    parse_quote! {
        const _: () = {
            #reading

            impl #json {
                fn into_message<E: #wire::serde::de::Error>(
                    self: ::std::boxed::Box<Self>,
                ) -> ::core::result::Result<#ident, E> {
                    ::core::result::Result::Ok(#ident { #(#values),* })
                }
            }

            impl<'de> #wire::serde::Deserialize<'de> for #ident {
                fn deserialize<D: #wire::serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<Self, D::Error> {
                    #wire::proto::read_message::<#json, D>(deserializer)?.into_message()
                }
            }
        };
    }
}

/// Emits the struct and how it takes its keys.
fn reading(json: &Ident, keys: &[Key], wire: &Path) -> TokenStream {
    let places = keys.iter().map(|key| &key.place);
    let arms = keys.iter().map(|key| &key.arm);
    let names = keys.iter().map(|key| &key.name);
    quote! {
        #[derive(Default)]
        struct #json {
            #(#places,)*
        }

        impl #wire::proto::FromObject for #json {
            fn take<'de, A: #wire::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> ::core::result::Result<(), A::Error> {
                match name {
                    #(#arms,)*
                    _ => ::core::result::Result::Err(#wire::serde::de::Error::unknown_field(name, &[#(#names),*])),
                }
            }
        }
    }
}

/// Emits what a field has whose key is absent; the schema may say it of a required one.
fn default(field: &Field, name: &Ident, message: &Ident) -> Option<TokenStream> {
    if attribute::has(field, "required") {
        return Some(quote!(.unwrap_or_else(|| <#message as ::core::default::Default>::default().#name)));
    }
    (!is_option(&field.ty)).then(|| quote!(.unwrap_or_default()))
}

/// Returns the key of a field, from what serde's attributes say for writing it; `form` is where its value is read.
fn key(place: &Ident, ty: &Type, attributes: &[Attribute], form: &TokenStream) -> Key {
    let said = |word: &str| attribute::values(attributes, "serde", word).collect::<Vec<_>>();
    let names = [said("rename"), said("alias")].concat();
    let ty = if is_option(ty) { quote!(#ty) } else { quote!(::core::option::Option<#ty>) };
    Key {
        place: quote!(#place: #ty),
        arm: quote!(#(#names)|* => #form(name, &mut self.#place, map)),
        name: names.into_iter().next().expect("every field has its JSON name"),
    }
}

/// Returns the path to the function that reads a field; `moved` is what becomes of the path that its attribute names.
fn form(attributes: &[Attribute], wire: &Path, moved: fn(String) -> String) -> TokenStream {
    let with = attribute::values(attributes, "serde", "with").next();
    let Some(with) = with else { return quote!(#wire::proto::take_plain) };
    let path: TokenStream = moved(with.value()).parse().expect("it is a path");
    quote!(#path::take)
}

/// A oneof's field stands in the enum's module, one deeper than the message: what it names is named from here.
fn oneof_key(variant: &syn::Variant, module: &Ident, wire: &Path) -> Key {
    let mut ty = variant.fields.iter().next().map_or_else(|| parse_quote!(()), |field| field.ty.clone());
    move_out(&mut ty, module);
    let form = form(&variant.attrs, wire, |path| path.replacen("Enumeration::<super::", "Enumeration::<", 1));
    key(&key_of(variant), &ty, &variant.attrs, &form)
}

fn oneof_value(field: &Ident, module: &Ident, oneof: &ItemEnum, wire: &Path) -> TokenStream {
    let (one, text) = (&oneof.ident, names::plain(field));
    let members = oneof.variants.iter().map(|variant| {
        let (name, variant) = (key_of(variant), &variant.ident);
        quote!(self.#name.map(#module::#one::#variant))
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
