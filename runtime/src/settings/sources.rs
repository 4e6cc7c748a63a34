//! The layers that settings are put together from, each value with its origin.
//!
//! In: arguments, environment variables, files. Out: layers, the nearest to the process last; [`assemble`] makes [`Settings`] of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Yaml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::{Origin, Preset, Settings, assemble, line, plain, reference};
use crate::Error;

/// Files that are read where they exist; the first one wins.
const FILES: [&str; 2] = ["./config.yaml", "./configs/config.yaml"];

const VARIABLES: &str = "EVENTWRIGHT_";

/// Variables with our prefix that are no settings of this crate.
const OTHER_VARIABLES: [&str; 4] = ["EVENTWRIGHT_CONFIG", "EVENTWRIGHT_GATE", "EVENTWRIGHT_LOG", "EVENTWRIGHT_TEST_"];

/// One source of values.
pub(super) struct Layer {
    /// A file's is without line.
    origin: Origin,
    pub(super) values: Dict,
    /// What a file says, to find lines in.
    text: String,
}

impl Layer {
    pub(super) fn new(origin: Origin, values: Dict) -> Self {
        Self { origin, values, text: String::new() }
    }

    /// Returns the value that this layer has for a key, if it has one.
    pub(super) fn value(&self, path: &[String]) -> Option<&Value> {
        let (last, above) = path.split_last()?;
        let inner = above.iter().try_fold(&self.values, |values, key| values.get(key)?.as_dict())?;
        inner.get(last)
    }

    /// Returns where this layer says something of a key.
    pub(super) fn origin(&self, path: &[String]) -> Origin {
        match &self.origin {
            Origin::File { path: file, .. } => Origin::File { path: file.clone(), line: line::of(&self.text, path) },
            origin => origin.clone(),
        }
    }
}

/// Returns the settings of all sources; `file` is the one that the command line names.
pub(super) fn load(file: Option<&Path>) -> Result<Settings, Error> {
    assemble::settings(&layers(file)?)
}

/// Returns all sources, the nearest to the process last.
pub(super) fn layers(file: Option<&Path>) -> Result<Vec<Layer>, Error> {
    let named = file.map(Path::to_owned).or_else(|| std::env::var_os("EVENTWRIGHT_CONFIG").map(PathBuf::from));
    let mut files = Vec::new();
    for file in FILES.iter().rev().map(Path::new).filter(|file| file.exists()) {
        files.push(file_layer(file)?);
    }
    if let Some(file) = named {
        files.push(file_layer(&file)?);
    }
    stack(files, std::env::vars_os().collect())
}

/// Puts layers into their order, with those that the others ask for: a preset below all, and variables without our prefix.
fn stack(files: Vec<Layer>, variables: Vec<(OsString, OsString)>) -> Result<Vec<Layer>, Error> {
    let mut layers = files;
    let n_files = layers.len();
    layers.extend(environment_layers(&variables)?);
    let wrong = |key: &str, why: &str| {
        let origin = origin(&layers, &[key.to_owned()]);
        Error::settings(format!("`{key}` in {origin}: {why}"))
    };
    let reads_plain = match value(&layers, &["plain_variables".to_owned()]) {
        Some(value) => value.to_bool().ok_or_else(|| wrong("plain_variables", "expected true or false"))?,
        None => false,
    };
    let preset = match value(&layers, &["preset".to_owned()]) {
        Some(value) => Some(value.as_str().unwrap_or_default().parse::<Preset>().map_err(|why| wrong("preset", &why))?),
        None => None,
    };
    if reads_plain {
        layers.splice(n_files..n_files, plain::layers(&variables)?);
    }
    layers.splice(0..0, preset.map(Preset::layer));
    Ok(layers)
}

/// Returns the value that counts for a key.
pub(super) fn value<'l>(layers: &'l [Layer], path: &[String]) -> Option<&'l Value> {
    layers.iter().rev().find_map(|layer| layer.value(path))
}

/// Returns where the value comes from that counts for a key.
pub(super) fn origin(layers: &[Layer], path: &[String]) -> Origin {
    let found = layers.iter().rev().find(|layer| layer.value(path).is_some());
    found.map_or(Origin::Default, |layer| layer.origin(path))
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
    let origin = Origin::File { path: path.to_owned(), line: None };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::settings(format!("cannot read the settings in {origin}")).with_source(error))?;
    let values = Yaml::from_str::<Option<Dict>>(&text).map_err(|error| not_yaml(path, &error.to_string()))?;
    Ok(Layer { origin, values: values.unwrap_or_default(), text })
}

fn not_yaml(path: &Path, why: &str) -> Error {
    // A file of another kind is quoted by the parser, and it may be one of passwords.
    let why = if why.contains("invalid type") { "expected keys and values" } else { why };
    Error::settings(format!("`{}` is not YAML settings: {why}", path.display()))
}

/// Returns a layer for each variable, so that each value knows the variable that it came from.
fn environment_layers(variables: &[(OsString, OsString)]) -> Result<Vec<Layer>, Error> {
    let mut layers = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| is_setting(name)) else { continue };
        let path = variable_path(name.strip_prefix(VARIABLES).unwrap_or(name));
        let values = nested([(path, utf8(name, value.clone())?)]);
        layers.push(Layer::new(Origin::Variable(name.to_owned()), values));
    }
    Ok(layers)
}

/// Returns a variable's text.
pub(super) fn utf8(name: &str, value: OsString) -> Result<String, Error> {
    value.into_string().map_err(|_| Error::settings(format!("the environment variable `{name}` is not UTF-8")))
}

/// Returns a tree of values, each as the type that its key has.
pub(super) fn nested(values: impl IntoIterator<Item = (Vec<String>, String)>) -> Dict {
    let mut tree = Dict::new();
    for (path, text) in values {
        let value = variable_value(&path, text);
        insert(&mut tree, &path, value);
    }
    tree
}

fn insert(tree: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => drop(tree.insert(key.clone(), value)),
        [key, below @ ..] => {
            let branch = tree.entry(key.clone()).or_insert_with(|| Value::from(Dict::new()));
            // No key is both a value and a branch.
            if let Value::Dict(_, branch) = branch {
                insert(branch, below, value);
            }
        }
    }
}

/// Returns the path of a key: dots nest, but for those of librdkafka's names.
pub(super) fn key_path(key: &str) -> Vec<String> {
    match key.strip_prefix("kafka.") {
        Some(raw) => vec!["kafka".into(), raw.to_owned()],
        None => key.split('.').map(str::to_owned).collect(),
    }
}

fn is_setting(variable: &str) -> bool {
    let is = |other: &&str| variable == *other || (other.ends_with('_') && variable.starts_with(*other));
    variable.starts_with(VARIABLES) && !OTHER_VARIABLES.iter().any(is)
}

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
    match reference::row(&path.join(".")) {
        Some(row) if !row.is_text => value.parse().unwrap_or_else(|never| match never {}),
        _ => Value::from(value),
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::Start;

    /// Returns the layers of these variables and of files with these texts, `0.yaml` and so on.
    pub(in super::super) fn layers(variables: &[(&str, &str)], files: &[&str]) -> Result<Vec<Layer>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let mut layers = Vec::new();
        for (index, text) in files.iter().enumerate() {
            let path = folder.path().join(format!("{index}.yaml"));
            std::fs::write(&path, text).unwrap();
            layers.push(file_layer(&path)?);
        }
        stack(layers, variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Returns the settings of such layers.
    pub(in super::super) fn from(variables: &[(&str, &str)], files: &[&str]) -> Result<Settings, Error> {
        assemble::settings(&layers(variables, files)?)
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
            ("EVENTWRIGHT_GATE", "warn"),
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
    fn durations_have_units_wherever_they_stand() {
        let variables = [("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "2s"), ("EVENTWRIGHT_REGISTRY__TIMEOUT_MS", "750")];
        let settings = from(
            &variables,
            &["consumer: {retry: {backoff_ms: 1m, max_backoff_ms: '500', deadline_ms: 1h}, commit_interval_ms: 20}"],
        );
        let settings = settings.unwrap();
        assert_eq!(settings.connect_timeout, Duration::from_secs(2));
        assert_eq!(settings.registry.timeout, Duration::from_millis(750));
        let consumer = &settings.consumer;
        let retry = &consumer.retry;
        assert_eq!((retry.backoff, retry.max_backoff), (Duration::from_secs(60), Duration::from_millis(500)));
        assert_eq!(retry.deadline, Some(Duration::from_secs(3600)));
        assert_eq!(consumer.commit_interval, Duration::from_millis(20));
    }

    #[test]
    fn a_preset_is_above_the_defaults_and_below_all_else() {
        let file = "preset: high-throughput\nkafka: {linger.ms: 7}";
        let settings = from(&[("EVENTWRIGHT_CONSUMER__WORKERS", "3")], &[file]).unwrap();
        assert_eq!((settings.consumer.workers, settings.consumer.buffer_records), (Some(3), 4096));
        assert_eq!((&*settings.kafka["linger.ms"], &*settings.kafka["fetch.min.bytes"]), ("7", "65536"));
        // The nearest one counts, and of the other nothing is left.
        let settings = from(&[("EVENTWRIGHT_PRESET", "high-reliability")], &[file]).unwrap();
        assert_eq!((settings.consumer.workers, settings.consumer.buffer_records), (None, 256));
        assert_eq!(settings.kafka["check.crcs"], "true");
        let error = from(&[("EVENTWRIGHT_PRESET", "fast")], &[]).unwrap_err().to_string();
        assert!(error.contains("`EVENTWRIGHT_PRESET`: there is no preset `fast`") && error.contains("`low-latency`"));
    }

    #[test]
    fn variables_without_prefix_are_read_where_that_is_wanted() {
        let plain = [("KAFKA_BROKERS", "plain:1"), ("RETRY_INITIAL_INTERVAL", "1s")];
        assert_eq!(from(&plain, &["bootstrap: file:1"]).unwrap().bootstrap, "file:1");
        let settings = from(&plain, &["bootstrap: file:1\nplain_variables: true"]).unwrap();
        assert_eq!((&*settings.bootstrap, settings.consumer.retry.backoff), ("plain:1", Duration::from_secs(1)));
        let ours = [("EVENTWRIGHT_PLAIN_VARIABLES", "true"), ("EVENTWRIGHT_BOOTSTRAP", "ours:1")];
        assert_eq!(from(&[plain, ours].concat(), &["bootstrap: file:1"]).unwrap().bootstrap, "ours:1");
        let error = from(&[("EVENTWRIGHT_PLAIN_VARIABLES", "maybe")], &[]).unwrap_err().to_string();
        assert!(error.contains("`plain_variables` in the environment variable"), "{error}");
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
