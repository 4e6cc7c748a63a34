//! Uses generated events as a user does, without Kafka, and prints the schemas that were compiled in.
#![deny(warnings)]

mod events {
    eventwright::include_events!();
}

use eventwright::wire::{EventDecoder, TopicEvents};
use eventwright::{Event, RawRecord};
use events::{LabelPrinted, ParcelSent, ParcelsTopic, parcel_sent};

fn main() {
    versions_read_each_other();
    the_topic_enum_decodes_its_events();
    protobuf_is_encoded_and_has_json();
    for schema in events::SCHEMAS {
        println!("{} v{} {}", schema.event, schema.version, schema.subject);
    }
}

fn bytes(event: &impl Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes).unwrap();
    bytes
}

fn versions_read_each_other() {
    let postage = eventwright::wire::rust_decimal::Decimal::new(499, 2);
    let old = parcel_sent::v1::ParcelSent { parcel_id: "p1".into(), postage };
    let new = ParcelSent::decode(0, &bytes(&old)).unwrap();
    assert_eq!(new, ParcelSent::new("p1".into(), postage));
    assert!(!new.express);
    assert_eq!(new.key().as_deref(), Some("p1"));
    assert_eq!(ParcelSent::TOPIC, "parcels");
    let express = ParcelSent { express: true, ..new };
    assert_eq!(parcel_sent::v1::ParcelSent::decode(1, &bytes(&express)).unwrap(), old);
    let json = r#"{"parcel_id":"p1","postage":"4.99","express":true}"#;
    assert_eq!(serde_json::to_string(&express).unwrap(), json);
}

fn the_topic_enum_decodes_its_events() {
    let lost = events::ParcelLost { parcel_id: "p2".into(), at: "2026-02-03T04:05:06Z".parse().unwrap() };
    let decoder: &EventDecoder<ParcelsTopic> =
        ParcelsTopic::DECODERS.iter().find(|one| one.schema.event == "ParcelLost").unwrap();
    match (decoder.decode)(0, &bytes(&lost)).unwrap() {
        ParcelsTopic::ParcelLost(found) => assert_eq!(found, lost),
        ParcelsTopic::ParcelSent(_) | ParcelsTopic::Unknown(RawRecord { .. }) => unreachable!(),
    }
}

fn protobuf_is_encoded_and_has_json() {
    let label = LabelPrinted { parcel_id: "p3".into(), printer: 7 };
    assert_eq!(LabelPrinted::decode(0, &bytes(&label)).unwrap(), label);
    assert_eq!(serde_json::to_string(&label).unwrap(), r#"{"parcelId":"p3","printer":"7"}"#);
}
