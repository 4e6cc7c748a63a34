//! Objects: their properties under open, closed and partially open content models, and what they require.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::scalar::Limit;
use super::{Comparison, Sides};
use crate::compat::{Rule, rule};
use crate::json_schema::model::{Additional, Dependency, Kind, NodeId, Object, Property, Schema, Span};

const MAX_PROPERTIES: Limit =
    Limit::upper("maxProperties", &rule::MAX_PROPERTIES_ADDED, &rule::MAX_PROPERTIES_DECREASED);
const MIN_PROPERTIES: Limit =
    Limit::lower("minProperties", &rule::MIN_PROPERTIES_ADDED, &rule::MIN_PROPERTIES_INCREASED);

/// What an object schema says about a property that it does not name.
enum ContentModel {
    Open,
    Closed,
    Partial(NodeId),
}

impl Comparison<'_> {
    pub(super) fn object(&mut self, reader: &Object, writer: &Object) -> bool {
        if !self.afford(reader.properties.len() + writer.properties.len()) {
            return true;
        }
        let parts = [
            self.required(reader, writer),
            self.properties(reader, writer),
            self.property_dependencies(&reader.needs_properties, &writer.needs_properties),
            self.schema_dependencies(&reader.needs_schema, &writer.needs_schema),
            self.additional_properties(&reader.additional, &writer.additional),
            self.limit(MAX_PROPERTIES, &reader.max_properties, &writer.max_properties),
            self.limit(MIN_PROPERTIES, &reader.min_properties, &writer.min_properties),
        ];
        parts.into_iter().all(|fits| fits)
    }

    /// A property that both sides have may become optional; it may become required where it has a default.
    fn required(&mut self, reader: &Object, writer: &Object) -> bool {
        let written: BTreeSet<_> = writer.properties.iter().map(|one| one.name.as_str()).collect();
        let was_required: BTreeSet<_> = writer.required.iter().map(|one| one.value.as_str()).collect();
        let by_name = by_name(&reader.properties);
        let mut compatible = true;
        for one in &reader.required {
            let name = one.value.as_str();
            let Some(property) = by_name.get(name).filter(|_| written.contains(name)) else { continue };
            if was_required.contains(name) || self.reader.node(property.node).has_default {
                continue;
            }
            compatible &= self.within_property(name, |comparison| {
                let (subject, old) = (comparison.subject(), comparison.pair.old.label);
                let what = comparison.pair.newer(
                    format!("{subject} is required without a default, and optional in {old}"),
                    format!("{subject} is optional, and required without a default in {old}"),
                );
                let help = comparison.pair.newer("give it a default, or keep it optional", "keep it required");
                let places = Sides { reader: Some(one.span), writer: None };
                comparison.report(&rule::REQUIRED_ATTRIBUTE_ADDED, what, help.into(), places)
            });
        }
        compatible
    }

    fn properties(&mut self, reader: &Object, writer: &Object) -> bool {
        let (read, written) = (by_name(&reader.properties), by_name(&writer.properties));
        let required: HashSet<_> = reader.required.iter().map(|one| one.value.as_str()).collect();
        let mut compatible = true;
        for property in &writer.properties {
            if self.is_decided(compatible) {
                return false;
            }
            compatible &= self.within_property(&property.name, |comparison| match read.get(property.name.as_str()) {
                Some(of_reader) => comparison.node(of_reader.node, property.node),
                None => comparison.only_written(property, reader),
            });
        }
        for property in reader.properties.iter().filter(|one| !written.contains_key(one.name.as_str())) {
            if self.is_decided(compatible) {
                return false;
            }
            compatible &=
                self.within_property(&property.name, |comparison| comparison.only_read(property, &required, writer));
        }
        compatible
    }

    /// Judges a property that the reader's schema does not name.
    fn only_written(&mut self, property: &Property, reader: &Object) -> bool {
        let places = Sides { reader: None, writer: Some(property.span) };
        let (subject, label) = (self.subject(), self.pair.reader().label);
        let gone = self.pair.newer("was removed", "was added");
        match self.content_model(reader, &property.name) {
            ContentModel::Open => true,
            ContentModel::Partial(rest) => {
                self.node(rest, property.node) || {
                    let what = format!("{subject} {gone}, and does not fit the other properties that {label} allows");
                    let help = self.pair.newer("keep it", "leave it out").into();
                    self.report(&rule::PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL, what, help, places)
                }
            }
            ContentModel::Closed if is_nothing(self.writer, property.node) => true,
            ContentModel::Closed => {
                let what = format!("{subject} {gone}, and {label} allows only the properties that it names");
                let help = self.pair.newer(
                    "keep it, or allow `additionalProperties`",
                    "leave it out, or first release a version that has it",
                );
                self.report(&rule::PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL, what, help.into(), places)
            }
        }
    }

    /// Judges a property that the writer's schema does not name.
    fn only_read(&mut self, property: &Property, required: &HashSet<&str>, writer: &Object) -> bool {
        let places = Sides { reader: Some(property.span), writer: None };
        let (subject, label) = (self.subject(), self.pair.writer().label);
        let new = self.pair.newer("was added", "was removed");
        match self.content_model(writer, &property.name) {
            ContentModel::Open if is_anything(self.reader, property.node) => true,
            ContentModel::Open => {
                let what = format!("{subject} {new}, and {label} allows any value in its place");
                let help = self.pair.newer(
                    "leave it out, or write the schema `true`: only closed objects can gain properties",
                    "keep it, or set \"additionalProperties\": false",
                );
                self.report(&rule::PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL, what, help.into(), places)
            }
            model => {
                let is_covered = self.covers(&model, property, new);
                is_covered & self.optional_or_default(property, required, new)
            }
        }
    }

    fn covers(&mut self, model: &ContentModel, property: &Property, new: &str) -> bool {
        let ContentModel::Partial(rest) = *model else { return true };
        let (subject, label) = (self.subject(), self.pair.writer().label);
        self.node(property.node, rest) || {
            let what = format!("{subject} {new}, and does not accept all that {label} allows in its place");
            let places = Sides { reader: Some(property.span), writer: Some(self.writer.node(rest).span) };
            let help = "write a schema that accepts it".into();
            self.report(&rule::PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL, what, help, places)
        }
    }

    fn optional_or_default(&mut self, property: &Property, required: &HashSet<&str>, new: &str) -> bool {
        if !required.contains(property.name.as_str()) || self.reader.node(property.node).has_default {
            return true;
        }
        let what =
            format!("{} {new}, and is required without a default in {}", self.subject(), self.pair.reader().label);
        let help = self.pair.newer("make it optional, or give it a default", "keep it").into();
        let places = Sides { reader: Some(property.span), writer: None };
        self.report(&rule::REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL, what, help, places)
    }

    fn content_model(&mut self, object: &Object, name: &str) -> ContentModel {
        for pattern in &object.patterns {
            match self.names.covers(&pattern.name, name) {
                Some(true) => return ContentModel::Partial(pattern.node),
                Some(false) => {}
                None => {
                    self.gave_up = true;
                    return ContentModel::Closed;
                }
            }
        }
        match object.additional {
            Additional::Schema(rest) => ContentModel::Partial(rest),
            Additional::Open if object.patterns.is_empty() => ContentModel::Open,
            Additional::Open | Additional::Closed(_) => ContentModel::Closed,
        }
    }

    fn additional_properties(&mut self, reader: &Additional, writer: &Additional) -> bool {
        let rules = (&rule::ADDITIONAL_PROPERTIES_REMOVED, &rule::ADDITIONAL_PROPERTIES_NARROWED);
        self.additional("additionalProperties", rules, reader, writer)
    }

    /// Compares what may stand beside the properties or items that are named.
    pub(super) fn additional(
        &mut self,
        keyword: &str,
        (removed, narrowed): (&'static Rule, &'static Rule),
        reader: &Additional,
        writer: &Additional,
    ) -> bool {
        let places = Sides { reader: span_of(self.reader, reader), writer: span_of(self.writer, writer) };
        let (newer, older) = self.sides(describe(reader), describe(writer));
        let what = format!("`{keyword}` of {} are {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        let help = format!("keep `{keyword}` {older}");
        self.within(keyword, |comparison| match (reader, writer) {
            (Additional::Closed(_), Additional::Open | Additional::Schema(_)) => {
                comparison.report(removed, what, help, places)
            }
            (Additional::Schema(_), Additional::Open) => comparison.report(narrowed, what, help, places),
            (Additional::Schema(reader), Additional::Schema(writer)) => comparison.node(*reader, *writer),
            (Additional::Open, _) | (_, Additional::Closed(_)) => true,
        })
    }

    fn property_dependencies(
        &mut self,
        reader: &[Dependency<Vec<String>>],
        writer: &[Dependency<Vec<String>>],
    ) -> bool {
        let writer: HashMap<_, _> = writer.iter().map(|other| (&other.name, other)).collect();
        let mut compatible = true;
        for one in reader {
            let other = writer.get(&one.name);
            let other_names = other.map(|other| other.on.iter().collect::<BTreeSet<_>>()).unwrap_or_default();
            let names: BTreeSet<_> = one.on.iter().collect();
            let rule = match other {
                None => &rule::DEPENDENCY_ARRAY_ADDED,
                Some(_) if names.is_subset(&other_names) => continue,
                Some(_) if names.is_superset(&other_names) => &rule::DEPENDENCY_ARRAY_EXTENDED,
                Some(_) => &rule::DEPENDENCY_ARRAY_CHANGED,
            };
            let places = Sides { reader: Some(one.span), writer: other.map(|other| other.span) };
            compatible &= self.dependency_changed(rule, &one.name, places);
        }
        compatible
    }

    fn schema_dependencies(&mut self, reader: &[Dependency<NodeId>], writer: &[Dependency<NodeId>]) -> bool {
        let writer: HashMap<_, _> = writer.iter().map(|other| (&other.name, other)).collect();
        let mut compatible = true;
        for one in reader {
            compatible &= match writer.get(&one.name) {
                Some(other) => self.within("dependencies", |comparison| {
                    comparison.within(&one.name, |comparison| comparison.node(one.on, other.on))
                }),
                None => {
                    let places = Sides { reader: Some(one.span), writer: None };
                    self.dependency_changed(&rule::DEPENDENCY_SCHEMA_ADDED, &one.name, places)
                }
            };
        }
        compatible
    }

    fn dependency_changed(&mut self, rule: &'static Rule, name: &str, places: Sides) -> bool {
        let (subject, reader, writer) = (self.subject(), self.pair.reader().label, self.pair.writer().label);
        let what = format!("property `{name}` of {subject} depends on more in {reader} than in {writer}");
        let help = "keep what it depends on".into();
        self.within("dependencies", |comparison| {
            comparison.within(name, |comparison| comparison.report(rule, what, help, places))
        })
    }

    fn within_property<T>(&mut self, name: &str, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.fields.push(name.to_owned());
        let step = name.replace('~', "~0").replace('/', "~1");
        let result = self.within("properties", |comparison| comparison.within(&step, compare));
        self.fields.pop();
        result
    }
}

fn by_name(properties: &[Property]) -> HashMap<&str, &Property> {
    properties.iter().map(|one| (one.name.as_str(), one)).collect()
}

fn is_anything(schema: &Schema, id: NodeId) -> bool {
    matches!(schema.node(id).kind, Kind::Anything)
}

pub(super) fn is_nothing(schema: &Schema, id: NodeId) -> bool {
    matches!(schema.node(id).kind, Kind::Nothing)
}

fn span_of(schema: &Schema, additional: &Additional) -> Option<Span> {
    match additional {
        Additional::Open => None,
        Additional::Closed(span) => Some(*span),
        Additional::Schema(id) => Some(schema.node(*id).span),
    }
}

fn describe(additional: &Additional) -> &'static str {
    match additional {
        Additional::Open => "open",
        Additional::Closed(_) => "`false`",
        Additional::Schema(_) => "limited by a schema",
    }
}
