//! The forms of an event that bytes are decoded into: the owned structs, structs that borrow from the bytes, and owned
//! structs that are there already. One emitter serves all; here is what differs.

use std::collections::BTreeSet;

use eventwright_schema::manifest::DecodeForm;

use super::rust_type;
use crate::ir::{AvroBody, Ty, Type, TypePath};
use crate::names;
use crate::rust::{Ident, Path, TokenStream, format_ident, quote};

/// Which form it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Owned,
    Borrowed,
    Reused,
}

/// A form, and the named types that have code of their own in it.
pub(super) struct Form {
    pub(super) kind: Kind,
    /// Their names, as [`Type::name`] returns them.
    types: BTreeSet<String>,
}

impl Form {
    pub(super) fn owned() -> Self {
        Self { kind: Kind::Owned, types: BTreeSet::new() }
    }

    /// Returns the forms that the manifest asks for beside the owned one.
    pub(super) fn wanted(body: &AvroBody) -> Vec<Self> {
        let kinds = [(DecodeForm::Borrowed, Kind::Borrowed), (DecodeForm::Reused, Kind::Reused)];
        let wanted = kinds.into_iter().filter(|(form, _)| body.forms.contains(form));
        wanted.map(|(_, kind)| Self::new(kind, body)).collect()
    }

    fn new(kind: Kind, body: &AvroBody) -> Self {
        let mut form = Self { kind, types: BTreeSet::new() };
        // A type may hold one that is found to differ later, itself included.
        loop {
            let new = body.all_types().filter(|one| !form.types.contains(one.name()));
            let new: Vec<_> = new.filter(|one| one.parts().into_iter().any(|ty| form.differs(ty))).collect();
            if new.is_empty() {
                return form;
            }
            form.types.extend(new.into_iter().map(|one| one.name().to_owned()));
        }
    }

    /// Returns whether a value of the type is decoded otherwise than into the owned form: it holds text or bytes, or
    /// memory that can be used again. A map's cannot.
    pub(super) fn differs(&self, ty: &Ty) -> bool {
        match ty {
            Ty::String | Ty::Bytes => self.kind != Kind::Owned,
            Ty::Map(_) => self.kind == Kind::Borrowed,
            Ty::List(item) => self.kind == Kind::Reused || self.differs(item),
            Ty::Option { inner, .. } => self.differs(inner),
            Ty::Record { name, .. } | Ty::Union { place: name, .. } => self.types.contains(name),
            _ => false,
        }
    }

    /// Returns whether the named type has a definition of its own in this form, or its own way of being decoded.
    pub(super) fn has(&self, one: &Type) -> bool {
        self.types.contains(one.name())
    }

    /// Returns whether there are functions that decode the named type. A union is decoded where it stands: each writer
    /// has other branches.
    pub(super) fn has_code_for(&self, one: &Type) -> bool {
        !matches!(one, Type::Union(_)) && (self.kind == Kind::Owned || self.has(one))
    }

    /// Returns the path of a named type, as expressions name it.
    pub(super) fn path(&self, path: &TypePath, name: &str) -> TypePath {
        match self.kind == Kind::Borrowed && self.types.contains(name) {
            true => TypePath { ident: names::reference(&path.ident), ..path.clone() },
            false => path.clone(),
        }
    }

    /// Returns a named type, with its lifetime.
    pub(super) fn named_type(&self, one: &Type) -> TokenStream {
        let path = self.path(one.path(), one.name());
        if self.kind == Kind::Borrowed && self.has(one) { quote!(#path<'a>) } else { quote!(#path) }
    }

    /// Returns the name of the function that does for this form what `owned` does for the owned one.
    pub(super) fn function(&self, owned: &Ident, name: &str) -> Ident {
        match self.kind {
            Kind::Borrowed if self.types.contains(name) => format_ident!("{owned}_ref"),
            Kind::Reused => format_ident!("{owned}_into"),
            _ => owned.clone(),
        }
    }

    /// Returns the lifetimes that such a function declares, and that of the bytes.
    pub(super) fn function_lifetimes(&self) -> (TokenStream, TokenStream) {
        match self.kind {
            Kind::Borrowed => (quote!(<'a>), quote!('a)),
            _ => (TokenStream::new(), quote!('_)),
        }
    }

    /// Returns the Rust type of a field.
    pub(super) fn rust_type(&self, ty: &Ty, wire: &Path) -> TokenStream {
        if self.kind != Kind::Borrowed || !self.differs(ty) {
            return rust_type(ty, wire);
        }
        match ty {
            Ty::String => quote!(&'a str),
            Ty::Bytes => quote!(&'a [u8]),
            Ty::Option { inner, .. } => {
                let inner = self.rust_type(inner, wire);
                quote!(::core::option::Option<#inner>)
            }
            Ty::List(item) => {
                let item = self.rust_type(item, wire);
                quote!(::std::vec::Vec<#item>)
            }
            Ty::Map(value) => {
                let value = self.rust_type(value, wire);
                quote!(#wire::avro::BorrowedMap<'a, #value>)
            }
            Ty::Record { path, name, boxed } => {
                let path = self.path(path, name);
                if *boxed { quote!(::std::boxed::Box<#path<'a>>) } else { quote!(#path<'a>) }
            }
            Ty::Union { path, place } => {
                let path = self.path(path, place);
                quote!(#path<'a>)
            }
            _ => unreachable!("a type that borrows holds text, bytes or a map"),
        }
    }
}
