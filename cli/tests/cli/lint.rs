//! `lint` and `gen`: what they say of a manifest, and how they end.

use serde_json::Value;

use crate::check::{DEFAULT, NO_DEFAULT, Project, record};

const MANIFEST: &str = "[event.Sold]\nformat = \"avro\"\nfolder = \"sold\"\ntopic = \"sales\"\n";
const PRICE: &str = ",\n  {\"name\": \"price\", \"type\": \"double\"}";

#[test]
fn what_is_unwise_is_shown_and_only_what_is_denied_fails() {
    let project = Project::new();
    let finished = project.on_manifest(&["lint"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    for expected in [
        "warning[NAMESPACE_MISSING]: the schema has no namespace",
        "warning[DOC_MISSING]: field `Sold.sku` has no doc\n --> sold/v1.avsc:2:3",
        "1 version in 1 history: nothing that is denied, 3 warnings",
    ] {
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
    project.write("sold/v1.avsc", &record(PRICE));
    let finished = project.on_manifest(&["lint", "--format", "json"]);
    assert_eq!(finished.code, Some(100), "{}", finished.stderr);
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    let findings = json["results"][0]["findings"].as_array().unwrap();
    let denied: Vec<_> = findings.iter().filter(|one| one["severity"] == "error").map(|one| &one["rule"]).collect();
    assert_eq!(denied, ["MONEY_AS_FLOAT"]);
}

#[test]
fn the_manifest_sets_levels_for_all_and_for_one_event() {
    let project = Project::new();
    let levels = "lint = { DOC_MISSING = \"allow\" }\n[lint]\nDOC_MISSING = \"deny\"\nNAMESPACE_MISSING = \"allow\"\n";
    project.write("events.toml", &format!("{MANIFEST}{levels}"));
    let finished = project.on_manifest(&["lint"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), "1 version in 1 history: nothing to say\n"));

    project.write("events.toml", &format!("{MANIFEST}{}", levels.replace("lint = { DOC_MISSING = \"allow\" }", "")));
    assert_eq!(project.on_manifest(&["lint"]).code, Some(100));

    project.write("events.toml", &format!("{MANIFEST}[lint]\nDOCS = \"deny\"\n"));
    let finished = project.on_manifest(&["lint", "--format", "short"]);
    assert_eq!(finished.code, Some(101));
    assert!(
        finished.stdout.starts_with("events.toml:6:1: there is no lint `DOCS`; there are TYPE_NAME_CASE"),
        "{}",
        finished.stdout
    );
}

#[test]
fn the_schemas_of_this_repository_pass() {
    let mut lint = crate::support::command();
    lint.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).arg("lint");
    let finished = crate::support::run(lint, "");
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), "4 versions in 4 histories: nothing to say\n"));
}

#[test]
fn generated_code_is_written_once_and_checked() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record(DEFAULT));
    let run = |more: &[&str]| project.on_manifest(&[&["gen", "--out", "events.rs"], more].concat());
    let finished = run(&["--check"]);
    assert_eq!(finished.code, Some(100), "{}", finished.stderr);
    let finished = run(&[]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), "wrote events.rs\n"));
    let code = std::fs::read_to_string(project.path().join("events.rs")).unwrap();
    assert!(code.contains("pub struct Sold") && code.contains("pub mod v2"), "{code}");
    assert_eq!(run(&["--check"]).stderr, "events.rs is what the schemas say\n");

    project.write("sold/v2.avsc", &record(NO_DEFAULT));
    let finished = run(&[]);
    assert_eq!(finished.code, Some(100));
    assert!(finished.stderr.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{}", finished.stderr);
    assert_eq!(std::fs::read_to_string(project.path().join("events.rs")).unwrap(), code, "it is left as it was");
}
