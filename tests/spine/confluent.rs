//! Confluent's Python client writes what we read, and reads what we write, however either side finds its schemas.
//!
//! The client is `tests/python/peer.py`, which does the steps of a job. The same value stands here twice: as our type,
//! in `world`, and as Python has it, where `{"$decimal": "1.50"}` is a `Decimal` and not a text.

mod avro;
mod protobuf;
mod versions;

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::world::{World, variable};

/// Has Python do the steps, and returns what it read in each.
pub(crate) async fn peer(world: &World, steps: &[Value]) -> Vec<Vec<Value>> {
    let job = json!({"bootstrap": world.settings.bootstrap, "registry": world.settings.registry.url, "steps": steps});
    let mut python = Command::new(variable("EVENTWRIGHT_TEST_PYTHON"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/peer.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(job.to_string().as_bytes()).await.unwrap();
    let output = python.wait_with_output().await.unwrap();
    assert!(output.status.success(), "peer.py: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the step that writes values, all with one key.
pub(crate) fn write_step(world: &World, topic: &str, codec: Value, values: &[Value]) -> Value {
    let records: Vec<_> = values.iter().map(|value| json!({"key": "key", "value": value})).collect();
    json!({"do": "write", "topic": format!("{}{topic}", world.prefix), "codec": codec, "records": records})
}

/// Returns the step that reads so many records.
pub(crate) fn read_step(world: &World, topic: &str, codec: Value, count: usize) -> Value {
    json!({"do": "read", "topic": format!("{}{topic}", world.prefix), "codec": codec, "count": count})
}

/// Returns the subject's versions.
async fn versions(world: &World, subject: &str) -> Vec<u32> {
    world.client.versions(&format!("{}{subject}", world.prefix)).await.unwrap()
}

/// Returns an object with the fields of another put in.
fn with(mut object: Value, fields: Value) -> Value {
    let (Some(object_fields), Value::Object(fields)) = (object.as_object_mut(), fields) else { panic!("two objects") };
    object_fields.extend(fields);
    object
}
