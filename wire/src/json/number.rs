//! Numbers that are read from JSON numbers and from text: floats, and decimals, which are exact.

use std::str::FromStr;

use super::input::Scalar;
use crate::EncodeError;

/// Reads an integer of 64 bits.
pub(super) fn integer(value: &Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Integer(value) => Some(*value),
        Scalar::Unsigned(value) => i64::try_from(*value).ok(),
        Scalar::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// Reads a float: a number, or the text of one, which JSON may have no number for. A number that the type can only hold as
/// an infinity is refused: nobody meant that.
pub(super) fn float<T: FromStr + Into<f64> + Copy>(value: &Scalar<'_>) -> Result<T, EncodeError> {
    let text = text_of(value).ok_or_else(|| value.unexpected("a number"))?;
    let float: T = text.parse().map_err(|_| value.unexpected("a number"))?;
    match value {
        Scalar::Text(_) => Ok(float),
        _ if float.into().is_finite() => Ok(float),
        _ => Err(EncodeError::new(format!("{text} is outside the type's range"))),
    }
}

/// Returns a number as it is written, or text.
fn text_of(value: &Scalar<'_>) -> Option<String> {
    match value {
        Scalar::Integer(value) => Some(value.to_string()),
        Scalar::Unsigned(value) => Some(value.to_string()),
        Scalar::Float(value) => Some(value.to_string()),
        Scalar::Number(text) => Some(text.clone()),
        Scalar::Text(text) => Some((*text).to_owned()),
        Scalar::Null | Scalar::Boolean(_) => None,
    }
}

#[cfg(any(feature = "bigdecimal", feature = "decimal"))]
pub(super) use decimal::{ParseDecimal, decimal};

#[cfg(any(feature = "bigdecimal", feature = "decimal"))]
mod decimal {
    use super::{EncodeError, Scalar, text_of};

    /// How many digits a 64-bit float keeps for sure.
    const EXACT_DIGITS: usize = 15;

    /// A type that holds decimals.
    pub(in crate::json) trait ParseDecimal: Sized {
        /// Returns the number exactly as it is written.
        fn parse_decimal(text: &str) -> Result<Self, String>;
    }

    /// Reads a decimal from text or from a number.
    pub(in crate::json) fn decimal<T: ParseDecimal>(value: &Scalar<'_>) -> Result<T, EncodeError> {
        let text = text_of(value).ok_or_else(|| value.unexpected("a decimal, as text or as a number"))?;
        // The deserializer has already made a float of the number. Its shortest text is what was written, as long as that
        // had few enough digits; anything longer is refused and not guessed.
        if matches!(value, Scalar::Float(_)) && text.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
            let message = "a decimal of more than 15 digits is exact as text only; write it in quotes";
            return Err(EncodeError::new(message));
        }
        T::parse_decimal(&text)
            .map_err(|error| EncodeError::new(format!("expected a decimal, found `{text}`: {error}")))
    }

    #[cfg(feature = "decimal")]
    impl ParseDecimal for rust_decimal::Decimal {
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

    #[cfg(feature = "bigdecimal")]
    mod big {
        use bigdecimal::BigDecimal;

        use super::ParseDecimal;

        /// How many digits, and how many zeros an exponent may put beside them: they are printed in full.
        const MAX_DIGITS: u64 = 10_000;

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
