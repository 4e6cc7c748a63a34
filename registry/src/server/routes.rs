//! Confluent's paths, each bound to an operation of the state machine.
//!
//! The order is that of Confluent's reference: schemas, subjects, compatibility, settings, then what says who we are.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use eventwright_schema::compat::{AnySchema, Level};
use eventwright_wire::Format;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::http::{Answer, Asked, Body, Reply, Shared};
use super::refusal::Refusal;
use super::settings::{Mode, parse_level};
use super::store::{Against, Force, Stored};
use super::subject::{Deleted, Subject};
use crate::api::{IdBody, LevelBody, SchemaBody, SetLevelBody, SubjectSchemaBody, SubjectVersionBody};
use crate::{CompatibilityAnswer, VersionSpec};

/// Returns all paths, over an empty registry.
pub(super) fn router(max_body_bytes: usize) -> Router {
    Router::new()
        .merge(schemas())
        .merge(subjects())
        .merge(compatibility())
        .merge(settings())
        .merge(about())
        .fallback(|| async { Refusal::no_such_path() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .layer(DefaultBodyLimit::max(max_body_bytes))
        .with_state(Shared::default())
}

fn schemas() -> Router<Shared> {
    Router::new()
        .route("/schemas", get(list_schemas))
        .route("/schemas/types", get(|| async { Reply::json(&Format::ALL.map(Format::schema_type)) }))
        .route("/schemas/ids/{id}", get(schema_by_id))
        .route("/schemas/ids/{id}/schema", get(schema_text_by_id))
        .route("/schemas/ids/{id}/subjects", get(subjects_of_id))
        .route("/schemas/ids/{id}/versions", get(versions_of_id))
}

fn subjects() -> Router<Shared> {
    Router::new()
        .route("/subjects", get(list_subjects))
        .route("/subjects/{subject}", post(lookup).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(list_versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version).delete(delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(schema_text_of_version))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(referenced_by))
}

fn compatibility() -> Router<Shared> {
    Router::new()
        .route("/compatibility/subjects/{subject}/versions", post(check_against_level))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(check_against_version))
}

fn settings() -> Router<Shared> {
    Router::new()
        .route("/config", get(global_level).put(set_global_level).delete(reset_global_level))
        .route("/config/{subject}", get(level).put(set_level).delete(remove_level))
        .route("/mode", get(global_mode).put(set_global_mode))
        .route("/mode/{subject}", get(mode).put(set_mode).delete(remove_mode))
}

fn about() -> Router<Shared> {
    let cluster = || async { Reply::json(&json!({"id": "", "scope": {"path": [], "clusters": {}}})) };
    let version = || async { Reply::json(&json!({"version": env!("CARGO_PKG_VERSION"), "commitId": ""})) };
    Router::new()
        .route("/", get(|| async { Reply::json(&json!({})) }))
        .route("/health", get(|| async { Reply::json(&json!({"status": "UP"})) }))
        .route("/contexts", get(|| async { Reply::json(&["."]) }))
        .route("/v1/metadata/id", get(cluster))
        .route("/v1/metadata/version", get(version))
}

/// A schema, and the highest id there is where that is asked for.
#[derive(Serialize)]
struct SchemaAnswer {
    #[serde(flatten)]
    schema: SchemaBody,
    #[serde(rename = "maxId", skip_serializing_if = "Option::is_none")]
    max_id: Option<u32>,
}

fn schema_body(stored: &Stored, asked: &Asked) -> SchemaBody {
    let text = match &stored.schema {
        AnySchema::Protobuf(schema) if asked.text("format") == "serialized" => schema.serialized(),
        _ => stored.text.clone(),
    };
    SchemaBody::new(stored.schema.format(), text, &stored.references)
}

fn subject_schema(subject: &str, version: u32, stored: &Stored, asked: &Asked) -> SubjectSchemaBody {
    SubjectSchemaBody { subject: subject.to_owned(), version, id: stored.id, schema: schema_body(stored, asked) }
}

async fn list_schemas(State(shared): State<Shared>, asked: Asked) -> Answer {
    let answer = shared.read(move |state| {
        let all = state.all(asked.subject_prefix(), asked.deleted());
        let bodies = all.map(|(subject, version, stored)| subject_schema(subject, version, stored, &asked));
        Ok(Reply::json(&bodies.collect::<Vec<_>>()))
    });
    answer.await
}

async fn schema_by_id(State(shared): State<Shared>, asked: Asked) -> Answer {
    let id = asked.id()?;
    let answer = shared.read(move |state| {
        let schema = schema_body(state.schema(id)?, &asked);
        Ok(Reply::json(&SchemaAnswer { schema, max_id: asked.flag("fetchMaxId").then(|| state.last_id()) }))
    });
    answer.await
}

async fn schema_text_by_id(State(shared): State<Shared>, asked: Asked) -> Answer {
    let id = asked.id()?;
    shared.read(move |state| Ok(Reply::raw(&schema_body(state.schema(id)?, &asked).schema))).await
}

async fn subjects_of_id(State(shared): State<Shared>, asked: Asked) -> Answer {
    let id = asked.id()?;
    let answer = shared.read(move |state| {
        let places = state.places_of(id, asked.deleted())?;
        let mut subjects: Vec<&str> = places.into_iter().map(|(subject, _)| subject).collect();
        subjects.dedup();
        Ok(Reply::json(&subjects))
    });
    answer.await
}

async fn versions_of_id(State(shared): State<Shared>, asked: Asked) -> Answer {
    let id = asked.id()?;
    let answer = shared.read(move |state| {
        let places = state.places_of(id, asked.deleted())?.into_iter();
        let bodies = places.map(|(subject, version)| SubjectVersionBody { subject: subject.to_owned(), version });
        Ok(Reply::json(&bodies.collect::<Vec<_>>()))
    });
    answer.await
}

async fn list_subjects(State(shared): State<Shared>, asked: Asked) -> Answer {
    shared.read(move |state| Ok(Reply::json(&state.subjects(asked.subject_prefix(), asked.deleted())))).await
}

async fn list_versions(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    shared.read(move |state| Ok(Reply::json(&state.versions(&subject, asked.deleted())?))).await
}

/// What a client may send with a schema; what is not supported is refused rather than forgotten.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaRequest {
    #[serde(flatten)]
    schema: SchemaBody,
    id: Option<i64>,
    version: Option<i64>,
    metadata: Option<Value>,
    rule_set: Option<Value>,
}

impl SchemaRequest {
    fn supported(self) -> Result<SchemaBody, Refusal> {
        let is_set = |value: &Option<Value>| value.as_ref().is_some_and(|value| !is_empty(value));
        let is_positive = |number: Option<i64>| number.is_some_and(|number| number > 0);
        let unsupported = if is_positive(self.id) || is_positive(self.version) {
            "an id or version that the client chooses"
        } else if is_set(&self.metadata) {
            "metadata of a schema"
        } else if is_set(&self.rule_set) {
            "a rule set of a schema"
        } else {
            return Ok(self.schema);
        };
        Err(Refusal::not_supported(unsupported))
    }
}

/// Returns whether a setting says nothing, as clients send it that know more than they are asked for.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(members) => members.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// `normalize` changes nothing: schemas that mean the same are the same here anyway.
async fn register(State(shared): State<Shared>, asked: Asked, Body(body): Body<SchemaRequest>) -> Answer {
    let (subject, body) = (asked.subject()?, body.supported()?);
    shared.write(move |state| Ok(Reply::json(&IdBody { id: state.register(&subject, &body)? }))).await
}

async fn lookup(State(shared): State<Shared>, asked: Asked, Body(body): Body<SchemaRequest>) -> Answer {
    let (subject, body) = (asked.subject()?, body.supported()?);
    let answer = shared.read(move |state| {
        let (version, stored) = state.lookup(&subject, &body, asked.deleted())?;
        Ok(Reply::json(&subject_schema(subject.as_str(), version, stored, &asked)))
    });
    answer.await
}

async fn version(State(shared): State<Shared>, asked: Asked) -> Answer {
    let (subject, version) = (asked.subject()?, asked.version()?);
    let answer = shared.read(move |state| {
        let (version, stored) = state.version(&subject, version, asked.deleted())?;
        Ok(Reply::json(&subject_schema(subject.as_str(), version, stored, &asked)))
    });
    answer.await
}

async fn schema_text_of_version(State(shared): State<Shared>, asked: Asked) -> Answer {
    let (subject, version) = (asked.subject()?, asked.version()?);
    let answer = shared.read(move |state| {
        let (_, stored) = state.version(&subject, version, asked.deleted())?;
        Ok(Reply::raw(&schema_body(stored, &asked).schema))
    });
    answer.await
}

async fn referenced_by(State(shared): State<Shared>, asked: Asked) -> Answer {
    let (subject, version) = (asked.subject()?, asked.version()?);
    let answer = shared.read(move |state| {
        let (version, _) = state.version(&subject, version, Deleted::Shown)?;
        Ok(Reply::json(&state.referenced_by(&subject, version)))
    });
    answer.await
}

async fn delete_subject(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    shared.write(move |state| Ok(Reply::json(&state.delete_subject(&subject, asked.deletion())?))).await
}

async fn delete_version(State(shared): State<Shared>, asked: Asked) -> Answer {
    let (subject, version) = (asked.subject()?, asked.version()?);
    shared.write(move |state| Ok(Reply::json(&state.delete_version(&subject, version, asked.deletion())?))).await
}

async fn check_against_level(State(shared): State<Shared>, asked: Asked, body: Body<SchemaRequest>) -> Answer {
    check(&shared, asked, Against::Level, body).await
}

async fn check_against_version(State(shared): State<Shared>, asked: Asked, body: Body<SchemaRequest>) -> Answer {
    let version: VersionSpec = asked.version()?;
    check(&shared, asked, Against::Version(version), body).await
}

async fn check(shared: &Shared, asked: Asked, against: Against, Body(body): Body<SchemaRequest>) -> Answer {
    let (subject, body) = (asked.subject()?, body.supported()?);
    let answer = shared.read(move |state| {
        let messages = state.check(&subject, against, &body)?;
        let is_compatible = messages.is_empty();
        Ok(match asked.flag("verbose") {
            true => Reply::json(&CompatibilityAnswer { is_compatible, messages }),
            false => Reply::json(&json!({"is_compatible": is_compatible})),
        })
    });
    answer.await
}

/// A level, and the settings that Confluent has beside it, which are refused rather than forgotten.
#[derive(Deserialize)]
struct LevelRequest {
    #[serde(default)]
    compatibility: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl LevelRequest {
    fn level(&self) -> Result<Level, Refusal> {
        match self.others.iter().find(|(_, value)| !is_empty(value)) {
            Some((name, _)) => Err(Refusal::not_supported(format!("the setting `{name}`"))),
            None => parse_level(&self.compatibility),
        }
    }
}

async fn global_level(State(shared): State<Shared>) -> Answer {
    shared.read(|state| Ok(level_reply(state.levels.global().name()))).await
}

async fn set_global_level(State(shared): State<Shared>, Body(body): Body<LevelRequest>) -> Answer {
    let level = body.level()?;
    let answer = shared.write(move |state| {
        state.levels.set(None, level);
        Ok(Reply::json(&SetLevelBody { compatibility: level.name().to_owned() }))
    });
    answer.await
}

async fn reset_global_level(State(shared): State<Shared>) -> Answer {
    shared.write(|state| Ok(level_reply(state.levels.reset().name()))).await
}

async fn level(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    let answer = shared.read(move |state| {
        let inherited = asked.flag("defaultToGlobal").then(|| state.levels.effective(&subject));
        let level = state.levels.own(&subject).or(inherited).ok_or_else(|| Refusal::no_level_of(&subject))?;
        Ok(level_reply(level.name()))
    });
    answer.await
}

async fn set_level(State(shared): State<Shared>, asked: Asked, Body(body): Body<LevelRequest>) -> Answer {
    let (subject, level) = (asked.subject()?, body.level()?);
    let answer = shared.write(move |state| {
        state.levels.set(Some(subject), level);
        Ok(Reply::json(&SetLevelBody { compatibility: level.name().to_owned() }))
    });
    answer.await
}

async fn remove_level(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    let answer = shared.write(move |state| {
        let level = state.levels.remove(&subject).ok_or_else(|| Refusal::subject_not_found(&subject))?;
        Ok(level_reply(level.name()))
    });
    answer.await
}

fn level_reply(level: &str) -> Reply {
    Reply::json(&LevelBody { compatibility_level: level.to_owned() })
}

#[derive(Serialize, Deserialize)]
struct ModeBody {
    #[serde(default)]
    mode: String,
}

fn mode_reply(mode: Mode) -> Reply {
    Reply::json(&ModeBody { mode: mode.to_string() })
}

async fn global_mode(State(shared): State<Shared>) -> Answer {
    shared.read(|state| Ok(mode_reply(state.modes().global()))).await
}

async fn set_global_mode(State(shared): State<Shared>, asked: Asked, Body(body): Body<ModeBody>) -> Answer {
    put_mode(&shared, None, &asked, &body).await
}

async fn mode(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    let answer = shared.read(move |state| {
        let inherited = asked.flag("defaultToGlobal").then(|| state.mode(&subject));
        let mode = state.modes().own(&subject).or(inherited).ok_or_else(|| Refusal::no_mode_of(&subject))?;
        Ok(mode_reply(mode))
    });
    answer.await
}

async fn set_mode(State(shared): State<Shared>, asked: Asked, Body(body): Body<ModeBody>) -> Answer {
    let subject = asked.subject()?;
    put_mode(&shared, Some(subject), &asked, &body).await
}

async fn put_mode(shared: &Shared, subject: Option<Subject>, asked: &Asked, body: &ModeBody) -> Answer {
    let mode = body.mode.parse()?;
    let force = if asked.flag("force") { Force::Yes } else { Force::No };
    let answer = shared.write(move |state| {
        state.set_mode(subject, mode, force)?;
        Ok(mode_reply(mode))
    });
    answer.await
}

async fn remove_mode(State(shared): State<Shared>, asked: Asked) -> Answer {
    let subject = asked.subject()?;
    let answer = shared.write(move |state| {
        state.remove_mode(&subject).map(mode_reply).ok_or_else(|| Refusal::subject_not_found(&subject))
    });
    answer.await
}
