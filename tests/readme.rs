//! The Rust text of README.md is what is compiled and run as an example, so that it cannot rot.

use std::path::Path;

/// Returns the indented lines without their indentation, so that a part of a program can be compared.
fn flush_left(text: &str) -> String {
    text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rust_block_is_part_of_an_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| flush_left(&std::fs::read_to_string(root.join(path)).unwrap());
    let compiled = [
        read("build.rs"),
        read("examples/quickstart.rs"),
        read("examples/several_events.rs"),
        read("tests/harness/tested.rs"),
        read("src/bin/mend_orders.rs"),
    ];
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```rust\n").skip(1).filter_map(|rest| rest.split_once("```")).collect();
    assert_eq!(blocks.len(), compiled.len(), "a block or an example is new");
    for (block, _) in blocks {
        let block = flush_left(block.trim_end());
        assert!(compiled.iter().any(|example| example.contains(&block)), "in no example:\n{block}");
    }
}
