//! A running gateway, and how it starts and stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::administer::{self, Handle};
use super::carry::Carry;
use super::compile::compile;
use super::control::Control;
use super::ground::{Calls, Ground, World};
use super::notify::Notifier;
use super::reload::{self, Bound, ReloadError, Reloader, Source};
use super::store;
use super::worker::{Order, Shared, WorkerHandle};
use crate::base::clock::Clock;
use crate::base::net::ListenAddr;
use crate::base::random::Random;
use crate::base::tasks::Tasks;
use crate::base::timers::Timers;
use crate::config::{Config, Environment, Faults, Loaded, Process, Warning};
use crate::listen::admin::{self, AdminParts, AdminToken};
use crate::listen::inherited::Inherited;
use crate::listen::limits::ConnectionCount;
use crate::telemetry::events::{ConfigLoaded, DrainBegun, DrainEnded};
use crate::telemetry::health::Health;
use crate::telemetry::logging::{self, Logging};
use crate::telemetry::{Sink, Telemetry};
use crate::upstream::{Nudges, Resolve, SystemResolver};

/// How long the end of the program waits for a reader of its last log lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What a gateway takes from the world. The default is the real one.
pub struct Options {
    pub clock: Clock,
    pub random: fn() -> Random,
    pub access_log: Box<dyn io::Write + Send>,
    /// Where the process's own log goes; without one, whoever started the process keeps it.
    pub log: Option<Sink>,
    /// Instead of what the configuration says.
    pub workers: Option<NonZeroUsize>,
    pub environment: Box<dyn Environment + Send + Sync>,
    pub resolve: Arc<dyn Resolve>,
    /// Whether a change of the configuration's files is a reason to load them again.
    pub watch_files: bool,
    /// Listening sockets that are open already.
    pub inherited: Inherited,
    /// Who wants to know how the gateway is.
    pub notifier: Notifier,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            random: Random::system,
            access_log: Box::new(io::stdout()),
            log: None,
            workers: None,
            environment: Box::new(Process),
            resolve: Arc::new(SystemResolver),
            watch_files: true,
            inherited: Inherited::default(),
            notifier: Notifier::default(),
        }
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Invalid(Faults),
    #[error("cannot listen on {addr}: {source}")]
    Bind { addr: ListenAddr, source: io::Error },
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// How a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything that ran was finished.
    Clean,
    /// Some connections were still open when the time was over.
    CutOff,
}

/// A gateway at work. It owns its threads; dropping it stops them.
pub struct Gateway {
    shared: Shared,
    workers: Arc<Vec<WorkerHandle>>,
    control: Arc<Control>,
    admin: Admin,
    background: Option<tokio::runtime::Runtime>,
    timers: Timers,
    tasks: Tasks,
    warnings: Vec<Warning>,
    drained: watch::Sender<Option<Drained>>,
}

struct Admin {
    addr: SocketAddr,
    token: Arc<AdminToken>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    pub fn start(source: Source, options: Options) -> Result<Self, StartError> {
        let Loaded {
            mut config,
            files,
            warnings,
        } = source.load(&*options.environment).map_err(StartError::Invalid)?;
        if let Some(workers) = options.workers {
            config.workers = workers;
        }
        raise_descriptor_limit();
        let telemetry = Telemetry::start(options.clock.clone(), Sink::new(options.access_log))?;
        let logging = options
            .log
            .map(|sink| start_log(&config, &options.clock, sink, &telemetry))
            .transpose()?;
        let health = Health::new(options.clock.clone(), config.workers.get());
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .enable_all()
            .build()?;
        let timers = Timers::new(options.clock.clone());
        let tasks = Tasks::default();
        {
            let _entered = background.enter();
            tasks.spawn("timers", timers.clone().run());
        }
        let ground = Ground::lay(
            &config,
            World {
                clock: options.clock.clone(),
                random: options.random,
                cores: options.environment.cores(),
                calls: Calls::To(options.resolve),
                runtime: &background,
                timers: timers.clone(),
                tasks: tasks.clone(),
                telemetry: Arc::clone(&telemetry),
            },
        )?;
        let (snapshot, carry) = compile(&config, 1, &Carry::default(), &ground);
        let snapshots = Arc::new(ArcSwap::from_pointee(snapshot));
        let mut inherited = options.inherited;
        let wanted: Vec<_> = config.listen.iter().map(|listener| listener.addr.clone()).collect();
        inherited.settle(&wanted);
        let bound = reload::bind(&config, &[], &inherited).map_err(StartError::from)?;
        let listeners: Vec<_> = bound.iter().map(Bound::place).collect();
        let figures_of = Arc::clone(&snapshots);
        let handle = Handle::default();
        let parts = AdminParts {
            telemetry: Arc::clone(&telemetry),
            health: Arc::clone(&health),
            token: Arc::new(AdminToken::new(config.admin.token.clone())),
            clock: options.clock.clone(),
            figures: Box::new(move || figures_of.load().figures()),
            api: administer::api(&ground, options.random, &snapshots, &handle),
        };
        let admin = Admin::start(config.admin.addr, parts)?;

        let shared = Shared {
            clock: options.clock,
            random: options.random,
            telemetry: Arc::clone(&telemetry),
            health: Arc::clone(&health),
            connections: Arc::default(),
            snapshots: Arc::clone(&snapshots),
            nudges: Nudges::default(),
            own_keys: Arc::clone(&ground.own_keys),
            revocations: Arc::clone(&ground.revocations),
        };
        let workers: Result<Vec<_>, _> = (0..config.workers.get())
            .map(|number| WorkerHandle::start(number, shared.clone()))
            .collect();
        let workers = Arc::new(workers?);
        reload::listen(bound, &snapshots.load(), &workers);
        health.set_started();
        telemetry.emit(ConfigLoaded {
            generation: 1,
            routes: config.routes.len(),
        });
        let reloader = Reloader {
            source,
            environment: options.environment,
            config,
            carry,
            generation: 1,
            listeners,
            inherited,
            workers: Arc::clone(&workers),
            snapshots,
            ground,
            telemetry,
            admin_token: Arc::clone(&admin.token),
            logging,
        };
        let control = Arc::new(Control::new(reloader, options.notifier));
        handle.set(&control);
        if options.watch_files && !files.is_empty() {
            control.watch(files, &background)?;
        }
        let status = control.reloader().status(None);
        control.notifier().ready(&status);
        if let Some(pause) = control.notifier().alive_every() {
            let _entered = background.enter();
            let watched = stay_alive(Arc::clone(control.notifier()), health, timers.clone(), pause);
            tasks.spawn("watchdog", watched);
        }
        Ok(Self {
            shared,
            workers,
            control,
            admin,
            background: Some(background),
            timers,
            tasks,
            warnings,
            drained: watch::Sender::new(None),
        })
    }

    /// Where clients connect, in the order of the file.
    pub fn addresses(&self) -> Vec<ListenAddr> {
        self.reloader().listeners.iter().map(|(_, addr)| addr.clone()).collect()
    }

    pub fn admin_address(&self) -> SocketAddr {
        self.admin.addr
    }

    /// The configuration in force.
    pub fn config(&self) -> Config {
        self.reloader().config.clone()
    }

    /// What was odd about the configuration at the start.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.shared.telemetry
    }

    /// Read the configuration again and put it in force, or change nothing. Tells the new generation.
    pub fn reload(&self) -> Result<u64, ReloadError> {
        self.control.reload()
    }

    /// Begin to stop: not ready from now on, nothing new after the configured delay, over after the configured time.
    pub fn drain(&self) {
        let Some(background) = &self.background else { return };
        let plan = self.reloader().config.drain;
        self.shared.health.set_draining();
        self.order_all(|| Order::Leave);
        let connections = Arc::clone(&self.shared.connections);
        self.control.notifier().stopping("Stopping: finishing what runs");
        self.shared.telemetry.emit(DrainBegun {
            connections: connections.open() as u64,
            delay: plan.delay,
            timeout: plan.timeout,
        });
        let (workers, timers) = (Arc::clone(&self.workers), self.timers.clone());
        let (telemetry, drained) = (Arc::clone(&self.shared.telemetry), self.drained.clone());
        let _entered = background.enter();
        // From now, however late the task begins.
        let close_at = timers.now() + plan.delay;
        let cut_at = close_at + plan.timeout;
        self.tasks.spawn("drain", async move {
            timers.until(close_at).await;
            timers.before(cut_at, finish(&workers, &connections)).await;
            let cut_off = connections.open() as u64;
            telemetry.emit(DrainEnded { cut_off });
            let outcome = if cut_off == 0 { Drained::Clean } else { Drained::CutOff };
            drained.send_replace(Some(outcome));
            workers.iter().for_each(|worker| worker.order(Order::Stop));
        });
    }

    /// Ready when a drain that has begun is over.
    pub async fn drained(&self) -> Drained {
        let mut drained = self.drained.subscribe();
        let outcome = drained.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| *outcome).unwrap_or(Drained::CutOff)
    }

    /// Wait until a drain that has begun is over.
    pub fn wait(mut self) -> Drained {
        self.end();
        let outcome = *self.drained.borrow();
        outcome.unwrap_or(Drained::CutOff)
    }

    /// Stop at once, whatever runs.
    pub fn stop(mut self) {
        self.control.notifier().stopping("Stopping");
        self.order_all(|| Order::Stop);
        self.end();
    }

    fn reloader(&self) -> MutexGuard<'_, Reloader> {
        self.control.reloader()
    }

    fn order_all(&self, order: impl Fn() -> Order) {
        self.workers.iter().for_each(|worker| worker.order(order()));
    }

    /// The workers have been told to stop, or will be by the drain: wait for them, then end everything else.
    fn end(&mut self) {
        self.control.unwatch();
        self.workers.iter().for_each(WorkerHandle::join);
        self.admin.stop.cancel();
        if let Some(thread) = self.admin.thread.take() {
            let _panicked = thread.join();
        }
        if let Some(background) = self.background.take() {
            store::close(self.reloader().ground.supplies.store.as_ref(), &background);
            background.block_on(self.tasks.stop());
            background.shutdown_timeout(LAST_LINES);
        }
        self.shared.telemetry.close_access_log(LAST_LINES);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if self.background.is_some() {
            self.order_all(|| Order::Stop);
            self.end();
        }
    }
}

impl Admin {
    fn start(wanted: SocketAddr, parts: AdminParts) -> Result<Self, StartError> {
        let taken = |source| StartError::Bind {
            addr: wanted.into(),
            source,
        };
        let listener = TcpListener::bind(wanted).map_err(taken)?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let token = Arc::clone(&parts.token);
        let thread = Some(admin::start(listener, parts, stop.clone())?);
        Ok(Self {
            addr,
            token,
            stop,
            thread,
        })
    }
}

impl From<ReloadError> for StartError {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Invalid(faults) => Self::Invalid(faults),
            ReloadError::Bind { addr, source } => Self::Bind { addr, source },
            ReloadError::NotReloadable(what) => Self::System(io::Error::other(what)),
            ReloadError::Outbound(source) | ReloadError::Signing(source) => Self::System(source),
        }
    }
}

/// Ready when nothing is accepted any more and the last connection is gone.
async fn finish(workers: &[WorkerHandle], connections: &ConnectionCount) {
    let closed: Vec<_> = workers
        .iter()
        .map(|worker| {
            let (said, closed) = oneshot::channel();
            worker.order(Order::Close(said));
            closed
        })
        .collect();
    for worker in closed {
        // A worker that is gone has nothing left to close.
        let _gone = worker.await;
    }
    connections.none_open().await;
}

/// Tell the service manager that we live for as long as every worker does.
async fn stay_alive(notifier: Arc<Notifier>, health: Arc<Health>, timers: Timers, pause: Duration) {
    loop {
        if health.is_live() {
            notifier.alive();
        }
        timers.sleep(pause).await;
    }
}

/// The process's own log, as the configuration wants it.
fn start_log(config: &Config, clock: &Clock, sink: Sink, telemetry: &Arc<Telemetry>) -> io::Result<Logging> {
    let (logging, subscriber) = Logging::start(&config.log, clock.clone(), sink, Arc::clone(telemetry.metrics()))?;
    logging::install(subscriber);
    logging::watch_panics(telemetry);
    Ok(logging)
}

/// Connections need descriptors; the soft limit of most systems is too low for a gateway (RS-03).
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open descriptors stays as it is");
    }
}
