//! Unions on either side: which branch of the reader's takes what the writer writes.

use std::collections::HashSet;

use eventwright_wire::avro::{Node as Step, NodeId};

use super::{Path, Resolver, field_targets, is_alias, primitive, promotes};
use crate::avro::model::{Body, Kind, NamedId, Node};

impl<'s> Resolver<'s, '_> {
    pub(super) fn writer_union(&mut self, branches: &'s [Node], reader: &'s Node, path: &Path<'_>) -> NodeId {
        let equal = match &reader.kind {
            Kind::Union(to) if self.unions_are_equal(branches, to) => Some(to),
            _ => None,
        };
        let mut steps = Vec::new();
        let mut resolves = false;
        for (index, branch) in branches.iter().enumerate() {
            let (errors, nodes) = (self.errors.len(), self.nodes.len());
            steps.push(match equal.and_then(|to| to.get(index)) {
                Some(same) => self.branch(branch, (index, same), path),
                None => self.node(branch, reader, path),
            });
            // Whether a branch is ever written is not known here, so that what cannot be read of it is an error in the plan
            // only. Elsewhere it has to be found, and said, again.
            if self.errors.len() == errors {
                resolves = true;
            } else {
                self.errors.truncate(errors);
                self.known.retain(|_, id| id.0 < nodes);
            }
        }
        if !resolves {
            let to = self.reader.branch_name(reader);
            return self.refuse(path, format!("no branch of the writer's union fits the reader's {to}"));
        }
        self.push(Step::Union(steps))
    }

    pub(super) fn reader_union(&mut self, writer: &'s Node, branches: &'s [Node], path: &Path<'_>) -> NodeId {
        match self.first_matching_branch(writer, branches) {
            Some(found) => self.branch(writer, found, path),
            None => {
                let from = self.writer.branch_name(writer);
                self.refuse(path, format!("the writer writes {from}, which is no branch of the reader's union"))
            }
        }
    }

    /// Adds the node that reads a value as one branch of the reader's union.
    fn branch(&mut self, writer: &'s Node, (index, branch): (usize, &'s Node), path: &Path<'_>) -> NodeId {
        let value = self.node(writer, branch, path);
        let name = self.reader.branch_name(branch);
        self.push(Step::Branch { index, name, value })
    }

    /// As Java's `Resolver.unionEquiv`: unions that have the same branches, but for namespaces, are read branch by branch.
    fn unions_are_equal(&self, from: &[Node], to: &[Node]) -> bool {
        let mut assumed = HashSet::new();
        self.all_are_equal(from.iter().zip(to), from.len() == to.len(), &mut assumed)
    }

    fn all_are_equal<'n>(
        &self,
        mut pairs: impl Iterator<Item = (&'n Node, &'n Node)>,
        same_count: bool,
        assumed: &mut HashSet<(NamedId, NamedId)>,
    ) -> bool {
        same_count && pairs.all(|(from, to)| self.are_equal(from, to, assumed))
    }

    fn are_equal(&self, from: &Node, to: &Node, assumed: &mut HashSet<(NamedId, NamedId)>) -> bool {
        match (&from.kind, &to.kind) {
            (Kind::Array(from), Kind::Array(to)) | (Kind::Map(from), Kind::Map(to)) => {
                self.are_equal(from, to, assumed)
            }
            (Kind::Union(from), Kind::Union(to)) => {
                self.all_are_equal(from.iter().zip(to), from.len() == to.len(), assumed)
            }
            (Kind::Named(from_id), Kind::Named(to_id)) => {
                let (from, to) = (self.writer.named(*from_id), self.reader.named(*to_id));
                (from.name.simple == to.name.simple || is_alias(from, to))
                    && match (&from.body, &to.body) {
                        (Body::Fixed(from), Body::Fixed(to)) => from == to,
                        (Body::Enum { symbols: from, .. }, Body::Enum { symbols: to, .. }) => from == to,
                        (Body::Record(from_fields), Body::Record(to_fields)) => {
                            let pairs = from_fields.iter().zip(to_fields).map(|(from, to)| (&from.node, &to.node));
                            let same_names = field_targets(from, to).into_iter().eq((0..to_fields.len()).map(Some));
                            // A pair that is being looked at further out is assumed to be equal.
                            !assumed.insert((*from_id, *to_id)) || self.all_are_equal(pairs, same_names, assumed)
                        }
                        _ => false,
                    }
            }
            (from, to) => from.word() == to.word(),
        }
    }

    /// As Java's `Resolver.ReaderUnion.firstMatchingBranch`: first a branch of the same type (a record of the same full
    /// name, else one of the same structure, of which one of the same simple name goes first), then by promotion.
    fn first_matching_branch(&self, writer: &'s Node, branches: &'s [Node]) -> Option<(usize, &'s Node)> {
        let is_same = |branch: &Node| match (&writer.kind, &branch.kind) {
            (Kind::Named(from), Kind::Named(to)) => {
                let (from, to) = (self.writer.named(*from), self.reader.named(*to));
                from.word() == to.word() && (from.name == to.name || to.aliases.contains(&from.name))
            }
            (from, to) => from.word() == to.word(),
        };
        // Before any trial: in recursive unions trials would multiply.
        let same = branches.iter().enumerate().find(|(_, branch)| is_same(branch));
        same.or_else(|| self.structural_branch(writer, branches)).or_else(|| {
            let from = primitive(&writer.kind)?;
            let promoted = |branch: &Node| primitive(&branch.kind).is_some_and(|to| promotes(from, to));
            branches.iter().enumerate().find(|(_, branch)| promoted(branch))
        })
    }

    fn structural_branch(&self, writer: &'s Node, branches: &'s [Node]) -> Option<(usize, &'s Node)> {
        let Kind::Named(from) = &writer.kind else { return None };
        let from = self.writer.named(*from);
        let mut structural: Option<(usize, &Node)> = None;
        for (index, branch) in branches.iter().enumerate() {
            let Kind::Named(to) = &branch.kind else { continue };
            let to = self.reader.named(*to);
            let fits = from.fields().is_some() && to.fields().is_some();
            let preferred = structural.is_none() || from.name.simple == to.name.simple;
            if fits && preferred && self.resolves_alone(writer, branch) {
                structural = Some((index, branch));
            }
        }
        structural
    }

    fn resolves_alone(&self, writer: &'s Node, reader: &'s Node) -> bool {
        let mut trial = Resolver::new(self.writer, self.reader, self.budget, self.depth);
        // A pair that is being resolved further out is no reason to say no, and no reason to begin again.
        trial.known.clone_from(&self.known);
        trial.node(writer, reader, &Path::Root);
        trial.errors.is_empty()
    }
}
