//! The JSON form of events, written and read by serde: generated types say what they look like and what they take.
//!
//! Here are the values for which serde's own form is another one: bytes and fixed as base64, decimals as exact text,
//! floats that are not finite as text.

mod read;
mod scalar;
mod write;

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};

pub use read::{
    Input, Place, ReadEntries, ReadError, ReadItems, ReadJson, Scalar, branch, fields, not_taken, read, symbol, value,
};
pub use write::{RecordView, Stopped, View, WriteEntries, WriteItems, WriteJson, write};

/// The only key of a number of serde_json with `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// A value whose JSON form is not serde's own.
pub trait JsonForm: Sized {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Text that is not the JSON form of the type, or what the deserializer returns.
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl JsonForm for Vec<u8> {
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor {
            expected: "base64",
            parse: |text| STANDARD.decode(text).map_err(|error| error.to_string()),
        })
    }
}

impl<const N: usize> JsonForm for [u8; N] {
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::from_json(deserializer)?;
        <[u8; N]>::try_from(bytes)
            .map_err(|bytes| D::Error::custom(format!("expected base64 of {N} bytes, found {}", bytes.len())))
    }
}

/// Returns the text of a float that JSON has no number for.
#[must_use]
pub fn non_finite(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

impl JsonForm for f32 {
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

impl JsonForm for f64 {
    fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

/// Reads a number or its text. An untagged enum could not: it does not know the numbers of serde_json with
/// `arbitrary_precision`, which any other crate may switch on.
pub(crate) fn number_or_text<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(NumberVisitor(PhantomData))
}

struct NumberVisitor<T>(PhantomData<T>);

impl<'de, T: FromStr> Visitor<'de> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or its text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::custom(format!("expected a number within its range, found `{text}`")))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        self.visit_str(&text_of_number(map)?)
    }
}

/// Reads a number of serde_json with `arbitrary_precision`: a map of one private key.
pub(crate) fn text_of_number<'de, A: MapAccess<'de>>(mut map: A) -> Result<String, A::Error> {
    match map.next_entry::<String, String>()? {
        Some((key, text)) if key == NUMBER => Ok(text),
        _ => Err(A::Error::custom("expected a number, found an object")),
    }
}

/// Reads a value from text only.
struct TextVisitor<T, F: Fn(&str) -> Result<T, String>> {
    expected: &'static str,
    parse: F,
}

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

#[cfg(any(feature = "bigdecimal", feature = "decimal"))]
mod decimal {
    use std::marker::PhantomData;

    use super::{Deserializer, Error, JsonForm, MapAccess, Visitor, fmt, text_of_number};

    /// How many digits a 64-bit float keeps for sure.
    const EXACT_DIGITS: usize = 15;

    /// A type that holds decimals.
    trait ParseDecimal: Sized {
        /// Returns the number exactly as it is written.
        fn parse_decimal(text: &str) -> Result<Self, String>;
    }

    struct DecimalVisitor<T>(PhantomData<T>);

    impl<'de, T: ParseDecimal> Visitor<'de> for DecimalVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a decimal, as text or as a number")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::parse_decimal(text).map_err(|error| E::custom(format!("expected a decimal, found `{text}`: {error}")))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
            self.visit_str(&value.to_string())
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
            self.visit_str(&value.to_string())
        }

        /// The deserializer has already made a float of the number. Its shortest text is what was written, as long as
        /// that had few enough digits; anything longer is refused and not guessed.
        fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
            let text = value.to_string();
            if text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
                return Err(E::custom("a decimal of more than 15 digits is exact as text only; write it in quotes"));
            }
            self.visit_str(&text)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            self.visit_str(&text_of_number(map)?)
        }
    }

    #[cfg(feature = "decimal")]
    mod small {
        use rust_decimal::Decimal;

        use super::{DecimalVisitor, Deserializer, JsonForm, ParseDecimal, PhantomData};

        impl JsonForm for Decimal {
            fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(DecimalVisitor(PhantomData))
            }
        }

        impl ParseDecimal for Decimal {
            fn parse_decimal(text: &str) -> Result<Self, String> {
                let parsed = if text.contains(['e', 'E']) {
                    Self::from_scientific(text)
                } else {
                    // Exact: more digits than a decimal can hold are an error and are not rounded away.
                    Self::from_str_exact(text)
                };
                parsed.map_err(|error| error.to_string())
            }
        }
    }

    #[cfg(feature = "bigdecimal")]
    mod big {
        use bigdecimal::BigDecimal;

        use super::{DecimalVisitor, Deserializer, JsonForm, ParseDecimal, PhantomData};

        /// How many digits, and how many zeros an exponent may put beside them: they are printed in full.
        const MAX_DIGITS: u64 = 10_000;

        impl JsonForm for BigDecimal {
            fn from_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(DecimalVisitor(PhantomData))
            }
        }

        impl ParseDecimal for BigDecimal {
            fn parse_decimal(text: &str) -> Result<Self, String> {
                let too_long = || "more than 10,000 digits".to_owned();
                if u64::try_from(text.len()).is_ok_and(|length| length > MAX_DIGITS) {
                    return Err(too_long());
                }
                let value: Self = text.parse().map_err(|error: bigdecimal::ParseBigDecimalError| error.to_string())?;
                let fits = value.fractional_digit_count().unsigned_abs() <= MAX_DIGITS;
                if fits { Ok(value) } else { Err(too_long()) }
            }
        }
    }
}
