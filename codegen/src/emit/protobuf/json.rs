//! The serde attributes that give prost's types the JSON mapping of Protobuf (protobuf.dev, "ProtoJSON format").
//!
//! Fields get theirs through prost-build, which knows them by path. Types get theirs afterwards: prost-build matches a
//! path by its beginning, so that what is meant for a message would go to the messages inside it as well, and what is
//! meant for a oneof to its fields.

use prost_build::Config;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use quote::{ToTokens, quote};
use syn::{Attribute, Item, ItemStruct, Path, parse_quote};

use super::read;
use crate::ir::SharedImport;
use crate::names;

/// Adds the attributes of every field and enum value of the file; `wire` is the path to `eventwright-wire` as text.
pub(super) fn field_attributes(config: &mut Config, file: &FileDescriptorProto, shared: &[SharedImport], wire: &str) {
    let package = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
    let mut attributes = Attributes { config, shared, wire, package: package.clone() };
    for one in &file.enum_type {
        attributes.enumeration(&package, one);
    }
    for message in &file.message_type {
        attributes.message(&package, message);
    }
}

/// Adds serde's derives and what they need to every type that prost-build generated.
pub(super) fn derive(items: &mut Vec<Item>, wire: &Path) {
    let serde = quote!(#wire::serde).to_string().replace(' ', "");
    let readers = items.iter().filter_map(|item| match item {
        Item::Struct(message) => Some(read::implementation(message, items, wire)),
        _ => None,
    });
    let readers: Vec<_> = readers.collect();
    for item in items.iter_mut() {
        match item {
            Item::Struct(message) => derive_message(message, wire, &serde),
            // A oneof is read with the message around it.
            Item::Enum(one) if prost_says(&one.attrs, "Oneof") => {
                one.attrs.push(parse_quote!(#[derive(#wire::serde::Serialize)]));
                one.attrs.push(parse_quote!(#[serde(crate = #serde)]));
            }
            Item::Enum(one) => {
                one.attrs.push(parse_quote!(#[derive(#wire::serde::Serialize, #wire::serde::Deserialize)]));
                one.attrs.push(parse_quote!(#[serde(crate = #serde)]));
            }
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    derive(items, wire);
                }
            }
            _ => {}
        }
    }
    items.extend(readers);
}

fn derive_message(message: &mut ItemStruct, wire: &Path, serde: &str) {
    let mut has_map = false;
    for field in &mut message.fields {
        has_map |= prost_says(&field.attrs, "btree_map =");
        if prost_says(&field.attrs, "oneof =") && !is_skipped(&field.attrs) {
            field.attrs.push(parse_quote!(#[serde(flatten)]));
        }
    }
    message.attrs.push(parse_quote!(#[derive(#wire::serde::Serialize)]));
    message.attrs.push(parse_quote!(#[serde(crate = #serde)]));
    if has_map {
        // prost's own `Debug` of a BTreeMap names the crate `prost` whatever prost_path says (prost-derive 0.14.4).
        message.attrs.push(parse_quote!(#[prost(skip_debug)]));
        message.attrs.push(parse_quote!(#[derive(Debug)]));
    }
}

/// Returns whether the field is not part of the JSON form.
pub(super) fn is_skipped(attributes: &[Attribute]) -> bool {
    let says_skip = |attribute: &Attribute| attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "skip");
    attributes.iter().any(|attribute| attribute.path().is_ident("serde") && says_skip(attribute))
}

/// Returns whether one of the attributes, derives among them, says that of prost.
pub(super) fn prost_says(attributes: &[Attribute], word: &str) -> bool {
    attributes.iter().filter(|attribute| !attribute.path().is_ident("doc")).any(|attribute| {
        let text = attribute.to_token_stream().to_string();
        text.contains("prost") && text.contains(word)
    })
}

struct Attributes<'c> {
    config: &'c mut Config,
    shared: &'c [SharedImport],
    wire: &'c str,
    /// The package as the front of a path: `.a.b`, or nothing.
    package: String,
}

impl Attributes<'_> {
    fn enumeration(&mut self, scope: &str, one: &EnumDescriptorProto) {
        let path = format!("{scope}.{}", one.name());
        for value in &one.value {
            self.config.field_attribute(format!("{path}.{}", value.name()), rename(value.name()));
        }
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let path = format!("{scope}.{}", message.name());
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        for field in &message.field {
            self.field(&path, message, field);
        }
        for one in &message.enum_type {
            self.enumeration(&path, one);
        }
        for nested in &message.nested_type {
            self.message(&path, nested);
        }
    }

    fn field(&mut self, message_path: &str, message: &DescriptorProto, field: &FieldDescriptorProto) {
        let in_oneof = field.oneof_index.is_some() && !field.proto3_optional();
        let oneof = field.oneof_index.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
        let path = match oneof.filter(|_| in_oneof) {
            Some(oneof) => format!("{message_path}.{}.{}", oneof.name(), field.name()),
            None => format!("{message_path}.{}", field.name()),
        };
        let mut attribute = rename(field.json_name());
        if field.json_name() != field.name() {
            attribute += &format!("\n#[serde(alias = \"{}\")]", field.name());
        }
        // A required field is there whatever its value, and its default may be another than JSON's.
        if !in_oneof && field.label() != Label::Required {
            attribute += &format!("\n#[serde(skip_serializing_if = \"{}::proto::is_default\")]", self.wire);
        }
        // A map's form is that of its values.
        let value = map_value(message, field).unwrap_or(field);
        if let Some(with) = self.with(message_path, in_oneof, value) {
            attribute += &format!("\n#[serde(with = \"{with}\")]");
        }
        self.config.field_attribute(path, attribute);
    }

    /// Returns the module or type whose functions write and read the field; `None` where serde's own form is right.
    fn with(&self, message_path: &str, in_oneof: bool, field: &FieldDescriptorProto) -> Option<String> {
        let wire = self.wire;
        match field.r#type() {
            Type::Int64 | Type::Uint64 | Type::Sint64 | Type::Fixed64 | Type::Sfixed64 => {}
            Type::Float | Type::Double | Type::Bytes => {}
            Type::Message if is_well_known(field.type_name()) => {}
            Type::Enum => {
                let path = self.enum_path(message_path, in_oneof, field.type_name())?;
                return Some(format!("{wire}::proto::Enumeration::<{path}>"));
            }
            _ => return None,
        }
        Some(format!("{wire}::proto"))
    }

    /// Returns the Rust path of an enum of a shared type, by the alias that is the same at each depth.
    fn shared_enum(&self, enum_name: &str) -> Option<String> {
        let types =
            self.shared.iter().flat_map(|import| import.types.iter().map(move |(name, _)| (name, &import.alias)));
        types.into_iter().find_map(|(name, alias)| {
            let inside =
                enum_name.strip_prefix(name.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
            let outermost = name.rsplit('.').next()?;
            Some(format!("{alias}::{}", path_inside(&format!("{outermost}{inside}"))))
        })
    }

    /// Returns the Rust path of an enum of this package from where the message's struct stands: prost puts what is
    /// nested in a message into a module of the message's name.
    fn enum_path(&self, message_path: &str, in_oneof: bool, enum_name: &str) -> Option<String> {
        if let Some(path) = self.shared_enum(enum_name) {
            return Some(path);
        }
        let inside =
            |path: &str| path.strip_prefix(&self.package).map(|inside| inside.trim_start_matches('.').to_owned());
        let (message, one) = (inside(message_path)?, inside(enum_name)?);
        // A oneof's enum stands in the module of its message, one deeper than the message itself.
        let depth = message.matches('.').count() + usize::from(in_oneof);
        Some(format!("{}{}", "super::".repeat(depth), path_inside(&one)))
    }
}

/// Returns the Rust path of a type from its file's module; `name` is its full name without the package.
fn path_inside(name: &str) -> String {
    let (outer, ident) = name.rsplit_once('.').unwrap_or(("", name));
    let outer = outer.split('.').filter(|part| !part.is_empty());
    let modules: String = outer.map(|part| format!("{}::", names::snake(part))).collect();
    format!("{modules}{}", names::upper_camel(ident))
}

/// Whether prost has a type of its own for the message, with a JSON mapping that is not serde's.
fn is_well_known(name: &str) -> bool {
    let name = name.strip_prefix(".google.protobuf.").unwrap_or_default();
    let times = ["Timestamp", "Duration"];
    let wrappers = ["DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "BytesValue"];
    times.contains(&name) || wrappers.contains(&name)
}

fn rename(name: &str) -> String {
    format!("#[serde(rename = \"{name}\")]")
}

fn map_value<'m>(message: &'m DescriptorProto, field: &FieldDescriptorProto) -> Option<&'m FieldDescriptorProto> {
    if field.label() != Label::Repeated || field.r#type() != Type::Message {
        return None;
    }
    let name = field.type_name().rsplit('.').next()?;
    let entry = message.nested_type.iter().find(|nested| nested.name() == name)?;
    entry.options.as_ref().filter(|options| options.map_entry())?;
    entry.field.iter().find(|field| field.number() == 2)
}
