//! Emits how a union is decoded that is not part of a record: in records it is decoded where it stands.

use eventwright_wire::avro::{FieldStep, Node, NodeId};

use super::Emitter;
use crate::ir::{Record, Ty, Type, Union};
use crate::rust::{Literal, TokenStream, quote};

impl Emitter<'_> {
    /// Returns an expression that reads the union as the version itself writes it.
    pub(super) fn union_alone(&self, union: &Union) -> TokenStream {
        let Some(Node::Union(branches)) = self.place_of(union).map(|id| self.node(id)) else {
            unreachable!("the plan of a version holds every union of the version")
        };
        let (wire, count) = (self.wire, Literal::usize_unsuffixed(branches.len()));
        let ty = Ty::Union { path: union.path.clone(), place: union.place.clone() };
        self.match_union(branches, |branch| match self.node(branch) {
            // Null is none of the enum's variants.
            Node::Branch { index, name, .. } if name == "null" => {
                let index = Literal::usize_unsuffixed(*index);
                quote!(::core::result::Result::Err(#wire::avro::no_such_index(#index, #count)))
            }
            _ => self.read(branch, &ty),
        })
    }

    /// Returns the node of a union in the plan of its own version.
    fn place_of(&self, union: &Union) -> Option<NodeId> {
        let owner = union.place.split('#').next()?;
        let Some(Type::Record(record)) = self.body.type_of(owner) else { return None };
        let Node::Record(node) = self.node_of(owner) else { return None };
        node.steps.iter().find_map(|step| self.in_step(step, record, &union.place))
    }

    fn in_step(&self, step: &FieldStep, record: &Record, place: &str) -> Option<NodeId> {
        let FieldStep::Read { field, node } = step else { return None };
        self.inside(*node, &record.fields.get(*field)?.ty, place)
    }

    /// Returns the node of the union in `place`, if it is in this one.
    fn inside(&self, id: NodeId, ty: &Ty, place: &str) -> Option<NodeId> {
        match (self.node(id), ty) {
            (Node::Union(_), Ty::Union { place: here, .. }) if here == place => Some(id),
            (Node::Union(_), Ty::Option { inner, .. }) if matches!(**inner, Ty::Union { .. }) => {
                self.inside(id, inner, place)
            }
            (Node::Union(branches), Ty::Option { inner, .. }) => {
                branches.iter().find_map(|branch| self.inside(self.value_of(*branch)?, inner, place))
            }
            (Node::Union(branches), Ty::Union { place: here, .. }) => branches.iter().find_map(|branch| {
                let Node::Branch { index, name, .. } = self.node(*branch) else { return None };
                let variant = (name != "null").then(|| self.variant(here, *index))?;
                self.inside(self.value_of(*branch)?, &variant.ty, place)
            }),
            (Node::Array { item, .. }, Ty::List(ty)) => self.inside(*item, ty, place),
            (Node::Map { value }, Ty::Map(ty)) => self.inside(*value, ty, place),
            _ => None,
        }
    }

    fn value_of(&self, branch: NodeId) -> Option<NodeId> {
        match self.node(branch) {
            Node::Branch { value, .. } => Some(*value),
            _ => None,
        }
    }
}
