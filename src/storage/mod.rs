//! Connections to what outlives the process. Comes in: the place that the configuration names. Goes out: a [`Database`]
//! with its tables in order. It refuses to know what the tables mean; that is `identity`'s.
//!
//! Connections live on the background runtime and nowhere else: a worker asks through [`Database::read`], which takes a
//! second at most.

mod place;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, SqlStr};

use crate::base::background::{Background, CallFailed};

/// A request that waits for longer is told that the store cannot be asked (CF-06).
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for a writer that another process holds up, shorter so that the reason is told and not the lateness.
const BUSY: Duration = Duration::from_millis(800);
/// For opening, tables included: once, before anybody is served.
const OPENING: Duration = Duration::from_secs(60);
/// A reader is done in microseconds; more of them would only fill memory.
const READERS: u32 = 4;

/// The steps from an empty file to the tables of this version, in order. A step is never edited, only added.
const SQLITE: &[(i64, &str, &str)] = &[(
    1,
    "keys and revocations",
    include_str!("../../migrations/sqlite/0001_keys_and_revocations.sql"),
)];

/// An open SQLite database. Clones share the connections.
#[derive(Clone)]
pub struct Database {
    path: Arc<Path>,
    /// SQLite has one writer; a second connection would only wait for the first.
    writer: SqlitePool,
    readers: SqlitePool,
    background: Background,
}

/// Why a database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    #[error("the store {} cannot be made: {source}", path.display())]
    Place { path: PathBuf, source: io::Error },
    #[error("the store {} cannot be opened: {source}", path.display())]
    Open { path: PathBuf, source: sqlx::Error },
    #[error("the tables of the store {} cannot be brought up to date: {source}", path.display())]
    Tables { path: PathBuf, source: MigrateError },
    #[error("the store {} cannot be opened: {source}", path.display())]
    Call { path: PathBuf, source: CallFailed },
}

/// Why a database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    #[error("the store was not asked: {0}")]
    Call(#[from] CallFailed),
    #[error("the store failed: {0}")]
    Engine(#[from] sqlx::Error),
    /// What is written there is nothing that this version writes.
    #[error("the store holds something unreadable: {0}")]
    Content(&'static str),
    #[error("this exists already")]
    Exists,
}

impl Database {
    /// The same database, for whoever must not wait in line with requests.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            background: self.background.apart(),
            ..self.clone()
        }
    }

    /// Open the file at `path`, made where it is missing, and bring its tables up to date.
    pub async fn open(path: &Path, background: &Background) -> Result<Self, OpenFault> {
        let path: Arc<Path> = path.into();
        let (there, over_there) = (Arc::clone(&path), background.clone());
        let opening = async move { Self::connect(there, over_there).await };
        let opened = background.call("store.open", OPENING, opening).await;
        let path = path.to_path_buf();
        opened.map_err(|source| OpenFault::Call { path, source })?
    }

    /// The file at `path` as it is, for who only looks: nothing is made, brought up to date or written. What is not there
    /// shows when it is asked for.
    pub fn look(path: &Path, background: &Background) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY);
        Self {
            path: path.into(),
            writer: pool(1).connect_lazy_with(options.clone()),
            readers: pool(1).connect_lazy_with(options),
            background: background.clone(),
        }
    }

    async fn connect(path: Arc<Path>, background: Background) -> Result<Self, OpenFault> {
        let owned = || path.to_path_buf();
        place::prepare(&path).map_err(|source| OpenFault::Place { path: owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // Who was told that a key is revoked must not find it alive after a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let open = |source| OpenFault::Open { path: owned(), source };
        let writer = pool(1).connect_with(options.clone()).await.map_err(open)?;
        migrator()
            .run(&writer)
            .await
            .map_err(|source| OpenFault::Tables { path: owned(), source })?;
        let readers = pool(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(open)?;
        Ok(Self {
            path,
            writer,
            readers,
            background,
        })
    }

    /// What `work` makes of a connection that only reads.
    pub async fn read<T, F, W>(&self, name: &'static str, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreFault>> + Send + 'static,
        W: FnOnce(SqlitePool) -> F,
    {
        self.background.call(name, PATIENCE, work(self.readers.clone())).await?
    }

    /// The same of the one that writes.
    pub async fn write<T, F, W>(&self, name: &'static str, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreFault>> + Send + 'static,
        W: FnOnce(SqlitePool) -> F,
    {
        self.background.call(name, PATIENCE, work(self.writer.clone())).await?
    }

    /// End all connections; what was written is in the file itself afterwards.
    pub async fn close(&self) {
        let (readers, writer) = (self.readers.clone(), self.writer.clone());
        let closing = async move {
            readers.close().await;
            writer.close().await;
        };
        let _late = self.background.call("store.close", PATIENCE, closing).await;
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.path.display())
    }
}

fn pool(most: u32) -> SqlitePoolOptions {
    // How long a request waits is its call's to say. Opening may take longer on a machine that has much to do, and nobody is
    // served before that.
    SqlitePoolOptions::new().max_connections(most).acquire_timeout(OPENING)
}

fn migrator() -> Migrator {
    let steps = SQLITE.iter().map(|(version, name, sql)| {
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(steps.collect())
}

#[cfg(test)]
pub(crate) mod tests;
