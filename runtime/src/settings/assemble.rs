//! What layers come to.
//!
//! In: layers. Out: [`Settings`] that were checked, or an error that names key and origin, and never a secret.

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::value::Dict;

use super::sources::{Layer, key_path, origin};
use super::{Origin, Settings, is_secret, masked_url, reference};
use crate::Error;

/// Returns the settings that layers make together.
pub(super) fn settings(layers: &[Layer]) -> Result<Settings, Error> {
    for layer in layers {
        check_keys(layer, &[], &layer.values)?;
    }
    let figment = layers.iter().fold(Figment::new(), Figment::merge);
    let settings: Settings = figment.extract().map_err(|error| type_error(layers, &error))?;
    settings.check().map_err(|error| with_origin(layers, error))?;
    Ok(settings)
}

fn check_keys(layer: &Layer, above: &[String], values: &Dict) -> Result<(), Error> {
    for (key, value) in values {
        let path = [above, std::slice::from_ref(key)].concat();
        let name = path.join(".");
        if name == "kafka" {
            continue;
        }
        match value.as_dict() {
            Some(inner) if reference::is_section(&name) => check_keys(layer, &path, inner)?,
            // What a section is in place of keys is an error of its type, which says more.
            _ if reference::is_section(&name) || reference::row(&name).is_some() => {}
            _ => return Err(unknown_key(layer, &path)),
        }
    }
    Ok(())
}

fn unknown_key(layer: &Layer, path: &[String]) -> Error {
    let (origin, name) = (layer.origin(path), path.join("."));
    let parent = name.rsplit_once('.').map_or("", |(parent, _)| parent);
    let known = Vec::from_iter(reference::names_below(parent)).join(", ");
    Error::settings(format!("unknown key `{name}` in {origin}; help: expected one of {known}"))
}

fn type_error(layers: &[Layer], error: &figment::Error) -> Error {
    let key = error.path.join(".");
    let why = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = if expected.starts_with("struct ") { "keys below it" } else { expected };
            match found {
                // What stands there may be the secret, in another type than that of a text.
                _ if is_secret(&key) => format!("expected {expected}"),
                Actual::Str(text) => format!("expected {expected}, found {:?}", masked_url(text)),
                found => format!("expected {expected}, found {found}"),
            }
        }
        kind => kind.to_string(),
    };
    Error::settings(format!("`{key}` in {}: {why}", origin(layers, &error.path)))
}

/// Adds to an error about keys where their values come from.
fn with_origin(layers: &[Layer], error: Error) -> Error {
    let text = error.to_string();
    // What stands between backticks is every second part.
    let paths = text.split('`').skip(1).step_by(2).map(key_path);
    let found = paths.map(|path| origin(layers, &path)).find(|origin| *origin != Origin::Default);
    let Some(origin) = found else { return error };
    let (what, help) = text.split_at(text.find("; help: ").unwrap_or(text.len()));
    Error::settings(format!("{what}; it is set in {origin}{help}"))
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::from;

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
        check(&[], "log: x", &["`log` in", "0.yaml:1`: expected keys below it, found \"x\""]);
        check(&[("EVENTWRIGHT_METRICS", ":1")], "", &["`metrics` in", "`EVENTWRIGHT_METRICS`: expected keys below it"]);
        check(&[], "consumer: {retry: 3}", &["`consumer.retry` in", "0.yaml:1`: expected keys below it"]);
        check(&[], "bootstrap: {host: b}", &["`bootstrap` in", "0.yaml:1`: expected a string"]);
        check(&[], "kafka: {group.id: x}", &["`kafka.group.id` cannot be set"]);
        check(&[], "- a", &["0.yaml", "not YAML settings"]);
        check(&[("EVENTWRIGHT_PRODUCER__AUTO_REGISTER", "maybe")], "", &["`producer.auto_register`", "AUTO_REGISTER"]);
    }

    #[test]
    fn errors_name_the_line_and_never_a_secret() {
        let check = |variables: &[(&str, &str)], file: &str, expected: &[&str]| {
            let error = from(variables, &[file]).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(expected.iter().all(|part| text.contains(part)), "{text}");
            assert!(!text.contains("hunter") && !text.contains("4711"), "{text}");
        };
        check(&[], "bootstrap: b:1\nregistry:\n  ulr: x", &["`registry.ulr` in", "0.yaml:3`"]);
        check(&[], "consumer:\n  # many\n  workers: many", &["`consumer.workers` in", "0.yaml:3`", "many"]);
        check(&[], "consumer:\n  workers: 0", &["`consumer.workers` is 0", "it is set in", "0.yaml:2`"]);
        check(&[], "registry:\n  user: ada", &["without `registry.password`", "it is set in", "0.yaml:2`"]);
        check(&[], "kafka:\n  group.id: x", &["it is set in", "0.yaml:2`; help: remove it"]);
        check(&[], "registry: {password: 4711}", &["`registry.password` in", "0.yaml:1`: expected a string"]);
        check(&[], "registry: http://ada:hunter2@r", &["`registry` in", "http://****@r"]);
        check(&[], "hunter2", &["0.yaml", "not YAML settings: expected keys and values"]);
        check(&[], "kafka: {sasl.password: [hunter2]}", &["kafka.sasl.password", "expected a text, a number"]);
        check(
            &[("EVENTWRIGHT_CONSUMER__RETRY__BACKOFF_MS", "soon")],
            "",
            &["`consumer.retry.backoff_ms` in the environment variable", "`250ms`, `1s`, `2m`"],
        );
        check(
            &[("EVENTWRIGHT_BOOTSTRAP", "http://a:hunter2@b")],
            "",
            &["found the URL", "set in the environment variable"],
        );
    }
}
