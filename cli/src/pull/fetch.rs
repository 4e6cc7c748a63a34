//! Reads subjects with all their versions out of a registry, and what those refer to.
//!
//! In: patterns of subjects. Out: versions as models; what cannot be read says why and is left out. What a registry says may be
//! anybody's: texts are bounded here, and names are only names.

use std::collections::{BTreeMap, BTreeSet};

use eventwright_registry::{ReferenceEntry, SubjectSchema};
use eventwright_schema::Format;
use eventwright_schema::compat::{AnySchema, Level, parse_any};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::LeftOut;
use crate::registry::{AT_ONCE, Registry};

/// How long one schema may be; a registry's storage takes 1 MiB.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// How many subjects are read.
const MAX_SUBJECTS: usize = 20_000;

/// How many steps of references are followed from what was asked for.
const MAX_DEPTH: usize = 32;

/// How long all may be together.
const MAX_BYTES: usize = 256 << 20;

/// A subject, as far as the prefix is taken off.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    /// The subject's own level or the global one, in the registry's words.
    pub(super) level: Option<String>,
    pub(super) format: Format,
    /// Oldest first; there is one at least.
    pub(super) versions: Vec<Version>,
}

/// One version of a subject.
#[derive(Debug)]
pub(super) struct Version {
    /// The registry's number.
    pub(super) number: u32,
    pub(super) references: Vec<ReferenceEntry>,
    pub(super) schema: AnySchema,
}

impl Subject {
    pub(super) fn newest(&self) -> &Version {
        self.versions.last().expect("a subject without versions is left out")
    }

    /// Returns the level, where it is one of Confluent's.
    pub(super) fn level(&self) -> Option<Level> {
        self.level.as_deref().and_then(|level| level.parse().ok())
    }

    /// Returns the numbers that are missing between the others: versions that were deleted.
    pub(super) fn deleted(&self) -> Vec<u32> {
        let known: BTreeSet<u32> = self.versions.iter().map(|version| version.number).collect();
        let newest = known.last().copied().unwrap_or(0);
        (1..newest).filter(|number| !known.contains(number)).take(MAX_SHOWN).collect()
    }
}

/// How many deleted versions are told of.
const MAX_SHOWN: usize = 10;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// The level of subjects without one of their own, in the registry's words.
    pub(super) global: Option<String>,
    /// By name, without the prefix.
    pub(super) subjects: BTreeMap<String, Subject>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Reads the subjects that a pattern names, and all that they refer to.
///
/// # Errors
/// A registry that does not answer, or that has more than anybody needs.
pub(super) async fn all(registry: &Registry, patterns: &[String], prefix: &str) -> anyhow::Result<Fetched> {
    let global = registry.ask(async |client| client.level(None).await).await?.unwrap_or_default();
    let names = registry.ask(async |client| client.subjects().await).await??;
    let mut fetched = Fetched { global, ..Fetched::default() };
    let names = names.iter().filter_map(|name| name.strip_prefix(prefix));
    let is_asked_for = |name: &&str| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name));
    let mut open: BTreeSet<String> = names.filter(is_asked_for).map(str::to_owned).collect();
    // The versions that others refer to, also where they are deleted.
    let mut wanted: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut bytes = 0_usize;
    for _ in 0..=MAX_DEPTH {
        let names = std::mem::take(&mut open);
        let global = &fetched.global.clone();
        let of_name = |name| (wanted.get(&name).cloned().unwrap_or_default(), name);
        let reads: Vec<(BTreeSet<u32>, String)> = names.into_iter().map(of_name).collect();
        let mut reads = stream::iter(reads)
            .map(|(wanted, name)| async move {
                let read = read(registry, (prefix, &name), wanted, global.as_ref()).await;
                read.map(|read| (name, read))
            })
            .buffered(AT_ONCE);
        while let Some((name, read)) = reads.try_next().await? {
            let subject = match read {
                Ok(subject) => subject,
                Err(why) => {
                    fetched.left_out.push(LeftOut { subject: name, why });
                    continue;
                }
            };
            bytes += subject.versions.iter().map(|version| version.schema.text().len()).sum::<usize>();
            anyhow::ensure!(
                bytes <= MAX_BYTES,
                "the registry has more than {MAX_BYTES} bytes of schemas; help: --subject"
            );
            for entry in subject.versions.iter().flat_map(|version| &version.references) {
                if let Some(name) = entry.subject.strip_prefix(prefix) {
                    wanted.entry(name.to_owned()).or_default().insert(entry.version);
                }
            }
            fetched.subjects.insert(name, subject);
            let count = fetched.subjects.len();
            anyhow::ensure!(
                count <= MAX_SUBJECTS,
                "the registry has more than {MAX_SUBJECTS} subjects; help: --subject"
            );
        }
        drop(reads);
        let lacks = |(name, versions): &(&String, &BTreeSet<u32>)| versions.iter().any(|one| !fetched.has(name, *one));
        open = wanted.iter().filter(lacks).map(|(name, _)| name.clone()).collect();
    }
    Ok(fetched)
}

/// Returns whether a pattern, in which `*` is any text and `?` any character, is a name.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(one) if *one == '?' || Some(one) == name.get(in_name) => (at, in_name) = (at + 1, in_name + 1),
            _ => match star {
                // The last star takes one character more.
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (at, in_name) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|one| *one == '*')
}

impl Fetched {
    fn has(&self, name: &str, version: u32) -> bool {
        let known = self.subjects.get(name);
        known.is_some_and(|subject| subject.versions.iter().any(|one| one.number == version))
            || self.left_out.iter().any(|one| one.subject == name)
    }
}

/// Reads a subject, with the deleted versions that others refer to; the inner error says why it cannot be taken.
async fn read(
    registry: &Registry,
    (prefix, name): (&str, &str),
    wanted: BTreeSet<u32>,
    global: Option<&String>,
) -> anyhow::Result<Result<Subject, String>> {
    if let Some(why) = unusable(name) {
        return Ok(Err(why.to_owned()));
    }
    let full = &format!("{prefix}{name}");
    let mut numbers: BTreeSet<u32> = registry.versions(full).await?.into_iter().collect();
    numbers.extend(wanted);
    let mut versions = Vec::new();
    for number in numbers {
        match version(registry, full, number).await? {
            Ok(version) => versions.push(version),
            Err(why) => return Ok(Err(why)),
        }
    }
    let own = registry.ask(async |client| client.level(Some(full)).await).await?.ok().flatten();
    let level = own.or_else(|| global.cloned());
    Ok(match versions.first().map(|first| first.schema.format()) {
        None => Err("it has no version".into()),
        Some(format) if versions.iter().any(|version| version.schema.format() != format) => {
            Err("its versions are in several schema languages".into())
        }
        Some(Format::Json) => Err("nothing is generated of JSON Schema".into()),
        Some(format) => Ok(Subject { name: name.to_owned(), level, format, versions }),
    })
}

async fn version(registry: &Registry, subject: &str, number: u32) -> anyhow::Result<Result<Version, String>> {
    let entry = ReferenceEntry { name: String::new(), subject: subject.to_owned(), version: number };
    let SubjectSchema { id, format, text, references, .. } =
        match registry.ask(async |client| client.referenced(&entry).await).await? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error.to_string())),
        };
    if text.len() > MAX_TEXT_BYTES {
        return Ok(Err(format!("version {number} has {} bytes, and {MAX_TEXT_BYTES} are read", text.len())));
    }
    let resolved = match registry.ask(async |client| client.schema_by_id(id).await).await? {
        Ok(resolved) => resolved,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let label = format!("version {number}");
    Ok(parse_any(format, &label, &text, &resolved.references)
        .map(|schema| Version { number, references, schema })
        .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default()))
}

/// Returns why a name cannot even be asked for.
fn unusable(name: &str) -> Option<&'static str> {
    match name {
        "" | "." | ".." => Some("the name cannot be in a URL"),
        _ if name.chars().any(char::is_control) => Some("the name has control characters"),
        _ if name.starts_with(":.") => Some("it is in a context, and only the default one is pulled"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_with_stars() {
        let check =
            |pattern: &str, name: &str, expected: bool| assert_eq!(matches(pattern, name), expected, "{pattern}");
        check("*", "", true);
        check("*", "orders-value", true);
        check("orders-*", "orders-value", true);
        check("*-value", "orders-value", true);
        check("*-value", "orders-key", false);
        check("o*s-?alue", "orders-value", true);
        check("orders", "orders-value", false);
        check("*a*a*a*a*b", &"a".repeat(100), false);
    }
}
