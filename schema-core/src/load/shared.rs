//! Loads shared types, and finds out which versions of them a schema uses.
//!
//! In: texts. Out: models, each with what it refers to in the order of dependencies. An Avro schema names a type by its
//! full name, so that the manifest says which version is meant; a Protobuf file imports one version by its path.

use std::collections::{BTreeMap, BTreeSet};

use super::texts::{TypeTexts, VersionText};
use super::{LoadedReference, LoadedType, LoadedVersion};
use crate::compat::{AnySchema, parse_any};
use crate::manifest::{EventEntry, Manifest, SubjectStrategy, TypeEntry, Uses, table_head};
use crate::{Diagnostic, Format, Position, Reference};

/// What has versions that use shared types: an event, the key of a topic, or a type itself.
pub(super) struct User<'m> {
    /// Where the manifest has its pins: the table's kind and name, and the key in the table.
    table: (&'static str, &'m str),
    key: &'static str,
    name: &'m str,
    format: Format,
    uses: &'m Uses,
    preserve_unknown: Option<Position>,
    position: Position,
}

impl<'m> User<'m> {
    pub(super) fn event(entry: &'m EventEntry) -> Self {
        let EventEntry { name, format, uses, topic, preserve_unknown, position, .. } = entry;
        let (table, key) = match entry.subject {
            SubjectStrategy::Key => (("topic", topic.as_str()), "key_uses"),
            _ => (("event", name.as_str()), "uses"),
        };
        Self { table, key, name, format: *format, uses, preserve_unknown: *preserve_unknown, position: *position }
    }

    fn shared(entry: &'m TypeEntry) -> Self {
        let TypeEntry { name, format, uses, preserve_unknown, position, .. } = entry;
        let (table, preserve_unknown, position) = (("type", name.as_str()), *preserve_unknown, *position);
        Self { table, key: "uses", name, format: *format, uses, preserve_unknown, position }
    }
}

impl User<'_> {
    fn table(&self) -> String {
        table_head(self.table.0, self.table.1)
    }
}

/// The shared types, loaded as far as they were asked for.
pub(super) struct SharedTypes<'t> {
    manifest: &'t Manifest,
    types: &'t [TypeTexts<'t>],
    states: BTreeMap<Key, State>,
    /// The users and types of which a missing pin was found: one pin holds for all newer versions.
    unpinned: BTreeSet<(String, String)>,
    /// The users that preserve unknown fields, and types that do not: one key is missing for all versions.
    dropping: BTreeSet<(String, String)>,
}

/// The index of a type, and the number of its version.
type Key = (usize, u32);

enum State {
    /// It is being loaded: who asks for it now is used by it.
    Open,
    /// What is wrong with it was said.
    Failed,
    Done(LoadedVersion),
}

impl<'t> SharedTypes<'t> {
    /// Loads all types.
    pub(super) fn load(manifest: &'t Manifest, types: &'t [TypeTexts<'t>], wrong: &mut Vec<Diagnostic>) -> Self {
        let (states, unpinned, dropping) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut shared = Self { manifest, types, states, unpinned, dropping };
        for (index, one) in types.iter().enumerate() {
            wrong.extend(shared.wrong_versions(&User::shared(one.entry), &one.versions));
            for version in &one.versions {
                shared.load_type((index, version.number), one.entry, version, wrong);
            }
        }
        shared
    }

    pub(super) fn manifest(&self) -> &'t Manifest {
        self.manifest
    }

    /// Returns the types without problems, in the manifest's order.
    pub(super) fn into_loaded(mut self) -> Vec<LoadedType> {
        let mut loaded = Vec::new();
        for (index, TypeTexts { entry, versions }) in self.types.iter().enumerate() {
            let versions = versions.iter().map(|version| match self.states.remove(&(index, version.number)) {
                Some(State::Done(version)) => Some(version),
                _ => None,
            });
            if let Some(versions) = versions.collect() {
                loaded.push(LoadedType { entry: (*entry).clone(), versions });
            }
        }
        loaded
    }

    /// Loads all versions of an event or a type.
    pub(super) fn versions(
        &mut self,
        user: &User<'_>,
        texts: &[VersionText],
    ) -> Result<Vec<LoadedVersion>, Vec<Diagnostic>> {
        let mut wrong = self.wrong_versions(user, texts);
        let loaded: Vec<_> = texts.iter().map(|text| self.version(user, text, &mut wrong)).collect();
        loaded.into_iter().collect::<Option<_>>().filter(|_| wrong.is_empty()).ok_or(wrong)
    }

    /// Says which pins are for versions that the user does not have.
    fn wrong_versions(&self, user: &User<'_>, texts: &[VersionText]) -> Vec<Diagnostic> {
        let newest = texts.last().map_or(0, |text| text.number);
        let wrong = user.uses.pins().filter(|(number, _)| *number > newest).map(|(number, pin)| {
            let message = format!("`{}` has no version v{number}", user.name);
            self.manifest.diagnostic(pin.position, message, format!("the newest is v{newest}"))
        });
        wrong.collect()
    }

    fn load_type(&mut self, key: Key, entry: &TypeEntry, text: &VersionText, wrong: &mut Vec<Diagnostic>) {
        if self.states.contains_key(&key) {
            return;
        }
        self.states.insert(key, State::Open);
        let loaded = self.version(&User::shared(entry), text, wrong);
        let loaded = loaded.filter(|version| match nameless(version) {
            Some(found) => {
                wrong.push(found);
                false
            }
            None => true,
        });
        self.states.insert(key, loaded.map_or(State::Failed, State::Done));
    }

    /// Loads one version; `None` where something is wrong with it, or with a type that it uses.
    fn version(&mut self, user: &User<'_>, text: &VersionText, wrong: &mut Vec<Diagnostic>) -> Option<LoadedVersion> {
        let references = self.references(user, text, wrong)?;
        wrong.extend(self.dropping_types(user, &references));
        let texts: Vec<_> = references.iter().filter_map(|one| self.text(one)).collect();
        match parse_any(user.format, &text.path.display().to_string(), &text.text, &texts) {
            Ok(schema) => Some(LoadedVersion { number: text.number, path: text.path.clone(), schema, references }),
            Err(found) => {
                wrong.extend(found);
                None
            }
        }
    }

    /// Returns all that a text refers to, directly or not, each after what it refers to itself.
    fn references(
        &mut self,
        user: &User<'_>,
        text: &VersionText,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<Vec<LoadedReference>> {
        let mut references: Vec<LoadedReference> = Vec::new();
        for name in &text.uses {
            // A name that no type has is the parser's matter.
            let Some(key) = self.find(user, text.number, name, wrong)? else { continue };
            let inner = self.references_of(key, (user, text.number), wrong)?;
            let one = &self.types.get(key.0)?.entry;
            let own = LoadedReference {
                name: name.clone(),
                type_name: one.name.clone(),
                version: key.1,
                is_direct: true,
                preserves_unknown: one.preserve_unknown.is_some(),
            };
            for reference in inner.into_iter().map(|inner| LoadedReference { is_direct: false, ..inner }).chain([own]) {
                match references.iter_mut().find(|known| known.name == reference.name) {
                    None => references.push(reference),
                    Some(known) if known.version == reference.version => known.is_direct |= reference.is_direct,
                    Some(known) => {
                        wrong.push(self.two_versions(user, text.number, [known, &reference]));
                        return None;
                    }
                }
            }
        }
        Some(references)
    }

    /// Returns the version of a type that a name means; `Some(None)` where it means no type.
    fn find(&mut self, user: &User<'_>, number: u32, name: &str, wrong: &mut Vec<Diagnostic>) -> Option<Option<Key>> {
        let has_name = |version: &VersionText| version.name.as_deref() == Some(name);
        let is_meant = |one: &TypeTexts<'_>| one.entry.format == user.format && one.versions.iter().any(has_name);
        let Some((index, one)) = self.types.iter().enumerate().find(|(_, one)| is_meant(one)) else {
            return Some(None);
        };
        let version = match user.format {
            Format::Protobuf | Format::Json if one.entry.import.is_none() => {
                one.versions.iter().find(|version| has_name(version)).map(|version| version.number)
            }
            _ => self.pinned(user, number, one, wrong),
        };
        version.map(|version| Some((index, version)))
    }

    /// Returns the version that the manifest says, or the only one. Of several nothing is guessed: a new version of the
    /// type must not change what older versions of its users mean.
    fn pinned(
        &mut self,
        user: &User<'_>,
        number: u32,
        one: &TypeTexts<'_>,
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<u32> {
        let name = &one.entry.name;
        let newest = one.versions.last().map_or(0, |version| version.number);
        match user.uses.pin(number, name) {
            Some(pin) if (1..=newest).contains(&pin.version) => Some(pin.version),
            Some(pin) => {
                let message = format!("`{name}` has no version v{}", pin.version);
                wrong.push(self.manifest.diagnostic(pin.position, message, format!("the newest is v{newest}")));
                None
            }
            None if newest == 1 => Some(1),
            None => {
                if self.unpinned.insert((user.table(), name.clone())) {
                    wrong.push(self.unpinned(user, number, name, newest));
                }
                None
            }
        }
    }

    /// Says which types of a user that preserves unknown fields would drop those in their own messages.
    fn dropping_types(&mut self, user: &User<'_>, references: &[LoadedReference]) -> Vec<Diagnostic> {
        let Some(position) = user.preserve_unknown else { return Vec::new() };
        let dropping = references.iter().filter(|reference| !reference.preserves_unknown);
        let new = dropping.filter(|one| self.dropping.insert((user.table(), one.type_name.clone())));
        let finding = |one: &LoadedReference| {
            let name = &one.type_name;
            let message = format!("`{}` preserves unknown fields, and `{name}`, which it uses, does not", user.name);
            let help = format!("set preserve_unknown = true in {} as well", table_head("type", name));
            self.manifest.diagnostic(position, message, help)
        };
        new.map(finding).collect()
    }

    fn unpinned(&self, user: &User<'_>, number: u32, type_name: &str, newest: u32) -> Diagnostic {
        let (User { key, name, position, .. }, table) = (user, user.table());
        let message = format!("`{name}` v{number} uses `{type_name}`, which has the versions v1 to v{newest}");
        let help = format!(
            "say which with {key}.v{number} = {{ {type_name} = \"v1\" }} in {table}; it holds for newer versions \
             of `{name}` too, until one has a pin of its own"
        );
        self.manifest.diagnostic(*position, message, help)
    }

    /// Returns what a type refers to, which is loaded first where it is not loaded yet.
    fn references_of(
        &mut self,
        key: Key,
        (user, number): (&User<'_>, u32),
        wrong: &mut Vec<Diagnostic>,
    ) -> Option<Vec<LoadedReference>> {
        let one = self.types.get(key.0)?;
        if let Some(State::Open) = self.states.get(&key) {
            let (name, version) = (&one.entry.name, key.1);
            let message = format!("`{}` v{number} uses `{name}` v{version}, which uses it in turn", user.name);
            let help = "define both in one file, or move what they share into a type of its own";
            wrong.push(self.manifest.diagnostic(user.position, message, help));
            return None;
        }
        let text = one.versions.iter().find(|version| version.number == key.1)?;
        self.load_type(key, one.entry, text, wrong);
        match self.states.get(&key) {
            Some(State::Done(version)) => Some(version.references.clone()),
            _ => None,
        }
    }

    /// Avro has one definition of a name, and so has the schema with all that it refers to.
    fn two_versions(&self, user: &User<'_>, number: u32, found: [&LoadedReference; 2]) -> Diagnostic {
        let [known, other] = found;
        let message = format!(
            "`{}` v{number} and the types that it uses need both v{} and v{} of `{}`",
            user.name, known.version, other.version, known.type_name
        );
        let help = "pin one version for all of them, if need be with a new version of a type between";
        self.manifest.diagnostic(user.position, message, help)
    }

    /// Returns the reference as the parsers take it: Protobuf finds it by the import path, and for Avro it is the file
    /// that messages name.
    fn text(&self, reference: &LoadedReference) -> Option<Reference> {
        let one = self.types.iter().find(|one| one.entry.name == reference.type_name)?;
        let version = one.versions.iter().find(|version| version.number == reference.version)?;
        let name = match one.entry.format {
            Format::Avro => version.path.display().to_string(),
            Format::Protobuf | Format::Json => reference.name.clone(),
        };
        Some(Reference { name, text: version.text.clone() })
    }
}

/// Says that an Avro type has no name by which it could be used.
fn nameless(version: &LoadedVersion) -> Option<Diagnostic> {
    let AnySchema::Avro(schema) = &version.schema else { return None };
    let message = "a shared type is a record, an enum or a fixed, and this schema is none";
    let help = "wrap the type in a record, or define it where it is used";
    schema.root_named().is_none().then(|| schema.diagnostic(schema.root().span, message, help))
}
