//! Random values of any schema, in the JSON form of events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventwright_schema::avro::{Body, Kind, NamedId, Node, Schema};
use eventwright_wire::avro::{DECIMAL_DIGITS, Duration, Logical};
use eventwright_wire::bigdecimal::BigDecimal;
use eventwright_wire::bigdecimal::num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost_reflect::{Cardinality, FieldDescriptor, Kind as ProtoKind, MessageDescriptor};
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

/// Returns a strategy for the JSON mapping of a Protobuf message, with maps of one entry at most.
pub fn messages(message: &MessageDescriptor) -> BoxedStrategy<Value> {
    fields(message, 0)
}

fn fields(message: &MessageDescriptor, depth: u32) -> BoxedStrategy<Value> {
    match message.full_name() {
        "google.protobuf.Timestamp" => return instant(1..=9998, 9, "Z"),
        "google.protobuf.Duration" => return (-99_i32..99).prop_map(|seconds| json!(format!("{seconds}s"))).boxed(),
        "google.protobuf.Int64Value" => return any::<i64>().prop_map(|value| json!(value.to_string())).boxed(),
        "google.protobuf.StringValue" => return "[a-z]{0,3}".prop_map(Value::String).boxed(),
        "google.protobuf.BytesValue" => return vec(any::<u8>(), 0..5).prop_map(|bytes| base64(&bytes)).boxed(),
        _ => {}
    }
    let fields: Vec<_> =
        message.fields().filter(|field| depth < 3 || !matches!(field.kind(), ProtoKind::Message(_))).collect();
    let names: Vec<_> = fields.iter().map(|field| field.json_name().to_owned()).collect();
    let oneofs: Vec<_> = fields.iter().map(|field| field.containing_oneof().map(|one| one.name().to_owned())).collect();
    let values: Vec<_> = fields
        .iter()
        .map(|field| match field.cardinality() {
            Cardinality::Required => field_values(field, depth).prop_map(Some).boxed(),
            _ => proptest::option::weighted(0.3, field_values(field, depth)).boxed(),
        })
        .collect();
    values
        .prop_map(move |values| {
            let mut set = std::collections::HashSet::new();
            let present = names.iter().zip(values).zip(&oneofs);
            // Of a oneof only the first field that came up.
            let first = present
                .filter(|((_, value), oneof)| value.is_some() && oneof.as_ref().is_none_or(|one| set.insert(one)));
            Value::Object(first.filter_map(|((name, value), _)| Some((name.clone(), value?))).collect())
        })
        .boxed()
}

fn field_values(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    let one = |field: &FieldDescriptor| match field.kind() {
        ProtoKind::Message(message) => fields(&message, depth + 1),
        ProtoKind::Enum(one) => {
            let names: Vec<_> = one.values().map(|value| json!(value.name())).collect();
            proptest::sample::select(names).boxed()
        }
        ProtoKind::Double => any::<f64>().prop_map(Value::from).boxed(),
        ProtoKind::Float => any::<f32>().prop_map(float).boxed(),
        ProtoKind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ProtoKind::Bytes => vec(any::<u8>(), 0..5).prop_map(|bytes| base64(&bytes)).boxed(),
        ProtoKind::String => "[ -~ä€]{0,6}".prop_map(Value::String).boxed(),
        ProtoKind::Int32 | ProtoKind::Sint32 | ProtoKind::Sfixed32 => any::<i32>().prop_map(Value::from).boxed(),
        ProtoKind::Uint32 | ProtoKind::Fixed32 => any::<u32>().prop_map(Value::from).boxed(),
        ProtoKind::Uint64 | ProtoKind::Fixed64 => any::<u64>().prop_map(|value| json!(value.to_string())).boxed(),
        _ => any::<i64>().prop_map(|value| json!(value.to_string())).boxed(),
    };
    if field.is_map() {
        let ProtoKind::Message(entry) = field.kind() else { panic!("a map is a message of key and value") };
        let key = match entry.map_entry_key_field().kind() {
            ProtoKind::String => "[a-c]{0,2}",
            ProtoKind::Bool => "true|false",
            ProtoKind::Uint32 | ProtoKind::Uint64 | ProtoKind::Fixed32 | ProtoKind::Fixed64 => "[1-9]{1,4}",
            _ => "-?[1-9]{1,4}",
        };
        let value = one(&entry.map_entry_value_field());
        let entries = proptest::collection::btree_map(key, value, 0..=1);
        return entries.prop_map(|entries| Value::Object(entries.into_iter().collect())).boxed();
    }
    if field.is_list() { vec(one(field), 0..3).prop_map(Value::Array).boxed() } else { one(field) }
}

/// Runs a test on so many values, the same ones every time; of a value that fails it looks for a smaller one.
pub fn check<T: std::fmt::Debug>(values: &BoxedStrategy<T>, cases: u32, test: impl Fn(&T)) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(values, |value| {
        test(&value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Returns so many values, the same ones every time.
#[must_use]
pub fn samples(values: &BoxedStrategy<Value>, count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| values.new_tree(&mut runner).expect("nothing is filtered").current()).collect()
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
            Kind::Named(id) => self.named(*id),
            kind => primitive(kind, node.logical),
        }
    }

    fn map(self, value: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
        let most = if self.maps == Maps::Single { 1 } else { 3 };
        let entries = proptest::collection::btree_map("[a-cä]{0,2}", value, 0..=most);
        entries.prop_map(|entries| Value::Object(entries.into_iter().collect())).boxed()
    }

    fn union(self, branches: &[Node], deep: bool) -> BoxedStrategy<Value> {
        // An enum without symbols has no values.
        let is_empty = |branch: &Node| match branch.kind {
            Kind::Named(id) => matches!(&self.schema.named(id).body, Body::Enum { symbols, .. } if symbols.is_empty()),
            _ => matches!(branch.kind, Kind::Null),
        };
        let others: Vec<_> = branches.iter().filter(|branch| !is_empty(branch)).collect();
        let nullable = others.len() < branches.len();
        if nullable && (deep || others.is_empty()) {
            return Just(Value::Null).boxed();
        }
        if let (2, [other]) = (branches.len(), others.as_slice()) {
            return prop_oneof![Just(Value::Null), self.node(other)].boxed();
        }
        // A record may hold another of its own type.
        let leaves: Vec<_> = others.iter().filter(|branch| !matches!(branch.kind, Kind::Named(_))).copied().collect();
        let chosen = if deep && !leaves.is_empty() { leaves } else { others };
        let mut values: Vec<_> = chosen.into_iter().map(|branch| self.branch(branch)).collect();
        if nullable {
            values.push(Just(Value::Null).boxed());
        }
        proptest::strategy::Union::new(values).boxed()
    }

    fn branch(self, branch: &Node) -> BoxedStrategy<Value> {
        let name = self.schema.branch_name(branch);
        self.node(branch).prop_map(move |value| json!({ name.clone(): value })).boxed()
    }

    fn named(self, id: NamedId) -> BoxedStrategy<Value> {
        let inner = Self { depth: self.depth + 1, ..self };
        match &self.schema.named(id).body {
            Body::Enum { symbols, .. } => proptest::sample::select(symbols.clone()).prop_map(Value::String).boxed(),
            Body::Fixed(size) => match self.schema.named(id).logical {
                Logical::Decimal { precision, scale } => decimal(precision, scale),
                Logical::Uuid => uuid(),
                Logical::Duration => any::<(u32, u32, u32)>()
                    .prop_map(|(months, days, millis)| json!(Duration { months, days, millis }.to_string()))
                    .boxed(),
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
        (Kind::Float, _) => any::<f32>().prop_map(float).boxed(),
        (Kind::Double, _) => any::<f64>().prop_map(Value::from).boxed(),
        (Kind::Bytes, _) => vec(any::<u8>(), 0..5).prop_map(|bytes| base64(&bytes)).boxed(),
        _ => "[ -~ä€\u{0}\u{10348}]{0,6}".prop_map(Value::String).boxed(),
    }
}

/// Returns the JSON number of a float as serde_json writes it: 0.1 is 0.1 and not 0.10000000149011612.
#[must_use]
pub fn float(value: f32) -> Value {
    let text = serde_json::to_string(&value).expect("a float is JSON");
    text.parse::<f64>().expect("the JSON of a float is a number").into()
}

/// Values with all digits after the point, as they come back from bytes.
fn decimal(precision: u32, scale: u32) -> BoxedStrategy<Value> {
    if precision > DECIMAL_DIGITS {
        return big_decimal(precision, scale);
    }
    let most = 10_i128.pow(precision) - 1;
    let text = move |unscaled: i128| {
        let decimal = eventwright_wire::rust_decimal::Decimal::from_i128_with_scale(unscaled, scale);
        Value::String(decimal.to_string())
    };
    prop_oneof![-200_i128.min(most)..200.min(most), -most..=most].prop_map(text).boxed()
}

fn big_decimal(precision: u32, scale: u32) -> BoxedStrategy<Value> {
    let text = move |digits: String| {
        let unscaled: BigInt = digits.parse().expect("an integer");
        Value::String(BigDecimal::new(unscaled, i64::from(scale)).to_plain_string())
    };
    proptest::string::string_regex(&format!("-?[0-9]{{1,{precision}}}")).expect("a pattern").prop_map(text).boxed()
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
