//! Between HTTP and the state machine: what a path, a query and a body say, and answers in Confluent's form.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use super::store::State;
use super::subject::{Deleted, Deletion, Subject, parse_version};
use crate::VersionSpec;
use crate::api::{CONTENT_TYPE, ErrorBody};

/// What a handler returns.
pub(super) type Answer = Result<Reply, Refusal>;

/// A good answer: the body.
#[derive(Debug)]
pub(super) struct Reply(Vec<u8>);

impl Reply {
    pub(super) fn json(value: &impl Serialize) -> Self {
        Self(serde_json::to_vec(value).expect("the API's bodies have string keys only"))
    }

    /// A schema as it is, which is not even JSON for Protobuf.
    pub(super) fn raw(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.0).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Reply::json(&ErrorBody { error_code: self.code, message: self.message })).into_response()
    }
}

/// The state, behind the one lock that there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<RwLock<State>>);

impl Shared {
    /// Runs something that only reads.
    pub(super) async fn read(&self, f: impl FnOnce(&State) -> Answer + Send + 'static) -> Answer {
        let state = Arc::clone(&self.0);
        aside(move || f(&state.read().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Runs something that changes the state.
    pub(super) async fn write(&self, f: impl FnOnce(&mut State) -> Answer + Send + 'static) -> Answer {
        let state = Arc::clone(&self.0);
        // A panic leaves the state whole: operations decide first and write last.
        aside(move || f(&mut state.write().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Parsing and checking a large schema takes a while: other connections go on meanwhile.
async fn aside(f: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    tokio::task::spawn_blocking(f).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request could not be completed");
        Err(Refusal::internal())
    })
}

/// What path and query say.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    path: HashMap<String, String>,
    query: HashMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let bad = |what: &str| Refusal::http(400, format!("the {what} of the URL is not UTF-8 text"));
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| bad("path"))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = Query::from_request_parts(parts, state).await.map_err(|_| bad("query"))?;
        Ok(Self { path, query: query.0 })
    }
}

impl Asked {
    /// Returns the subject of a path that has one.
    pub(super) fn subject(&self) -> Result<Subject, Refusal> {
        Subject::parse(self.path.get("subject").map_or("", String::as_str))
    }

    /// Returns the version of a path that has one.
    pub(super) fn version(&self) -> Result<VersionSpec, Refusal> {
        parse_version(self.path.get("version").map_or("", String::as_str))
    }

    /// Returns the id of a path that has one; what is no number is a path that does not exist.
    pub(super) fn id(&self) -> Result<u32, Refusal> {
        self.path.get("id").and_then(|id| id.parse().ok()).ok_or_else(Refusal::no_such_path)
    }

    /// Returns a text of the query; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// Returns whether the query sets a flag.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    pub(super) fn deleted(&self) -> Deleted {
        if self.flag("deletedOnly") {
            Deleted::Only
        } else if self.flag("deleted") {
            Deleted::Shown
        } else {
            Deleted::Hidden
        }
    }

    pub(super) fn deletion(&self) -> Deletion {
        if self.flag("permanent") { Deletion::Permanent } else { Deletion::Soft }
    }

    /// Returns the prefix of the subjects that are asked for, with the default context, or all of them, left out.
    pub(super) fn subject_prefix(&self) -> &str {
        let prefix = self.text("subjectPrefix");
        prefix.strip_prefix(":*:").or_else(|| prefix.strip_prefix(":.:")).unwrap_or(prefix)
    }
}

/// A JSON body. Any content type will do: `curl -d` sends the wrong one.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        let parsed = serde_json::from_slice(&body);
        parsed
            .map(Self)
            .map_err(|error| Refusal::http(400, format!("the body is not the JSON that is expected: {error}")))
    }
}

fn unread(rejection: &BytesRejection) -> Refusal {
    let status = rejection.status().as_u16();
    let what = if status == 413 { "the body is larger than this registry takes" } else { "the body cannot be read" };
    Refusal::http(status, what)
}
