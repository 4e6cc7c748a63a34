//! `diff`, `completions` and `man`.

use serde_json::Value;

use crate::check::{DEFAULT, NO_DEFAULT, Project, record};

#[test]
fn what_the_newest_version_changes_is_printed_with_who_is_hurt() {
    let project = Project::new();
    project.write("sold/v2.avsc", &record(NO_DEFAULT));
    let finished = project.on_manifest(&["diff"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(100), ""));
    let expected = "\
Sold: v1 -> v2
  + added field Sold.count: int  (sold/v2.avsc:3:3)
  hurt: consumers of v2 that get records of producers of v1, which BACKWARD_TRANSITIVE promises
    READER_FIELD_MISSING_DEFAULT_VALUE: field `count` was added without a default: readers of v2 cannot read records written with v1
";
    assert_eq!(finished.stdout, expected);
    let finished = project.on_manifest(&["diff", "Sold@v2", "Sold@v1", "--format", "json"]);
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    let one = &json["diffs"][0];
    assert_eq!((&json["equal"], &one["old"], &one["new"]), (&false.into(), &"v2".into(), &"v1".into()));
    assert_eq!((&one["changes"][0]["kind"], &one["changes"][0]["line"]), (&"removed".into(), &3.into()));
    // What is gone has no default for older readers; nobody promised them anything.
    assert_eq!((&one["hurt"][0]["consumers"], &one["hurt"][0]["promised"]), (&"v2".into(), &false.into()));
}

#[test]
fn loose_files_are_compared_and_equal_ones_end_with_0() {
    let project = Project::new();
    project.write("a.avsc", &record(DEFAULT));
    project.write("b.avsc", &record(DEFAULT).replace(' ', "  "));
    let finished = project.run(&["diff", "a.avsc", "b.avsc"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert_eq!(finished.stdout, "a.avsc -> b.avsc\n  no difference but layout and comments\n");
    let finished = project.run(&["diff", "a.avsc", "none.avsc"]);
    assert_eq!(finished.code, Some(101), "{}", finished.stderr);
    assert!(finished.stderr.contains("none.avsc"), "{}", finished.stderr);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let project = Project::new();
    for (arguments, expected) in [
        (["diff", "Sold"].as_slice(), "`Sold` has no version older than v1 to compare with"),
        (&["diff", "Gone"], "the manifest has no `Gone`\n  help: it has Sold"),
        (&["diff", "Sold@v3"], "`Sold` has no v3\n  help: it has v1"),
        (&["diff", "a.avsc"], "a file is compared with a file"),
        (&["diff", "Sold@3"], "expected a file (.avsc, .proto, .json), or a name such as OrderCreated"),
    ] {
        let finished = project.on_manifest(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{arguments:?}: {}", finished.stderr);
    }
}

#[test]
fn shells_and_man_learn_the_command_line_from_it() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let finished = project.run(&["completions", shell]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(finished.stdout.contains("until-end"), "{shell}");
    }
    assert!(project.run(&["man"]).stdout.contains("eventwright\\-check(1)"));
    let finished = project.run(&["man", "--out", "pages"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let page = std::fs::read_to_string(project.path().join("pages/eventwright-diff.1")).unwrap();
    assert!(page.contains("eventwright diff OrderCreated@v1 OrderCreated@v3"), "{page}");
}
