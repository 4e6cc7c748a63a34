//! The peers that write Protobuf: prost and buffa, on the same order as a message.

use std::hint::black_box;

use buffa::{Message as _, MessageView as _};
use prost::Message as _;

use crate::events::plain_order::v2::OrderCreated;
use crate::measure::Suite;
use crate::{BUFFA, BUFFA_VIEW, PROST, samples, work};

#[expect(unreachable_pub, reason = "what prost generates")]
mod prost_orders {
    include!(concat!(env!("OUT_DIR"), "/bench.orders.rs"));
}

#[expect(
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "what buffa generates"
)]
mod buffa_orders {
    include!(concat!(env!("OUT_DIR"), "/buffa/mod.rs"));
    pub(super) use bench::orders::*;
}

/// Adds the cases of both.
pub(crate) fn add(suite: &mut Suite) {
    same_version(suite, [work::ENCODE, work::DECODE], &samples::v2());
    same_version(suite, [work::ENCODE_NOT_ASCII, work::DECODE_NOT_ASCII], &samples::v2_not_ascii());
    view(suite, work::BORROW, &samples::v2());
    view(suite, work::BORROW_NOT_ASCII, &samples::v2_not_ascii());
    let v2 = &*message(&samples::v2()).encode_to_vec().leak();
    let v1 = &*message_v1(&samples::v2()).encode_to_vec().leak();
    let read = move || prost_orders::OrderCreatedV2::decode(black_box(v1));
    assert_eq!(read().expect("an order").order_id, samples::v2().order_id);
    suite.add(work::ADDED, PROST, v1.len(), read);
    let read = move || buffa_orders::OrderCreatedV2::decode_from_slice(black_box(v1));
    suite.add(work::ADDED, BUFFA, v1.len(), read);
    let read = move || prost_orders::OrderCreatedV1::decode(black_box(v2));
    assert_eq!(read().expect("an order"), message_v1(&samples::v2()));
    suite.add(work::SKIPPED, PROST, v2.len(), read);
    let read = move || buffa_orders::OrderCreatedV1::decode_from_slice(black_box(v2));
    suite.add(work::SKIPPED, BUFFA, v2.len(), read);
}

fn view(suite: &mut Suite, work: &'static str, order: &OrderCreated) {
    let bytes = &*message(order).encode_to_vec().leak();
    let view = move || buffa_orders::OrderCreatedV2View::decode_view(black_box(bytes));
    assert_eq!(view().expect("an order").customer_id, order.customer_id);
    suite.add(work, BUFFA_VIEW, bytes.len(), view);
}

fn message(order: &OrderCreated) -> prost_orders::OrderCreatedV2 {
    let order = order.clone();
    let items = order.items.into_iter().map(|item| prost_orders::Item {
        sku: item.sku,
        quantity: item.quantity,
        unit_price_cents: item.unit_price_cents,
    });
    prost_orders::OrderCreatedV2 {
        order_id: order.order_id,
        customer_id: order.customer_id,
        amount: order.amount,
        currency: i32::from(order.currency as u8),
        created_at: order.created_at,
        items: items.collect(),
        discount_code: order.discount_code,
        attributes: order.attributes,
        address: Some(prost_orders::Address {
            street: order.address.street,
            city: order.address.city,
            region: order.address.region,
            postal_code: order.address.postal_code,
            country: order.address.country,
        }),
        total: order.total,
        status: i32::from(order.status as u8),
        tags: order.tags,
        correlation_id: order.correlation_id,
    }
}

fn message_v1(order: &OrderCreated) -> prost_orders::OrderCreatedV1 {
    prost_orders::OrderCreatedV1 {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        amount: order.amount,
        currency: i32::from(order.currency as u8),
        created_at: order.created_at,
    }
}

fn same_version(suite: &mut Suite, [encode, decode]: [&'static str; 2], order: &OrderCreated) {
    use prost_orders::OrderCreatedV2;
    let order = &*Box::leak(Box::new(message(order)));
    let bytes = &*order.encode_to_vec().leak();
    assert_eq!(OrderCreatedV2::decode(bytes).as_ref(), Ok(order));
    let buffa = &*Box::leak(Box::new(buffa_orders::OrderCreatedV2::decode_from_slice(bytes).expect("an order")));
    assert_eq!(OrderCreatedV2::decode(&*buffa::Message::encode_to_vec(buffa)).as_ref(), Ok(order));

    suite.add_encoder(encode, PROST, bytes.len(), move |out| {
        prost::Message::encode(black_box(order), out).expect("the vector grows");
    });
    let mut sizes = buffa::SizeCache::new();
    suite.add_encoder(encode, BUFFA, bytes.len(), move |out| {
        black_box(buffa).encode_with_cache(&mut sizes, out);
    });
    suite.add(decode, PROST, bytes.len(), move || OrderCreatedV2::decode(black_box(bytes)));
    suite.add(decode, BUFFA, bytes.len(), move || buffa_orders::OrderCreatedV2::decode_from_slice(black_box(bytes)));
}
