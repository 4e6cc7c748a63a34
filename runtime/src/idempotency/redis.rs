//! Deduplication in Redis: for consumers in several processes.
//!
//! An event is one key. It holds its owner while it is claimed, and `done` once it was handled; both expire by Redis's
//! own clock. Each step is one script, and so one round trip and atomic.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, IntoConnectionInfo as _, RedisError, Script, ScriptInvocation};
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
    /// A URL that cannot be used, such as one of TLS where the feature `tls` is off.
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
        Ok(Self {
            client: Client::open(info.set_redis_settings(who)).map_err(unusable)?,
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
            if refuses_us(&error) || Instant::now() + pause >= deadline {
                let within = kafka::shown(self.connect_timeout);
                let help = "is it running, and are `redis.url`, `redis.user` and `redis.password` right?";
                let text = format!("cannot use Redis at `{}` within {within}; help: {help}", self.settings.shown());
                return Err(Error::new(Kind::Store, text).with_source(error));
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

/// Returns whether asking again is of no use: a wrong password.
fn refuses_us(error: &RedisError) -> bool {
    error.kind() == redis::ErrorKind::AuthenticationFailed || error.code() == Some("WRONGPASS")
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
