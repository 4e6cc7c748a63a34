//! Compiles each folder of `codegen/tests/golden` into a file of its own, for a crate that depends on `eventwright-wire`
//! and not on `eventwright`. Unlike there, all Avro events are decoded into all forms.

use std::path::{Path, PathBuf};

use eventwright_codegen::Codegen;

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

fn main() {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for case in CASES {
        let folder = Path::new("../../codegen/tests/golden").join(case);
        println!("cargo::rerun-if-changed={}", folder.display());
        let copy = out_dir.join("schemas").join(case);
        copy_folder(&folder, &copy).expect("the schemas can be copied to OUT_DIR");
        // What is migrated has the owned form only.
        if case != "migration" {
            ask_for_all_forms(&copy.join("events.toml")).expect("the manifest can be read and written");
        }
        compile(&copy, &out_dir.join(format!("{case}.rs")));
    }
    let wide = out_dir.join("schemas/wide");
    write_wide(&wide).expect("schemas can be written to OUT_DIR");
    compile(&wide, &out_dir.join("wide.rs"));
    // The same messages as prost alone has them, to be compared with.
    let dropping = out_dir.join("schemas/unknown");
    replace(&dropping.join("events.toml"), "preserve_unknown = true\n", "").expect("the manifest can be changed");
    compile(&dropping, &out_dir.join("dropping.rs"));
}

fn compile(folder: &Path, to: &Path) {
    let generated = Codegen::new().runtime_path("::eventwright_wire").generate(folder.join("events.toml"));
    for finding in generated.diagnostics.iter().chain(&generated.breaks) {
        println!("cargo::error={finding}");
    }
    std::fs::write(to, generated.code).expect("OUT_DIR can be written");
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?.path();
        let to = to.join(entry.file_name().expect("an entry of a folder has a name"));
        if entry.is_dir() {
            copy_folder(&entry, &to)?;
        } else {
            std::fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}

/// Writes two versions of a wide record that may hold itself.
fn write_wide(folder: &Path) -> std::io::Result<()> {
    const TYPES: [&str; 10] = [
        r#""string""#,
        r#""long", "default": 5"#,
        r#"["null", "string"], "default": null"#,
        r#""int""#,
        r#"["null", "Wide"], "default": null"#,
        r#""double""#,
        r#""bytes", "default": "a""#,
        r#"{"type": "array", "items": "string"}"#,
        r#"{"type": "map", "values": "long"}, "default": {}"#,
        r#""boolean""#,
    ];
    let types = TYPES.into_iter().cycle().enumerate();
    let field = |(index, ty): (usize, &str)| format!(r#"{{"name": "field_{index}", "type": {ty}}}"#);
    std::fs::create_dir_all(folder.join("wide"))?;
    for (file, n_fields) in [("v1.avsc", 92), ("v2.avsc", 100)] {
        // What version 2 adds has defaults.
        let fits = |(index, ty): &(usize, &str)| *index < 92 || ty.contains("default");
        let fields: Vec<_> = types.clone().take(n_fields).filter(fits).map(field).collect();
        let schema = format!(r#"{{"type": "record", "name": "Wide", "fields": [{}]}}"#, fields.join(", "));
        std::fs::write(folder.join("wide").join(file), schema)?;
    }
    let manifest = "[event.Wide]\nformat = \"avro\"\nfolder = \"wide\"\ntopic = \"wide\"\n\
                    decode = [\"borrowed\", \"reused\"]\n";
    std::fs::write(folder.join("events.toml"), manifest)
}

fn ask_for_all_forms(manifest: &Path) -> std::io::Result<()> {
    let text = std::fs::read_to_string(manifest)?;
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("decode = ")).collect();
    std::fs::write(manifest, lines.join("\n"))?;
    let avro = "format = \"avro\"\n";
    replace(manifest, avro, &format!("{avro}decode = [\"borrowed\", \"reused\"]\n"))
}

fn replace(path: &Path, old: &str, new: &str) -> std::io::Result<()> {
    std::fs::write(path, std::fs::read_to_string(path)?.replace(old, new))
}
