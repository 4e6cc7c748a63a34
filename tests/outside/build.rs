fn main() {
    eventwright_codegen::compile("schemas/events.toml");
}
