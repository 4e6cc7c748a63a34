//! Emits the types of one version of an Avro event or shared type with their codecs: one short function a type and direction.

mod borrowed;
mod decode;
mod default;
mod encode;
mod event;
mod form;
mod json;
mod union;

use std::collections::BTreeMap;

use super::shared;
use crate::ir::{AvroBody, Enum, Field, Origin, Record, Ty, Type};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, quote};

pub(super) use borrowed::{newest as newest_borrowed, newest_shared as newest_shared_borrowed};
pub(super) use encode::field as write_field;
pub(super) use event::events;

use form::{Form, Kind};

/// Emits the types that the version defines, those that it shares, and the decoders for its writers.
pub(super) fn types(body: &AvroBody, wire: &Path) -> TokenStream {
    let forms = Form::wanted(body);
    let (flat, modules) = definitions(body, &forms, wire);
    let codecs = body.types.iter().map(|one| {
        let encode = encode::implementation(one, wire);
        let json = json::form(one, &Form::owned(), body, wire);
        quote!(#encode #json)
    });
    let borrowed = forms.iter().filter(|form| form.kind == Kind::Borrowed).flat_map(|form| {
        let types = body.types.iter().filter(|one| form.has(one));
        types.map(|one| json::form(one, form, body, wire))
    });
    let owned = decode::codecs(&Form::owned(), body, wire);
    let others = forms.iter().map(|form| decode::codecs(form, body, wire));
    quote! {
        use #wire::avro::InField as _;

        #(#flat)*
        #(#modules)*
        #(#codecs)*
        #(#borrowed)*
        #owned
        #(#others)*
    }
}

/// Emits the types as such: those of the version's own module, and the modules of namespaces with theirs.
fn definitions(body: &AvroBody, forms: &[Form], wire: &Path) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let reused = body.reused.iter().map(|(origin, one)| {
        let path = one.path();
        let up = path.module.as_ref().map(|_| quote!(super::));
        let defined = match origin {
            Origin::Older(version) => quote!(super::#version::#path),
            Origin::Shared(version, path) => {
                let version = shared::path(version);
                quote!(#version::#path)
            }
        };
        (path, quote!(pub use #up #defined;))
    });
    let borrowed = forms.iter().flat_map(|form| borrowed::definitions(form, body, wire));
    let types = body.types.iter().map(|one| {
        let definition = match one {
            Type::Record(one) => record(one, body, wire),
            Type::Enum(one) => enumeration(one),
            Type::Union(one) => union::definition(one, wire),
        };
        (one.path(), definition)
    });
    let (mut flat, mut modules) = (Vec::new(), BTreeMap::<&Ident, Vec<TokenStream>>::new());
    for (path, definition) in reused.chain(types).chain(borrowed) {
        match &path.module {
            None => flat.push(definition),
            Some(module) => modules.entry(module).or_default().push(definition),
        }
    }
    let modules = modules.into_iter().map(|(module, definitions)| {
        quote! {
            /// The types of a namespace whose names another namespace has as well.
            pub mod #module {
                #(#definitions)*
            }
        }
    });
    (flat, modules.collect())
}

fn record(record: &Record, body: &AvroBody, wire: &Path) -> TokenStream {
    let Record { path, name, fields, .. } = record;
    let ident = &path.ident;
    let doc = super::doc(record.doc.as_deref().unwrap_or(&format!("The record `{name}`.")));
    let members = fields.iter().map(|field| member(record, field, wire));
    let constructor = constructor(record, body, wire);
    let masked = masked_debug(record, ident, None);
    let debug = masked.is_none().then(|| quote!(Debug,));
    quote! {
        #doc
        #[derive(#debug Clone, PartialEq)]
        pub struct #ident {
            #(#members,)*
        }
        #masked
        #constructor
    }
}

/// Emits `Debug` for a record with personal data, which it does not show.
fn masked_debug(record: &Record, ident: &Ident, lifetime: Option<TokenStream>) -> Option<TokenStream> {
    if !record.fields.iter().any(|field| field.pii) {
        return None;
    }
    let fields = record.fields.iter().map(|field| {
        let (ident, name) = (&field.ident, names::plain(&field.ident));
        match field.pii {
            true => quote!(.field(#name, &::core::format_args!("***"))),
            false => quote!(.field(#name, &self.#ident)),
        }
    });
    let name = ident.to_string();
    Some(quote! {
        impl ::core::fmt::Debug for #ident #lifetime {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name) #(#fields)* .finish()
            }
        }
    })
}

fn member(record: &Record, field: &Field, wire: &Path) -> TokenStream {
    let Field { ident, name, ty, .. } = field;
    let doc = super::doc(field.doc.as_deref().unwrap_or(&format!("The field `{name}`.")));
    let ty = seen_type(ty, record.path.module.is_some(), wire);
    quote!(#doc pub #ident: #ty)
}

/// Emits `new`, which takes the fields without default, and one function for each default.
fn constructor(record: &Record, body: &AvroBody, wire: &Path) -> TokenStream {
    let (ident, inside) = (&record.path.ident, record.path.module.is_some());
    let required = record.fields.iter().filter(|field| field.default.is_none());
    let parameters = required.map(|field| {
        let ty = seen_type(&field.ty, inside, wire);
        let name = &field.ident;
        quote!(#name: #ty)
    });
    let values = record.fields.iter().map(|field| {
        let name = &field.ident;
        match &field.default {
            None => quote!(#name),
            Some(_) => {
                let function = default::function_name(field);
                quote!(#name: Self::#function())
            }
        }
    });
    let defaults = record.fields.iter().filter_map(|field| default::function(field, inside, body, wire));
    quote! {
        impl #ident {
            /// Returns the record with the fields that have no default; the others have theirs. Written as
            /// `..new(...)`, it keeps compiling when a version adds a field with a default.
            #[must_use]
            pub fn new(#(#parameters),*) -> Self {
                Self { #(#values),* }
            }

            #(#defaults)*
        }
    }
}

fn enumeration(one: &Enum) -> TokenStream {
    let Enum { path, name, variants, .. } = one;
    let ident = &path.ident;
    let doc = super::doc(one.doc.as_deref().unwrap_or(&format!("The enum `{name}`.")));
    let members = variants.iter().map(|(variant, symbol)| {
        let doc = super::doc(&format!("The symbol `{symbol}`."));
        quote!(#doc #variant)
    });
    let arms = variants.iter().map(|(variant, symbol)| quote!(Self::#variant => #symbol));
    quote! {
        #doc
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #ident {
            #(#members,)*
        }

        impl #ident {
            /// Returns the symbol in the schema.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    #(#arms,)*
                }
            }
        }
    }
}

/// Returns the Rust type of a field, as the module of a namespace names it or the version's own.
fn seen_type(ty: &Ty, inside: bool, wire: &Path) -> TokenStream {
    if inside { rust_type(&ty.seen_from_inside(), wire) } else { rust_type(ty, wire) }
}

/// Returns the Rust type of a field.
fn rust_type(ty: &Ty, wire: &Path) -> TokenStream {
    match ty {
        Ty::Null => quote!(()),
        Ty::Boolean => quote!(bool),
        Ty::Int => quote!(i32),
        Ty::Long => quote!(i64),
        Ty::Float => quote!(f32),
        Ty::Double => quote!(f64),
        Ty::Bytes => quote!(::std::vec::Vec<u8>),
        Ty::String => quote!(::std::string::String),
        Ty::Fixed(size) => {
            let size = Literal::usize_unsuffixed(*size);
            quote!([u8; #size])
        }
        big if big.is_big_decimal() => quote!(#wire::bigdecimal::BigDecimal),
        Ty::Decimal { .. } => quote!(#wire::rust_decimal::Decimal),
        Ty::Uuid | Ty::UuidFixed => quote!(#wire::uuid::Uuid),
        Ty::Duration => quote!(#wire::avro::Duration),
        Ty::Date => quote!(#wire::jiff::civil::Date),
        Ty::TimeMillis | Ty::TimeMicros => quote!(#wire::jiff::civil::Time),
        Ty::Timestamp(_) => quote!(#wire::jiff::Timestamp),
        Ty::LocalTimestamp(_) => quote!(#wire::jiff::civil::DateTime),
        Ty::Option { inner, .. } => {
            let inner = rust_type(inner, wire);
            quote!(::core::option::Option<#inner>)
        }
        Ty::List(item) => {
            let item = rust_type(item, wire);
            quote!(::std::vec::Vec<#item>)
        }
        Ty::Map(value) => {
            let value = rust_type(value, wire);
            quote!(::std::collections::BTreeMap<::std::string::String, #value>)
        }
        Ty::Record { path, boxed: true, .. } => quote!(::std::boxed::Box<#path>),
        Ty::Record { path, .. } | Ty::Enum { path, .. } | Ty::Union { path, .. } => quote!(#path),
    }
}

/// Returns the variant of `Logical`, as a path.
fn logical(logical: eventwright_wire::avro::Logical, wire: &Path) -> TokenStream {
    use eventwright_wire::avro::Logical;
    let variant = match logical {
        Logical::Decimal { precision, scale } => {
            let [precision, scale] = [precision, scale].map(Literal::u32_unsuffixed);
            quote!(decimal(#precision, #scale))
        }
        Logical::None => quote!(None),
        Logical::Uuid => quote!(Uuid),
        Logical::Duration => quote!(Duration),
        Logical::Date => quote!(Date),
        Logical::TimeMillis => quote!(TimeMillis),
        Logical::TimeMicros => quote!(TimeMicros),
        Logical::TimestampMillis => quote!(TimestampMillis),
        Logical::TimestampMicros => quote!(TimestampMicros),
        Logical::TimestampNanos => quote!(TimestampNanos),
        Logical::LocalTimestampMillis => quote!(LocalTimestampMillis),
        Logical::LocalTimestampMicros => quote!(LocalTimestampMicros),
        Logical::LocalTimestampNanos => quote!(LocalTimestampNanos),
    };
    quote!(#wire::avro::Logical::#variant)
}
