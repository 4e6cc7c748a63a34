//! Emits the JSON form: what a type looks like and what it takes, as data for the two functions of `wire` that write and
//! read it, and serde's traits over those.

use super::form::{Form, Kind};
use super::{default, rust_type};
use crate::ir::{Enum, Field, Record, Type, TypePath, Union, Variant};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

/// Emits the JSON form of a type: in the borrowed form it is only written.
pub(super) fn form(one: &Type, form: &Form, wire: &Path) -> TokenStream {
    let is_borrowed = form.kind == Kind::Borrowed;
    let path = form.path(one.path(), one.name());
    let lifetime = is_borrowed.then(|| quote!(<'_>));
    let view = match one {
        Type::Record(record) => record_view(record, &path, wire),
        Type::Enum(_) => quote!(#wire::json::View::Text(::std::borrow::Cow::Borrowed(self.as_str()))),
        Type::Union(union) => union_view(union, wire),
    };
    let read = (!is_borrowed).then(|| read(one, wire));
    quote! {
        impl #wire::json::WriteJson for #path #lifetime {
            fn view(&self) -> #wire::json::View<'_> {
                #view
            }
        }

        impl #wire::serde::Serialize for #path #lifetime {
            fn serialize<S: #wire::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #wire::json::write(self, serializer)
            }
        }

        #read
    }
}

fn read(one: &Type, wire: &Path) -> TokenStream {
    let path = one.path();
    let (kind, reader) = match one {
        Type::Record(record) => ("struct", record_reader(record, wire)),
        Type::Enum(one) => ("enum", enum_reader(one, wire)),
        Type::Union(union) => ("enum", union_reader(union, wire)),
    };
    let expected = format!("{kind} {}", names::plain(&path.ident));
    quote! {
        impl #wire::json::ReadJson for #path {
            const EXPECTED: &'static str = #expected;

            fn read_json(
                input: #wire::json::Input<'_>,
            ) -> ::core::result::Result<Self, #wire::json::ReadError> {
                #reader
            }
        }

        impl<'de> #wire::serde::Deserialize<'de> for #path {
            fn deserialize<D: #wire::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #wire::json::read(deserializer)
            }
        }
    }
}

fn record_view(record: &Record, path: &TypePath, wire: &Path) -> TokenStream {
    let (name, count) = (names::plain(&path.ident), Literal::usize_unsuffixed(record.fields.len()));
    let fields = record.fields.iter().map(|Field { ident, name, .. }| quote!(record.field(#name, &self.#ident);));
    let variable = if record.fields.is_empty() { quote!(record) } else { quote!(mut record) };
    quote! {
        let #variable = #wire::json::RecordView::new(#name, #count);
        #(#fields)*
        #wire::json::View::Record(record)
    }
}

/// All places are one variable, and looked at once: so there is one thing to drop wherever reading fails.
fn record_reader(record: &Record, wire: &Path) -> TokenStream {
    let places = record.fields.iter().map(|field| {
        let ty = rust_type(&field.ty, wire);
        quote!(::core::option::Option::<#ty>::None)
    });
    let borrowed = (0..record.fields.len()).map(|index| {
        let index = Literal::usize_unsuffixed(index);
        quote!(&mut places.#index)
    });
    let required = record.fields.iter().enumerate().filter(|(_, field)| field.default.is_none());
    let required: Vec<_> = required.map(|(index, _)| Literal::usize_unsuffixed(index)).collect();
    let patterns = record.fields.iter().map(|field| {
        let place = place(field);
        if field.default.is_none() { quote!(::core::option::Option::Some(#place)) } else { quote!(#place) }
    });
    let values = record.fields.iter().map(|field| {
        let (ident, place) = (&field.ident, place(field));
        match field.default {
            None => quote!(#ident: #place),
            Some(_) => {
                let default = default::function_name(field);
                quote!(#ident: #place.unwrap_or_else(Self::#default))
            }
        }
    });
    let names = record.fields.iter().map(|field| &field.name);
    let lacking = (!required.is_empty()).then(|| quote!(_ => ::core::result::Result::Err(#wire::json::not_taken()),));
    let variable = if record.fields.is_empty() { quote!(places) } else { quote!(mut places) };
    quote! {
        let entries = input.object(Self::EXPECTED)?;
        let #variable = (#(#places,)*);
        #wire::json::fields(entries, &[#(#names),*], &[#(#required),*], &mut [#(#borrowed),*])?;
        match places {
            (#(#patterns,)*) => ::core::result::Result::Ok(Self { #(#values),* }),
            #lacking
        }
    }
}

/// Returns the variable of a field that has been read.
fn place(field: &Field) -> Ident {
    format_ident!("field_{}", names::plain(&field.ident))
}

fn enum_reader(one: &Enum, wire: &Path) -> TokenStream {
    let symbols = one.variants.iter().map(|(_, symbol)| symbol);
    let variants = one.variants.iter().map(|(variant, _)| quote!(Self::#variant));
    quote!(#wire::json::symbol(input, &[#(#symbols),*], &[#(#variants),*]))
}

fn union_view(union: &Union, wire: &Path) -> TokenStream {
    if union.variants.is_empty() {
        return quote!(match *self {});
    }
    let arms = union
        .variants
        .iter()
        .map(|Variant { ident, branch, .. }| quote!(Self::#ident(value) => #wire::json::View::Branch(#branch, value)));
    quote!(match self { #(#arms,)* })
}

fn union_reader(union: &Union, wire: &Path) -> TokenStream {
    let branches = union.variants.iter().map(|variant| &variant.branch);
    let aliases = union.variants.iter().enumerate().filter_map(|(index, variant)| {
        let (alias, index) = (variant.alias.as_ref()?, Literal::usize_unsuffixed(index));
        Some(quote!((#alias, #index)))
    });
    let arms = union.variants.iter().enumerate().map(|(index, Variant { ident, .. })| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => #wire::json::value(entries).map(Self::#ident))
    });
    quote! {
        let entries = input.object(Self::EXPECTED)?;
        match #wire::json::branch(entries, &[#(#branches),*], &[#(#aliases),*])? {
            #(#arms,)*
            _ => ::core::result::Result::Err(#wire::json::not_taken()),
        }
    }
}
