//! Effects in a database: a row for each, written in the transaction of the event's mark. Nothing in the table itself keeps an
//! effect from being there twice.

use std::time::Duration;

use anyhow::{Context as _, Result};
use eventwright::idempotency::sql::{self, sqlx};
use eventwright::{Context, Outcome};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::plan::Numbered;

/// How long a handler waits for others that write to SQLite: one of them may be stopped in its transaction.
const BUSY: Duration = Duration::from_secs(60);

/// How long a handler waits for a connection to a database that is away, before it fails and is tried again.
const CONNECT: Duration = Duration::from_secs(2);

const INSERT: &str = "INSERT INTO effects (event_key, event_number) VALUES ($1, $2)";

const SELECT: &str = "SELECT event_key, event_number FROM effects ORDER BY id";

/// Returns connections to a database in a file; they are made when they are needed.
pub(super) fn sqlite(path: &str, connections: u32) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).busy_timeout(BUSY);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
    SqlitePoolOptions::new().max_connections(connections).connect_lazy_with(options)
}

/// Returns connections to PostgreSQL; they are made when they are needed.
pub(super) fn postgres(url: &str, connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(connections).acquire_timeout(CONNECT).connect_lazy(url)?)
}

pub(super) async fn prepared_sqlite(path: &str) -> Result<SqlitePool> {
    let pool = sqlite(path, 1);
    sql::prepare(&pool).await?;
    let table = "CREATE TABLE effects (id INTEGER PRIMARY KEY AUTOINCREMENT, event_key BIGINT, event_number BIGINT)";
    sqlx::query(table).execute(&pool).await?;
    Ok(pool)
}

pub(super) async fn prepared_postgres(url: &str) -> Result<PgPool> {
    let pool = postgres(url, 1)?;
    sql::prepare(&pool).await?;
    let table = "CREATE TABLE effects (id BIGSERIAL PRIMARY KEY, event_key BIGINT, event_number BIGINT)";
    sqlx::query(table).execute(&pool).await?;
    Ok(pool)
}

/// What handlers and the driver do with a database.
pub(super) trait Rows {
    /// Has the effect of an event, unless it has been there already.
    fn insert(&self, event: Numbered, context: &Context) -> impl Future<Output = sqlx::Result<Outcome>> + Send;

    /// Returns all effects, those of each key in their order.
    fn read(&self) -> impl Future<Output = Result<Vec<Numbered>>> + Send;
}

/// The queries are the same; their types are not.
macro_rules! rows {
    ($database:ty) => {
        impl Rows for sqlx::Pool<$database> {
            async fn insert(&self, Numbered { key, number }: Numbered, context: &Context) -> sqlx::Result<Outcome> {
                let insert = async |mut tx: sql::Tx<$database>| {
                    sqlx::query(INSERT).bind(i64::from(key)).bind(i64::from(number)).execute(&mut *tx).await?;
                    Ok((tx, Outcome::Done))
                };
                sql::once(self, context, insert).await
            }

            async fn read(&self) -> Result<Vec<Numbered>> {
                let rows: Vec<(i64, i64)> = sqlx::query_as(SELECT).fetch_all(self).await?;
                rows.into_iter().map(numbered).collect()
            }
        }
    };
}

rows!(sqlx::Sqlite);
rows!(sqlx::Postgres);

fn numbered((key, number): (i64, i64)) -> Result<Numbered> {
    let unexpected = || format!("an effect of key {key} and number {number}");
    let key = u32::try_from(key).with_context(unexpected)?;
    Ok(Numbered { key, number: u32::try_from(number).with_context(unexpected)? })
}
