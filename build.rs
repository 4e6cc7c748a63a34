//! Compiles the schemas into typed events.

fn main() {
    eventwright_codegen::compile("schemas/events.toml");
}
