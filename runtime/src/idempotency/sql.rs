//! Exactly one effect in a database: the mark of an event is a row in the transaction of the handler's own writes.
//!
//! In: a pool, the [`Context`] of a record, and what is to be written. Out: both are committed, or neither. Whatever
//! happens in between, a process that is killed included, the record is handled again and finds the row, or finds nothing
//! at all. Two consumers with one event wait for each other in the database, and the second one finds the row.
//!
//! A record without `ew-message-id` is known by its topic, partition and offset.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
pub use sqlx;
use sqlx::{Pool, Transaction};

use crate::{Context, Outcome};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS eventwright_idempotency (
    consumer_group TEXT NOT NULL,
    event_id TEXT NOT NULL,
    handled_at BIGINT NOT NULL,
    PRIMARY KEY (consumer_group, event_id)
)";

const MARK: &str = "INSERT INTO eventwright_idempotency (consumer_group, event_id, handled_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING";

const PURGE: &str = "DELETE FROM eventwright_idempotency WHERE consumer_group = $1 AND handled_at < $2";

/// A database that marks can be in: SQLite, PostgreSQL, each by the feature of its name.
pub trait Database: sqlx::Database {
    /// Runs one of our statements with a group, an event's id where it asks for one, and a time; returns how many rows
    /// changed.
    #[doc(hidden)]
    fn execute<'a>(connection: &'a mut Self::Connection, statement: Statement<'a>) -> BoxFuture<'a, sqlx::Result<u64>>;
}

/// One of our statements; times are milliseconds since the Unix epoch.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Statement<'a> {
    Create,
    Mark { group: &'a str, id: &'a str, at: i64 },
    Purge { group: &'a str, before: i64 },
}

/// The queries are the same; their types are not.
macro_rules! database {
    ($database:ty) => {
        impl Database for $database {
            fn execute<'a>(
                connection: &'a mut Self::Connection,
                statement: Statement<'a>,
            ) -> BoxFuture<'a, sqlx::Result<u64>> {
                Box::pin(async move {
                    let query = match statement {
                        Statement::Create => sqlx::query::<Self>(CREATE),
                        Statement::Mark { group, id, at } => sqlx::query(MARK).bind(group).bind(id).bind(at),
                        Statement::Purge { group, before } => sqlx::query(PURGE).bind(group).bind(before),
                    };
                    query.execute(connection).await.map(|result| result.rows_affected())
                })
            }
        }
    };
}

#[cfg(feature = "sqlite")]
database!(sqlx::Sqlite);
#[cfg(feature = "postgres")]
database!(sqlx::Postgres);

/// Makes the table of marks, `eventwright_idempotency`, where it is not there yet; call it before the consumer starts.
///
/// # Errors
/// A database that does not answer, or where we may not make tables.
pub async fn prepare<DB: Database>(pool: &Pool<DB>) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    match DB::execute(&mut *connection, Statement::Create).await {
        Ok(_) => Ok(()),
        // PostgreSQL fails for all but one of those who make it at once; by the second time it is there.
        Err(_) => DB::execute(&mut *connection, Statement::Create).await.map(drop),
    }
}

/// Runs `effect` in a transaction with the mark of the record's event, unless the event was handled already, and commits
/// both if the outcome is [`Outcome::Done`]. Any other outcome, and every error, undoes all that was written. `effect` gives
/// the transaction back, so that nobody forgets to commit it.
///
/// ```no_run
/// # #[cfg(feature = "sqlite")] mod example {
/// # use eventwright::{Consumer, Context, Event, Outcome, Settings};
/// use eventwright::idempotency::sql::{self, sqlx};
///
/// # trait Priced { fn price(&self) -> i64; }
/// # fn consumer<OrderCreated: Event + Priced + Sync>(settings: &Settings, pool: sqlx::SqlitePool) {
/// Consumer::builder(settings).on(move |order: OrderCreated, context: Context| {
///     let pool = pool.clone();
///     async move {
///         sql::once(&pool, &context, async |mut tx| {
///             sqlx::query("UPDATE revenue SET total = total + $1").bind(order.price()).execute(&mut *tx).await?;
///             Ok::<_, sqlx::Error>((tx, Outcome::Done))
///         })
///         .await
///     }
/// });
/// # } }
/// ```
///
/// # Errors
/// Those of `effect` and of the database; the record is then handled again.
pub async fn once<DB, F, U, E>(pool: &Pool<DB>, context: &Context, effect: F) -> Result<Outcome, E>
where
    DB: Database,
    F: FnOnce(Tx<DB>) -> U,
    U: Future<Output = Result<(Tx<DB>, Outcome), E>>,
    E: From<sqlx::Error>,
{
    let by_position = || format!("{}/{}/{}", context.topic(), context.partition(), context.offset());
    let id = context.message_id().map_or_else(by_position, str::to_owned);
    let Some(tx) = begin(pool, context.group(), &id).await? else {
        context.count_duplicate();
        return Ok(Outcome::Done);
    };
    let (tx, outcome) = effect(tx).await?;
    if outcome == Outcome::Done {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

/// Forgets what a group handled longer ago than that, and returns how many events it was; call it from time to time.
///
/// # Errors
/// A database that does not answer.
pub async fn purge<DB: Database>(pool: &Pool<DB>, group: &str, older_than: Duration) -> sqlx::Result<u64> {
    let mut connection = pool.acquire().await?;
    let before = millis(SystemTime::now().checked_sub(older_than).unwrap_or(UNIX_EPOCH));
    DB::execute(&mut *connection, Statement::Purge { group, before }).await
}

/// A transaction of a handler.
pub type Tx<DB> = Transaction<'static, DB>;

/// Begins a transaction that holds the mark of an event, unless it has one already.
pub(super) async fn begin<DB: Database>(pool: &Pool<DB>, group: &str, id: &str) -> sqlx::Result<Option<Tx<DB>>> {
    let mut tx = pool.begin().await?;
    let at = millis(SystemTime::now());
    let is_new = DB::execute(&mut *tx, Statement::Mark { group, id, at }).await? == 1;
    if is_new {
        return Ok(Some(tx));
    }
    tx.rollback().await?;
    Ok(None)
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
