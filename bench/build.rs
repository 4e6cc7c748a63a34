//! Compiles the schemas of the bench: the Avro ones by Eventwright, the Protobuf one by prost-build and by buffa-build.

use std::path::{Path, PathBuf};

use eventwright_codegen::Codegen;
use prost::Message;

fn main() {
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    Codegen::new().runtime_path("::eventwright_wire").compile("schemas/events.toml");
    println!("cargo::rerun-if-changed=schemas/orders.proto");
    protobuf(&out_dir);
}

fn protobuf(out_dir: &Path) {
    let files = protox::compile(["orders.proto"], ["schemas"]).expect("the schema of the bench compiles");
    prost_build::Config::new().btree_map(["."]).compile_fds(files.clone()).expect("prost generates the schema");
    let descriptors = out_dir.join("orders.descriptors");
    std::fs::write(&descriptors, files.encode_to_vec()).expect("OUT_DIR can be written");
    let folder = out_dir.join("buffa");
    std::fs::create_dir_all(&folder).expect("OUT_DIR can be written");
    buffa_build::Config::new()
        .descriptor_set(&descriptors)
        .files(&["orders.proto"])
        .out_dir(&folder)
        .include_file("mod.rs")
        .generate_views(true)
        .compile()
        .expect("buffa generates the schema");
}
