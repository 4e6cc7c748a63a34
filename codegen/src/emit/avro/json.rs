//! Emits the JSON form: the schema of a type as data, and serde's traits over the walks of `wire`, which need no other
//! code: they go along that data and the bytes that the type encodes and decodes.

use super::decode;
use super::form::{Form, Kind};
use crate::ir::{AvroBody, Field, Record, Ty, Type, TypePath, Union};
use crate::rust::{Literal, Path, TokenStream, quote};

/// Emits the JSON form of a type: in the borrowed form it is only written.
pub(super) fn form(one: &Type, form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    match form.kind {
        Kind::Borrowed => borrowed(&form.path(one.path(), one.name()), wire),
        _ => owned(one, body, wire),
    }
}

fn owned(one: &Type, body: &AvroBody, wire: &Path) -> TokenStream {
    let path = one.path();
    let schema = match one {
        Type::Record(record) => record_type(record, body, wire),
        Type::Enum(one) => {
            let symbols = one.variants.iter().map(|(_, symbol)| symbol);
            quote!(#wire::json::Type::Enum(&[#(#symbols),*]))
        }
        Type::Union(union) => union_type(union, body, wire),
    };
    let read = match one {
        Type::Union(union) => decode::union_alone(union, body, wire),
        _ => quote!(#wire::avro::Decode::decode(reader)),
    };
    quote! {
        impl #wire::json::Typed for #path {
            const TYPE: &'static #wire::json::Type = {
                static TYPE: #wire::json::Type = #schema;
                &TYPE
            };
        }

        impl #wire::serde::Serialize for #path {
            fn serialize<S: #wire::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #wire::json::write(self, <Self as #wire::json::Typed>::TYPE, serializer)
            }
        }

        impl<'de> #wire::serde::Deserialize<'de> for #path {
            fn deserialize<D: #wire::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #wire::json::read(deserializer, |reader| #read)
            }
        }
    }
}

/// Emits the form of what borrows, by way of the owned form: it is for whoever looks at an event, and so needs no encoder of
/// its own.
fn borrowed(path: &TypePath, wire: &Path) -> TokenStream {
    quote! {
        impl #wire::serde::Serialize for #path<'_> {
            fn serialize<S: #wire::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #wire::serde::Serialize::serialize(&self.clone().into_owned(), serializer)
            }
        }
    }
}

fn record_type(record: &Record, body: &AvroBody, wire: &Path) -> TokenStream {
    let fields = record.fields.iter().map(|Field { name, ty, default, .. }| {
        let ty = type_of(ty, body, wire);
        match default {
            None => quote!(#wire::json::Field::new(#name, #ty)),
            Some(default) => {
                let bytes = Literal::byte_string(&default.bytes);
                quote!(#wire::json::Field::with_default(#name, #ty, #bytes))
            }
        }
    });
    match record.recursive {
        true => quote!(#wire::json::Type::RecursiveRecord(&[#(#fields),*])),
        false => quote!(#wire::json::Type::Record(&[#(#fields),*])),
    }
}

fn union_type(union: &Union, body: &AvroBody, wire: &Path) -> TokenStream {
    let branches = union.variants.iter().map(|variant| {
        let (index, name, ty) =
            (Literal::usize_unsuffixed(variant.index), &variant.branch, type_of(&variant.ty, body, wire));
        quote!(#wire::json::Branch::new(#index, #name, #ty))
    });
    quote!(#wire::json::Type::Union(&[#(#branches),*]))
}

/// Returns the schema of a field, an item or a branch.
fn type_of(ty: &Ty, body: &AvroBody, wire: &Path) -> TokenStream {
    let variant = match ty {
        Ty::Null => quote!(Null),
        Ty::Boolean => quote!(Boolean),
        Ty::Int => quote!(Int),
        Ty::Long => quote!(Long),
        Ty::Float => quote!(Float),
        Ty::Double => quote!(Double),
        Ty::Bytes => quote!(Bytes),
        Ty::String => quote!(String),
        Ty::Option { inner, null_index } => {
            let (null, inner) = (Literal::usize_unsuffixed(*null_index), reference(inner, body, wire));
            quote!(Optional(#null, #inner))
        }
        Ty::List(item) => {
            let (min_size, item) =
                (Literal::usize_unsuffixed(usize::from(!is_empty(item, body))), reference(item, body, wire));
            quote!(Array(#item, #min_size))
        }
        Ty::Map(value) => {
            let value = reference(value, body, wire);
            quote!(Map(#value))
        }
        Ty::Record { path, .. } if is_recursive(ty, body) => {
            quote!(Recursive(<#path as #wire::json::Typed>::schema))
        }
        Ty::Record { .. } | Ty::Enum { .. } | Ty::Union { .. } => {
            let named = reference(ty, body, wire);
            quote!(Named(#named))
        }
        logical => logical_type(logical, wire),
    };
    quote!(#wire::json::Type::#variant)
}

/// Returns a reference to such a schema; a named type has it already.
fn reference(ty: &Ty, body: &AvroBody, wire: &Path) -> TokenStream {
    match ty {
        Ty::Record { .. } if is_recursive(ty, body) => {
            let record = type_of(ty, body, wire);
            quote!(&#record)
        }
        Ty::Record { path, .. } | Ty::Enum { path, .. } | Ty::Union { path, .. } => {
            quote!(<#path as #wire::json::Typed>::TYPE)
        }
        other => {
            let other = type_of(other, body, wire);
            quote!(&#other)
        }
    }
}

fn logical_type(ty: &Ty, wire: &Path) -> TokenStream {
    use eventwright_wire::avro::Logical;
    let (size, logical) = match *ty {
        Ty::Fixed(size) => (Some(size), Logical::None),
        Ty::Decimal { precision, scale, fixed } => (fixed, Logical::Decimal { precision, scale }),
        Ty::Uuid => (None, Logical::Uuid),
        Ty::UuidFixed => (Some(16), Logical::Uuid),
        Ty::Duration => (Some(12), Logical::Duration),
        Ty::Date => (None, Logical::Date),
        Ty::TimeMillis => (None, Logical::TimeMillis),
        Ty::TimeMicros => (None, Logical::TimeMicros),
        Ty::Timestamp(logical) | Ty::LocalTimestamp(logical) => (None, logical),
        _ => unreachable!("it is a logical type"),
    };
    let logical = super::logical(logical, wire);
    match size.map(Literal::usize_unsuffixed) {
        Some(size) => quote!(Fixed(#size, #logical)),
        None => quote!(Logical(#logical)),
    }
}

fn is_recursive(ty: &Ty, body: &AvroBody) -> bool {
    let Ty::Record { name, .. } = ty else { return false };
    matches!(body.type_of(name), Some(Type::Record(record)) if record.recursive)
}

/// Returns whether values of the type take no bytes.
fn is_empty(ty: &Ty, body: &AvroBody) -> bool {
    match ty {
        Ty::Null | Ty::Fixed(0) => true,
        Ty::Record { name, .. } => match body.type_of(name) {
            Some(Type::Record(record)) => {
                !record.recursive && record.fields.iter().all(|field| is_empty(&field.ty, body))
            }
            _ => false,
        },
        _ => false,
    }
}
