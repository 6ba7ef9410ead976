//! Who carries out what a command wants changed. Comes in: the file of a gateway. Goes out: the store that the file
//! names, opened for this one command; a gateway that runs on it notices each change within a second.
//!
//! [`Keeper::of`] is where a gateway that answers on its admin address is to be asked first: commands only see a keeper.

use std::path::Path;
use std::process::ExitCode;

use super::{FAILED, output};
use crate::authn;
use crate::base::background::Background;
use crate::base::clock::{Clock, Timestamp};
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::StoreSpec;
use crate::config::{self, Config, Faults, Process};
use crate::identity::keys::KeyId;
use crate::identity::model::api_key::ApiKey;
use crate::identity::store::{Answer, Revoked, Store};
use crate::storage::Database;

/// A store, and what it needs to be asked.
pub(super) struct Keeper {
    runtime: tokio::runtime::Runtime,
    tasks: Tasks,
    clock: Clock,
    store: Store,
    /// What the file says.
    pub(super) config: Config,
}

impl Keeper {
    /// The keeper of what the gateway of `file` keeps. Otherwise it is said why there is none.
    pub(super) fn of(file: &Path) -> Result<Self, ExitCode> {
        let loaded = config::load(file, authn::KINDS, &Process).map_err(|faults| {
            output::complain(&format!("{} does not load:\n{faults}", file.display()));
            ExitCode::from(Faults::EXIT_CODE)
        })?;
        Self::open(loaded.config).map_err(|message| {
            output::complain(&message);
            ExitCode::from(FAILED)
        })
    }

    fn open(config: Config) -> Result<Self, String> {
        let Some(StoreSpec::Sqlite(path)) = &config.store else {
            return Err(
                "the configuration names no store, so nothing keeps keys that are made at run time; write \
                        `store: sqlite://data/portcullis.db` at the top of the file"
                    .to_owned(),
            );
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let (clock, tasks) = (Clock::system(), Tasks::default());
        let timers = Timers::new(clock.clone());
        let background = Background::new(runtime.handle().clone(), timers.clone(), tasks.clone());
        background.spawn("timers", timers.run());
        let database = runtime.block_on(Database::open(path, &background));
        let store = Store::sqlite(database.map_err(|fault| fault.to_string())?);
        Ok(Self {
            runtime,
            tasks,
            clock,
            store,
            config,
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    pub(super) fn create(&self, key: ApiKey) -> Result<(), ExitCode> {
        self.wait(self.store.create(key))
    }

    pub(super) fn list(&self, owner: Option<&str>) -> Result<Vec<ApiKey>, ExitCode> {
        self.wait(self.store.list(owner.map(Into::into)))
    }

    pub(super) fn revoke(&self, id: KeyId) -> Result<Revoked, ExitCode> {
        self.wait(self.store.revoke(id, self.now()))
    }

    fn wait<T>(&self, answer: Answer<'_, T>) -> Result<T, ExitCode> {
        self.runtime.block_on(answer).map_err(|fault| {
            output::complain(&fault.to_string());
            ExitCode::from(FAILED)
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            // What was written is in the file; only its write-ahead log is folded in.
            let _gone = self.store.finish().await;
            self.tasks.stop().await;
        });
    }
}
