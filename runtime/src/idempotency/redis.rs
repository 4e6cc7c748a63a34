//! Deduplication in Redis: for consumers in several processes.
//!
//! An event is one key. It holds its owner while it is claimed, and `done` once it was handled; both expire by Redis's
//! own clock. Each step is one script, and so one round trip and atomic.

#[cfg(feature = "tls")]
use std::path::Path;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, IntoConnectionInfo as _, RedisError, Script, ScriptInvocation};
#[cfg(feature = "tls")]
use redis::{ConnectionInfo, TlsCertificates};
use tokio::sync::OnceCell;

use super::{Answer, Claim, DedupeStore, EventKey, Owner};
use crate::backoff::Backoff;
use crate::error::Kind;
use crate::settings::RedisSettings;
use crate::{Error, Settings, kafka};

/// What our keys begin with.
const PREFIX: &str = "eventwright:";

/// `SET … NX PX` for who comes first, and for who holds the claim already: 0 is new, 1 in progress, 2 a duplicate.
const CLAIM: &str = "local held = redis.call('GET', KEYS[1])
if held == 'done' then return 2 end
if held and held ~= ARGV[1] then return 1 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0";

const DONE: &str = "redis.call('SET', KEYS[1], 'done', 'PX', ARGV[1])
return 0";

/// Compare and delete.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0";

/// The pauses before Redis is asked again at start.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(1) };

/// Deduplication in Redis. While Redis is down, records wait. What Redis loses, because it was restarted without having
/// written its memory to disk or because it ran out of it, is handled again: see [`HybridStore`](super::HybridStore).
pub struct RedisStore {
    client: Client,
    connection: OnceCell<ConnectionManager>,
    scripts: [Script; 3],
    settings: RedisSettings,
    connect_timeout: Duration,
    ttl: Duration,
    claim_ttl: Duration,
}

impl RedisStore {
    /// Returns a store that is not connected yet.
    ///
    /// # Errors
    /// A URL that cannot be used, such as one of TLS where the feature `tls` is off, or a file of authorities that cannot be
    /// read.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let redis = &settings.redis;
        redis.check()?;
        let unusable = |error: RedisError| {
            let help = if redis.url.starts_with("rediss:") { "; help: is the feature `tls` on?" } else { "" };
            Error::settings(format!("`redis.url` `{}` cannot be used{help}", redis.shown())).with_source(error)
        };
        let url = if redis.url.contains("://") { redis.url.clone() } else { format!("redis://{}", redis.url) };
        let info = url.into_connection_info().map_err(unusable)?;
        let mut who = info.redis_settings().clone();
        if let Some(user) = &redis.user {
            who = who.set_username(user);
        }
        if let Some(password) = &redis.password {
            who = who.set_password(password);
        }
        let info = info.set_redis_settings(who);
        let client = match &redis.ca_file {
            #[cfg(feature = "tls")]
            Some(file) => trusting(info, file)?,
            _ => Client::open(info).map_err(unusable)?,
        };
        Ok(Self {
            client,
            connection: OnceCell::new(),
            scripts: [CLAIM, DONE, RELEASE].map(Script::new),
            settings: redis.clone(),
            connect_timeout: settings.connect_timeout,
            ttl: settings.idempotency.ttl,
            claim_ttl: settings.idempotency.claim_ttl,
        })
    }

    async fn connection(&self) -> Result<ConnectionManager, Error> {
        let connect = async || {
            let timeout = Some(self.settings.timeout);
            // Who waits for Redis is the record, with pauses of its own.
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(0)
                .set_connection_timeout(timeout)
                .set_response_timeout(timeout);
            self.client.get_connection_manager_lazy(config).map_err(|error| self.failed(error))
        };
        self.connection.get_or_try_init(connect).await.cloned()
    }

    /// Waits until Redis answers, at most as long as `connect_timeout_ms`.
    async fn reach(&self) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        let deadline = Instant::now() + self.connect_timeout;
        for attempt in 1.. {
            let asked: Result<String, _> = redis::cmd("PING").query_async(&mut connection).await;
            let Err(error) = asked else { break };
            let pause = BACKOFF.pause(attempt);
            if let Some(help) = refusal(&error) {
                let text = format!("Redis at `{}` cannot be used; help: {help}", self.settings.shown());
                return Err(Error::new(Kind::Store, text).with_source(error));
            }
            if Instant::now() + pause >= deadline {
                let within = kafka::shown(self.connect_timeout);
                let help =
                    "is it running, and is `redis.url` right, with `rediss://` where it speaks TLS and only there?";
                let text = format!("no Redis answered at `{}` within {within}; help: {help}", self.settings.shown());
                return Err(Error::new(Kind::Store, text).with_source(error).retriable());
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        script.invoke_async(&mut connection).await.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: RedisError) -> Error {
        let text = format!("Redis at `{}` does not answer as it should", self.settings.shown());
        Error::new(Kind::Store, text).with_source(error).retriable()
    }
}

/// Returns the client of a Redis whose certificate is checked by the authorities of a file.
#[cfg(feature = "tls")]
fn trusting(info: ConnectionInfo, file: &Path) -> Result<Client, Error> {
    let unusable = |what: &str| Error::settings(format!("{what} `redis.ca_file` `{}`", file.display()));
    let authorities = std::fs::read(file).map_err(|error| unusable("cannot read").with_source(error))?;
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities) };
    Client::build_with_tls(info, certificates)
        .map_err(|error| unusable("there are no certificates in PEM in").with_source(error))
}

/// Returns what to look at where asking again is of no use: Redis does not want our password, or we do not trust it.
fn refusal(error: &RedisError) -> Option<&'static str> {
    if error.kind() == redis::ErrorKind::AuthenticationFailed || matches!(error.code(), Some("WRONGPASS" | "NOAUTH")) {
        return Some("are `redis.user` and `redis.password` right?");
    }
    // A connection that broke in the middle of the handshake has an error of I/O behind it.
    let mut sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let is_final =
        error.kind() == redis::ErrorKind::Client && !sources.any(<dyn std::error::Error>::is::<std::io::Error>);
    is_final.then_some(
        "does it speak TLS there, by a certificate for this host, of an authority that the system or `redis.ca_file` knows?",
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl DedupeStore for RedisStore {
    fn open<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
        Box::pin(self.reach())
    }

    fn claim<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, Claim> {
        let [script, _, _] = &self.scripts;
        Box::pin(async move {
            let mut call = script.key(format!("{PREFIX}{key}"));
            call.arg(owner.to_string()).arg(millis(self.claim_ttl));
            Ok(match self.run::<u8>(&call).await? {
                0 => Claim::New,
                1 => Claim::InProgress,
                _ => Claim::Duplicate,
            })
        })
    }

    fn done<'a>(&'a self, key: &'a EventKey) -> Answer<'a, ()> {
        let [_, script, _] = &self.scripts;
        Box::pin(async move {
            let mut call = script.key(format!("{PREFIX}{key}"));
            call.arg(millis(self.ttl));
            self.run::<u8>(&call).await.map(drop)
        })
    }

    fn release<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, ()> {
        let [_, _, script] = &self.scripts;
        Box::pin(async move {
            let mut call = script.key(format!("{PREFIX}{key}"));
            call.arg(owner.to_string());
            self.run::<u8>(&call).await.map(drop)
        })
    }

    fn claim_ttl(&self) -> Duration {
        self.claim_ttl
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("redis", &self.settings).finish_non_exhaustive()
    }
}
