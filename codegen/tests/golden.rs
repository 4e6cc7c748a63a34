//! The text of generated code for small manifests, compared with files.
//!
//! Each folder of `golden/` holds a manifest with its schemas, and `expected.rs`. `UPDATE_GOLDEN=1 cargo test -p
//! eventwright-codegen --test golden` writes the files anew; read the difference before you commit it. That this code
//! compiles and does what it should is tested by `tests/codegen`, on the same schemas.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::path::{Path, PathBuf};

use eventwright_codegen::{Codegen, Generated};

const CASES: [&str; 14] = [
    "evolution",
    "forms",
    "imports",
    "keys",
    "migration",
    "names",
    "namespaces",
    "protobuf",
    "recursion",
    "shared",
    "topic",
    "unions",
    "unknown",
    "values",
];

/// Generates the code of one folder, as it would be from the package's own folder, and expects no findings.
fn generate(case: &str) -> Generated {
    let generated = Codegen::new().generate(folder(case).join("events.toml"));
    let findings: Vec<_> = generated.diagnostics.iter().chain(&generated.breaks).map(ToString::to_string).collect();
    assert_eq!(findings, [""; 0], "{case}");
    generated
}

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case)
}

fn check(case: &str) {
    let path = folder(case).join("expected.rs");
    let found = generate(case).code;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (found, expected))) =
        (1..).zip(found.lines().zip(expected.lines())).find(|(_, (found, expected))| found != expected)
    {
        panic!("{}:{number}: expected\n  {expected}\nfound\n  {found}", path.display());
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{}: one is longer", path.display());
}

#[test]
fn evolution_of_avro_records() {
    check("evolution");
}

#[test]
fn values_of_every_avro_type() {
    check("values");
}

#[test]
fn names_that_rust_keeps() {
    check("names");
}

#[test]
fn recursive_records() {
    check("recursion");
}

#[test]
fn a_topic_of_several_events() {
    check("topic");
}

#[test]
fn names_that_several_namespaces_have() {
    check("namespaces");
}

#[test]
fn unions_of_several_branches() {
    check("unions");
}

#[test]
fn protobuf_messages() {
    check("protobuf");
}

#[test]
fn types_that_several_events_share() {
    check("shared");
}

#[test]
fn protobuf_types_that_are_imported_by_one_path() {
    check("imports");
}

#[test]
fn keys_with_a_schema() {
    check("keys");
}

#[test]
fn versions_that_are_migrated_by_hand() {
    check("migration");
}

#[test]
fn forms_that_borrow_and_that_use_memory_again() {
    check("forms");
}

#[test]
fn messages_that_keep_unknown_fields() {
    check("unknown");
}

#[test]
fn every_folder_is_checked() {
    let mut cases: Vec<_> =
        std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    cases.sort();
    assert_eq!(cases, CASES);
}

#[test]
fn the_same_schemas_give_the_same_bytes() {
    for case in CASES {
        assert_eq!(generate(case).code, generate(case).code, "{case}");
    }
}

#[test]
fn generated_code_names_no_path_of_the_machine() {
    for case in ["evolution", "protobuf", "shared", "unknown"] {
        assert!(!generate(case).code.contains(env!("CARGO_MANIFEST_DIR")), "{case}");
    }
}
