//! Lowers unions: null and one other branch are an `Option`, any others an enum with a variant for each branch.
//!
//! Names follow the place and not the number of branches, so that a branch that is added renames nothing: the enum is
//! called after its record and field, a variant after its own branch (its type's module included, where it has one). A union that stands in a list or map of another
//! enum's branch has that branch's variant behind the name.

use std::collections::HashSet;

use eventwright_schema::avro::{Kind, NamedId, Node, Span};
use eventwright_wire::avro::Logical;

use super::{NoType, Types};
use crate::ir::{Ty, TypePath, Union, Variant};
use crate::names;
use crate::rust::{Ident, ToTokens};

/// The field whose type is lowered, and the unions that were found in it.
pub(super) struct FieldPlace {
    /// The record.
    pub(super) owner: NamedId,
    /// What a union here is called, before it is UpperCamelCase.
    words: String,
    /// The record's full name and the field.
    place: String,
    pub(super) unions: Vec<Union>,
}

impl FieldPlace {
    pub(super) fn new(types: &Types<'_>, owner: NamedId, field: &str) -> Self {
        let name = &types.schema.named(owner).name;
        let (words, place) = (format!("{}_{field}", name.simple), format!("{name}#{field}"));
        Self { owner, words, place, unions: Vec::new() }
    }
}

impl Types<'_> {
    pub(super) fn union(&self, branches: &[Node], place: &mut FieldPlace) -> Result<Ty, NoType> {
        let null = branches.iter().position(|branch| matches!(branch.kind, Kind::Null));
        let inner = match (branches, null) {
            ([_, other], Some(0)) | ([other, _], Some(1)) => self.ty(other, place)?,
            _ => self.variants(branches, place)?,
        };
        Ok(match null {
            Some(null_index) => Ty::Option { inner: Box::new(inner), null_index },
            None => inner,
        })
    }

    fn variants(&self, branches: &[Node], place: &mut FieldPlace) -> Result<Ty, NoType> {
        let (words, own) = (place.words.clone(), place.place.clone());
        let mut variants: Vec<Variant> = Vec::new();
        for (index, branch) in branches.iter().enumerate().filter(|(_, branch)| !matches!(branch.kind, Kind::Null)) {
            let ident = self.variant_ident(branch, place.owner);
            if variants.iter().any(|other| other.ident == ident) {
                return Err(NoType {
                    what: format!("has two branches that are one variant `{ident}` in Rust"),
                    help: "rename the type of one of them",
                });
            }
            place.words = format!("{words}_{ident}");
            place.place = format!("{own}#{ident}");
            let ty = self.ty(branch, place)?;
            let branch = self.schema.branch_name(branch);
            variants.push(Variant { ident, branch, alias: None, index, ty });
        }
        add_aliases(&mut variants);
        let path = TypePath { ident: names::upper_camel(&words), ..self.path(place.owner) };
        place.unions.push(Union { path: path.clone(), place: own.clone(), variants });
        (place.words, place.place) = (words, own.clone());
        Ok(Ty::Union { path, place: own })
    }

    fn variant_ident(&self, branch: &Node, owner: NamedId) -> Ident {
        match (&branch.kind, branch.logical) {
            (Kind::Named(id), _) => match self.path_beside(owner, *id) {
                TypePath { module: Some(module), ident, .. } => {
                    names::upper_camel(&format!("{}_{}", names::plain(&module), names::plain(&ident)))
                }
                TypePath { ident, .. } => ident,
            },
            (kind, Logical::None) => names::upper_camel(kind.word()),
            (_, logical) => names::upper_camel(logical.name()),
        }
    }

    /// Reports a union whose enum another type already is.
    pub(super) fn claim(&mut self, union: &Union, span: Span) {
        let known = self.paths.values().any(|path| *path == union.path);
        if known || !self.unions.insert(union.path.to_token_stream().to_string()) {
            let place = union.place.replace('#', ".");
            let message =
                format!("the union in `{place}` and another type are one type `{}` in Rust", union.path.ident);
            self.wrong.push(self.schema.diagnostic(span, message, "rename the field or the type"));
        }
    }
}

/// Lets the JSON form use simple names, as the dynamic codec does: of two equal ones the first is meant.
fn add_aliases(variants: &mut [Variant]) {
    let mut taken: HashSet<String> = variants.iter().map(|variant| variant.branch.clone()).collect();
    for variant in variants {
        let simple = variant.branch.rsplit('.').next().unwrap_or_default().to_owned();
        variant.alias = taken.insert(simple.clone()).then_some(simple);
    }
}
