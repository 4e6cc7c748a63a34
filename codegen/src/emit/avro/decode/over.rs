//! Emits decoding over a value that is there: statements in place of a struct literal. What holds no memory that could be
//! used again, and a branch that differs from the one that is there, is decoded anew.

use eventwright_wire::avro::{FieldStep, Node, NodeId, RecordNode};

use super::{Emitter, around, in_field, skip};
use crate::ir::{Record, Ty, Type};
use crate::rust::{Ident, Literal, TokenStream, quote};

impl Emitter<'_> {
    /// Emits `DecodeInto` for a type.
    pub(super) fn decode_into(&self, one: &Type, node: &Node) -> TokenStream {
        let (wire, path, body) = (self.wire, one.path(), self.body_over(one, node));
        quote! {
            impl #wire::avro::DecodeInto for #path {
                fn decode_into(
                    &mut self,
                    reader: &mut #wire::avro::Reader<'_>,
                ) -> ::core::result::Result<(), #wire::DecodeError> {
                    let value = self;
                    #body
                }
            }
        }
    }

    /// Emits the function that decodes what another writer wrote.
    pub(super) fn function_over(&self, function: &Ident, one: &Type, id: NodeId) -> TokenStream {
        let (wire, path) = (self.wire, one.path());
        let (added, body) = (self.added(id), self.body_over(one, self.node(id)));
        let doc =
            format!(" Reads `{}` as version {} wrote it over one that is there.", one.name(), self.writer.version);
        quote! {
            #[doc = #doc]
            fn #function(
                value: &mut #path,
                reader: &mut #wire::avro::Reader<'_>,
            ) -> ::core::result::Result<(), #wire::DecodeError> {
                #added
                #body
            }
        }
    }

    /// Returns an expression that decodes a named type over `place`, a mutable reference.
    pub(super) fn named_over(&self, id: NodeId, one: &Type, place: &TokenStream) -> TokenStream {
        let wire = self.wire;
        match self.functions.get(&id) {
            _ if !self.form.has(one) => {
                let read = self.read_named(id, one.path(), one.name());
                quote!(#read.map(|new| *#place = new))
            }
            Some((function, _)) => {
                let function = self.form.function(function, one.name());
                quote!(#function(#place, reader))
            }
            None => quote!(#wire::avro::DecodeInto::decode_into(#place, reader)),
        }
    }

    fn body_over(&self, one: &Type, node: &Node) -> TokenStream {
        match (one, node) {
            (Type::Record(record), Node::Record(node)) => self.record_over(record, node),
            _ => unreachable!("only records hold memory by name and are read by name"),
        }
    }

    fn record_over(&self, record: &Record, node: &RecordNode) -> TokenStream {
        let fields = node.steps.iter().filter_map(|step| {
            Some(match step {
                FieldStep::Skip { node, .. } => skip::statement(self.writer, *node, self.wire),
                FieldStep::Read { field, node } => {
                    let field = record.fields.get(*field)?;
                    let name = &field.ident;
                    if self.form.differs(&field.ty) {
                        let over = self.over(*node, &field.ty, &quote!(&mut value.#name));
                        let over = in_field(record, field, &over);
                        quote!(#over;)
                    } else {
                        let read = in_field(record, field, &self.read(*node, &field.ty));
                        quote!(value.#name = #read;)
                    }
                }
                FieldStep::Default { field, .. } => {
                    let field = record.fields.get(*field)?;
                    let (name, default) = (&field.ident, self.default(record, field));
                    quote!(value.#name = #default;)
                }
            })
        });
        let (descend, ascend) = around(record);
        quote!(#descend #(#fields)* #ascend ::core::result::Result::Ok(()))
    }

    /// Returns an expression of the type `Result<(), DecodeError>` that decodes over `place`, a mutable reference.
    fn over(&self, id: NodeId, ty: &Ty, place: &TokenStream) -> TokenStream {
        match (self.node(id), ty) {
            _ if !self.form.differs(ty) => self.anew(id, ty, place),
            (Node::Scalar { from, to, .. }, Ty::String | Ty::Bytes) if from == to => match ty {
                Ty::String => quote!(reader.string_into(#place)),
                _ => quote!(reader.bytes_into(#place)),
            },
            (Node::Array { item, min_size }, Ty::List(ty)) => {
                let (read, over) = (self.read(*item, ty), self.over(*item, ty, &quote!(place)));
                let min_size = Literal::usize_unsuffixed(*min_size);
                quote!(reader.items_into(#min_size, #place, |reader| #read, |reader, place| #over))
            }
            (Node::Record(_), Ty::Record { name, boxed, .. }) => {
                let one = self.body.type_of(name).expect("lowering has named the record");
                let place = if *boxed { quote!(&mut **#place) } else { place.clone() };
                self.named_over(id, one, &place)
            }
            (Node::Union(branches), _) => self.match_union(branches, |branch| self.over(branch, ty, place)),
            (Node::Branch { name, value, .. }, Ty::Option { inner, .. }) if name != "null" => {
                let inner_id = if matches!(**inner, Ty::Union { .. }) { id } else { *value };
                self.branch_over(id, ty, place, |place| {
                    (quote!(::core::option::Option::Some(place)), self.over(inner_id, inner, place))
                })
            }
            (Node::Branch { index, value, .. }, Ty::Union { path, place: union }) => {
                let variant = self.variant(union, *index);
                let name = &variant.ident;
                self.branch_over(id, ty, place, |place| {
                    (quote!(#path::#name(place)), self.over(*value, &variant.ty, place))
                })
            }
            _ => self.anew(id, ty, place),
        }
    }

    fn anew(&self, id: NodeId, ty: &Ty, place: &TokenStream) -> TokenStream {
        let read = self.read(id, ty);
        quote!(#read.map(|new| *#place = new))
    }

    /// `over` returns the pattern of the branch, and how to decode over what it holds.
    fn branch_over(
        &self,
        id: NodeId,
        ty: &Ty,
        place: &TokenStream,
        over: impl FnOnce(&TokenStream) -> (TokenStream, TokenStream),
    ) -> TokenStream {
        let ((pattern, over), anew) = (over(&quote!(place)), self.anew(id, ty, &quote!(place)));
        quote! {
            match #place {
                #pattern => #over,
                place => #anew,
            }
        }
    }
}
