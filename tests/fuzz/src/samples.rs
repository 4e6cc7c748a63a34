//! Valid inputs: events of the golden schemas, and the schemas themselves.

use std::path::{Path, PathBuf};

use eventwright_codegen_tests::random::{self, Maps};
use eventwright_codegen_tests::{Row, references};
use eventwright_schema::avro::{self, dynamic};
use eventwright_schema::proto;
use serde_json::Value;

/// How many events of a schema are samples.
const EVENTS: usize = 8;

/// Returns the schema of an Avro event.
pub(crate) fn avro_schema(row: &Row) -> avro::Schema {
    references::avro_schema(row.schema)
}

/// Returns events in the JSON form.
pub(crate) fn avro_values(schema: &avro::Schema) -> Vec<Value> {
    random::samples(&random::values(schema, Maps::Several), EVENTS)
}

/// Returns events as bytes.
pub(crate) fn avro_bytes(schema: &avro::Schema) -> Vec<Vec<u8>> {
    let encode = |value| {
        let mut bytes = Vec::new();
        dynamic::encode_json(schema, &value, &mut bytes).expect("random values fit their schema");
        bytes
    };
    avro_values(schema).into_iter().map(encode).collect()
}

/// Returns the schema of a Protobuf event.
pub(crate) fn proto_schema(row: &Row) -> proto::Schema {
    references::proto_schema(row.schema)
}

/// Returns Protobuf events in the JSON mapping.
pub(crate) fn proto_values(row: &Row) -> Vec<Value> {
    let message = proto_schema(row).message_at(row.schema.message_indexes).expect("an event is a message");
    random::samples(&random::messages(&message), 2 * EVENTS)
}

/// Returns the golden files of that ending, as text.
pub(crate) fn golden(ending: &str) -> Vec<String> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../codegen/tests/golden")];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("the golden files are there") {
            let path = entry.expect("a folder can be listed").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension().is_some_and(|found| found == ending) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| std::fs::read_to_string(path).expect("golden files are text")).collect()
}
