//! Settings of deduplication, and of the Redis that it may use.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{MASK, masked_url, millis};
use crate::Error;

/// How events are kept from being handled twice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct IdempotencySettings {
    /// Where consumers note what they have handled, unless the code says it; nowhere.
    pub store: Store,
    /// For how long a handled event is known. Key `ttl_ms`, 24 hours.
    #[serde(rename = "ttl_ms", deserialize_with = "millis")]
    pub ttl: Duration,
    /// How many handled events are known at most in the memory of a process, the newest ones; 1,000,000, about 100 MB.
    pub capacity: usize,
    /// The compacted topic, with its prefix; `None` is `<topic>_idempotency` for a consumer of one topic.
    pub topic: Option<String>,
    /// How long an event stays claimed by a consumer that gives no sign of life. Key `claim_ttl_ms`, 30 s.
    #[serde(rename = "claim_ttl_ms", deserialize_with = "millis")]
    pub claim_ttl: Duration,
}

/// Where consumers note what they have handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// Nowhere.
    #[default]
    None,
    /// In the memory of the process.
    Memory,
    /// In a compacted topic.
    Topic,
    /// In Redis.
    Redis,
    /// In Redis, and in a compacted topic that survives it.
    Hybrid,
}

/// Redis: where it is and who we are.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RedisSettings {
    /// The URL, `redis://host:port/database`, or `rediss://` with TLS; `host:port` for short.
    pub url: String,
    /// The user, where Redis has users beside the default one.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The file of the authorities, in PEM, one of which has signed its certificate; without it, the system's. With
    /// `rediss://` only.
    pub ca_file: Option<PathBuf>,
    /// How long an answer, or a connection, may take. Key `timeout_ms`, 2 s.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
}

impl IdempotencySettings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let limits = [
            ("ttl_ms", self.ttl.is_zero()),
            ("capacity", self.capacity == 0),
            ("claim_ttl_ms", self.claim_ttl.is_zero()),
        ];
        match limits.iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(Error::settings(format!("`idempotency.{key}` is 0, expected at least 1"))),
            None => Ok(()),
        }
    }
}

impl RedisSettings {
    /// Returns the URL as messages may show it.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only the Redis store has messages to show it in"))]
    pub(crate) fn shown(&self) -> String {
        masked_url(&self.url)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, None | Some("redis" | "rediss")) {
            let url = masked_url(&self.url);
            return Err(Error::settings(format!(
                "expected `redis.url` to begin with redis:// or rediss://, found `{url}`"
            )));
        }
        if self.user.is_some() && self.password.is_none() {
            return Err(Error::settings("`redis.user` is set without `redis.password`"));
        }
        if self.ca_file.is_some() && scheme != Some("rediss") {
            let text = "`redis.ca_file` is set, but `redis.url` is without TLS; help: begin the URL with rediss://";
            return Err(Error::settings(text));
        }
        Ok(())
    }
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self {
            store: Store::None,
            ttl: Duration::from_secs(24 * 60 * 60),
            capacity: 1_000_000,
            topic: None,
            claim_ttl: Duration::from_secs(30),
        }
    }
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            user: None,
            password: None,
            ca_file: None,
            timeout: Duration::from_secs(2),
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("url", &masked_url(&self.url))
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| MASK))
            .field("ca_file", &self.ca_file)
            .field("timeout", &self.timeout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_and_no_password_is_shown() {
        let check = |url: &str, change: fn(&mut RedisSettings), expected: &str| {
            let mut redis = RedisSettings { url: url.into(), ..RedisSettings::default() };
            change(&mut redis);
            assert_eq!(redis.check().unwrap_err().to_string(), expected);
            redis.password = Some("hunter2".into());
            assert!(!format!("{redis:?}").contains("hunter"), "{redis:?}");
        };
        let found = "expected `redis.url` to begin with redis:// or rediss://, found `http://****@r:1`";
        check("http://u:hunter1@r:1", |_| {}, found);
        check("redis://r:1", |redis| redis.user = Some("u".into()), "`redis.user` is set without `redis.password`");
        let plain = "`redis.ca_file` is set, but `redis.url` is without TLS; help: begin the URL with rediss://";
        check("r:1", |redis| redis.ca_file = Some("ca.pem".into()), plain);
        let settings = IdempotencySettings { capacity: 0, ..IdempotencySettings::default() };
        assert_eq!(settings.check().unwrap_err().to_string(), "`idempotency.capacity` is 0, expected at least 1");
    }
}
