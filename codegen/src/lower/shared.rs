//! Lowers shared types: the Rust types of each version, and how schemas refer to it.

use std::collections::HashSet;

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{Loaded, LoadedType, LoadedVersion};

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
    let mut lowered = Vec::new();
    for one in &loaded.types {
        match lower(one, source) {
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

fn lower(one: &LoadedType, source: &str) -> Result<SharedType, Vec<Diagnostic>> {
    let entry = &one.entry;
    let bodies = match one.versions.first().map(|version| &version.schema) {
        Some(AnySchema::Avro(_)) => avro::shared_versions(&one.versions)?,
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
