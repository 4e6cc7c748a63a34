//! Arrays: the schema of their items, tuples, and how many items there may be.

use super::object::is_nothing;
use super::scalar::Limit;
use super::{Comparison, Sides};
use crate::compat::rule;
use crate::json_schema::model::{Additional, Array, Kind, NodeId};

const MAX_ITEMS: Limit = Limit::upper("maxItems", &rule::MAX_ITEMS_ADDED, &rule::MAX_ITEMS_DECREASED);
const MIN_ITEMS: Limit = Limit::lower("minItems", &rule::MIN_ITEMS_ADDED, &rule::MIN_ITEMS_INCREASED);

/// Confluent's registry has no rules of their own for these.
const MAX_CONTAINS: Limit = Limit::upper("maxContains", &rule::MAX_ITEMS_ADDED, &rule::MAX_ITEMS_DECREASED);
const MIN_CONTAINS: Limit = Limit::lower("minContains", &rule::MIN_ITEMS_ADDED, &rule::MIN_ITEMS_INCREASED);

impl Comparison<'_> {
    pub(super) fn array(&mut self, reader: &Array, writer: &Array) -> bool {
        let rules = (&rule::ADDITIONAL_ITEMS_REMOVED, &rule::ADDITIONAL_ITEMS_NARROWED);
        let parts = [
            self.items(reader, writer),
            self.tuple(reader, writer),
            self.additional("additionalItems", rules, &reader.additional, &writer.additional),
            self.limit(MAX_ITEMS, &reader.max_items, &writer.max_items),
            self.limit(MIN_ITEMS, &reader.min_items, &writer.min_items),
            self.limit(MAX_CONTAINS, &reader.max_contains, &writer.max_contains),
            self.limit(MIN_CONTAINS, &reader.min_contains, &writer.min_contains),
            self.unique_items(reader, writer),
        ];
        parts.into_iter().all(|fits| fits)
    }

    fn items(&mut self, reader: &Array, writer: &Array) -> bool {
        match (reader.items, writer.items) {
            (None, _) => true,
            (Some(reader), Some(writer)) => self.within_items(None, |comparison| comparison.node(reader, writer)),
            (Some(item), None) => {
                let (newer, older) = self.sides("a schema", "no schema");
                let what =
                    format!("the items of {} have {newer}, and {older} in {}", self.subject(), self.pair.old.label);
                let help = self.pair.newer("leave `items` out", "keep `items`").into();
                let places = Sides { reader: Some(self.reader.node(item).span), writer: None };
                self.within_items(None, |comparison| comparison.report(&rule::SCHEMA_ADDED, what, help, places))
            }
        }
    }

    fn tuple(&mut self, reader: &Array, writer: &Array) -> bool {
        let mut compatible = true;
        for index in 0..reader.tuple.len().max(writer.tuple.len()) {
            let sides = (reader.tuple.get(index).copied(), writer.tuple.get(index).copied());
            compatible &= self.within_items(Some(index), |comparison| match sides {
                (Some(reader), Some(writer)) => comparison.node(reader, writer),
                (None, Some(item)) => comparison.item_only_written(item, &reader.additional),
                (Some(item), None) => comparison.item_only_read(item, &writer.additional),
                (None, None) => true,
            });
        }
        compatible
    }

    /// Judges an item that the reader's tuple does not have.
    fn item_only_written(&mut self, item: NodeId, reader: &Additional) -> bool {
        let places = Sides { reader: None, writer: Some(self.writer.node(item).span) };
        let (subject, label) = (self.subject(), self.pair.reader().label);
        let gone = self.pair.newer("was removed", "was added");
        let help = self.pair.newer("keep it", "leave it out").to_owned();
        match reader {
            Additional::Open => true,
            Additional::Schema(rest) => {
                self.node(*rest, item) || {
                    let what = format!("{subject} {gone}, and does not fit the other items that {label} allows");
                    self.report(&rule::ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL, what, help, places)
                }
            }
            Additional::Closed(_) if is_nothing(self.writer, item) => true,
            Additional::Closed(_) => {
                let what = format!("{subject} {gone}, and {label} allows only the items that it names");
                self.report(&rule::ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL, what, help, places)
            }
        }
    }

    /// Judges an item that the writer's tuple does not have.
    fn item_only_read(&mut self, item: NodeId, writer: &Additional) -> bool {
        let places = Sides { reader: Some(self.reader.node(item).span), writer: None };
        let (subject, label) = (self.subject(), self.pair.writer().label);
        let new = self.pair.newer("was added", "was removed");
        let help = self.pair.newer("leave it out, or close the tuple first", "keep it").to_owned();
        match writer {
            Additional::Open if matches!(self.reader.node(item).kind, Kind::Anything) => true,
            Additional::Open => {
                let what = format!("{subject} {new}, and {label} allows any value in its place");
                self.report(&rule::ITEM_ADDED_TO_OPEN_CONTENT_MODEL, what, help, places)
            }
            Additional::Schema(rest) => {
                self.node(item, *rest) || {
                    let what = format!("{subject} {new}, and does not accept all that {label} allows in its place");
                    self.report(&rule::ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL, what, help, places)
                }
            }
            Additional::Closed(_) => true,
        }
    }

    fn unique_items(&mut self, reader: &Array, writer: &Array) -> bool {
        if reader.unique.is_none() || writer.unique.is_some() {
            return true;
        }
        let (newer, older) = self.sides("unique", "not unique");
        let what = format!("the items of {} are {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        let help = self.pair.newer("leave `uniqueItems` out", "keep `uniqueItems`").into();
        let places = Sides { reader: reader.unique, writer: None };
        self.within("uniqueItems", |comparison| comparison.report(&rule::UNIQUE_ITEMS_ADDED, what, help, places))
    }

    fn within_items<T>(&mut self, index: Option<usize>, compare: impl FnOnce(&mut Self) -> T) -> T {
        self.fields.push(index.map_or_else(|| "[]".to_owned(), |index| format!("[{index}]")));
        let result = self.within("items", |comparison| match index {
            Some(index) => comparison.within(&index.to_string(), compare),
            None => compare(comparison),
        });
        self.fields.pop();
        result
    }
}
