//! Measures the gate: a manifest of 1,000 events of 5 versions each, from files to findings; one check alone; and a build script that
//! runs again although nothing has changed.
//!
//! `cargo bench -p eventwright-bench --bench compatibility -- [--tool PATH] [COUNT]`: with `--tool` the time of the process
//! `eventwright check` as well. With `--profile dev` it is what a build script costs, which cargo compiles without optimisation.
#![expect(clippy::print_stdout, reason = "what a bench is for")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eventwright_codegen::Codegen;
use eventwright_schema::compat::history::check_all;
use eventwright_schema::compat::{AnySchema, Level, Options, check_with, parse_any};
use eventwright_schema::load::load;
use eventwright_schema::lock::{Lock, VersionId};
use eventwright_schema::{Format, lock};

/// The argument with which the bench is a build script of its own.
const BUILD_SCRIPT: &str = "--build-script";

/// How many versions each event has.
const N_VERSIONS: u32 = 5;

fn main() {
    // cargo itself passes `--bench`.
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let tool = arguments.iter().position(|argument| argument == "--tool").map(|at| {
        arguments.remove(at);
        PathBuf::from(arguments.remove(at))
    });
    if let Some(manifest) = arguments.iter().skip_while(|argument| *argument != BUILD_SCRIPT).nth(1) {
        return Codegen::new().runtime_path("::eventwright_wire").compile(manifest);
    }
    let count = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(1000);
    let profile = if cfg!(debug_assertions) { "without optimisation" } else { "release" };
    println!("compatibility, {profile}");
    single_check();
    build_script();
    manifests(count);
    if let Some(tool) = tool {
        process(&tool);
    }
}

/// One candidate against one older version, with and without a break that wants a witness.
fn single_check() {
    let parse = |text: &str| parse_any(Format::Avro, "order.avsc", text, &[]).expect("the schema is one");
    let (old, new) = (parse(&schema(0, 1)), parse(&schema(0, 2)));
    let broken = parse(&schema(0, 2).replace("\"double\"", "\"string\""));
    let check = |candidate: &AnySchema, witnesses: bool| {
        let options = Options { witnesses, ..Options::default() };
        let time = fastest(200, || check_with(options, Level::Full, &[("v1".into(), &old)], ("v2".into(), candidate)));
        format!("{:.1} µs", time.as_secs_f64() * 1e6)
    };
    let (fine, found, proven) = (check(&new, false), check(&broken, false), check(&broken, true));
    println!(
        "one check, both directions: {fine}; with two findings {found}, with their witnesses {proven} (goal: < 1 ms)"
    );
}

fn manifests(count: usize) {
    let once = manifest(count, N_VERSIONS);
    let peak = peak_memory().map_or("unknown".into(), |kib| format!("{} MiB", kib / 1024));
    println!(
        "{count} events of {N_VERSIONS} versions, transitive, from files: {once:.0?} (goal: < 1 s), in {peak} (goal: < 200)"
    );
    let factor = manifest(count, 2 * N_VERSIONS).as_secs_f64() / once.as_secs_f64();
    println!("twice as many versions take {factor:.2} times as long (goal: linear)");
}

fn manifest(count: usize, n_versions: u32) -> Duration {
    let folder = tempfile::tempdir().expect("a folder for schemas");
    write_schemas(folder.path(), count, n_versions).expect("the folder can be written");
    fastest(3, || {
        let loaded = load(&folder.path().join("events.toml"));
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        assert!(check_all(&loaded).iter().all(|one| one.report.is_compatible()), "they are compatible");
    })
}

/// A build script of 200 schemas, as a process: the first time, and again when nothing has changed.
fn build_script() {
    let folder = tempfile::tempdir().expect("a folder for schemas");
    write_schemas(folder.path(), 40, N_VERSIONS).expect("the folder can be written");
    let run = || {
        let mut command = Command::new(std::env::current_exe().expect("the bench is a file"));
        command.arg(BUILD_SCRIPT).arg(folder.path().join("events.toml")).env("OUT_DIR", folder.path());
        let output = command.output().expect("the bench runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains("rerun-if-changed") && !said.contains("cargo::error"),
            "{said}"
        );
        said
    };
    let first = fastest(1, run);
    println!("build script of 200 schemas: {first:.1?}, again: {:.1?} (goal: < 50 ms)", fastest(10, run));
}

/// The whole process, from `exec` to its end, on two files.
fn process(tool: &Path) {
    let folder = tempfile::tempdir().expect("a folder for schemas");
    let files = [1, 2].map(|number| folder.path().join(format!("v{number}.avsc")));
    for (number, file) in (1..).zip(&files) {
        std::fs::write(file, schema(0, number)).expect("the folder can be written");
    }
    let run = || {
        let mut command = Command::new(tool);
        let status = command.args(["check", "--level", "BACKWARD"]).args(&files).stderr(Stdio::null()).status();
        assert!(status.expect("the tool runs").success(), "they are compatible");
    };
    println!("`eventwright check` of two files, as a process: {:.1?} (goal: < 20 ms)", fastest(20, run));
}

fn fastest<T>(times: usize, mut run: impl FnMut() -> T) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed()
    };
    (0..times).map(timed).min().expect("it ran once")
}

/// Returns the most memory that the process has had, in KiB, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Writes a manifest whose versions are all released but for the newest.
fn write_schemas(folder: &Path, count: usize, n_versions: u32) -> std::io::Result<()> {
    let mut manifest = String::new();
    for index in 0..count {
        let event = folder.join(format!("event{index}"));
        std::fs::create_dir_all(&event)?;
        for number in 1..=n_versions {
            std::fs::write(event.join(format!("v{number}.avsc")), schema(index, number))?;
        }
        write!(
            manifest,
            "[event.Event{index}]\nformat = \"avro\"\nfolder = \"event{index}\"\ntopic = \"topic{index}\"\n\n"
        )
        .expect("text grows");
    }
    let path = folder.join("events.toml");
    std::fs::write(&path, manifest)?;
    let mut released = Lock::of(&load(&path));
    (0..count).for_each(|index| released.remove(&VersionId::new(&format!("event{index}"), n_versions)));
    std::fs::write(folder.join(lock::FILE_NAME), released.text())
}

/// Each version adds a field.
fn schema(index: usize, number: u32) -> String {
    let added: String = (2..=number)
        .map(|number| {
            format!(",\n    {{\"name\": \"note{number}\", \"type\": [\"null\", \"string\"], \"default\": null}}")
        })
        .collect();
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
