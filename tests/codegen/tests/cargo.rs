//! What cargo does with a crate that is not ours: `tests/outside`, copied out of the workspace and built there.
//!
//! The dependencies are compiled into the target folder of this test run, so that they are compiled once. Every test
//! starts from the same copy, and one at a time: they would wait for cargo's lock anyway.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::Value;

const MANIFEST: &str = "schemas/events.toml";
const V2: &str = "schemas/parcel_sent/v2.avsc";

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The copied crate.
struct Project {
    folder: PathBuf,
    _lock: MutexGuard<'static, ()>,
}

impl Project {
    /// Returns the crate as it is in `tests/outside`. Files that are right already keep their times, so that cargo sees
    /// no change in them.
    fn fresh() -> Self {
        let lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        // The same folder at every run, so that what cargo keeps for it is used again.
        let name = root.display().to_string().replace(['/', '\\', ':'], "-");
        let folder = std::env::temp_dir().join(format!("eventwright-outside{name}"));
        let project = Self { folder, _lock: lock };
        let mut wanted = BTreeSet::new();
        copy(&root.join("tests/outside"), Path::new(""), &mut |path, text| {
            project.write(path, &text.replace("\"../../", &format!("\"{}/", root.display())));
            wanted.insert(path.to_owned());
        });
        project.write("Cargo.lock", &fs::read_to_string(root.join("Cargo.lock")).unwrap());
        let mut found = Vec::new();
        copy(&project.folder.join("schemas"), Path::new("schemas"), &mut |path, _| found.push(path.to_owned()));
        for path in found.iter().filter(|path| !wanted.contains(*path)) {
            fs::remove_file(project.folder.join(path)).unwrap();
        }
        project
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap()
    }

    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replacen(from, to, 1));
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).arg("--offline").current_dir(&self.folder);
        if cfg!(feature = "tls") {
            cargo.args(["--features", "tls"]);
        }
        cargo.env("CARGO_TARGET_DIR", target).env("RUST_BACKTRACE", "1").env("CARGO_TERM_COLOR", "never");
        // What cargo sets for tests is not what a user's shell has.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_")) {
            cargo.env_remove(name);
        }
        cargo.output().unwrap()
    }

    /// Builds and returns the names of the packages that were compiled, or whose build script ran.
    fn build(&self) -> BTreeSet<String> {
        let output = self.cargo(&["build", "--message-format=json-render-diagnostics"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let compiled = messages.filter(|message| message["fresh"] == false);
        compiled.map(|message| message.pointer("/target/name").unwrap().as_str().unwrap().to_owned()).collect()
    }

    /// Runs the crate and returns what it prints.
    fn run(&self) -> String {
        let output = self.cargo(&["run"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Builds, which must fail, and returns what cargo says.
    fn errors(&self) -> String {
        let output = self.cargo(&["build", "--quiet"]);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// The build must fail with these lines of ours and nothing else.
    fn check_errors(&self, expected: &[&str]) {
        let ours =
            expected.iter().map(|line| format!("error: eventwright-outside@0.0.0: {line}\n")).collect::<String>();
        assert_eq!(self.errors(), ours + "error: build script logged errors\n");
    }
}

/// Calls `file` with the path and the text of each file of a folder.
fn copy(folder: &Path, path: &Path, file: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = path.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&entry.path(), &path, file),
            false => file(&path, &fs::read_to_string(entry.path()).unwrap()),
        }
    }
}

#[test]
fn a_crate_outside_of_the_workspace_compiles_and_works() {
    let project = Project::fresh();
    let expected = "ParcelSent v1 outside.ParcelSent\nParcelSent v2 outside.ParcelSent\n\
                    ParcelLost v1 outside.ParcelLost\nLabelPrinted v1 labels-value\n";
    assert_eq!(project.run(), expected);
}

#[test]
fn only_what_an_edit_concerns_is_compiled_again() {
    let project = Project::fresh();
    let own = BTreeSet::from(["build-script-build".to_owned(), "eventwright-outside".to_owned()]);
    project.build();
    assert_eq!(project.build(), BTreeSet::new(), "nothing was edited");

    fs::File::options().append(true).open(project.folder.join(V2)).unwrap().set_modified(SystemTime::now()).unwrap();
    let compiled = project.build();
    assert!(compiled.contains("eventwright-outside") && compiled.is_subset(&own), "touched: {compiled:?}");
    assert_eq!(project.build(), BTreeSet::new(), "nothing was edited after the touch");

    let v3 = project.read(V2).replace("\"express\"", "\"priority\"");
    project.write("schemas/parcel_sent/v3.avsc", &v3);
    let lib = "src/main.rs";
    project.replace(lib, "    versions_read_each_other();\n    the_topic", "    the_topic");
    project.replace(lib, "fn versions_read_each_other", "#[expect(dead_code)] fn versions_read_each_other");
    project.replace(lib, "assert!(!new.express);", "assert!(!new.priority);");
    project.replace(lib, "ParcelSent { express: true, ..new }", "ParcelSent { priority: true, ..new }");
    assert!(project.run().contains("ParcelSent v3 outside.ParcelSent\n"), "v3 was added");
}

#[test]
fn a_broken_schema_is_one_line_and_the_other_events_are_still_written() {
    let project = Project::fresh();
    project.replace(V2, "\"boolean\"", "\"bool\"");
    project.check_errors(&[
        "schemas/parcel_sent/v2.avsc:6:33: the type `outside.bool` is not defined; define the type \
                            before its first use, or name its file as a reference: in a manifest, as \
                            the folder of a [type.NAME]",
    ]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("debug/build");
    let written = fs::read_dir(target).unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let ours = entry.file_name().to_string_lossy().starts_with("eventwright-outside-");
        let path = entry.path().join("out/eventwright_events.rs");
        (ours && path.exists()).then(|| (fs::metadata(&path).unwrap().modified().unwrap(), path))
    });
    let (_, newest) = written.max().unwrap();
    let code = fs::read_to_string(newest).unwrap();
    assert!(code.contains("pub struct ParcelLost") && code.contains("pub struct LabelPrinted"));
    assert!(!code.contains("pub struct ParcelSent"));
    assert!(project.errors().contains("v2.avsc:6:33"), "the error stays until it is mended");
    project.replace(V2, "\"bool\"", "\"boolean\"");
    project.build();
}

#[test]
fn a_version_that_is_migrated_asks_for_its_function_in_plain_words() {
    let project = Project::fresh();
    project.replace(MANIFEST, "readers = [\"v1\"]", "migrate = [\"v1\"]");
    let errors = project.errors();
    let expected = "v1::ParcelSent` is migrated by hand, and nobody has written how it becomes `v2::ParcelSent`";
    assert!(errors.contains(expected), "{errors}");
    assert!(errors.contains("write `impl eventwright::Migrate<"), "{errors}");
}

#[test]
fn every_finding_is_a_line() {
    let project = Project::fresh();
    project.replace(V2, "\"type\": \"boolean\"", "\"type\": \"boolean\", \"default\": 5, \"doc\": \"x\"");
    project.replace(V2, ", \"default\": false", "");
    project.replace("schemas/label_printed/v1.proto", "int64 printer = 2", "int64 printer = 1");
    project.replace("schemas/parcel_lost/v1.avsc", "\"long\", \"logicalType\"", "\"lang\", \"logicalType\"");
    let errors = project.errors();
    for place in ["parcel_sent/v2.avsc:6:5: ", "parcel_lost/v1.avsc:5:37: ", "label_printed/v1.proto:7:19: "] {
        assert_eq!(errors.matches(place).count(), 1, "{place} in {errors}");
    }
    assert_eq!(errors.lines().count(), 4, "{errors}");
}

#[test]
fn what_is_wrong_with_the_manifest_is_one_line() {
    let project = Project::fresh();
    let good = project.read(MANIFEST);
    let check = |manifest: &str, expected: &str| {
        project.write(MANIFEST, manifest);
        project.check_errors(&[expected]);
    };
    let empty = "schemas/events.toml:1:1: the manifest defines no event; add [event.OrderCreated] with format, folder \
                 and topic";
    check("", empty);
    let typo = "schemas/events.toml:6:1: unknown field `kye`, expected one of `format`, `folder`, `topic`, `subject`, \
                `compatibility`, `strict`, `key`, `key_schema`, `id`, `readers`, `retired`, `uses`, `migrate`, `preserve_unknown`, `decode`, `lint`; see ARCHITECTURE.md, \"The manifest\"";
    check(&good.replacen("\nkey", "\nkye", 1), typo);
    let key = "schemas/events.toml:6:7: the field `colour` of `ParcelSent` v2 does not exist; name a field of the \
               event's record";
    check(&good.replacen("\"parcel_id\"", "\"colour\"", 1), key);
    let reader = "schemas/events.toml:1:8: `ParcelSent` has no version v9; the newest is v2";
    check(&good.replacen("[\"v1\"]", "[\"v9\"]", 1), reader);

    project.write(MANIFEST, &good.replacen("[event.ParcelLost]", "[event.ParcelSent]", 1));
    let errors = project.errors();
    assert!(errors.contains("schemas/events.toml:9:8: "), "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");

    fs::remove_file(project.folder.join(MANIFEST)).unwrap();
    let errors = project.errors();
    assert!(errors.contains(" schemas/events.toml:1:1: cannot read the file: "), "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

#[test]
fn schemas_that_are_missing_are_one_line_each() {
    let project = Project::fresh();
    fs::remove_file(project.folder.join("schemas/parcel_lost/v1.avsc")).unwrap();
    project.check_errors(&["schemas/events.toml:9:8: no version of `ParcelLost` is in schemas/parcel_lost; put the \
                            schema of `ParcelLost` into schemas/parcel_lost/v1.avsc"]);
    fs::remove_dir(project.folder.join("schemas/parcel_lost")).unwrap();
    let errors = project.errors();
    assert!(errors.contains("schemas/events.toml:9:8: cannot read the folder schemas/parcel_lost: "), "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");

    let project = {
        drop(project);
        Project::fresh()
    };
    fs::rename(project.folder.join("schemas/parcel_sent/v1.avsc"), project.folder.join("schemas/parcel_sent/v4.avsc"))
        .unwrap();
    project.check_errors(&["schemas/parcel_sent/v2.avsc:1:1: v1 is missing before it; number the versions of \
                            `ParcelSent` from v1 without a gap"]);
}
