//! What a descriptor and the text that it was printed as say differently.
//!
//! In: two files, the first one linked, and the second one as it was parsed. Out: the first element whose index, name, number,
//! label or type is another one. The order of fields has no meaning. Options are not looked at, nor the names of what text has
//! no word for: the entries of maps, and the oneofs of `optional` fields.

use std::collections::HashMap;

use prost_types::field_descriptor_proto::Type;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    ServiceDescriptorProto,
};

use super::is_map_entry;

/// Returns the first element that differs.
pub(super) fn first(file: &FileDescriptorProto, printed: &FileDescriptorProto) -> Option<String> {
    let [one, other] = [file, printed].map(Scope::of_file);
    in_pairs(&file.message_type, &printed.message_type, |a, b| message(&one, a, b))
        .or_else(|| in_pairs(&file.enum_type, &printed.enum_type, enumeration))
        .or_else(|| fields((&one, &file.extension), (&other, &printed.extension)))
        .or_else(|| in_pairs(&file.service, &printed.service, service))
}

/// Where fields stand.
struct Scope<'a> {
    /// The full name, with a dot before each part.
    name: String,
    message: Option<&'a DescriptorProto>,
    /// The entries of maps by their names.
    entries: HashMap<&'a str, &'a DescriptorProto>,
}

/// What a field means to bytes, and what it is called.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Meaning<'a> {
    number: i32,
    extendee: &'a str,
    name: &'a str,
    label: i32,
    of_type: String,
    oneof: Option<&'a str>,
}

/// An element that has a name.
trait Named {
    /// Says which one it is.
    fn said(&self) -> String;
}

macro_rules! named {
    ($($type:ty: $word:literal),*) => {$(
        impl Named for $type {
            fn said(&self) -> String {
                format!(concat!("the ", $word, " `{}`"), self.name())
            }
        }
    )*};
}

named!(
    DescriptorProto: "message",
    EnumDescriptorProto: "enum",
    ServiceDescriptorProto: "service",
    MethodDescriptorProto: "method"
);

/// Compares elements by their index.
fn in_pairs<T: Named>(a: &[T], b: &[T], differs: impl Fn(&T, &T) -> Option<String>) -> Option<String> {
    let first = a.iter().zip(b).find_map(|(a, b)| differs(a, b));
    first.or_else(|| a.get(b.len()).or_else(|| b.get(a.len())).map(Named::said))
}

fn message(around: &Scope<'_>, a: &DescriptorProto, b: &DescriptorProto) -> Option<String> {
    if is_map_entry(a) && is_map_entry(b) {
        // Their fields are compared as the type of the map.
        return None;
    }
    if is_map_entry(a) || is_map_entry(b) || a.name() != b.name() {
        return Some(a.said());
    }
    let [one, other] = [a, b].map(|message| Scope::of_message(around, message));
    fields((&one, &a.field), (&other, &b.field))
        .or_else(|| in_pairs(&a.nested_type, &b.nested_type, |a, b| message(&one, a, b)))
        .or_else(|| in_pairs(&a.enum_type, &b.enum_type, enumeration))
        .or_else(|| fields((&one, &a.extension), (&other, &b.extension)))
}

type Fields<'a> = (&'a Scope<'a>, &'a [FieldDescriptorProto]);

fn fields(a: Fields<'_>, b: Fields<'_>) -> Option<String> {
    let [a, b] = [a, b].map(|(scope, fields)| {
        let mut meanings: Vec<_> = fields.iter().map(|field| scope.meaning(field)).collect();
        meanings.sort_unstable();
        meanings
    });
    let first = a.iter().zip(&b).find(|(a, b)| a != b).map(|(a, _)| a);
    first.or_else(|| a.get(b.len()).or_else(|| b.get(a.len()))).map(|field| format!("the field `{}`", field.name))
}

fn enumeration(a: &EnumDescriptorProto, b: &EnumDescriptorProto) -> Option<String> {
    let is_same = a.name() == b.name()
        && a.value.len() == b.value.len()
        && a.value.iter().zip(&b.value).all(|(a, b)| (a.name(), a.number()) == (b.name(), b.number()));
    (!is_same).then(|| a.said())
}

fn service(a: &ServiceDescriptorProto, b: &ServiceDescriptorProto) -> Option<String> {
    if a.name() == b.name() { in_pairs(&a.method, &b.method, method) } else { Some(a.said()) }
}

fn method(a: &MethodDescriptorProto, b: &MethodDescriptorProto) -> Option<String> {
    let is_same = (a.name(), a.input_type(), a.output_type()) == (b.name(), b.input_type(), b.output_type())
        && (a.client_streaming(), a.server_streaming()) == (b.client_streaming(), b.server_streaming());
    (!is_same).then(|| a.said())
}

impl<'a> Scope<'a> {
    fn of_file(file: &'a FileDescriptorProto) -> Self {
        let name = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
        Self { name, message: None, entries: HashMap::new() }
    }

    fn of_message(around: &Scope<'_>, message: &'a DescriptorProto) -> Self {
        let entries = message.nested_type.iter().filter(|nested| is_map_entry(nested));
        Self {
            name: format!("{}.{}", around.name, message.name()),
            message: Some(message),
            entries: entries.map(|entry| (entry.name(), entry)).collect(),
        }
    }

    fn meaning<'f>(&self, field: &'f FieldDescriptorProto) -> Meaning<'f>
    where
        'a: 'f,
    {
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        let oneof = oneof.and_then(|index| self.message?.oneof_decl.get(usize::try_from(index).ok()?));
        Meaning {
            number: field.number(),
            extendee: field.extendee(),
            name: field.name(),
            label: field.label().into(),
            of_type: self.type_of(field),
            oneof: oneof.map(|oneof| oneof.name()),
        }
    }

    fn type_of(&self, field: &FieldDescriptorProto) -> String {
        match self.entry_of(field) {
            Some(entry) => entry.field.iter().map(|field| format!("map {}", self.type_of(field))).collect(),
            // Its message stands beside the field, and is compared there.
            None if field.r#type() == Type::Group => "group".into(),
            None if field.type_name().is_empty() => field.r#type().as_str_name().into(),
            None => field.type_name().into(),
        }
    }

    /// The type of a map has its full name only where it is linked.
    fn entry_of(&self, field: &FieldDescriptorProto) -> Option<&'a DescriptorProto> {
        let of_type = field.type_name();
        let name = match of_type.starts_with('.') {
            true => of_type.strip_prefix(self.name.as_str())?.strip_prefix('.')?,
            false => of_type,
        };
        self.entries.get(name).copied()
    }
}
