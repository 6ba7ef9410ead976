//! Room for requests on the shared connections of one worker.
//!
//! How many connections a target has is counted over all workers, together with those of HTTP/1 and by the same rules: when
//! all places are taken, a request waits in the target's bounded queue.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::Request;
use tokio::sync::{AcquireError, OwnedSemaphorePermit};

use super::connection::{self, Link, Opening};
use super::lane::{Lane, Place, Turn};
use crate::base::clock::Moment;
use crate::base::timers::{Alarm, Timers};
use crate::telemetry::Reporter;
use crate::upstream::Upstream;
use crate::upstream::pool::{Nudges, TakeFailed};
use crate::upstream::target::{Queued, Target};

pub struct Http2Pools {
    timers: Timers,
    by_target: RefCell<HashMap<u64, Rc<Lane>, foldhash::fast::RandomState>>,
    nudges: Nudges,
    reporter: Rc<Reporter>,
}

/// Room for one stream, held for as long as it runs.
pub struct Room {
    /// Until the stream has begun.
    sender: RefCell<Option<SendRequest<Bytes>>>,
    link: Rc<Link>,
    rested: Duration,
    /// A stream has begun whose end the server has not said yet.
    is_running: Cell<bool>,
}

impl Room {
    pub(super) fn on(link: Rc<Link>) -> Self {
        let sender = RefCell::new(link.sender());
        let rested = link.enter();
        Self {
            sender,
            link,
            rested,
            is_running: Cell::new(false),
        }
    }

    pub(super) fn send(
        &self,
        head: Request<()>,
        is_whole: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        match self.sender.take() {
            Some(mut sender) => {
                let begun = sender.send_request(head, is_whole);
                self.is_running.set(begun.is_ok());
                begun
            }
            None => Err(Reason::REFUSED_STREAM.into()),
        }
    }

    /// How long the connection had carried nothing before.
    pub(super) fn rested(&self) -> Duration {
        self.rested
    }

    pub(super) fn refused(&self) {
        self.link.refused();
    }

    pub(super) fn answered(&self) {
        self.link.answered();
    }

    /// The server has ended its side of the stream.
    pub(super) fn ended_by_server(&self) {
        self.is_running.set(false);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.is_running.get() {
            self.link.gave_up();
        }
        self.link.leave();
    }
}

impl Http2Pools {
    pub(in crate::upstream) fn new(timers: Timers, nudges: Nudges, reporter: Rc<Reporter>) -> Self {
        Self {
            timers,
            by_target: RefCell::default(),
            nudges,
            reporter,
        }
    }

    /// Room for a stream to `target`: on a connection that has some, or on one that is opened for all who wait.
    pub async fn take(&self, upstream: &Upstream, target: &Arc<Target>) -> Result<Room, TakeFailed> {
        let lane = self.lane(upstream, target);
        if let Some(room) = lane.take_at_once() {
            return Ok(room);
        }
        let mut wait = Wait {
            place: lane.line_up(),
            pools: self,
            lane,
            upstream,
            queued: None,
        };
        std::future::poll_fn(|cx| wait.poll(cx)).await
    }

    fn lane(&self, upstream: &Upstream, target: &Arc<Target>) -> Rc<Lane> {
        let mut lanes = self.by_target.borrow_mut();
        let lane = lanes
            .entry(target.id())
            .or_insert_with(|| Rc::new(Lane::new(target, upstream.timeouts.idle)));
        lane.use_idle_limit(upstream.timeouts.idle);
        Rc::clone(lane)
    }

    /// Give up what another worker waits for, and forget targets that nobody uses any more.
    pub(in crate::upstream) fn sweep(&self) {
        self.by_target.borrow_mut().retain(|_, lane| {
            lane.stir();
            !lane.is_deserted()
        });
    }

    pub(in crate::upstream) fn resting(&self) -> usize {
        self.by_target.borrow().values().map(|lane| lane.resting()).sum()
    }
}

/// A request that waits for room.
///
/// It leaves the queue before it leaves the line: a lane without a line gives its connections to those in the queue.
struct Wait<'w> {
    /// While every connection the target may have is in use.
    queued: Option<InQueue>,
    place: Place,
    pools: &'w Http2Pools,
    lane: Rc<Lane>,
    upstream: &'w Upstream,
}

struct InQueue {
    permit: Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>>>>,
    until: Moment,
    alarm: Alarm,
    _counted: Queued,
}

impl Wait<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Room, TakeFailed>> {
        loop {
            match self.place.turn() {
                Turn::Room(room) => return Poll::Ready(Ok(room)),
                Turn::Failed(failed) => return Poll::Ready(Err(failed.into())),
                Turn::Awaited => {
                    self.queued = None;
                    self.place.stand(cx.waker());
                    return Poll::Pending;
                }
                Turn::Wanting => {}
            }
            self.place.stand(cx.waker());
            match std::task::ready!(self.poll_permit(cx)) {
                Ok(permit) => self.open(permit),
                Err(failed) => return Poll::Ready(Err(failed)),
            }
        }
    }

    /// A place for one more connection, waited for in the target's queue when there is none.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<Result<OwnedSemaphorePermit, TakeFailed>> {
        let target = self.lane.target();
        let queued = match &mut self.queued {
            Some(queued) => queued,
            none => {
                if let Some(permit) = target.permit() {
                    return Poll::Ready(Ok(permit));
                }
                let Some(counted) = target.queue() else {
                    return Poll::Ready(Err(TakeFailed::QueueFull));
                };
                self.pools.nudges.all();
                none.insert(InQueue {
                    permit: Box::pin(target.permits().acquire_owned()),
                    until: self.pools.timers.now() + self.upstream.timeouts.connect,
                    alarm: self.pools.timers.alarm(),
                    _counted: counted,
                })
            }
        };
        if let Poll::Ready(Ok(permit)) = queued.permit.as_mut().poll(cx) {
            self.queued = None;
            return Poll::Ready(Ok(permit));
        }
        queued
            .alarm
            .poll_past(cx, queued.until)
            .map(|()| Err(TakeFailed::NoneFreed))
    }

    fn open(&self, counted: OwnedSemaphorePermit) {
        connection::start(Opening {
            attempt: self.lane.attempt(),
            timers: self.pools.timers.clone(),
            limit: self.upstream.timeouts.connect,
            counted,
            shown: self.pools.reporter.upstream_connection(&self.upstream.name),
        });
    }
}
