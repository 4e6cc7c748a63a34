//! Makes an event of each pair, whose first version is the writer's schema and whose second the reader's, and compiles them.
//!
//! In: the pairs of `tests/codegen`, those that are written by hand and some of the random ones. Out: `events.rs`, and
//! `cases.rs`, which says what became of each pair.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use eventwright_codegen::{Codegen, Generated};
use serde_json::Value;

#[path = "../codegen/src/pairs.rs"]
#[expect(unreachable_pub, reason = "it is public where it is a module of tests/codegen")]
mod pairs;

/// How many: with those that are written by hand they take about a minute to compile.
const RANDOM_PAIRS: usize = 350;

const WRITTEN_PAIRS: &str = "../codegen/java/pairs.jsonl";

/// How many lines [`table`] has.
const TABLE_LINES: usize = 5;

struct Pair {
    rule: String,
    writer: Value,
    reader: Value,
    /// Whether we may read what Java does not.
    is_lenient: bool,
}

fn main() {
    for path in [WRITTEN_PAIRS, "../codegen/src/pairs.rs", "build.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let pairs: Vec<_> = written_pairs().into_iter().chain(random_pairs()).collect();
    let folder = out_dir.join("schemas");
    let mut manifest = String::new();
    for (index, pair) in pairs.iter().enumerate() {
        manifest += &table(index);
        write_schemas(&folder.join(format!("pair{index}")), pair);
    }
    fs::write(folder.join("events.toml"), manifest).expect("OUT_DIR can be written");
    let generated = Codegen::new().runtime_path("::eventwright_wire").generate(folder.join("events.toml"));
    let cases = cases(&pairs, &generated);
    fs::write(out_dir.join("events.rs"), generated.code).expect("OUT_DIR can be written");
    fs::write(out_dir.join("cases.rs"), cases).expect("OUT_DIR can be written");
}

fn written_pairs() -> Vec<Pair> {
    let text = fs::read_to_string(WRITTEN_PAIRS).expect("the pairs are there");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let pair = |row: Value| Pair {
        rule: value(&row, "rule").as_str().expect("a rule is text").to_owned(),
        writer: value(&row, "writer"),
        reader: value(&row, "reader"),
        is_lenient: row.get("lenient").is_some_and(|lenient| lenient == true),
    };
    rows.map(pair).collect()
}

fn value(row: &Value, key: &str) -> Value {
    row.get(key).expect("a pair has a rule and two schemas").clone()
}

fn random_pairs() -> impl Iterator<Item = Pair> {
    let pair = |(index, (writer, reader))| Pair { rule: format!("pair {index}"), writer, reader, is_lenient: false };
    pairs::pairs(RANDOM_PAIRS).into_iter().enumerate().map(pair)
}

fn table(index: usize) -> String {
    format!(
        "[event.Pair{index}]\nformat = \"avro\"\nfolder = \"pair{index}\"\ntopic = \"pair{index}\"\ncompatibility = \"NONE\"\n"
    )
}

fn write_schemas(folder: &Path, pair: &Pair) {
    fs::create_dir_all(folder).expect("OUT_DIR can be written");
    for (name, schema) in [("v1.avsc", &pair.writer), ("v2.avsc", &pair.reader)] {
        fs::write(folder.join(name), schema.to_string()).expect("OUT_DIR can be written");
    }
}

/// Returns the list of cases as Rust.
fn cases(pairs: &[Pair], generated: &Generated) -> String {
    let findings = findings(generated);
    let mut cases = String::from("[\n");
    for (index, pair) in pairs.iter().enumerate() {
        let Pair { rule, writer, reader, is_lenient } = pair;
        let outcome = match findings.get(&index) {
            Some(finding) => format!("Err({finding:?})"),
            None => format!("Ok(codec::<events::pair{index}::v1::{}, events::Pair{index}>())", root(generated, index)),
        };
        let (writer, reader) = (writer.to_string(), reader.to_string());
        let texts = format!("rule: {rule:?}, writer: {writer:?}, reader: {reader:?}");
        writeln!(cases, "Case {{ {texts}, is_lenient: {is_lenient}, generated: {outcome} }},")
            .expect("text is written");
    }
    cases + "]\n"
}

/// Returns the first finding on each pair that has one.
fn findings(generated: &Generated) -> BTreeMap<usize, String> {
    let mut findings = BTreeMap::new();
    for one in generated.diagnostics.iter().rev() {
        let folder = one.source.rsplit('/').nth(1).unwrap_or_default();
        let of_table = (one.position.line - 1) / TABLE_LINES;
        let index = folder.strip_prefix("pair").map_or(of_table, |index| index.parse().expect("folders are numbered"));
        findings.insert(index, one.message.clone());
    }
    findings
}

/// Returns the name that the root of the writer's schema has in Rust.
fn root(generated: &Generated, index: usize) -> &str {
    let code =
        generated.code.split_once(&format!("pub mod pair{index} {{")).expect("a pair without findings is there").1;
    let implementation = code.split_once("::Event for ").expect("a version is an event").1;
    implementation.split(' ').next().expect("it has a name")
}
