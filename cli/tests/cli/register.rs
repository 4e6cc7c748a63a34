//! `plan` and `register`: what they would change in a registry, and what they do change.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::check::Project;
use crate::support::{Finished, Registry, Running, signal};

/// A project with a shared type of two versions, a key, a prefix, an Avro event and a Protobuf event with an import.
fn project() -> Project {
    let project = Project::new();
    project.write(
        "events.toml",
        r#"
        [defaults]
        prefix = "dev."
        compatibility = "FULL"
        [type.Money]
        folder = "money"
        [type.Weight]
        format = "protobuf"
        folder = "shared/weight"
        [event.Sold]
        format = "avro"
        folder = "sold"
        topic = "sales"
        key_schema = "sale_key"
        uses.v1 = { Money = "v1" }
        uses.v2 = { Money = "v2" }
        [event.Sent]
        format = "protobuf"
        folder = "sent"
        topic = "parcels"
        compatibility = "BACKWARD"
        "#,
    );
    let record = |name: &str, fields: &str| format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#);
    project.write("money/v1.avsc", &record("Money", CENTS));
    project.write("money/v2.avsc", &record("Money", &format!("{CENTS},{ZERO}")));
    project.write("sale_key/v1.avsc", &record("SaleKey", r#"{"name":"id","type":"int"}"#));
    let sold = r#"{"name":"id","type":"int"},{"name":"price","type":"Money"}"#;
    project.write("sold/v1.avsc", &record("Sold", sold));
    project.write("sold/v2.avsc", &record("Sold", &format!("{sold},{ZERO}")));
    project.write("shared/weight/v1.proto", "syntax = \"proto3\"; package p; message Weight { int32 grams = 1; }");
    project.write(
        "sent/v1.proto",
        "syntax = \"proto3\"; package p; import \"shared/weight/v1.proto\"; message Sent { Weight weight = 1; }",
    );
    project
}

const CENTS: &str = r#"{"name":"cents","type":"long"}"#;
const ZERO: &str = r#"{"name":"zero","type":"int","default":0}"#;

fn run(project: &Project, registry: &Registry, arguments: &[&str]) -> Finished {
    project.on_manifest(&[arguments, &["--registry", &registry.url]].concat())
}

/// Returns all that a registry has, in the order of ids.
fn contents(registry: &Registry) -> Vec<String> {
    let (_, all) = registry.http("GET", "/schemas", "");
    let mut all: Vec<Value> = serde_json::from_str(&all).unwrap();
    all.sort_by_key(|one| one["id"].as_u64());
    let references = |one: &Value| {
        one["references"].as_array().map_or(String::new(), |entries| {
            entries.iter().map(|entry| format!(" <- {} {}", entry["subject"], entry["version"])).collect()
        })
    };
    all.iter().map(|one| format!("{} {} {}{}", one["id"], one["subject"], one["version"], references(one))).collect()
}

#[test]
fn a_fresh_registry_gets_the_whole_history_once() {
    let (project, registry) = (project(), Registry::start());
    let plan = run(&project, &registry, &["plan"]);
    assert_eq!(plan.code, Some(100), "{plan:?}");
    for expected in [
        "dev.Money: new subject, level BACKWARD -> FULL\n  + Money v1 (not released)\n  + Money v2 (not released)\n",
        "dev.shared/weight/v1.proto: new subject\n  + Weight v1 (not released)\n",
        "dev.sales-key: new subject, level BACKWARD -> FULL\n  + SaleKey v1 (not released)\n",
        "dev.parcels-value: new subject\n  + Sent v1 (not released)\n",
    ] {
        assert!(plan.stdout.contains(expected), "{}", plan.stdout);
    }
    assert_eq!(contents(&registry), [""; 0], "a plan writes nothing");
    assert_eq!(run(&project, &registry, &["register", "--dry-run"]).stdout, plan.stdout);
    assert_eq!(contents(&registry), [""; 0]);

    let registered = run(&project, &registry, &["register"]);
    assert_eq!(registered.code, Some(0), "{registered:?}");
    assert!(registered.stderr.contains("3 levels set, 7 versions registered\n"), "{}", registered.stderr);
    let expected = [
        r#"1 "dev.Money" 1"#,
        r#"2 "dev.Money" 2"#,
        r#"3 "dev.shared/weight/v1.proto" 1"#,
        r#"4 "dev.sales-key" 1"#,
        r#"5 "dev.sales-value" 1 <- "dev.Money" 1"#,
        r#"6 "dev.sales-value" 2 <- "dev.Money" 2"#,
        r#"7 "dev.parcels-value" 1 <- "dev.shared/weight/v1.proto" 1"#,
    ];
    assert_eq!(contents(&registry), expected);
    assert_eq!(registry.http("GET", "/config/dev.sales-value", "").1, r#"{"compatibilityLevel":"FULL"}"#);

    let again = run(&project, &registry, &["register"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), "nothing to do: 7 versions are registered\n"));
    let plan = run(&project, &registry, &["plan", "--format", "json"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!((&plan["format_version"], &plan["changes"]), (&json!(1), &json!(false)));
    assert_eq!(plan["subjects"][3]["versions"][1]["id"], json!(6));
    assert_eq!(contents(&registry), expected);
}

#[test]
fn what_the_registry_would_refuse_keeps_everything_from_being_written() {
    let (project, registry) = (Project::new(), Registry::start());
    let more =
        r#"{"type":"record","name":"Sold","fields":[{"name":"sku","type":"string"},{"name":"by","type":"int"}]}"#;
    registry.register("sales-value", &json!({"schema": more}));
    project.write("more/v1.avsc", &more.replace("Sold", "Other"));
    project.write(
        "events.toml",
        "[defaults]\ncompatibility = \"FORWARD\"\n\
         [event.Other]\nformat = \"avro\"\nfolder = \"more\"\ntopic = \"others\"\n\
         [event.Sold]\nformat = \"avro\"\nfolder = \"sold\"\ntopic = \"sales\"\n",
    );
    let before = contents(&registry);
    for command in [&["plan"][..], &["register"]] {
        let finished = run(&project, &registry, command);
        assert_eq!(finished.code, Some(100), "{finished:?}");
        for expected in [
            "error[READER_FIELD_MISSING_DEFAULT_VALUE]: field `by` was removed",
            "readers of version 1 of `sales-value` cannot read records written with v1",
            "--> sold/v1.avsc:1:28",
            "nothing is registered as long as this is so",
        ] {
            assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        }
    }
    let json = run(&project, &registry, &["register", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["results"][1]["findings"][0]["rule"], "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(contents(&registry), before);
    assert_eq!(registry.http("GET", "/config/others-value", "").0, 404, "no level is set either");
}

#[test]
fn a_manifest_that_does_not_pass_the_check_is_not_registered() {
    let (project, registry) = (Project::new(), Registry::start());
    project.write("sold/v2.avsc", r#"{"type":"record","name":"Sold","fields":[{"name":"sku","type":"int"}]}"#);
    let finished = run(&project, &registry, &["register"]);
    assert_eq!(finished.code, Some(100), "{finished:?}");
    assert!(finished.stderr.contains("error[TYPE_MISMATCH]"), "{}", finished.stderr);
    project.write("sold/v2.avsc", "{");
    assert_eq!(run(&project, &registry, &["register"]).code, Some(101));
    assert_eq!(contents(&registry), [""; 0]);
}

#[test]
fn an_older_version_does_not_become_the_latest_unless_that_is_wanted() {
    let (project, registry) = (Project::new(), Registry::start());
    let newer = r#"{"type":"record","name":"Sold","fields":[{"name":"sku","type":"string"},
        {"name":"by","type":"int","default":0}]}"#;
    project.write("sold/v2.avsc", newer);
    registry.register("sales-value", &json!({"schema": newer}));
    registry.http("PUT", "/config", r#"{"compatibility":"BACKWARD_TRANSITIVE"}"#);
    let plan = run(&project, &registry, &["plan"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    assert!(plan.stdout.contains("- Sold v1 is not registered, and stays so"), "{}", plan.stdout);
    let nothing = run(&project, &registry, &["register"]).stderr;
    assert!(nothing.contains("Sold v1 is older than what is registered, and stays out"), "{nothing}");
    assert!(nothing.ends_with("nothing to do: 1 versions are registered\n"), "{nothing}");
    let registered = run(&project, &registry, &["register", "--include-older"]);
    assert_eq!(registered.code, Some(0), "{registered:?}");
    assert_eq!(contents(&registry), [r#"1 "sales-value" 1"#, r#"2 "sales-value" 2"#]);
}

#[test]
fn what_was_done_before_a_failure_stays_and_the_next_run_goes_on() {
    let (project, registry) = (project(), Registry::start());
    registry.http("PUT", "/mode/dev.sales-value", r#"{"mode":"READONLY"}"#);
    let failed = run(&project, &registry, &["register"]);
    assert_eq!(failed.code, Some(100), "{failed:?}");
    for expected in [
        "before it failed, 3 levels set, 4 versions registered; run the command again to go on from there",
        "error: Sold v1 is refused: cannot register a schema under `dev.sales-value`",
    ] {
        assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    }
    registry.http("DELETE", "/mode/dev.sales-value", "");
    let registered = run(&project, &registry, &["register"]);
    assert_eq!(registered.code, Some(0), "{registered:?}");
    assert!(registered.stderr.contains("0 levels set, 3 versions registered\n"), "{}", registered.stderr);
}

/// The schema of version 1 of the project's event with a field more.
fn sold_with(field: &str) -> String {
    format!(r#"{{"type":"record","name":"Sold","fields":[{{"name":"sku","type":"string"}},{field}]}}"#)
}

#[test]
fn a_check_compares_with_what_the_registry_has() {
    let (project, registry) = (Project::new(), Registry::start());
    let check = |code: i32, expected: &[&str]| {
        let finished = run(&project, &registry, &["check", "--format", "short"]);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), expected.len(), "{}", finished.stdout);
        for (line, expected) in finished.stdout.lines().zip(expected) {
            assert!(line.starts_with(expected), "{line}");
        }
    };
    check(0, &[]);
    assert_eq!(run(&project, &registry, &["register"]).code, Some(0));
    check(0, &[]);
    registry.register("sales-value", &json!({"schema": sold_with(r#"{"name":"by","type":"int","default":0}"#)}));
    check(
        0,
        &["sold/v1.avsc:1:1: REGISTERED_VERSION_UNKNOWN: version 2 of `sales-value` is no version of `Sold`: its \
           records are decoded by a plan made at run time; `eventwright pull` takes it over as a file"],
    );
    // A draft that the registry would refuse at its own level, not at the manifest's.
    project.write("sold/v2.avsc", &sold_with(r#"{"name":"by","type":"string","default":""}"#));
    let refused =
        "sold/v2.avsc:1:93: TYPE_MISMATCH: field `by` is `string`, and `int` in version 2 of `sales-value`: readers";
    let unknown = "sold/v2.avsc:1:1: REGISTERED_VERSION_UNKNOWN: version 2 of `sales-value`";
    check(100, &[refused, unknown]);
    registry.http("PUT", "/config/sales-value", r#"{"compatibility":"NONE"}"#);
    check(0, &[unknown]);
    // Once it is released, it is in the place of what the registry has.
    assert_eq!(project.on_manifest(&["lock"]).code, Some(0));
    check(
        100,
        &["sold/v2.avsc:1:1: RELEASED_VERSION_DIFFERS: v2 of `Sold` is released, and version 2 of `sales-value`"],
    );
    for format in ["json", "github", "sarif", "junit"] {
        let finished = run(&project, &registry, &["check", "--format", format]);
        assert!(finished.stdout.contains("RELEASED_VERSION_DIFFERS"), "{format}: {finished:?}");
    }
    let text = run(&project, &registry, &["check"]).stderr;
    assert!(text.contains("error[RELEASED_VERSION_DIFFERS]") && text.contains("--> sold/v2.avsc"), "{text}");
}

#[test]
fn loose_files_are_not_compared_with_a_registry() {
    let finished =
        Project::new().run(&["check", "--level", "FULL", "--registry", "http://127.0.0.1:9", "sold/v1.avsc"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
}

#[test]
fn a_registry_that_does_not_answer_is_named_without_its_credentials() {
    let project = Project::new();
    let url = "http://me:hunter2@127.0.0.1:9";
    project.write("settings.yaml", "connect_timeout_ms: 1\n");
    let finished = project.on_manifest(&["plan", "--registry", url, "--config", "settings.yaml"]);
    assert_eq!(finished.code, Some(101), "{finished:?}");
    assert!(finished.stderr.contains("http://127.0.0.1:9") && !finished.stderr.contains("hunter2"), "{finished:?}");
}

#[test]
#[cfg(unix)]
fn who_waits_for_a_registry_can_be_interrupted() {
    let project = Project::new();
    for arguments in [&["plan"][..], &["register"], &["check"]] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let mut command = project.command(arguments);
        command.args(["--manifest", "events.toml", "--registry", &url]);
        let running = Running::start(command);
        let _asking = silent.accept().unwrap();
        signal(running.pid(), "INT");
        assert_eq!(running.end().code, Some(130), "{arguments:?}");
    }
}
