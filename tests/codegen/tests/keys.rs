//! Keys with a schema: the event writes them from its own fields, as the key's type and apache-avro do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::keys::invoice_paid::v1::InvoicePaid;
use eventwright_codegen_tests::keys::shipment_sent::{v1, v2};
use eventwright_codegen_tests::keys::{InvoiceKey, ShipmentKey, ShipmentLost, shipment_key};
use eventwright_codegen_tests::{apache, references, shared, topic};
use eventwright_wire::{Event, EventSchema};
use serde::Serialize;
use serde_json::{Value, json};

/// Expects that the event's key is that of the type `K`, in the newest version, with those fields.
fn check<K: Event + Serialize>(event: &impl KeyOf, expected: Value) {
    let schema = event.key_schema().unwrap();
    assert_eq!((schema.sha256, schema.subject), (K::SCHEMA.sha256, K::SCHEMA.subject));
    let bytes = event.key_bytes();
    assert_eq!(bytes, apache::encode(&references::self_contained(schema), &expected));
    let own = K::WRITERS.iter().position(|writer| writer.version == schema.version).unwrap();
    let key = K::decode(own, &bytes).unwrap();
    assert_eq!(serde_json::to_value(&key).unwrap(), expected);
    let mut encoded = Vec::new();
    key.encode(&mut encoded).unwrap();
    assert_eq!(encoded, bytes);
}

/// What is asked of an event, whichever it is.
trait KeyOf {
    fn key_schema(&self) -> Option<&'static EventSchema>;
    fn key_bytes(&self) -> Vec<u8>;
}

impl<E: Event> KeyOf for E {
    fn key_schema(&self) -> Option<&'static EventSchema> {
        E::KEY_SCHEMA
    }

    fn key_bytes(&self) -> Vec<u8> {
        assert_eq!(self.key(), None, "a key has one form");
        // What was there before stays: the value stands in front of the key.
        let mut bytes = vec![7];
        self.encode_key(&mut bytes).unwrap();
        assert_eq!(bytes.remove(0), 7);
        bytes
    }
}

#[test]
fn the_fields_of_the_event_become_those_of_the_key() {
    let depot = v2::Depot { country: v2::Country::De, number: Some(-3) };
    let sent = v2::ShipmentSent { depot, ..v2::ShipmentSent::new("p-é".into(), 7) };
    let expected = json!({"depot": {"country": "DE", "number": -3}, "lane": "road", "parcel": "p-é"});
    check::<ShipmentKey>(&sent, expected);
}

#[test]
fn what_an_event_does_not_have_is_the_keys_default() {
    let expected = json!({"depot": {"country": "FR", "number": null}, "lane": "road", "parcel": "p"});
    check::<ShipmentKey>(&v1::ShipmentSent::new("p".into(), 7), expected.clone());
    check::<ShipmentKey>(&ShipmentLost::new("fell".into(), "p".into()), expected);
}

#[test]
fn a_key_uses_the_shared_type_that_its_event_uses() {
    let account = shared::account::v1::Account { number: 7, region: shared::account::v1::Region::South };
    let about = shared::call_made::v1::CallMadeAbout::String("rain".into());
    let caller = shared::call_made::v1::Contact { desk: 3 };
    let expected = json!({"account": {"number": 7, "region": "SOUTH"}});
    check::<shared::CallKey>(&shared::call_made::v1::CallMade::new(account.clone(), about, caller), expected.clone());
    // What one version takes from an older one is one type, and so is what both take from a shared type.
    let caller = shared::call_made::v1::Contact { desk: 3 };
    check::<shared::CallKey>(&shared::CallMade::new(account, caller), expected);
}

#[test]
fn a_message_has_an_avro_key() {
    let mut paid = InvoicePaid {
        number: i64::MIN,
        part: -2,
        is_copy: true,
        digest: vec![0, 255],
        office: "o".into(),
        tenant: Some("t".into()),
        amount: 1.5,
    };
    let mut expected = json!({"tenant": "t", "number": i64::MIN, "part": -2, "is_copy": true, "digest": "AP8=",
        "office": "o", "channel": null});
    check::<InvoiceKey>(&paid, expected.clone());
    paid.tenant = None;
    expected["tenant"] = Value::Null;
    check::<InvoiceKey>(&paid, expected);
}

#[test]
fn a_key_reads_what_older_versions_of_it_wrote() {
    let mut bytes = Vec::new();
    shipment_key::v1::ShipmentKey { parcel: "p".into() }.encode(&mut bytes).unwrap();
    let key = ShipmentKey::decode(0, &bytes).unwrap();
    assert_eq!((key.parcel.as_str(), key.lane.as_str()), ("p", "road"));
}

#[test]
fn only_keys_are_keys() {
    const { assert!(ShipmentKey::IS_KEY && shipment_key::v1::ShipmentKey::IS_KEY && !v1::ShipmentSent::IS_KEY) };
    assert!(topic::AccountOpened::KEY_SCHEMA.is_none());
    let schemas = eventwright_codegen_tests::keys::SCHEMAS;
    let subjects: Vec<_> = schemas.iter().map(|schema| schema.prefixed_subject(None)).collect();
    let expected = [
        "golden.keys.ShipmentSent",
        "golden.keys.ShipmentSent",
        "golden.keys.ShipmentLost",
        "invoices-value",
        "shipments-key",
        "shipments-key",
        "invoices-key",
    ];
    assert_eq!(subjects, expected.map(|subject| format!("golden.{subject}")));
}
