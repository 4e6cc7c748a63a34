//! `check`, `lock` and `explain`: what they say of schema files, and how they end. No broker and no registry is asked.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Finished, command, run};

/// A project of one event in a folder of its own.
pub(crate) struct Project(TempDir);

impl Project {
    pub(crate) fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("events.toml", "[event.Sold]\nformat = \"avro\"\nfolder = \"sold\"\ntopic = \"sales\"\n");
        project.write("sold/v1.avsc", &record(""));
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a command in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        run(self.command(arguments), "")
    }

    /// Returns a command that runs in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.current_dir(self.path()).args(arguments);
        command
    }

    pub(crate) fn on_manifest(&self, arguments: &[&str]) -> Finished {
        self.run(&[arguments, &["--manifest", "events.toml"]].concat())
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(self.path()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

pub(crate) fn record(more: &str) -> String {
    format!(
        "{{\"type\": \"record\", \"name\": \"Sold\", \"fields\": [\n  {{\"name\": \"sku\", \"type\": \"string\"}}{more}\n]}}\n"
    )
}

pub(crate) const NO_DEFAULT: &str = ",\n  {\"name\": \"count\", \"type\": \"int\"}";
pub(crate) const DEFAULT: &str = ",\n  {\"name\": \"count\", \"type\": \"int\", \"default\": 1}";

#[test]
fn a_schema_that_breaks_a_reader_is_shown_with_its_source() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record(NO_DEFAULT));
    let finished = project.on_manifest(&["check"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(100), ""));
    for expected in [
        "error[READER_FIELD_MISSING_DEFAULT_VALUE]: field `count` was added without a default: readers of v2 cannot read",
        "--> sold/v2.avsc:3:3",
        "3 |   {\"name\": \"count\", \"type\": \"int\"}",
        "witness: {\"sku\":\"a\"} (02 61): readers of v2 fail: `count`: the writer does not write the field",
        "help: add \"default\": 0",
        "2 versions in 1 history: 1 finding in 1",
    ] {
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    assert!(!finished.stderr.contains('\x1b'), "colour is for terminals: {:?}", finished.stderr);

    project.write("sold/v2.avsc", &record(DEFAULT));
    let finished = project.on_manifest(&["check"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), "2 versions in 1 history: compatible\n"));
}

#[test]
fn what_is_true_of_several_older_versions_is_shown_once() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record(DEFAULT));
    project.write("sold/v3.avsc", &record(",\n  {\"name\": \"at\", \"type\": \"long\"}"));
    let finished = project.on_manifest(&["check"]);
    assert!(finished.stderr.contains("cannot read records written with v2; and of v1"), "{}", finished.stderr);
    assert!(finished.stderr.contains("3 versions in 1 history: 1 finding in 1"), "{}", finished.stderr);
    let finished = project.on_manifest(&["check", "--format", "short"]);
    assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
    // A change of type, which a migration mends for all of them.
    project.write("sold/v3.avsc", &record("").replace("\"string\"", "\"long\""));
    let finished = project.on_manifest(&["check"]);
    for expected in ["written with v2; and of v1", "or write how v2 becomes v3: `migrate = [\"v2\"]` in the manifest"] {
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    let manifest = "[event.Sold]\nformat = \"avro\"\nfolder = \"sold\"\ntopic = \"sales\"\nmigrate = [\"v2\"]\n";
    project.write("events.toml", manifest);
    assert_eq!(project.on_manifest(&["check"]).code, Some(0));
}

#[test]
fn each_format_says_the_same() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record(NO_DEFAULT));
    let printed = |format: &str| {
        let finished = project.on_manifest(&["check", "--format", format]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(100), ""), "{format}");
        finished.stdout
    };
    let rule = "READER_FIELD_MISSING_DEFAULT_VALUE";
    let message = "field `count` was added without a default: readers of v2 cannot read records written with v1";
    assert_eq!(printed("short"), format!("sold/v2.avsc:3:3: {rule}: {message}; add \"default\": 0\n"));
    assert_eq!(
        printed("github"),
        format!("::error file=sold/v2.avsc,line=3,col=3,title={rule}::{message}; add \"default\": 0\n")
    );
    let json: Value = serde_json::from_str(&printed("json")).unwrap();
    assert_eq!(json["format_version"], 1);
    assert_eq!(json["compatible"], false);
    let result = &json["results"][0];
    assert_eq!((&result["event"], &result["level"]), (&"Sold".into(), &"BACKWARD_TRANSITIVE".into()));
    let finding = &result["findings"][0];
    assert_eq!((&finding["rule"], &finding["direction"]), (&rule.into(), &"backward".into()));
    assert_eq!((&finding["file"], &finding["line"]), (&"sold/v2.avsc".into(), &3.into()));
    let why = "readers of v2 fail: `count`: the writer does not write the field, and the reader has no default";
    let witness = serde_json::json!({"json": {"sku": "a"}, "bytes": "0261", "why": why});
    assert_eq!(finding["witness"], witness);
    let sarif: Value = serde_json::from_str(&printed("sarif")).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], rule);
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    assert_eq!(run["results"][0]["properties"]["witness"], witness);
    let junit = printed("junit");
    assert!(junit.contains("tests=\"1\" failures=\"1\" errors=\"0\""), "{junit}");
    assert!(junit.contains(&format!("<failure type=\"{rule}\"")), "{junit}");
}

#[test]
fn loose_files_of_every_language_are_checked_at_a_level() {
    let project = Project::new();
    project.write("a.avsc", &record(""));
    project.write("b.avsc", &record(NO_DEFAULT));
    project.write("a.proto", "syntax = \"proto3\";\nmessage Sold { int32 count = 1; }\n");
    project.write("b.proto", "syntax = \"proto3\";\nmessage Sold { string count = 1; }\n");
    project.write("a.json", "{\"type\": \"object\", \"additionalProperties\": false}");
    project.write(
        "b.json",
        "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"a\"], \"properties\": {\"a\": {}}}",
    );
    let check = |level: &str, files: &[&str], code: i32, rule: &str| {
        let finished = project.run(&[&["check", "--format", "short", "--level", level], files].concat());
        assert_eq!(finished.code, Some(code), "{files:?} {finished:?}");
        assert!(finished.stdout.contains(rule), "{}", finished.stdout);
        assert_eq!(finished.stdout.is_empty(), code == 0, "{}", finished.stdout);
    };
    check("BACKWARD", &["a.avsc", "b.avsc"], 100, "b.avsc:3:3: READER_FIELD_MISSING_DEFAULT_VALUE");
    check("FORWARD", &["a.avsc", "b.avsc"], 0, "");
    check("FULL", &["a.proto", "b.proto"], 100, "b.proto:2:23: FIELD_SCALAR_KIND_CHANGED");
    check("BACKWARD", &["a.json", "b.json"], 100, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL");
    check("BACKWARD", &["a.json", "a.json"], 0, "");
    check("BACKWARD", &["a.avsc", "a.proto"], 100, "SCHEMA_TYPE_CHANGED");
}

#[test]
fn strictness_finds_what_registries_accept() {
    let project = Project::new();
    project.write("a.proto", "syntax = \"proto3\";\nmessage Sold { int64 count = 1; }\n");
    project.write("b.proto", "syntax = \"proto3\";\nmessage Sold { int32 count = 1; }\n");
    let files = ["check", "--level", "BACKWARD", "--format", "short", "a.proto", "b.proto"];
    assert_eq!(project.run(&files).code, Some(0));
    let finished = project.run(&[&files[..], &["--strict"]].concat());
    assert_eq!(finished.code, Some(100));
    assert!(finished.stdout.starts_with("b.proto:2:22: FIELD_VALUES_NARROWED: "), "{}", finished.stdout);
    // A warning is an error then.
    let decimal = |scale: u32| {
        record(&format!(
            ",\n  {{\"name\": \"price\", \"type\": {{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 9, \"scale\": {scale}}}}}"
        ))
    };
    project.write("sold/v1.avsc", &decimal(4));
    project.write("sold/v2.avsc", &decimal(2));
    assert_eq!(project.on_manifest(&["check"]).code, Some(0));
    let finished = project.on_manifest(&["check", "--strict"]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stderr.contains("error[LOGICAL_TYPE_CHANGED]"), "{}", finished.stderr);
}

#[test]
fn what_a_loose_file_refers_to_may_be_given_in_any_order() {
    let project = Project::new();
    project
        .write("money.avsc", r#"{"type": "record", "name": "Money", "fields": [{"name": "in", "type": "Currency"}]}"#);
    project.write("currency.avsc", r#"{"type": "enum", "name": "Currency", "symbols": ["EUR"]}"#);
    project.write("price.avsc", r#"{"type": "record", "name": "Price", "fields": [{"name": "is", "type": "Money"}]}"#);
    let references = ["--ref", "Money=money.avsc", "--ref", "Currency=currency.avsc"];
    let finished =
        project.run(&[&["check", "--level", "FULL"], &references[..], &["price.avsc", "price.avsc"]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn what_cannot_be_read_is_another_code_than_what_is_wrong() {
    let project = Project::new();
    let check = |text: &str, code: i32, expected: &str| {
        project.write("x.avsc", text);
        let finished = project.run(&["check", "--format", "short", "--level", "FULL", "x.avsc"]);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), expected));
    };
    check(
        "{\"type\": ",
        101,
        "x.avsc:1:10: the text is not JSON: expected value after colon in object property; write the schema as JSON\n",
    );
    let unknown = project.run(&["check", "--format", "short", "--level", "FULL", "nowhere.avsc"]);
    assert_eq!(unknown.code, Some(101));
    assert!(unknown.stdout.starts_with("nowhere.avsc:1:1: cannot read the file"), "{}", unknown.stdout);
    project.write("x.avsc", "{\"type\": \"recrod\", \"name\": \"X\", \"fields\": []}");
    let wrong = project.run(&["check", "--format", "short", "--level", "FULL", "x.avsc"]);
    assert_eq!(wrong.code, Some(100), "{wrong:?}");
    assert!(wrong.stdout.starts_with("x.avsc:1:10: "), "{}", wrong.stdout);
    let missing = project.run(&["check", "--manifest", "nowhere.toml", "--format", "short"]);
    assert_eq!(missing.code, Some(101), "{missing:?}");
}

#[test]
fn a_released_version_may_not_change() {
    let project = Project::new();
    let finished = project.on_manifest(&["lock", "--check"]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stderr.starts_with("not released yet: sold/v1;"), "{}", finished.stderr);
    let finished = project.on_manifest(&["lock"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), "released sold/v1 in schemas.lock\n"));
    let lock = fs::read_to_string(project.0.path().join("schemas.lock")).unwrap();
    assert!(lock.lines().last().is_some_and(|line| line.starts_with("avro ") && line.ends_with(" sold/v1")), "{lock}");
    assert_eq!(project.on_manifest(&["lock", "--check"]).code, Some(0));

    // Layout is free, content is not.
    project.write("sold/v1.avsc", &record("").replace('\n', "\n\n"));
    assert_eq!(project.on_manifest(&["check"]).code, Some(0));
    project.write("sold/v1.avsc", &record(DEFAULT));
    let finished = project.on_manifest(&["check", "--format", "short"]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stdout.starts_with("sold/v1.avsc:1:1: RELEASED_VERSION_CHANGED: "), "{}", finished.stdout);
    let finished = project.on_manifest(&["lock"]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stderr.ends_with("nothing was released\n"), "{}", finished.stderr);
    assert_eq!(fs::read_to_string(project.0.path().join("schemas.lock")).unwrap(), lock);
}

#[test]
fn what_another_commit_has_is_compared_with_as_well() {
    let project = Project::new();
    project.git(&["init", "-q", "-b", "trunk"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-q", "-m", "first"]);
    assert_eq!(project.on_manifest(&["check", "--against", "git:trunk"]).code, Some(0));
    // Version 1 itself was edited, so that only the commit knows what readers there expect.
    project.write("sold/v1.avsc", &record(NO_DEFAULT));
    assert_eq!(project.on_manifest(&["check"]).code, Some(0));
    let finished = project.on_manifest(&["check", "--against", "git:trunk", "--format", "short"]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stdout.contains("cannot read records written with v1 of trunk"), "{}", finished.stdout);
    let finished = project.on_manifest(&["check", "--against", "git:nowhere"]);
    assert_eq!(finished.code, Some(101));
    assert!(finished.stderr.contains("git ls-tree"), "{}", finished.stderr);
}

/// Each version of an imported file is a subject of its own: a newer one may be quite another.
#[test]
fn imported_files_have_nothing_to_keep_against_a_commit_either() {
    let project = Project::new();
    project.write(
        "events.toml",
        "[type.Money]\nformat = \"protobuf\"\nfolder = \"money\"\n\
         [event.Sold]\nformat = \"protobuf\"\nfolder = \"sold\"\ntopic = \"sales\"\n",
    );
    project.write("money/v1.proto", "syntax = \"proto3\";\npackage money.v1;\nmessage Money { int64 cents = 1; }\n");
    let sold = "syntax = \"proto3\";\nimport \"money/v1.proto\";\nmessage Sold { money.v1.Money price = 1; }\n";
    project.write("sold/v1.proto", sold);
    project.git(&["init", "-q", "-b", "trunk"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-q", "-m", "first"]);
    let other = "syntax = \"proto3\";\npackage money.v2;\nmessage Money { string amount = 1; }\n";
    project.write("money/v2.proto", other);
    for arguments in [&["check"][..], &["check", "--against", "git:trunk"]] {
        let finished = project.on_manifest(arguments);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}

#[test]
fn rules_are_explained_and_their_names_forgiven() {
    let project = Project::new();
    let finished = project.run(&["explain", "type_mismatch"]);
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.starts_with("# TYPE_MISMATCH\n"), "{}", finished.stdout);
    let all = project.run(&["explain"]).stdout;
    assert!(all.lines().any(|line| line.starts_with("PACKAGE_CHANGED: ")), "{all}");
    let finished = project.run(&["explain", "mismatch"]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("did you mean NAME_MISMATCH"), "{}", finished.stderr);
}

#[test]
fn our_own_schemas_pass() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/events.toml");
    let mut command = command();
    command.args(["check", "--manifest"]).arg(manifest);
    let finished = run(command, "");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}
