//! What is said of manifests and schemas that parse, and for which no code can be generated: `refused/`, with the
//! findings in `expected.txt` (`UPDATE_GOLDEN=1` writes it anew). That the other events are generated all the same is
//! tested by `tests/codegen/tests/cargo.rs`.

use std::path::Path;

use eventwright_codegen::Codegen;

#[test]
fn every_finding_names_its_place_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let generated = Codegen::new().generate(folder.join("events.toml"));
    let prefix = format!("{}/", folder.display());
    let findings: String = generated
        .diagnostics
        .iter()
        .chain(&generated.breaks)
        .map(|one| format!("{one}\n").replace(&prefix, ""))
        .collect();
    let path = folder.join("expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &findings).expect("the folder can be written");
    }
    assert_eq!(findings, std::fs::read_to_string(&path).expect("expected.txt exists"));
}
