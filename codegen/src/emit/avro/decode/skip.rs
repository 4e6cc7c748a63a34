//! Emits the skipping of what the reader has no field for: a statement for each value, a function for each record.

use eventwright_wire::avro::{FieldStep, Node, NodeId, Plan, Primitive};

use crate::ir::Writer;
use crate::names;
use crate::rust::{Ident, Literal, Path, TokenStream, format_ident, quote};

/// Emits one function for each record that is skipped.
pub(super) fn functions<'p>(
    plan: &'p Plan,
    version: u32,
    wire: &'p Path,
) -> impl Iterator<Item = TokenStream> + use<'p> {
    let skipped = skipped_records(plan);
    skipped.into_iter().filter_map(move |id| {
        let Some(Node::Record(node)) = plan.nodes.get(id.0) else { return None };
        let function = function_name(plan, id, version);
        let doc = format!(" Skips a `{}` as version {version} wrote it.", node.name);
        let fields = node.steps.iter().filter_map(written).map(|node| skip(plan, node, version, wire));
        let fields = quote!(#(#fields)*);
        // Only a record that holds itself can nest without end.
        let is_recursive = node.steps.iter().filter_map(written).any(|field| reached(plan, vec![field]).contains(&id));
        let fields = if is_recursive { quote!(reader.descend()?; #fields reader.ascend();) } else { fields };
        Some(quote! {
            #[doc = #doc]
            fn #function(reader: &mut #wire::avro::Reader<'_>) -> ::core::result::Result<(), #wire::DecodeError> {
                #fields
                ::core::result::Result::Ok(())
            }
        })
    })
}

/// Returns the statement that skips a value.
pub(super) fn statement(writer: &Writer, id: NodeId, wire: &Path) -> TokenStream {
    skip(&writer.plan, id, writer.version, wire)
}

/// Returns the method of `Reader` that reads a primitive.
pub(super) fn read_primitive(primitive: Primitive) -> Ident {
    let name = match primitive {
        Primitive::Null => "null",
        Primitive::Boolean => "boolean",
        Primitive::Int => "int",
        Primitive::Long => "long",
        Primitive::Float => "float",
        Primitive::Double => "double",
        Primitive::Bytes => "bytes",
        Primitive::String => "str",
    };
    format_ident!("{name}")
}

fn skip(plan: &Plan, id: NodeId, version: u32, wire: &Path) -> TokenStream {
    match plan.nodes.get(id.0).expect("a plan refers to its own nodes") {
        Node::Scalar { from: Primitive::Null, .. } => TokenStream::new(),
        // Text that nobody reads need not be UTF-8.
        Node::Scalar { from: Primitive::String, .. } => quote!(reader.bytes()?;),
        Node::Scalar { from, .. } => {
            let read = read_primitive(*from);
            quote!(reader.#read()?;)
        }
        Node::Fixed { size, .. } => {
            let size = Literal::usize_unsuffixed(*size);
            quote!(reader.fixed(#size)?;)
        }
        Node::Enum(node) => {
            let count = Literal::usize_unsuffixed(node.mapping.len());
            quote!(reader.index(#count)?;)
        }
        Node::Array { item, min_size } => {
            let (item, min_size) = (skip(plan, *item, version, wire), Literal::usize_unsuffixed(*min_size));
            quote!(reader.skip_blocks(#min_size, |reader| { #item ::core::result::Result::Ok(()) })?;)
        }
        Node::Map { value } => {
            let value = skip(plan, *value, version, wire);
            quote! {
                reader.skip_blocks(1, |reader| {
                    reader.bytes()?;
                    #value
                    ::core::result::Result::Ok(())
                })?;
            }
        }
        Node::Record(_) => {
            let function = function_name(plan, id, version);
            quote!(#function(reader)?;)
        }
        Node::Union(branches) => union(plan, branches, version, wire),
        Node::Branch { value, .. } => skip(plan, *value, version, wire),
        Node::Unresolvable(_) => unreachable!("a type that is skipped is read as itself"),
    }
}

fn union(plan: &Plan, branches: &[NodeId], version: u32, wire: &Path) -> TokenStream {
    let count = Literal::usize_unsuffixed(branches.len());
    let arms = branches.iter().enumerate().map(|(index, branch)| {
        let (index, skip) = (Literal::usize_unsuffixed(index), skip(plan, *branch, version, wire));
        quote!(#index => { #skip })
    });
    quote! {
        match reader.index(#count)? {
            #(#arms)*
            index => return ::core::result::Result::Err(#wire::avro::no_such_index(index, #count)),
        }
    }
}

/// Returns the node of a field that the writer wrote.
fn written(step: &FieldStep) -> Option<NodeId> {
    match step {
        FieldStep::Read { node, .. } | FieldStep::Skip { node, .. } => Some(*node),
        FieldStep::Default { .. } => None,
    }
}

/// Returns the records that skipping comes to.
fn skipped_records(plan: &Plan) -> Vec<NodeId> {
    let steps = plan.nodes.iter().filter_map(|node| match node {
        Node::Record(node) => Some(&node.steps),
        _ => None,
    });
    let skipped = steps.flatten().filter_map(|step| match step {
        FieldStep::Skip { node, .. } => Some(*node),
        _ => None,
    });
    reached(plan, skipped.collect())
}

/// Returns the records that reading those nodes comes to.
fn reached(plan: &Plan, mut open: Vec<NodeId>) -> Vec<NodeId> {
    let mut seen = vec![false; plan.nodes.len()];
    let mut records = Vec::new();
    while let Some(id) = open.pop() {
        if seen.get_mut(id.0).is_none_or(|seen| std::mem::replace(seen, true)) {
            continue;
        }
        match plan.nodes.get(id.0) {
            Some(Node::Array { item: inner, .. } | Node::Map { value: inner } | Node::Branch { value: inner, .. }) => {
                open.push(*inner);
            }
            Some(Node::Union(branches)) => open.extend(branches),
            Some(Node::Record(node)) => {
                records.push(id);
                open.extend(node.steps.iter().filter_map(written));
            }
            _ => {}
        }
    }
    records.sort();
    records
}

/// The number of the node tells apart what is skipped in two places.
fn function_name(plan: &Plan, id: NodeId, version: u32) -> Ident {
    let name = match plan.nodes.get(id.0) {
        Some(Node::Record(node)) => node.name.rsplit('.').next().unwrap_or_default(),
        _ => "",
    };
    let name = names::plain(&names::snake(name));
    format_ident!("skip_{name}_{}_of_v{version}", id.0)
}
