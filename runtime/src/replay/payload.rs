//! What a dead letter's value says, for whoever looks at it.
//!
//! In: the bytes of a value. Out: JSON, where the registry knows the schema that they name; text; or base64. Looking never fails
//! for want of a registry: the letter is there all the same.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventwright_registry::{RegistryClient, ResolvedSchema};
use eventwright_schema::compat::AnySchema;
use eventwright_schema::dynamic::{self, Pii};
use eventwright_wire::framing::{self, SchemaId};
use serde::Serialize;
use serde_json::Value;

use crate::{Error, Settings};

/// Whether lists show the values of letters, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Payloads {
    /// They do not, and the registry is not asked.
    Omitted,
    /// Fields that an Avro schema marks with `"pii": true` are `***`.
    #[default]
    Masked,
    /// All fields are shown.
    Revealed,
}

/// What a value is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayloadEncoding {
    /// The JSON form of an Avro value, by the writer's schema.
    Avro,
    /// The JSON form of a Protobuf message, by the writer's schema.
    Protobuf,
    /// A text as it is, JSON included.
    Text,
    /// Bytes in base64.
    Base64,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) value: Value,
    /// `None` where the record has no value.
    pub(crate) encoding: Option<PayloadEncoding>,
    /// Why a value that names a schema is not decoded by it.
    pub(crate) error: Option<String>,
}

/// Shows values, and remembers schemas.
pub(crate) struct Shower {
    registry: RegistryClient,
    pii: Pii,
    known: HashMap<SchemaId, Result<AnySchema, String>>,
    /// What the registry failed with, which is asked no more then: a long list must not wait for it letter by letter.
    failure: Option<String>,
}

impl Shower {
    /// Returns `None` where values are not to be shown.
    ///
    /// # Errors
    /// A registry's URL that cannot be used.
    pub(crate) fn new(settings: &Settings, payloads: Payloads) -> Result<Option<Self>, Error> {
        let pii = match payloads {
            Payloads::Omitted => return Ok(None),
            Payloads::Masked => Pii::Masked,
            Payloads::Revealed => Pii::Shown,
        };
        let registry = settings.registry_client()?;
        Ok(Some(Self { registry, pii, known: HashMap::new(), failure: None }))
    }

    pub(crate) async fn show(&mut self, value: Option<&[u8]>) -> Payload {
        let Some(bytes) = value else { return Payload { value: Value::Null, encoding: None, error: None } };
        let Ok((id, payload)) = framing::split_header(bytes) else { return plain(bytes) };
        match self.decoded(id, payload).await {
            Ok((value, encoding)) => Payload { value, encoding: Some(encoding), error: None },
            Err(error) => Payload { error: Some(format!("schema id {id}: {error}")), ..base64(bytes) },
        }
    }

    async fn decoded(&mut self, id: SchemaId, payload: &[u8]) -> Result<(Value, PayloadEncoding), String> {
        let pii = self.pii;
        let schema = self.schema(id).await?;
        let encoding = match schema {
            AnySchema::Protobuf(_) => PayloadEncoding::Protobuf,
            _ => PayloadEncoding::Avro,
        };
        dynamic::decode(schema, payload, pii).value.map(|value| (value, encoding))
    }

    async fn schema(&mut self, id: SchemaId) -> Result<&AnySchema, String> {
        if !self.known.contains_key(&id) {
            if let Some(failure) = &self.failure {
                return Err(failure.clone());
            }
            let found = match self.registry.schema_by_id(id).await {
                Err(error) if error.is_infrastructure() => return Err(self.failure.insert(error.to_string()).clone()),
                found => found.map_err(|error| error.to_string()),
            };
            self.known.insert(id, found.and_then(|schema| parse(&schema)));
        }
        self.known.get(&id).expect("it was just looked up").as_ref().map_err(Clone::clone)
    }
}

fn parse(schema: &ResolvedSchema) -> Result<AnySchema, String> {
    dynamic::parse(schema.format, &format!("schema {}", schema.id), &schema.text, &schema.references)
}

/// Returns a value that names no schema.
fn plain(bytes: &[u8]) -> Payload {
    match std::str::from_utf8(bytes) {
        // What begins with the magic byte is no text, though it is UTF-8.
        Ok(text) if !text.starts_with('\0') => {
            Payload { value: text.into(), encoding: Some(PayloadEncoding::Text), error: None }
        }
        _ => base64(bytes),
    }
}

fn base64(bytes: &[u8]) -> Payload {
    Payload { value: STANDARD.encode(bytes).into(), encoding: Some(PayloadEncoding::Base64), error: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_schema_is_text_or_base64() {
        let check = |bytes: &[u8], value: &str, encoding| {
            let expected = Payload { value: value.into(), encoding: Some(encoding), error: None };
            assert_eq!(plain(bytes), expected, "{bytes:?}");
        };
        check(br#"{"id": 7}"#, r#"{"id": 7}"#, PayloadEncoding::Text);
        check("é".as_bytes(), "é", PayloadEncoding::Text);
        check(b"", "", PayloadEncoding::Text);
        check(b"\xff", "/w==", PayloadEncoding::Base64);
        check(b"\0ab", "AGFi", PayloadEncoding::Base64);
    }
}
