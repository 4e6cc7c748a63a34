//! The normalised form of a file: the bytes that say what it means and nothing of how it is written.

use prost::Message;
use prost_reflect::{DynamicMessage, FileDescriptor, ReflectMessage};
use prost_types::FileDescriptorProto;

/// Returns the serialized FileDescriptorProto without comments and places, options of extensions included.
pub(super) fn without_places(file: &FileDescriptor) -> Vec<u8> {
    // prost-types would drop the options that are extensions, so this goes by reflection.
    let descriptor = FileDescriptorProto::default().descriptor();
    let bytes = file.encode_to_vec();
    match DynamicMessage::decode(descriptor, bytes.as_slice()) {
        Ok(mut message) => {
            message.clear_field_by_name("source_code_info");
            message.encode_to_vec()
        }
        Err(_) => bytes,
    }
}

/// Returns the bytes that the fingerprint is of: the file and, by name, every file that it imports, directly or not,
/// without the well-known ones.
pub(super) fn form(file: &FileDescriptor) -> Vec<u8> {
    let mut imported: Vec<FileDescriptor> = Vec::new();
    let mut waiting: Vec<FileDescriptor> = file.dependencies().collect();
    while let Some(next) = waiting.pop() {
        if !next.name().starts_with("google/protobuf/") && !imported.contains(&next) {
            waiting.extend(next.dependencies());
            imported.push(next);
        }
    }
    imported.sort_by(|a, b| a.name().cmp(b.name()));

    let mut form = Vec::new();
    for file in std::iter::once(file).chain(&imported) {
        let bytes = normalised(file);
        // The length keeps two files apart that could be cut in two ways.
        form.extend_from_slice(file_name(file, &imported).as_bytes());
        form.push(0);
        form.extend_from_slice(&bytes.len().to_be_bytes());
        form.extend_from_slice(&bytes);
    }
    form
}

/// The file's own name depends on who keeps it; the name of an import is part of the meaning.
fn file_name<'a>(file: &'a FileDescriptor, imported: &[FileDescriptor]) -> &'a str {
    if imported.contains(file) { file.name() } else { "" }
}

fn normalised(file: &FileDescriptor) -> Vec<u8> {
    let bytes = without_places(file);
    let descriptor = FileDescriptorProto::default().descriptor();
    let Ok(mut message) = DynamicMessage::decode(descriptor, bytes.as_slice()) else { return bytes };
    let proto = file.file_descriptor_proto();
    message.clear_field_by_name("name");
    for name in ["dependency", "public_dependency", "weak_dependency"] {
        message.clear_field_by_name(name);
    }
    if proto.syntax() == "proto2" {
        message.clear_field_by_name("syntax");
    }
    let mut normalised = Vec::new();
    for import in imports(proto) {
        normalised.extend_from_slice(import.as_bytes());
        normalised.push(0);
    }
    normalised.extend(message.encode_to_vec());
    normalised
}

/// Returns the imports in the order of their names, each with whether it is public: an unused order is no meaning.
fn imports(file: &FileDescriptorProto) -> Vec<String> {
    let is_public = |index: usize| file.public_dependency.iter().any(|&public| usize::try_from(public) == Ok(index));
    let mut imports: Vec<String> = file
        .dependency
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{}{name}", if is_public(index) { "public " } else { "" }))
        .collect();
    imports.sort();
    imports
}
