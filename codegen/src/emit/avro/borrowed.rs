//! Emits the structs and enums of the borrowed form: for each type that holds text, bytes or a map one that borrows them
//! from what was decoded, and how it becomes the owned one.

use super::super::shared;
use super::form::{Form, Kind};
use super::masked_debug;
use crate::ir::{AvroBody, Field, Origin, Record, Ty, Type, TypePath, Union, Variant, Version};
use crate::rust::{Ident, Path, TokenStream, quote};

/// Emits the types of the form, each with the place of the owned one; none where the form is another one.
pub(super) fn definitions<'b>(form: &Form, body: &'b AvroBody, wire: &Path) -> Vec<(&'b TypePath, TokenStream)> {
    if form.kind != Kind::Borrowed {
        return Vec::new();
    }
    let reused = body.reused.iter().filter(|(_, one)| form.has(one)).map(|(origin, one)| {
        let up = one.path().module.as_ref().map(|_| quote!(super::));
        let defined = match origin {
            Origin::Older(version) => {
                let path = form.path(one.path(), one.name());
                quote!(super::#version::#path)
            }
            Origin::Shared(version, path) => {
                let (version, path) = (shared::path(version), form.path(path, one.name()));
                quote!(#version::#path)
            }
        };
        (one.path(), quote!(pub use #up #defined;))
    });
    let types = body.types.iter().filter(|one| form.has(one)).filter_map(|one| {
        let definition = match one {
            Type::Record(one) => record(one, form, wire),
            Type::Union(one) => enumeration(one, form, wire),
            Type::Enum(_) => return None,
        };
        Some((one.path(), definition))
    });
    reused.chain(types).collect()
}

/// Returns the name of the borrowed form of the event itself, if there is one.
pub(in crate::emit) fn newest(body: &AvroBody, version: &Version) -> Option<Ident> {
    of_type(body, body.root(version))
}

/// Returns the name of the borrowed form of a shared type, if there is one.
pub(in crate::emit) fn newest_shared(body: &AvroBody, root: &Ident) -> Option<Ident> {
    let root = body.types.iter().find(|one| one.path().module.is_none() && one.path().ident == *root);
    of_type(body, root?)
}

fn of_type(body: &AvroBody, one: &Type) -> Option<Ident> {
    let forms = Form::wanted(body);
    let form = forms.iter().find(|form| form.kind == Kind::Borrowed)?;
    form.has(one).then(|| form.path(one.path(), one.name()).ident)
}

fn record(record: &Record, form: &Form, wire: &Path) -> TokenStream {
    let owned = &record.path.ident;
    let ident = form.path(&record.path, &record.name).ident;
    let doc = super::super::doc(&format!("The record `{}`, borrowing from what it was decoded from.", record.name));
    let members = record.fields.iter().map(|field| member(field, record.path.module.is_some(), form, wire));
    let masked = masked_debug(record, &ident, Some(quote!(<'_>)));
    let debug = masked.is_none().then(|| quote!(Debug,));
    let fields = record.fields.iter().map(|field| {
        let name = &field.ident;
        let value = own(&field.ty, &quote!(self.#name), form);
        quote!(#name: #value)
    });
    quote! {
        #doc
        #[derive(#debug Clone, PartialEq)]
        pub struct #ident<'a> {
            #(#members,)*
        }
        #masked
        impl #ident<'_> {
            /// Returns the owned form.
            #[must_use]
            pub fn into_owned(self) -> #owned {
                #owned { #(#fields),* }
            }
        }
    }
}

fn member(field: &Field, inside: bool, form: &Form, wire: &Path) -> TokenStream {
    let Field { ident, name, ty, .. } = field;
    let doc = super::super::doc(field.doc.as_deref().unwrap_or(&format!("The field `{name}`.")));
    let ty = seen_type(ty, inside, form, wire);
    quote!(#doc pub #ident: #ty)
}

fn enumeration(union: &Union, form: &Form, wire: &Path) -> TokenStream {
    let owned = &union.path.ident;
    let ident = form.path(&union.path, &union.place).ident;
    let place = union.place.replace('#', ".");
    let doc = super::super::doc(&format!("The branches of the union in `{place}`, borrowing from what was decoded."));
    let members = union.variants.iter().map(|Variant { ident, branch, ty, .. }| {
        let doc = super::super::doc(&format!("The branch `{branch}`."));
        let ty = seen_type(ty, union.path.module.is_some(), form, wire);
        quote!(#doc #ident(#ty))
    });
    let arms = union.variants.iter().map(|Variant { ident, ty, .. }| {
        let value = own(ty, &quote!(value), form);
        quote!(Self::#ident(value) => #owned::#ident(#value))
    });
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq)]
        pub enum #ident<'a> {
            #(#members,)*
        }
        impl #ident<'_> {
            /// Returns the owned form.
            #[must_use]
            pub fn into_owned(self) -> #owned {
                match self {
                    #(#arms,)*
                }
            }
        }
    }
}

/// Returns the Rust type of a field, as the module of a namespace names it or the version's own.
fn seen_type(ty: &Ty, inside: bool, form: &Form, wire: &Path) -> TokenStream {
    if inside { form.rust_type(&ty.seen_from_inside(), wire) } else { form.rust_type(ty, wire) }
}

/// Returns the expression of the owned form of a value.
fn own(ty: &Ty, value: &TokenStream, form: &Form) -> TokenStream {
    let inner = |ty: &Ty| own(ty, &quote!(value), form);
    match ty {
        Ty::String => quote!(::std::string::String::from(#value)),
        Ty::Bytes => quote!(::std::vec::Vec::from(#value)),
        Ty::Map(entry) => {
            let entry = inner(entry);
            quote!(#value.into_owned(|value| #entry))
        }
        _ if !form.differs(ty) => value.clone(),
        Ty::Option { inner: some, .. } => {
            let some = inner(some);
            quote!(#value.map(|value| #some))
        }
        Ty::List(item) => {
            let item = inner(item);
            quote!(#value.into_iter().map(|value| #item).collect())
        }
        Ty::Record { boxed: true, .. } => quote!(::std::boxed::Box::new(#value.into_owned())),
        _ => quote!(#value.into_owned()),
    }
}
