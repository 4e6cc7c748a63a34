//! How commands end: by usage, because something is down, by signals, and because nobody reads any more.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use crate::support::{Finished, Registry, Running, bootstrap, command, run, signal, unique};

const ORDER: &str = r#"{"order_id":"0b9c8f1e-3a52-4d0c-9d52-1f2b0b3f9d11","customer_id":"ada","currency":"EUR","created_at":"2026-02-03T04:05:06Z"}"#;

#[test]
fn a_command_line_that_makes_no_sense_is_code_2() {
    let check = |arguments: &[&str], expected: &str| {
        let mut command = command();
        command.args(arguments);
        let finished = run(command, "");
        assert_eq!(finished.code, Some(2), "{arguments:?} {finished:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
    };
    check(&[], "Usage: eventwright");
    check(&["tale"], "unrecognized subcommand 'tale'");
    check(&["tail"], "<TOPIC>");
    check(&["tail", "t", "--from", "noon"], "expected `beginning`, `end`, an offset");
    check(&["tail", "t", "--count", "0"], "0 is not in");
    check(&["tail", "t", "--format", "xml"], "[possible values: json, text]");
    check(&["tail", "t", "--kafka", "x"], "expected KEY=VALUE");
    check(&["tail", "t", "--kafka", "group.id=x"], "`--kafka group.id` cannot be set: no group is joined");
    check(
        &["tail", "t", "--registry", "ftp://alice:hunter2@x"],
        "begin with http:// or https://, found `ftp://****@x`",
    );
    check(&["produce"], "add --event NAME or --subject SUBJECT");
    check(&["produce", "--event", "A", "--subject", "b"], "cannot be used with");
    check(&["produce", "--subject", "b", "--register"], "cannot be used with");
    check(&["produce", "t", "--input", "envelope", "--register"], "add --event NAME");
    check(&["produce", "--input", "envelope"], "eventwright produce TOPIC");
    check(&["produce", "--event", "A@x"], "expected `@v2`");
    check(&["registry"], "Usage: eventwright registry");
}

#[test]
fn help_is_no_error_and_shows_examples() {
    for (arguments, expected) in [
        (&["--help"][..], "Exit codes: 0 fine; 100"),
        (&["tail", "--help"], "eventwright tail orders --from beginning"),
        (&["produce", "--help"], "eventwright produce --event OrderCreated <"),
        (&["registry", "serve", "--help"], "--listen 127.0.0.1:0"),
    ] {
        let mut command = command();
        command.args(arguments);
        let finished = run(command, "");
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
        assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    }
}

/// Runs a command that does not wait long for what is down.
fn impatient(mut command: Command) -> Finished {
    command.env("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "1000");
    run(command, ORDER)
}

#[test]
fn a_registry_that_is_down_is_named_without_its_password() {
    for arguments in [&["tail", "t"][..], &["produce", "t", "--subject", "t-value"]] {
        let mut command = command();
        command.args(arguments).args(["--bootstrap", &bootstrap(), "--registry", "http://alice:hunter2@127.0.0.1:9"]);
        let finished = impatient(command);
        assert_eq!(finished.code, Some(101), "{finished:?}");
        assert!(finished.stderr.contains("at http://127.0.0.1:9: cannot connect"), "{}", finished.stderr);
        assert!(finished.stderr.contains("trying again for 1 s"), "{}", finished.stderr);
        assert!(!finished.stderr.contains("hunter2") && !finished.stderr.contains("alice"), "{}", finished.stderr);
    }
}

#[test]
fn a_broker_that_is_down_is_named_with_the_reason() {
    let registry = Registry::start();
    registry.produce(&[&unique("up"), "--event", "OrderCreated@v1", "--register"], "");
    for arguments in [&["tail", "t"][..], &["produce", "t", "--subject", "orders-value"]] {
        let mut command = command();
        command.args(arguments).args(["--bootstrap", "127.0.0.1:9", "--registry", &registry.url]);
        let finished = impatient(command);
        assert_eq!(finished.code, Some(101), "{finished:?}");
        assert!(finished.stderr.contains("no broker answered at `127.0.0.1:9` within 1 s"), "{}", finished.stderr);
        assert!(finished.stderr.contains("Connection refused"), "{}", finished.stderr);
        // One error of three lines, and nothing of librdkafka's own log.
        assert!(finished.stderr.lines().count() <= 3, "{}", finished.stderr);
    }
}

#[test]
fn a_registry_that_comes_up_late_is_waited_for() {
    let registry = Registry::start();
    let topic = unique("late");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], ORDER);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let late = format!("http://{address}");
    let mut tail = command();
    tail.args(["tail", &topic, "--until-end", "--bootstrap", &bootstrap(), "--registry", &late]);
    tail.env("EVENTWRIGHT_CONNECT_TIMEOUT_MS", "60000");
    let mut tail = Running::start(tail);
    tail.wait_for_stderr("trying again for 60 s");
    let _late = Registry::listen(&address);
    let finished = tail.end();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    // It is an empty registry: what it does not know is an error of the record.
    assert!(finished.stdout.contains("Schema 1 not found"), "{}", finished.stdout);
}

#[test]
fn something_that_is_no_registry_is_said_to_be_none() {
    let mut command = command();
    command.args(["tail", "t", "--bootstrap", &bootstrap(), "--registry"]).arg(format!("http://{}", bootstrap()));
    let finished = impatient(command);
    assert_eq!(finished.code, Some(101), "{finished:?}");
}

#[test]
#[cfg(unix)]
fn an_interrupted_tail_has_printed_whole_lines_and_ends_with_130() {
    let registry = Registry::start();
    let topic = unique("interrupt");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], ORDER);
    for name in ["INT", "TERM"] {
        let mut tail = Running::start(registry.command(&["tail", &topic, "--from", "beginning"]));
        assert!(tail.line().ends_with("}}"));
        signal(tail.pid(), name);
        let finished = tail.end();
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(130), ""), "{finished:?}");
        assert_eq!(finished.stderr, "");
    }
}

#[test]
#[cfg(unix)]
fn an_interrupted_produce_has_written_what_it_read_and_says_so() {
    let registry = Registry::start();
    let topic = unique("interrupt");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], "");
    let mut produce = Running::start(registry.command(&["produce", &topic, "--event", "OrderCreated@v1"]));
    // The input stays open, so that only the signal ends the command.
    let mut stdin = produce.child.as_mut().unwrap().stdin.take().unwrap();
    writeln!(stdin, "{ORDER}").unwrap();
    let tail = registry.tail_with(&topic, &["--from", "beginning", "--count", "1"]);
    assert_eq!(tail.len(), 1);
    signal(produce.pid(), "INT");
    let finished = produce.end();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(finished.stderr.contains("1 record written to"), "{}", finished.stderr);
    drop(stdin);
}

#[test]
#[cfg(target_os = "linux")]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let registry = Registry::start();
    let topic = unique("head");
    registry.produce(&[&topic, "--event", "OrderCreated@v1", "--register"], ORDER);
    let mut tail = Running::start(registry.command(&["tail", &topic, "--from", "beginning"]));
    tail.line();
    let child = tail.child.take().unwrap();
    drop(tail);
    let finished = crate::support::finish(child);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
}
