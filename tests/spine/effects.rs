//! Exactly one effect in a database, whoever is killed when: the mark of an event and what its handler writes are one
//! transaction.

use std::io::Write as _;

use eventwright::idempotency::sql::{self, Database, sqlx};
use eventwright::{Consumer, ConsumerBuilder, Context, Order, Outcome, Producer, Settings};
use eventwright_platform::events::OrderCreated;
use sqlx::Pool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::sync::mpsc;

use crate::process::Process;
use crate::world::{World, consume, order_v2, take, variable, within};

const COUNT: u128 = 400;

/// How often the consumer is killed, each time in the middle.
const KILLS: usize = 4;

/// By which the process knows that it is the one.
const PLACE: &str = "EVENTWRIGHT_TEST_EFFECTS";

const BODY: &str = "effects::body_of_the_process";

/// The queries of the tests, for each database.
trait Effects: Database {
    async fn connect(place: &str) -> Pool<Self>;
    async fn create(pool: &Pool<Self>);
    fn add(tx: &mut sql::Tx<Self>, group: &str, order: &str) -> impl Future<Output = sqlx::Result<()>> + Send;
    /// Returns how many effects there are, and how many orders have one.
    async fn count(pool: &Pool<Self>, group: &str) -> (i64, i64);
}

macro_rules! effects {
    ($database:ty, $connect:expr) => {
        impl Effects for $database {
            async fn connect(place: &str) -> Pool<Self> {
                $connect(place).await
            }

            async fn create(pool: &Pool<Self>) {
                let create =
                    "CREATE TABLE IF NOT EXISTS effects (consumer_group TEXT NOT NULL, order_id TEXT NOT NULL)";
                sqlx::query(create).execute(pool).await.unwrap();
            }

            async fn add(tx: &mut sql::Tx<Self>, group: &str, order: &str) -> sqlx::Result<()> {
                let insert = sqlx::query("INSERT INTO effects (consumer_group, order_id) VALUES ($1, $2)");
                insert.bind(group).bind(order).execute(&mut **tx).await.map(drop)
            }

            async fn count(pool: &Pool<Self>, group: &str) -> (i64, i64) {
                let count = "SELECT COUNT(*), COUNT(DISTINCT order_id) FROM effects WHERE consumer_group = $1";
                sqlx::query_as(count).bind(group).fetch_one(pool).await.unwrap()
            }
        }
    };
}

effects!(sqlx::Sqlite, async |file: &str| {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    SqlitePool::connect_with(options).await.unwrap()
});
effects!(sqlx::Postgres, async |url: &str| sqlx::PgPool::connect(url).await.unwrap());

/// A consumer whose handler writes a row for each order.
fn consumer<DB: Effects>(settings: &Settings, group: &str, pool: Pool<DB>) -> ConsumerBuilder {
    Consumer::builder(settings).group(group).on(move |order: OrderCreated, context: Context| {
        let pool = pool.clone();
        async move {
            let add = async |mut tx| {
                DB::add(&mut tx, context.group(), &order.order_id.to_string()).await?;
                Ok::<_, sqlx::Error>((tx, Outcome::Done))
            };
            sql::once(&pool, &context, add).await
        }
    })
}

async fn killed_in_the_middle<DB: Effects>(database: &str, place: &str) {
    let world = World::new().await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in 0..COUNT {
        drop(producer.enqueue(&order_v2(number)).await.unwrap());
        drop(producer.enqueue(&order_v2(number)).await.unwrap());
    }
    producer.flush(std::time::Duration::from_secs(30)).await.unwrap();
    let pool = DB::connect(place).await;
    sql::prepare(&pool).await.unwrap();
    DB::create(&pool).await;
    let group = world.group("g");
    let Settings { bootstrap, registry, .. } = &world.settings;
    let place = [database, place, bootstrap, &registry.url, &world.prefix, &group];
    let mut seen = 0;
    for _ in 0..KILLS {
        let mut process = Process::start(BODY, PLACE, &place);
        seen += within(process.lines("handled", 70)).await.len();
        process.kill().await;
    }
    let mut last = Process::start(BODY, PLACE, &place);
    let all = async { while DB::count(&pool, &group).await.1 < i64::try_from(COUNT).unwrap() {} };
    tokio::select! {
        () = within(all) => {}
        // The process must not stop for want of somebody who reads.
        _ = last.lines("handled", usize::MAX) => {}
    }
    last.kill().await;
    let count = i64::try_from(COUNT).unwrap();
    assert_eq!(DB::count(&pool, &group).await, (count, count), "after {KILLS} kills, {seen} handled before");
}

#[tokio::test]
async fn a_killed_consumer_writes_to_postgres_once_for_each_event() {
    killed_in_the_middle::<sqlx::Postgres>("postgres", &variable("EVENTWRIGHT_TEST_POSTGRES")).await;
}

#[tokio::test]
async fn a_killed_consumer_writes_to_sqlite_once_for_each_event() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("effects.db");
    killed_in_the_middle::<sqlx::Sqlite>("sqlite", file.to_str().unwrap()).await;
}

#[tokio::test]
#[ignore = "the process that the tests above start and kill"]
async fn body_of_the_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let [database, pool, bootstrap, registry, prefix, group] = place.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{place}")
    };
    let mut settings = Settings::new(bootstrap, registry).with_prefix(prefix).with_kafka("session.timeout.ms", "6000");
    // Copies of an event that are handled at once wait for each other in the database.
    settings.consumer.order = Order::None;
    settings.consumer.workers = Some(8);
    settings.consumer.commit_interval = std::time::Duration::from_millis(50);
    let consumer = match database {
        "sqlite" => consumer(&settings, group, sqlx::Sqlite::connect(pool).await),
        _ => consumer(&settings, group, sqlx::Postgres::connect(pool).await),
    };
    let stats = consumer.stats();
    let told = async {
        let mut told = 0;
        loop {
            while told < stats.handled() {
                told += 1;
                // The test program prints the name of the test without an end of line.
                writeln!(std::io::stdout(), "\nhandled {told}").unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = consumer.run() => ended.unwrap(),
        () = told => {}
    }
}

#[tokio::test]
async fn an_outcome_that_is_not_done_undoes_what_was_written() {
    let world = World::new().await;
    let pool = sqlx::Postgres::connect(&variable("EVENTWRIGHT_TEST_POSTGRES")).await;
    sql::prepare(&pool).await.unwrap();
    <sqlx::Postgres as Effects>::create(&pool).await;
    let producer = Producer::connect(&world.settings).await.unwrap();
    for number in [1, 1, 2] {
        producer.send(&order_v2(number)).await.unwrap();
    }
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut settings = world.settings.clone();
    settings.consumer.retry.backoff = std::time::Duration::from_millis(1);
    let handler_pool = pool.clone();
    let consumer =
        Consumer::builder(&settings).group(world.group("g")).on(move |order: OrderCreated, context: Context| {
            let (pool, sender) = (handler_pool.clone(), sender.clone());
            async move {
                let number = order.order_id.as_u128();
                let add = async |mut tx| {
                    Effects::add(&mut tx, context.group(), &number.to_string()).await?;
                    let _ = sender.send(number);
                    let outcome = match (number, context.attempt()) {
                        (1, 1) => Outcome::Retry("not yet".into()),
                        (2, _) => Outcome::Reject("never".into()),
                        _ => Outcome::Done,
                    };
                    Ok::<_, sqlx::Error>((tx, outcome))
                };
                sql::once(&pool, &context, add).await
            }
        });
    let stats = consumer.stats();
    let all = async {
        let called = take(&mut receiver, 3).await;
        while stats.duplicates() < 1 || stats.dead_lettered() < 1 {
            tokio::task::yield_now().await;
        }
        called
    };
    let mut called = consume(consumer, all).await.unwrap();
    called.sort_unstable();
    assert_eq!(called, [1, 1, 2]);
    assert_eq!(<sqlx::Postgres as Effects>::count(&pool, &world.group("g")).await, (1, 1));
}
