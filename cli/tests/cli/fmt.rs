//! `fmt`: what it changes, and that it is nothing but layout.

use std::fs;

use crate::check::{Project, record};
use crate::support::{command, run};

#[test]
fn files_of_the_manifest_are_laid_out_and_say_what_they_said() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record("").replace(' ', ""));
    assert_eq!(project.on_manifest(&["lock"]).code, Some(0));
    let finished = project.on_manifest(&["fmt", "--check"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(100), "sold/v1.avsc\nsold/v2.avsc\n"));
    let finished = project.on_manifest(&["fmt"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "sold/v1.avsc\nsold/v2.avsc\n"));
    let expected = "{\n  \"type\": \"record\",\n  \"name\": \"Sold\",\n  \"fields\": [\n    \
                    {\"name\": \"sku\", \"type\": \"string\"}\n  ]\n}\n";
    assert_eq!(fs::read_to_string(project.path().join("sold/v2.avsc")).unwrap(), expected);
    let finished = project.on_manifest(&["fmt", "--check"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""));
    assert_eq!(project.on_manifest(&["lock", "--check"]).code, Some(0), "a released version is still the same");
}

#[test]
fn what_is_no_json_is_shown_and_left_alone() {
    let project = Project::new();
    project.write("bad.avsc", "{\"type\": }");
    let finished = project.run(&["fmt", "bad.avsc"]);
    assert_eq!(finished.code, Some(101), "{}", finished.stderr);
    assert!(finished.stderr.contains("--> bad.avsc:1:10"), "{}", finished.stderr);
    assert_eq!(fs::read_to_string(project.path().join("bad.avsc")).unwrap(), "{\"type\": }");
    assert_eq!(project.run(&["fmt", "a.proto"]).code, Some(2));
}

#[test]
fn editors_give_a_text_and_take_one() {
    let mut fmt = command();
    fmt.args(["fmt", "-"]);
    assert_eq!(run(fmt, "[ \"null\",\"int\" ] // why").stdout, "[\n  \"null\", \"int\"\n] // why\n");
}

#[test]
fn the_schemas_of_this_repository_are_laid_out() {
    let mut fmt = command();
    fmt.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args(["fmt", "--check"]);
    let finished = run(fmt, "");
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{}", finished.stderr);
}
