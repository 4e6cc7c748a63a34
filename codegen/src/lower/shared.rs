//! Lowers shared types: the Rust types of each version, and how schemas refer to it.

use std::collections::{HashMap, HashSet};

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{Loaded, LoadedType, LoadedVersion};
use eventwright_schema::manifest::DecodeForm;

use super::{avro, protobuf};
use crate::ir::{Body, SharedType, SharedVersion};
use crate::names;
use crate::rust::Ident;

/// What one version of a type is in Rust.
pub(super) struct SharedBody {
    /// A fixed has no type.
    pub(super) root: Option<Ident>,
    pub(super) body: Body,
}

/// Lowers all types; one with findings is left out, and so is one that uses it.
pub(super) fn types(loaded: &Loaded, source: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<SharedType> {
    let forms = forms(loaded);
    let mut lowered = Vec::new();
    for one in &loaded.types {
        let forms = forms.get(one.entry.name.as_str()).map_or(&[][..], Vec::as_slice);
        match lower(one, forms, source) {
            Ok(one) => lowered.push(one),
            Err(wrong) => diagnostics.extend(wrong),
        }
    }
    loop {
        let count = lowered.len();
        let known: HashSet<String> = lowered.iter().map(|one: &SharedType| one.name.clone()).collect();
        let known: HashSet<&str> = known.iter().map(String::as_str).collect();
        lowered.retain(|one| {
            let versions = loaded.types.iter().filter(|it| it.entry.name == one.name).flat_map(|it| &it.versions);
            versions.into_iter().all(|version| super::uses_only(version, &known))
        });
        if lowered.len() == count {
            return lowered;
        }
    }
}

/// Returns the forms that each type is decoded into beside the owned one: those of all events that use it. All of its
/// versions have them, since a newer one may share structs with an older one.
fn forms(loaded: &Loaded) -> HashMap<&str, Vec<DecodeForm>> {
    let mut forms: HashMap<&str, Vec<DecodeForm>> = HashMap::new();
    let uses = |versions: &'_ [LoadedVersion]| {
        let names = versions.iter().flat_map(|version| &version.references);
        names.map(|reference| reference.type_name.clone()).collect::<Vec<_>>()
    };
    let mut open: Vec<_> =
        loaded.events.iter().map(|event| (uses(&event.versions), event.entry.decode.clone())).collect();
    while let Some((names, wanted)) = open.pop() {
        for one in loaded.types.iter().filter(|one| names.contains(&one.entry.name)) {
            let known = forms.entry(&one.entry.name).or_default();
            let new: Vec<_> = wanted.iter().filter(|form| !known.contains(form)).copied().collect();
            if !new.is_empty() {
                known.extend(&new);
                open.push((uses(&one.versions), new));
            }
        }
    }
    forms
}

fn lower(one: &LoadedType, forms: &[DecodeForm], source: &str) -> Result<SharedType, Vec<Diagnostic>> {
    let entry = &one.entry;
    let bodies = match one.versions.first().map(|version| &version.schema) {
        Some(AnySchema::Avro(_)) => avro::shared_versions(&one.versions, forms)?,
        _ => protobuf::shared_versions(entry, &one.versions)?,
    };
    let version = |(version, SharedBody { root, body }): (&LoadedVersion, SharedBody)| SharedVersion {
        number: version.number,
        module: names::snake(&format!("v{}", version.number)),
        root,
        reference_name: one.reference_name(version),
        subject: one.subject(version),
        text: version.schema.text().to_owned(),
        references: super::direct_references(version),
        body,
    };
    Ok(SharedType {
        name: entry.name.clone(),
        module: names::snake(&entry.name),
        ident: names::upper_camel(&entry.name),
        versions: one.versions.iter().zip(bodies).map(version).collect(),
        diagnostic: Diagnostic {
            source: source.to_owned(),
            position: entry.position,
            message: String::new(),
            help: String::new(),
        },
    })
}
