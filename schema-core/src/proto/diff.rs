//! What two `.proto` files differ in. Messages and enums are told by their names within the package, fields and enum values
//! by their numbers, as on the wire.

use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, Syntax};

use super::Schema;
use crate::diff::{Change, ChangeKind, paired};

/// The path of an element in its descriptor.
type Path<'p> = &'p [i32];

/// What a change is about: its name, and where it stands in the newer file.
type Place<'p> = (&'p str, Path<'p>);

/// The number of `package` in FileDescriptorProto, and that of `syntax`.
const PACKAGE: Path<'static> = &[2];
const SYNTAX: Path<'static> = &[12];

pub(crate) fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let mut diff = Diff { old, new, changes: Vec::new() };
    let (older, newer) = (old.file(), new.file());
    let syntax = |file: &FileDescriptor| if file.syntax() == Syntax::Proto2 { "proto2" } else { "proto3" }.to_owned();
    diff.compare(ChangeKind::Changed, "syntax", ("/", SYNTAX), (syntax(older), syntax(newer)));
    let package = |file: &FileDescriptor| file.package_name().to_owned();
    diff.compare(ChangeKind::Renamed, "package", ("/", PACKAGE), (package(older), package(newer)));
    diff.messages(older.messages().collect(), newer.messages().collect());
    diff.enums(older.enums().collect(), newer.enums().collect());
    diff.changes
}

struct Diff<'a> {
    old: &'a Schema,
    new: &'a Schema,
    changes: Vec<Change>,
}

impl Diff<'_> {
    fn messages(&mut self, old: Vec<MessageDescriptor>, new: Vec<MessageDescriptor>) {
        let [old, new] = [old, new].map(|all| all.into_iter().filter(|one| !one.is_map_entry()).collect::<Vec<_>>());
        for pair in paired(&old, &new, |message| message.name().to_owned()) {
            match pair {
                (Some(older), Some(newer)) => self.message(older, newer),
                (None, Some(newer)) => self.added("message", local_name(newer.full_name(), self.new), newer.path()),
                (Some(older), None) => {
                    self.removed("message", local_name(older.full_name(), self.old), String::new(), older.path());
                }
                (None, None) => {}
            }
        }
    }

    fn message(&mut self, old: &MessageDescriptor, new: &MessageDescriptor) {
        let path = local_name(new.full_name(), self.new).to_owned();
        let (older, newer): (Vec<_>, Vec<_>) = (old.fields().collect(), new.fields().collect());
        for pair in paired(&older, &newer, FieldDescriptor::number) {
            match pair {
                (Some(older), Some(newer)) => self.field(&path, older, newer),
                (None, Some(newer)) => {
                    let text = (String::new(), field_text(self.new, newer));
                    let path = format!("{path}.{}", newer.name());
                    self.push(ChangeKind::Added, "field", (&path, newer.path()), text);
                }
                (Some(older), None) => {
                    let text = field_text(self.old, older);
                    self.removed("field", &format!("{path}.{}", older.name()), text, older.path());
                }
                (None, None) => {}
            }
        }
        self.messages(old.child_messages().collect(), new.child_messages().collect());
        self.enums(old.child_enums().collect(), new.child_enums().collect());
    }

    fn field(&mut self, path: &str, old: &FieldDescriptor, new: &FieldDescriptor) {
        let path = format!("{path}.{}", new.name());
        let at = (path.as_str(), new.path());
        let names = (old.name().to_owned(), new.name().to_owned());
        self.compare(ChangeKind::Renamed, "field", at, names);
        let texts = (type_text(self.old, old), type_text(self.new, new));
        self.compare(ChangeKind::Retyped, "field", at, texts);
        let oneof = |field: &FieldDescriptor| {
            let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
            oneof.map(|oneof| oneof.name().to_owned()).unwrap_or_default()
        };
        self.compare(ChangeKind::Moved, "oneof of field", at, (oneof(old), oneof(new)));
        let json = |field: &FieldDescriptor| field.json_name().to_owned();
        if old.name() == new.name() {
            self.compare(ChangeKind::Changed, "json_name", at, (json(old), json(new)));
        }
        let default = |field: &FieldDescriptor| field.field_descriptor_proto().default_value().to_owned();
        self.compare(ChangeKind::Changed, "default", at, (default(old), default(new)));
    }

    fn enums(&mut self, old: Vec<EnumDescriptor>, new: Vec<EnumDescriptor>) {
        for pair in paired(&old, &new, |one| one.name().to_owned()) {
            match pair {
                (Some(older), Some(newer)) => self.values(older, newer),
                (None, Some(newer)) => self.added("enum", local_name(newer.full_name(), self.new), newer.path()),
                (Some(older), None) => {
                    self.removed("enum", local_name(older.full_name(), self.old), String::new(), older.path());
                }
                (None, None) => {}
            }
        }
    }

    fn values(&mut self, old: &EnumDescriptor, new: &EnumDescriptor) {
        let path = local_name(new.full_name(), self.new).to_owned();
        let values = |one: &EnumDescriptor| {
            let values = one.values().map(|value| (value.number(), value.name().to_owned(), value.path().to_vec()));
            values.collect::<Vec<_>>()
        };
        let (older, newer) = (values(old), values(new));
        for pair in paired(&older, &newer, |(number, ..)| *number) {
            match pair {
                (Some((_, was, _)), Some((_, name, at))) => {
                    let path = format!("{path}.{name}");
                    self.compare(ChangeKind::Renamed, "value", (&path, at), (was.clone(), name.clone()));
                }
                (None, Some((number, name, at))) => {
                    let texts = (String::new(), number.to_string());
                    self.push(ChangeKind::Added, "value", (&format!("{path}.{name}"), at), texts);
                }
                (Some((number, name, at)), None) => {
                    self.removed("value", &format!("{path}.{name}"), number.to_string(), at);
                }
                (None, None) => {}
            }
        }
    }

    fn added(&mut self, element: &'static str, path: &str, at: Path<'_>) {
        self.push(ChangeKind::Added, element, (path, at), (String::new(), String::new()));
    }

    fn compare(&mut self, kind: ChangeKind, element: &'static str, at: Place<'_>, texts: (String, String)) {
        if texts.0 != texts.1 {
            self.push(kind, element, at, texts);
        }
    }

    fn removed(&mut self, element: &'static str, path: &str, old: String, at: Path<'_>) {
        let (source, position) = self.old.position_of(self.old.file(), at);
        let (source, path, new) = (source.to_owned(), path.to_owned(), String::new());
        self.changes.push(Change { kind: ChangeKind::Removed, element, path, old, new, source, position });
    }

    fn push(&mut self, kind: ChangeKind, element: &'static str, at: Place<'_>, (old, new): (String, String)) {
        let (path, at) = at;
        let (source, position) = self.new.position_of(self.new.file(), at);
        let (source, path) = (source.to_owned(), path.to_owned());
        self.changes.push(Change { kind, element, path, old, new, source, position });
    }
}

/// Returns a name without the package of its file.
fn local_name<'n>(full_name: &'n str, schema: &Schema) -> &'n str {
    let within = full_name.strip_prefix(schema.file().package_name());
    within.map_or(full_name, |rest| rest.trim_start_matches('.'))
}

fn field_text(schema: &Schema, field: &FieldDescriptor) -> String {
    format!("{} = {}", type_text(schema, field), field.number())
}

/// Returns a field's type in a line, with its label: `repeated Item`, `optional int32`.
fn type_text(schema: &Schema, field: &FieldDescriptor) -> String {
    let word = |field: &FieldDescriptor| match field.kind() {
        prost_reflect::Kind::Message(message) => local_name(message.full_name(), schema).to_owned(),
        prost_reflect::Kind::Enum(one) => local_name(one.full_name(), schema).to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    if let prost_reflect::Kind::Message(entry) = field.kind()
        && field.is_map()
    {
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        return format!("map<{}, {}>", word(&key), word(&value));
    }
    let is_written = field.field_descriptor_proto().proto3_optional() || field.parent_file().syntax() == Syntax::Proto2;
    let label = match () {
        () if field.is_required() => "required ",
        () if field.is_list() => "repeated ",
        () if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) => "",
        () if is_written => "optional ",
        () => "",
    };
    format!("{label}{}", word(field))
}
