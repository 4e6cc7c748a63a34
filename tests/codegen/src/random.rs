//! Random values of any Avro schema, in the JSON form of events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_schema::avro::{Body, Kind, NamedId, Node, Schema};
use eventwright_wire::avro::Logical;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// How deep values nest before the leaner choice is taken.
const MAX_DEPTH: u32 = 4;

/// How many entries a map has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maps {
    /// Three.
    Several,
    /// One, for comparing bytes with an implementation that does not sort keys.
    Single,
}

/// Returns a strategy for the JSON form of values of the schema.
pub fn values(schema: &Schema, maps: Maps) -> BoxedStrategy<Value> {
    Values { schema, maps, depth: 0 }.node(schema.root())
}

#[derive(Clone, Copy)]
struct Values<'s> {
    schema: &'s Schema,
    maps: Maps,
    depth: u32,
}

impl Values<'_> {
    fn node(self, node: &Node) -> BoxedStrategy<Value> {
        let deep = self.depth >= MAX_DEPTH;
        match &node.kind {
            Kind::Array(_) if deep => Just(json!([])).boxed(),
            Kind::Map(_) if deep => Just(json!({})).boxed(),
            Kind::Array(item) => vec(self.node(item), 0..3).prop_map(Value::Array).boxed(),
            Kind::Map(value) => self.map(self.node(value)),
            Kind::Union(branches) => self.union(branches, deep),
            Kind::Named(id) => self.named(*id, node.logical),
            kind => primitive(kind, node.logical),
        }
    }

    fn map(self, value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
        let most = if self.maps == Maps::Single { 1 } else { 3 };
        let entries = proptest::collection::btree_map("[a-cä]{0,2}", value, 0..=most);
        entries.prop_map(|entries| Value::Object(entries.into_iter().collect())).boxed()
    }

    fn union(self, branches: &[Node], deep: bool) -> BoxedStrategy<Value> {
        let others: Vec<_> = branches.iter().filter(|branch| !matches!(branch.kind, Kind::Null)).collect();
        let nullable = others.len() < branches.len();
        if nullable && (deep || others.is_empty()) {
            return Just(Value::Null).boxed();
        }
        let [other] = others.as_slice() else { panic!("golden schemas have unions of null and one type only") };
        if nullable { prop_oneof![Just(Value::Null), self.node(other)].boxed() } else { self.node(other) }
    }

    fn named(self, id: NamedId, logical: Logical) -> BoxedStrategy<Value> {
        let inner = Self { depth: self.depth + 1, ..self };
        match &self.schema.named(id).body {
            Body::Enum { symbols, .. } => proptest::sample::select(symbols.clone()).prop_map(Value::String).boxed(),
            Body::Fixed(size) => match logical {
                Logical::Decimal { precision, scale } => decimal(precision, scale),
                Logical::Uuid => uuid(),
                _ => vec(any::<u8>(), *size).prop_map(|bytes| base64(&bytes)).boxed(),
            },
            Body::Record(fields) => {
                let names: Vec<_> = fields.iter().map(|field| field.name.clone()).collect();
                let values: Vec<_> = fields.iter().map(|field| inner.node(&field.node)).collect();
                values.prop_map(move |values| Value::Object(names.iter().cloned().zip(values).collect())).boxed()
            }
        }
    }
}

fn primitive(kind: &Kind, logical: Logical) -> BoxedStrategy<Value> {
    match (kind, logical) {
        (_, Logical::Decimal { precision, scale }) => decimal(precision, scale),
        (_, Logical::Uuid) => uuid(),
        (_, Logical::Date) => (1_i16..=9999, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| json!(format!("{year:04}-{month:02}-{day:02}")))
            .boxed(),
        (_, Logical::TimeMillis) => time(3),
        (_, Logical::TimeMicros) => time(6),
        (_, Logical::TimestampMillis) => instant(1..=9998, 3, "Z"),
        (_, Logical::TimestampMicros) => instant(1..=9998, 6, "Z"),
        (_, Logical::TimestampNanos) => instant(1678..=2261, 9, "Z"),
        (_, Logical::LocalTimestampMillis) => instant(1..=9998, 3, ""),
        (_, Logical::LocalTimestampMicros) => instant(1..=9998, 6, ""),
        (_, Logical::LocalTimestampNanos) => instant(1678..=2261, 9, ""),
        (Kind::Null, _) => Just(Value::Null).boxed(),
        (Kind::Boolean, _) => any::<bool>().prop_map(Value::Bool).boxed(),
        (Kind::Int, _) => prop_oneof![-70_i32..70, any::<i32>()].prop_map(Value::from).boxed(),
        (Kind::Long, _) => prop_oneof![-70_i64..70, any::<i64>()].prop_map(Value::from).boxed(),
        (Kind::Float, _) => any::<f32>().prop_map(|value| float(&value.to_string())).boxed(),
        (Kind::Double, _) => any::<f64>().prop_map(|value| float(&value.to_string())).boxed(),
        (Kind::Bytes, _) => vec(any::<u8>(), 0..5).prop_map(|bytes| base64(&bytes)).boxed(),
        _ => "[ -~ä€\u{0}\u{10348}]{0,6}".prop_map(Value::String).boxed(),
    }
}

/// The text of a float becomes a JSON number with those digits.
fn float(text: &str) -> Value {
    serde_json::from_str(text).expect("any::<f64> gives finite numbers")
}

/// Values with all digits after the point, as they come back from bytes.
fn decimal(precision: u32, scale: u32) -> BoxedStrategy<Value> {
    let most = 10_i128.pow(precision.min(28)) - 1;
    let text = move |unscaled: i128| {
        let decimal = eventwright_wire::rust_decimal::Decimal::from_i128_with_scale(unscaled, scale);
        Value::String(decimal.to_string())
    };
    prop_oneof![-200_i128.min(most)..200.min(most), -most..=most].prop_map(text).boxed()
}

fn uuid() -> BoxedStrategy<Value> {
    any::<u128>().prop_map(|bits| json!(eventwright_wire::uuid::Uuid::from_u128(bits).to_string())).boxed()
}

fn time(digits: usize) -> BoxedStrategy<Value> {
    (0..24, 0..60, 0..60, fraction(digits))
        .prop_map(|(hour, minute, second, fraction)| json!(format!("{hour:02}:{minute:02}:{second:02}{fraction}")))
        .boxed()
}

fn instant(years: std::ops::RangeInclusive<i16>, digits: usize, zone: &'static str) -> BoxedStrategy<Value> {
    (years, 1..=12, 1..=28, 0..24, 0..60, fraction(digits))
        .prop_map(move |(year, month, day, hour, minute, fraction)| {
            json!(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:07{fraction}{zone}"))
        })
        .boxed()
}

/// The fraction of a second without trailing zeros, as RFC 3339 text is written.
fn fraction(digits: usize) -> BoxedStrategy<String> {
    let most = 10_u32.pow(u32::try_from(digits).expect("at most nine digits"));
    prop_oneof![Just(0), 0..most]
        .prop_map(move |fraction| match format!("{fraction:0digits$}").trim_end_matches('0') {
            "" => String::new(),
            digits => format!(".{digits}"),
        })
        .boxed()
}

fn base64(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}
