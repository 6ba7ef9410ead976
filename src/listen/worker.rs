//! What one worker thread owns: its view of the snapshot, its ways out, its randomness, its voice.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use super::date::Date;
use super::limits::ConnectionCount;
use crate::base::allocator;
use crate::base::clock::Clock;
use crate::base::random::Random;
use crate::base::timers::Timers;
use crate::pipeline::{Exit, Snapshot};
use crate::telemetry::Reporter;

/// A worker's hold on the snapshot that was current when a request began. Counted per worker, so that two workers do
/// not fight over one counter at each request.
pub type Lease = Rc<Arc<Snapshot>>;

pub struct Worker {
    pub clock: Clock,
    pub timers: Timers,
    pub random: RefCell<Random>,
    pub exit: Exit,
    pub reporter: Rc<Reporter>,
    pub connections: Arc<ConnectionCount>,
    pub(super) date: Date,
    current: RefCell<Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    lease: RefCell<Lease>,
    /// Connections and streams that have ended or gone to rest lately, and before that.
    let_go: Cell<u32>,
    let_go_earlier: Cell<u32>,
    /// Looks since memory was last given back.
    looks: Cell<u32>,
    /// Whatever still runs is cut off now.
    ending: Cell<bool>,
    /// What passes through a tunnel passes through here.
    pub scratch: RefCell<Box<[u8]>>,
}

/// So many connections at once are worth the look through the whole heap.
const WAVE: u32 = 64;

/// So many looks without one are enough: a minute, at the pace of the heartbeat.
const LOOKS: u32 = 120;

/// One read of a tunnel: large enough for speed, small enough for the processor's cache.
const SCRATCH: usize = 32 * 1024;

/// What a worker is made of.
pub struct WorkerParts {
    pub timers: Timers,
    pub random: Random,
    pub exit: Exit,
    pub reporter: Rc<Reporter>,
    pub connections: Arc<ConnectionCount>,
    pub snapshots: Arc<ArcSwap<Snapshot>>,
}

impl Worker {
    pub fn new(parts: WorkerParts) -> Rc<Self> {
        let lease = Rc::new(parts.snapshots.load_full());
        Rc::new(Self {
            clock: parts.timers.clock().clone(),
            timers: parts.timers,
            random: RefCell::new(parts.random),
            exit: parts.exit,
            reporter: parts.reporter,
            connections: parts.connections,
            date: Date::default(),
            current: RefCell::new(Cache::new(parts.snapshots)),
            lease: RefCell::new(lease),
            let_go: Cell::new(0),
            let_go_earlier: Cell::new(0),
            looks: Cell::new(0),
            ending: Cell::new(false),
            scratch: RefCell::new(vec![0; SCRATCH].into()),
        })
    }

    /// The worker ends, and what it still carries with it.
    pub fn end(&self) {
        self.ending.set(true);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// A connection or a stream has given its buffers back.
    pub(super) fn lets_go(&self) {
        self.let_go.set(self.let_go.get().saturating_add(1));
    }

    /// After a wave of connections that ended or went to rest, give their memory back to the system. Called again and
    /// again; while the wave lasts its memory is needed.
    pub fn trim_after_wave(&self) {
        let lately = self.let_go.take();
        let all = self.let_go_earlier.get().saturating_add(lately);
        let looks = self.looks.get() + 1;
        // What few connections have held in large pieces, or those to upstreams, is no wave.
        let is_over = all >= WAVE && lately < WAVE || looks >= LOOKS;
        self.looks.set(if is_over { 0 } else { looks });
        if is_over {
            allocator::give_back();
        }
        self.let_go_earlier.set(if is_over { 0 } else { all });
    }

    /// The current snapshot, held for as long as a request needs it.
    pub fn lease(&self) -> Lease {
        let mut current = self.current.borrow_mut();
        let newest = current.load();
        let mut lease = self.lease.borrow_mut();
        if !Arc::ptr_eq(&lease, newest) {
            *lease = Rc::new(Arc::clone(newest));
        }
        Rc::clone(&lease)
    }
}
