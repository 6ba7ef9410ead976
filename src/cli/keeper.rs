//! Who keeps what a gateway makes at run time, for commands that ask for it: the gateway of the file itself, where it
//! answers on its admin address, else the store that the file names, opened for this one command. Either way the same
//! operations are done; a gateway that runs on the store notices each change within a second.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use http::Method;
use serde_json::{Value as Json, json};

use super::line::{Line, Silent, Told};
use super::{FAILED, output};
use crate::authn;
use crate::authn::revocation::Revocations;
use crate::base::background::Background;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::spec::StoreSpec;
use crate::config::{self, Config, Faults, Process};
use crate::endpoints::admin::{Api, NotReloaded, Operation};
use crate::identity::store::Store;
use crate::storage::Database;

/// Does operations on what the gateway of a file keeps.
pub(super) struct Keeper {
    /// What the file says.
    pub(super) config: Config,
}

/// An operation that was done.
pub(super) struct Kept {
    pub(super) told: Json,
    /// By the gateway itself, so that it holds there already.
    pub(super) by_gateway: bool,
}

/// An operation that was not.
#[derive(Debug)]
pub(super) struct NotKept {
    /// 0 when nobody could be asked.
    pub(super) status: u16,
    pub(super) why: String,
}

impl Keeper {
    /// The keeper of what the gateway of `file` keeps. Otherwise it is said why there is none.
    pub(super) fn of(file: &Path) -> Result<Self, ExitCode> {
        let loaded = config::load(file, authn::KINDS, &Process).map_err(|faults| {
            output::complain(&format!("{} does not load:\n{faults}", file.display()));
            ExitCode::from(Faults::EXIT_CODE)
        })?;
        Ok(Self { config: loaded.config })
    }

    pub(super) fn ask(&self, method: &Method, target: &str, body: Option<&Json>) -> Result<Kept, NotKept> {
        if let Some(line) = Line::to(&self.config.admin) {
            match line.ask(method, target, body) {
                Ok(told) => return done(told, None, true),
                Err(Silent::Broken(why)) => {
                    let why = format!("the gateway at {} was asked, and {why}", line.address());
                    return Err(NotKept { status: 0, why });
                }
                Err(Silent::Nobody(_)) => {}
            }
        }
        let own = Own::open(&self.config).map_err(|why| NotKept { status: 0, why })?;
        own.ask(method, target, body)
    }

    /// The same, for who can only say what went wrong.
    pub(super) fn must(&self, method: &Method, target: &str, body: Option<&Json>) -> Result<Kept, ExitCode> {
        self.ask(method, target, body).map_err(|not_kept| {
            output::complain(&not_kept.why);
            ExitCode::from(FAILED)
        })
    }
}

/// The store of the file, in the hands of this command.
struct Own {
    runtime: tokio::runtime::Runtime,
    tasks: Tasks,
    store: Store,
    api: Api,
}

impl Own {
    fn open(config: &Config) -> Result<Self, String> {
        let Some(StoreSpec::Sqlite(path)) = &config.store else {
            return Err(
                "no gateway of this file answers, and the configuration names no store, so nothing keeps this; write \
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
        let names: Vec<_> = config.auth.iter().map(|entry| Arc::clone(&entry.name)).collect();
        let api = Api {
            store: Some(store.clone()),
            // Nobody is served here; what counts is what the store is told.
            revocations: Arc::new(Revocations::new(1, &mut Random::system())),
            clock,
            random: Random::system,
            is_authenticator: Box::new(move |name| names.iter().any(|known| **known == *name)),
            reload: Box::new(|| Box::pin(async { Err(NotReloaded::Unavailable) })),
        };
        Ok(Self {
            runtime,
            tasks,
            store,
            api,
        })
    }

    fn ask(&self, method: &Method, target: &str, body: Option<&Json>) -> Result<Kept, NotKept> {
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        let operation = Operation::of(method, path, query).map_err(|_| NotKept {
            status: 404,
            why: "there is no such operation".to_owned(),
        })?;
        let body = body.map(Json::to_string).unwrap_or_default();
        let outcome = self.runtime.block_on(self.api.answer(&operation, body.as_bytes()));
        let (told, why) = match outcome {
            Ok(done) => {
                let body = done.body.unwrap_or_default();
                (
                    Told {
                        status: done.status.as_u16(),
                        body,
                    },
                    None,
                )
            }
            Err(undone) => {
                let problem = &undone.problem;
                let body = json!({ "title": problem.code.title(), "detail": problem.detail, "errors": problem.errors });
                let status = problem.code.status().as_u16();
                (Told { status, body }, undone.why)
            }
        };
        done(told, why, false)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            // What was written is in the file; only its write-ahead log is folded in.
            let _gone = self.store.finish().await;
            self.tasks.stop().await;
        });
    }
}

fn done(told: Told, why: Option<String>, by_gateway: bool) -> Result<Kept, NotKept> {
    let Told { status, body } = told;
    if (200..300).contains(&status) {
        let told = body;
        return Ok(Kept { told, by_gateway });
    }
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    let said = text("detail").or(text("title")).unwrap_or("it was refused");
    let mut said = match why {
        Some(why) => format!("{said} ({why})"),
        None => said.to_owned(),
    };
    for error in body.get("errors").and_then(Json::as_array).into_iter().flatten() {
        let text = |name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default();
        said.push_str(&format!("\n  {}: {}", text("field"), text("code")));
    }
    Err(NotKept { status, why: said })
}
