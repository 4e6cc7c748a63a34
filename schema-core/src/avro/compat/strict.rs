//! What Java Avro and Confluent's registry accept, and what yet loses or changes values: rules for `--strict` alone.

use std::collections::HashSet;

use super::super::{Field, Kind, Named, Node};
use super::{Comparison, Places, enum_of, help};
use crate::compat::{Rule, Severity, rule};

impl<'a> Comparison<'a> {
    /// Finds primitives that are promoted to ones that cannot hold all of their values.
    pub(super) fn promotion(&mut self, reader: &'a Node, writer: &'a Node) {
        let rule = match (&writer.kind, &reader.kind) {
            (Kind::Bytes, Kind::String) => &rule::BYTES_READ_AS_STRING,
            (Kind::Long, Kind::Float | Kind::Double) | (Kind::Int, Kind::Float) => &rule::PROMOTION_LOSES_DIGITS,
            _ => return,
        };
        let [of_reader, of_writer] =
            [(self.reader, reader), (self.writer, writer)].map(|(of, node)| help::describe(of, node));
        let what = format!(
            "{} is {}, and {} in {}",
            self.subject(),
            self.pair.newer(&of_reader, &of_writer),
            self.pair.older(&of_reader, &of_writer),
            self.pair.old.label,
        );
        let help = format!("keep {}, or add a new field", self.pair.older(&of_reader, &of_writer));
        self.report_strictly(rule, what, help, self.places(reader, writer));
    }

    /// Finds fields of the reader's that take the content of a field of the writer's, of which the reader has one as well.
    pub(super) fn taken_aliases(&mut self, reader: &'a Named, writer: &'a Named) {
        let names = |named: &'a Named| named.fields().unwrap_or_default().iter().map(|field| field.name.as_str());
        let (read, written): (HashSet<_>, HashSet<_>) = (names(reader).collect(), names(writer).collect());
        let renamed = |field: &&Field| !written.contains(field.name.as_str());
        for field in reader.fields().unwrap_or_default().iter().filter(renamed) {
            let is_taken = |alias: &&String| read.contains(alias.as_str()) && written.contains(alias.as_str());
            let Some(alias) = field.aliases.iter().find(is_taken) else { continue };
            let what = format!(
                "field `{}` of {} has the alias `{alias}`, which is another field of it: one takes what the other one was",
                field.name,
                self.pair.reader().label,
            );
            let help = format!("take the alias `{alias}` away, or give the other field a new name");
            let new = self.pair.newer(field.span, writer.name_span);
            let places = Places { reader: Some(field.span), writer: Some(writer.span), new };
            self.report_strictly(&rule::FIELD_ALIAS_TAKEN, what, help, places);
        }
    }

    /// Finds a default that has changed: of a record without the field, old and new readers make different values.
    pub(super) fn changed_default(&mut self, reader: &'a Field, writer: &'a Field) {
        let (Some(of_reader), Some(of_writer)) = (&reader.default, &writer.default) else { return };
        if of_reader == of_writer {
            return;
        }
        let (newer, older) = (self.pair.newer(of_reader, of_writer), self.pair.older(of_reader, of_writer));
        let what = format!("the default of {} is {newer}, and {older} in {}", self.subject(), self.pair.old.label);
        let help = format!("keep the default {older}");
        self.report_strictly(&rule::FIELD_DEFAULT_CHANGED, what, help, self.pair.both(reader.span, writer.span));
    }

    /// Finds an enum's default that has changed: old and new readers take different symbols for one that they do not know.
    pub(super) fn changed_enum_default(&mut self, reader: &'a Named, writer: &'a Named) {
        let ((_, Some(of_reader)), (_, Some(of_writer))) = (enum_of(reader), enum_of(writer)) else { return };
        if of_reader == of_writer {
            return;
        }
        let (newer, older) = (self.pair.newer(of_reader, of_writer), self.pair.older(of_reader, of_writer));
        let what =
            format!("the default of enum `{}` is `{newer}`, and `{older}` in {}", reader.name, self.pair.old.label);
        let help = format!("keep the default `{older}`");
        self.report_strictly(&rule::ENUM_DEFAULT_CHANGED, what, help, self.places_of_named(reader, writer));
    }

    /// As a warning that is an error for whoever is strict, and nothing for others.
    fn report_strictly(&mut self, rule: &'static Rule, what: String, help: String, places: Places) {
        if self.trials == 0 && self.found.are_strict() {
            self.push(rule, Severity::Warning, (what, help), places);
        }
    }
}
