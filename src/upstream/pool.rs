//! The connections of one worker: the last one put back is the first one taken, so that the others may age and go.
//!
//! How many connections a target has is counted over all workers. A request that finds no free connection and may not
//! open one waits in a bounded queue; a worker that hoards unused connections gives them up to it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use http_body::Body;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::Upstream;
use super::conn::Conn;
use super::connect::{self, ConnectFailed};
use super::http2::Http2Pools;
use super::target::Target;
use crate::base::clock::Moment;
use crate::base::timers::Timers;
use crate::telemetry::Reporter;

/// How often unused connections are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// The unused connections of one worker, by target.
pub struct Pools<B: Body + 'static> {
    timers: Timers,
    by_target: RefCell<HashMap<u64, Pool<B>, foldhash::fast::RandomState>>,
    nudge: Arc<Notify>,
    nudges: Nudges,
    reporter: Rc<Reporter>,
    http2: Http2Pools,
}

/// Wakes the sweepers of all workers: somebody waits for a connection that another worker may hoard.
#[derive(Clone, Debug, Default)]
pub struct Nudges(Arc<Mutex<Vec<Arc<Notify>>>>);

impl Nudges {
    fn join(&self, nudge: &Arc<Notify>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(nudge));
    }

    pub(super) fn all(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|nudge| nudge.notify_one());
    }
}

struct Pool<B: Body + 'static> {
    target: Arc<Target>,
    idle_limit: Duration,
    idle: Vec<Conn<B>>,
    /// Requests of this worker that wait for a connection, first come first served.
    waiting: VecDeque<(u64, Waker)>,
    next_waiter: u64,
}

/// Why no connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum TakeFailed {
    #[error("every connection is in use and the queue for one is full")]
    QueueFull,
    #[error("every connection stayed in use")]
    NoneFreed,
    #[error(transparent)]
    Connect(#[from] ConnectFailed),
}

impl<B> Pools<B>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub fn new(timers: Timers, nudges: Nudges, reporter: Rc<Reporter>) -> Rc<Self> {
        let nudge = Arc::new(Notify::new());
        nudges.join(&nudge);
        Rc::new(Self {
            http2: Http2Pools::new(timers.clone(), nudges.clone(), Rc::clone(&reporter)),
            timers,
            by_target: RefCell::default(),
            nudge,
            nudges,
            reporter,
        })
    }

    /// Connections that many requests share.
    pub fn http2(&self) -> &Http2Pools {
        &self.http2
    }

    /// A resting connection to `target` that still lives.
    pub fn take_resting(&self, target: &Target, now: Moment) -> Option<Conn<B>> {
        let mut pools = self.by_target.borrow_mut();
        let pool = pools.get_mut(&target.id())?;
        while let Some(mut conn) = pool.idle.pop() {
            if conn.is_usable(now) {
                return Some(conn);
            }
        }
        None
    }

    /// A new connection to `target`, or one that was put back while we waited for a place.
    pub async fn open(&self, upstream: &Upstream, target: &Arc<Target>) -> Result<Conn<B>, TakeFailed> {
        let permit = match target.permit() {
            Some(permit) => permit,
            None => match self.wait_for_place(upstream, target).await? {
                Place::Conn(conn) => return Ok(conn),
                Place::Permit(permit) => permit,
            },
        };
        let stream = connect::connect(target, upstream.timeouts.connect, &self.timers).await?;
        let shown = self.reporter.upstream_connection(&upstream.name);
        let opened = Conn::open(stream, Arc::clone(target), permit, shown, self.timers.now()).await;
        opened.map_err(|error| TakeFailed::Connect(ConnectFailed::Io(Arc::new(error))))
    }

    async fn wait_for_place(&self, upstream: &Upstream, target: &Arc<Target>) -> Result<Place<B>, TakeFailed> {
        let _place_in_queue = target.queue().ok_or(TakeFailed::QueueFull)?;
        self.nudges.all();
        let mut permit = pin!(target.permits().acquire_owned());
        let waiter = self.line_up(target, upstream.timeouts.idle);
        let wait = std::future::poll_fn(|cx| {
            if let Some(conn) = self.take_resting(target, self.timers.now()) {
                return Poll::Ready(Place::Conn(conn));
            }
            if let Poll::Ready(Ok(permit)) = permit.as_mut().poll(cx) {
                return Poll::Ready(Place::Permit(permit));
            }
            waiter.stand(cx.waker());
            Poll::Pending
        });
        self.timers
            .within(upstream.timeouts.connect, wait)
            .await
            .ok_or(TakeFailed::NoneFreed)
    }

    fn line_up(&self, target: &Arc<Target>, idle_limit: Duration) -> Waiter<'_, B> {
        let mut pools = self.by_target.borrow_mut();
        let pool = pools
            .entry(target.id())
            .or_insert_with(|| Pool::new(target, idle_limit));
        pool.next_waiter += 1;
        Waiter {
            pools: self,
            target: target.id(),
            id: pool.next_waiter,
        }
    }

    /// Take a connection back after its exchange; it is kept if it may carry another.
    pub fn put_back(&self, mut conn: Conn<B>, idle_limit: Duration, now: Moment) {
        if !conn.settle(now) {
            return;
        }
        let mut pools = self.by_target.borrow_mut();
        let target = Arc::clone(conn.target());
        let pool = pools
            .entry(target.id())
            .or_insert_with(|| Pool::new(&target, idle_limit));
        if let Some((_, first)) = pool.waiting.pop_front() {
            first.wake();
        } else if target.is_awaited() {
            // Another worker waits for the place this connection takes.
            return;
        }
        pool.idle_limit = idle_limit;
        pool.idle.push(conn);
    }

    /// Close what rested too long, what the peer has closed, and what another worker waits for. Runs for ever.
    pub async fn sweep(self: Rc<Self>) {
        loop {
            let _nudged = self.timers.within(SWEEP, self.nudge.notified()).await;
            self.sweep_once(self.timers.now());
        }
    }

    fn sweep_once(&self, now: Moment) {
        self.http2.sweep();
        let mut pools = self.by_target.borrow_mut();
        pools.retain(|_, pool| {
            let wanted_elsewhere = pool.waiting.is_empty() && pool.target.is_awaited();
            let limit = pool.idle_limit;
            pool.idle
                .retain_mut(|conn| !wanted_elsewhere && conn.rested(now) < limit && conn.is_usable(now));
            pool.idle.shrink_to_fit();
            // A pool nobody else knows the target of is a leftover of an earlier configuration.
            !(pool.idle.is_empty() && pool.waiting.is_empty())
        });
    }

    /// Connections that rest here, for tests and for the page of figures.
    pub fn resting(&self) -> usize {
        let unshared: usize = self.by_target.borrow().values().map(|pool| pool.idle.len()).sum();
        unshared + self.http2.resting()
    }
}

/// A request's place in its worker's line; leaving it passes on a call that came too late.
struct Waiter<'p, B: Body + 'static> {
    pools: &'p Pools<B>,
    target: u64,
    id: u64,
}

impl<B: Body + 'static> Waiter<'_, B> {
    fn stand(&self, waker: &Waker) {
        let mut pools = self.pools.by_target.borrow_mut();
        let Some(pool) = pools.get_mut(&self.target) else {
            return;
        };
        match pool.waiting.iter_mut().find(|(id, _)| *id == self.id) {
            Some((_, known)) => known.clone_from(waker),
            None => pool.waiting.push_back((self.id, waker.clone())),
        }
    }
}

impl<B: Body + 'static> Drop for Waiter<'_, B> {
    fn drop(&mut self) {
        let mut pools = self.pools.by_target.borrow_mut();
        let Some(pool) = pools.get_mut(&self.target) else {
            return;
        };
        let before = pool.waiting.len();
        pool.waiting.retain(|(id, _)| *id != self.id);
        let was_called = pool.waiting.len() == before;
        if was_called
            && !pool.idle.is_empty()
            && let Some((_, next)) = pool.waiting.pop_front()
        {
            next.wake();
        }
    }
}

enum Place<B: Body + 'static> {
    Conn(Conn<B>),
    Permit(OwnedSemaphorePermit),
}

impl<B: Body + 'static> Pool<B> {
    fn new(target: &Arc<Target>, idle_limit: Duration) -> Self {
        Self {
            target: Arc::clone(target),
            idle_limit,
            idle: Vec::new(),
            waiting: VecDeque::new(),
            next_waiter: 0,
        }
    }
}
