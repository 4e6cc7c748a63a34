//! What every setting is and where its value comes from, for `eventwright config show`.
//!
//! In: the same sources as those of [`Settings::load`](super::Settings::load). Out: one [`Explained`] a key, secrets masked.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::value::Value;

use super::reference::REFERENCE;
use super::sources::{self, Layer};
use super::{MASK, Preset, assemble, is_secret, masked_url};
use crate::Error;

/// A setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The key as files nest it, with dots: `registry.url`.
    pub key: String,
    /// The value as text; `****` for a secret, `None` where there is none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    /// What the setting means, in Markdown.
    pub meaning: &'static str,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody has said anything.
    Default,
    /// A preset sets it.
    Preset(Preset),
    /// A file.
    File {
        /// Its path as it was given.
        path: PathBuf,
        /// The line of the key, or of the table that it is in, counted from 1.
        line: Option<usize>,
    },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::Preset(preset) => write!(f, "the preset `{preset}`"),
            Self::File { path, line: Some(line) } => write!(f, "`{}:{line}`", path.display()),
            Self::File { path, line: None } => write!(f, "`{}`", path.display()),
            Self::Variable(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

/// Returns every setting with its value and where that comes from; `file` is in place of `--config`.
///
/// # Errors
/// As [`Settings::load`](super::Settings::load): what cannot be used is not explained.
pub fn explain(file: Option<&Path>) -> Result<Vec<Explained>, Error> {
    let layers = match file {
        Some(_) => sources::layers(file)?,
        None => sources::layers(sources::config_argument(std::env::args_os())?.as_deref())?,
    };
    assemble::settings(&layers)?;
    Ok(explained(&layers))
}

fn explained(layers: &[Layer]) -> Vec<Explained> {
    let known = REFERENCE.iter().map(|row| (row.key.to_owned(), row.default, row.meaning));
    let raw = raw_keys(layers).into_iter().map(|key| (format!("kafka.{key}"), None, "a setting of librdkafka"));
    let explain = |(key, default, meaning): (String, Option<&str>, _)| {
        let path = sources::key_path(&key);
        let set = sources::value(layers, &path).map(shown);
        let value = set.or(default.map(str::to_owned)).map(|value| masked(&key, value));
        Explained { value, origin: sources::origin(layers, &path), key, meaning }
    };
    known.chain(raw).map(explain).collect()
}

/// Returns the settings of librdkafka that any layer names.
fn raw_keys(layers: &[Layer]) -> Vec<String> {
    let below = |layer: &Layer| layer.value(&["kafka".to_owned()])?.as_dict().map(|raw| raw.keys().cloned().collect());
    let mut keys: Vec<String> = layers.iter().filter_map(below).flat_map(|keys: Vec<_>| keys).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, boolean) => boolean.to_string(),
        Value::Num(_, number) => {
            let integer = number.to_i128().map(|number| number.to_string());
            let unsigned = || number.to_u128().map(|number| number.to_string());
            integer.or_else(unsigned).or_else(|| number.to_f64().map(|number| number.to_string())).unwrap_or_default()
        }
        // `assemble` has let nothing else pass.
        _ => String::new(),
    }
}

fn masked(key: &str, value: String) -> String {
    if is_secret(key) {
        return MASK.to_owned();
    }
    match value.contains("://") {
        true => value.split(',').map(|url| masked_url(url.trim())).collect::<Vec<_>>().join(","),
        false => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_the_nearest_source() {
        let file = "bootstrap: a:1\nregistry:\n  user: ada\n  password: hunter2\n  url: http://u:hunter2@r:1,http://s\n\
                    preset: low-latency\nkafka:\n  linger.ms: 3\n  sasl.password: hunter2\n  sasl.jaas.config: hunter2\n";
        let variables = [("EVENTWRIGHT_BOOTSTRAP", "b:1"), ("EVENTWRIGHT_CONSUMER__RETRY__BACKOFF_MS", "250ms")];
        let layers = sources::tests::layers(&variables, &[file]).unwrap();
        let explained = explained(&layers);
        let check = |key: &str, value: Option<&str>, origin: &str| {
            let found = explained.iter().find(|one| one.key == key).unwrap();
            assert_eq!(found.value.as_deref(), value, "{key}");
            assert!(found.origin.to_string().contains(origin), "{key} {}", found.origin);
        };
        check("bootstrap", Some("b:1"), "`EVENTWRIGHT_BOOTSTRAP`");
        check("consumer.retry.backoff_ms", Some("250ms"), "BACKOFF_MS`");
        check("consumer.group", None, "defaults");
        check("registry.user", Some("ada"), "0.yaml:3`");
        check("registry.password", Some("****"), "0.yaml:4`");
        check("registry.url", Some("http://****@r:1,http://s"), "0.yaml:5`");
        check("registry.timeout_ms", Some("5s"), "defaults");
        check("consumer.workers", Some("10"), "the preset `low-latency`");
        check("kafka.linger.ms", Some("3"), "0.yaml:8`");
        check("kafka.fetch.min.bytes", Some("1"), "the preset `low-latency`");
        assert!(!format!("{explained:?}").contains("hunter"));
    }
}
