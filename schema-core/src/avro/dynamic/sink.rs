//! The sink that takes anything: a plan decodes into the JSON form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_wire::avro::{
    Branch, DECIMAL_DIGITS, Duration, Entries, EnumNode, Fields, Items, Logical, Scalar, Sink,
};
use eventwright_wire::bigdecimal::BigDecimal;
use eventwright_wire::jiff::Timestamp;
use eventwright_wire::jiff::civil::{Date, DateTime, Time};
use eventwright_wire::json::non_finite;
use eventwright_wire::rust_decimal::Decimal;
use eventwright_wire::uuid::Uuid;
use eventwright_wire::{DecodeError, DecodeErrorKind};
use serde_json::{Map, Value};

/// A value in the JSON form.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub Value);

impl Sink for Json {
    fn scalar(value: Scalar<'_>, logical: Logical) -> Result<Self, DecodeError> {
        if let Some(text) = logical_text(value, logical)? {
            return Ok(Self(Value::String(text)));
        }
        Ok(Self(match value {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => value.into(),
            Scalar::Int(value) => value.into(),
            Scalar::Long(value) => value.into(),
            Scalar::Float(value) => single(value),
            Scalar::Double(value) => double(value),
            Scalar::Bytes(value) | Scalar::Fixed(value) => STANDARD.encode(value).into(),
            Scalar::String(value) => value.into(),
        }))
    }

    fn symbol(node: &EnumNode, index: usize) -> Result<Self, DecodeError> {
        let symbol = node.symbols.get(index);
        let symbol = symbol.ok_or_else(|| DecodeError::new(DecodeErrorKind::WrongPlan("no such symbol".into())))?;
        Ok(Self(symbol.as_str().into()))
    }

    fn array(items: Items<'_, '_, '_>) -> Result<Self, DecodeError> {
        Ok(Self(items.read::<Self>()?.into_iter().map(|item| item.0).collect()))
    }

    fn map(entries: Entries<'_, '_, '_>) -> Result<Self, DecodeError> {
        Ok(Self(entries.read::<Self>()?.into_iter().map(|(key, value)| (key, value.0)).collect()))
    }

    fn record(fields: &mut Fields<'_, '_, '_>) -> Result<Self, DecodeError> {
        let mut object = Map::new();
        for index in 0..fields.count() {
            object.insert(fields.name(index).to_owned(), fields.read::<Self>(index)?.0);
        }
        Ok(Self(Value::Object(object)))
    }

    fn branch(branch: Branch<'_, '_, '_>) -> Result<Self, DecodeError> {
        if branch.is_nullable() || branch.is_null() {
            return branch.read();
        }
        let name = branch.name().to_owned();
        let value = branch.read::<Self>()?;
        Ok(Self(Value::Object(Map::from_iter([(name, value.0)]))))
    }
}

/// A float keeps its own precision: 0.1 stays 0.1 and does not become 0.10000000149011612, as with serde's own text.
fn single(value: f32) -> Value {
    let text = serde_json::to_string(&value).unwrap_or_default();
    double(text.parse().unwrap_or_else(|_| f64::from(value)))
}

/// JSON has no number for what is not finite; such a value becomes text.
fn double(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| non_finite(value).into(), Value::Number)
}

fn logical_text(value: Scalar<'_>, logical: Logical) -> Result<Option<String>, DecodeError> {
    Ok(Some(match logical {
        Logical::None => return Ok(None),
        Logical::Decimal { precision, .. } if precision > DECIMAL_DIGITS => {
            BigDecimal::scalar(value, logical)?.to_plain_string()
        }
        Logical::Decimal { .. } => Decimal::scalar(value, logical)?.to_string(),
        Logical::Duration => Duration::scalar(value, logical)?.to_string(),
        Logical::Uuid => Uuid::scalar(value, logical)?.to_string(),
        Logical::Date => Date::scalar(value, logical)?.to_string(),
        Logical::TimeMillis | Logical::TimeMicros => Time::scalar(value, logical)?.to_string(),
        Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos => {
            Timestamp::scalar(value, logical)?.to_string()
        }
        Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
            DateTime::scalar(value, logical)?.to_string()
        }
    }))
}
