//! The events of one run, made from their index alone, so that what arrives can be compared with what was sent.

use eventwright::wire::jiff::Timestamp;
use eventwright::wire::proto::prost_types;
use eventwright::wire::rust_decimal::Decimal;
use eventwright::wire::uuid::Uuid;
use eventwright::{Event, Message};
use eventwright_platform::events::order_created::v2::OrderItem;
use eventwright_platform::events::payment_settled::v2::{Money, PaymentMethod};
use eventwright_platform::events::{
    InventoryAdjusted, OrderCreated, PaymentSettled, UserCreated, order_created, payment_settled,
};

/// How many events a round has: an order and a payment of either version, a user, and a change of stock.
const EVENTS_PER_ROUND: usize = 6;

/// The events of one run.
pub(super) struct Samples {
    rounds: usize,
    run_id: String,
    /// All ids of the run differ from those of other runs in these bits.
    seed: u128,
    now: Timestamp,
}

impl Samples {
    /// Returns the events of a new run of so many rounds.
    pub(super) fn new(rounds: usize) -> Self {
        // Kafka keeps milliseconds, so nothing finer is put into events that are compared later.
        let millisecond = Timestamp::now().as_millisecond();
        let now = Timestamp::from_millisecond(millisecond).expect("the time of today is in range");
        Self { rounds, run_id: format!("run-{millisecond}"), seed: u128::from(millisecond.unsigned_abs()) << 64, now }
    }

    /// Returns how many rounds the run has.
    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    /// Returns how many events the run has.
    pub(super) fn count(&self) -> usize {
        self.rounds * EVENTS_PER_ROUND
    }

    /// Returns the correlation id that all events of the run carry.
    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Returns the event as a message of this run.
    pub(super) fn message<'a, E: Event>(&'a self, event: &'a E) -> Message<'a, E> {
        Message::new(event).correlation_id(self.run_id.as_str())
    }

    /// An order as version 1 has it.
    pub(super) fn order_v1(&self, index: usize) -> order_created::v1::OrderCreated {
        order_created::v1::OrderCreated {
            product_id: format!("product-{:03}", index % 100),
            quantity: small(index, 5) + 1,
            price: price(index),
            ..order_created::v1::OrderCreated::new(
                self.id(Kind::OrderV1, index),
                customer(index),
                order_created::v1::Currency::Eur,
                self.now,
            )
        }
    }

    /// What readers of version 2 make of [`Samples::order_v1`]: the same, with the defaults of version 2.
    pub(super) fn order_v1_as_v2(&self, index: usize) -> OrderCreated {
        let v1 = self.order_v1(index);
        OrderCreated {
            product_id: v1.product_id,
            quantity: v1.quantity,
            price: v1.price,
            ..OrderCreated::new(v1.order_id, v1.customer_id, v1.currency, v1.created_at)
        }
    }

    /// An order as version 2 has it.
    pub(super) fn order_v2(&self, index: usize) -> OrderCreated {
        let line = |number| OrderItem {
            product_id: format!("product-{number:03}"),
            quantity: small(index + number, 3) + 1,
            unit_price: price(index + number),
        };
        OrderCreated {
            items: vec![line(1), line(2)],
            discount_code: index.is_multiple_of(3).then(|| "WELCOME10".to_owned()),
            correlation_id: Some(self.run_id.clone()),
            ..OrderCreated::new(
                self.id(Kind::OrderV2, index),
                customer(index),
                order_created::v2::Currency::Usd,
                self.now,
            )
        }
    }

    /// A payment as version 1 has it.
    pub(super) fn payment_v1(&self, index: usize) -> payment_settled::v1::PaymentSettled {
        let PaymentSettled { payment_id, order_id, settled_at, .. } = self.payment_v1_as_v2(index);
        payment_settled::v1::PaymentSettled {
            payment_id,
            order_id,
            amount: Some(payment_settled::v1::Money {
                currency: "EUR".into(),
                minor_units: i64::from(small(index, 10_000)),
                exponent: 2,
            }),
            method: payment_settled::v1::PaymentMethod::Card.into(),
            settled_at,
        }
    }

    /// A payment as version 2 has it.
    pub(super) fn payment_v2(&self, index: usize) -> PaymentSettled {
        let fee = Money { currency: "EUR".into(), minor_units: 25, exponent: 2 };
        PaymentSettled {
            bank_reference: Some(format!("bank-{index}")),
            fees: vec![fee],
            ..self.payment(Kind::PaymentV2, index)
        }
    }

    /// What readers of version 2 make of [`Samples::payment_v1`].
    pub(super) fn payment_v1_as_v2(&self, index: usize) -> PaymentSettled {
        self.payment(Kind::PaymentV1, index)
    }

    /// What both versions of a payment have, as version 2 has it.
    fn payment(&self, kind: Kind, index: usize) -> PaymentSettled {
        PaymentSettled {
            payment_id: self.id(kind, index).to_string(),
            order_id: self.id(Kind::OrderV1, index).to_string(),
            amount: Some(Money { currency: "EUR".into(), minor_units: i64::from(small(index, 10_000)), exponent: 2 }),
            method: PaymentMethod::Card.into(),
            settled_at: Some(prost_types::Timestamp {
                seconds: self.now.as_second(),
                nanos: self.now.subsec_nanosecond(),
            }),
            ..PaymentSettled::default()
        }
    }

    /// A user.
    pub(super) fn user(&self, index: usize) -> UserCreated {
        let email = format!("customer-{index}@example.com");
        UserCreated::new(self.id(Kind::User, index), customer(index), email, self.now)
    }

    /// A change of stock.
    pub(super) fn stock(&self, index: usize) -> InventoryAdjusted {
        let sku = format!("product-{:03}", index % 100);
        InventoryAdjusted {
            reason: "demo".into(),
            ..InventoryAdjusted::new(self.id(Kind::Stock, index), sku, -small(index, 9), self.now)
        }
    }

    fn id(&self, kind: Kind, index: usize) -> Uuid {
        Uuid::from_u128(self.seed | u128::from(kind as u8) << 56 | index as u128)
    }
}

/// Tells the ids of different kinds apart.
#[derive(Clone, Copy)]
enum Kind {
    OrderV1 = 1,
    OrderV2 = 2,
    PaymentV1 = 3,
    PaymentV2 = 4,
    User = 5,
    Stock = 6,
}

fn customer(index: usize) -> String {
    format!("customer-{:03}", index % 250)
}

fn price(index: usize) -> Decimal {
    Decimal::new(i64::from(small(index, 9_900)) + 99, 2)
}

fn small(index: usize, below: usize) -> i32 {
    i32::try_from(index % below).unwrap_or_default()
}
