use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::base::clock::{Clock, Timestamp};
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;

/// A background runtime, and a folder that goes with it.
pub(crate) struct Stage {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) background: Background,
    pub(crate) clock: Clock,
    pub(crate) folder: tempfile::TempDir,
}

/// A Tuesday in January of 2027.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

impl Stage {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let clock = Clock::manual(NOW);
        let (timers, tasks) = (Timers::new(clock.clone()), Tasks::default());
        let background = Background::new(runtime.handle().clone(), timers.clone(), tasks);
        background.spawn("timers", timers.run());
        Self {
            runtime,
            background,
            clock,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn open(&self) -> Database {
        self.runtime
            .block_on(Database::open(
                &self.folder.path().join("data/store.db"),
                &self.background,
            ))
            .unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
#[doc = "AK-01"]
fn the_file_is_its_owners_alone() {
    let stage = Stage::new();
    let database = stage.open();
    stage.runtime.block_on(async {
        let touch = |pool: SqlitePool| async move {
            sqlx::query("UPDATE changes SET sequence = 5").execute(&pool).await?;
            Ok(())
        };
        database.write("touch", touch).await.unwrap();
    });
    let folder = stage.folder.path().join("data");
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 1, "no write-ahead log beside {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_store_is_opened_again_with_what_it_held() {
    let stage = Stage::new();
    for expected in [0_i64, 1, 2] {
        let database = stage.open();
        stage.runtime.block_on(async {
            let read = |pool: SqlitePool| async move {
                Ok(sqlx::query_scalar::<_, i64>("SELECT sequence FROM changes")
                    .fetch_one(&pool)
                    .await?)
            };
            assert_eq!(database.read("read", read).await.unwrap(), expected);
            let write = |pool: SqlitePool| async move {
                sqlx::query("UPDATE changes SET sequence = sequence + 1")
                    .execute(&pool)
                    .await?;
                Ok(())
            };
            assert!(database.read("write", write).await.is_err(), "a reader wrote");
            database.write("write", write).await.unwrap();
            database.close().await;
        });
    }
}

#[test]
#[doc = "CF-06"]
fn a_store_that_cannot_be_opened_says_which_and_why() {
    let stage = Stage::new();
    let open = |path: &Path| {
        stage
            .runtime
            .block_on(Database::open(path, &stage.background))
            .unwrap_err()
    };
    let file = stage.folder.path().join("file");
    std::fs::write(
        &file,
        "this is no database, and it is long enough to be looked at as one".repeat(40),
    )
    .unwrap();
    let fault = open(&file).to_string();
    assert!(fault.contains(&file.display().to_string()), "{fault}");
    let fault = open(&file.join("below/a.db"));
    assert!(matches!(fault, OpenFault::Place { .. }), "{fault}");
}

#[test]
#[doc = "CF-06"]
fn a_store_that_hangs_is_late_and_answers_again_afterwards() {
    let stage = Stage::new();
    let database = stage.open();
    stage.runtime.block_on(async {
        let (asked, waits) = tokio::sync::oneshot::channel();
        let hang = database.read("hang", |_pool| async move {
            asked.send(()).unwrap();
            std::future::pending::<Result<(), StoreFault>>().await
        });
        let (outcome, ()) = tokio::join!(hang, async {
            waits.await.unwrap();
            stage.clock.advance(PATIENCE);
        });
        assert!(
            matches!(outcome, Err(StoreFault::Call(CallFailed::Late))),
            "{outcome:?}"
        );
        let read = |pool: SqlitePool| async move {
            Ok(sqlx::query_scalar::<_, i64>("SELECT sequence FROM changes")
                .fetch_one(&pool)
                .await?)
        };
        assert_eq!(database.read("read", read).await.unwrap(), 0);
    });
}
