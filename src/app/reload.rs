//! From a changed file to a new snapshot, or to a reason why everything stays as it is.
//!
//! Everything that can fail comes first: reading, checking, binding. Only then is anything changed, all of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::carry::Carry;
use super::compile::{self, compile};
use super::ground::Ground;
use super::worker::{Order, WorkerHandle};
use crate::authn;
use crate::base::net::ListenAddr;
use crate::config::{self, Config, Environment, Faults, Loaded};
use crate::listen::admin::AdminToken;
use crate::listen::inherited::Inherited;
use crate::listen::sockets::{self, ListenSocket};
use crate::pipeline::Snapshot;
use crate::pipeline::snapshot::ListenerKey;
use crate::telemetry::Telemetry;
use crate::telemetry::events::{ConfigLoaded, ConfigRefused};
use crate::telemetry::logging::Logging;

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    File(PathBuf),
    Text { name: String, text: String },
}

impl Source {
    pub(super) fn load(&self, environment: &dyn Environment) -> Result<Loaded, Faults> {
        match self {
            Self::File(path) => config::load(path, authn::KINDS, environment),
            Self::Text { name, text } => config::parse(text, name, authn::KINDS, environment),
        }
    }
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Invalid(Faults),
    #[error("`{0}` cannot change while the gateway runs: restart it")]
    NotReloadable(&'static str),
    #[error("cannot listen on {addr}: {source}")]
    Bind { addr: ListenAddr, source: io::Error },
    #[error("calls cannot be made as `outbound` says: {0}")]
    Outbound(io::Error),
    #[error("nothing signs as `signing` says: {0}")]
    Signing(io::Error),
}

/// A listening address, bound: one socket for each worker.
pub(super) struct Bound {
    key: ListenerKey,
    addr: ListenAddr,
    sockets: Vec<ListenSocket>,
}

impl Bound {
    /// Which listener this is, and where it is found.
    pub(super) fn place(&self) -> (ListenerKey, ListenAddr) {
        (self.key.clone(), self.addr.clone())
    }
}

/// Bind what `config` names and `have` does not hold yet, or share what was inherited.
pub(super) fn bind(
    config: &Config,
    have: &[(ListenerKey, ListenAddr)],
    inherited: &Inherited,
) -> Result<Vec<Bound>, ReloadError> {
    let missing = compile::keys(&config.listen)
        .into_iter()
        .filter(|key| have.iter().all(|(known, _)| known != key));
    missing
        .map(|key| {
            let fail = |source| ReloadError::Bind {
                addr: key.addr.clone(),
                source,
            };
            let workers = config.workers.get();
            let shared = inherited.share(&key.addr, workers);
            let sockets = shared
                .unwrap_or_else(|| sockets::bind(&key.addr, workers))
                .map_err(fail)?;
            let bound_to = sockets.first().and_then(ListenSocket::tcp_addr);
            let addr = bound_to.map_or_else(|| key.addr.clone(), ListenAddr::Tcp);
            Ok(Bound { key, addr, sockets })
        })
        .collect()
}

/// What is in force, and how to replace it. One reload at a time: its owner locks it.
pub(super) struct Reloader {
    pub source: Source,
    pub environment: Box<dyn Environment + Send + Sync>,
    pub config: Config,
    pub carry: Carry,
    pub generation: u64,
    /// Every listener in force and the address it is bound to, in the order of the file.
    pub listeners: Vec<(ListenerKey, ListenAddr)>,
    pub inherited: Inherited,
    pub workers: Arc<Vec<WorkerHandle>>,
    pub snapshots: Arc<ArcSwap<Snapshot>>,
    pub ground: Ground,
    pub telemetry: Arc<Telemetry>,
    pub admin_token: Arc<AdminToken>,
    pub logging: Option<Logging>,
}

impl Reloader {
    /// Read the source again and put it in force. Tells the new generation and the files it depends on.
    pub(super) fn reload(&mut self) -> Result<(u64, Vec<PathBuf>), ReloadError> {
        let outcome = self.replace();
        match &outcome {
            Ok((generation, _)) => {
                let routes = self.config.routes.len();
                self.telemetry.emit(ConfigLoaded {
                    generation: *generation,
                    routes,
                });
            }
            Err(error) => {
                let faults = if let ReloadError::Invalid(faults) = error {
                    faults.iter().count()
                } else {
                    1
                };
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                self.telemetry.emit(ConfigRefused { faults, first });
            }
        }
        outcome
    }

    fn replace(&mut self) -> Result<(u64, Vec<PathBuf>), ReloadError> {
        let Loaded {
            mut config,
            files,
            warnings,
        } = self.source.load(&*self.environment).map_err(ReloadError::Invalid)?;
        self.refuse_fixed(&config)?;
        config.workers = self.config.workers;
        let bound = bind(&config, &self.listeners, &self.inherited)?;
        let signer = self
            .ground
            .signer(config.signing.as_ref())
            .map_err(ReloadError::Signing)?;
        if config.outbound != self.config.outbound {
            self.ground.call_by(&config.outbound).map_err(ReloadError::Outbound)?;
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }

        let generation = self.generation + 1;
        let (snapshot, carry) = compile(&config, generation, &self.carry, &self.ground);
        let keys = compile::keys(&config.listen);
        let snapshot = Arc::new(snapshot);
        // Before the routes that need it.
        self.ground.sign_by(signer);
        self.snapshots.store(Arc::clone(&snapshot));
        self.carry = carry;
        self.generation = generation;
        if let Some(logging) = &self.logging {
            logging.reload(&config.log);
        }
        self.admin_token.replace(config.admin.token.clone());
        self.config = config;
        for (key, _) in self.listeners.iter().filter(|(key, _)| !keys.contains(key)) {
            let retire = |worker: &WorkerHandle| worker.order(Order::Retire(key.clone()));
            self.workers.iter().for_each(retire);
        }
        let mut known = std::mem::take(&mut self.listeners);
        known.extend(bound.iter().map(Bound::place));
        self.listeners = keys
            .iter()
            .filter_map(|key| known.iter().find(|(known, _)| known == key).cloned())
            .collect();
        listen(bound, &snapshot, &self.workers);
        Ok((generation, files))
    }

    /// How things stand after a reload that failed or not, for people.
    pub(super) fn status(&self, failed: Option<&ReloadError>) -> String {
        let addresses: Vec<String> = self.listeners.iter().map(|(_, addr)| addr.to_string()).collect();
        let serving = format!("Serving on {}", addresses.join(", "));
        match failed {
            None => serving,
            Some(_) => format!("{serving}; the configuration was not reloaded, the log says why"),
        }
    }

    /// What was built before the first snapshot and is not rebuilt.
    fn refuse_fixed(&self, fresh: &Config) -> Result<(), ReloadError> {
        if fresh.admin.addr != self.config.admin.addr {
            return Err(ReloadError::NotReloadable("admin.addr"));
        }
        if fresh.workers != self.config.workers {
            return Err(ReloadError::NotReloadable("workers"));
        }
        if fresh.store != self.config.store {
            return Err(ReloadError::NotReloadable("store"));
        }
        Ok(())
    }
}

/// Hand each worker its socket of every listener.
pub(super) fn listen(bound: Vec<Bound>, snapshot: &Snapshot, workers: &[WorkerHandle]) {
    for Bound { key, sockets, .. } in bound {
        let Some(rules) = snapshot.listener(&key) else { continue };
        for (worker, socket) in workers.iter().zip(sockets) {
            worker.order(Order::Listen(Arc::clone(rules), socket));
        }
    }
}
