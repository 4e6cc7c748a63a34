//! Compiles `.proto` text in memory.
//!
//! In: the text, or base64 of a serialized FileDescriptorProto, and the texts that it imports. Out: a [`Schema`] in a
//! descriptor pool of its own, or everything that is wrong, each with its place. The text may come from anybody: its
//! length and its nesting are bounded before protox sees it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::error::Error as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use miette::{Diagnostic as _, LabeledSpan};
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool, FileDescriptor};
use prost_types::FileDescriptorProto;
use protox::file::File;

use super::places::Places;
use super::{Schema, descriptor, print};
use crate::{Diagnostic, Position, Reference};

/// What a registry's storage topic takes in one record, unless it is told otherwise.
const MAX_LEN: usize = 1 << 20;

/// Braces, brackets and parentheses together; protoc allows 32 messages in each other.
const MAX_DEPTH: usize = 100;

/// How many problems of one text are reported.
const MAX_DIAGNOSTICS: usize = 100;

/// How many places a descriptor keeps, with the comments at them. prost-reflect goes through all of them for each
/// option and for each problem, so that a hostile file of 1 MiB could make it 10 billion.
const MAX_PLACES: usize = 16_384;

/// Compiles a `.proto` text, or base64 of a serialized FileDescriptorProto. `references` are what it imports, by the
/// path that the `import` statement names, in the order of their dependencies; the well-known types of
/// `google/protobuf/` are always known.
///
/// # Errors
/// Everything that is wrong with the first text that has a problem, each with its place.
pub fn parse(name: &str, text: &str, references: &[Reference]) -> Result<Schema, Vec<Diagnostic>> {
    let mut inputs = Vec::with_capacity(references.len());
    let mut seen = HashSet::new();
    for reference in references {
        if !is_well_known(&reference.name) && seen.insert(reference.name.as_str()) {
            inputs.push(Input::read(&reference.name, &reference.name, &reference.text)?);
        }
    }
    let file_name = free_name(name, &seen);
    let root = Input::read(name, &file_name, text)?;

    let mut pool = well_known_files(&root.file);
    let mut places = HashMap::new();
    for input in in_order_of_imports(inputs, &root)? {
        input.add_to(&mut pool, &mut places)?;
    }
    check_imports(&root, &pool)?;
    let is_binary = root.bytes.is_some();
    root.add_to(&mut pool, &mut places)?;

    let file = pool.get_file_by_name(&file_name).expect("the file was just added");
    let text = if is_binary { print::file(&file) } else { text.to_owned() };
    if is_binary {
        places.insert(file_name.clone(), printed_places(name, &file, &text)?);
    }
    Ok(Schema { name: name.to_owned(), text, file, places: Arc::new(places) })
}

/// Returns the paths that a text imports, without the well-known ones; none where it cannot be read, which [`parse`] says.
#[must_use]
pub fn imports(text: &str) -> BTreeSet<String> {
    let name = "imports.proto";
    let imports = Input::read(name, name, text).map(|input| input.file.dependency);
    imports.into_iter().flatten().filter(|import| !is_well_known(import)).collect()
}

/// Returns whether a text is of the language, whatever it says.
#[must_use]
pub(crate) fn is_well_formed(text: &str) -> bool {
    let name = "text.proto";
    Input::read(name, name, text).is_ok()
}

/// One text on its way into the pool.
struct Input<'a> {
    /// What messages call it.
    name: &'a str,
    text: &'a str,
    file: FileDescriptorProto,
    /// The serialized form that it came in.
    bytes: Option<Vec<u8>>,
}

impl<'a> Input<'a> {
    fn read(name: &'a str, file_name: &str, text: &'a str) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > MAX_LEN {
            let message = format!("expected a schema of at most {MAX_LEN} bytes, found {}", text.len());
            return Err(vec![Diagnostic::of_file(name, message, "split it into files that import each other")]);
        }
        if let Some((file, bytes)) = decode_base64(file_name, text) {
            descriptor::check(name, &file)?;
            descriptor::check_lengths(name, &file)?;
            return Ok(Self { name, text, file, bytes: Some(bytes) });
        }
        check_depth(name, text)?;
        let parsed = File::from_source(file_name, text).map_err(|error| diagnostics(name, text, &error))?;
        descriptor::check_lengths(name, parsed.file_descriptor_proto())?;
        Ok(Self { name, text, file: parsed.into(), bytes: None })
    }

    fn add_to(self, pool: &mut DescriptorPool, places: &mut HashMap<String, Places>) -> Result<(), Vec<Diagnostic>> {
        let Self { name, text, mut file, bytes } = self;
        let file_name = file.name().to_owned();
        let known = if bytes.is_none() { Places::new(name, text, &file) } else { Places::new(name, "", &file) };
        file.source_code_info.take_if(|info| info.location.len() > MAX_PLACES);
        let is_binary = bytes.is_some();
        let added = match bytes {
            // The serialized form keeps the options that are extensions.
            Some(bytes) => pool.decode_file_descriptor_proto(bytes.as_slice()),
            None => pool.add_file_descriptor_proto(file),
        };
        added.map_err(|error| link_diagnostics(text, &known, error))?;
        if let Some(added) = pool.get_file_by_name(&file_name).filter(|_| is_binary) {
            descriptor::check_made(name, &added)?;
        }
        places.insert(file_name, known);
        Ok(())
    }
}

/// Returns the well-known files, but for the one that `root` is itself, and for those that import that one: clients
/// that are told to register all that a file imports register `google/protobuf/timestamp.proto` as well.
fn well_known_files(root: &FileDescriptorProto) -> DescriptorPool {
    let all = DescriptorPool::global();
    let messages = root.message_type.iter().map(|message| message.name());
    let names = messages.chain(root.enum_type.iter().map(|kind| kind.name()));
    let defining = |name: &str| {
        let full = format!("{}.{name}", root.package());
        let message = all.get_message_by_name(&full).map(|message| message.parent_file());
        message.or_else(|| Some(all.get_enum_by_name(&full)?.parent_file()))
    };
    let mut left_out: HashSet<String> = names.filter_map(defining).map(|file| file.name().to_owned()).collect();
    if left_out.is_empty() {
        return all;
    }
    let mut pool = DescriptorPool::new();
    for file in all.files() {
        if left_out.contains(file.name()) || file.dependencies().any(|import| left_out.contains(import.name())) {
            left_out.insert(file.name().to_owned());
        } else {
            let added = pool.add_file_descriptor_proto(file.file_descriptor_proto().clone());
            added.expect("the files of a pool come after what they import");
        }
    }
    pool
}

fn is_well_known(name: &str) -> bool {
    DescriptorPool::global().get_file_by_name(name).is_some()
}

/// Returns a file name that no import has: the schema's own name need not be a path, and may be that of an import.
fn free_name(name: &str, taken: &HashSet<&str>) -> String {
    let mut file_name = name.to_owned();
    while taken.contains(file_name.as_str()) || is_well_known(&file_name) {
        file_name.push('#');
    }
    file_name
}

/// Python's client registers `base64(FileDescriptorProto)`; the name in it is the file's path on that machine.
fn decode_base64(file_name: &str, text: &str) -> Option<(FileDescriptorProto, Vec<u8>)> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut bytes = STANDARD.decode(text).ok()?;
    FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    // Of a field that is there twice, the last one counts: so the file gets the name that it is imported by.
    let renamed = FileDescriptorProto { name: Some(file_name.to_owned()), ..FileDescriptorProto::default() };
    bytes.extend(renamed.encode_to_vec());
    let file = FileDescriptorProto::decode(bytes.as_slice()).ok()?;
    (file.name() == file_name).then_some((file, bytes))
}

/// protox and prost-reflect go down into nested messages and options by recursion.
fn check_depth(name: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
    let mut depth = 0_usize;
    for (offset, byte) in code_bytes(text) {
        match byte {
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(vec![Diagnostic {
                source: name.to_owned(),
                position: Position::of_offset(text, offset),
                message: format!("expected at most {MAX_DEPTH} levels of brackets, found more"),
                help: "define the innermost messages at the top level of the file".into(),
            }]);
        }
    }
    Ok(())
}

/// Returns the bytes that are neither in a comment nor in a string, with their offsets.
fn code_bytes(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut bytes = text.bytes().enumerate().peekable();
    std::iter::from_fn(move || {
        loop {
            let (offset, byte) = bytes.next()?;
            match (byte, bytes.peek().map(|&(_, next)| next)) {
                (b'/', Some(b'/')) => while bytes.next_if(|&(_, byte)| byte != b'\n').is_some() {},
                (b'/', Some(b'*')) => {
                    bytes.next();
                    let mut before = b' ';
                    while let Some((_, byte)) = bytes.next_if(|&(_, byte)| !(before == b'*' && byte == b'/')) {
                        before = byte;
                    }
                    bytes.next();
                }
                (quote @ (b'"' | b'\''), _) => {
                    // A string ends with its line at the latest; after that the text is wrong, and protox says so.
                    while let Some((_, byte)) = bytes.next_if(|&(_, byte)| byte != b'\n') {
                        if byte == quote {
                            break;
                        }
                        if byte == b'\\' {
                            bytes.next_if(|&(_, byte)| byte != b'\n');
                        }
                    }
                }
                _ => return Some((offset, byte)),
            }
        }
    })
}

/// Puts the references into an order in which each comes after what it imports.
fn in_order_of_imports<'a>(inputs: Vec<Input<'a>>, root: &Input<'a>) -> Result<Vec<Input<'a>>, Vec<Diagnostic>> {
    let mut known: HashSet<String> = HashSet::new();
    let mut ordered = Vec::with_capacity(inputs.len());
    let mut waiting = inputs;
    while !waiting.is_empty() {
        let is_ready = |input: &Input<'_>, known: &HashSet<String>| {
            input.file.dependency.iter().all(|import| known.contains(import) || is_well_known(import))
        };
        let before = waiting.len();
        let mut rest = Vec::new();
        for input in waiting {
            if is_ready(&input, &known) {
                known.insert(input.file.name().to_owned());
                ordered.push(input);
            } else {
                rest.push(input);
            }
        }
        waiting = rest;
        if waiting.len() == before {
            return Err(unresolved(&waiting, &known, root));
        }
    }
    Ok(ordered)
}

/// References that wait for each other, or for a file that is not among them.
fn unresolved(waiting: &[Input<'_>], known: &HashSet<String>, root: &Input<'_>) -> Vec<Diagnostic> {
    let offered: HashSet<&str> = waiting.iter().map(|input| input.file.name()).collect();
    let mut missing = Vec::new();
    for input in waiting {
        let is_there = |import: &str| known.contains(import) || is_well_known(import) || offered.contains(import);
        missing.extend(missing_imports(input, is_there));
    }
    if missing.is_empty() {
        let names: Vec<_> = waiting.iter().map(|input| format!("`{}`", input.name)).collect();
        let message = format!("the files {} import each other in a circle", names.join(", "));
        missing.push(Diagnostic::of_file(root.name, message, "move what they share into a file of its own"));
    }
    missing
}

fn check_imports(root: &Input<'_>, pool: &DescriptorPool) -> Result<(), Vec<Diagnostic>> {
    let missing = missing_imports(root, |import| pool.get_file_by_name(import).is_some());
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

fn missing_imports(input: &Input<'_>, is_there: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    /// The number of `dependency` in FileDescriptorProto.
    const DEPENDENCY: i32 = 3;
    let text = if input.bytes.is_none() { input.text } else { "" };
    let places = Places::new(input.name, text, &input.file);
    let missing = (0_i32..).zip(&input.file.dependency).filter(|(_, import)| !is_there(import));
    let diagnostics = missing.take(MAX_DIAGNOSTICS).map(|(index, import)| Diagnostic {
        source: input.name.to_owned(),
        position: places.position_of(&[DEPENDENCY, index]),
        message: format!("the import `{import}` is not among the references"),
        help: format!(
            "add a reference with the name `{import}`: in a manifest, a [type.NAME] whose version has that path from the \
             manifest's folder"
        ),
    });
    diagnostics.collect()
}

/// The places of a printed file are those in the printed text, which says the same.
fn printed_places(name: &str, file: &FileDescriptor, text: &str) -> Result<Places, Vec<Diagnostic>> {
    match File::from_source(file.name(), text) {
        Ok(parsed) => {
            descriptor::check_printed(name, file.file_descriptor_proto(), parsed.file_descriptor_proto())?;
            Ok(Places::new(name, text, parsed.file_descriptor_proto()))
        }
        Err(error) => {
            let message = format!("the descriptor cannot be written as .proto text: {error}");
            Err(vec![Diagnostic::of_file(name, message.replace('\'', "`"), descriptor::HELP)])
        }
    }
}

/// Returns what prost-reflect found; of very many problems, the first.
fn link_diagnostics(text: &str, places: &Places, error: DescriptorError) -> Vec<Diagnostic> {
    let first = error.path().map_or(Position::START, |path| places.position_of(path));
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let is_many = error.related().into_iter().flatten().nth(MAX_DIAGNOSTICS).is_some();
    let mut found = match is_many {
        true => diagnostics(places.name(), text, &error).into_iter().take(1).collect(),
        false => diagnostics(places.name(), text, &error.with_source_code(text)),
    };
    if let Some(diagnostic) = found.first_mut() {
        diagnostic.message.push_str(&cause);
        if diagnostic.position == Position::START {
            diagnostic.position = first;
        }
    }
    found
}

/// Returns what protox found, each problem with its place.
fn diagnostics(name: &str, text: &str, error: &dyn miette::Diagnostic) -> Vec<Diagnostic> {
    let related = error.related().into_iter().flatten();
    std::iter::once(error)
        .chain(related)
        .take(MAX_DIAGNOSTICS)
        .map(|problem| {
            let labels: Vec<_> = problem.labels().into_iter().flatten().collect();
            // Of what is there twice, the second one is too many.
            let is_second = |label: &&LabeledSpan| !label.label().is_some_and(|text| text.starts_with("first "));
            let place = labels.iter().find(is_second).or(labels.first());
            Diagnostic {
                source: name.to_owned(),
                position: place.map_or(Position::START, |label| Position::of_offset(text, label.offset())),
                message: problem.to_string().replace('\'', "`"),
                help: problem.help().map_or_else(String::new, |help| help.to_string().replace('\'', "`")),
            }
        })
        .collect()
}
