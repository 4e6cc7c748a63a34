//! A version 3 that the registry must refuse. It stands outside `schemas/`, where it would be part of the build.

use anyhow::{Result, bail};
use eventwright::RegistryClient;
use eventwright::wire::Format;
use eventwright_registry::{SchemaText, VersionSpec};

/// Why the registry refuses a version: the rule and its explanation.
pub(super) struct Reason {
    pub(super) rule: String,
    pub(super) description: String,
}

/// Asks the registry to register version 3 and returns why it does not; an error where it does.
pub(super) async fn ask(registry: &RegistryClient, subject: &str) -> Result<Vec<Reason>> {
    let version_3 = version_3();
    match registry.register(subject, &version_3).await {
        Ok(id) => bail!("the registry accepted the incompatible v3 under the id {id}"),
        Err(error) if error.status() == Some(409) => {
            let answer = registry.check_compatibility(subject, VersionSpec::Latest, &version_3).await?;
            Ok(answer.messages.iter().filter_map(|message| reason(message)).collect())
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes rule and explanation out of the form that Confluent's registries answer in:
/// `{errorType:'RULE', description:'why', additionalInfo:'...'}`.
fn reason(message: &str) -> Option<Reason> {
    let (rule, rest) = message.split_once("errorType:'")?.1.split_once('\'')?;
    let description = rest.split_once("description:'")?.1;
    let end = description.find("', additionalInfo").unwrap_or(description.len());
    Some(Reason { rule: rule.to_owned(), description: description.get(..end)?.to_owned() })
}

/// Version 2 with a field without default, and with text where there was a number.
fn version_3() -> SchemaText {
    let text = include_str!("incompatible_v3.avsc").to_owned();
    SchemaText { format: Format::Avro, text, references: Vec::new() }
}
