//! `eventwright config show`: values, where they come from, and what is never shown.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, bootstrap, command, manifest, run};

/// Runs the command in a folder of its own with these files.
fn show(files: &[(&str, &str)], variables: &[(&str, &str)], arguments: &[&str]) -> Finished {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command: Command = command();
    command.current_dir(folder.path()).args(["config", "show"]).args(arguments).envs(variables.iter().copied());
    run(command, "")
}

#[test]
fn every_value_has_its_origin() {
    let files = [
        ("config.yaml", "bootstrap: near:1\npreset: low-latency\n"),
        ("configs/config.yaml", "bootstrap: far:1\nconsumer:\n  group: far\n  workers: 7\n"),
        ("named.yaml", "registry:\n  url: http://named\n"),
    ];
    let variables = [
        ("EVENTWRIGHT_CONSUMER__GROUP", "g"),
        ("EVENTWRIGHT_PLAIN_VARIABLES", "true"),
        ("KAFKA_PRODUCER_RETRIES", "9"),
    ];
    let finished = show(&files, &variables, &["--config", "named.yaml"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
    let lines: Vec<Vec<_>> = finished.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    for expected in [
        ["bootstrap", "near:1", "./config.yaml:1"].as_slice(),
        &["consumer.group", "g", "EVENTWRIGHT_CONSUMER__GROUP"],
        &["consumer.workers", "7", "./configs/config.yaml:4"],
        &["kafka.linger.ms", "0", "preset", "low-latency"],
        &["kafka.retries", "9", "KAFKA_PRODUCER_RETRIES"],
        &["prefix", "-", "default"],
        &["registry.timeout_ms", "5s", "default"],
        &["registry.url", "http://named", "named.yaml:2"],
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected:?} is not in {}", finished.stdout);
    }

    let finished = show(&files, &variables, &["--format", "json"]);
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(json["format_version"], 1);
    let setting = json["settings"].as_array().unwrap().iter().find(|one| one["key"] == "bootstrap").unwrap();
    let origin = serde_json::json!({"kind": "file", "name": "./config.yaml", "line": 1});
    assert_eq!((&setting["value"], &setting["origin"]), (&"near:1".into(), &origin));
    assert!(setting["meaning"].as_str().unwrap().contains("host:port"));
}

#[test]
fn secrets_are_nowhere() {
    let file = "registry: {user: ada, password: hunter2, url: 'http://ada:hunter2@r,https://ada:hunter2@s'}\n\
                kafka:\n  sasl.password: hunter2\n  sasl.jaas.config: hunter2\n  ssl.key.pem: hunter2\n  basic.auth.user.info: hunter2\n";
    let variables = [
        ("EVENTWRIGHT_PLAIN_VARIABLES", "true"),
        ("EVENTWRIGHT_LOG", "trace"),
        ("EVENTWRIGHT_KAFKA__SSL_KEY_PASSWORD", "hunter2"),
        ("APP_KAFKA_SASL_PASSWORD", "hunter2"),
    ];
    for format in ["text", "json"] {
        let finished = show(&[("config.yaml", file)], &variables, &["--format", format]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!finished.stdout.contains("hunter") && !finished.stderr.contains("hunter"), "{finished:?}");
        assert!(finished.stdout.contains("http://****@r,https://****@s"), "{finished:?}");
    }
    // Nor where one stands in a wrong place.
    for file in [
        "kafka: {sasl.password: [hunter2]}",
        "registry: http://ada:hunter2@r",
        "hunter2",
        "bootstrap: 'http://ada:hunter2@b'",
    ] {
        let finished = show(&[("config.yaml", file)], &[], &[]);
        assert_eq!(finished.code, Some(101), "{finished:?}");
        assert!(!finished.stdout.contains("hunter") && !finished.stderr.contains("hunter"), "{finished:?}");
    }
}

#[test]
fn secrets_are_in_no_log() {
    let mut command = command();
    command.args(["topics", "plan", "--bootstrap", &bootstrap(), "--manifest"]).arg(manifest());
    for setting in ["debug=all", "security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN", "sasl.username=ada"] {
        command.args(["--kafka", setting]);
    }
    let variables = [
        ("EVENTWRIGHT_LOG", "trace"),
        ("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "1s"),
        ("EVENTWRIGHT_REGISTRY", "http://ada:hunter2@127.0.0.1:9"),
        ("EVENTWRIGHT_KAFKA__SASL_PASSWORD", "hunter2"),
        ("EVENTWRIGHT_KAFKA__SSL_KEY_PASSWORD", "hunter2"),
    ];
    // The broker wants no password, so that the command fails after it was offered one.
    let finished = run(
        {
            command.envs(variables);
            command
        },
        "",
    );
    assert_eq!(finished.code, Some(101), "{finished:?}");
    assert!(finished.stderr.contains("SASL") && finished.stderr.contains("librdkafka"), "{finished:?}");
    assert!(!finished.stdout.contains("hunter") && !finished.stderr.contains("hunter"), "{finished:?}");
}

#[test]
fn what_cannot_be_used_is_an_error_with_its_origin() {
    let check = |file: &str, variables: &[(&str, &str)], expected: &str| {
        let finished = show(&[("config.yaml", file)], variables, &[]);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(101), ""), "{finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    };
    check("consumer:\n  grup: x", &[], "unknown key `consumer.grup` in `./config.yaml:2`");
    check("", &[("EVENTWRIGHT_GRUP", "x")], "unknown key `grup` in the environment variable `EVENTWRIGHT_GRUP`");
    check("", &[("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "soon")], "`EVENTWRIGHT_CONNECT_TIMEOUT_MS`: expected a duration");
    check(
        "plain_variables: true",
        &[("KAFKA_PRODUCER_ACKS", "0")],
        "the environment variable `KAFKA_PRODUCER_ACKS` cannot be `0`: every record is acknowledged",
    );
    let finished = show(&[], &[], &["--config", "nowhere.yaml"]);
    assert_eq!(finished.code, Some(101), "{finished:?}");
    assert!(finished.stderr.contains("cannot read the settings in `nowhere.yaml`"), "{}", finished.stderr);
}
