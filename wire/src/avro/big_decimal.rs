//! Decimals of more than 28 digits: `BigDecimal`, and how it becomes the unscaled integer and back (Avro 1.12,
//! "Decimal").
//!
//! Both directions have a limit far above any schema's, because the text of an integer costs the square of its length,
//! and bytes and exponents come from anybody.

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::{BigDecimal, Zero};

use super::logical::out_of_range;
use super::{Reader, Writer};
use crate::{DecodeError, EncodeError};

/// How many bytes an unscaled integer may have: about 9,800 digits.
const MAX_BYTES: usize = 4096;

/// How many digits so many bytes hold.
const MAX_DIGITS: u32 = 9_865;

impl Reader<'_> {
    /// Reads a decimal in bytes, with `scale` digits after the point.
    ///
    /// # Errors
    /// A number of more than 4,096 bytes.
    pub fn big_decimal(&mut self, scale: u32) -> Result<BigDecimal, DecodeError> {
        of_bytes(self.bytes()?, scale)
    }

    /// Reads a decimal in a fixed of `size` bytes, with `scale` digits after the point.
    ///
    /// # Errors
    /// A number of more than 4,096 bytes.
    pub fn big_decimal_fixed(&mut self, size: usize, scale: u32) -> Result<BigDecimal, DecodeError> {
        of_bytes(self.fixed(size)?, scale)
    }
}

impl Writer<'_> {
    /// Writes a decimal in the fewest bytes.
    ///
    /// # Errors
    /// More than `precision` digits, or more than `scale` of them after the point.
    pub fn big_decimal(&mut self, value: &BigDecimal, precision: u32, scale: u32) -> Result<(), EncodeError> {
        self.bytes(&unscaled(value, self.precision(precision), scale)?.to_signed_bytes_be());
        Ok(())
    }

    /// Writes a decimal in a fixed of `size` bytes.
    ///
    /// # Errors
    /// More than `precision` digits, or more than `scale` of them after the point.
    pub fn big_decimal_fixed(
        &mut self,
        value: &BigDecimal,
        (precision, scale): (u32, u32),
        size: usize,
    ) -> Result<(), EncodeError> {
        let unscaled = unscaled(value, self.precision(precision), scale)?;
        let bytes = unscaled.to_signed_bytes_be();
        let padding = size.checked_sub(bytes.len()).ok_or_else(|| {
            EncodeError::new(format!("the decimal needs {} bytes, the fixed has {size}", bytes.len()))
        })?;
        let sign = if unscaled.sign() == Sign::Minus { 0xff } else { 0 };
        for _ in 0..padding {
            self.fixed(&[sign]);
        }
        self.fixed(&bytes);
        Ok(())
    }
}

/// Returns the decimal of an unscaled integer, as Avro writes it. Generated code makes defaults of it.
#[must_use]
pub fn big_decimal(unscaled: &[u8], scale: u32) -> BigDecimal {
    BigDecimal::new(BigInt::from_signed_bytes_be(unscaled), i64::from(scale))
}

fn of_bytes(bytes: &[u8], scale: u32) -> Result<BigDecimal, DecodeError> {
    let excess = bytes.len().saturating_sub(MAX_BYTES);
    let sign = if bytes.first().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
    if bytes.iter().take(excess).any(|byte| *byte != sign) {
        return Err(out_of_range("the decimal has more than 4,096 bytes"));
    }
    Ok(big_decimal(bytes, scale))
}

/// Returns the integer that the value is of units of the scale. Nothing is multiplied before it is known to fit.
fn unscaled(value: &BigDecimal, precision: u32, scale: u32) -> Result<BigInt, EncodeError> {
    let refuse =
        || EncodeError::new(format!("the decimal does not fit {precision} digits with {scale} after the point"));
    let (digits, own_scale) = value.as_bigint_and_scale();
    if digits.is_zero() {
        return Ok(BigInt::zero());
    }
    let shift = i64::from(scale).checked_sub(own_scale).ok_or_else(refuse)?;
    let n_digits = i64::try_from(value.digits()).map_err(|_| refuse())?;
    let fits = n_digits.checked_add(shift).is_some_and(|all| (1..=i64::from(precision)).contains(&all));
    if !fits {
        return Err(refuse());
    }
    let power = u32::try_from(shift.unsigned_abs()).map_err(|_| refuse())?;
    let power = BigInt::from(10).pow(power);
    let unscaled = if shift >= 0 {
        &*digits * power
    } else if (&*digits % &power).is_zero() {
        // Only zeros may be cut off: money is never rounded behind anybody's back.
        &*digits / power
    } else {
        return Err(refuse());
    };
    // What a reader refuses is not written either.
    if unscaled.bits() < 8 * MAX_BYTES as u64 { Ok(unscaled) } else { Err(refuse()) }
}

/// Returns the unscaled integer in another scale; `None` where digits other than 0 would be cut off. It is not 0.
pub(super) fn rescaled(unscaled: &[u8], from: u32, to: u32) -> Result<Option<Vec<u8>>, DecodeError> {
    let (unscaled, _) = of_bytes(unscaled, 0)?.into_bigint_and_scale();
    let digits = from.abs_diff(to);
    // Nothing is multiplied before it is known to be short.
    let power = (digits <= MAX_DIGITS).then(|| BigInt::from(10).pow(digits));
    match power {
        Some(power) if from < to && (&unscaled * &power).bits() < 8 * MAX_BYTES as u64 => {
            Ok(Some((unscaled * power).to_signed_bytes_be()))
        }
        _ if from < to => Err(out_of_range("the decimal has more than 4,096 bytes in the reader's scale")),
        Some(power) if (&unscaled % &power).is_zero() => Ok(Some((unscaled / power).to_signed_bytes_be())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str, precision: u32, scale: u32) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        let written = Writer::new(&mut out).big_decimal(&text.parse().unwrap(), precision, scale);
        written.map(|()| out)
    }

    #[test]
    fn a_decimal_is_written_exactly_or_not_at_all() {
        let long = "-12345678901234567890123456789012345.67";
        for text in ["0.00", "19.99", "-19.99", "-0.01", "1.28", "-1.28", long] {
            let bytes = write(text, 38, 2).unwrap();
            assert_eq!(Reader::new(&bytes).big_decimal(2).unwrap().to_plain_string(), text);
        }
        assert_eq!(write("-1.28", 38, 2).unwrap(), [2, 0x80]);
        assert_eq!(write("1.2800", 38, 2), write("1.28", 38, 2));
        assert_eq!(write("1e3", 38, 2), write("1000.00", 38, 2));
        for wrong in ["1.001", long, "1e36", "1e1000000000", "1e-1000000000"] {
            assert!(write(wrong, 36, 2).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fixed_is_filled_with_the_sign() {
        let write = |text: &str, size| {
            let mut out = Vec::new();
            let value: BigDecimal = text.parse().unwrap();
            let written = Writer::new(&mut out).big_decimal_fixed(&value, (38, 0), size);
            written.map(|()| out)
        };
        assert_eq!(write("-2", 3).unwrap(), [0xff, 0xff, 0xfe]);
        assert_eq!(write("128", 2).unwrap(), [0, 128]);
        assert!(write("128", 1).is_err());
    }

    #[test]
    fn a_number_that_would_take_long_to_print_is_refused() {
        let read = |bytes: Vec<u8>| of_bytes(&bytes, 0).map(|value| value.digits());
        assert!(read(vec![1; MAX_BYTES + 1]).is_err());
        assert_eq!(read([vec![0; 9000], vec![1]].concat()), Ok(1));
        assert!(read(vec![0x7f; MAX_BYTES]).is_ok());
    }
}
