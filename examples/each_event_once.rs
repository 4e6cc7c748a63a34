//! Counts orders in PostgreSQL, each exactly once, whatever is killed when. Needs `--features postgres`, `DATABASE_URL`, and the
//! table `revenue (customer TEXT PRIMARY KEY, orders BIGINT NOT NULL)`.

mod events {
    eventwright::include_events!();
}

use events::OrderCreated;
use eventwright::{Consumer, ConsumerBuilder, Context, Outcome, Settings};

use eventwright::idempotency::sql::{self, sqlx};

fn revenue(settings: &Settings, pool: sqlx::PgPool) -> ConsumerBuilder {
    Consumer::builder(settings).group("revenue").on(move |order: OrderCreated, context: Context| {
        let pool = pool.clone();
        async move {
            sql::once(&pool, &context, async |mut tx| {
                let add = "UPDATE revenue SET orders = orders + 1 WHERE customer = $1";
                sqlx::query(add).bind(&order.customer_id).execute(&mut *tx).await?;
                Ok::<_, sqlx::Error>((tx, Outcome::Done))
            })
            .await
        }
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = sqlx::PgPool::connect(&std::env::var("DATABASE_URL")?).await?;
    sql::prepare(&pool).await?;
    revenue(&Settings::load()?, pool).run().await?;
    Ok(())
}
