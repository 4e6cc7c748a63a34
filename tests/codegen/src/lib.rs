//! The events of `codegen/tests/golden`, compiled with warnings as errors, and what the tests on them share: a row an
//! event version, schemas with what they refer to ([`references`]), random values ([`random`]) and the other implementation
//! of Avro ([`apache`]).
//!
//! Single-object encoding of an event whose versions it cannot tell apart does not compile:
//!
//! ```compile_fail
//! use eventwright_codegen_tests::forms::ClockRead;
//! let _ = eventwright_wire::avro::single_object::decode::<ClockRead>(&[]);
//! ```
//!
//! ```
//! use eventwright_codegen_tests::forms::clock_read::v1::ClockRead;
//! let _ = eventwright_wire::avro::single_object::decode::<ClockRead>(&[]);
//! ```
#![deny(warnings)]

pub mod allocation;
pub mod apache;
pub mod java;
mod migrate;
pub mod pairs;
pub mod random;
pub mod references;
mod row;
pub mod siblings;

use eventwright_wire::Event;
pub use row::{Decoded, Forms, Row, Seen, Written, canonical, row, seen};

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

golden!(dropping);
golden!(evolution);
golden!(forms);
golden!(imports);
golden!(keys);
golden!(migration);
golden!(names);
golden!(namespaces);
golden!(protobuf);
golden!(recursion);
golden!(shared);
golden!(topic);
golden!(unions);
golden!(unknown);
golden!(values);
golden!(wide);

/// Returns the row of an event that has all forms: the owned type and the one that borrows.
macro_rules! row {
    ($($module:ident)::+::{$owned:ident, $borrowed:ident}) => {{
        use $($module)::+::{$owned, $borrowed};
        Row {
            forms: Some(Forms {
                borrowed: |writer, bytes| {
                    let event = $borrowed::decode(writer, bytes)?;
                    let text = serde_json::to_string(&event).expect("an event has a JSON form");
                    Ok((text, seen(&event.into_owned())))
                },
                over: |(writer, old), (new_writer, new)| {
                    let mut event = <$owned as Event>::decode(writer, old)?;
                    event.decode_into(new_writer, new)?;
                    Ok(seen(&event))
                },
                attempt_borrowed: |writer, bytes| $borrowed::decode(writer, bytes).map(drop),
                attempt_over: |sample, (writer, bytes)| {
                    <$owned as Event>::decode(sample.0, sample.1)?.decode_into(writer, bytes)
                },
            }),
            ..row::<$owned>()
        }
    }};
}

/// Returns every version of every Avro event.
#[must_use]
pub fn avro_rows() -> Vec<Row> {
    vec![
        row!(evolution::route_planned::v1::{RoutePlanned, RoutePlannedRef}),
        row!(evolution::route_planned::v2::{RoutePlanned, RoutePlannedRef}),
        row!(evolution::route_planned::v3::{Route, RouteRef}),
        row!(evolution::shipment_booked::v1::{ShipmentBooked, ShipmentBookedRef}),
        row!(evolution::shipment_booked::v2::{ShipmentBooked, ShipmentBookedRef}),
        row!(evolution::stock_level_changed::v1::{StockLevelChanged, StockLevelChangedRef}),
        row!(evolution::stock_level_changed::v2::{StockLevelChanged, StockLevelChangedRef}),
        row!(forms::letter_sent::v1::{LetterSent, LetterSentRef}),
        row!(forms::letter_sent::v2::{LetterSent, LetterSentRef}),
        row::<forms::page_printed::v1::PagePrinted>(),
        row!(forms::page_printed::v2::{PagePrinted, PagePrintedRef}),
        row::<forms::clock_read::v1::ClockRead>(),
        row::<forms::clock_read::v2::ClockRead>(),
        row::<keys::invoice_key::v1::InvoiceKey>(),
        row::<keys::shipment_key::v1::ShipmentKey>(),
        row::<keys::shipment_key::v2::ShipmentKey>(),
        row!(keys::shipment_lost::v1::{ShipmentLost, ShipmentLostRef}),
        row!(keys::shipment_sent::v1::{ShipmentSent, ShipmentSentRef}),
        row!(keys::shipment_sent::v2::{ShipmentSent, ShipmentSentRef}),
        row!(names::awkward_named::v1::{AwkwardNamed, AwkwardNamedRef}),
        row!(names::awkward_named::v2::{AwkwardNamed, AwkwardNamedRef}),
        row!(namespaces::order_moved::v1::{OrderMoved, OrderMovedRef}),
        row!(namespaces::order_moved::v2::{OrderMoved, OrderMovedRef}),
        row!(recursion::comment_thread::v1::{CommentThread, CommentThreadRef}),
        row!(recursion::comment_thread::v2::{CommentThread, CommentThreadRef}),
        row::<shared::call_key::v1::CallKey>(),
        row!(shared::call_made::v1::{CallMade, CallMadeRef}),
        row!(shared::call_made::v2::{CallMade, CallMadeRef}),
        row!(shared::payment_taken::v1::{PaymentTaken, PaymentTakenRef}),
        row!(shared::payment_taken::v2::{PaymentTaken, PaymentTakenRef}),
        row!(shared::payment_taken::v3::{PaymentTaken, PaymentTakenRef}),
        row::<shared::refund_issued::v1::RefundIssued>(),
        row::<shared::refund_issued::v2::RefundIssued>(),
        row::<topic::account_closed::v1::Closed>(),
        row::<topic::account_opened::v1::AccountOpened>(),
        row!(topic::account_opened::v2::{AccountOpened, AccountOpenedRef}),
        row!(unions::measure_taken::v1::{MeasureTaken, MeasureTakenRef}),
        row!(unions::measure_taken::v2::{MeasureTaken, MeasureTakenRef}),
        row!(unions::measure_taken::v3::{MeasureTaken, MeasureTakenRef}),
        row!(unions::payload_sent::v1::{PayloadSent, PayloadSentRef}),
        row!(unions::payload_sent::v2::{PayloadSent, PayloadSentRef}),
        row!(unions::payload_sent::v3::{PayloadSent, PayloadSentRef}),
        row::<values::everything_measured::v1::EverythingMeasured>(),
        row!(values::everything_measured::v2::{EverythingMeasured, EverythingMeasuredRef}),
        row!(values::plain_values::v1::{PlainValues, PlainValuesRef}),
        row::<values::rare_values::v1::RareValues>(),
        row!(values::rare_values::v2::{RareValues, RareValuesRef}),
    ]
}

/// Returns every version of every Protobuf event.
#[must_use]
pub fn protobuf_rows() -> Vec<Row> {
    vec![
        row::<imports::billed::v1::Billed>(),
        row::<imports::billed::v2::Billed>(),
        row::<keys::invoice_paid::v1::InvoicePaid>(),
        row::<protobuf::invoice_issued::v1::InvoiceIssued>(),
        row::<protobuf::invoice_issued::v2::InvoiceIssued>(),
        row::<shared::parcel_delivered::v1::ParcelDelivered>(),
        row::<shared::parcel_delivered::v2::ParcelDelivered>(),
        row::<unknown::new_kinds::v1::NewKinds>(),
        row::<unknown::old_kinds::v1::OldKinds>(),
        row::<unknown::ticket_checked::v1::TicketChecked>(),
        row::<unknown::ticket_sold::v1::TicketSold>(),
        row::<unknown::ticket_sold::v2::TicketSold>(),
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
