//! The store in an SQLite file.

mod api_keys;
mod revocations;

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite as Engine, Transaction};

use super::{Answer, Changes, SigningKeys, StoreFault};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::storage::Database;

#[derive(Debug)]
pub(super) struct Sqlite {
    database: Database,
}

impl Sqlite {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Changes for Sqlite {
    fn sequence(&self) -> Answer<'_, u64> {
        let work = |pool: SqlitePool| async move {
            let query = sqlx::query_scalar::<_, i64>("SELECT sequence FROM changes WHERE only = 1");
            number(query.fetch_one(&pool).await?)
        };
        Box::pin(self.database.read("store.sequence", work))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.database.close().await;
            Ok(())
        })
    }
}

impl SigningKeys for Sqlite {
    fn signing_key(&self, name: Box<str>, fresh: Secret, now: Timestamp) -> Answer<'_, Secret> {
        let work = move |pool: SqlitePool| async move {
            let mut writing = begin(&pool).await?;
            sqlx::query("INSERT INTO signing_keys (name, secret, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(&*name)
                .bind(fresh.expose())
                .bind(millis(now))
                .execute(&mut *writing)
                .await?;
            let kept = sqlx::query_scalar::<_, Vec<u8>>("SELECT secret FROM signing_keys WHERE name = ?")
                .bind(&*name)
                .fetch_one(&mut *writing)
                .await?;
            writing.commit().await?;
            Ok(Secret::new(kept))
        };
        Box::pin(self.database.write("store.signing_key", work))
    }
}

/// A transaction that will write: said at once, so that it waits for other writers before it has read anything.
async fn begin(pool: &SqlitePool) -> Result<Transaction<'static, Engine>, StoreFault> {
    Ok(pool.begin_with("BEGIN IMMEDIATE").await?)
}

/// One step in the sequence of changes, for what is written beside it.
async fn step(writing: &mut Transaction<'static, Engine>) -> Result<u64, StoreFault> {
    let query =
        sqlx::query_scalar::<_, i64>("UPDATE changes SET sequence = sequence + 1 WHERE only = 1 RETURNING sequence");
    number(query.fetch_one(&mut **writing).await?)
}

fn number(kept: i64) -> Result<u64, StoreFault> {
    u64::try_from(kept).map_err(|_| StoreFault::Content("a number below zero"))
}

/// Later than any clock says is as good as never.
fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn time(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, StoreFault> {
    let kept = row.try_get::<Option<i64>, _>(column)?;
    kept.map(|kept| number(kept).map(Timestamp::from_millis)).transpose()
}
