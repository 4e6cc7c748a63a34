//! The client: what a registry can be asked, as one type.
//!
//! In: ids, subjects, schemas. Out: the same, or a [`RegistryError`] that says whether asking again helps. `config` says
//! how to reach a registry, `http` asks it, `cache` keeps what cannot change. The calls are those of Confluent's REST
//! API; a call asks every URL once and leaves asking again, with backoff, to its caller.

mod cache;
mod config;
mod http;

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use eventwright_schema::Reference;
use eventwright_wire::Format;
use eventwright_wire::framing::SchemaId;
use serde::de::IgnoredAny;

pub use self::config::{RegistryAuth, RegistryConfig};

use self::cache::Cache;
use self::http::{Call, Http};
use crate::api::{IdBody, LevelBody, SchemaBody, SetLevelBody, SubjectSchemaBody, SubjectVersionBody};
use crate::error::Kind;
use crate::{
    CompatibilityAnswer, ReferenceEntry, RegistryError, ResolvedSchema, SchemaText, SubjectSchema, SubjectVersion,
    VersionSpec,
};

/// A schema that refers to more than this, directly or not, is a registry's mistake or malice.
const MAX_REFERENCES: usize = 1000;

/// How many bytes the texts that a schema refers to may have together; a registry's storage takes 1 MiB for each.
const MAX_REFERENCED_BYTES: usize = 16 << 20;

/// Confluent's codes for "no such subject" and "no such schema", which a lookup answers with.
const SUBJECT_NOT_FOUND: u32 = 40401;
const SCHEMA_NOT_FOUND: u32 = 40403;

/// A connection to a schema registry; clones share it and its cache.
#[derive(Clone)]
pub struct RegistryClient(Arc<Shared>);

struct Shared {
    http: Http,
    by_id: Cache<SchemaId, ResolvedSchema>,
}

impl RegistryClient {
    /// Makes a client; the registry is not asked anything yet.
    ///
    /// # Errors
    /// No URL, or one that cannot be used.
    pub fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        Ok(Self(Arc::new(Shared { http: Http::new(&config)?, by_id: Cache::default() })))
    }

    /// Makes a client of a registry in this process.
    #[cfg(feature = "server")]
    pub(crate) fn in_process(registry: crate::InProcess) -> Self {
        Self(Arc::new(Shared { http: Http::in_process(registry), by_id: Cache::default() }))
    }

    /// Returns the schema of that id with the texts of all that it refers to. An id never changes its meaning, so a
    /// schema is read once; callers that want it at the same time share one request.
    ///
    /// # Errors
    /// An id or a reference that the registry does not know, a schema language that we do not, or no answer.
    pub async fn schema_by_id(&self, id: SchemaId) -> Result<Arc<ResolvedSchema>, RegistryError> {
        self.0.by_id.get_or_read(id, || self.read_schema(id)).await
    }

    /// Returns where under `subject` exactly that schema is registered, if it is. White space in Avro is no difference, whatever
    /// the registry thinks.
    ///
    /// # Errors
    /// A schema that the registry takes for no schema, or no answer.
    pub async fn lookup(&self, subject: &str, schema: &SchemaText) -> Result<Option<SubjectVersion>, RegistryError> {
        let found = self.find(subject, schema, &[]).await;
        let found = match &found {
            // Apicurio compares Avro by its text, unless it is asked to normalize. In Protobuf that may change more.
            Err(error) if error.error_code() == Some(SCHEMA_NOT_FOUND) && schema.format == Format::Avro => {
                self.find(subject, schema, &[("normalize", "true")]).await
            }
            _ => found,
        };
        match found {
            Ok(SubjectSchemaBody { subject, version, id, .. }) => {
                Ok(Some(SubjectVersion { subject, version, id: SchemaId(id) }))
            }
            Err(error) if matches!(error.error_code(), Some(SUBJECT_NOT_FOUND | SCHEMA_NOT_FOUND)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn find(
        &self,
        subject: &str,
        schema: &SchemaText,
        query: &[(&str, &str)],
    ) -> Result<SubjectSchemaBody, RegistryError> {
        let path = ["subjects", subject];
        let call = Call::post(format!("look up a schema under `{subject}`"), &path, &body_of(schema));
        self.0.http.call(&call.query(query)).await
    }

    /// Registers a schema under `subject` and returns its id; one that is registered there already keeps its id.
    ///
    /// # Errors
    /// A schema that is invalid (422) or not compatible (409), or no answer.
    pub async fn register(&self, subject: &str, schema: &SchemaText) -> Result<SchemaId, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let call = Call::post(format!("register a schema under `{subject}`"), &path, &body_of(schema));
        self.0.http.call::<IdBody>(&call).await.map(|answer| SchemaId(answer.id))
    }

    /// Returns all subjects that are not deleted.
    ///
    /// # Errors
    /// No answer.
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        self.0.http.call(&Call::get("list the subjects", &["subjects"])).await
    }

    /// Returns the versions of `subject` that are not deleted, oldest first.
    ///
    /// # Errors
    /// A subject that does not exist, or no answer.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let path = ["subjects", subject, "versions"];
        self.0.http.call(&Call::get(format!("list the versions of `{subject}`"), &path)).await
    }

    /// Returns one version of `subject`.
    ///
    /// # Errors
    /// A subject or version that does not exist, a schema language that we do not know, or no answer.
    pub async fn version(&self, subject: &str, version: VersionSpec) -> Result<SubjectSchema, RegistryError> {
        self.read_version(subject, version, &[]).await
    }

    /// Returns the version that a schema refers to, also if it is deleted, but not permanently.
    ///
    /// # Errors
    /// As [`RegistryClient::version`].
    pub async fn referenced(&self, entry: &ReferenceEntry) -> Result<SubjectSchema, RegistryError> {
        self.read_version(&entry.subject, VersionSpec::Number(entry.version), &[("deleted", "true")]).await
    }

    async fn read_version(
        &self,
        subject: &str,
        version: VersionSpec,
        query: &[(&str, &str)],
    ) -> Result<SubjectSchema, RegistryError> {
        let doing = format!("read version {version} of `{subject}`");
        let version = version.to_string();
        let path = ["subjects", subject, "versions", &version];
        let answer: SubjectSchemaBody = self.0.http.call(&Call::get(&doing, &path).query(query)).await?;
        let format = self.format_of(&doing, &answer.schema)?;
        Ok(SubjectSchema {
            subject: answer.subject,
            version: answer.version,
            id: SchemaId(answer.id),
            format,
            text: answer.schema.schema,
            references: answer.schema.references.unwrap_or_default(),
        })
    }

    /// Returns all subjects and versions that the schema of that id is registered under.
    ///
    /// # Errors
    /// An id that the registry does not know, or no answer.
    pub async fn subject_versions_of(&self, id: SchemaId) -> Result<Vec<(String, u32)>, RegistryError> {
        let number = id.to_string();
        let path = ["schemas", "ids", &number, "versions"];
        let call = Call::get(format!("list the subjects of schema {id}"), &path);
        let answer: Vec<SubjectVersionBody> = self.0.http.call(&call).await?;
        Ok(answer.into_iter().map(|place| (place.subject, place.version)).collect())
    }

    /// Asks whether `schema` could become the next version of `subject`, as far as `version` and the subject's level go.
    ///
    /// # Errors
    /// A version that does not exist, a schema that is invalid, or no answer.
    pub async fn check_compatibility(
        &self,
        subject: &str,
        version: VersionSpec,
        schema: &SchemaText,
    ) -> Result<CompatibilityAnswer, RegistryError> {
        let doing = format!("check a schema against version {version} of `{subject}`");
        let version = version.to_string();
        let path = ["compatibility", "subjects", subject, "versions", &version];
        self.0.http.call(&Call::post(doing, &path, &body_of(schema)).query(&[("verbose", "true")])).await
    }

    /// Returns the compatibility level of a subject, where it has one of its own, or the global one.
    ///
    /// # Errors
    /// No answer.
    pub async fn level(&self, subject: Option<&str>) -> Result<Option<String>, RegistryError> {
        let answer = match subject {
            Some(subject) => {
                let doing = format!("read the compatibility level of `{subject}`");
                self.0.http.call::<LevelBody>(&Call::get(doing, &["config", subject])).await
            }
            None => self.0.http.call(&Call::get("read the global compatibility level", &["config"])).await,
        };
        match answer {
            Ok(answer) => Ok(Some(answer.compatibility_level)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the compatibility level of a subject, or the global one.
    ///
    /// # Errors
    /// A level that the registry does not know, or no answer.
    pub async fn set_level(&self, subject: Option<&str>, level: &str) -> Result<(), RegistryError> {
        let body = SetLevelBody { compatibility: level.to_owned() };
        // Registries differ in what they answer with: Confluent's repeats the body, Apicurio says what GET would.
        let answer: Result<IgnoredAny, _> = match subject {
            Some(subject) => {
                let doing = format!("set the compatibility level of `{subject}` to {level}");
                self.0.http.call(&Call::put(doing, &["config", subject], &body)).await
            }
            None => {
                let doing = format!("set the global compatibility level to {level}");
                self.0.http.call(&Call::put(doing, &["config"], &body)).await
            }
        };
        answer.map(|_| ())
    }

    async fn read_schema(&self, id: SchemaId) -> Result<ResolvedSchema, RegistryError> {
        let (doing, number) = (format!("read schema {id}"), id.to_string());
        let answer: SchemaBody = self.0.http.call(&Call::get(&doing, &["schemas", "ids", &number])).await?;
        let format = self.format_of(&doing, &answer)?;
        let mut referenced = Referenced { id, names: HashSet::new(), bytes: 0, in_order: Vec::new() };
        self.read_references(answer.references.unwrap_or_default(), &mut referenced).await?;
        Ok(ResolvedSchema { id, format, text: answer.schema, references: referenced.in_order })
    }

    /// Adds what `entries` name, each after what it needs itself. As in Confluent's own clients, the first schema of a
    /// name stands for all of that name; so a circle ends as well.
    fn read_references<'a>(
        &'a self,
        entries: Vec<ReferenceEntry>,
        referenced: &'a mut Referenced,
    ) -> Pin<Box<dyn Future<Output = Result<(), RegistryError>> + Send + 'a>> {
        Box::pin(async move {
            for entry in entries {
                if !referenced.names.insert(entry.name.clone()) {
                    continue;
                }
                let doing = format!("read `{}`, which schema {} refers to", entry.name, referenced.id);
                if referenced.names.len() > MAX_REFERENCES {
                    let why = Kind::Unexpected(format!("it refers to more than {MAX_REFERENCES} schemas"));
                    return Err(RegistryError::new(doing, self.shown(), why));
                }
                let version = entry.version.to_string();
                let path = ["subjects", &entry.subject, "versions", &version];
                // What a schema refers to is needed to read old records, also after its subject was deleted.
                let call = Call::get(&doing, &path).query(&[("deleted", "true")]);
                let answer: SubjectSchemaBody = self.0.http.call(&call).await?;
                referenced.bytes = referenced.bytes.saturating_add(answer.schema.schema.len());
                if referenced.bytes > MAX_REFERENCED_BYTES {
                    let why = format!("it refers to schemas of more than {MAX_REFERENCED_BYTES} bytes together");
                    return Err(RegistryError::new(doing, self.shown(), Kind::Unexpected(why)));
                }
                self.read_references(answer.schema.references.unwrap_or_default(), referenced).await?;
                referenced.in_order.push(Reference { name: entry.name, text: answer.schema.schema });
            }
            Ok(())
        })
    }

    fn format_of(&self, doing: &str, schema: &SchemaBody) -> Result<Format, RegistryError> {
        schema.format().map_err(|other| {
            let why = format!("expected the schemaType AVRO, PROTOBUF or JSON, found `{other}`");
            RegistryError::new(doing, self.shown(), Kind::Unexpected(why))
        })
    }

    /// Returns the URLs as messages show them: without credentials, several separated by commas.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.http.urls().collect::<Vec<_>>().join(",")
    }
}

/// Shows the URLs, without credentials.
impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegistryClient").field(&self.shown()).finish()
    }
}

/// The schemas that one schema refers to, as they are found.
struct Referenced {
    id: SchemaId,
    names: HashSet<String>,
    /// How long the texts are together.
    bytes: usize,
    in_order: Vec<Reference>,
}

fn body_of(schema: &SchemaText) -> SchemaBody {
    SchemaBody::new(schema.format, schema.text.clone(), &schema.references)
}
