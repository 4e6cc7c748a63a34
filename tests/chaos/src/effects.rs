//! What handlers did: lines of a file, rows of a database, or events in Kafka, in the order in which they happened to a key.

mod lines;
mod rows;

use anyhow::Result;
use eventwright::idempotency::sql::sqlx::{PgPool, SqlitePool};
use eventwright::wire::jiff::Timestamp;
use eventwright::wire::uuid::Uuid;
use eventwright::{Context, Event as _, HandlerError, Outcome};
use eventwright_platform::events::InventoryAdjusted;

use self::lines::Line;
pub(crate) use self::lines::{LinesRead, LinesWritten};
use self::rows::Rows as _;
use crate::kafka::Kafka;
use crate::plan::{Numbered, Store};

/// Where effects go, as a process that handles records has it.
pub(crate) enum Sink {
    Lines(LinesWritten),
    Sqlite(SqlitePool),
    Postgres(PgPool),
    /// To the topic of [`InventoryAdjusted`].
    Events,
}

/// Where effects are, as the driver has it.
pub(crate) enum Effects {
    Lines(LinesRead),
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Events,
}

impl Sink {
    /// Opens what a store has effects in: a file, or a database by its address.
    pub(crate) fn open(store: Store, place: &str, workers: u32) -> Result<Self> {
        Ok(match store {
            Store::None | Store::Redis => Self::Lines(LinesWritten::open(place.as_ref())?),
            Store::Sqlite => Self::Sqlite(rows::sqlite(place, workers)),
            Store::Postgres => Self::Postgres(rows::postgres(place, workers)?),
            Store::Transactions => Self::Events,
        })
    }

    /// Has the effect of an event.
    pub(crate) async fn put(&self, event: Numbered, context: &Context) -> Result<Outcome, HandlerError> {
        match self {
            Self::Lines(lines) => {
                lines.append(Line { partition: context.partition(), offset: context.offset(), event })?;
            }
            Self::Sqlite(pool) => return Ok(pool.insert(event, context).await?),
            Self::Postgres(pool) => return Ok(pool.insert(event, context).await?),
            Self::Events => context.send(&adjusted(event)?).await?,
        }
        Ok(Outcome::Done)
    }
}

impl Effects {
    /// Opens what a store has effects in, and makes it ready for handlers.
    pub(crate) async fn open(store: Store, place: &str) -> Result<Self> {
        Ok(match store {
            Store::None | Store::Redis => Self::Lines(LinesRead::open(place.as_ref())?),
            Store::Sqlite => Self::Sqlite(rows::prepared_sqlite(place).await?),
            Store::Postgres => Self::Postgres(rows::prepared_postgres(place).await?),
            Store::Transactions => Self::Events,
        })
    }

    /// Returns all effects, those of each key in their order.
    pub(crate) async fn all(&mut self, kafka: &Kafka) -> Result<Vec<Numbered>> {
        match self {
            Self::Lines(lines) => Ok(lines.read_on()?.iter().map(|line| line.event).collect()),
            Self::Sqlite(pool) => pool.read().await,
            Self::Postgres(pool) => pool.read().await,
            Self::Events => kafka.values(InventoryAdjusted::TOPIC).await?.iter().map(|value| numbered(value)).collect(),
        }
    }
}

/// Returns the event that is the effect of another one.
fn adjusted(Numbered { key, number }: Numbered) -> Result<InventoryAdjusted, HandlerError> {
    let id = Uuid::from_u64_pair(u64::from(key), u64::from(number));
    Ok(InventoryAdjusted::new(id, key.to_string(), i32::try_from(number)?, Timestamp::UNIX_EPOCH))
}

/// Returns the event whose effect a framed value is.
fn numbered(value: &[u8]) -> Result<Numbered> {
    let adjusted = InventoryAdjusted::decode(InventoryAdjusted::WRITERS.len() - 1, value.get(5..).unwrap_or_default())?;
    Ok(Numbered { key: adjusted.sku.parse()?, number: u32::try_from(adjusted.quantity)? })
}
