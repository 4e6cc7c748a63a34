//! The values that are measured: one order of each version, with text that is all ASCII and with text that is not.

use std::collections::BTreeMap;

use crate::events::{logical_order, plain_order};
use eventwright_wire::jiff::Timestamp;
use eventwright_wire::rust_decimal::Decimal;
use eventwright_wire::uuid::Uuid;
use plain_order::v1::OrderCreated as OrderV1;
use plain_order::v2::{Address, Currency, Item, OrderCreated as OrderV2, Status};

const ORDER_ID: &str = "6f1c9a3e-8a55-4c1e-9a55-0c7b0a4d2f10";
const CREATED_AT: i64 = 1_763_709_194_123;

/// Returns the order as version 1 has it.
pub(crate) fn v1() -> OrderV1 {
    OrderV1::new(ORDER_ID.into(), "cust-000042".into(), 149.95, Currency::Usd, CREATED_AT)
}

/// Returns the order as version 2 has it, all of its text ASCII.
pub(crate) fn v2() -> OrderV2 {
    let attributes =
        [("channel", "web"), ("campaign", "black-friday"), ("device", "mobile-ios"), ("ab_test", "variant-b")];
    let address = ["Unter den Linden 77", "Berlin", "BE", "10117", "DE"];
    order("cust-000042", attributes, address, ["priority", "gift", "eu"])
}

/// Returns an order with text that is not ASCII where people would have it: names, places, tags.
pub(crate) fn v2_not_ascii() -> OrderV2 {
    let attributes =
        [("channel", "web"), ("campaign", "ブラックフライデー"), ("gerät", "mobile-ios"), ("ab_test", "variante-β")];
    let address = ["Straße des 17. Juni 135", "München", "BY", "80331", "DE"];
    order("kunde-žluťoučký", attributes, address, ["приоритет", "cadeau offert à noël", "eu"])
}

fn order(
    customer_id: &str,
    attributes: [(&str, &str); 4],
    [street, city, region, postal_code, country]: [&str; 5],
    tags: [&str; 3],
) -> OrderV2 {
    let items =
        (0..5).map(|index| Item::new(format!("SKU-1000{index}-BLU"), index + 1, 1999 + 1500 * i64::from(index)));
    OrderV2 {
        items: items.collect(),
        discount_code: Some("WELCOME10".into()),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect(),
        address: Address::new(street.into(), city.into(), region.into(), postal_code.into(), country.into()),
        total: vec![0x3a, 0x93],
        status: Status::Paid,
        tags: tags.map(str::to_owned).to_vec(),
        correlation_id: Some("c0ffee00-1234-4abc-9def-0123456789ab".into()),
        ..OrderV2::new(ORDER_ID.into(), customer_id.into(), 149.95, Currency::Usd, CREATED_AT)
    }
}

/// Returns [`v2`] with logical types: the bytes are the same.
pub(crate) fn logical_v2() -> logical_order::v2::OrderCreated {
    use logical_order::v2::{Address, Currency, Item, OrderCreated, Status};
    let plain = v2();
    let items = plain.items.into_iter().map(|item| Item::new(item.sku, item.quantity, item.unit_price_cents));
    let address = plain.address;
    OrderCreated {
        items: items.collect(),
        discount_code: plain.discount_code,
        attributes: plain.attributes,
        address: Address::new(address.street, address.city, address.region, address.postal_code, address.country),
        total: Decimal::new(14_995, 2),
        status: Status::Paid,
        tags: plain.tags,
        correlation_id: plain.correlation_id,
        ..OrderCreated::new(
            ORDER_ID.parse::<Uuid>().expect("the sample is a uuid"),
            plain.customer_id,
            plain.amount,
            Currency::Usd,
            Timestamp::from_millisecond(CREATED_AT).expect("the sample is a time"),
        )
    }
}

/// Returns what [`v1`] is to a reader of version 2: the fields of version 1 and the defaults of the others.
pub(crate) fn v1_as_v2() -> OrderV2 {
    let order = v1();
    OrderV2 {
        items: Vec::new(),
        discount_code: None,
        attributes: BTreeMap::new(),
        address: Address::new(String::new(), String::new(), String::new(), String::new(), String::new()),
        total: vec![0],
        status: Status::New,
        tags: Vec::new(),
        correlation_id: None,
        order_id: order.order_id,
        customer_id: order.customer_id,
        amount: order.amount,
        currency: order.currency,
        created_at: order.created_at,
    }
}
