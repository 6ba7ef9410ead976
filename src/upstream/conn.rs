//! One connection to a target and one exchange on it.
//!
//! hyper's connection is polled by whoever uses it, inside the task of the client's connection, not by a task of its
//! own: an answer then needs no wake-up between tasks. While nobody uses it, its bell is muted; what happened meanwhile
//! shows at the next use.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::io::{MAX_HEAD, UpstreamIo, Watch};
use super::target::{InFlight, Target};
use crate::base::bell::Bell;
use crate::base::clock::Moment;
use crate::base::stream::Stream;
use crate::telemetry::metrics::UpstreamConnection;

/// An unused connection that rested this long is asked whether it still lives before it is used.
const PROBE_AFTER: Duration = Duration::from_millis(500);

/// Boxed: hyper's connection is large, and this moves from the pool to the request to its answer and back.
pub struct Conn<B: Body + 'static>(Box<Inner<B>>);

struct Inner<B: Body + 'static> {
    sender: SendRequest<B>,
    /// Gone once hyper is done with the connection.
    driver: Option<Driver<B>>,
    watch: Rc<Watch>,
    bell: Bell,
    target: Arc<Target>,
    /// Where it leads; nothing for a unix socket.
    address: Option<std::net::SocketAddr>,
    address_generation: u64,
    rests_since: Moment,
    used: bool,
    spoiled: bool,
    doubtful: bool,
    /// Where hyper's connection is left when it ends, if the peer may switch to another protocol.
    switched: Option<Option<Driver<B>>>,
    counted: OwnedSemaphorePermit,
    shown: UpstreamConnection,
}

type Driver<B> = Connection<TokioIo<UpstreamIo>, B>;

/// A connection that speaks something else than HTTP from now on.
pub struct Detached {
    pub stream: Stream,
    /// Came behind the head of the answer.
    pub unread: Bytes,
    _counted: OwnedSemaphorePermit,
    _shown: UpstreamConnection,
    /// The request that switched it goes on for as long as it lives.
    _in_flight: Option<InFlight>,
}

/// Why an exchange failed.
#[derive(Debug)]
pub struct ExchangeFailed<B> {
    pub source: hyper::Error,
    /// The request, when not one byte of it has left.
    pub unsent: Option<Request<B>>,
}

impl<B> Conn<B>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) async fn open(
        stream: Stream,
        target: Arc<Target>,
        counted: OwnedSemaphorePermit,
        shown: UpstreamConnection,
        now: Moment,
    ) -> std::io::Result<Self> {
        let address = stream.peer_address()?;
        let (io, watch) = UpstreamIo::new(stream);
        let handshake = Builder::new()
            .max_header_size(MAX_HEAD)
            .handshake(TokioIo::new(io))
            .await;
        let (sender, driver) = handshake.map_err(std::io::Error::other)?;
        let address_generation = target.addresses().generation();
        Ok(Self(Box::new(Inner {
            sender,
            driver: Some(driver),
            watch,
            bell: Bell::new(),
            target,
            address,
            address_generation,
            rests_since: now,
            used: false,
            spoiled: false,
            doubtful: false,
            switched: None,
            counted,
            shown,
        })))
    }

    pub fn target(&self) -> &Arc<Target> {
        &self.0.target
    }

    /// Whether it has carried an exchange before: then the peer may close it at any moment.
    pub fn is_used(&self) -> bool {
        self.0.used
    }

    /// How long it lay unused before now.
    pub fn rested(&self, now: Moment) -> Duration {
        now.since(self.0.rests_since)
    }

    /// The answer may be followed by a body it must not have: look at what has come before the next exchange.
    pub fn doubt(&mut self) {
        self.0.doubtful = true;
    }

    /// This exchange must be the connection's last.
    pub fn spoil(&mut self) {
        self.0.spoiled = true;
    }

    /// Send the request and wait for the head of the answer. `poll_limits` ends the wait early.
    ///
    /// When this future is dropped or has failed, the connection must be dropped too.
    pub async fn exchange<E>(
        &mut self,
        request: Request<B>,
        mut poll_limits: impl FnMut() -> Poll<E>,
    ) -> Result<Result<Response<Incoming>, ExchangeFailed<B>>, E> {
        let Inner {
            sender,
            driver,
            watch,
            bell,
            used,
            switched,
            shown,
            ..
        } = &mut *self.0;
        watch.expect_head();
        *used = true;
        shown.work();
        // The bell is still muted: the connection is moved below, it need not be told.
        let mut answer = pin!(sender.try_send_request(request));
        std::future::poll_fn(|cx| {
            drive(driver, switched, watch, bell, cx);
            // Only the driver completes the answer, and it has just been polled: no other waker is needed.
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(response)) => {
                    watch.head_arrived();
                    Poll::Ready(Ok(Ok(response)))
                }
                Poll::Ready(Err(mut failed)) => {
                    let unsent = failed.take_message();
                    let source = failed.into_error();
                    Poll::Ready(Ok(Err(ExchangeFailed { source, unsent })))
                }
                Poll::Pending => poll_limits().map(Err),
            }
        })
        .await
    }

    /// Move bytes in both directions as far as they go; the task is woken when they can go further.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        let Inner {
            driver,
            switched,
            watch,
            bell,
            ..
        } = &mut *self.0;
        drive(driver, switched, watch, bell, cx);
    }

    /// The request that comes next asks for another protocol.
    pub fn may_switch(&mut self) {
        self.0.switched = Some(None);
    }

    /// After `101 Switching Protocols`: the bare connection, or `None` when hyper does not give it back.
    pub async fn detach(mut self, in_flight: Option<InFlight>) -> Option<Detached> {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(())
        })
        .await;
        let ended = self.0.switched.take().flatten()?;
        let parts = ended.into_parts();
        let inner = *self.0;
        Some(Detached {
            stream: parts.io.into_inner().into_stream(),
            unread: parts.read_buf,
            _counted: inner.counted,
            _shown: inner.shown,
            _in_flight: in_flight,
        })
    }

    /// Look at something this connection brings, without being woken for looking.
    pub fn quietly<T>(&self, look: impl FnOnce() -> T) -> T {
        self.0.bell.mute();
        let seen = look();
        self.0.bell.unmute();
        seen
    }

    /// After both messages have ended: may another exchange follow?
    pub(super) fn settle(&mut self, now: Moment) -> bool {
        self.0.rests_since = now;
        self.0.shown.rest();
        self.0.bell.mute();
        if self.0.spoiled {
            return false;
        }
        if !self.0.sender.is_ready() {
            // hyper may not have seen the end of the exchange yet.
            self.drive_unheard();
        }
        self.is_open() && self.0.sender.is_ready()
    }

    /// Whether a resting connection may be used now.
    pub(super) fn is_usable(&mut self, now: Moment) -> bool {
        if self.rested(now) >= PROBE_AFTER || std::mem::take(&mut self.0.doubtful) {
            self.0.watch.probe_next_read();
            self.drive_unheard();
        }
        self.is_open() && self.is_at_home()
    }

    /// Let hyper look around while nobody uses the connection.
    fn drive_unheard(&mut self) {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.0.bell.mute();
    }

    fn is_open(&self) -> bool {
        self.0.driver.is_some() && !self.0.sender.is_closed()
    }

    /// Whether the target's name still stands for the address this connection leads to.
    fn is_at_home(&mut self) -> bool {
        let addresses = self.0.target.addresses();
        let generation = addresses.generation();
        if self.0.address_generation != generation && self.0.address.is_some_and(|address| addresses.contains(address))
        {
            self.0.address_generation = generation;
        }
        self.0.address_generation == generation
    }
}

fn drive<B>(
    driver: &mut Option<Driver<B>>,
    switched: &mut Option<Option<Driver<B>>>,
    watch: &Watch,
    bell: &Bell,
    cx: &mut Context<'_>,
) where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(connection) = driver else { return };
    bell.hang(cx.waker());
    watch.look_anew();
    // Also inside the poll: hyper rings for itself when it has more to do than it wants to do in one go.
    bell.unmute();
    let ended = Pin::new(connection).poll(&mut bell.context());
    if let Poll::Ready(ended) = ended {
        // Dropping it hands an unsent request back through the answer's future.
        let done = driver.take();
        match (ended, switched) {
            (Ok(()), Some(kept)) => *kept = done,
            (Ok(()), None) => {}
            (Err(error), _) => tracing::debug!(%error, "an upstream connection failed"),
        }
    }
}
