//! The lock `schemas.lock`: which versions are released, and what each said when it was.
//!
//! In: the text of the lock, and what a manifest leads to. Out: a [`Lock`], and its text. A line is a version: its format, the
//! SHA-256 of its content, and its folder and number, in the order of the latter.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::compact_json;
use crate::compat::AnySchema;
use crate::load::{Loaded, LoadedVersion};
use crate::{Diagnostic, Format, Position};

/// What the file is called; it stands beside the manifest.
pub const FILE_NAME: &str = "schemas.lock";

const HEADER: &str = "\
# The versions that are released: their files may not change any more. `eventwright lock` adds the newest ones.
# After a merge, keep the lines of both sides; where both have released one version, one becomes the next version.
";

/// The released versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    released: BTreeMap<VersionId, Released>,
}

/// A version of an event, a key or a shared type, by the folder that the manifest names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    /// The folder, relative to the manifest's folder.
    pub folder: String,
    /// The number in `vN`.
    pub number: u32,
}

/// What a version was when it was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The schema language.
    pub format: Format,
    /// What [`content`] returned.
    pub content: [u8; 32],
    /// The line in the lock, counted from 1.
    pub line: usize,
}

impl Lock {
    /// Parses a lock; `name` is what messages call it.
    ///
    /// # Errors
    /// Every line that is none of a lock.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut lock = Self::default();
        let mut wrong = Vec::new();
        let lines = (1..).zip(text.lines().map(str::trim_end));
        for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            if let Err((message, help)) = lock.add_line(line, text) {
                let position = Position { line, column: 1 };
                wrong.push(Diagnostic { source: name.into(), position, message, help: help.into() });
            }
        }
        if wrong.is_empty() { Ok(lock) } else { Err(wrong) }
    }

    fn add_line(&mut self, line: usize, text: &str) -> Result<(), (String, &'static str)> {
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| text.starts_with(marker)) {
            return Err((
                "the lock has a conflict of a merge".into(),
                "keep the lines of both sides, without the markers",
            ));
        }
        let expected = || {
            let message = "expected a format, a SHA-256 and a version, such as `avro 0a1b... order_created/v1`";
            (message.to_owned(), "take the lock from version control, or run `eventwright lock`")
        };
        let (id, released) = parse_line(line, text).ok_or_else(expected)?;
        match self.released.insert(id.clone(), released) {
            Some(other) if other.content != released.content => Err((
                format!("{id} is released with two contents, here and in line {}", other.line),
                "keep the line of the file that was released first, and rename the other file to the next version",
            )),
            _ => Ok(()),
        }
    }

    /// Returns the lock in which every version that was loaded is released.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        let mut lock = Self::default();
        for (id, version) in all_versions(loaded) {
            let (format, content) = (version.schema.format(), content(loaded, version));
            lock.released.insert(id, Released { format, content, line: 0 });
        }
        lock
    }

    /// Returns a released version.
    #[must_use]
    pub fn get(&self, id: &VersionId) -> Option<&Released> {
        self.released.get(id)
    }

    /// Returns all released versions, in the order of the file.
    pub fn released(&self) -> impl Iterator<Item = (&VersionId, &Released)> {
        self.released.iter()
    }

    /// Adds a version, or replaces what it said.
    pub fn release(&mut self, id: VersionId, format: Format, content: [u8; 32]) {
        self.released.insert(id, Released { format, content, line: 0 });
    }

    /// Takes a version out.
    pub fn remove(&mut self, id: &VersionId) {
        self.released.remove(id);
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (id, Released { format, content, .. }) in &self.released {
            write!(text, "{} ", format.name()).expect("text grows");
            content.iter().for_each(|byte| write!(text, "{byte:02x}").expect("text grows"));
            writeln!(text, " {id}").expect("text grows");
        }
        text
    }
}

fn parse_line(line: usize, text: &str) -> Option<(VersionId, Released)> {
    let (format, rest) = text.split_once(' ')?;
    let (content, id) = rest.split_once(' ')?;
    let (folder, number) = id.rsplit_once("/v")?;
    let number = number.parse().ok().filter(|parsed: &u32| *parsed > 0 && parsed.to_string() == number)?;
    let format = Format::ALL.into_iter().find(|one| one.name() == format)?;
    let released = Released { format, content: parse_hexadecimal(content)?, line };
    Some((VersionId { folder: folder.to_owned(), number }, released))
}

fn parse_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let is_hexadecimal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * index..2 * index + 2).filter(|_| is_hexadecimal)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

impl VersionId {
    /// Returns the version of that number in a folder of the manifest.
    #[must_use]
    pub fn new(folder: &str, number: u32) -> Self {
        Self { folder: folder.trim_end_matches('/').to_owned(), number }
    }
}

/// `order_created/v2`.
impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/v{}", self.folder, self.number)
    }
}

/// Returns every version that was loaded, with what the lock calls it.
pub fn all_versions(loaded: &Loaded) -> impl Iterator<Item = (VersionId, &LoadedVersion)> {
    let events = loaded.events.iter().chain(&loaded.keys).map(|one| (&one.entry.folder, &one.versions));
    let types = loaded.types.iter().map(|one| (&one.entry.folder, &one.versions));
    let id = |folder: &str, version: &LoadedVersion| VersionId::new(folder, version.number);
    events.chain(types).flat_map(move |(folder, versions)| versions.iter().map(move |one| (id(folder, one), one)))
}

/// Returns the SHA-256 of all that a version says, with what it refers to: of JSON the text without white space and
/// comments, for a default and a doc are part of what is registered; in Protobuf the descriptors without comments.
#[must_use]
pub fn content(loaded: &Loaded, version: &LoadedVersion) -> [u8; 32] {
    // The fingerprint of a Protobuf file covers what it imports.
    if let AnySchema::Protobuf(schema) = &version.schema {
        return schema.fingerprint().sha256;
    }
    let mut hash = Sha256::new_with_prefix(compact_json(version.schema.text()));
    for reference in &version.references {
        let text = loaded.shared(reference).map_or("", |(_, version)| version.schema.text());
        hash.update([0]);
        hash.update(compact_json(text));
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "avro 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f orders/v2";

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let mut lock = Lock::default();
        lock.release(VersionId::new("a b/c", 10), Format::Protobuf, [7; 32]);
        lock.release(VersionId::new("a b/c/", 2), Format::Avro, [255; 32]);
        let text = lock.text();
        let ids: Vec<_> = text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(_, id)| id).collect();
        assert_eq!(&ids[ids.len() - 2..], ["b/c/v2", "b/c/v10"]);
        let again = Lock::parse("schemas.lock", &text).unwrap();
        assert_eq!(again.text(), text);
        assert_eq!(again.get(&VersionId::new("a b/c", 2)).unwrap().content, [255; 32]);
    }

    #[test]
    fn what_is_no_lock_is_refused_with_its_line() {
        let check = |text: &str, expected: &str| {
            let wrong = Lock::parse("schemas.lock", text).expect_err(text);
            assert_eq!(wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), expected);
        };
        let help = "take the lock from version control, or run `eventwright lock`";
        for line in [
            "x",
            "avro 00 orders/v1",
            &LINE.replace("avro", "xml"),
            &LINE.replace("v2", "v02"),
            &LINE.replace("00", "é0"),
        ] {
            check(
                &format!("# comment\n\n{line}"),
                &format!(
                    "schemas.lock:3:1: expected a format, a SHA-256 and a version, such as `avro 0a1b... order_created/v1`; {help}"
                ),
            );
        }
        check(
            &format!("<<<<<<< HEAD\n{LINE}\n=======\n"),
            "schemas.lock:1:1: the lock has a conflict of a merge; keep the lines of both sides, without the markers\n\
             schemas.lock:3:1: the lock has a conflict of a merge; keep the lines of both sides, without the markers",
        );
        check(
            &format!("{LINE}\n{LINE}\n{}\n", LINE.replace("0001", "0101")),
            "schemas.lock:3:1: orders/v2 is released with two contents, here and in line 2; keep the line of the file that \
             was released first, and rename the other file to the next version",
        );
    }
}
