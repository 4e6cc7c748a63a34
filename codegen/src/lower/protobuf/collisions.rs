//! Finds the names of a Protobuf file that become one name in Rust: prost-build would panic over them, or rustc refuse
//! its code.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FileDescriptor, MessageDescriptor};

use crate::names;
use crate::rust::Ident;

/// Returns one sentence for each pair; `taken` is a field that every message has without the file's doing.
pub(super) fn of_file(file: &FileDescriptor, taken: Option<&str>) -> Vec<String> {
    let mut types = Scope::types();
    file.messages().for_each(|message| types.add(message.name(), message.full_name()));
    file.enums().for_each(|one| types.add(one.name(), one.full_name()));
    let mut wrong = types.wrong;
    wrong.extend(file.messages().flat_map(|message| of_message(&message, taken)));
    wrong.extend(file.enums().flat_map(|one| of_enum(&one)));
    wrong
}

fn of_message(message: &MessageDescriptor, taken: Option<&str>) -> Vec<String> {
    // prost-build has no type for the entry of a map.
    let children: Vec<_> = message.child_messages().filter(|child| !child.is_map_entry()).collect();
    // A oneof is an enum in the message's module and a field of its struct.
    let oneofs: Vec<_> = message.oneofs().filter(|oneof| !oneof.is_synthetic()).collect();
    let mut types = Scope::types();
    children.iter().for_each(|child| types.add(child.name(), child.full_name()));
    message.child_enums().for_each(|one| types.add(one.name(), one.full_name()));
    oneofs.iter().for_each(|oneof| types.add(oneof.name(), oneof.full_name()));
    let mut fields = Scope::fields();
    fields.seen.extend(taken.map(|name| (name.to_owned(), "what `preserve_unknown` adds".to_owned())));
    let plain = message.fields().filter(|field| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()));
    plain.for_each(|field| fields.add(field.name(), field.full_name()));
    oneofs.iter().for_each(|oneof| fields.add(oneof.name(), oneof.full_name()));
    let mut wrong = types.wrong;
    wrong.extend(fields.wrong);
    for oneof in &oneofs {
        let mut variants = Scope::variants();
        oneof.fields().for_each(|field| variants.add(field.name(), field.full_name()));
        wrong.extend(variants.wrong);
    }
    wrong.extend(children.iter().flat_map(|child| of_message(child, taken)));
    wrong.extend(message.child_enums().flat_map(|one| of_enum(&one)));
    wrong
}

fn of_enum(one: &EnumDescriptor) -> Vec<String> {
    let prefix = names::upper_camel(one.name()).to_string();
    let mut variants = Scope::variants();
    let mut numbers = Vec::new();
    // In the order of the file: of values with one number, aliases, prost-build takes the first.
    for value in &one.enum_descriptor_proto().value {
        if numbers.contains(&value.number()) {
            continue;
        }
        numbers.push(value.number());
        let name = names::upper_camel(value.name()).to_string();
        // prost-build leaves out the enum's own name, unless what is left is no name.
        let rest = name.strip_prefix(&prefix).filter(|rest| rest.starts_with(char::is_uppercase));
        variants.add(rest.unwrap_or(&name), &format!("{}.{}", one.full_name(), value.name()));
    }
    variants.wrong
}

/// The names of one scope in Rust, and which of them several names of the file have become.
struct Scope {
    kind: &'static str,
    name_in_rust: fn(&str) -> Ident,
    /// What each is in the file, for messages.
    seen: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Scope {
    fn types() -> Self {
        Self::new("type", names::upper_camel)
    }

    fn variants() -> Self {
        Self::new("variant", names::upper_camel)
    }

    fn fields() -> Self {
        Self::new("field", names::snake)
    }

    fn new(kind: &'static str, name_in_rust: fn(&str) -> Ident) -> Self {
        Self { kind, name_in_rust, seen: BTreeMap::new(), wrong: Vec::new() }
    }

    fn add(&mut self, name: &str, full_name: &str) {
        let ident = (self.name_in_rust)(name);
        if let Some(other) = self.seen.insert(ident.to_string(), format!("`{full_name}`")) {
            self.wrong.push(format!("`{full_name}` and {other} are one {} `{ident}` in Rust", self.kind));
        }
    }
}
