//! Numbers of which writer and reader mean the same in different units: decimals of another scale, times of another unit.
//!
//! In: a number as the writer wrote it. Out: its bytes as the reader's schema writes them. Generated code and transcoders
//! both come here, so that they cannot disagree. The specification leaves other scales and units open; no value changes
//! here, but for what is below a coarser unit of time.

#[cfg(feature = "bigdecimal")]
use super::big_decimal;
use super::logical::{out_of_range, shortest};
use super::{Logical, Primitive, Reader, Writer, plan::wrong_plan};
use crate::DecodeError;

/// How a number of the writer's becomes one of the reader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// To a finer unit of time: the count is so many times as large.
    Finer(i64),
    /// To a coarser unit of time, which so many make: the count is rounded down, to the earlier time.
    Coarser(i64),
    /// To another scale of a decimal.
    Scale {
        /// How many digits the writer has after the point.
        from: u32,
        /// How many the reader has.
        to: u32,
    },
}

/// What a count of time counts from.
#[derive(PartialEq)]
enum Clock {
    Midnight,
    Epoch,
    LocalEpoch,
}

impl Conversion {
    /// Returns how a number of the writer's logical type becomes one of the reader's; `None` where it is the same number.
    #[must_use]
    pub fn between(writer: Logical, reader: Logical) -> Option<Self> {
        if let (Logical::Decimal { scale: from, .. }, Logical::Decimal { scale: to, .. }) = (writer, reader) {
            return (from != to).then_some(Self::Scale { from, to });
        }
        let ((from_clock, from), (to_clock, to)) = (clock(writer)?, clock(reader)?);
        match from_clock == to_clock {
            true if from < to => Some(Self::Finer(to / from)),
            true if from > to => Some(Self::Coarser(from / to)),
            _ => None,
        }
    }

    fn count(self, count: i64) -> Result<i64, DecodeError> {
        match self {
            Self::Finer(times) => count
                .checked_mul(times)
                .ok_or_else(|| out_of_range(format!("the time {count} does not fit 64 bits in the reader's unit"))),
            Self::Coarser(per) => Ok(count.div_euclid(per)),
            Self::Scale { .. } => Err(wrong_plan("a decimal is no count")),
        }
    }

    /// Hands over the unscaled integer of the reader's scale, in the fewest bytes.
    fn unscaled<T>(self, bytes: &[u8], take: impl FnOnce(&[u8]) -> T) -> Result<T, DecodeError> {
        let Self::Scale { from, to } = self else { return Err(wrong_plan("a count is no decimal")) };
        let bytes = shortest(bytes);
        match small(bytes).and_then(|small| rescale(small, from, to)) {
            Some(Ok(rescaled)) => Ok(take(shortest(&rescaled.to_be_bytes()))),
            Some(Err(error)) => Err(error),
            None => large(bytes, from, to).map(|bytes| take(&bytes)),
        }
    }
}

/// Returns what a count of time counts from, and how many make a second.
fn clock(logical: Logical) -> Option<(Clock, i64)> {
    Some(match logical {
        Logical::TimeMillis => (Clock::Midnight, 1_000),
        Logical::TimeMicros => (Clock::Midnight, 1_000_000),
        Logical::TimestampMillis => (Clock::Epoch, 1_000),
        Logical::TimestampMicros => (Clock::Epoch, 1_000_000),
        Logical::TimestampNanos => (Clock::Epoch, 1_000_000_000),
        Logical::LocalTimestampMillis => (Clock::LocalEpoch, 1_000),
        Logical::LocalTimestampMicros => (Clock::LocalEpoch, 1_000_000),
        Logical::LocalTimestampNanos => (Clock::LocalEpoch, 1_000_000_000),
        _ => return None,
    })
}

/// Returns the integer, if it has no more than 128 bits.
fn small(bytes: &[u8]) -> Option<i128> {
    let mut wide = [if bytes.first().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 }; 16];
    wide.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// `None` is a number of more than 128 bits.
fn rescale(unscaled: i128, from: u32, to: u32) -> Option<Result<i128, DecodeError>> {
    let power = 10_i128.checked_pow(from.abs_diff(to));
    match power {
        _ if unscaled == 0 => Some(Ok(0)),
        _ if from < to => unscaled.checked_mul(power?).map(Ok),
        Some(power) if unscaled % power == 0 => Some(Ok(unscaled / power)),
        _ => Some(Err(lost_digits(from, to))),
    }
}

#[cfg(feature = "bigdecimal")]
fn large(bytes: &[u8], from: u32, to: u32) -> Result<Vec<u8>, DecodeError> {
    big_decimal::rescaled(bytes, from, to)?.ok_or_else(|| lost_digits(from, to))
}

#[cfg(not(feature = "bigdecimal"))]
fn large(_bytes: &[u8], _from: u32, _to: u32) -> Result<Vec<u8>, DecodeError> {
    Err(out_of_range("the decimal has more than 128 bits"))
}

#[cold]
fn lost_digits(from: u32, to: u32) -> DecodeError {
    out_of_range(format!("the decimal of scale {from} has digits that the reader's scale of {to} would cut off"))
}

/// Reads a primitive as the writer wrote it and appends it as the reader's schema writes it.
pub(super) fn promote(
    reader: &mut Reader<'_>,
    (from, to): (Primitive, Primitive),
    conversion: Option<Conversion>,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    let mut writer = Writer::new(out);
    match (from, to) {
        (Int | Long, Long) => {
            let count = if from == Int { i64::from(reader.int()?) } else { reader.long()? };
            writer.long(conversion.map_or(Ok(count), |conversion| conversion.count(count))?);
        }
        (Int | Long, Float) => {
            let value = if from == Int { i64::from(reader.int()?) } else { reader.long()? };
            #[expect(clippy::cast_precision_loss, reason = "the specification promotes so")]
            writer.float(value as f32);
        }
        (Int, Double) => writer.double(f64::from(reader.int()?)),
        (Long, Double) => {
            #[expect(clippy::cast_precision_loss, reason = "the specification promotes so")]
            writer.double(reader.long()? as f64);
        }
        (Float, Double) => writer.double(f64::from(reader.float()?)),
        (Bytes | String, Bytes | String) => {
            let bytes = if from == String { reader.str()?.as_bytes() } else { reader.bytes()? };
            match conversion {
                Some(conversion) => conversion.unscaled(bytes, |unscaled| writer.bytes(unscaled))?,
                None => writer.bytes(bytes),
            }
        }
        _ => return Err(wrong_plan(format!("{from:?} is not promoted to {to:?}"))),
    }
    Ok(())
}

/// Reads a decimal in a fixed as the writer wrote it and appends it as the reader's schema writes it.
pub(super) fn rescale_fixed(
    reader: &mut Reader<'_>,
    size: usize,
    conversion: Conversion,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let fits = conversion.unscaled(reader.fixed(size)?, |unscaled| {
        let sign = if unscaled.first().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
        let padding = size.checked_sub(unscaled.len())?;
        out.extend(std::iter::repeat_n(sign, padding));
        out.extend_from_slice(unscaled);
        Some(())
    })?;
    fits.ok_or_else(|| out_of_range(format!("the decimal does not fit {size} bytes in the reader's scale")))
}

impl Reader<'_> {
    /// Reads a primitive that the writer wrote as `from`, by what `own` reads of it as `to` in the reader's unit or scale.
    ///
    /// # Errors
    /// What reading returns, or a number that the reader's unit or scale cannot hold.
    pub fn converted<T>(
        &mut self,
        types: (Primitive, Primitive),
        conversion: Option<Conversion>,
        own: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut bytes = Vec::new();
        promote(self, types, conversion, &mut bytes)?;
        own(&mut Reader::new(&bytes))
    }

    /// Reads a decimal in a fixed of `size` bytes, by what `own` reads of it in the reader's scale.
    ///
    /// # Errors
    /// As [`Reader::converted`].
    pub fn converted_fixed<T>(
        &mut self,
        size: usize,
        conversion: Conversion,
        own: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut bytes = Vec::new();
        rescale_fixed(self, size, conversion, &mut bytes)?;
        own(&mut Reader::new(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_exact_in_a_finer_unit_and_the_earlier_one_in_a_coarser_unit() {
        let check = |from, to, count: i64, expected: Option<i64>| {
            let conversion = Conversion::between(from, to).unwrap();
            assert_eq!(conversion.count(count).ok(), expected, "{from:?} -> {to:?}");
        };
        use Logical::{LocalTimestampMicros, LocalTimestampNanos, TimeMicros, TimeMillis};
        use Logical::{TimestampMicros, TimestampMillis, TimestampNanos};
        check(TimestampMillis, TimestampMicros, -7, Some(-7_000));
        check(TimestampMillis, TimestampNanos, i64::MAX / 1_000_000, Some(i64::MAX / 1_000_000 * 1_000_000));
        check(TimestampMillis, TimestampNanos, i64::MAX / 1_000_000 + 1, None);
        check(TimestampMicros, TimestampMillis, 1_999, Some(1));
        check(TimestampMicros, TimestampMillis, -1, Some(-1));
        check(TimestampMicros, TimestampMillis, -1_001, Some(-2));
        check(TimestampNanos, TimestampMillis, i64::MIN, Some(-9_223_372_036_855));
        check(LocalTimestampNanos, LocalTimestampMicros, 1_999, Some(1));
        check(TimeMillis, TimeMicros, 5, Some(5_000));
        assert_eq!(Conversion::between(TimestampMillis, LocalTimestampMicros), None);
        assert_eq!(Conversion::between(TimestampMillis, TimestampMillis), None);
        assert_eq!(Conversion::between(Logical::Date, TimestampMillis), None);
    }

    /// Returns the unscaled integer of another scale, or the error.
    fn rescaled(bytes: &[u8], from: u32, to: u32) -> Result<Vec<u8>, String> {
        Conversion::Scale { from, to }.unscaled(bytes, <[u8]>::to_vec).map_err(|error| error.to_string())
    }

    #[test]
    fn a_decimal_is_exact_in_a_larger_scale_and_loses_only_zeros_in_a_smaller_one() {
        assert_eq!(rescaled(&[0x07, 0xcf], 2, 4), Ok(vec![0x03, 0x0c, 0xdc]));
        assert_eq!(rescaled(&[0, 0, 0x03, 0x0c, 0xdc], 4, 2), Ok(vec![0x07, 0xcf]));
        assert_eq!(rescaled(&[0xff], 0, 2), Ok(vec![0x9c]));
        assert_eq!(rescaled(&[0x9c], 2, 0), Ok(vec![0xff]));
        for zero in [&[][..], &[0], &[0; 40]] {
            assert_eq!(rescaled(zero, u32::MAX, 0), Ok(vec![0]));
            assert_eq!(rescaled(zero, 0, u32::MAX), Ok(vec![0]));
        }
        let error = "the decimal of scale 2 has digits that the reader's scale of 0 would cut off";
        assert_eq!(rescaled(&[0x9d], 2, 0), Err(error.to_owned()));
        assert!(rescaled(&[1], u32::MAX, 0).is_err());
        assert!(rescaled(&[1], 0, u32::MAX).is_err());
    }

    #[cfg(feature = "bigdecimal")]
    #[test]
    fn a_decimal_of_any_length_is_exact() {
        for bytes in [vec![0x7f; 16], vec![0x81; 17], vec![0x7f; 300]] {
            let larger = rescaled(&bytes, 3, 40).unwrap();
            assert_eq!(rescaled(&larger, 40, 3).as_ref(), Ok(&bytes));
            assert!(rescaled(&larger, 41, 3).is_err());
        }
        assert!(rescaled(&[0x7f; 5000], 0, 1).is_err());
        assert!(rescaled(&[0x7f; 4096], 0, 1).is_err());
    }

    #[test]
    fn a_fixed_is_filled_with_the_sign_and_must_hold_the_number() {
        let rescale = |bytes: &[u8], to| {
            let mut out = Vec::new();
            let conversion = Conversion::Scale { from: 0, to };
            rescale_fixed(&mut Reader::new(bytes), bytes.len(), conversion, &mut out).map(|()| out)
        };
        assert_eq!(rescale(&[0xff, 0xff], 2), Ok(vec![0xff, 0x9c]));
        assert_eq!(rescale(&[0, 1], 4), Ok(vec![0x27, 0x10]));
        assert_eq!(
            rescale(&[0, 1], 5).unwrap_err().to_string(),
            "the decimal does not fit 2 bytes in the reader's scale"
        );
    }
}
