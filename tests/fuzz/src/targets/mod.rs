//! What is fuzzed, a file for each kind of input.

mod avro;
mod frame;
mod json;
mod json_schema;
mod manifest;
mod protobuf;
mod schema;

use crate::Target;

/// All targets.
pub const ALL: &[Target] = &[
    Target { name: "avro_known_writer", inputs: 1500, prepare: avro::known_writer },
    Target { name: "avro_plan", inputs: 1500, prepare: avro::plan },
    Target { name: "avro_dynamic", inputs: 1500, prepare: avro::dynamic },
    Target { name: "avro_schema", inputs: 1000, prepare: schema::avro },
    Target { name: "avro_resolve", inputs: 1000, prepare: schema::resolve },
    Target { name: "protobuf", inputs: 1500, prepare: protobuf::generated },
    Target { name: "protobuf_dynamic", inputs: 1000, prepare: protobuf::dynamic },
    Target { name: "protobuf_schema", inputs: 200, prepare: schema::protobuf_text },
    Target { name: "protobuf_descriptor", inputs: 200, prepare: schema::protobuf_descriptor },
    Target { name: "json_form", inputs: 1500, prepare: json::form },
    Target { name: "json_schema", inputs: 1000, prepare: json_schema::any },
    Target { name: "frame", inputs: 2000, prepare: frame::any },
    Target { name: "key", inputs: 1000, prepare: frame::key },
    Target { name: "manifest", inputs: 500, prepare: manifest::any },
];
