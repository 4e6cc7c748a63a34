//! Resolves a writer's against a reader's schema into a [`Plan`] (Avro 1.12, "Schema Resolution"; where the
//! specification leaves a choice, Java Avro 1.12's `Resolver`).
//!
//! Codegen turns the plan of a writer that is known at build time into Rust; the runtime executes the plan of any other.

mod union;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::fmt;

use eventwright_wire::avro::{Conversion, EnumNode, FieldStep, Node as Step, NodeId, Plan, Primitive, RecordNode};

use super::model::{Body, Field, Kind, Named, NamedId, Node, Schema};
use super::{advice, dynamic};

/// Why a reader can never read what a writer writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveError {
    /// The path in the reader's schema, such as `items[].price`.
    pub path: String,
    /// What the writer writes and what the reader expects.
    pub message: String,
    /// What to change in the reader's schema.
    pub help: String,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "`{path}`: {}", self.message),
        }
    }
}

impl std::error::Error for ResolveError {}

/// Returns the plan by which `reader` reads what `writer` writes.
///
/// # Errors
/// Each place where the reader can read nothing that the writer may write there. A branch of a writer's union that the
/// reader has no place for is no error here but one in the plan: only the bytes tell whether it is ever written.
pub fn resolve(writer: &Schema, reader: &Schema) -> Result<Plan, Vec<ResolveError>> {
    let (plan, errors) = plan((writer, writer.root()), (reader, reader.root()));
    if errors.is_empty() { Ok(plan) } else { Err(errors) }
}

/// Returns the plan for two types of the schemas: what can never be read is an error in it as well, for bytes that have such a
/// value.
pub(super) fn plan((writer, from): (&Schema, &Node), (reader, to): (&Schema, &Node)) -> (Plan, Vec<ResolveError>) {
    let budget = Cell::new(MAX_STEPS);
    let mut resolver = Resolver::new(writer, reader, &budget, 0);
    let root = resolver.node(from, to, &Path::Root);
    (Plan { reader: reader.fingerprint().crc64, nodes: resolver.nodes, root }, resolver.errors)
}

/// How much work one resolution may be: a schema from outside could otherwise ask for an exponential amount.
const MAX_STEPS: u32 = 1 << 17;

/// How many fields without default an error names.
const MAX_MISSING: usize = 16;

/// How deep types may nest in each other.
const MAX_DEPTH: u32 = 256;

struct Resolver<'s, 'b> {
    budget: &'b Cell<u32>,
    depth: u32,
    writer: &'s Schema,
    reader: &'s Schema,
    nodes: Vec<Step>,
    /// Pairs of named types whose node exists or is being made: recursion ends here.
    known: HashMap<(NamedId, NamedId), NodeId>,
    /// The writer's named types that are skipped.
    skips: HashMap<NamedId, NodeId>,
    errors: Vec<ResolveError>,
}

/// A path that costs nothing until it is printed.
enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Items(&'p Path<'p>),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Items(parent) => write!(f, "{parent}[]"),
        }
    }
}

impl<'s, 'b> Resolver<'s, 'b> {
    fn new(writer: &'s Schema, reader: &'s Schema, budget: &'b Cell<u32>, depth: u32) -> Self {
        let (known, skips) = (HashMap::new(), HashMap::new());
        Self { budget, depth, writer, reader, nodes: Vec::new(), known, skips, errors: Vec::new() }
    }

    fn push(&mut self, step: Step) -> NodeId {
        self.nodes.push(step);
        NodeId(self.nodes.len() - 1)
    }

    fn refuse(&mut self, path: &Path<'_>, message: String) -> NodeId {
        self.refuse_with(path, message, "keep the type, or give the new one to a new field with a default".into())
    }

    fn refuse_with(&mut self, path: &Path<'_>, message: String, help: String) -> NodeId {
        self.errors.push(ResolveError { path: path.to_string(), message: message.clone(), help });
        self.push(Step::Unresolvable(message))
    }

    fn node(&mut self, writer: &'s Node, reader: &'s Node, path: &Path<'_>) -> NodeId {
        let Some(left) = self.budget.get().checked_sub(1).filter(|_| self.depth < MAX_DEPTH) else {
            return self.refuse(path, "the schemas are too large or too deep to resolve".to_owned());
        };
        self.budget.set(left);
        self.depth += 1;
        let id = self.node_within_limits(writer, reader, path);
        self.depth -= 1;
        id
    }

    fn node_within_limits(&mut self, writer: &'s Node, reader: &'s Node, path: &Path<'_>) -> NodeId {
        match (&writer.kind, &reader.kind) {
            (Kind::Union(branches), _) => self.writer_union(branches, reader, path),
            (_, Kind::Union(branches)) => self.reader_union(writer, branches, path),
            (Kind::Array(from), Kind::Array(to)) => {
                let item = self.node(from, to, &Path::Items(path));
                self.push(Step::Array { item, min_size: self.writer.min_size(from) })
            }
            (Kind::Map(from), Kind::Map(to)) => {
                let value = self.node(from, to, &Path::Items(path));
                self.push(Step::Map { value })
            }
            (Kind::Named(from), Kind::Named(to)) => self.named(*from, *to, path),
            (from, to) => match (primitive(from), primitive(to)) {
                (Some(from), Some(to)) if promotes(from, to) => {
                    let conversion = Conversion::between(writer.logical, reader.logical);
                    self.push(Step::Scalar { from, to, logical: reader.logical, conversion })
                }
                _ => {
                    let (from, to) = (self.writer.branch_name(writer), self.reader.branch_name(reader));
                    self.refuse(path, format!("the writer writes {from}, the reader expects {to}"))
                }
            },
        }
    }

    fn named(&mut self, from_id: NamedId, to_id: NamedId, path: &Path<'_>) -> NodeId {
        if let Some(known) = self.known.get(&(from_id, to_id)) {
            return *known;
        }
        let (from, to) = (self.writer.named(from_id), self.reader.named(to_id));
        if !fit(from, to) {
            let (from, to) = (from.describe(), to.describe());
            return self.refuse(path, format!("the writer writes {from}, the reader expects {to}"));
        }
        match (&from.body, &to.body) {
            (Body::Fixed(from_size), Body::Fixed(size)) if from_size == size => {
                let conversion = Conversion::between(from.logical, to.logical);
                self.push(Step::Fixed { size: *size, logical: to.logical, conversion })
            }
            (Body::Fixed(from_size), Body::Fixed(size)) => {
                let name = &to.name;
                self.refuse(path, format!("the writer's fixed `{name}` has {from_size} bytes, the reader's {size}"))
            }
            (Body::Enum { symbols: from, .. }, Body::Enum { symbols, default }) => {
                let index_of = |symbol: &String| symbols.iter().position(|one| one == symbol);
                let default = default.as_ref().and_then(index_of);
                let mapping = from.iter().map(|symbol| index_of(symbol).or(default).ok_or_else(|| symbol.clone()));
                let mapping = mapping.collect();
                self.push(Step::Enum(EnumNode { name: to.name.full(), symbols: symbols.clone(), mapping }))
            }
            (Body::Record(_), Body::Record(fields)) => {
                // The number is taken before the fields are resolved, since they may come back to this record.
                let id = self.push(Step::Unresolvable("being resolved".into()));
                self.known.insert((from_id, to_id), id);
                let steps = self.record(from, to, path);
                let names = fields.iter().map(|field| field.name.clone()).collect();
                let (name, recursive) = (to.name.full(), to.recursive);
                let record = steps.map(|steps| RecordNode { name, fields: names, steps, recursive });
                if let Some(slot) = self.nodes.get_mut(id.0) {
                    *slot = record.map_or_else(Step::Unresolvable, Step::Record);
                }
                id
            }
            _ => unreachable!("the words are equal"),
        }
    }

    /// Returns the steps of a record, or why there can be no value of the reader's.
    fn record(&mut self, writer: &'s Named, reader: &'s Named, path: &Path<'_>) -> Result<Vec<FieldStep>, String> {
        let targets = field_targets(writer, reader);
        let (from, to) = (writer.fields().unwrap_or_default(), reader.fields().unwrap_or_default());
        let mut steps = Vec::new();
        for (from_field, target) in from.iter().zip(&targets) {
            steps.push(match target.and_then(|index| Some((index, to.get(index)?))) {
                Some((index, field)) => FieldStep::Read {
                    field: index,
                    node: self.node(&from_field.node, &field.node, &Path::Field(path, &field.name)),
                },
                None => FieldStep::Skip { name: from_field.name.clone(), node: self.skip(&from_field.node) },
            });
        }
        let mut missing = Vec::new();
        let read: HashSet<usize> = targets.into_iter().flatten().collect();
        for (index, field) in to.iter().enumerate().filter(|(index, _)| !read.contains(index)) {
            match dynamic::default_bytes(self.reader, field) {
                Some(bytes) => steps.push(FieldStep::Default { field: index, bytes }),
                None => {
                    let what = "the writer does not write the field, and the reader has no default";
                    let path = Path::Field(path, &field.name);
                    let help = advice::missing_default(self.reader, field, reader, writer);
                    self.refuse_with(&path, what.to_owned(), help);
                    missing.push(format!("`{path}`: {what}"));
                }
            }
        }
        let n_more = missing.len().saturating_sub(MAX_MISSING);
        missing.truncate(MAX_MISSING);
        missing.extend((n_more > 0).then(|| format!("and {n_more} more")));
        if missing.is_empty() { Ok(steps) } else { Err(missing.join("; ")) }
    }

    /// Returns the node by which the writer itself would read what is skipped.
    fn skip(&mut self, node: &'s Node) -> NodeId {
        let named = match &node.kind {
            Kind::Named(id) => Some(*id),
            _ => None,
        };
        if let Some(known) = named.and_then(|id| self.skips.get(&id)) {
            return *known;
        }
        let mut own = Resolver::new(self.writer, self.writer, self.budget, self.depth);
        own.nodes = std::mem::take(&mut self.nodes);
        let skip = own.node(node, node, &Path::Root);
        self.nodes = own.nodes;
        self.errors.append(&mut own.errors);
        if let Some(id) = named {
            self.skips.insert(id, skip);
        }
        skip
    }
}

/// Returns, for each of the writer's fields, the index of the reader's field that reads it: the last one that has the
/// writer's field among its aliases, unless the writer has a field of its own name, and else the one of the same name. So
/// a field that was renamed keeps its content even where a new one takes the old name. Java's `Schema.applyAliases` looks
/// at a record's aliases of fields only where the record itself has the writer's full name, or an alias that is it.
fn field_targets(from: &Named, to: &Named) -> Vec<Option<usize>> {
    let (from_fields, fields) = (from.fields().unwrap_or_default(), to.fields().unwrap_or_default());
    let place = |field: (usize, &'_ Field)| (field.1.name.clone(), field.0);
    let written: HashMap<String, usize> = from_fields.iter().enumerate().map(place).collect();
    let mut targets = vec![None; from_fields.len()];
    if from.name == to.name || is_alias(from, to) {
        for (index, field) in fields.iter().enumerate().filter(|(_, field)| !written.contains_key(&field.name)) {
            let alias = field.aliases.iter().find_map(|alias| written.get(alias));
            alias.and_then(|at| targets.get_mut(*at)).into_iter().for_each(|slot| *slot = Some(index));
        }
    }
    for (index, field) in fields.iter().enumerate() {
        let slot = written.get(&field.name).and_then(|at| targets.get_mut(*at)).filter(|slot| slot.is_none());
        slot.into_iter().for_each(|slot| *slot = Some(index));
    }
    targets
}

/// Returns whether a named type may be read as another one, as Java's `Resolver` has it: records by their fields whatever
/// they are called; enums and fixed by their simple names, or by an alias of the reader's that is the writer's full name.
fn fit(from: &Named, to: &Named) -> bool {
    let is_record = |one: &Named| one.fields().is_some();
    from.word() == to.word() && (is_record(from) || from.name.simple == to.name.simple || is_alias(from, to))
}

fn is_alias(from: &Named, to: &Named) -> bool {
    to.aliases.contains(&from.name)
}

/// Returns the primitive that a kind is, if it is one.
pub(super) fn primitive(kind: &Kind) -> Option<Primitive> {
    Some(match kind {
        Kind::Null => Primitive::Null,
        Kind::Boolean => Primitive::Boolean,
        Kind::Int => Primitive::Int,
        Kind::Long => Primitive::Long,
        Kind::Float => Primitive::Float,
        Kind::Double => Primitive::Double,
        Kind::Bytes => Primitive::Bytes,
        Kind::String => Primitive::String,
        Kind::Array(_) | Kind::Map(_) | Kind::Union(_) | Kind::Named(_) => return None,
    })
}

fn promotes(from: Primitive, to: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    from == to
        || matches!(
            (from, to),
            (Int, Long | Float | Double) | (Long, Float | Double) | (Float, Double) | (String, Bytes) | (Bytes, String)
        )
}

impl Named {
    fn describe(&self) -> String {
        format!("the {} `{}`", self.word(), self.name)
    }
}

impl Schema {
    /// Returns the name of a union's branch: the word of a type, or the full name of a named one.
    #[must_use]
    pub fn branch_name(&self, node: &Node) -> String {
        match &node.kind {
            Kind::Named(id) => self.named(*id).name.full(),
            kind => kind.word().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use eventwright_wire::avro::{Scratch, Transcoder};
    use serde_json::{Value, json};

    use crate::avro::{dynamic, parse, resolve};

    fn record(fields: &str) -> String {
        format!(r#"{{"type":"record","name":"A","fields":[{fields}]}}"#)
    }

    fn field(ty: &str) -> String {
        record(&format!(r#"{{"name":"x","type":{ty}}}"#))
    }

    /// Reads what the writer writes for the value.
    fn read(writer: &str, reader: &str, value: &Value) -> Result<Value, String> {
        let [writer, reader] = [writer, reader].map(|text| parse("test", text).unwrap());
        let (mut bytes, mut scratch) = (Vec::new(), Scratch::default());
        dynamic::encode_json(&writer, value, &mut bytes).unwrap();
        let transcoder = Transcoder::new(&resolve(&writer, &reader).unwrap());
        let transcoded = transcoder.transcode(&bytes, &mut scratch);
        transcoded.and_then(|bytes| dynamic::decode_json(&reader, bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn another_scale_or_unit_means_the_same_value() {
        let check = |writer: &str, reader: &str, value: &str, expected: Result<&str, &str>| {
            let read = read(&field(writer), &field(reader), &json!({ "x": value }));
            assert_eq!(read, expected.map(|expected| json!({ "x": expected })).map_err(str::to_owned));
        };
        let decimal = |scale| format!(r#"{{"type":"bytes","logicalType":"decimal","precision":9,"scale":{scale}}}"#);
        let fixed = |scale| {
            format!(r#"{{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":9,"scale":{scale}}}"#)
        };
        let logical = |base, name| format!(r#"{{"type":"{base}","logicalType":"{name}"}}"#);
        check(&decimal(2), &decimal(4), "19.99", Ok("19.9900"));
        check(&fixed(2), &fixed(4), "-19.99", Ok("-19.9900"));
        check(&decimal(4), &decimal(2), "-19.9900", Ok("-19.99"));
        let lost = "`x`: the decimal of scale 4 has digits that the reader's scale of 2 would cut off";
        check(&decimal(4), &decimal(2), "19.9901", Err(lost));
        let too_large = "`x`: the decimal does not fit 4 bytes in the reader's scale";
        check(&fixed(2), &fixed(4), "1000000.00", Err(too_large));
        let [millis, micros, nanos] =
            ["timestamp-millis", "timestamp-micros", "timestamp-nanos"].map(|name| logical("long", name));
        check(&millis, &micros, "2026-02-03T04:05:06.789Z", Ok("2026-02-03T04:05:06.789Z"));
        check(&micros, &millis, "1969-02-03T04:05:06.789123Z", Ok("1969-02-03T04:05:06.789Z"));
        let too_far = "`x`: the time 9223372036855 does not fit 64 bits in the reader's unit";
        check(&millis, &nanos, "2262-04-11T23:47:16.855Z", Err(too_far));
        check(&logical("int", "time-millis"), &logical("long", "time-micros"), "04:05:06.789", Ok("04:05:06.789"));
    }

    #[test]
    fn a_renamed_field_keeps_its_content_even_where_a_new_one_takes_its_name() {
        let renamed = r#"{"name":"a","type":"int","default":0},{"name":"b","type":"int","default":0,"aliases":["a"]}"#;
        let [writer, reader] = [r#"{"name":"a","type":"int"}"#, renamed].map(record);
        assert_eq!(read(&writer, &reader, &json!({"a": 7})), Ok(json!({"a": 0, "b": 7})));
        assert_eq!(read(&reader, &reader, &json!({"a": 7, "b": 8})), Ok(json!({"a": 7, "b": 8})));
    }

    #[test]
    fn what_can_never_be_read_says_where_and_why() {
        let [writer, reader] = [r#"{"type":"array","items":"string"}"#, r#"{"type":"array","items":"int"}"#].map(field);
        let errors = resolve(&parse("w", &writer).unwrap(), &parse("r", &reader).unwrap()).unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["`x[]`: the writer writes string, the reader expects int"]);
    }
}
