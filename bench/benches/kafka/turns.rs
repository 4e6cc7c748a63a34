//! Who takes turns at what, on which topics; each turn is a process of its own.

use std::process::{Command, Stdio};

use eventwright::{Event as _, RegistryClient, RegistryConfig, Settings, register};
use eventwright_registry::server::{Server, ServerConfig};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::events::PaymentReceived;
use crate::measure::{Figures, Turn};
use crate::parallel::RESERVE;
use crate::{KEYED, OURS, RAW, SERIAL, TURN, WORKERS, work};

/// As many as many topics have.
const N_PARTITIONS: i32 = 6;

/// How many keys there are on topics of one partition, and on those of several.
const FEW_KEYS: u32 = 100;
const MANY_KEYS: u32 = 1000;

/// Where a turn takes place.
pub(crate) struct Where {
    pub(crate) bootstrap: String,
    pub(crate) registry: String,
    /// The prefix of the topic, and of the group.
    pub(crate) prefix: String,
    /// How many records are measured.
    pub(crate) count: u64,
    /// How many different events, and keys, are sent.
    pub(crate) n_keys: u32,
}

impl Where {
    pub(crate) fn parse(arguments: &[String]) -> Self {
        let [bootstrap, registry, prefix, count, n_keys] = arguments else {
            panic!("a turn takes five arguments: {arguments:?}")
        };
        let (bootstrap, registry, prefix) = (bootstrap.clone(), registry.clone(), prefix.clone());
        let (count, n_keys) = (count.parse(), n_keys.parse());
        Self { bootstrap, registry, prefix, count: count.expect("a number"), n_keys: n_keys.expect("a number") }
    }

    pub(crate) fn topic(&self) -> String {
        format!("{}{}", self.prefix, PaymentReceived::TOPIC)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.bootstrap, &self.registry).with_prefix(&self.prefix)
    }

    /// Returns the name of a consumer group that nobody else is in.
    pub(crate) fn group(&self) -> String {
        format!("{}{}", self.prefix, std::process::id())
    }
}

/// How much is measured.
pub(crate) struct Scale {
    rounds: usize,
    produced: u64,
    consumed: u64,
    /// How many records the serial consumer handles, and the parallel one.
    delayed: (u64, u64),
    blocked: u64,
}

impl Scale {
    pub(crate) fn new(is_quick: bool) -> Self {
        if is_quick {
            return Self { rounds: 1, produced: 100_000, consumed: 200_000, delayed: (20, 1_000), blocked: 400_000 };
        }
        // With headers and key a record has 470 bytes.
        Self { rounds: 7, produced: 500_000, consumed: 1_000_000, delayed: (60, 4_000), blocked: 2_300_000 }
    }
}

/// A broker, a registry, and the turns that are taken there.
pub(crate) struct Bench {
    runtime: tokio::runtime::Runtime,
    bootstrap: String,
    registry: Server,
    client: RegistryClient,
    admin: AdminClient<DefaultClientContext>,
    scale: Scale,
}

impl Bench {
    pub(crate) fn start(bootstrap: &str, scale: Scale) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        let config = ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() };
        let registry = runtime.block_on(Server::start(config)).expect("the registry starts");
        let client = RegistryClient::new(RegistryConfig::new(&registry.url())).expect("the URL is one");
        let admin = ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("the settings are known");
        Self { runtime, bootstrap: bootstrap.to_owned(), registry, client, admin, scale }
    }

    /// Measures all work whose name has `filter` in it.
    pub(crate) fn run(&self, filter: &str) -> Vec<Figures> {
        let is_wanted = |work: &str| work.contains(filter);
        let mut figures = Vec::new();
        if is_wanted(work::PRODUCE) {
            figures.extend(self.produce());
        }
        if is_wanted(work::CONSUME) {
            figures.extend(self.consume());
        }
        if is_wanted(work::PARALLEL) {
            figures.extend(self.parallel());
        }
        if is_wanted(work::BLOCKED) {
            figures.extend(self.blocked());
        }
        figures
    }

    /// Each turn has a topic of its own, which is deleted after it.
    fn produce(&self) -> Vec<Figures> {
        let mut number = 0;
        self.rounds(work::PRODUCE, &[RAW, OURS], |who| {
            number += 1;
            let place = self.place(&format!("produce{number}."), N_PARTITIONS, self.scale.produced);
            let turn = self.turn(work::PRODUCE, who, &place);
            self.delete(&place);
            turn
        })
    }

    /// All turns read one topic, from the beginning.
    fn consume(&self) -> Vec<Figures> {
        let place = self.filled("consume.", N_PARTITIONS, self.scale.consumed);
        let turn = |who| self.turn(work::CONSUME, who, &place);
        let figures = self.rounds(work::CONSUME, &[RAW, OURS, KEYED], turn);
        self.delete(&place);
        figures
    }

    fn parallel(&self) -> Vec<Figures> {
        let (serial, parallel) = self.scale.delayed;
        let mut place = self.filled("parallel.", 1, parallel.max(serial) + RESERVE);
        let mut take = |who, count| {
            place.count = count;
            Figures { work: work::PARALLEL, who, turns: vec![self.turn(work::PARALLEL, who, &place)] }
        };
        let figures = vec![take(SERIAL, serial), take(WORKERS, parallel)];
        self.delete(&place);
        figures
    }

    fn blocked(&self) -> Vec<Figures> {
        let place = self.filled("blocked.", 1, self.scale.blocked);
        let turns = vec![self.turn(work::BLOCKED, OURS, &place)];
        self.delete(&place);
        vec![Figures { work: work::BLOCKED, who: OURS, turns }]
    }

    fn rounds(
        &self,
        work: &'static str,
        contenders: &[&'static str],
        mut take: impl FnMut(&'static str) -> Turn,
    ) -> Vec<Figures> {
        let mut figures: Vec<_> = contenders.iter().map(|who| Figures { work, who, turns: Vec::new() }).collect();
        for _ in 0..self.scale.rounds {
            for one in &mut figures {
                one.turns.push(take(one.who));
            }
        }
        figures
    }

    /// Makes a topic, and registers the event's schema for it.
    fn place(&self, prefix: &str, partitions: i32, count: u64) -> Where {
        let prefix = format!("bench{}.{prefix}", std::process::id());
        let (bootstrap, registry) = (self.bootstrap.clone(), self.registry.url());
        let n_keys = if partitions == 1 { FEW_KEYS } else { MANY_KEYS };
        let place = Where { bootstrap, registry, prefix, count, n_keys };
        let topic = place.topic();
        self.runtime.block_on(async {
            let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
            let made = self.admin.create_topics([&new], &AdminOptions::new()).await.expect("Kafka answers");
            made.into_iter().for_each(|made| drop(made.expect("the topic is made")));
            let registered = register(&self.client, Some(&place.prefix), &[PaymentReceived::SCHEMA]).await;
            registered.expect("the registry takes the schema");
        });
        place
    }

    /// Makes a topic with records of ours.
    fn filled(&self, prefix: &str, partitions: i32, count: u64) -> Where {
        let place = self.place(prefix, partitions, count);
        self.turn(work::PRODUCE, OURS, &place);
        place
    }

    fn delete(&self, place: &Where) {
        let deleted = self.runtime.block_on(self.admin.delete_topics(&[&place.topic()], &AdminOptions::new()));
        drop(deleted.expect("Kafka answers"));
    }

    /// Takes one turn in a process of its own.
    fn turn(&self, work: &str, who: &str, place: &Where) -> Turn {
        let program = std::env::current_exe().expect("a process knows its program");
        let numbers = [place.count.to_string(), place.n_keys.to_string()];
        let mut command = Command::new(program);
        command.args([TURN, work, who, &place.bootstrap, &place.registry, &place.prefix]).args(numbers);
        let output = command.stderr(Stdio::inherit()).output().expect("the program starts once more");
        let text = String::from_utf8_lossy(&output.stdout);
        Turn::parse(&text).unwrap_or_else(|| panic!("the turn of {who} at {work} failed: {text}"))
    }
}
