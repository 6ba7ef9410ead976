//! How stored things are kept: a trait for each, so that an engine can be put in place of another. Callers hold a
//! [`Store`]; which engine is behind it they do not know.

pub mod last_used;
mod sqlite;

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use last_used::LastUsed;

use super::keys::{KeyHash, KeyId};
use super::model::api_key::ApiKey;
use super::model::revocation::Revocation;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::base::timers::Timers;
use crate::storage::Database;
pub use crate::storage::StoreFault;

/// What an engine answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreFault>> + Send + 'a>>;

/// Keys that are made while gateways run.
pub trait ApiKeys {
    /// Keep a new key; [`StoreFault::Exists`] when its id is taken.
    fn create(&self, key: ApiKey) -> Answer<'_, ()>;

    /// The key with this id and this hash. An id that nobody has costs the same work as a wrong hash (AK-02), and
    /// whatever else is kept of a key is read only for who holds it.
    fn present(&self, id: KeyId, hash: KeyHash) -> Answer<'_, Option<ApiKey>>;

    /// For whoever administers keys; a client never gets here.
    fn find(&self, id: KeyId) -> Answer<'_, Option<ApiKey>>;

    /// All keys, or those of one owner, the oldest first.
    fn list(&self, owner: Option<Box<str>>) -> Answer<'_, Vec<ApiKey>>;

    /// End a key, and tell every gateway of the store to forget what it remembers of it, in one step.
    fn revoke(&self, id: KeyId, now: Timestamp) -> Answer<'_, Revoked>;

    /// When keys were last used. An earlier time than the one that is kept changes nothing.
    fn touch(&self, used: Vec<(KeyId, Timestamp)>) -> Answer<'_, ()>;
}

/// What became of the wish to revoke a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    Now,
    Before,
    Unknown,
}

pub trait Revocations {
    /// Keep it; tells its place in the sequence of changes.
    fn add(&self, revocation: Revocation) -> Answer<'_, u64>;

    /// Those after a place in the sequence, in its order, at most `at_most` of them.
    fn since(&self, sequence: u64, at_most: u32) -> Answer<'_, Vec<(u64, Revocation)>>;

    /// Forget those whose end is past. Tells how many.
    fn purge(&self, now: Timestamp) -> Answer<'_, u64>;
}

pub trait SigningKeys {
    /// The key of this name, or `fresh`, which is its key from then on. All who ask get the same one.
    fn signing_key(&self, name: Box<str>, fresh: Secret, now: Timestamp) -> Answer<'_, Secret>;
}

pub trait Changes {
    /// Grows with every change that other processes must notice.
    fn sequence(&self) -> Answer<'_, u64>;

    /// End all connections.
    fn close(&self) -> Answer<'_, ()>;
}

/// Everything that a store keeps.
pub trait Engine: ApiKeys + Revocations + SigningKeys + Changes + fmt::Debug + Send + Sync {}

impl<T: ApiKeys + Revocations + SigningKeys + Changes + fmt::Debug + Send + Sync> Engine for T {}

/// A store at work. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    last_used: LastUsed,
}

impl Store {
    pub fn sqlite(database: Database) -> Self {
        Self::of(sqlite::Sqlite::new(database))
    }

    /// An engine that a test makes up.
    #[cfg(test)]
    pub(crate) fn for_test(engine: impl Engine + 'static) -> Self {
        Self::of(engine)
    }

    fn of(engine: impl Engine + 'static) -> Self {
        Self {
            engine: Arc::new(engine),
            last_used: LastUsed::default(),
        }
    }

    /// Where uses of its keys are gathered.
    pub fn last_used(&self) -> &LastUsed {
        &self.last_used
    }

    /// Write what is gathered, for ever. A task of the background, once for each store.
    pub async fn keep_writing(self, timers: Timers) {
        self.last_used.keep_writing(&*self.engine, timers).await;
    }

    /// Write what is gathered and end all connections.
    pub async fn finish(&self) -> Result<(), StoreFault> {
        let written = self.last_used.write(&*self.engine).await;
        self.engine.close().await.and(written)
    }
}

impl Deref for Store {
    type Target = dyn Engine;

    fn deref(&self) -> &Self::Target {
        &*self.engine
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod contract;
