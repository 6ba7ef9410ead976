//! API keys in an SQLite file.

use std::time::Duration;

use ipnet::IpNet;
use sqlx::Row;
use sqlx::error::ErrorKind;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::revocations::insert;
use super::{Sqlite, begin, millis, step, time};
use crate::base::clock::Timestamp;
use crate::identity::keys::{KeyHash, KeyId};
use crate::identity::model::api_key::{ApiKey, Limit};
use crate::identity::model::revocation::{Revocation, Target};
use crate::identity::store::{Answer, ApiKeys, Revoked, StoreFault};

impl ApiKeys for Sqlite {
    fn create(&self, key: ApiKey) -> Answer<'_, ()> {
        let work = move |pool: SqlitePool| async move {
            let mut writing = begin(&pool).await?;
            let limit = key.limit.map(|limit| (i64::from(limit.count), limit.per.as_secs()));
            let made = sqlx::query(
                "INSERT INTO api_keys (id, hash, owner, roles, permissions, scopes, networks, limit_count, limit_seconds, \
                 created, expires, revoked, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(key.id.as_str())
            .bind(key.hash.as_bytes().as_slice())
            .bind(&*key.owner)
            .bind(list(&key.roles)?)
            .bind(list(&key.permissions)?)
            .bind(list(&key.scopes)?)
            .bind(list(&key.networks.iter().map(IpNet::to_string).collect::<Vec<_>>())?)
            .bind(limit.map(|(count, _)| count))
            .bind(limit.map(|(_, seconds)| i64::try_from(seconds).unwrap_or(i64::MAX)))
            .bind(millis(key.created))
            .bind(key.expires.map(millis))
            .bind(key.revoked.map(millis))
            .bind(key.last_used.map(millis))
            .execute(&mut *writing)
            .await;
            made.map_err(|error| match error.as_database_error() {
                Some(fault) if fault.kind() == ErrorKind::UniqueViolation => StoreFault::Exists,
                _ => error.into(),
            })?;
            step(&mut writing).await?;
            Ok(writing.commit().await?)
        };
        Box::pin(self.database.write("store.keys.create", work))
    }

    fn present(&self, id: KeyId, hash: KeyHash) -> Answer<'_, Option<ApiKey>> {
        let work = move |pool: SqlitePool| async move {
            // One row of one hash either way: nobody's key has a hash of zeros.
            let kept = sqlx::query_scalar::<_, Vec<u8>>(
                "SELECT coalesce((SELECT hash FROM api_keys WHERE id = ?), zeroblob(32))",
            )
            .bind(id.as_str())
            .fetch_one(&pool)
            .await?;
            let kept = KeyHash::from_bytes(&kept).ok_or(StoreFault::Content("the hash of a key"))?;
            if kept != hash {
                return Ok(None);
            }
            one(&id, &pool).await
        };
        Box::pin(self.database.read("store.keys.present", work))
    }

    fn find(&self, id: KeyId) -> Answer<'_, Option<ApiKey>> {
        let work = move |pool: SqlitePool| async move { one(&id, &pool).await };
        Box::pin(self.database.read("store.keys.find", work))
    }

    fn list(&self, owner: Option<Box<str>>) -> Answer<'_, Vec<ApiKey>> {
        let work = move |pool: SqlitePool| async move {
            let query = sqlx::query("SELECT * FROM api_keys WHERE ?1 IS NULL OR owner = ?1 ORDER BY created, id");
            let rows = query.bind(owner.as_deref()).fetch_all(&pool).await?;
            rows.iter().map(key).collect()
        };
        Box::pin(self.database.read("store.keys.list", work))
    }

    fn revoke(&self, id: KeyId, now: Timestamp) -> Answer<'_, Revoked> {
        let work = move |pool: SqlitePool| async move {
            let mut writing = begin(&pool).await?;
            let kept = sqlx::query("SELECT * FROM api_keys WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&mut *writing)
                .await?;
            let Some(kept) = kept.as_ref().map(key).transpose()? else {
                return Ok(Revoked::Unknown);
            };
            let Ok(revoked) = kept.revoke(now) else {
                return Ok(Revoked::Before);
            };
            sqlx::query("UPDATE api_keys SET revoked = ? WHERE id = ?")
                .bind(revoked.revoked.map(millis))
                .bind(id.as_str())
                .execute(&mut *writing)
                .await?;
            // Whoever remembers the key as a good one hears of it by this.
            let told = Revocation {
                target: Target::key(id.as_str()),
                until: revoked.expires,
            };
            let sequence = step(&mut writing).await?;
            insert(&mut writing, sequence, &told).await?;
            writing.commit().await?;
            Ok(Revoked::Now)
        };
        Box::pin(self.database.write("store.keys.revoke", work))
    }

    fn touch(&self, used: Vec<(KeyId, Timestamp)>) -> Answer<'_, ()> {
        let work = |pool: SqlitePool| async move {
            let mut writing = begin(&pool).await?;
            for (id, at) in used {
                sqlx::query("UPDATE api_keys SET last_used = max(coalesce(last_used, 0), ?) WHERE id = ?")
                    .bind(millis(at))
                    .bind(id.as_str())
                    .execute(&mut *writing)
                    .await?;
            }
            Ok(writing.commit().await?)
        };
        Box::pin(self.database.write("store.keys.touch", work))
    }
}

async fn one(id: &KeyId, pool: &SqlitePool) -> Result<Option<ApiKey>, StoreFault> {
    let query = sqlx::query("SELECT * FROM api_keys WHERE id = ?").bind(id.as_str());
    query.fetch_optional(pool).await?.as_ref().map(key).transpose()
}

fn key(row: &SqliteRow) -> Result<ApiKey, StoreFault> {
    let networks = listed(row, "networks")?;
    let networks = networks
        .iter()
        .map(|network| network.parse().ok())
        .collect::<Option<Vec<IpNet>>>();
    let count = row.try_get::<Option<i64>, _>("limit_count")?;
    let seconds = row.try_get::<Option<i64>, _>("limit_seconds")?;
    Ok(ApiKey {
        id: KeyId::parse(row.try_get("id")?).ok_or(StoreFault::Content("the id of a key"))?,
        hash: KeyHash::from_bytes(row.try_get("hash")?).ok_or(StoreFault::Content("the hash of a key"))?,
        owner: row.try_get::<String, _>("owner")?.into(),
        roles: listed(row, "roles")?,
        permissions: listed(row, "permissions")?,
        scopes: listed(row, "scopes")?,
        networks: networks.ok_or(StoreFault::Content("the networks of a key"))?,
        limit: count
            .zip(seconds)
            .map(|(count, seconds)| limit(count, seconds))
            .transpose()?,
        created: time(row, "created")?.ok_or(StoreFault::Content("the age of a key"))?,
        expires: time(row, "expires")?,
        revoked: time(row, "revoked")?,
        last_used: time(row, "last_used")?,
    })
}

fn limit(count: i64, seconds: i64) -> Result<Limit, StoreFault> {
    let sound = u32::try_from(count).ok().zip(u64::try_from(seconds).ok());
    let (count, seconds) = sound.ok_or(StoreFault::Content("the limit of a key"))?;
    Ok(Limit {
        count,
        per: Duration::from_secs(seconds),
    })
}

fn list(texts: &[impl AsRef<str>]) -> Result<String, StoreFault> {
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    serde_json::to_string(&texts).map_err(|_| StoreFault::Content("a list of a key"))
}

fn listed(row: &SqliteRow, column: &'static str) -> Result<Vec<Box<str>>, StoreFault> {
    // A list that cannot be read is not an empty one: no networks would mean all of them.
    serde_json::from_str(row.try_get(column)?).map_err(|_| StoreFault::Content("a list of a key"))
}
