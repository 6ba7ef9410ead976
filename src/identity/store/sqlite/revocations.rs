//! Revocations in an SQLite file.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite as Engine, Transaction};

use super::{Sqlite, begin, millis, number, step, time};
use crate::base::clock::Timestamp;
use crate::identity::model::revocation::{Revocation, Target, What};
use crate::identity::store::{Answer, Revocations, StoreFault};

impl Revocations for Sqlite {
    fn add(&self, revocation: Revocation) -> Answer<'_, u64> {
        let work = move |pool: SqlitePool| async move {
            let mut writing = begin(&pool).await?;
            let sequence = step(&mut writing).await?;
            insert(&mut writing, sequence, &revocation).await?;
            writing.commit().await?;
            Ok(sequence)
        };
        Box::pin(self.database.write("store.revocations.add", work))
    }

    fn since(&self, sequence: u64, at_most: u32) -> Answer<'_, Vec<(u64, Revocation)>> {
        let work = move |pool: SqlitePool| async move {
            let query = sqlx::query("SELECT * FROM revocations WHERE sequence > ? ORDER BY sequence LIMIT ?");
            let after = i64::try_from(sequence).unwrap_or(i64::MAX);
            let rows = query.bind(after).bind(at_most).fetch_all(&pool).await?;
            rows.iter().map(revocation).collect()
        };
        Box::pin(self.database.read("store.revocations.since", work))
    }

    fn purge(&self, now: Timestamp) -> Answer<'_, u64> {
        let work = move |pool: SqlitePool| async move {
            let query = sqlx::query("DELETE FROM revocations WHERE until <= ?").bind(millis(now));
            Ok(query.execute(&pool).await?.rows_affected())
        };
        Box::pin(self.database.write("store.revocations.purge", work))
    }
}

/// As part of a change that has its place in the sequence.
pub(super) async fn insert(
    writing: &mut Transaction<'static, Engine>,
    sequence: u64,
    revocation: &Revocation,
) -> Result<(), StoreFault> {
    sqlx::query("INSERT INTO revocations (sequence, what, authenticator, id, until) VALUES (?, ?, ?, ?, ?)")
        .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
        .bind(revocation.target.what().as_str())
        .bind(revocation.target.authenticator())
        .bind(revocation.target.id())
        .bind(revocation.until.map(millis))
        .execute(&mut **writing)
        .await?;
    Ok(())
}

fn revocation(row: &SqliteRow) -> Result<(u64, Revocation), StoreFault> {
    let what = What::named(row.try_get("what")?).ok_or(StoreFault::Content("the kind of a revocation"))?;
    let target = Target::new(what, row.try_get("authenticator")?, row.try_get("id")?);
    let revocation = Revocation {
        target: target.ok_or(StoreFault::Content("the subject of a revocation"))?,
        until: time(row, "until")?,
    };
    Ok((number(row.try_get("sequence")?)?, revocation))
}
