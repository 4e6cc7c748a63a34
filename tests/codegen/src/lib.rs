//! The events of `codegen/tests/golden`, compiled with warnings as errors, and what the tests on them share: a row an
//! event version ([`rows`]), schemas with what they refer to ([`references`]), random values ([`random`]) and the other implementation of Avro ([`apache`]).
#![deny(warnings)]

pub mod allocation;
pub mod apache;
pub mod pairs;
pub mod random;
pub mod references;
mod row;

pub use row::{Decoded, Row, canonical, row};

/// Includes one generated file; the lints are those that `eventwright::include_events!` allows.
macro_rules! golden {
    ($case:ident) => {
        #[allow(
            missing_docs,
            unreachable_pub,
            unused,
            clippy::all,
            clippy::pedantic,
            clippy::restriction,
            reason = "lints judge what people write; this is generated anew at every build"
        )]
        pub mod $case {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($case), ".rs"));
        }
    };
}

golden!(evolution);
golden!(keys);
golden!(names);
golden!(namespaces);
golden!(protobuf);
golden!(recursion);
golden!(shared);
golden!(topic);
golden!(unions);
golden!(values);

/// Returns every version of every Avro event.
#[must_use]
pub fn avro_rows() -> Vec<Row> {
    vec![
        row::<evolution::route_planned::v1::RoutePlanned>(),
        row::<evolution::route_planned::v2::RoutePlanned>(),
        row::<evolution::route_planned::v3::Route>(),
        row::<evolution::shipment_booked::v1::ShipmentBooked>(),
        row::<evolution::shipment_booked::v2::ShipmentBooked>(),
        row::<evolution::stock_level_changed::v1::StockLevelChanged>(),
        row::<evolution::stock_level_changed::v2::StockLevelChanged>(),
        row::<keys::invoice_key::v1::InvoiceKey>(),
        row::<keys::shipment_key::v1::ShipmentKey>(),
        row::<keys::shipment_key::v2::ShipmentKey>(),
        row::<keys::shipment_lost::v1::ShipmentLost>(),
        row::<keys::shipment_sent::v1::ShipmentSent>(),
        row::<keys::shipment_sent::v2::ShipmentSent>(),
        row::<names::awkward_named::v1::AwkwardNamed>(),
        row::<names::awkward_named::v2::AwkwardNamed>(),
        row::<namespaces::order_moved::v1::OrderMoved>(),
        row::<namespaces::order_moved::v2::OrderMoved>(),
        row::<recursion::comment_thread::v1::CommentThread>(),
        row::<recursion::comment_thread::v2::CommentThread>(),
        row::<shared::call_key::v1::CallKey>(),
        row::<shared::call_made::v1::CallMade>(),
        row::<shared::call_made::v2::CallMade>(),
        row::<shared::payment_taken::v1::PaymentTaken>(),
        row::<shared::payment_taken::v2::PaymentTaken>(),
        row::<shared::payment_taken::v3::PaymentTaken>(),
        row::<shared::refund_issued::v1::RefundIssued>(),
        row::<shared::refund_issued::v2::RefundIssued>(),
        row::<topic::account_closed::v1::Closed>(),
        row::<topic::account_opened::v1::AccountOpened>(),
        row::<topic::account_opened::v2::AccountOpened>(),
        row::<unions::measure_taken::v1::MeasureTaken>(),
        row::<unions::measure_taken::v2::MeasureTaken>(),
        row::<unions::measure_taken::v3::MeasureTaken>(),
        row::<unions::payload_sent::v1::PayloadSent>(),
        row::<unions::payload_sent::v2::PayloadSent>(),
        row::<unions::payload_sent::v3::PayloadSent>(),
        row::<values::everything_measured::v1::EverythingMeasured>(),
        row::<values::everything_measured::v2::EverythingMeasured>(),
        row::<values::plain_values::v1::PlainValues>(),
        row::<values::rare_values::v1::RareValues>(),
        row::<values::rare_values::v2::RareValues>(),
    ]
}

/// Returns every version of every Protobuf event.
#[must_use]
pub fn protobuf_rows() -> Vec<Row> {
    vec![
        row::<keys::invoice_paid::v1::InvoicePaid>(),
        row::<protobuf::invoice_issued::v1::InvoiceIssued>(),
        row::<protobuf::invoice_issued::v2::InvoiceIssued>(),
        row::<shared::parcel_delivered::v1::ParcelDelivered>(),
        row::<shared::parcel_delivered::v2::ParcelDelivered>(),
    ]
}

/// Returns all pairs of a writer and a reader that are versions of one event.
#[must_use]
pub fn avro_pairs() -> Vec<(Row, Row)> {
    let rows = avro_rows();
    let of_one_event = |writer: &Row, reader: &Row| writer.schema.event == reader.schema.event;
    rows.iter()
        .flat_map(|writer| rows.iter().filter(|reader| of_one_event(writer, reader)).map(|reader| (*writer, *reader)))
        .collect()
}
