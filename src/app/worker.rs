//! A worker thread: one runtime, its own wheel, pools and listeners, and the orders it takes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::authn::OwnKeys;
use crate::authn::revocation::Revocations;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::timers::Timers;
use crate::endpoints::echo::Echo;
use crate::endpoints::redirect::Redirect;
use crate::endpoints::well_known::Jwks;
use crate::forward::Forwarder;
use crate::listen::Stage;
use crate::listen::limits::ConnectionCount;
use crate::listen::listener::Listener;
use crate::listen::sockets::ListenSocket;
use crate::listen::worker::{Worker, WorkerParts};
use crate::pipeline::endpoint::Endpoints;
use crate::pipeline::snapshot::{ListenerKey, ListenerRules};
use crate::pipeline::{Exit, Snapshot};
use crate::telemetry::Telemetry;
use crate::telemetry::health::{BEAT, Health, Heartbeat};
use crate::upstream::{Nudges, Pools};

/// What a worker can be told.
pub(super) enum Order {
    /// Accept on this socket.
    Listen(Arc<ListenerRules>, ListenSocket),
    /// Let go of one listener, its connections included.
    Retire(ListenerKey),
    /// Answers ask clients to go elsewhere from now on.
    Leave,
    /// Accept nothing new; say so once everybody who already waited has been let in.
    Close(oneshot::Sender<()>),
    /// End now, whatever runs.
    Stop,
}

/// What all workers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub clock: Clock,
    pub random: fn() -> Random,
    pub telemetry: Arc<Telemetry>,
    pub health: Arc<Health>,
    pub connections: Arc<ConnectionCount>,
    pub snapshots: Arc<ArcSwap<Snapshot>>,
    pub nudges: Nudges,
    pub own_keys: Arc<OwnKeys>,
    pub revocations: Arc<Revocations>,
}

/// A running worker, seen from outside.
pub(super) struct WorkerHandle {
    orders: UnboundedSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl WorkerHandle {
    pub(super) fn start(number: usize, shared: Shared) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (orders, taken) = unbounded_channel();
        let name = format!("worker-{number}");
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let local = LocalSet::new();
            runtime.block_on(local.run_until(work(number, shared, taken)));
            // Connections still open are dropped here, with the wheel they hang on.
            drop(local);
        })?;
        Ok(Self {
            orders,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// A worker that has ended takes no orders, and needs none.
    pub(super) fn order(&self, order: Order) {
        let _gone = self.orders.send(order);
    }

    /// Wait until it has ended. It must have been told to.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _panicked = thread.join();
        }
    }
}

async fn work(number: usize, shared: Shared, mut orders: UnboundedReceiver<Order>) {
    let timers = Timers::new(shared.clock.clone());
    let heartbeat = shared.health.heartbeat(number);
    let reporter = Rc::new(shared.telemetry.reporter());
    let pools = Pools::new(timers.clone(), shared.nudges, Rc::clone(&reporter));
    let worker = Worker::new(WorkerParts {
        timers: timers.clone(),
        random: (shared.random)(),
        exit: Exit::new(
            Forwarder::new(Rc::clone(&pools), shared.revocations),
            Endpoints {
                echo: Box::new(Echo),
                redirect: Box::new(Redirect),
                keys: Box::new(Jwks(shared.own_keys)),
            },
        ),
        reporter,
        connections: shared.connections,
        snapshots: shared.snapshots,
    });
    // Tasks of their own: the future a `LocalSet` runs until is polled at every wake-up of any task.
    local(timers.clone().run());
    local(pools.sweep());
    local(beat(heartbeat, timers, Rc::clone(&worker)));
    let listeners = Listeners::default();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Listen(rules, socket) => listeners.add(&worker, rules, socket),
            Order::Retire(key) => listeners.retire(&key),
            Order::Leave => listeners.advance(Stage::Leaving),
            Order::Close(closed) => {
                let closing = listeners.close();
                // Beside the orders: who is told to stop meanwhile stops at once.
                local(async move {
                    closing.await;
                    let _nobody_asks = closed.send(());
                });
            }
            Order::Stop => {
                worker.end();
                break;
            }
        }
    }
}

async fn beat(heartbeat: Heartbeat, timers: Timers, worker: Rc<Worker>) {
    loop {
        heartbeat.beat();
        worker.trim_after_wave();
        timers.sleep(BEAT).await;
    }
}

/// Runs until the worker ends.
fn local(task: impl Future<Output = ()> + 'static) {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a worker does beside its connections lives on its thread"
    )]
    let _task = tokio::task::spawn_local(task);
}

/// The listeners of this worker, by name; one that was let go stays until everybody who waited for it has been let in.
#[derive(Default)]
struct Listeners {
    active: RefCell<HashMap<ListenerKey, Rc<Listener>>>,
    leaving: RefCell<Vec<Rc<Listener>>>,
    /// How far the end has come, also for listeners that a reload adds meanwhile.
    stage: Cell<Stage>,
}

impl Listeners {
    fn add(&self, worker: &Rc<Worker>, rules: Arc<ListenerRules>, socket: ListenSocket) {
        let key = rules.key.clone();
        let listener = Listener::new(rules);
        listener.advance(self.stage.get());
        match listener.start(worker, socket) {
            Ok(()) => drop(self.active.borrow_mut().insert(key, listener)),
            Err(error) => tracing::error!(addr = %key.addr, %error, "a listening socket cannot be used"),
        }
    }

    fn retire(&self, key: &ListenerKey) {
        if let Some(listener) = self.active.borrow_mut().remove(key) {
            listener.advance(Stage::Closing);
            let mut leaving = self.leaving.borrow_mut();
            leaving.retain(|listener| !listener.is_closed());
            leaving.push(listener);
        }
    }

    /// Accept nothing new from now on; ready once everybody who already waited has been let in.
    fn close(&self) -> impl Future<Output = ()> + use<> {
        self.advance(Stage::Closing);
        let active = self.active.borrow();
        let all: Vec<_> = active.values().chain(&*self.leaving.borrow()).map(Rc::clone).collect();
        drop(active);
        async move {
            for listener in all {
                listener.closed().await;
            }
        }
    }

    fn advance(&self, stage: Stage) {
        self.stage.set(self.stage.get().max(stage));
        // Those that leave have come as far as it goes.
        self.active
            .borrow()
            .values()
            .for_each(|listener| listener.advance(stage));
    }
}
