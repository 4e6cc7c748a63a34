//! Emits the defaults of fields as Rust expressions, so that a field that the writer did not write costs nothing to
//! decode.
//!
//! In: a default in the JSON form of events, which lowering has checked against the type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::avro::Duration;
use eventwright_wire::bigdecimal::BigDecimal;
use eventwright_wire::jiff::Timestamp;
use eventwright_wire::jiff::civil::{Date, DateTime, Time};
use eventwright_wire::rust_decimal::Decimal;
use eventwright_wire::uuid::Uuid;
use serde_json::{Map, Value};

use super::form::{Form, Kind};
use super::{rust_type, seen_type};
use crate::ir::{AvroBody, Field, Ty, Type, TypePath, Variant};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

/// Returns the name of the function that returns a field's default.
pub(super) fn function_name(field: &Field) -> Ident {
    format_ident!("default_{}", names::plain(&field.ident))
}

/// Emits the function that returns the field's default, if it has one; `inside` the module of a namespace.
pub(super) fn function(field: &Field, inside: bool, body: &AvroBody, wire: &Path) -> Option<TokenStream> {
    let default = &field.default.as_ref()?.value;
    let (name, ty) = (function_name(field), seen_type(&field.ty, inside, wire));
    let value = Expressions { form: &Form::owned(), body, inside, wire }.expression(&field.ty, default);
    let value = value.expect("lowering has decoded the default with the field's type");
    let doc = super::super::doc(&format!("Returns the default of `{}`.", names::plain(&field.ident)));
    // The decoders of newer versions take it as well, and those of events which use a shared type.
    let visibility = match usize::from(inside) + usize::from(body.is_shared) {
        0 => quote!(pub(super)),
        1 => quote!(pub(in super::super)),
        _ => quote!(pub(in super::super::super)),
    };
    Some(quote! {
        #doc
        #visibility fn #name() -> #ty {
            #value
        }
    })
}

/// Returns the default of a field of the borrowed form, as an expression in the version's own module.
pub(super) fn borrowed(field: &Field, form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    let expressions = Expressions { form, body, inside: false, wire };
    let value = field.default.as_ref().and_then(|default| expressions.expression(&field.ty, &default.value));
    value.expect("a plan takes defaults that there are, and lowering has decoded them")
}

/// Makes expressions of values in the JSON form.
struct Expressions<'e> {
    form: &'e Form,
    body: &'e AvroBody,
    /// Whether they stand in the module of a namespace.
    inside: bool,
    wire: &'e Path,
}

impl Expressions<'_> {
    /// Returns the value as an expression; `None` where it is not of the type.
    fn expression(&self, ty: &Ty, value: &Value) -> Option<TokenStream> {
        let wire = self.wire;
        Some(match ty {
            Ty::Null => quote!(()),
            Ty::Boolean => {
                let value = value.as_bool()?;
                quote!(#value)
            }
            Ty::Int => i32_literal(i32::try_from(value.as_i64()?).ok()?),
            Ty::Long => i64_literal(value.as_i64()?),
            Ty::Float | Ty::Double => float(ty, value, wire)?,
            Ty::Bytes if self.form.kind == Kind::Borrowed => {
                let bytes = Literal::byte_string(&STANDARD.decode(value.as_str()?).ok()?);
                quote!(#bytes.as_slice())
            }
            Ty::Bytes => match STANDARD.decode(value.as_str()?).ok()?.as_slice() {
                [] => quote!(::std::vec::Vec::new()),
                bytes => {
                    let bytes = array(bytes);
                    quote!(::std::vec::Vec::from(#bytes))
                }
            },
            Ty::Fixed(_) => array(&STANDARD.decode(value.as_str()?).ok()?),
            Ty::String if self.form.kind == Kind::Borrowed => {
                let text = value.as_str()?;
                quote!(#text)
            }
            Ty::String => match value.as_str()? {
                "" => quote!(::std::string::String::new()),
                text => quote!(::std::string::String::from(#text)),
            },
            Ty::Option { inner, .. } if value.is_null() => {
                let inner = match self.inside {
                    true => self.form.rust_type(&inner.seen_from_inside(), wire),
                    false => self.form.rust_type(inner, wire),
                };
                quote!(::core::option::Option::<#inner>::None)
            }
            Ty::Option { inner, .. } => {
                let inner = self.expression(inner, value)?;
                quote!(::core::option::Option::Some(#inner))
            }
            Ty::List(item) => self.list(item, value.as_array()?)?,
            Ty::Map(entry) => self.map(entry, value.as_object()?)?,
            Ty::Record { path, name, boxed } => {
                let record = self.record(path, name, value.as_object()?)?;
                if *boxed { quote!(::std::boxed::Box::new(#record)) } else { record }
            }
            Ty::Enum { path, .. } => {
                let path = path.seen_from(self.inside);
                let variant = names::upper_camel(value.as_str()?);
                quote!(#path::#variant)
            }
            Ty::Union { path, place } => {
                let path = self.form.path(path, place).seen_from(self.inside);
                let Some(Type::Union(union)) = self.body.type_of(place) else { return None };
                let (branch, value) = value.as_object()?.iter().next()?;
                let Variant { ident: variant, ty, .. } = union.variants.iter().find(|one| one.branch == *branch)?;
                let value = self.expression(ty, value)?;
                quote!(#path::#variant(#value))
            }
            logical => value_expression(logical, value.as_str()?, wire)?,
        })
    }

    fn list(&self, item: &Ty, items: &[Value]) -> Option<TokenStream> {
        if items.is_empty() {
            return Some(quote!(::std::vec::Vec::new()));
        }
        let items = items.iter().map(|value| self.expression(item, value)).collect::<Option<Vec<_>>>()?;
        Some(quote!(::std::vec::Vec::from([#(#items),*])))
    }

    fn map(&self, entry: &Ty, entries: &Map<String, Value>) -> Option<TokenStream> {
        let wire = self.wire;
        if entries.is_empty() && self.form.kind != Kind::Borrowed {
            return Some(quote!(::std::collections::BTreeMap::new()));
        }
        let entries = entries.iter().map(|(key, value)| {
            let value = self.expression(entry, value)?;
            Some(match self.form.kind {
                Kind::Borrowed => quote!((#key, #value)),
                _ => quote!((::std::string::String::from(#key), #value)),
            })
        });
        let entries = entries.collect::<Option<Vec<_>>>()?;
        if self.form.kind == Kind::Borrowed {
            return Some(quote!(#wire::avro::BorrowedMap::from(::std::vec::Vec::from([#(#entries),*]))));
        }
        Some(quote!(::std::collections::BTreeMap::from([#(#entries),*])))
    }

    fn record(&self, path: &TypePath, name: &str, values: &Map<String, Value>) -> Option<TokenStream> {
        let Some(Type::Record(record)) = self.body.type_of(name) else { return None };
        let fields = record.fields.iter().map(|field| {
            let (name, value) = (&field.ident, self.expression(&field.ty, values.get(&field.name)?)?);
            Some(quote!(#name: #value))
        });
        let fields = fields.collect::<Option<Vec<_>>>()?;
        let path = self.form.path(path, name).seen_from(self.inside);
        Some(quote!(#path { #(#fields),* }))
    }
}

fn value_expression(ty: &Ty, text: &str, wire: &Path) -> Option<TokenStream> {
    Some(match ty {
        big if big.is_big_decimal() => {
            let (unscaled, scale) = text.parse::<BigDecimal>().ok()?.into_bigint_and_scale();
            let (bytes, scale) =
                (array(&unscaled.to_signed_bytes_be()), Literal::u32_unsuffixed(scale.try_into().ok()?));
            quote!(#wire::avro::big_decimal(&#bytes, #scale))
        }
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
        Ty::Duration => {
            let Duration { months, days, millis } = text.parse().ok()?;
            let [months, days, millis] = [months, days, millis].map(Literal::u32_unsuffixed);
            quote!(#wire::avro::Duration { months: #months, days: #days, millis: #millis })
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

fn array(bytes: &[u8]) -> TokenStream {
    let bytes = bytes.iter().map(|byte| Literal::u8_unsuffixed(*byte));
    quote!([#(#bytes),*])
}

/// A default is a JSON number; one that is too large for the type is infinite.
fn float(ty: &Ty, value: &Value, wire: &Path) -> Option<TokenStream> {
    let infinity = |sign: TokenStream| {
        let ty = rust_type(ty, wire);
        quote!(#sign ::core::primitive::#ty::INFINITY)
    };
    Some(match (value.as_str(), value.as_f64()) {
        (Some("Infinity"), _) => infinity(quote!()),
        (Some("-Infinity"), _) => infinity(quote!(-)),
        (_, Some(value)) => {
            let magnitude = Literal::f64_unsuffixed(value.abs());
            if value.is_sign_negative() { quote!(-#magnitude) } else { quote!(#magnitude) }
        }
        _ => return None,
    })
}

fn i32_literal(value: i32) -> TokenStream {
    let literal = Literal::i32_unsuffixed(value);
    quote!(#literal)
}

fn i64_literal(value: i64) -> TokenStream {
    let literal = Literal::i64_unsuffixed(value);
    quote!(#literal)
}
