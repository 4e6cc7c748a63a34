//! What the gate says of histories: `gate/`, with the findings and then the warnings in `expected.txt` (`UPDATE_GOLDEN=1`
//! writes it anew).

use std::path::Path;

use eventwright_codegen::Codegen;

#[test]
fn the_gate_says_who_breaks_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate");
    let generated = Codegen::new().generate(folder.join("events.toml"));
    assert_eq!(generated.diagnostics, []);
    let prefix = format!("{}/", folder.display());
    let said = generated.breaks.iter().chain(&generated.warnings);
    let said: String = said.map(|one| format!("{one}\n").replace(&prefix, "")).collect();
    let path = folder.join("expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &said).expect("the folder can be written");
    }
    assert_eq!(said, std::fs::read_to_string(&path).expect("expected.txt exists"));
    // What breaks is generated all the same, so that editors stay useful.
    for event in ["changed", "breaks", "none"] {
        assert!(generated.code.contains(&format!("pub mod {event} ")), "{event}");
    }
}
