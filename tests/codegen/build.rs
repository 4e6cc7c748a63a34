//! Compiles each folder of `codegen/tests/golden` into a file of its own, for a crate that depends on `eventwright-wire`
//! and not on `eventwright`.

use std::path::{Path, PathBuf};

use eventwright_codegen::Codegen;

const CASES: [&str; 10] =
    ["evolution", "keys", "names", "namespaces", "protobuf", "recursion", "shared", "topic", "unions", "values"];

fn main() {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for case in CASES {
        let folder = Path::new("../../codegen/tests/golden").join(case);
        println!("cargo::rerun-if-changed={}", folder.display());
        let generated = Codegen::new().runtime_path("::eventwright_wire").generate(folder.join("events.toml"));
        for finding in &generated.diagnostics {
            println!("cargo::error={finding}");
        }
        std::fs::write(out_dir.join(format!("{case}.rs")), generated.code).expect("OUT_DIR can be written");
    }
}
