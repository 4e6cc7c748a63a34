//! Parses types: primitives, references by name, unions, and the objects that define records, enums and the rest.

use std::collections::HashSet;

use eventwright_wire::avro::Logical;
use jsonc_parser::ast::{Object, Value};

use super::super::model::{Body, Field, Kind, Name, Named, Node, Span};
use super::{Parser, json};

pub(super) const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// The largest fixed that is believed: nothing near it was ever seen, and it is allocated for.
const MAX_FIXED_SIZE: usize = 1 << 24;

impl<'t> Parser<'t> {
    /// Parses a type where one is expected; `namespace` is that of the surrounding definition.
    pub(super) fn node(&mut self, value: &Value<'t>, namespace: &str) -> Option<Node> {
        let span = self.span(value);
        match value {
            Value::StringLit(name) => {
                let kind = self.by_name(value, &name.value, namespace)?;
                Some(Node { kind, logical: Logical::None, span })
            }
            Value::Array(branches) => {
                let nodes: Vec<_> = branches.elements.iter().map(|branch| self.node(branch, namespace)).collect();
                let nodes = nodes.into_iter().collect::<Option<Vec<_>>>()?;
                self.check_union(&nodes);
                Some(Node { kind: Kind::Union(nodes), logical: Logical::None, span })
            }
            Value::Object(object) => self.object(value, object, namespace),
            other => self.refuse(
                other,
                format!("expected a type, found {}", json::word(other)),
                "a type is a name in quotes, an object with `type`, or an array of types for a union",
            ),
        }
    }

    fn by_name(&mut self, at: &Value<'t>, name: &str, namespace: &str) -> Option<Kind> {
        Some(match name {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "int" => Kind::Int,
            "long" => Kind::Long,
            "float" => Kind::Float,
            "double" => Kind::Double,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            _ => {
                let full = Name::in_namespace(name, namespace).full();
                match self.by_name.get(&full) {
                    Some(id) => Kind::Named(*id),
                    None => {
                        let help = match name {
                            "record" | "enum" | "fixed" | "array" | "map" => {
                                format!("write an object: {{\"type\": \"{name}\", ...}}")
                            }
                            _ => {
                                "define the type before its first use, or name its file as a reference: in a manifest, \
                                  as the folder of a [type.NAME]"
                                    .to_owned()
                            }
                        };
                        self.undefined.insert(full.clone());
                        return self.refuse(at, format!("the type `{full}` is not defined"), help);
                    }
                }
            }
        })
    }

    fn object(&mut self, at: &Value<'t>, object: &Object<'t>, namespace: &str) -> Option<Node> {
        self.check_repeated_keys(object);
        let Some(kind) = object.get("type") else {
            return self.refuse(at, "the type has no `type`", "add \"type\": \"record\", or whatever it is");
        };
        let word = match &kind.value {
            Value::StringLit(word) => word.value.as_ref(),
            // {"type": {"type": "string"}}: the inner one is meant, the outer one may add a logical type.
            inner => {
                let mut node = self.node(inner, namespace)?;
                self.annotate(&mut node, object);
                return Some(node);
            }
        };
        let span = self.span(at);
        match word {
            "record" | "error" | "enum" | "fixed" => self.definition(word, at, object, namespace),
            "array" => {
                let item = self.member(at, object, "items", namespace)?;
                Some(Node { kind: Kind::Array(Box::new(item)), logical: Logical::None, span })
            }
            "map" => {
                let value = self.member(at, object, "values", namespace)?;
                Some(Node { kind: Kind::Map(Box::new(value)), logical: Logical::None, span })
            }
            _ => {
                let kind = self.by_name(&kind.value, word, namespace)?;
                let mut node = Node { kind, logical: Logical::None, span };
                self.annotate(&mut node, object);
                Some(node)
            }
        }
    }

    fn member(&mut self, at: &Value<'t>, object: &Object<'t>, key: &str, namespace: &str) -> Option<Node> {
        match object.get(key) {
            Some(property) => self.node(&property.value, namespace),
            None => self.refuse(at, format!("the type has no `{key}`"), format!("add \"{key}\": a type")),
        }
    }

    fn definition(&mut self, word: &str, at: &Value<'t>, object: &Object<'t>, namespace: &str) -> Option<Node> {
        let (name, name_span) = self.definition_name(word, at, object, namespace)?;
        let id = self.define(&name, name_span)?;
        let body = match word {
            "enum" => self.enum_body(at, object),
            "fixed" => self.fixed_body(at, object),
            _ => self.record_body(at, object, &name),
        }?;
        let logical = match body {
            Body::Fixed(size) => self.logical(object, &Kind::Bytes, Some(size)),
            Body::Record(_) | Body::Enum { .. } => Logical::None,
        };
        let aliases = self.texts(object, "aliases");
        let aliases = aliases.iter().map(|alias| Name::in_namespace(alias, &name.namespace)).collect();
        let span = self.span(at);
        let doc = text(object, "doc");
        if let Some(slot) = self.named.get_mut(id.0) {
            *slot = Some(Named { name, aliases, doc, body, logical, span, name_span, recursive: false, min_size: 0 });
        }
        Some(Node { kind: Kind::Named(id), logical, span })
    }

    fn definition_name(
        &mut self,
        word: &str,
        at: &Value<'t>,
        object: &Object<'t>,
        namespace: &str,
    ) -> Option<(Name, Span)> {
        let Some(property) = object.get("name") else {
            return self.refuse(at, format!("the {word} has no `name`"), "add \"name\"");
        };
        let Value::StringLit(literal) = &property.value else {
            return self.refuse(&property.value, "expected a name in quotes", "write the name as text");
        };
        let own = text(object, "namespace").unwrap_or_else(|| namespace.to_owned());
        let name = Name::in_namespace(&literal.value, &own);
        let parts = name.namespace.split('.').filter(|_| !name.namespace.is_empty()).chain([name.simple.as_str()]);
        for part in parts {
            self.check_name(&property.value, part)?;
        }
        Some((name, self.span(&property.value)))
    }

    fn check_name(&mut self, at: &Value<'t>, name: &str) -> Option<()> {
        let mut chars = name.chars();
        let first = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if first && chars.all(|rest| rest.is_ascii_alphanumeric() || rest == '_') {
            return Some(());
        }
        self.refuse(at, format!("`{name}` is not a name"), "names are letters, digits and _, and begin with no digit")
    }

    fn record_body(&mut self, at: &Value<'t>, object: &Object<'t>, name: &Name) -> Option<Body> {
        let Some(Value::Array(list)) = object.get("fields").map(|property| &property.value) else {
            return self.refuse(at, format!("the record `{name}` has no `fields`"), "add \"fields\": [...]");
        };
        let fields: Vec<_> = list.elements.iter().map(|field| self.field(field, &name.namespace)).collect();
        let fields = fields.into_iter().collect::<Option<Vec<_>>>()?;
        let mut seen = HashSet::new();
        for field in fields.iter().filter(|field| !seen.insert(field.name.clone())) {
            self.wrong(field.span, format!("the field `{}` is defined twice", field.name), "remove or rename one");
        }
        Some(Body::Record(fields))
    }

    fn field(&mut self, value: &Value<'t>, namespace: &str) -> Option<Field> {
        let Value::Object(object) = value else {
            return self.refuse(
                value,
                format!("expected a field, found {}", json::word(value)),
                "a field is an object",
            );
        };
        self.check_repeated_keys(object);
        let Some(property) = object.get("name") else {
            return self.refuse(value, "the field has no `name`", "add \"name\"");
        };
        let Value::StringLit(name) = &property.value else {
            return self.refuse(&property.value, "expected a name in quotes", "write the name as text");
        };
        self.check_name(&property.value, &name.value)?;
        let Some(kind) = object.get("type") else {
            return self.refuse(value, format!("the field `{}` has no `type`", name.value), "add \"type\"");
        };
        let mut node = self.node(&kind.value, namespace)?;
        // Java takes a logical type that stands beside `type` in the field for the primitive's; many schemas rely on it
        // by mistake and the specification ignores it, so it is ignored here as well.
        node.span = self.span(&kind.value);
        Some(Field {
            name: name.value.to_string(),
            aliases: self.texts(object, "aliases"),
            doc: text(object, "doc"),
            node,
            default: object.get("default").map(|default| json::to_serde(&default.value)),
            pii: object.get("pii").is_some_and(|pii| matches!(&pii.value, Value::BooleanLit(pii) if pii.value)),
            span: self.span(value),
        })
    }

    fn enum_body(&mut self, at: &Value<'t>, object: &Object<'t>) -> Option<Body> {
        let Some(property) = object.get("symbols") else {
            return self.refuse(at, "the enum has no `symbols`", "add \"symbols\": [...]");
        };
        let symbols = self.texts(object, "symbols");
        let mut seen = HashSet::new();
        for symbol in &symbols {
            self.check_name(&property.value, symbol)?;
            if !seen.insert(symbol) {
                return self.refuse(&property.value, format!("the symbol `{symbol}` stands twice"), "remove one");
            }
        }
        let default = text(object, "default");
        if let Some(unknown) = default.as_ref().filter(|default| !symbols.contains(default)) {
            return self.refuse(
                at,
                format!("the default `{unknown}` is none of the symbols"),
                "name one of the symbols",
            );
        }
        Some(Body::Enum { symbols, default })
    }

    fn fixed_body(&mut self, at: &Value<'t>, object: &Object<'t>) -> Option<Body> {
        match integer(object, "size").and_then(|size| usize::try_from(size).ok()) {
            Some(size) if size <= MAX_FIXED_SIZE => Some(Body::Fixed(size)),
            Some(_) => self.refuse(at, "the fixed has more than 16 MiB", "use bytes"),
            None => self.refuse(at, "the fixed has no `size`", "add \"size\": the number of bytes"),
        }
    }

    fn check_union(&mut self, branches: &[Node]) {
        let mut seen = HashSet::new();
        for branch in branches {
            let key = match &branch.kind {
                Kind::Union(_) => {
                    self.wrong(
                        branch.span,
                        "a union stands directly in a union",
                        "put its branches into the outer one",
                    );
                    continue;
                }
                // A type still being defined has no name yet, but no two definitions share a number.
                Kind::Named(id) => format!("#{}", id.0),
                kind => kind.word().to_owned(),
            };
            if !seen.insert(key) {
                let word = branch.kind.word();
                self.wrong(branch.span, format!("the union has two branches of {word}"), "remove or wrap one of them");
            }
        }
    }

    fn check_repeated_keys(&mut self, object: &Object<'t>) {
        let mut seen = HashSet::new();
        for property in &object.properties {
            if !seen.insert(property.name.as_str()) {
                let span = self.span(property);
                let key = property.name.as_str();
                self.wrong(span, format!("the key `{key}` stands twice in one object"), "remove one");
            }
        }
    }

    fn texts(&mut self, object: &Object<'t>, key: &str) -> Vec<String> {
        let Some(property) = object.get(key) else { return Vec::new() };
        let Value::Array(list) = &property.value else {
            self.refuse::<()>(&property.value, format!("`{key}` is not an array"), "write an array of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for element in &list.elements {
            match element {
                Value::StringLit(literal) => texts.push(literal.value.to_string()),
                other => {
                    self.refuse::<()>(other, format!("`{key}` holds {}", json::word(other)), "write texts only");
                }
            }
        }
        texts
    }

    fn annotate(&self, node: &mut Node, object: &Object<'t>) {
        let logical = self.logical(object, &node.kind, None);
        if logical != Logical::None {
            node.logical = logical;
        }
    }

    /// Returns the logical type; one that the specification does not allow for the kind is ignored, as it asks.
    fn logical(&self, object: &Object<'t>, kind: &Kind, fixed_size: Option<usize>) -> Logical {
        let Some(name) = text(object, "logicalType") else { return Logical::None };
        match (name.as_str(), kind, fixed_size) {
            ("decimal", Kind::Bytes, _) => decimal(object, fixed_size),
            ("uuid", Kind::String, None) | ("uuid", Kind::Bytes, Some(16)) => Logical::Uuid,
            ("duration", Kind::Bytes, Some(12)) => Logical::Duration,
            ("date", Kind::Int, None) => Logical::Date,
            ("time-millis", Kind::Int, None) => Logical::TimeMillis,
            ("time-micros", Kind::Long, None) => Logical::TimeMicros,
            ("timestamp-millis", Kind::Long, None) => Logical::TimestampMillis,
            ("timestamp-micros", Kind::Long, None) => Logical::TimestampMicros,
            ("timestamp-nanos", Kind::Long, None) => Logical::TimestampNanos,
            ("local-timestamp-millis", Kind::Long, None) => Logical::LocalTimestampMillis,
            ("local-timestamp-micros", Kind::Long, None) => Logical::LocalTimestampMicros,
            ("local-timestamp-nanos", Kind::Long, None) => Logical::LocalTimestampNanos,
            _ => Logical::None,
        }
    }
}

fn decimal(object: &Object<'_>, fixed_size: Option<usize>) -> Logical {
    let precision = integer(object, "precision").and_then(|precision| u32::try_from(precision).ok());
    // A scale that is there and no number is invalid; only one that is missing is 0.
    let scale = match object.get("scale") {
        Some(_) => integer(object, "scale").and_then(|scale| u32::try_from(scale).ok()),
        None => Some(0),
    };
    let (Some(precision), Some(scale)) = (precision, scale) else { return Logical::None };
    // A fixed of n bytes holds floor(log10(2^(8n-1) - 1)) digits.
    let holds = fixed_size.is_none_or(|size| {
        let bits = u32::try_from(size.saturating_mul(8).saturating_sub(1)).unwrap_or(u32::MAX);
        f64::from(precision) <= (f64::from(bits) * std::f64::consts::LOG10_2).floor()
    });
    if precision > 0 && scale <= precision && holds { Logical::Decimal { precision, scale } } else { Logical::None }
}

fn text(object: &Object<'_>, key: &str) -> Option<String> {
    object.get(key)?.value.as_string_lit().map(|literal| literal.value.to_string())
}

fn integer(object: &Object<'_>, key: &str) -> Option<i64> {
    object.get(key)?.value.as_number_lit()?.value.parse().ok()
}
