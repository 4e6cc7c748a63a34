//! Lowers the key of an event that has a schema of its own: which of the event's fields become which fields of the key.
//!
//! In: a version of the event, and the newest version of the key. Out: a source for each field of the key, in the key's
//! order: the event's field of the same name and type, or else the default.

use eventwright_schema::Diagnostic;
use eventwright_schema::avro::{self, Schema, dynamic};
use eventwright_schema::compat::AnySchema;
use eventwright_schema::load::{LoadedEvent, LoadedVersion};

use super::Place;
use crate::ir::{Body, Event, Field, Key, KeyField, KeyRecord, KeySource, Ty, Type};
use crate::rust::Ident;

/// A key as it was loaded and as it was lowered.
pub(super) struct KeySchema<'k> {
    pub(super) loaded: &'k LoadedEvent,
    pub(super) lowered: &'k Event,
}

/// What an event has under the name of a field of the key.
pub(super) enum Found {
    /// A field of the type that the key asks for, which the event keeps so.
    Same {
        ident: Ident,
        ty: Ty,
    },
    /// Another type, in words.
    Other(String),
    Nothing,
}

/// Returns the key's record, or what the event lacks for it. `find` looks a field of the key up in the event.
pub(super) fn record(
    place: &Place<'_>,
    version: &LoadedVersion,
    find: impl Fn(&Schema, &avro::Field, &Field) -> Found,
) -> Result<Option<Key>, Diagnostic> {
    let Some(key) = &place.key else { return Ok(None) };
    let newest = key.loaded.newest();
    let (AnySchema::Avro(schema), Some(lowered)) = (&newest.schema, key.lowered.versions.last()) else {
        unreachable!("keys are Avro, and have a version");
    };
    let (mut fields, mut missing) = (Vec::new(), Vec::new());
    for (field, lowered) in root_fields(schema, &lowered.body) {
        let source = match (find(schema, field, lowered), dynamic::default_bytes(schema, field)) {
            (Found::Same { ident, ty }, _) => KeySource::Event { ident, ty },
            (Found::Nothing, Some(default)) => KeySource::Default(default),
            (Found::Nothing, None) => {
                missing.push(format!("no `{}`", field.name));
                continue;
            }
            (Found::Other(what), _) => {
                missing.push(format!("`{}` as {what} and not as {}", field.name, schema.text_of(field.node.span)));
                continue;
            }
        };
        fields.push(KeyField { name: field.name.clone(), source });
    }
    if missing.is_empty() {
        let (module, version) = (key.lowered.module.clone(), lowered.module.clone());
        return Ok(Some(Key::Record(KeyRecord { module, version, fields })));
    }
    let (event, missing) = (&place.event.entry, missing.join(", "));
    let message = format!(
        "`{}` v{} cannot give the key `{}` v{} its fields: it has {missing}",
        event.name, version.number, key.lowered.name, newest.number
    );
    let position = event.key_schema.as_ref().map_or(event.position, |folder| folder.position);
    let help = "name fields of the event in the key's schema, with the same type, or give them a default there";
    Err(place.diagnostic(position, message, help))
}

/// Returns the fields of the key's record, as in the schema and as lowered.
fn root_fields<'k>(schema: &'k Schema, body: &'k Body) -> impl Iterator<Item = (&'k avro::Field, &'k Field)> {
    let named = schema.root_named().map(|(_, named)| named);
    let fields = named.and_then(|named| named.fields()).unwrap_or_default();
    let lowered = match (body, named) {
        (Body::Avro(body), Some(named)) => match body.type_of(&named.name.full()) {
            Some(Type::Record(record)) => record.fields.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    fields.iter().zip(lowered)
}

/// Looks a field of the key up in an Avro event: types are the same if one Rust type can stand for both.
pub(super) fn in_avro(event: &Schema, fields: &[Field], schema: &Schema, wanted: &avro::Field) -> Found {
    let own = event.root_named().and_then(|(_, named)| named.fields()).unwrap_or_default();
    let own = own.iter().find(|field| field.name == wanted.name);
    let lowered = fields.iter().find(|field| field.name == wanted.name);
    match own.zip(lowered) {
        None => Found::Nothing,
        Some((own, lowered)) if event.shape_of_node(&own.node) == schema.shape_of_node(&wanted.node) => {
            Found::Same { ident: lowered.ident.clone(), ty: lowered.ty.clone() }
        }
        Some((own, _)) => Found::Other(event.text_of(own.node.span).to_owned()),
    }
}

/// Returns whether prost's type of a field is the Rust type that the key has; `optional` as prost has it.
pub(super) fn is_prost_type(wanted: &Ty, ty: &Ty, optional: bool) -> bool {
    match wanted {
        Ty::Option { inner, .. } => optional && **inner == *ty,
        plain => !optional && plain == ty,
    }
}
