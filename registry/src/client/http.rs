//! One request to a registry that may have several URLs: each is asked once, until one gives an answer that counts.
//!
//! In: what is wanted, as path and body. Out: the answer's JSON, or the error. No answer, 5xx and 429 send us on to the
//! next URL; any other answer is the registry's word. The URL that answered is asked first the next time.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::config::{BaseUrl, RegistryAuth, RegistryConfig};
use crate::RegistryError;
use crate::api::{self, ErrorBody};
use crate::error::Kind;

/// No schema is that large; a server that sends more is not a registry.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// How much of an answer that is not the API's an error quotes.
const MAX_QUOTED_CHARS: usize = 200;

pub(super) struct Http {
    endpoints: Vec<Endpoint>,
    preferred: AtomicUsize,
}

struct Endpoint {
    base: BaseUrl,
    way: Way,
}

/// How an endpoint is reached.
enum Way {
    Network(reqwest::Client),
    #[cfg(feature = "server")]
    Process(crate::InProcess),
}

/// What is asked of a registry.
pub(super) struct Call<'a> {
    /// What it is for, as in "cannot <doing>".
    doing: String,
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn get(doing: impl Into<String>, path: &'a [&'a str]) -> Self {
        Self { doing: doing.into(), method: Method::GET, path, query: &[], body: None }
    }

    pub(super) fn post(doing: impl Into<String>, path: &'a [&'a str], body: &impl Serialize) -> Self {
        Self { method: Method::POST, body: Some(json(body)), ..Self::get(doing, path) }
    }

    pub(super) fn put(doing: impl Into<String>, path: &'a [&'a str], body: &impl Serialize) -> Self {
        Self { method: Method::PUT, body: Some(json(body)), ..Self::get(doing, path) }
    }

    pub(super) fn query(mut self, query: &'a [(&'a str, &'a str)]) -> Self {
        self.query = query;
        self
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("the API's bodies have string keys only")
}

impl Http {
    pub(super) fn new(config: &RegistryConfig) -> Result<Self, RegistryError> {
        let endpoints = config.urls.iter().map(|url| Endpoint::new(url, config)).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            let why = Kind::Unusable("no URL is given; name one such as http://localhost:8081".into());
            return Err(RegistryError::new("reach a schema registry", "", why));
        }
        Ok(Self { endpoints, preferred: AtomicUsize::new(0) })
    }

    #[cfg(feature = "server")]
    pub(super) fn in_process(registry: crate::InProcess) -> Self {
        let endpoint = Endpoint { base: BaseUrl::of_process(), way: Way::Process(registry) };
        Self { endpoints: vec![endpoint], preferred: AtomicUsize::new(0) }
    }

    /// Returns the URLs as messages show them.
    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        self.endpoints.iter().map(|endpoint| endpoint.base.shown.as_str())
    }

    /// Asks every URL once, the one that answered last first, until one gives an answer that counts.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, RegistryError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let in_turn = self.endpoints.iter().enumerate().cycle().skip(first).take(self.endpoints.len());
        let mut failed: Option<RegistryError> = None;
        for (index, endpoint) in in_turn {
            match endpoint.call(call).await {
                Err(error) if error.is_retriable() => failed = Some(error.after(failed)),
                answer => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(failed.expect("there is at least one URL, and no answer of any"))
    }
}

impl Endpoint {
    fn new(url: &str, config: &RegistryConfig) -> Result<Self, RegistryError> {
        let base = BaseUrl::parse(url, config.auth.as_ref())?;
        let builder = reqwest::Client::builder().timeout(config.timeout);
        let builder = if base.is_loopback() { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| {
            let why = Kind::Unusable("the HTTP client cannot be set up".into());
            RegistryError::new("use the registry", &base.shown, why).with_source(error)
        })?;
        Ok(Self { base, way: Way::Network(client) })
    }

    async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, RegistryError> {
        let url = self.url(call)?;
        let (status, body) = match &self.way {
            Way::Network(client) => self.send(client, call, url).await?,
            #[cfg(feature = "server")]
            Way::Process(registry) => {
                let path = url.as_str().strip_prefix(self.base.shown.as_str()).unwrap_or("/");
                let answer = registry.ask(call.method.clone(), path, call.body.clone()).await;
                answer.ok_or_else(|| self.error(call, Kind::NoAnswer("it is stopped")))?
            }
        };
        if !(200..300).contains(&status) {
            return Err(self.error(call, refusal(status, &body)));
        }
        serde_json::from_slice(&body).map_err(|error| {
            let why = format!("expected the registry's JSON, found {}", quoted(&body));
            self.error(call, Kind::Unexpected(why)).with_source(error)
        })
    }

    /// Sends a call over the network; returns status and body of the answer.
    async fn send(&self, client: &reqwest::Client, call: &Call<'_>, url: Url) -> Result<(u16, Vec<u8>), RegistryError> {
        let request = client.request(call.method.clone(), url).header(ACCEPT, api::CONTENT_TYPE);
        let request = match &self.base.auth {
            Some(RegistryAuth::Basic { user, password }) => request.basic_auth(user, Some(password)),
            Some(RegistryAuth::Bearer(token)) => request.bearer_auth(token),
            None => request,
        };
        let request = match &call.body {
            Some(body) => request.header(CONTENT_TYPE, api::CONTENT_TYPE).body(body.clone()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.no_answer(call, error))?;
        let status = response.status().as_u16();
        Ok((status, self.body_of(call, response).await?))
    }

    fn url(&self, call: &Call<'_>) -> Result<Url, RegistryError> {
        // A URL takes these for "here" and "above", however they are encoded.
        if let Some(name) = call.path.iter().find(|name| matches!(**name, "" | "." | "..")) {
            return Err(self.error(call, Kind::Unusable(format!("`{name}` cannot be a subject's name in a URL"))));
        }
        let mut url = self.base.url.clone();
        let segments = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(call.path);
        });
        segments.expect("an http URL has a path");
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Ok(url)
    }

    async fn body_of(&self, call: &Call<'_>, mut response: Response) -> Result<Vec<u8>, RegistryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(call, error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let why = format!("the answer is larger than {MAX_ANSWER_BYTES} bytes");
                return Err(self.error(call, Kind::Unexpected(why)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    #[cold]
    fn no_answer(&self, call: &Call<'_>, error: reqwest::Error) -> RegistryError {
        let why = match &error {
            error if error.is_timeout() => Kind::NoAnswer("no answer in time"),
            error if error.is_connect() => Kind::NoAnswer("cannot connect; is the registry running?"),
            error if error.is_builder() => {
                Kind::Unusable("the request cannot be written; check the credentials".into())
            }
            error if error.is_redirect() => Kind::Unexpected("redirected in a circle".into()),
            _ => Kind::NoAnswer("the connection broke before the answer was complete"),
        };
        self.error(call, why).with_source(error.without_url())
    }

    fn error(&self, call: &Call<'_>, kind: Kind) -> RegistryError {
        RegistryError::new(&call.doing, &self.base.shown, kind)
    }
}

fn refusal(status: u16, body: &[u8]) -> Kind {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error_code, message }) => Kind::Refused { status, code: Some(error_code), message },
        Err(_) if body.trim_ascii().is_empty() => Kind::Refused { status, code: None, message: String::new() },
        Err(_) => Kind::Refused { status, code: None, message: quoted(body) },
    }
}

fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or("")),
        None => format!("`{text}`"),
    }
}
