//! Emits decoding: `Decode` for what a type writes itself, and one function a type for each other writer that is known,
//! with the resolution already done: what to read, what to skip, which default to take.
//!
//! In: the plan of a writer. Out: the code that does what executing the plan would do.

use std::collections::BTreeMap;

use eventwright_wire::avro::{EnumNode, FieldStep, Node, NodeId, Primitive, RecordNode};

use super::default;
use super::form::{Form, Kind};
use crate::ir::{AvroBody, Enum, Field, Record, Ty, Type, TypePath, Union, Variant, Writer};
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

mod added;
mod alone;
mod convert;
mod over;
mod skip;

/// Emits what the form needs to decode: an implementation for each type of the version, and the functions that decode
/// what other writers wrote.
pub(super) fn codecs(form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    let own = own_emitter(form, body, wire);
    let implementations = body.types.iter().filter(|one| form.has_code_for(one)).map(|one| own.implementation(one));
    let others = body.writers.iter().filter(|writer| !writer.plan.is_identity(writer.plan.root));
    let functions = others.flat_map(|writer| Emitter::new(form, body, writer, wire).functions());
    quote!(#(#implementations)* #(#functions)*)
}

/// Returns an expression that reads a union which stands by itself, from `reader`.
pub(super) fn union_alone(union: &Union, body: &AvroBody, wire: &Path) -> TokenStream {
    own_emitter(&Form::owned(), body, wire).union_alone(union)
}

/// Returns the arms of a `match` over the event's writers, each of which decodes the event itself.
pub(super) fn arms(root: &Type, form: &Form, body: &AvroBody, wire: &Path) -> TokenStream {
    let arms = body.writers.iter().enumerate().map(|(index, writer)| {
        let index = Literal::usize_unsuffixed(index);
        let code = Emitter::new(form, body, writer, wire);
        let read = match form.kind {
            Kind::Reused => code.named_over(writer.plan.root, root, &quote!(self)),
            _ => code.read_named(writer.plan.root, root.path(), root.name()),
        };
        quote!(#index => #read)
    });
    quote! {
        #(#arms,)*
        unknown => ::core::result::Result::Err(#wire::avro::unknown_writer(unknown)),
    }
}

/// Returns what emits code for what the version itself writes.
fn own_emitter<'e>(form: &'e Form, body: &'e AvroBody, wire: &'e Path) -> Emitter<'e> {
    let own = body.writers.iter().find(|writer| writer.plan.is_identity(writer.plan.root));
    Emitter::new(form, body, own.expect("a version is one of its own writers"), wire)
}

fn function_name(ident: &Ident, writer: &Writer) -> Ident {
    format_ident!("{}_from_v{}", names::plain(&names::snake(&names::plain(ident))), writer.version)
}

/// Emits code for one writer of one version, in one form.
struct Emitter<'e> {
    form: &'e Form,
    body: &'e AvroBody,
    writer: &'e Writer,
    wire: &'e Path,
    /// The records and enums that need a function of their own: node, function and type.
    functions: BTreeMap<NodeId, (Ident, &'e Type)>,
    /// How many bytes of defaults there are in a record that may stand in each of many items, where they are many.
    added: BTreeMap<NodeId, usize>,
}

impl<'e> Emitter<'e> {
    fn new(form: &'e Form, body: &'e AvroBody, writer: &'e Writer, wire: &'e Path) -> Self {
        let mut functions = BTreeMap::new();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (index, node) in writer.plan.nodes.iter().enumerate() {
            let id = NodeId(index);
            let name = match node {
                Node::Record(node) => &node.name,
                Node::Enum(node) => &node.name,
                _ => continue,
            };
            let Some(one) = body.type_of(name).filter(|_| !writer.plan.is_identity(id)) else { continue };
            let function = function_name(&one.path().ident, writer);
            // Two of the writer's types may become one of the reader's.
            let count = counts.entry(function.to_string()).or_default();
            *count += 1;
            let function = if *count == 1 { function } else { format_ident!("{function}_{count}") };
            functions.insert(id, (function, one));
        }
        Self { form, body, writer, wire, functions, added: added::lengths(&writer.plan) }
    }

    /// Emits the implementation of the form's trait for a type, as the type's own version writes it.
    fn implementation(&self, one: &Type) -> TokenStream {
        let (wire, node) = (self.wire, self.node_of(one.name()));
        if self.form.kind == Kind::Reused {
            return self.decode_into(one, node);
        }
        let (ty, body, inline) = (self.form.named_type(one), self.body_of(one, node), self.inline(one));
        quote! {
            impl<'a> #wire::avro::Decode<'a> for #ty {
                #inline
                fn decode(
                    reader: &mut #wire::avro::Reader<'a>,
                ) -> ::core::result::Result<Self, #wire::DecodeError> {
                    #body
                }
            }
        }
    }

    /// Returns the attribute of what takes less time than to call it and to move what it returns: an enum, and a record
    /// that only borrows.
    fn inline(&self, one: &Type) -> Option<TokenStream> {
        let is_cheap = match one {
            Type::Record(record) => self.form.kind == Kind::Borrowed && !record.recursive,
            Type::Enum(_) => true,
            Type::Union(_) => false,
        };
        is_cheap.then(|| quote!(#[inline]))
    }

    /// Emits one function for each type that the writer wrote differently; what is skipped is skipped by the functions of
    /// the owned form.
    fn functions(&self) -> Vec<TokenStream> {
        let own = self.functions.iter().filter(|(_, (_, one))| self.form.has_code_for(one));
        let mut functions: Vec<_> = own.map(|(id, (function, one))| self.function(*id, function, one)).collect();
        if self.form.kind == Kind::Owned {
            functions.extend(skip::functions(&self.writer.plan, self.writer.version, self.wire));
        }
        functions
    }

    fn function(&self, id: NodeId, function: &Ident, one: &Type) -> TokenStream {
        let (wire, node, function) = (self.wire, self.node(id), self.form.function(function, one.name()));
        let doc = format!(" Reads `{}` as version {} wrote it.", one.name(), self.writer.version);
        if self.form.kind == Kind::Reused {
            return self.function_over(&function, one, id);
        }
        let (ty, added, body) = (self.form.named_type(one), self.added(id), self.body_of(one, node));
        let (generics, lifetime) = self.form.function_lifetimes();
        let inline = self.inline(one);
        quote! {
            #[doc = #doc]
            #inline
            fn #function #generics (
                reader: &mut #wire::avro::Reader<#lifetime>,
            ) -> ::core::result::Result<#ty, #wire::DecodeError> {
                #added
                #body
            }
        }
    }

    /// Returns the statement that counts the defaults of what may stand in each of many items.
    fn added(&self, id: NodeId) -> Option<TokenStream> {
        let length = Literal::usize_unsuffixed(*self.added.get(&id)?);
        Some(quote!(reader.add(#length)?;))
    }

    fn node(&self, id: NodeId) -> &'e Node {
        self.writer.plan.nodes.get(id.0).expect("a plan refers to its own nodes")
    }

    /// Returns the node of a type in the plan of its own version.
    fn node_of(&self, name: &str) -> &'e Node {
        let node = self.writer.plan.nodes.iter().find(|node| match node {
            Node::Record(node) => node.name == name,
            Node::Enum(node) => node.name == name,
            _ => false,
        });
        node.expect("the plan of a version holds every type of the version")
    }

    fn body_of(&self, one: &Type, node: &'e Node) -> TokenStream {
        match (one, node) {
            (Type::Record(record), Node::Record(node)) => self.record_body(record, node),
            (Type::Enum(one), Node::Enum(node)) => self.enum_body(one, node),
            _ => unreachable!("a name means one type"),
        }
    }

    /// A struct literal in the order of the writer's fields; what is skipped stands before the field that follows it.
    fn record_body(&self, record: &Record, node: &RecordNode) -> TokenStream {
        let path = self.form.path(&record.path, &record.name);
        let mut skips: Vec<TokenStream> = Vec::new();
        let mut fields = Vec::new();
        for step in &node.steps {
            match step {
                FieldStep::Skip { node, .. } => skips.push(skip::statement(self.writer, *node, self.wire)),
                FieldStep::Read { field, node } => {
                    let Some(field) = record.fields.get(*field) else { continue };
                    let (name, read) = (&field.ident, in_field(record, field, &self.read(*node, &field.ty)));
                    let skips = std::mem::take(&mut skips);
                    fields.push(match skips.as_slice() {
                        [] => quote!(#name: #read),
                        skips => quote!(#name: { #(#skips)* #read }),
                    });
                }
                FieldStep::Default { field, .. } => {
                    let Some(field) = record.fields.get(*field) else { continue };
                    let (name, value) = (&field.ident, self.default(record, field));
                    fields.push(quote!(#name: #value));
                }
            }
        }
        let value = quote!(#path { #(#fields),* });
        if !record.recursive && skips.is_empty() {
            return quote!(::core::result::Result::Ok(#value));
        }
        let (descend, ascend) = around(record);
        quote!(#descend let value = #value; #(#skips)* #ascend ::core::result::Result::Ok(value))
    }

    /// Returns the expression of a field's default.
    fn default(&self, record: &Record, field: &Field) -> TokenStream {
        if self.form.kind == Kind::Borrowed && self.form.differs(&field.ty) {
            return default::borrowed(field, self.form, self.body, self.wire);
        }
        let (path, function) = (&record.path, default::function_name(field));
        quote!(#path::#function())
    }

    fn enum_body(&self, one: &Enum, node: &EnumNode) -> TokenStream {
        let (wire, name) = (self.wire, &one.name);
        let count = Literal::usize_unsuffixed(node.mapping.len());
        let path = &one.path;
        let arms = node.mapping.iter().enumerate().map(|(index, to)| {
            let index = Literal::usize_unsuffixed(index);
            match to.as_ref().map(|to| one.variants.get(*to)) {
                Ok(Some((variant, _))) => quote!(#index => ::core::result::Result::Ok(#path::#variant)),
                Ok(None) => unreachable!("a plan maps to symbols that the enum has"),
                Err(unknown) => {
                    quote!(#index => ::core::result::Result::Err(#wire::avro::unknown_symbol(#name, #unknown)))
                }
            }
        });
        quote! {
            match reader.index(#count)? {
                #(#arms,)*
                index => ::core::result::Result::Err(#wire::avro::no_such_index(index, #count)),
            }
        }
    }

    /// Returns an expression of the type `Result<ty, DecodeError>`.
    fn read(&self, id: NodeId, ty: &Ty) -> TokenStream {
        let wire = self.wire;
        match (self.node(id), ty) {
            (Node::Union(branches), _) => self.read_union(branches, ty),
            (Node::Branch { name, .. }, Ty::Option { .. }) if name == "null" => {
                quote!(::core::result::Result::Ok(::core::option::Option::None))
            }
            (Node::Branch { .. }, Ty::Option { inner, .. }) if matches!(**inner, Ty::Union { .. }) => {
                let inner = self.read(id, inner);
                quote!(#inner.map(::core::option::Option::Some))
            }
            (Node::Branch { index, value, .. }, Ty::Union { path, place }) => {
                let variant = self.variant(place, *index);
                let (name, value) = (&variant.ident, self.read(*value, &variant.ty));
                let path = self.form.path(path, place);
                quote!(#value.map(#path::#name))
            }
            (Node::Branch { value, .. }, Ty::Option { inner, .. }) => {
                let inner = self.read(*value, inner);
                quote!(#inner.map(::core::option::Option::Some))
            }
            (Node::Unresolvable(what), _) => quote!(::core::result::Result::Err(#wire::avro::unresolvable(#what))),
            (Node::Array { item, min_size }, Ty::List(ty)) => {
                let (item, min_size) = (self.reader_of(*item, ty), Literal::usize_unsuffixed(*min_size));
                quote!(reader.items(#min_size, #item))
            }
            (Node::Map { value }, Ty::Map(ty)) => {
                let value = self.reader_of(*value, ty);
                match self.form.kind {
                    Kind::Borrowed => quote!(reader.borrowed_entries(#value)),
                    _ => quote!(reader.entries(#value)),
                }
            }
            (Node::Record(_) | Node::Enum(_), Ty::Record { path, boxed, name }) => {
                let function = self.function_of(id, path, name);
                if *boxed { quote!(reader.boxed(#function)) } else { quote!(#function(reader)) }
            }
            (Node::Record(_) | Node::Enum(_), Ty::Enum { path, name }) => self.read_named(id, path, name),
            (Node::Scalar { from, .. }, Ty::String | Ty::Bytes) if self.form.kind == Kind::Borrowed => {
                read_borrowed(*from, ty)
            }
            (Node::Fixed { size, conversion, .. }, _) => convert::read_fixed(*size, *conversion, ty, wire),
            (Node::Scalar { from, to, conversion, .. }, _) => convert::read((*from, *to), *conversion, ty, wire),
            _ => unreachable!("a plan is made for the types that it decodes into"),
        }
    }

    /// Returns what reads a value, as a function: by its name where it has one, because rustc compiles what takes a
    /// function once for each, and every closure is another one.
    fn reader_of(&self, id: NodeId, ty: &Ty) -> TokenStream {
        let wire = self.wire;
        let named = match (self.node(id), ty) {
            (Node::Record(_) | Node::Enum(_), Ty::Record { path, boxed: false, name } | Ty::Enum { path, name }) => {
                Some(self.function_of(id, path, name))
            }
            (Node::Scalar { from, to, conversion: None, .. }, _) if from == to => match ty {
                Ty::String if self.form.kind == Kind::Borrowed => Some(quote!(#wire::avro::Reader::str)),
                Ty::Boolean | Ty::Int | Ty::Long | Ty::Float | Ty::Double | Ty::String => {
                    let method = if *ty == Ty::String { format_ident!("string") } else { skip::read_primitive(*from) };
                    Some(quote!(#wire::avro::Reader::#method))
                }
                _ => None,
            },
            _ => None,
        };
        named.unwrap_or_else(|| {
            let read = self.read(id, ty);
            quote!(|reader| #read)
        })
    }

    fn variant(&self, place: &str, index: usize) -> &'e Variant {
        let Some(Type::Union(union)) = self.body.type_of(place) else { unreachable!("lowering has named the union") };
        let variant = union.variants.iter().find(|variant| variant.index == index);
        variant.expect("a plan chooses a branch that the reader has")
    }

    fn read_named(&self, id: NodeId, path: &TypePath, name: &str) -> TokenStream {
        let function = self.function_of(id, path, name);
        quote!(#function(reader))
    }

    /// Returns the function that reads a named type.
    fn function_of(&self, id: NodeId, path: &TypePath, name: &str) -> TokenStream {
        let (wire, path) = (self.wire, self.form.path(path, name));
        match self.functions.get(&id) {
            Some((function, _)) if self.form.kind == Kind::Borrowed => {
                let function = self.form.function(function, name);
                quote!(#function)
            }
            Some((function, _)) => quote!(#function),
            None => quote!(<#path as #wire::avro::Decode>::decode),
        }
    }

    fn read_union(&self, branches: &[NodeId], ty: &Ty) -> TokenStream {
        self.match_union(branches, |branch| self.read(branch, ty))
    }

    /// Emits a `match` over the writer's union, with what `arm` emits for each branch.
    fn match_union(&self, branches: &[NodeId], arm: impl Fn(NodeId) -> TokenStream) -> TokenStream {
        let wire = self.wire;
        let count = Literal::usize_unsuffixed(branches.len());
        let arms = branches.iter().enumerate().map(|(index, branch)| {
            let (index, arm) = (Literal::usize_unsuffixed(index), arm(*branch));
            quote!(::core::result::Result::Ok(#index) => #arm)
        });
        quote! {
            match reader.index(#count) {
                #(#arms,)*
                ::core::result::Result::Ok(index) => {
                    ::core::result::Result::Err(#wire::avro::no_such_index(index, #count))
                }
                ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
            }
        }
    }
}

/// Returns the statements around the fields of a record that may hold itself.
fn around(record: &Record) -> (Option<TokenStream>, Option<TokenStream>) {
    record.recursive.then(|| (quote!(reader.descend()?;), quote!(reader.ascend();))).unzip()
}

/// Returns the expression of a field's value. In a record that may hold itself it does without `?`, which takes twice the
/// stack where nothing is optimised: so all of a wide record's levels have room.
fn in_field(record: &Record, field: &Field, read: &TokenStream) -> TokenStream {
    let name = &field.name;
    match record.recursive {
        false => quote!(#read.field(#name)?),
        true => quote! {
            match #read {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(error) => {
                    return ::core::result::Result::Err(error.in_field(#name));
                }
            }
        },
    }
}

/// Text and bytes are written alike.
fn read_borrowed(from: Primitive, ty: &Ty) -> TokenStream {
    match (from, ty) {
        (_, Ty::String) => quote!(reader.str()),
        (Primitive::String, _) => quote!(reader.str().map(str::as_bytes)),
        _ => quote!(reader.bytes()),
    }
}
