//! Gives every record and enum of a schema its Rust name.
//!
//! In: the types of a module. Out: the path of each in it. Of several with one name those outside the namespace of the
//! schema's own type are in a module that is named after theirs; two that would still share one path are a finding.

use std::collections::HashMap;

use eventwright_schema::Diagnostic;
use eventwright_schema::avro::{Body, NamedId, Schema};

use super::Paths;
use crate::ir::TypePath;
use crate::names;
use crate::rust::{Ident, ToTokens};

/// Returns the paths of the types in the module of `root`, which is one of them.
pub(super) fn paths(schema: &Schema, ids: &[NamedId], root: Option<NamedId>, wrong: &mut Vec<Diagnostic>) -> Paths {
    let is_type = |id: &&NamedId| !matches!(schema.named(**id).body, Body::Fixed(_));
    let ident_of = |id: NamedId| names::upper_camel(&schema.named(id).name.simple);
    let mut counts: HashMap<Ident, usize> = HashMap::new();
    for id in ids.iter().filter(is_type) {
        *counts.entry(ident_of(*id)).or_default() += 1;
    }
    let own_namespace = root.map(|root| &schema.named(root).name.namespace);
    let mut paths = Paths::new();
    let mut seen: HashMap<String, NamedId> = HashMap::new();
    for id in ids.iter().filter(is_type) {
        let (named, ident) = (schema.named(*id), ident_of(*id));
        let is_flat = counts.get(&ident) == Some(&1) || Some(&named.name.namespace) == own_namespace;
        let module = (!is_flat).then(|| module_of(&named.name.namespace));
        let path = TypePath { module, ident, inside: false };
        let text = path.to_token_stream().to_string().replace(' ', "");
        if let Some(other) = seen.insert(text.clone(), *id) {
            let other = &schema.named(other).name;
            let message = format!("`{}` and `{other}` are one type `{text}` in Rust", named.name);
            wrong.push(schema.diagnostic(named.name_span, message, "rename one of them"));
        }
        paths.insert(*id, path);
    }
    paths
}

/// Returns the module of a namespace's types.
fn module_of(namespace: &str) -> Ident {
    if namespace.is_empty() { names::snake("no_namespace") } else { names::snake(&namespace.replace('.', "_")) }
}
