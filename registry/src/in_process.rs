//! A registry in the memory of this process, which its clients call without a socket.
//!
//! In: what a client would send over HTTP. Out: what the server would answer, by the server's own code. Tests that stop the
//! clock need it: time that passes by itself while nothing runs and an answer on its way through the kernel do not go together.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use tower_service::Service as _;

use crate::server::{self, ServerConfig};
use crate::{RegistryClient, api};

/// A registry in the memory of this process; clones are the same one.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    is_down: Arc<AtomicBool>,
}

impl InProcess {
    /// Returns a registry that is empty and answers.
    #[must_use]
    pub fn new() -> Self {
        Self { router: server::router(&ServerConfig::default()), is_down: Arc::default() }
    }

    /// Returns a client with a cache of its own.
    #[must_use]
    pub fn client(&self) -> RegistryClient {
        RegistryClient::in_process(self.clone())
    }

    /// Lets no request get through any more; what is registered stays.
    pub fn stop(&self) {
        self.is_down.store(true, Ordering::Relaxed);
    }

    /// Lets requests get through again.
    pub fn start(&self) {
        self.is_down.store(false, Ordering::Relaxed);
    }

    /// Returns status and body of the answer; `None` where the registry is stopped.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Option<(u16, Vec<u8>)> {
        if self.is_down.load(Ordering::Relaxed) {
            return None;
        }
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, api::CONTENT_TYPE);
        let request = request.body(Body::from(body.unwrap_or_default())).ok()?;
        // A router is always ready.
        let answer: Result<_, Infallible> = self.router.clone().call(request).await;
        let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let body = to_bytes(body, usize::MAX).await.ok()?;
        Some((parts.status.as_u16(), body.to_vec()))
    }
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("is_down", &self.is_down).finish_non_exhaustive()
    }
}
