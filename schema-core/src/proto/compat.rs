//! Whether a reader's `.proto` file can read what a writer's file writes.
//!
//! In: two schemas. Out: all findings. The rules are those of `io.confluent.kafka.schemaregistry.protobuf.diff`, and so
//! is the set of differences that are compatible: what is added, what is removed but for messages, required fields and
//! members of a oneof, names, enum values, and scalars that share an encoding (protobuf.dev, "Updating A Message
//! Type").
//!
//! Confluent's registry reads only text, and so it does not look at groups and extensions, nor at the label of a
//! proto3 field that has none. What it would find there are warnings here: its verdict is kept, nothing is silent.

mod field;
mod strict;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor};

use self::field::Member;
use super::witness::Fields;
use super::{Element, Schema};
use crate::compat::{Draft, Findings, Pair, Places, Rule, Severity, rule};

/// Adds everything that keeps the pair's reader from reading what its writer writes.
pub(crate) fn check(pair: &Pair<'_, Schema>, found: &mut Findings) {
    let (reader, writer) = (pair.reader().schema.file(), pair.writer().schema.file());
    let mut comparison = Comparison::new(pair, found);
    comparison.package(reader, writer);
    comparison.messages(reader.messages(), writer.messages(), &Element::of(reader.clone(), &[]));
    comparison.enums(reader.enums(), writer.enums());
    comparison.extensions(reader, writer);
    comparison.imported_messages();
}

struct Comparison<'a> {
    pair: &'a Pair<'a, Schema>,
    reader_groups: HashSet<String>,
    writer_groups: HashSet<String>,
    /// Messages from imports that fields use, with the field; they are compared when the files are done, one after
    /// the other, so that types that refer to each other end and no chain of them is too long.
    uses: Vec<Use>,
    waiting: VecDeque<Messages>,
    /// The steps after `#`.
    path: Vec<String>,
    severity: Severity,
    /// The fields that are being compared, if it is fields.
    fields: Option<Fields>,
    /// The imported message that is being compared: what is found is found in it.
    within: Option<(String, String)>,
    /// The imported messages that have findings.
    broken: Vec<(String, String)>,
    found: &'a mut Findings,
}

/// Two messages of one name.
#[derive(Clone)]
struct Messages {
    reader: MessageDescriptor,
    writer: MessageDescriptor,
}

/// A field whose type is imported: when the type turns out to be incompatible, so is the field.
struct Use {
    within: Option<(String, String)>,
    of: (String, String),
    path: Vec<String>,
    severity: Severity,
    fields: Option<Fields>,
    texts: (String, String),
    reader: Element,
    writer: Element,
}

impl<'a> Comparison<'a> {
    fn new(pair: &'a Pair<'a, Schema>, found: &'a mut Findings) -> Self {
        Self {
            pair,
            reader_groups: groups(pair.reader().schema.file()),
            writer_groups: groups(pair.writer().schema.file()),
            uses: Vec::new(),
            waiting: VecDeque::new(),
            path: Vec::new(),
            severity: Severity::Error,
            fields: None,
            within: None,
            broken: Vec::new(),
            found,
        }
    }

    fn package(&mut self, reader: &FileDescriptor, writer: &FileDescriptor) {
        /// The number of `package` in FileDescriptorProto.
        const PACKAGE: i32 = 2;
        if reader.package_name() == writer.package_name() {
            return;
        }
        let newer = self.pair.newer(reader, writer).package_name();
        let older = self.pair.older(reader, writer).package_name();
        let what = format!("the package is {}, and {} in {}", named(newer), named(older), self.pair.old.label);
        let help = format!("keep the package {}", named(older));
        let of = |file: &FileDescriptor| Element { file: file.clone(), path: vec![PACKAGE] };
        let (reader, writer) = (of(reader), of(writer));
        self.report(&rule::PACKAGE_CHANGED, (what, help), self.pair.both(reader, writer));
    }

    fn messages(
        &mut self,
        reader: impl Iterator<Item = MessageDescriptor>,
        writer: impl Iterator<Item = MessageDescriptor>,
        around: &Element,
    ) {
        let readers: HashMap<String, MessageDescriptor> =
            reader.map(|message| (message.name().to_owned(), message)).collect();
        for writer in writer.filter(|message| !message.is_map_entry()) {
            self.path.push(writer.name().to_owned());
            match readers.get(writer.name()) {
                Some(reader) if !reader.is_map_entry() => self.message(reader, &writer),
                _ => self.message_removed(&writer, around),
            }
            self.path.pop();
        }
    }

    fn message_removed(&mut self, writer: &MessageDescriptor, around: &Element) {
        if self.writer_groups.contains(writer.full_name()) {
            return;
        }
        let name = writer.full_name();
        let what = format!("message `{name}` is missing in {}", self.pair.reader().label);
        let help = self.pair.newer(
            format!("keep message `{name}`"),
            format!("define `{name}` in a file of its own, under a subject of its own"),
        );
        let element = Element::of_message(writer);
        self.report(&rule::MESSAGE_REMOVED, (what, help), self.only_of_writer(element, around.clone()));
    }

    fn message(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        // A group's message is compared where its field is.
        if !self.reader_groups.contains(reader.full_name()) && !self.writer_groups.contains(writer.full_name()) {
            self.message_body(reader, writer);
        }
    }

    fn message_body(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        self.oneofs(reader, writer);
        self.fields(reader, writer);
        self.messages(reader.child_messages(), writer.child_messages(), &Element::of_message(reader));
        self.enums(reader.child_enums(), writer.child_enums());
    }

    /// Fields that could be set together before must not exclude each other now: of two that are written, a reader
    /// whose oneof has both keeps one.
    fn oneofs(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        for oneof in reader.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let written: Vec<_> = oneof
                .fields()
                .filter(|field| !field.is_group())
                .filter_map(|field| member(writer, field.number()))
                .collect();
            let alone = written.iter().filter(|field| oneof_name(field).is_none()).count();
            let oneofs: HashSet<_> = written.iter().filter_map(oneof_name).collect();
            if alone + oneofs.len() < 2 {
                continue;
            }
            let rule =
                if alone > 1 { &rule::MULTIPLE_FIELDS_MOVED_TO_ONEOF } else { &rule::FIELD_MOVED_TO_EXISTING_ONEOF };
            let fields: Vec<_> = written.iter().map(|field| format!("`{}`", field.name())).collect();
            let what = format!(
                "oneof `{}` of {} keeps one of the fields {}, which {} can write together",
                oneof.name(),
                self.pair.reader().label,
                fields.join(", "),
                self.pair.writer().label,
            );
            let help = self.pair.newer(
                "leave all of them but one outside the oneof".into(),
                format!("keep them in the oneof `{}`", oneof.name()),
            );
            let (of_reader, of_writer) = (Element::of(oneof.parent_file(), oneof.path()), Element::of_message(writer));
            self.path.push(oneof.name().to_owned());
            self.within_fields((reader, writer), written.iter().map(FieldDescriptor::number).collect(), |comparison| {
                comparison.report(rule, (what, help), comparison.pair.both(of_reader, of_writer));
            });
            self.path.pop();
        }
    }

    fn fields(&mut self, reader: &MessageDescriptor, writer: &MessageDescriptor) {
        let mut numbers: BTreeMap<u32, [Option<FieldDescriptor>; 2]> = BTreeMap::new();
        for (side, message) in [reader, writer].into_iter().enumerate() {
            for field in message.fields() {
                let both = numbers.entry(field.number()).or_default();
                both.iter_mut().skip(side).take(1).for_each(|one| *one = Some(field.clone()));
            }
        }
        let deleted = deleted_oneofs(reader, writer);
        for (number, both) in numbers {
            let steps = self.enter_field(number, &both);
            self.within_fields((reader, writer), vec![number], |comparison| match both {
                [Some(reader), Some(writer)] => {
                    comparison.member(&Member::of_field(&reader), &Member::of_field(&writer));
                    comparison.same_number(&reader, &writer);
                }
                [Some(field), None] => comparison.only_in_reader(&field, writer),
                [None, Some(field)] => {
                    comparison.only_in_writer(&field, reader, &deleted);
                    comparison.same_name(&field, reader);
                }
                [None, None] => {}
            });
            self.path.truncate(self.path.len() - steps);
        }
    }

    /// Goes to where Confluent sees the field: in its oneof, if it is in one.
    fn enter_field(&mut self, number: u32, [reader, writer]: &[Option<FieldDescriptor>; 2]) -> usize {
        let current = reader.as_ref().or(writer.as_ref());
        let oneof = current.and_then(oneof_name);
        let steps = 1 + usize::from(oneof.is_some());
        self.path.extend(oneof);
        self.path.push(number.to_string());
        steps
    }

    fn only_in_reader(&mut self, field: &FieldDescriptor, writer: &MessageDescriptor) {
        if !field.is_required() {
            return;
        }
        let name = field.full_name();
        let what = format!("required field `{name}` is missing in {}", self.pair.writer().label);
        let help = self.pair.newer("make the field optional".into(), format!("keep field `{name}`"));
        let (element, around) = (Element::of_field(field), Element::of_message(writer));
        self.with_severity_of(field.is_group(), |comparison| {
            let places = comparison.only_of_reader(element, around);
            comparison.report(&rule::REQUIRED_FIELD_ADDED, (what, help), places);
        });
    }

    fn only_in_writer(&mut self, field: &FieldDescriptor, reader: &MessageDescriptor, deleted: &HashSet<String>) {
        let name = field.full_name();
        let lacking = self.pair.reader().label;
        let (rule, what, mend) = match oneof_name(field) {
            Some(oneof) if deleted.contains(&oneof) => return,
            Some(oneof) => (
                &rule::ONEOF_FIELD_REMOVED,
                format!("field `{name}` of the oneof `{oneof}` is missing in {lacking}"),
                format!("put `{name}` outside the oneof, or leave it out"),
            ),
            None if field.is_required() => (
                &rule::REQUIRED_FIELD_REMOVED,
                format!("required field `{name}` is missing in {lacking}"),
                "make the field optional".to_owned(),
            ),
            None => return,
        };
        let help = self.pair.newer(format!("keep field `{name}`"), mend);
        let (element, around) = (Element::of_field(field), Element::of_message(reader));
        self.with_severity_of(field.is_group(), |comparison| {
            let places = comparison.only_of_writer(element, around);
            comparison.report(rule, (what, help), places);
        });
    }

    fn within_fields(
        &mut self,
        (reader, writer): (&MessageDescriptor, &MessageDescriptor),
        numbers: Vec<u32>,
        compare: impl FnOnce(&mut Self),
    ) {
        let fields = Fields { reader: reader.clone(), writer: writer.clone(), numbers };
        let around = self.fields.replace(fields);
        compare(self);
        self.fields = around;
    }

    /// What Confluent does not look at is a warning.
    fn with_severity_of(&mut self, is_overlooked: bool, compare: impl FnOnce(&mut Self)) {
        let before = self.severity;
        if is_overlooked {
            self.severity = Severity::Warning;
        }
        compare(self);
        self.severity = before;
    }

    /// Extensions are fields that another message declares: compared by the extended message and their number.
    fn extensions(&mut self, reader: &FileDescriptor, writer: &FileDescriptor) {
        let readers: HashMap<_, _> = all_extensions(reader).into_iter().map(|one| (extension_key(&one), one)).collect();
        for writer in all_extensions(writer) {
            let key = extension_key(&writer);
            let Some(reader) = readers.get(&key) else { continue };
            self.path.extend([format!("extend {}", key.0), key.1.to_string()]);
            self.with_severity_of(true, |comparison| {
                comparison.member(&Member::of_extension(reader), &Member::of_extension(&writer));
            });
            self.path.truncate(self.path.len() - 2);
        }
    }

    /// Compares the messages that fields use from imports, and then says of each field whether it can.
    fn imported_messages(&mut self) {
        let mut seen = HashSet::new();
        while let Some(messages) = self.waiting.pop_front() {
            let key = messages.key();
            if !seen.insert(key.clone()) {
                continue;
            }
            self.path = local_name(&messages.writer).split('.').map(str::to_owned).collect();
            self.within = Some(key);
            self.message(&messages.reader, &messages.writer);
        }
        let mut uses: HashMap<(String, String), Vec<Use>> = HashMap::new();
        for one in std::mem::take(&mut self.uses) {
            uses.entry(one.of.clone()).or_default().push(one);
        }
        // An import that uses a broken import is broken as well, and joins the end of the list.
        let mut next = 0;
        while let Some(broken) = self.broken.get(next) {
            for one in uses.remove(broken).unwrap_or_default() {
                (self.path, self.severity, self.within) = (one.path, one.severity, one.within);
                self.fields = one.fields;
                let places = self.pair.both(one.reader, one.writer);
                self.report(&rule::FIELD_NAMED_TYPE_CHANGED, one.texts, places);
            }
            next += 1;
        }
    }

    fn report(&mut self, rule: &'static Rule, (what, help): (String, String), places: Places<Element>) {
        if self.severity == Severity::Error {
            // All that is found in one message is found one after the other, so that the list has it about once.
            self.broken.extend(self.within.clone().filter(|within| self.broken.last() != Some(within)));
        }
        let Self { pair, path, severity, fields, .. } = self;
        let draft = Draft { rule, severity: *severity, path: format!("#/{}", path.join("/")), what, help, places };
        pair.report(draft, self.found, || fields.as_ref()?.prove());
    }

    /// What only the reader has: `around` is where the writer lacks it.
    fn only_of_reader(&self, element: Element, around: Element) -> Places<Element> {
        let new = self.pair.newer(element.clone(), around);
        Places { reader: Some(element), writer: None, new }
    }

    /// What only the writer has: `around` is where the reader lacks it.
    fn only_of_writer(&self, element: Element, around: Element) -> Places<Element> {
        let new = self.pair.newer(around, element.clone());
        Places { reader: None, writer: Some(element), new }
    }
}

impl Messages {
    fn key(&self) -> (String, String) {
        (self.reader.full_name().to_owned(), self.writer.full_name().to_owned())
    }
}

impl Element {
    fn of(file: FileDescriptor, path: &[i32]) -> Self {
        Self { file, path: path.to_vec() }
    }

    fn of_message(message: &MessageDescriptor) -> Self {
        Self::of(message.parent_file(), message.path())
    }

    fn of_field(field: &FieldDescriptor) -> Self {
        Self::of(field.parent_file(), field.path())
    }
}

/// Returns the field's oneof, unless it is the one that stands for a proto3 `optional`.
fn oneof_name(field: &FieldDescriptor) -> Option<String> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic()).map(|oneof| oneof.name().to_owned())
}

fn member(message: &MessageDescriptor, number: u32) -> Option<FieldDescriptor> {
    message.get_field(number).filter(|field| !field.is_group())
}

/// Returns the writer's oneofs that the reader has neither by name nor by any of their fields: to remove a whole oneof
/// is to remove optional fields.
fn deleted_oneofs(reader: &MessageDescriptor, writer: &MessageDescriptor) -> HashSet<String> {
    let kept: HashSet<_> = reader.oneofs().map(|oneof| oneof.name().to_owned()).collect();
    let deleted = writer.oneofs().filter(|oneof| {
        !kept.contains(oneof.name()) && oneof.fields().all(|field| reader.get_field(field.number()).is_none())
    });
    deleted.map(|oneof| oneof.name().to_owned()).collect()
}

/// Returns the full names of the messages that are the bodies of groups.
fn groups(file: &FileDescriptor) -> HashSet<String> {
    let pool = file.parent_pool();
    let fields = pool.all_messages().flat_map(|message| {
        let groups = message.fields().filter(|field| field.is_group()).map(|field| field.kind());
        groups.collect::<Vec<_>>()
    });
    let extensions = pool.all_extensions().filter(|extension| extension.is_group()).map(|extension| extension.kind());
    fields.chain(extensions).filter_map(|kind| Some(kind.as_message()?.full_name().to_owned())).collect()
}

/// Returns the name without the package of the file that defines it.
fn local_name(message: &MessageDescriptor) -> &str {
    let name = message.full_name();
    name.strip_prefix(message.package_name()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}

fn all_extensions(file: &FileDescriptor) -> Vec<ExtensionDescriptor> {
    let mut extensions: Vec<_> = file.extensions().collect();
    let mut waiting: Vec<_> = file.messages().collect();
    while let Some(message) = waiting.pop() {
        extensions.extend(message.child_extensions());
        waiting.extend(message.child_messages());
    }
    extensions.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    extensions
}

fn extension_key(extension: &ExtensionDescriptor) -> (String, u32) {
    (extension.containing_message().full_name().to_owned(), extension.number())
}

fn named(package: &str) -> String {
    if package.is_empty() { "not given".into() } else { format!("`{package}`") }
}

#[cfg(test)]
mod tests;
