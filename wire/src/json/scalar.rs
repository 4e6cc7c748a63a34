//! The JSON form of what is neither a list nor an object, as [`write`](super::write()) and [`read`](super::read()) take it.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Input, JsonForm, ReadError, ReadJson, Scalar, View, WriteJson};

/// Types that are written as `$view` says, and read as `$read` does.
macro_rules! scalars {
    ($($type:ty, $expected:literal, $read:path, $value:ident => $view:expr;)*) => {$(
        impl WriteJson for $type {
            fn view(&self) -> View<'_> {
                let $value = self;
                $view
            }
        }

        impl ReadJson for $type {
            const EXPECTED: &'static str = $expected;

            fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
                $read(input.scalar(Self::EXPECTED)?)
            }
        }
    )*};
}

scalars! {
    (), "null", Deserialize::deserialize, _value => View::Null;
    bool, "a boolean", Deserialize::deserialize, value => View::Boolean(*value);
    i32, "i32", Deserialize::deserialize, value => View::Integer(i64::from(*value));
    i64, "i64", Deserialize::deserialize, value => View::Integer(*value);
    f32, "a number, or its text", JsonForm::from_json, value => View::Float(*value);
    f64, "a number, or its text", JsonForm::from_json, value => View::Double(*value);
    String, "a string", Deserialize::deserialize, value => View::Text(Cow::Borrowed(value));
    Vec<u8>, "base64", JsonForm::from_json, value => base64(value);
    crate::avro::Duration, "a duration", Deserialize::deserialize, value => text(value);
}

#[cfg(feature = "uuid")]
scalars! {
    uuid::Uuid, "a UUID string", Deserialize::deserialize, value => text(value);
}

#[cfg(feature = "jiff")]
scalars! {
    jiff::Timestamp, "a timestamp string", Deserialize::deserialize, value => text(value);
    jiff::civil::Date, "a date string", Deserialize::deserialize, value => text(value);
    jiff::civil::Time, "a time string", Deserialize::deserialize, value => text(value);
    jiff::civil::DateTime, "a datetime string", Deserialize::deserialize, value => text(value);
}

#[cfg(feature = "decimal")]
scalars! {
    rust_decimal::Decimal, "a decimal, as text or as a number", decimal, value => text(value);
}

#[cfg(feature = "bigdecimal")]
scalars! {
    bigdecimal::BigDecimal, "a decimal, as text or as a number", decimal,
        value => View::Text(Cow::Owned(value.to_plain_string()));
}

impl<const N: usize> WriteJson for [u8; N] {
    fn view(&self) -> View<'_> {
        base64(self)
    }
}

impl<const N: usize> ReadJson for [u8; N] {
    const EXPECTED: &'static str = "base64";

    fn read_json(input: Input<'_>) -> Result<Self, ReadError> {
        JsonForm::from_json(input.scalar(Self::EXPECTED)?)
    }
}

impl WriteJson for &str {
    fn view(&self) -> View<'_> {
        View::Text(Cow::Borrowed(self))
    }
}

impl WriteJson for &[u8] {
    fn view(&self) -> View<'_> {
        base64(self)
    }
}

fn base64(bytes: &[u8]) -> View<'_> {
    use ::base64::Engine as _;
    View::Text(Cow::Owned(::base64::engine::general_purpose::STANDARD.encode(bytes)))
}

fn text(value: &impl ToString) -> View<'_> {
    View::Text(Cow::Owned(value.to_string()))
}

/// A number that is given as it is written is exact as text.
#[cfg(any(feature = "bigdecimal", feature = "decimal"))]
fn decimal<T: JsonForm>(value: Scalar<'_>) -> Result<T, ReadError> {
    match value {
        Scalar::Number(text) => T::from_json(Scalar::Text(&text)),
        other => T::from_json(other),
    }
}
