//! Checks that each field's default is a value of the field's type; for a union, of any of its branches.

use eventwright_wire::EncodeError;

use super::super::dynamic;
use super::super::model::Schema;
use crate::Diagnostic;

/// Returns a diagnostic for each default that is not a value of its type.
pub(super) fn check(schema: &Schema) -> Vec<Diagnostic> {
    let records = schema.all_named().filter_map(|(_, named)| named.fields());
    let with_default = records.flatten().filter_map(|field| Some((field, field.default.as_ref()?)));
    let wrong = with_default.filter_map(|(field, default)| {
        let error = dynamic::encode_default(schema, &field.node, default).err()?;
        Some(schema.diagnostic(field.span, message(&field.name, &error), "write a default of the field's type"))
    });
    wrong.collect()
}

fn message(field: &str, error: &EncodeError) -> String {
    format!("the default of the field `{field}` does not fit its type: {error}")
}
