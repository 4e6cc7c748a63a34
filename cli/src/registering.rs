//! Looks up one version of a manifest in the registry, or registers it, after what it refers to.
//!
//! In: a version of an event. Out: under which version and id its text is registered.

use anyhow::anyhow;
use eventwright_registry::{ReferenceEntry, SchemaText, SubjectVersion};
use eventwright_schema::load::{Loaded, LoadedVersion};

use crate::screen;
use crate::target::{Catalogue, Registration};

/// One walk from a schema to all that it refers to.
pub(crate) struct Registering<'a> {
    pub(crate) catalogue: &'a Catalogue<'a>,
    pub(crate) loaded: &'a Loaded,
    pub(crate) registration: Registration,
    /// What subjects begin with.
    pub(crate) prefix: &'a str,
}

impl Registering<'_> {
    /// Returns what the registry knows of a version; `label` is what messages call it.
    pub(crate) async fn version(
        &self,
        label: &str,
        subject: &str,
        version: &LoadedVersion,
    ) -> anyhow::Result<SubjectVersion> {
        let references = self.references(version).await?;
        let text = SchemaText { format: version.schema.format(), text: version.schema.text().to_owned(), references };
        if let Some(found) = self.catalogue.registry.look_up(label, subject, &text).await? {
            return Ok(found);
        }
        if self.registration == Registration::Look {
            return Err(anyhow!(
                "{label} is not registered under `{subject}`, so that nobody could decode its records; help: add \
                 --register, or run `eventwright register`, which registers all versions"
            ));
        }
        let registered = self.catalogue.registry.submit(label, subject, &text).await?;
        screen::note(format!("registered {label} under `{subject}` with the id {}", registered.id));
        Ok(registered)
    }

    async fn references(&self, version: &LoadedVersion) -> anyhow::Result<Vec<ReferenceEntry>> {
        let mut entries = Vec::new();
        for reference in version.references.iter().filter(|reference| reference.is_direct) {
            let (name, number) = (&reference.type_name, reference.version);
            let found = self.loaded.shared(reference);
            let (one, shared) = found.ok_or_else(|| anyhow!("the shared type `{name}` v{number} cannot be used"))?;
            let subject = format!("{}{}", self.prefix, one.subject(shared));
            // A type may use others in turn.
            let found = Box::pin(self.version(&format!("{name} v{number}"), &subject, shared)).await?;
            entries.push(ReferenceEntry { name: reference.name.clone(), subject, version: found.version });
        }
        Ok(entries)
    }
}
