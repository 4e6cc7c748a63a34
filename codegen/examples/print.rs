//! Prints what a manifest compiles to: `cargo run -p eventwright-codegen --example print -- schemas/events.toml`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

fn main() {
    let manifest = std::env::args().nth(1).expect("the path of a manifest");
    let generated = eventwright_codegen::Codegen::new().generate(manifest);
    for diagnostic in &generated.diagnostics {
        eprintln!("{diagnostic}");
    }
    println!("{}", generated.code);
}
