//! Emits the reading of primitives and fixed: as the reader's own type has them, promoted, or converted to another unit.

use eventwright_wire::avro::{Conversion, Primitive};

use super::super::logical;
use crate::ir::Ty;
use crate::rust::{Literal, Path, TokenStream, format_ident, quote};

/// Returns an expression that reads a primitive.
pub(super) fn read(
    (from, to): (Primitive, Primitive),
    conversion: Option<Conversion>,
    ty: &Ty,
    wire: &Path,
) -> TokenStream {
    use Primitive::{Bytes, Float, Int, Long, String};
    let own = read_own(ty, wire);
    if conversion.is_none() {
        match (from, to, ty) {
            // Whether they are text is seen by whoever reads them as text.
            (Bytes, String, _) => return own,
            (String, Bytes, Ty::Bytes) => return quote!(reader.string().map(::std::string::String::into_bytes)),
            (Int, Long, Ty::Long) => return quote!(reader.int().map(i64::from)),
            (Int, _, Ty::Double) => return quote!(reader.int().map(f64::from)),
            (Float, _, Ty::Double) => return quote!(reader.float().map(f64::from)),
            (Int, _, Ty::Float) => return quote!(reader.int().map(|value| value as f32)),
            (Long, _, Ty::Float) => return quote!(reader.long().map(|value| value as f32)),
            (Long, _, Ty::Double) => return quote!(reader.long().map(|value| value as f64)),
            _ if from == to => return own,
            _ => {}
        }
    }
    let [from, to] = [from, to].map(|one| format_ident!("{one:?}"));
    let conversion = match conversion.map(|conversion| self::conversion(conversion, wire)) {
        Some(conversion) => quote!(::core::option::Option::Some(#conversion)),
        None => quote!(::core::option::Option::None),
    };
    let primitive = quote!(#wire::avro::Primitive);
    quote!(reader.converted((#primitive::#from, #primitive::#to), #conversion, |reader| #own))
}

/// Returns an expression that reads a fixed.
pub(super) fn read_fixed(size: usize, conversion: Option<Conversion>, ty: &Ty, wire: &Path) -> TokenStream {
    let size = Literal::usize_unsuffixed(size);
    let own = match ty {
        Ty::Decimal { scale, .. } => {
            let scale = Literal::u32_unsuffixed(*scale);
            match ty.is_big_decimal() {
                true => quote!(reader.big_decimal_fixed(#size, #scale)),
                false => quote!(reader.decimal_fixed(#size, #scale)),
            }
        }
        Ty::Duration => quote!(reader.duration()),
        Ty::UuidFixed => quote!(reader.uuid_fixed()),
        _ => quote!(reader.array::<#size>()),
    };
    match conversion.map(|conversion| self::conversion(conversion, wire)) {
        Some(conversion) => quote!(reader.converted_fixed(#size, #conversion, |reader| #own)),
        None => own,
    }
}

fn conversion(conversion: Conversion, wire: &Path) -> TokenStream {
    let conversion = match conversion {
        Conversion::Finer(times) => {
            let times = Literal::i64_unsuffixed(times);
            quote!(Finer(#times))
        }
        Conversion::Coarser(per) => {
            let per = Literal::i64_unsuffixed(per);
            quote!(Coarser(#per))
        }
        Conversion::Scale { from, to } => {
            let [from, to] = [from, to].map(Literal::u32_unsuffixed);
            quote!(Scale { from: #from, to: #to })
        }
    };
    quote!(#wire::avro::Conversion::#conversion)
}

/// Returns an expression that reads what the reader's own type writes.
fn read_own(ty: &Ty, wire: &Path) -> TokenStream {
    match ty {
        Ty::Null => quote!(::core::result::Result::<(), #wire::DecodeError>::Ok(())),
        Ty::Boolean => quote!(reader.boolean()),
        Ty::Int => quote!(reader.int()),
        Ty::Long => quote!(reader.long()),
        Ty::Float => quote!(reader.float()),
        Ty::Double => quote!(reader.double()),
        Ty::Bytes => quote!(reader.bytes().map(<[u8]>::to_vec)),
        Ty::String => quote!(reader.string()),
        Ty::Uuid => quote!(reader.uuid()),
        Ty::Date => quote!(reader.date()),
        Ty::TimeMillis => quote!(reader.time_millis()),
        Ty::TimeMicros => quote!(reader.time_micros()),
        Ty::Decimal { scale, .. } => {
            let scale = Literal::u32_unsuffixed(*scale);
            if ty.is_big_decimal() { quote!(reader.big_decimal(#scale)) } else { quote!(reader.decimal(#scale)) }
        }
        Ty::Timestamp(unit) => {
            let unit = logical(*unit, wire);
            quote!(reader.timestamp(#unit))
        }
        Ty::LocalTimestamp(unit) => {
            let unit = logical(*unit, wire);
            quote!(reader.local_timestamp(#unit))
        }
        _ => unreachable!("a plan reads a scalar into a scalar type"),
    }
}
