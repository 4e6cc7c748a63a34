//! Logical types: what a Rust program holds for them, and how that becomes the base type and back
//! (Avro 1.12, "Logical Types").

use super::{Reader, Writer};
use crate::{DecodeError, DecodeErrorKind, EncodeError};

/// How many digits a schema's decimal may have to be a `rust_decimal::Decimal`, which holds any number of so many; one of
/// more digits is a `bigdecimal::BigDecimal`.
pub const DECIMAL_DIGITS: u32 = 28;

/// What a schema says of the meaning of a base type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Logical {
    /// The base type means itself.
    #[default]
    None,
    /// An unscaled big-endian integer in bytes or a fixed.
    Decimal {
        /// How many digits at most.
        precision: u32,
        /// How many of them stand after the point.
        scale: u32,
    },
    /// A UUID, as text in a string or as 16 bytes in a fixed.
    Uuid,
    /// Days since 1970-01-01, in an int.
    Date,
    /// Milliseconds since midnight, in an int.
    TimeMillis,
    /// Microseconds since midnight, in a long.
    TimeMicros,
    /// Milliseconds since 1970-01-01T00:00:00Z, in a long.
    TimestampMillis,
    /// Microseconds since 1970-01-01T00:00:00Z, in a long.
    TimestampMicros,
    /// Nanoseconds since 1970-01-01T00:00:00Z, in a long.
    TimestampNanos,
    /// Milliseconds since 1970-01-01T00:00:00 in a time zone that is not said, in a long.
    LocalTimestampMillis,
    /// Microseconds since 1970-01-01T00:00:00 in a time zone that is not said, in a long.
    LocalTimestampMicros,
    /// Nanoseconds since 1970-01-01T00:00:00 in a time zone that is not said, in a long.
    LocalTimestampNanos,
    /// Months, days and milliseconds, in a fixed of 12 bytes.
    Duration,
}

impl Logical {
    /// Returns a decimal of so many digits, of which `scale` stand after the point.
    #[must_use]
    pub const fn decimal(precision: u32, scale: u32) -> Self {
        Self::Decimal { precision, scale }
    }

    /// Returns the specification's name; empty for none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Decimal { .. } => "decimal",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
            Self::Duration => "duration",
        }
    }
}

/// Returns the bytes without those in front that only repeat the sign; one byte is always left, if there is any.
pub(super) fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        match (first, rest.first()) {
            (0, Some(next)) if *next < 0x80 => bytes = rest,
            (0xff, Some(next)) if *next >= 0x80 => bytes = rest,
            _ => break,
        }
    }
    bytes
}

#[cold]
pub(super) fn out_of_range(what: impl std::fmt::Display) -> DecodeError {
    DecodeError::new(DecodeErrorKind::OutOfRange(what.to_string()))
}

#[cfg(feature = "uuid")]
mod uuids {
    use super::{DecodeError, Reader, Writer, out_of_range};
    use uuid::Uuid;

    impl Reader<'_> {
        /// Reads a UUID that is text.
        ///
        /// # Errors
        /// Text that is no UUID.
        #[inline]
        pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
            Uuid::try_parse(self.str()?).map_err(|_| out_of_range("expected the text of a uuid"))
        }

        /// Reads a UUID that is a fixed of 16 bytes.
        ///
        /// # Errors
        /// Too few bytes.
        #[inline]
        pub fn uuid_fixed(&mut self) -> Result<Uuid, DecodeError> {
            self.array().map(Uuid::from_bytes)
        }
    }

    impl Writer<'_> {
        /// Writes a UUID as text.
        #[inline]
        pub fn uuid(&mut self, value: Uuid) {
            self.string(value.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        }
    }
}

#[cfg(feature = "decimal")]
mod decimals {
    use super::{DecodeError, EncodeError, Reader, Writer, out_of_range, shortest};
    use rust_decimal::Decimal;

    impl Reader<'_> {
        /// Reads a decimal in bytes, with `scale` digits after the point.
        ///
        /// # Errors
        /// A number of more than 96 bits.
        #[inline]
        pub fn decimal(&mut self, scale: u32) -> Result<Decimal, DecodeError> {
            decimal_of_bytes(self.bytes()?, scale)
        }

        /// Reads a decimal in a fixed of `size` bytes, with `scale` digits after the point.
        ///
        /// # Errors
        /// A number of more than 96 bits.
        #[inline]
        pub fn decimal_fixed(&mut self, size: usize, scale: u32) -> Result<Decimal, DecodeError> {
            decimal_of_bytes(self.fixed(size)?, scale)
        }
    }

    impl Writer<'_> {
        /// Writes a decimal in the fewest bytes.
        ///
        /// # Errors
        /// More than `precision` digits, or more than `scale` of them after the point.
        #[inline]
        pub fn decimal(&mut self, value: Decimal, precision: u32, scale: u32) -> Result<(), EncodeError> {
            let bytes = unscaled(value, self.precision(precision), scale)?.to_be_bytes();
            self.bytes(shortest(&bytes));
            Ok(())
        }

        /// Writes a decimal in a fixed of `size` bytes.
        ///
        /// # Errors
        /// More than `precision` digits, or more than `scale` of them after the point.
        pub fn decimal_fixed(
            &mut self,
            value: Decimal,
            (precision, scale): (u32, u32),
            size: usize,
        ) -> Result<(), EncodeError> {
            let unscaled = unscaled(value, self.precision(precision), scale)?;
            let bytes = unscaled.to_be_bytes();
            let shortest = shortest(&bytes);
            let padding = size.checked_sub(shortest.len()).ok_or_else(|| {
                EncodeError::new(format!("the decimal {value} needs {} bytes, the fixed has {size}", shortest.len()))
            })?;
            let sign = if unscaled < 0 { 0xff } else { 0 };
            for _ in 0..padding {
                self.fixed(&[sign]);
            }
            self.fixed(shortest);
            Ok(())
        }
    }

    fn decimal_of_bytes(bytes: &[u8], scale: u32) -> Result<Decimal, DecodeError> {
        let shortest = shortest(bytes);
        let mut wide = [if shortest.first().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 }; 16];
        let start = wide.len().checked_sub(shortest.len());
        let tail = start.and_then(|start| wide.get_mut(start..));
        let tail = tail.ok_or_else(|| out_of_range("the decimal has more than 28 digits"))?;
        tail.copy_from_slice(shortest);
        Decimal::try_from_i128_with_scale(i128::from_be_bytes(wide), scale)
            .map_err(|_| out_of_range("the decimal has more than 28 digits"))
    }

    fn unscaled(value: Decimal, precision: u32, scale: u32) -> Result<i128, EncodeError> {
        let refuse = || {
            EncodeError::new(format!(
                "the decimal {value} does not fit {precision} digits with {scale} after the point"
            ))
        };
        let mantissa = if value.scale() <= scale {
            let shift = 10_i128.checked_pow(scale - value.scale()).ok_or_else(refuse)?;
            value.mantissa().checked_mul(shift).ok_or_else(refuse)?
        } else {
            // Only zeros may be cut off: money is never rounded behind anybody's back.
            let shift = 10_i128.checked_pow(value.scale() - scale).ok_or_else(refuse)?;
            if value.mantissa() % shift != 0 {
                return Err(refuse());
            }
            value.mantissa() / shift
        };
        // What a reader's `Decimal` cannot hold is not written either.
        let limit = 10_u128.checked_pow(precision).unwrap_or(u128::MAX).min(1 << 96);
        let fits = mantissa.unsigned_abs() < limit;
        if fits { Ok(mantissa) } else { Err(refuse()) }
    }
}

#[cfg(feature = "jiff")]
mod times {
    use super::{DecodeError, EncodeError, Logical, Reader, Writer, out_of_range};
    use jiff::civil::{Date, DateTime, Time};
    use jiff::{SignedDuration, Timestamp, tz::TimeZone};

    const EPOCH: Date = Date::constant(1970, 1, 1);

    impl Reader<'_> {
        /// Reads days since 1970-01-01.
        ///
        /// # Errors
        /// A day outside the years -9999 to 9999.
        pub fn date(&mut self) -> Result<Date, DecodeError> {
            date_of_days(self.int()?)
        }

        /// Reads milliseconds since midnight.
        ///
        /// # Errors
        /// A number that is no time of a day.
        pub fn time_millis(&mut self) -> Result<Time, DecodeError> {
            time_of_day(SignedDuration::from_millis(i64::from(self.int()?)))
        }

        /// Reads microseconds since midnight.
        ///
        /// # Errors
        /// A number that is no time of a day.
        pub fn time_micros(&mut self) -> Result<Time, DecodeError> {
            time_of_day(SignedDuration::from_micros(self.long()?))
        }

        /// Reads a timestamp of the unit that `logical` names.
        ///
        /// # Errors
        /// A time outside the years -9999 to 9999.
        #[inline]
        pub fn timestamp(&mut self, logical: Logical) -> Result<Timestamp, DecodeError> {
            timestamp_of(self.long()?, logical)
        }

        /// Reads a local timestamp of the unit that `logical` names.
        ///
        /// # Errors
        /// A time outside the years -9999 to 9999.
        pub fn local_timestamp(&mut self, logical: Logical) -> Result<DateTime, DecodeError> {
            local_timestamp_of(self.long()?, logical)
        }
    }

    impl Writer<'_> {
        /// Writes days since 1970-01-01.
        pub fn date(&mut self, value: Date) {
            let days = value.duration_since(EPOCH).as_hours() / 24;
            self.long(days);
        }

        /// Writes milliseconds since midnight; what is below a millisecond is cut off.
        pub fn time_millis(&mut self, value: Time) {
            self.long(i64::try_from(value.duration_since(Time::midnight()).as_millis()).unwrap_or(0));
        }

        /// Writes microseconds since midnight; what is below a microsecond is cut off.
        pub fn time_micros(&mut self, value: Time) {
            self.long(i64::try_from(value.duration_since(Time::midnight()).as_micros()).unwrap_or(0));
        }

        /// Writes a timestamp in the unit that `logical` names; what is below the unit is cut off.
        ///
        /// # Errors
        /// Nanoseconds outside the years 1677 to 2262.
        #[inline]
        pub fn timestamp(&mut self, value: Timestamp, logical: Logical) -> Result<(), EncodeError> {
            let count = match logical {
                Logical::TimestampMicros => floor(value.as_microsecond(), value.subsec_nanosecond() % 1_000),
                Logical::TimestampNanos => nanoseconds(value)?,
                _ => floor(value.as_millisecond(), value.subsec_nanosecond() % 1_000_000),
            };
            self.long(count);
            Ok(())
        }

        /// Writes a local timestamp in the unit that `logical` names; what is below the unit is cut off.
        ///
        /// # Errors
        /// Nanoseconds outside the years 1677 to 2262.
        pub fn local_timestamp(&mut self, value: DateTime, logical: Logical) -> Result<(), EncodeError> {
            let utc = value.to_zoned(TimeZone::UTC).map_err(|error| EncodeError::new(error.to_string()))?.timestamp();
            let unit = match logical {
                Logical::LocalTimestampMicros => Logical::TimestampMicros,
                Logical::LocalTimestampNanos => Logical::TimestampNanos,
                _ => Logical::TimestampMillis,
            };
            self.timestamp(utc, unit)
        }
    }

    /// Before 1970 what is below the unit is negative: the earlier count holds, as in Java's `Instant::toEpochMilli`.
    fn floor(count: i64, below_unit: i32) -> i64 {
        if below_unit < 0 { count - 1 } else { count }
    }

    fn nanoseconds(value: Timestamp) -> Result<i64, EncodeError> {
        i64::try_from(value.as_nanosecond())
            .map_err(|_| EncodeError::new(format!("the timestamp {value} does not fit 64 bits of nanoseconds")))
    }

    fn date_of_days(days: i32) -> Result<Date, DecodeError> {
        EPOCH.checked_add(SignedDuration::from_hours(i64::from(days) * 24)).map_err(out_of_range)
    }

    fn time_of_day(since_midnight: SignedDuration) -> Result<Time, DecodeError> {
        Time::midnight().checked_add(since_midnight).map_err(out_of_range)
    }

    #[inline]
    fn timestamp_of(count: i64, logical: Logical) -> Result<Timestamp, DecodeError> {
        match logical {
            Logical::TimestampMicros => Timestamp::from_microsecond(count),
            Logical::TimestampNanos => Timestamp::from_nanosecond(i128::from(count)),
            _ => Timestamp::from_millisecond(count),
        }
        .map_err(out_of_range)
    }

    fn local_timestamp_of(count: i64, logical: Logical) -> Result<DateTime, DecodeError> {
        let unit = match logical {
            Logical::LocalTimestampMicros => Logical::TimestampMicros,
            Logical::LocalTimestampNanos => Logical::TimestampNanos,
            _ => Logical::TimestampMillis,
        };
        timestamp_of(count, unit).map(|timestamp| timestamp.to_zoned(TimeZone::UTC).datetime())
    }
}

#[cfg(all(test, feature = "decimal", feature = "jiff"))]
mod tests {
    use jiff::Timestamp;
    use rust_decimal::Decimal;

    use super::{Logical, Reader, Writer};

    #[test]
    fn a_timestamp_before_1970_is_rounded_to_the_earlier_count() {
        let check = |text: &str, logical, expected| {
            let mut out = Vec::new();
            Writer::new(&mut out).timestamp(text.parse::<Timestamp>().unwrap(), logical).unwrap();
            assert_eq!(Reader::new(&out).long(), Ok(expected), "{text}");
        };
        check("1969-12-31T23:59:59.9995Z", Logical::TimestampMillis, -1);
        check("1969-12-31T23:59:59.999Z", Logical::TimestampMillis, -1);
        check("1969-12-31T23:59:59.9999995Z", Logical::TimestampMicros, -1);
        check("1970-01-01T00:00:00.0015Z", Logical::TimestampMillis, 1);
    }

    #[test]
    fn a_decimal_is_written_exactly_or_not_at_all() {
        let write = |text: &str, precision, scale| {
            let mut out = Vec::new();
            let decimal: Decimal = text.parse().unwrap();
            let written = Writer::new(&mut out).decimal(decimal, precision, scale);
            written.map(|()| out)
        };
        for text in ["0.00", "19.99", "-19.99", "-0.01", "1.28", "-1.28", "792281625142643375935439503.35"] {
            let bytes = write(text, 29, 2).unwrap();
            assert_eq!(Reader::new(&bytes).decimal(2).unwrap().to_string(), text);
        }
        assert_eq!(write("-1.28", 9, 2).unwrap(), [2, 0x80]);
        assert!(write("1.001", 9, 2).is_err());
        assert!(write("10000000", 9, 2).is_err());
        assert!(write("7900000000000000000000000000", 38, 10).is_err());
    }
}
