//! Emits the defaults of fields as Rust expressions, so that a field that the writer did not write costs nothing to
//! decode.
//!
//! In: a default in the JSON form of events, which lowering has checked against the type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::jiff::Timestamp;
use eventwright_wire::jiff::civil::{Date, DateTime, Time};
use eventwright_wire::rust_decimal::Decimal;
use eventwright_wire::uuid::Uuid;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;
use syn::Path;

use super::rust_type;
use crate::ir::{Field, Ty};
use crate::names;

/// Returns the name of the function that returns a field's default.
pub(super) fn function_name(field: &Field) -> Ident {
    format_ident!("default_{}", names::plain(&field.ident))
}

/// Emits the function that returns the field's default, if it has one.
pub(super) fn function(field: &Field, wire: &Path) -> Option<TokenStream> {
    let default = field.default.as_ref()?;
    let (name, ty) = (function_name(field), rust_type(&field.ty, wire));
    let value = expression(&field.ty, &default.json, wire).unwrap_or_else(|| decoded(&default.bytes, wire));
    let doc = super::super::doc(&format!("Returns the default of `{}`.", names::plain(&field.ident)));
    Some(quote! {
        #doc
        pub(super) fn #name() -> #ty {
            #value
        }
    })
}

/// A default that holds a record is decoded: the record may be another version's, with defaults of its own.
fn decoded(bytes: &[u8], wire: &Path) -> TokenStream {
    let bytes = array(bytes);
    quote!(#wire::avro::decode_default(&#bytes))
}

/// Returns the default as an expression; `None` where it holds a record.
fn expression(ty: &Ty, default: &Value, wire: &Path) -> Option<TokenStream> {
    Some(match ty {
        Ty::Null => quote!(()),
        Ty::Boolean => {
            let value = default.as_bool()?;
            quote!(#value)
        }
        Ty::Int => i32_literal(i32::try_from(default.as_i64()?).ok()?),
        Ty::Long => i64_literal(default.as_i64()?),
        Ty::Float | Ty::Double => number(default)?,
        Ty::Bytes => match STANDARD.decode(default.as_str()?).ok()?.as_slice() {
            [] => quote!(::std::vec::Vec::new()),
            bytes => {
                let bytes = array(bytes);
                quote!(::std::vec::Vec::from(#bytes))
            }
        },
        Ty::Fixed(_) => array(&STANDARD.decode(default.as_str()?).ok()?),
        Ty::String => match default.as_str()? {
            "" => quote!(::std::string::String::new()),
            text => quote!(::std::string::String::from(#text)),
        },
        Ty::Option { inner, .. } if default.is_null() => {
            let inner = rust_type(inner, wire);
            quote!(::core::option::Option::<#inner>::None)
        }
        Ty::Option { inner, .. } => {
            let inner = expression(inner, default, wire)?;
            quote!(::core::option::Option::Some(#inner))
        }
        Ty::List(item) => list(item, default.as_array()?, wire)?,
        Ty::Map(value) => map(value, default.as_object()?, wire)?,
        Ty::Record { .. } => return None,
        Ty::Enum { ident, .. } => {
            let variant = names::upper_camel(default.as_str()?);
            quote!(#ident::#variant)
        }
        value => value_expression(value, default.as_str()?, wire)?,
    })
}

fn value_expression(ty: &Ty, text: &str, wire: &Path) -> Option<TokenStream> {
    Some(match ty {
        Ty::Decimal { .. } => {
            let decimal: Decimal = text.parse().ok()?;
            let mantissa = Literal::i128_unsuffixed(decimal.mantissa());
            let scale = Literal::u32_unsuffixed(decimal.scale());
            quote!(#wire::rust_decimal::Decimal::from_i128_with_scale(#mantissa, #scale))
        }
        Ty::Uuid | Ty::UuidFixed => {
            let uuid: Uuid = text.parse().ok()?;
            let value = Literal::u128_unsuffixed(uuid.as_u128());
            quote!(#wire::uuid::Uuid::from_u128(#value))
        }
        Ty::Date => {
            let date = date(text.parse().ok()?);
            quote!(#wire::jiff::civil::#date)
        }
        Ty::TimeMillis | Ty::TimeMicros => {
            let time = time(text.parse().ok()?);
            quote!(#wire::jiff::civil::#time)
        }
        Ty::Timestamp(_) => {
            let timestamp: Timestamp = text.parse().ok()?;
            let second = i64_literal(timestamp.as_second());
            let nanosecond = i32_literal(timestamp.subsec_nanosecond());
            quote!(#wire::jiff::Timestamp::constant(#second, #nanosecond))
        }
        _ => {
            let local: DateTime = text.parse().ok()?;
            let (date, time) = (date(local.date()), time(local.time()));
            quote!(#wire::jiff::civil::DateTime::from_parts(#wire::jiff::civil::#date, #wire::jiff::civil::#time))
        }
    })
}

fn date(date: Date) -> TokenStream {
    let year = Literal::i16_unsuffixed(date.year());
    let [month, day] = [date.month(), date.day()].map(Literal::i8_unsuffixed);
    quote!(Date::constant(#year, #month, #day))
}

fn time(time: Time) -> TokenStream {
    let [hour, minute, second] = [time.hour(), time.minute(), time.second()].map(Literal::i8_unsuffixed);
    let nanosecond = Literal::i32_unsuffixed(time.subsec_nanosecond());
    quote!(Time::constant(#hour, #minute, #second, #nanosecond))
}

fn list(item: &Ty, items: &[Value], wire: &Path) -> Option<TokenStream> {
    if items.is_empty() {
        return Some(quote!(::std::vec::Vec::new()));
    }
    let items = items.iter().map(|value| expression(item, value, wire)).collect::<Option<Vec<_>>>()?;
    Some(quote!(::std::vec::Vec::from([#(#items),*])))
}

fn map(value: &Ty, entries: &serde_json::Map<String, Value>, wire: &Path) -> Option<TokenStream> {
    if entries.is_empty() {
        return Some(quote!(::std::collections::BTreeMap::new()));
    }
    let entries = entries.iter().map(|(key, one)| {
        let one = expression(value, one, wire)?;
        Some(quote!((::std::string::String::from(#key), #one)))
    });
    let entries = entries.collect::<Option<Vec<_>>>()?;
    Some(quote!(::std::collections::BTreeMap::from([#(#entries),*])))
}

fn array(bytes: &[u8]) -> TokenStream {
    let bytes = bytes.iter().map(|byte| Literal::u8_unsuffixed(*byte));
    quote!([#(#bytes),*])
}

/// `None` for what is not finite: that is decoded.
fn number(default: &Value) -> Option<TokenStream> {
    let value = default.as_f64()?;
    let magnitude = Literal::f64_unsuffixed(value.abs());
    Some(if value.is_sign_negative() { quote!(-#magnitude) } else { quote!(#magnitude) })
}

fn i32_literal(value: i32) -> TokenStream {
    let literal = Literal::i32_unsuffixed(value);
    quote!(#literal)
}

fn i64_literal(value: i64) -> TokenStream {
    let literal = Literal::i64_unsuffixed(value);
    quote!(#literal)
}
