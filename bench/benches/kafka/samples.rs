//! The events that are sent: flat, 14 fields, 300 bytes with the frame.

use eventwright::wire::jiff::Timestamp;

use crate::events::PaymentReceived;
use crate::events::payment_received::v1::{Method, PaymentCurrency};

/// How long the value of a record is, with the frame.
pub(crate) const N_BYTES: usize = 300;

/// Returns so many events, each with a key of its own.
pub(crate) fn events(count: u32) -> Vec<PaymentReceived> {
    (0..count).map(event).collect()
}

fn event(number: u32) -> PaymentReceived {
    let id = |kind: u32| {
        // Digits without pattern, so that compression finds in them what it finds in real ids.
        let mixed = ((u64::from(number) << 8) | u64::from(kind)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (u128::from(mixed ^ (mixed >> 29)).wrapping_mul(0xD6E8_FEB8_6659_FD93)) ^ (u128::from(mixed) << 64);
        eventwright::wire::uuid::Uuid::from_u128(mixed).to_string()
    };
    PaymentReceived {
        payment_id: id(1),
        order_id: id(2),
        customer_id: id(3),
        merchant: format!("Merchant number {number:04} GmbH"),
        iban: format!("DE8937040044{:010}", u64::from(number) * 7_919_993),
        amount_cents: 2_000_000 + i64::from(number) * 4_211,
        currency: PaymentCurrency::Eur,
        method: Method::Card,
        received_at: Timestamp::from_millisecond(1_790_000_000_000 + i64::from(number)).expect("a time of our century"),
        is_first: number.is_multiple_of(3),
        n_attempts: 1,
        country: "DE".into(),
        description: format!(
            "Payment for order {number:04}: three books, a lamp and a chair, to be delivered to the neighbour if nobody opens the door."
        ),
        discount_code: None,
    }
}
