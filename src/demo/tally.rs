//! What arrived, held against what was sent: each event once, with the right content.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Result, bail};
use eventwright::Context;
use eventwright_platform::events::{EventsTopic, OrderCreated, PaymentSettled};
use serde_json::Value;
use tokio::sync::Notify;

use super::samples::Samples;

/// How many wrong events are described one by one.
const DESCRIBED: usize = 5;

/// An event and its writer's version.
pub(crate) type Written = (&'static str, u32);

/// What was expected and what arrived.
pub(super) struct Tally {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    /// By message id, in the JSON form.
    missing: HashMap<String, Value>,
    by_writer: BTreeMap<Written, usize>,
    first_v1: Option<(Value, Value)>,
    wrong: Vec<String>,
}

impl Tally {
    /// Expects the events of a run, each as the newest type has it.
    pub(super) fn new(samples: &Samples) -> Self {
        let mut missing = HashMap::new();
        for index in 0..samples.rounds() {
            for order in [samples.order_v1_as_v2(index), samples.order_v2(index)] {
                missing.insert(order.order_id.to_string(), json(&order));
            }
            for payment in [samples.payment_v1_as_v2(index), samples.payment_v2(index)] {
                missing.insert(payment.payment_id.clone(), json(&payment));
            }
            let user = samples.user(index);
            missing.insert(user.event_id.to_string(), json(&user));
            let stock = samples.stock(index);
            missing.insert(stock.event_id.to_string(), json(&stock));
        }
        let mut state = State { missing, ..State::default() };
        let v1 = samples.order_v1(0);
        state.first_v1 = Some((json(&v1), Value::Null));
        Self { state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Enters an order.
    pub(super) fn order(&self, order: OrderCreated, context: &Context) {
        let read = json(&order);
        if context.writer().is_some_and(|writer| writer.version == 1) {
            self.state().remember_first(&read);
        }
        self.enter(&order.order_id.to_string(), read, context);
    }

    /// Enters a payment.
    pub(super) fn payment(&self, payment: PaymentSettled, context: &Context) {
        self.enter(&payment.payment_id, json(&payment), context);
    }

    /// Enters a user or a change of stock: the match is exhaustive, so that a new event on the topic is not forgotten.
    pub(super) fn other(&self, event: EventsTopic, context: &Context) {
        match event {
            EventsTopic::UserCreated(user) => self.enter(&user.event_id.to_string(), json(&user), context),
            EventsTopic::InventoryAdjusted(stock) => self.enter(&stock.event_id.to_string(), json(&stock), context),
            EventsTopic::Unknown(record) => self.state().wrong.push(format!("an event that nobody knows: {record:?}")),
        }
    }

    /// Returns when every event has arrived.
    pub(super) async fn complete(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.state().missing.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// Returns when nothing has arrived for so long.
    pub(super) async fn silence(&self, patience: Duration) {
        while tokio::time::timeout(patience, self.arrived.notified()).await.is_ok() {}
    }

    /// Returns how many events arrived, by event and writer's version.
    pub(super) fn by_writer(&self) -> BTreeMap<Written, usize> {
        self.state().by_writer.clone()
    }

    /// Returns an order of version 1 in the JSON form, as it was written and as it was read.
    pub(super) fn first_of_version_1(&self) -> Option<(Value, Value)> {
        self.state().first_v1.clone().filter(|(_, read)| !read.is_null())
    }

    /// Returns an error unless each event arrived once with the right content.
    pub(super) fn verdict(&self) -> Result<()> {
        let state = self.state();
        let missing = state.missing.len();
        if missing == 0 && state.wrong.is_empty() {
            return Ok(());
        }
        let described: Vec<_> = state.wrong.iter().take(DESCRIBED).cloned().collect();
        bail!("{missing} events did not arrive, {} were not as sent\n{}", state.wrong.len(), described.join("\n"))
    }

    fn enter(&self, id: &str, read: Value, context: &Context) {
        let mut state = self.state();
        let writer = context.writer().map_or(("unknown", 0), |writer| (writer.event, writer.version));
        *state.by_writer.entry(writer).or_default() += 1;
        match state.missing.remove(id) {
            None => state.wrong.push(format!("{id} arrived twice, or was never sent")),
            Some(sent) if sent != read => state.wrong.push(format!("{id} was sent as {sent} and read as {read}")),
            Some(_) => {}
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler panics while it enters an event")
    }
}

impl State {
    /// Keeps how the order that is shown was read.
    fn remember_first(&mut self, order: &Value) {
        if let Some((written, read)) = &mut self.first_v1
            && written.get("order_id") == order.get("order_id")
        {
            *read = order.clone();
        }
    }
}

fn json<T: eventwright::wire::serde::Serialize>(event: &T) -> Value {
    serde_json::to_value(event).expect("an event has a JSON form")
}
