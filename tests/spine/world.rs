//! What the tests share: the real Kafka, a registry of one's own, and names that no other test uses.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eventwright::wire::jiff::Timestamp;
use eventwright::wire::rust_decimal::Decimal;
use eventwright::wire::uuid::Uuid;
use eventwright::{ConsumerBuilder, Context, Error, Outcome, RegistryClient, RegistryConfig, Settings, register};
use eventwright_platform::events::order_created::{v1, v2};
use eventwright_platform::events::{OrderCreated, SCHEMAS};
use eventwright_registry::server::{Server, ServerConfig};
use tokio::sync::mpsc;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A place where nothing of another test is in the way.
pub(crate) struct World {
    pub(crate) settings: Settings,
    /// What the names of this world begin with.
    pub(crate) prefix: String,
    pub(crate) client: RegistryClient,
    /// Stops with the world.
    _registry: Server,
}

impl World {
    /// Returns a world with all versions of all events registered.
    pub(crate) async fn new() -> Self {
        let world = Self::without_schemas().await;
        register(&world.client, world.settings.prefix.as_deref(), SCHEMAS).await.unwrap();
        world
    }

    /// Returns a world whose registry is empty.
    pub(crate) async fn without_schemas() -> Self {
        let listen = ([127, 0, 0, 1], 0).into();
        let registry = Server::start(ServerConfig { listen, ..ServerConfig::default() }).await.unwrap();
        let client = RegistryClient::new(RegistryConfig::new(&registry.url())).unwrap();
        let prefix = unique();
        let settings = Settings::new(variable("EVENTWRIGHT_TEST_BOOTSTRAP"), registry.url()).with_prefix(&prefix);
        Self { settings, prefix, client, _registry: registry }
    }

    /// Returns the name of a group of this world.
    pub(crate) fn group(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Returns a variable that `make test` sets.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`, which starts what tests need"))
}

fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("spine-{now}-{}.", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Returns a handler that sends what it is given, with the writer's version where it was known at build time.
pub(crate) fn collect<T: Send + 'static>(
    sender: &mpsc::UnboundedSender<(T, Option<u32>)>,
) -> impl Fn(T, Context) -> std::future::Ready<Outcome> + Send + Sync + use<T> + 'static {
    let sender = sender.clone();
    move |event, context| {
        let version = context.writer().map(|writer| writer.version);
        // The test may have all that it waits for already.
        let _ = sender.send((event, version));
        std::future::ready(Outcome::Done)
    }
}

/// Runs a consumer until `until` is ready, and returns what that returned.
pub(crate) async fn consume<T>(consumer: ConsumerBuilder, until: impl Future<Output = T>) -> Result<T, Error> {
    let mut result = None;
    let stop = async { result = Some(within(until).await) };
    consumer.run_until(stop).await?;
    Ok(result.expect("the consumer stops when it is told to"))
}

/// Waits for what must happen, and panics where it does not happen in time.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("what the test waits for did not happen in time")
}

/// Takes so many values from a channel.
pub(crate) async fn take<T>(receiver: &mut mpsc::UnboundedReceiver<T>, count: usize) -> Vec<T> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        taken.push(receiver.recv().await.expect("the handler lives as long as the consumer"));
    }
    taken
}

/// 2026-02-03T04:05:06.789Z.
pub(crate) fn placed() -> Timestamp {
    "2026-02-03T04:05:06.789Z".parse().unwrap()
}

/// An order of version 1, told from others by its number.
pub(crate) fn order_v1(number: u128) -> v1::OrderCreated {
    v1::OrderCreated {
        product_id: "product-1".into(),
        quantity: 3,
        price: Decimal::new(-1999, 2),
        ..v1::OrderCreated::new(Uuid::from_u128(number), "customer-é".into(), v1::Currency::Gbp, placed())
    }
}

/// What version 2 makes of [`order_v1`].
pub(crate) fn order_v1_as_v2(number: u128) -> OrderCreated {
    OrderCreated {
        product_id: "product-1".into(),
        quantity: 3,
        price: Decimal::new(-1999, 2),
        ..OrderCreated::new(Uuid::from_u128(number), "customer-é".into(), v2::Currency::Gbp, placed())
    }
}

/// An order of version 2, told from others by its number.
pub(crate) fn order_v2(number: u128) -> OrderCreated {
    OrderCreated {
        items: vec![v2::OrderItem {
            product_id: "product-2".into(),
            quantity: 1,
            unit_price: Decimal::new(123_456_789_012_345_678, 2),
        }],
        discount_code: Some("WELCOME10".into()),
        ..order_v1_as_v2(number)
    }
}
