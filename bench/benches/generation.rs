//! Measures code generation: a manifest of many events, each of two versions, from files to the Rust text.
//!
//! `cargo bench -p eventwright-bench --bench generation -- [--quick] [COUNT]`, and with `--profile dev` what a build
//! script costs, which cargo compiles without optimisation. `--write FOLDER` writes the schemas, the generated code and
//! nothing else: `bench/compile.sh` compiles that.
#![expect(clippy::print_stdout, reason = "what a bench is for")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use eventwright_codegen::Codegen;

fn main() {
    // cargo itself passes `--bench`.
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = arguments.iter().position(|argument| argument == "--write").map(|at| arguments.remove(at + 1));
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    match folder {
        Some(folder) => write_all(Path::new(&folder), count.unwrap_or(200)),
        None => measure(count.unwrap_or(if is_quick { 100 } else { 1000 })),
    }
}

/// Writes the schemas and the code that is generated from them.
fn write_all(folder: &Path, count: usize) {
    write_schemas(folder, count).expect("the folder can be written");
    std::fs::write(folder.join("events.rs"), generate(folder)).expect("the folder can be written");
}

fn measure(count: usize) {
    let folder = tempfile::tempdir().expect("a folder for schemas");
    write_schemas(folder.path(), count).expect("the folder can be written");
    let times: Vec<Duration> = (0..5).map(|_| timed(|| generate(folder.path()))).collect();
    let fastest = times.iter().min().expect("it was generated");
    let bytes = generate(folder.path()).len();
    let each = fastest.as_secs_f64() * 1e3 / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let profile = if cfg!(debug_assertions) { "without optimisation" } else { "release" };
    println!("generation, {profile}: {count} schemas in {fastest:.2?}, {each:.3} ms a schema, {} KiB", bytes / 1024);
    if !cfg!(debug_assertions) {
        println!("goal: <= 0.3 ms a schema: {}", if each <= 0.3 { "met" } else { "NOT MET" });
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(run());
    start.elapsed()
}

fn generate(folder: &Path) -> String {
    let generated = Codegen::new().runtime_path("::eventwright_wire").generate(folder.join("events.toml"));
    assert!(generated.diagnostics.is_empty(), "{:?}", generated.diagnostics);
    generated.code
}

fn write_schemas(folder: &Path, count: usize) -> std::io::Result<()> {
    let mut manifest = String::new();
    for index in 0..count.div_ceil(2) {
        let event = folder.join(format!("event{index}"));
        std::fs::create_dir_all(&event)?;
        std::fs::write(event.join("v1.avsc"), schema(index, ""))?;
        std::fs::write(event.join("v2.avsc"), schema(index, ADDED))?;
        write!(
            manifest,
            "[event.Event{index}]\nformat = \"avro\"\nfolder = \"event{index}\"\ntopic = \"topic{index}\"\n\n"
        )
        .expect("text grows");
    }
    std::fs::write(folder.join("events.toml"), manifest)
}

/// What version 2 adds.
const ADDED: &str = r#",
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}"#;

fn schema(index: usize, added: &str) -> String {
    format!(
        r#"{{"type": "record", "name": "Event{index}", "namespace": "bench", "fields": [
    {{"name": "id", "type": "string"}},
    {{"name": "customer", "type": "string"}},
    {{"name": "amount", "type": "double"}},
    {{"name": "kind", "type": {{"type": "enum", "name": "Kind{index}", "symbols": ["A", "B", "C"]}}}},
    {{"name": "created_at", "type": "long"}},
    {{"name": "count", "type": "int"}},
    {{"name": "lines", "type": {{"type": "array", "items": {{"type": "record", "name": "Line{index}", "fields": [
        {{"name": "sku", "type": "string"}},
        {{"name": "quantity", "type": "int"}},
        {{"name": "price", "type": "long"}}]}}}}}},
    {{"name": "attributes", "type": {{"type": "map", "values": "string"}}}}{added}]}}
"#
    )
}
