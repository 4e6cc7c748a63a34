//! The layers that settings are put together from, each value with its origin.
//!
//! In: arguments, environment variables, files. Out: [`Settings`], or an error that names key and origin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::Settings;
use crate::Error;

/// Files that are read where they exist; the first one wins.
const FILES: [&str; 2] = ["./config.yaml", "./configs/config.yaml"];

const VARIABLES: &str = "EVENTWRIGHT_";

/// Variables with our prefix that are no settings of this crate.
const OTHER_VARIABLES: [&str; 3] = ["EVENTWRIGHT_CONFIG", "EVENTWRIGHT_LOG", "EVENTWRIGHT_TEST_"];

/// Every key; below `kafka` any key may stand.
const KEYS: [&str; 47] = [
    "bootstrap",
    "prefix",
    "connect_timeout_ms",
    "registry.url",
    "registry.user",
    "registry.password",
    "registry.token",
    "registry.timeout_ms",
    "registry.check_at_start",
    "kafka",
    "producer.auto_register",
    "producer.delivery_timeout_ms",
    "producer.queue_timeout_ms",
    "producer.flush_timeout_ms",
    "consumer.group",
    "consumer.start",
    "consumer.retry.max_attempts",
    "consumer.retry.backoff_ms",
    "consumer.retry.max_backoff_ms",
    "consumer.retry.jitter_percent",
    "consumer.retry.deadline_ms",
    "consumer.retry.topics",
    "consumer.on_failure",
    "consumer.dead_letter_topic",
    "consumer.order",
    "consumer.workers",
    "consumer.buffer_records",
    "consumer.buffer_bytes",
    "consumer.commit_interval_ms",
    "consumer.shutdown_timeout_ms",
    "idempotency.store",
    "idempotency.ttl_ms",
    "idempotency.capacity",
    "idempotency.topic",
    "idempotency.claim_ttl_ms",
    "redis.url",
    "redis.user",
    "redis.password",
    "redis.timeout_ms",
    "transaction.interval_ms",
    "transaction.max_records",
    "transaction",
    "producer",
    "consumer",
    "idempotency",
    "redis",
    "consumer.retry",
];

/// One source of values: all that it says, and what messages call it.
struct Layer {
    origin: String,
    values: Dict,
}

/// Returns the settings of all sources; `file` is the one that the command line names.
pub(super) fn load(file: Option<&Path>) -> Result<Settings, Error> {
    let named = file.map(Path::to_owned).or_else(|| std::env::var_os("EVENTWRIGHT_CONFIG").map(PathBuf::from));
    let mut layers = Vec::new();
    for file in FILES.iter().rev().map(Path::new).filter(|file| file.exists()) {
        layers.push(file_layer(file)?);
    }
    if let Some(file) = named {
        layers.push(file_layer(&file)?);
    }
    layers.extend(environment_layers(std::env::vars_os())?);
    assemble(layers)
}

/// Returns the value of `--config FILE` or `--config=FILE`.
pub(super) fn config_argument(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<PathBuf>, Error> {
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        if argument == "--config" {
            let file = arguments.next().ok_or_else(|| Error::settings("`--config` names no file"))?;
            return Ok(Some(file.into()));
        }
        if let Some(file) = argument.to_str().and_then(|argument| argument.strip_prefix("--config=")) {
            return Ok(Some(file.into()));
        }
    }
    Ok(None)
}

fn file_layer(path: &Path) -> Result<Layer, Error> {
    let origin = format!("`{}`", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::settings(format!("cannot read the settings in {origin}")).with_source(error))?;
    let values = Yaml::from_str::<Option<Dict>>(&text)
        .map_err(|error| Error::settings(format!("{origin} is not YAML settings: {error}")))?;
    Ok(Layer { origin, values: values.unwrap_or_default() })
}

/// Returns a layer for each variable, so that each value knows the variable that it came from.
fn environment_layers(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Vec<Layer>, Error> {
    let ours = |name: &OsString| name.to_str().is_some_and(is_setting);
    let layer = |(name, value): (OsString, OsString)| {
        let name = name.to_string_lossy().into_owned();
        let value = value.into_string();
        let value = value.map_err(|_| Error::settings(format!("the environment variable `{name}` is not UTF-8")))?;
        let path = variable_path(name.strip_prefix(VARIABLES).unwrap_or(&name));
        let innermost = variable_value(&path, value);
        let nest = |value, key: &String| Value::from(Dict::from([(key.clone(), value)]));
        let values = path.iter().rev().fold(innermost, nest).into_dict().unwrap_or_default();
        Ok(Layer { origin: format!("the environment variable `{name}`"), values })
    };
    variables.into_iter().filter(|(name, _)| ours(name)).map(layer).collect()
}

fn is_setting(variable: &str) -> bool {
    variable.starts_with(VARIABLES) && !OTHER_VARIABLES.iter().any(|other| variable.starts_with(other))
}

/// The keys whose values are no text, beside those that end in `_ms`.
const NOT_TEXT: [&str; 10] = [
    "max_attempts",
    "jitter_percent",
    "topics",
    "auto_register",
    "check_at_start",
    "workers",
    "buffer_records",
    "buffer_bytes",
    "capacity",
    "max_records",
];

/// Returns the path that a variable names: two underscores nest, and librdkafka's names have dots for underscores.
fn variable_path(name: &str) -> Vec<String> {
    let name = name.to_ascii_lowercase();
    if name == "registry" {
        return vec!["registry".into(), "url".into()];
    }
    match name.strip_prefix("kafka__") {
        Some(raw) => vec!["kafka".into(), raw.replace('_', ".")],
        None => name.split("__").map(str::to_owned).collect(),
    }
}

/// Reads a variable as the type that its key has, so that a password of digits stays a text.
fn variable_value(path: &[String], value: String) -> Value {
    match path.last() {
        Some(key) if key.ends_with("_ms") || NOT_TEXT.contains(&key.as_str()) => {
            value.parse().unwrap_or_else(|never| match never {})
        }
        _ => Value::from(value),
    }
}

fn assemble(layers: Vec<Layer>) -> Result<Settings, Error> {
    let figment = layers.into_iter().fold(Figment::new(), Figment::merge);
    for values in figment.data().map_err(type_error)?.values() {
        check_keys(&figment, "", values)?;
    }
    let settings: Settings = figment.extract().map_err(type_error)?;
    settings.check()?;
    Ok(settings)
}

fn check_keys(figment: &Figment, above: &str, values: &Dict) -> Result<(), Error> {
    for (key, value) in values {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        if path == "kafka" {
            continue;
        }
        let below = format!("{path}.");
        match value.as_dict() {
            Some(inner) if KEYS.iter().any(|key| key.starts_with(&below)) => check_keys(figment, &path, inner)?,
            _ if KEYS.contains(&path.as_str()) || path == "registry" => {}
            _ => return Err(unknown_key(figment, &path, value)),
        }
    }
    Ok(())
}

fn unknown_key(figment: &Figment, path: &str, value: &Value) -> Error {
    let tag = value.as_dict().and_then(|inner| inner.values().next()).map_or(value.tag(), Value::tag);
    let origin = figment.get_metadata(tag).map_or_else(String::new, |origin| format!(" in {}", origin.name));
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let siblings = KEYS.iter().filter_map(|key| {
        let key = if parent.is_empty() { key } else { key.strip_prefix(parent)?.strip_prefix('.')? };
        Some(key.split('.').next().unwrap_or(key))
    });
    let mut siblings: Vec<_> = siblings.collect();
    siblings.sort_unstable();
    siblings.dedup();
    Error::settings(format!("unknown key `{path}`{origin}; help: expected one of {}", siblings.join(", ")))
}

fn type_error(error: figment::Error) -> Error {
    let origin = error.metadata.as_ref().map_or_else(String::new, |origin| format!(" in {}", origin.name));
    Error::settings(format!("`{}`{origin}: {}", error.path.join("."), error.kind))
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::Start;

    fn from(variables: &[(&str, &str)], files: &[&str]) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let mut layers = Vec::new();
        for (index, text) in files.iter().enumerate() {
            let path = folder.path().join(format!("{index}.yaml"));
            std::fs::write(&path, text).unwrap();
            layers.push(file_layer(&path)?);
        }
        layers.extend(environment_layers(variables.iter().map(|(name, value)| (name.into(), value.into())))?);
        assemble(layers)
    }

    #[test]
    fn nearer_sources_win_and_layers_merge() {
        let low = "bootstrap: low:1\nregistry: {url: 'http://low', user: u, password: 7}\nconsumer: {start: latest}";
        let low = low.replace("password: 7", "password: '7'");
        let high = "bootstrap: high:1\nkafka: {security.protocol: ssl, fetch.wait.max.ms: 5, enable.x: true}";
        let variables = [
            ("EVENTWRIGHT_REGISTRY", "http://env"),
            ("EVENTWRIGHT_KAFKA__SASL_USERNAME", "007"),
            ("EVENTWRIGHT_CONSUMER__RETRY__MAX_ATTEMPTS", "3"),
            ("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "250"),
            ("EVENTWRIGHT_REGISTRY__CHECK_AT_START", "false"),
            ("EVENTWRIGHT_LOG", "debug"),
            ("EVENTWRIGHT_TEST_BOOTSTRAP", "x"),
        ];
        let settings = from(&variables, &[&low, high, "# nothing\n"]).unwrap();
        assert_eq!(settings.bootstrap, "high:1");
        assert_eq!(settings.registry.url, "http://env");
        assert_eq!(settings.registry.user.as_deref(), Some("u"));
        assert_eq!(settings.consumer.start, Start::Latest);
        assert_eq!(settings.consumer.retry.max_attempts, 3);
        assert!(!settings.registry.check_at_start);
        assert_eq!(settings.connect_timeout, Duration::from_millis(250));
        let kafka: Vec<_> = settings.kafka.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(kafka, ["enable.x=true", "fetch.wait.max.ms=5", "sasl.username=007", "security.protocol=ssl"]);
    }

    #[test]
    fn the_simple_variables_work() {
        let variables =
            [("EVENTWRIGHT_BOOTSTRAP", "b:1"), ("EVENTWRIGHT_REGISTRY", "http://r"), ("EVENTWRIGHT_PREFIX", "1")];
        let settings = from(&variables, &[]).unwrap();
        assert_eq!((&*settings.bootstrap, &*settings.registry.url), ("b:1", "http://r"));
        assert_eq!(settings.prefix.as_deref(), Some("1"));
    }

    #[test]
    fn an_empty_prefix_is_one_that_was_set() {
        let check = |variables: &[(&str, &str)], file: &str, expected: Option<&str>| {
            assert_eq!(from(variables, &[file]).unwrap().prefix.as_deref(), expected, "{variables:?} {file}");
        };
        check(&[], "", None);
        check(&[], "prefix: ''", Some(""));
        check(&[("EVENTWRIGHT_PREFIX", "")], "prefix: dev.", Some(""));
        check(&[("EVENTWRIGHT_PREFIX", "test.")], "prefix: ''", Some("test."));
    }

    #[test]
    fn errors_name_the_key_and_its_origin() {
        let check = |variables: &[(&str, &str)], file: &str, expected: &[&str]| {
            let text = from(variables, &[file]).unwrap_err().to_string();
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
        };
        check(&[("EVENTWRIGHT_BOOTSTRP", "x")], "", &["unknown key `bootstrp`", "`EVENTWRIGHT_BOOTSTRP`", "bootstrap"]);
        check(&[], "registry: {ulr: x}", &["unknown key `registry.ulr`", "0.yaml", "url"]);
        check(&[], "app: {port: 1}", &["unknown key `app`", "0.yaml"]);
        check(&[], "consumer: {retry: {max_attempts: many}}", &["`consumer.retry.max_attempts`", "0.yaml", "many"]);
        check(&[], "consumer: {start: middle}", &["`consumer.start`", "middle", "earliest"]);
        check(&[], "registry: http://x", &["`registry`", "0.yaml"]);
        check(&[], "kafka: {group.id: x}", &["`kafka.group.id` cannot be set"]);
        check(&[], "- a", &["0.yaml", "not YAML settings"]);
        check(&[("EVENTWRIGHT_PRODUCER__AUTO_REGISTER", "maybe")], "", &["`producer.auto_register`", "AUTO_REGISTER"]);
    }

    #[test]
    fn the_file_of_the_command_line_is_found_and_must_exist() {
        let argument = |arguments: &[&str]| config_argument(arguments.iter().map(OsString::from));
        assert_eq!(argument(&["app", "--config", "a.yaml"]).unwrap(), Some("a.yaml".into()));
        assert_eq!(argument(&["app", "--config=a.yaml"]).unwrap(), Some("a.yaml".into()));
        assert_eq!(argument(&["app", "--", "--config=a.yaml"]).unwrap(), None);
        assert!(argument(&["app", "--config"]).is_err());
        let error = load(Some(Path::new("/nowhere/x.yaml"))).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the settings in `/nowhere/x.yaml`");
    }
}
