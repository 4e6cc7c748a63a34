//! Emits `Encode`: a record writes its fields in order, an enum its index.

use super::logical;
use crate::ir::{Enum, Record, Ty, Type, Union, Variant};
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

/// Emits the implementation for one type.
pub(super) fn implementation(one: &Type, wire: &Path) -> TokenStream {
    let path = one.path();
    let body = match one {
        Type::Record(record) => record_body(record, wire),
        Type::Enum(one) => enum_body(one),
        Type::Union(one) => union_body(one, wire),
    };
    quote! {
        impl #wire::avro::Encode for #path {
            fn encode(
                &self,
                writer: &mut #wire::avro::Writer<'_>,
            ) -> ::core::result::Result<(), #wire::EncodeError> {
                #body
                ::core::result::Result::Ok(())
            }
        }
    }
}

fn record_body(record: &Record, wire: &Path) -> TokenStream {
    let fields = record.fields.iter().map(|one| field(&one.ident, &one.name, &one.ty, wire));
    match record.recursive {
        true => quote!(writer.nested(|writer| { #(#fields)* ::core::result::Result::Ok(()) })?;),
        false => quote!(#(#fields)*),
    }
}

/// Emits the statement that writes a field of `self`.
pub(in crate::emit) fn field(ident: &Ident, name: &str, ty: &Ty, wire: &Path) -> TokenStream {
    match write(ty, &Place::Field(quote!(self.#ident)), wire) {
        Write::Infallible(code) => quote!(#code;),
        Write::Fallible(code) => quote!(#code.field(#name)?;),
    }
}

fn enum_body(one: &Enum) -> TokenStream {
    let arms = (0..).zip(&one.variants).map(|(index, (variant, _))| {
        let index = Literal::u32_unsuffixed(index);
        quote!(Self::#variant => #index)
    });
    // Dereferenced, because a reference to an enum without symbols is not known to be none.
    quote!(writer.index(match *self { #(#arms,)* });)
}

fn union_body(one: &Union, wire: &Path) -> TokenStream {
    if one.variants.is_empty() {
        return quote!(match *self {});
    }
    let arms = one.variants.iter().map(|Variant { ident, index, ty, .. }| {
        let index = Literal::usize_unsuffixed(*index);
        let value = write(ty, &Place::Reference(format_ident!("value")), wire);
        let write = match value {
            Write::Infallible(code) => quote!(#code;),
            Write::Fallible(code) => quote!(#code?;),
        };
        quote! {
            Self::#ident(value) => {
                writer.index(#index);
                #write
            }
        }
    });
    quote!(match self { #(#arms)* })
}

/// Where the value is that is written.
enum Place {
    /// A place, such as `self.price`.
    Field(TokenStream),
    /// A variable that holds a reference.
    Reference(Ident),
}

impl Place {
    fn reference(&self) -> TokenStream {
        match self {
            Self::Field(place) => quote!(&#place),
            Self::Reference(ident) => quote!(#ident),
        }
    }

    fn value(&self) -> TokenStream {
        match self {
            Self::Field(place) => place.clone(),
            Self::Reference(ident) => quote!(*#ident),
        }
    }

    /// What a method can be called on.
    fn receiver(&self) -> TokenStream {
        match self {
            Self::Field(place) => place.clone(),
            Self::Reference(ident) => quote!(#ident),
        }
    }
}

/// An expression that writes a value.
enum Write {
    /// It is `()`.
    Infallible(TokenStream),
    /// It is `Result<(), EncodeError>`.
    Fallible(TokenStream),
}

impl Write {
    fn into_result(self) -> TokenStream {
        match self {
            Self::Infallible(code) => quote!({ #code; ::core::result::Result::Ok(()) }),
            Self::Fallible(code) => code,
        }
    }
}

fn write(ty: &Ty, place: &Place, wire: &Path) -> Write {
    let (value, reference) = (place.value(), place.reference());
    Write::Infallible(match ty {
        Ty::Null => quote!(()),
        Ty::Boolean => quote!(writer.boolean(#value)),
        Ty::Int => quote!(writer.int(#value)),
        Ty::Long => quote!(writer.long(#value)),
        Ty::Float => quote!(writer.float(#value)),
        Ty::Double => quote!(writer.double(#value)),
        Ty::Bytes => quote!(writer.bytes(#reference)),
        Ty::String => quote!(writer.string(#reference)),
        Ty::Fixed(_) => quote!(writer.fixed(#reference)),
        Ty::Uuid => quote!(writer.uuid(#value)),
        Ty::UuidFixed => {
            let receiver = place.receiver();
            quote!(writer.fixed(#receiver.as_bytes()))
        }
        Ty::Duration => quote!(writer.duration(#value)),
        Ty::Date => quote!(writer.date(#value)),
        Ty::TimeMillis => quote!(writer.time_millis(#value)),
        Ty::TimeMicros => quote!(writer.time_micros(#value)),
        _ => return Write::Fallible(write_fallible(ty, place, wire)),
    })
}

fn write_fallible(ty: &Ty, place: &Place, wire: &Path) -> TokenStream {
    let (value, reference, receiver) = (place.value(), place.reference(), place.receiver());
    match ty {
        Ty::Decimal { precision, scale, fixed } => {
            let [precision, scale] = [*precision, *scale].map(Literal::u32_unsuffixed);
            match fixed.map(Literal::usize_unsuffixed) {
                None if ty.is_big_decimal() => quote!(writer.big_decimal(#reference, #precision, #scale)),
                Some(size) if ty.is_big_decimal() => {
                    quote!(writer.big_decimal_fixed(#reference, (#precision, #scale), #size))
                }
                None => quote!(writer.decimal(#value, #precision, #scale)),
                Some(size) => quote!(writer.decimal_fixed(#value, (#precision, #scale), #size)),
            }
        }
        Ty::Timestamp(unit) => {
            let unit = logical(*unit, wire);
            quote!(writer.timestamp(#value, #unit))
        }
        Ty::LocalTimestamp(unit) => {
            let unit = logical(*unit, wire);
            quote!(writer.local_timestamp(#value, #unit))
        }
        Ty::Option { inner, null_index } => {
            let null = Literal::usize_unsuffixed(*null_index);
            // An enum over several branches writes the index itself.
            let some = (!matches!(**inner, Ty::Union { .. })).then(|| {
                let some = Literal::usize_unsuffixed(1 - *null_index);
                quote!(writer.index(#some);)
            });
            let inner = write(inner, &Place::Reference(format_ident!("value")), wire).into_result();
            quote! {
                match #reference {
                    ::core::option::Option::None => {
                        writer.index(#null);
                        ::core::result::Result::Ok(())
                    }
                    ::core::option::Option::Some(value) => {
                        #some
                        #inner
                    }
                }
            }
        }
        Ty::List(item) => {
            let item = writer_of(item, wire);
            quote!(writer.items(#reference, #item))
        }
        Ty::Map(entry) => {
            let entry = writer_of(entry, wire);
            quote!(writer.entries(#reference, #entry))
        }
        // A box is seen through: `Encode` is implemented for what it holds.
        Ty::Record { boxed: true, .. } => quote!(#wire::avro::Encode::encode(#receiver.as_ref(), writer)),
        _ => quote!(#wire::avro::Encode::encode(#reference, writer)),
    }
}

/// Returns what writes a value, as a function: of each type the same one, so that rustc compiles once what takes it.
fn writer_of(ty: &Ty, wire: &Path) -> TokenStream {
    match ty {
        Ty::Boolean | Ty::Int | Ty::Long | Ty::Float | Ty::Double | Ty::String => quote!(#wire::avro::encode_item),
        Ty::Record { boxed: false, .. } | Ty::Enum { .. } | Ty::Union { .. } => quote!(#wire::avro::encode_item),
        _ => {
            let write = write(ty, &Place::Reference(format_ident!("value")), wire).into_result();
            quote!(|writer, value| #write)
        }
    }
}
