//! What the tests share: a world with a registry and a broker, a place where handled records are collected, a way to
//! write bytes as they are.

pub(crate) mod events;
mod fingerprints;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eventwright::wire::EventSchema;
use eventwright::{ConsumerBuilder, Error, RegistryClient, RegistryConfig, Settings, register};
use eventwright_registry::server::{Server, ServerConfig};
use eventwright_registry::{Format, SchemaText};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::events::{ORDER_V1_SCHEMA, ORDER_V2_SCHEMA};

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A broker, a registry of its own, and names that no other test uses.
pub(crate) struct World {
    pub(crate) settings: Settings,
    /// What the names of this world begin with.
    pub(crate) prefix: String,
    pub(crate) registry: Option<Server>,
    pub(crate) client: RegistryClient,
    address: SocketAddr,
}

impl World {
    /// Returns a world on the real Kafka of `EVENTWRIGHT_TEST_BOOTSTRAP`, with v1 and v2 of the order registered.
    pub(crate) async fn new() -> Self {
        let world = Self::empty().await;
        world.register(&[&ORDER_V1_SCHEMA, &ORDER_V2_SCHEMA]).await;
        world
    }

    /// Returns a world with nothing registered.
    pub(crate) async fn empty() -> Self {
        let bootstrap = std::env::var("EVENTWRIGHT_TEST_BOOTSTRAP")
            .expect("EVENTWRIGHT_TEST_BOOTSTRAP is not set: run `make test`, which starts Kafka");
        Self::on(&bootstrap).await
    }

    pub(crate) async fn on(bootstrap: &str) -> Self {
        start_log();
        let registry = start_registry(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let url = registry.url();
        let address = url.trim_start_matches("http://").parse().unwrap();
        let client = RegistryClient::new(RegistryConfig::new(&url)).unwrap();
        let prefix = format!("{}.", unique());
        let mut settings = Settings::new(bootstrap, url).with_prefix(&prefix);
        settings.consumer.retry.backoff = Duration::from_millis(20);
        settings.consumer.commit_interval = Duration::from_millis(200);
        Self { settings, prefix, registry: Some(registry), client, address }
    }

    /// Returns the name of a consumer group that no other test is in.
    pub(crate) fn group(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) async fn register(&self, schemas: &[&'static EventSchema]) {
        register(&self.client, self.settings.prefix.as_deref(), schemas).await.unwrap();
    }

    /// Registers a schema that no type knows, and returns its id.
    pub(crate) async fn register_text(&self, subject: &str, text: &str) -> u32 {
        let subject = format!("{}{subject}", self.prefix);
        let text = SchemaText { format: Format::Avro, text: text.to_owned(), references: Vec::new() };
        self.client.register(&subject, &text).await.unwrap().0
    }

    pub(crate) async fn stop_registry(&mut self) {
        self.registry.take().unwrap().stop().await;
    }

    /// Starts a registry at the same address; it is empty, and gives the same ids to the same schemas.
    pub(crate) async fn start_registry(&mut self) {
        self.registry = Some(start_registry(self.address).await);
    }

    /// Writes bytes as they are into the partition 0 of a topic; `None` is a tombstone.
    pub(crate) async fn write(&self, topic: &str, value: Option<&[u8]>) {
        let producer: FutureProducer =
            ClientConfig::new().set("bootstrap.servers", &self.settings.bootstrap).create().unwrap();
        let topic = format!("{}{topic}", self.prefix);
        let mut record = FutureRecord::<str, [u8]>::to(&topic).partition(0).key("key");
        record.payload = value;
        producer.send(record, PATIENCE).await.unwrap();
    }
}

async fn start_registry(listen: SocketAddr) -> Server {
    Server::start(ServerConfig { listen, ..ServerConfig::default() }).await.unwrap()
}

/// A consumer that runs beside the test.
pub(crate) struct Background {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Background {
    pub(crate) fn run(consumer: ConsumerBuilder) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(consumer.run_until(async {
            let _ = stopped.await;
        }));
        Self { stop, task }
    }

    pub(crate) async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        within(self.task).await.unwrap()
    }

    /// Waits until the consumer ends by itself.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        within(self.task).await.unwrap()
    }
}

/// Collects what handlers saw.
pub(crate) struct Seen<T> {
    pub(crate) sender: mpsc::UnboundedSender<T>,
    receiver: mpsc::UnboundedReceiver<T>,
}

impl<T> Seen<T> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }

    pub(crate) async fn next(&mut self) -> T {
        within(self.receiver.recv()).await.unwrap()
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<T> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.next().await);
        }
        seen
    }

    /// Returns what is there already.
    pub(crate) fn rest(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.receiver.try_recv().ok()).collect()
    }
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("what the test waits for did not happen in time")
}

/// Returns a value in the wire format.
pub(crate) fn framed(id: u32, payload: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), payload].concat()
}

fn unique() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("t{now:x}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// `EVENTWRIGHT_LOG=debug cargo test` shows what happens.
fn start_log() {
    let filter = std::env::var("EVENTWRIGHT_LOG").unwrap_or_else(|_| "off".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}
