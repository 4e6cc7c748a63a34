//! The fingerprints in the hand-written events are those of their schemas.

use eventwright::wire::EventSchema;
use eventwright_schema::{Fingerprint, avro, proto};

use crate::support::events::{ORDER_V1_SCHEMA, ORDER_V2_SCHEMA, PAID_V1_SCHEMA, PAID_V2_SCHEMA, SHIPPED_SCHEMA};

#[test]
fn they_are_those_of_the_schemas() {
    let avro = [&ORDER_V1_SCHEMA, &ORDER_V2_SCHEMA, &SHIPPED_SCHEMA];
    let avro = avro.map(|schema| (schema, avro::parse(schema.event, schema.text).unwrap().fingerprint()));
    let proto = [&PAID_V1_SCHEMA, &PAID_V2_SCHEMA];
    let proto = proto.map(|schema| (schema, proto::parse(schema.event, schema.text, &[]).unwrap().fingerprint()));
    let texts = avro.iter().chain(&proto).map(|(schema, print)| {
        let name = format!("{}_V{}", schema.event.to_uppercase(), schema.version);
        format!("pub(super) const {name}_PRINTS: ([u8; 32], u64) = ({:?}, {});", print.sha256, print.crc64)
    });
    let expected: Vec<_> = texts.collect();
    // What to write into `support/fingerprints.rs` when a schema is edited.
    let same = |(schema, print): &(&EventSchema, Fingerprint)| {
        (schema.sha256, schema.fingerprint) == (print.sha256, print.crc64)
    };
    assert!(avro.iter().chain(&proto).all(same), "expected\n{}", expected.join("\n"));
}
