//! `init`: what it makes builds, and its tests pass, without a broker and without a network.

use std::path::Path;
use std::process::Command;

use crate::support::{command, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_crate_builds_and_its_tests_pass() {
    let folder = tempfile::tempdir().unwrap();
    let mut init = command();
    init.current_dir(&folder).args(["init", "order-service", "--eventwright", ROOT]);
    let finished = run(init, "");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let made = folder.path().join("order-service");
    // The versions that are compiled already, and no network.
    std::fs::copy(Path::new(ROOT).join("Cargo.lock"), made.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--offline"]).current_dir(&made);
    if cfg!(feature = "tls") {
        cargo.args(["--features", "eventwright/tls"]);
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = cargo.env("CARGO_TARGET_DIR", target).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("what_version_1_wrote_is_still_read ... ok"), "{stdout}{stderr}");
    assert!(!stderr.contains("warning"), "{stderr}");

    let mut check = command();
    check.current_dir(&made).arg("check");
    assert_eq!(run(check, "").stderr, "1 version in 1 history: compatible\n");
}

#[test]
fn nothing_is_written_over_and_names_are_those_of_crates() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("a/src")).unwrap();
    std::fs::write(folder.path().join("a/src/main.rs"), "mine").unwrap();
    for (arguments, code, expected) in [
        (["a"].as_slice(), 101, "for there is already a/src/main.rs"),
        (&["1st"], 2, "`1st` is no name for a crate"),
        (&["b", "--eventwright", "a"], 2, "a is no checkout of Eventwright"),
    ] {
        let mut init = command();
        init.current_dir(&folder).arg("init").args(arguments);
        let finished = run(init, "");
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{arguments:?}: {}", finished.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only what was there");
}
