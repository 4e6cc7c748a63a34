//! Bytes that are no record of ours: each reaches `on_undecodable` as it is, and the good ones around it their handler.

use std::future::{Ready, ready};
use std::time::Duration;

use eventwright::wire::Event;
use eventwright::{Consumer, ConsumerBuilder, Context, DecodeFailure, OnFailure, Order, Outcome, RawRecord, Retry};
use eventwright_platform::events::payment_settled::v2::Money;
use eventwright_platform::events::{EventsTopic, InventoryAdjusted, OrderCreated, PaymentSettled, order_created};
use eventwright_registry::SchemaId;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::produce_request::produce;
use crate::raw::{KEY, create_topic, framed, id_of, read, record_of, register, write};
use crate::world::{World, consume, order_v1, order_v2, placed, take};

/// What became of a record.
#[derive(Debug, PartialEq)]
enum Saw {
    /// It was handled; the key of the event.
    Good(String),
    /// It could not be decoded.
    Bad { record: RawRecord, failure: DecodeFailure },
}

/// The kinds of failures, as [`DecodeFailure`] is asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Bytes,
    UnknownSchema,
    UnusableSchema,
    UnknownEvent,
}

impl Why {
    fn of(failure: &DecodeFailure) -> Vec<Self> {
        let all = [
            (Self::Bytes, failure.is_bytes()),
            (Self::UnknownSchema, failure.is_unknown_schema()),
            (Self::UnusableSchema, failure.is_unusable_schema()),
            (Self::UnknownEvent, failure.is_unknown_event()),
        ];
        all.into_iter().filter(|(_, is)| *is).map(|(why, _)| why).collect()
    }
}

/// A bad value, the kind of its failure, and a part of the reason.
type Row = (Vec<u8>, Why, &'static str);

/// Writes a good record, the bad ones with good ones between them, and checks that each came where it belongs, in order.
async fn check<E: Event>(world: &World, good: &[E], rows: Vec<Row>) {
    let mut values = Vec::new();
    let mut keys = Vec::new();
    for index in 0..=rows.len() {
        let event = &good[index % good.len()];
        values.push(record_of(world, event).await);
        keys.push(event.key().unwrap().into_owned());
        values.extend(rows.get(index).map(|(value, ..)| value.clone()));
    }
    write(world, E::TOPIC, &values).await;

    let (sender, mut receiver) = unbounded_channel();
    let consumer = watch::<E>(world, &sender);
    let stats = consumer.stats();
    let mut seen = consume(consumer, take(&mut receiver, values.len())).await.unwrap().into_iter();
    let mut unexpected = Vec::new();
    for (index, key) in keys.into_iter().enumerate() {
        assert_eq!(seen.next(), Some(Saw::Good(key)), "the good record before row {index}");
        let Some((value, why, reason)) = rows.get(index) else { break };
        let Some(Saw::Bad { record, failure }) = seen.next() else { panic!("row {index} was taken for an event") };
        assert_eq!(record.value.as_ref(), Some(value), "row {index}");
        assert_eq!((record.partition, record.key.as_deref()), (0, Some(KEY)), "row {index}");
        assert_eq!(usize::try_from(record.offset).unwrap(), 2 * index + 1, "row {index}");
        if Why::of(&failure) != [*why] || !failure.reason().contains(reason) {
            unexpected.push(format!("row {index}: expected {why:?}, `{reason}`, found `{failure}`"));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert_eq!(stats.undecodable(), u64::try_from(rows.len()).unwrap());
}

/// Returns a consumer that tells of everything it sees.
fn watch<E: Event>(world: &World, sender: &UnboundedSender<Saw>) -> ConsumerBuilder {
    let good = {
        let sender = sender.clone();
        move |event: E, _: Context| {
            let _ = sender.send(Saw::Good(event.key().unwrap().into_owned()));
            ready(Outcome::Done)
        }
    };
    Consumer::builder(&world.settings).group(world.group("g")).on(good).on_undecodable(tell(sender))
}

fn tell(
    sender: &UnboundedSender<Saw>,
) -> impl Fn(RawRecord, DecodeFailure) -> Ready<Outcome> + Send + Sync + use<> + 'static {
    let sender = sender.clone();
    move |record, failure| {
        let _ = sender.send(Saw::Bad { record, failure });
        ready(Outcome::Done)
    }
}

#[tokio::test]
async fn a_record_cut_short_anywhere_is_told_from_a_whole_one() {
    let world = World::new().await;
    let mut rows = Vec::new();
    for whole in [record_of(&world, &order_v1(1)).await, record_of(&world, &order_v2(2)).await] {
        // In the middle of a value, or of a text whose length says more than there is.
        let reason = |cut| if cut < 5 { "expected at least 5 bytes" } else { "the bytes" };
        rows.extend((0..whole.len()).map(|cut| (whole[..cut].to_vec(), Why::Bytes, reason(cut))));
    }
    check(&world, &[order_v2(3)], rows).await;
}

#[tokio::test]
async fn bad_avro_reaches_its_handler_and_good_records_theirs() {
    let world = World::new().await;
    let v1 = id_of::<order_created::v1::OrderCreated>(&world).await;
    let payment = record_of(&world, &PaymentSettled::default()).await;
    let other_name = r#"{"type":"record","name":"OrderCancelled","namespace":"eventwright.orders","fields":[]}"#;
    let other_name = register(&world, "cancelled", other_name).await;
    let other_type = r#"{"type":"record","name":"OrderCreated","namespace":"eventwright.orders","fields":[
        {"name":"order_id","type":"int"}]}"#;
    let other_type = register(&world, "foreign", other_type).await;
    let mut wrong_magic = record_of(&world, &order_v2(1)).await;
    wrong_magic[0] = 2;
    let uuid = b"00000000-0000-0000-0000-000000000001";
    let with_id = |uuid: &[u8], rest: &[u8]| {
        let length = u8::try_from(2 * uuid.len()).unwrap();
        framed(v1, &[&[length], uuid, rest].concat())
    };
    let rows = vec![
        (b"{\"order_id\":1}".to_vec(), Why::Bytes, "expected the magic byte 0 of the Confluent wire format, found 123"),
        (wrong_magic, Why::Bytes, "found 2"),
        (framed(SchemaId(999_999), &[0]), Why::UnknownSchema, "the registry does not know it"),
        (framed(SchemaId(u32::MAX), &[0]), Why::UnknownSchema, "the registry does not know it"),
        (framed(other_name, &[]), Why::UnknownEvent, "eventwright.orders.OrderCancelled"),
        (payment, Why::UnknownEvent, "eventwright.payments.PaymentSettled"),
        (framed(other_type, &[2]), Why::UnusableSchema, "it cannot be read as `OrderCreated` v2"),
        // lengths that are negative, or longer than what is there
        (framed(v1, &[1]), Why::Bytes, "-1"),
        (framed(v1, &[0xfe, 0xff, 0xff, 0xff, 0x0f]), Why::Bytes, "2147483647"),
        (framed(v1, &[0xff; 11]), Why::Bytes, "longer than its type allows"),
        // values that the types of the schema do not have
        (with_id(b"no uuid", &[]), Why::Bytes, "uuid"),
        (with_id(uuid, &[4, 0xff, 0xff]), Why::Bytes, "UTF-8"),
        (with_id(uuid, &[0, 0, 0, 0, 6, 0]), Why::Bytes, "3"),
        (with_id(uuid, &[0, 0, 0, 0, 0, 0, 0]), Why::Bytes, "left"),
    ];
    check(&world, &[order_v2(2), order_v2(3)], rows).await;
}

#[tokio::test]
async fn bad_protobuf_reaches_its_handler_and_good_records_theirs() {
    let world = World::new().await;
    let id = id_of::<PaymentSettled>(&world).await;
    let order = record_of(&world, &order_v2(1)).await;
    let rows = vec![
        (framed(id, &[]), Why::Bytes, "the bytes end in the middle of a value"),
        (framed(id, &[2]), Why::Bytes, "message indexes"),
        (framed(id, &[1]), Why::Bytes, "message indexes"),
        (framed(id, &[0xff; 11]), Why::Bytes, "longer than its type allows"),
        (framed(id, &[2, 2]), Why::UnknownEvent, "eventwright.payments.Money"),
        (framed(id, &[2, 20]), Why::Bytes, "the file has no message at the indexes [10]"),
        // a field that says 5 bytes and has 1, one of another type, a tag that ends too early, text that is no UTF-8
        (framed(id, &[0, 0x0a, 5, b'p']), Why::Bytes, "buffer underflow"),
        (framed(id, &[0, 0x08, 1]), Why::Bytes, "wire type"),
        (framed(id, &[0, 0x80]), Why::Bytes, "varint"),
        (framed(id, &[0, 0x0a, 1, 0xff]), Why::Bytes, "UTF-8"),
        (order, Why::UnknownEvent, "eventwright.orders.OrderCreated"),
    ];
    let fee = Money { currency: "EUR".into(), minor_units: 25, exponent: 2 };
    let payment = PaymentSettled { order_id: "o-1".into(), fees: vec![fee], ..PaymentSettled::default() };
    check(&world, &[payment], rows).await;
}

#[tokio::test]
async fn an_event_that_nobody_knows_is_a_case_of_its_topic() {
    let world = World::new().await;
    let stock = InventoryAdjusted::new(order_v2(1).order_id, "sku-1".into(), -5, placed());
    let unknown = r#"{"type":"record","name":"UserDeleted","namespace":"eventwright.users","fields":[]}"#;
    let unknown = framed(register(&world, "eventwright.users.UserDeleted", unknown).await, &[]);
    let good = record_of(&world, &stock).await;
    write(&world, "events", [&good, &unknown, &vec![1, 2, 3], &good]).await;

    let (sender, mut receiver) = unbounded_channel();
    let events = sender.clone();
    let (bad, mut failures) = unbounded_channel();
    let consumer = Consumer::builder(&world.settings)
        .group(world.group("g"))
        .on_topic(move |event: EventsTopic, _| {
            let _ = events.send(event);
            ready(Outcome::Done)
        })
        .on_undecodable(tell(&bad));
    let both = async { (take(&mut receiver, 3).await, take(&mut failures, 1).await) };
    let (events, failures) = consume(consumer, both).await.unwrap();
    let [EventsTopic::InventoryAdjusted(first), EventsTopic::Unknown(record), EventsTopic::InventoryAdjusted(last)] =
        events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!((first, last), (&stock, &stock));
    assert_eq!((record.value.as_deref(), record.offset), (Some(unknown.as_slice()), 1));
    let [Saw::Bad { record, failure }] = failures.as_slice() else { panic!("{failures:?}") };
    assert_eq!(record.value.as_deref(), Some([1, 2, 3].as_slice()));
    assert!(failure.is_bytes(), "{failure}");
}

#[tokio::test]
async fn where_dead_letters_are_not_wanted_a_bad_record_stops_the_consumer_and_is_kept() {
    let mut world = World::new().await;
    world.settings.consumer.on_failure = OnFailure::Stop;
    let good = record_of(&world, &order_v2(1)).await;
    write(&world, OrderCreated::TOPIC, [good.as_slice(), b"bad", good.as_slice()]).await;
    let handled = |_: OrderCreated, _: Context| ready(Outcome::Done);
    let consumer = Consumer::builder(&world.settings).group(world.group("g")).on(handled);
    let stats = consumer.stats();
    let error = consumer.run_until(std::future::pending()).await.unwrap_err();
    assert!(error.is_undecodable(), "{error:?}");
    let place = format!("`{}orders` partition 0 offset 1", world.prefix);
    for part in [place.as_str(), "`.on_undecodable(…)`"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(stats.handled(), 1);

    let (sender, mut receiver) = unbounded_channel();
    let seen = consume(watch::<OrderCreated>(&world, &sender), take(&mut receiver, 2)).await.unwrap();
    let [Saw::Bad { record, .. }, Saw::Good(_)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((record.value.as_deref(), record.offset), (Some(b"bad".as_slice()), 1));
}

/// rdkafka panics at such a name, and whoever may write to the topic can write one.
#[tokio::test]
async fn a_header_whose_name_is_not_utf8_is_left_out_and_the_record_handled_retried_and_kept() {
    let world = World::new().await;
    create_topic(&world, OrderCreated::TOPIC).await;
    for order in [order_v2(1), order_v2(2), order_v2(3)] {
        let value = record_of(&world, &order).await;
        let headers: [(&[u8], &[u8]); 3] = [(b"before", b"1"), (b"\xff\xfe", b"2"), (b"after", b"3")];
        produce(&world, OrderCreated::TOPIC, (order.key().unwrap().as_bytes(), &value), &headers).await;
    }
    let (sender, mut receiver) = unbounded_channel();
    let [first, second] = [order_v2(1), order_v2(2)].map(|order| order.order_id);
    let handler = move |order: OrderCreated, context: Context| {
        let headers: Vec<_> =
            context.headers().map(|(name, value)| (name.to_owned(), value.unwrap().to_vec())).collect();
        let _ = sender.send((order.order_id, context.attempt(), headers));
        ready(match context.attempt() {
            1 if order.order_id == first => Outcome::Retry("again".into()),
            _ if order.order_id == second => Outcome::Reject("never".into()),
            _ => Outcome::Done,
        })
    };
    let retry = Retry { max_attempts: 3, backoff: Duration::from_millis(10), topics: 1, ..Retry::default() };
    let consumer =
        Consumer::builder(&world.settings).group(world.group("g")).order(Order::Key).retry(retry).on(handler);
    let stop = async { (take(&mut receiver, 4).await, read(&world, &format!("{}_dlq", OrderCreated::TOPIC), 1).await) };
    let (seen, letters) = consume(consumer, stop).await.unwrap();
    let expected = [("before".to_owned(), b"1".to_vec()), ("after".to_owned(), b"3".to_vec())];
    assert!(seen.iter().all(|(.., headers)| *headers == expected), "{seen:?}");
    assert_eq!(seen.iter().filter(|(id, ..)| *id == first).map(|(_, attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(letters[0].header("after"), Some("3"));
}
