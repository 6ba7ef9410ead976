//! One shared connection: opened, driven and closed by a task of its own on the worker's thread.
//!
//! It cannot be moved by the request that uses it, as a connection of HTTP/1 is: it has many users, and every one of them
//! may be waiting for its own client when bytes for another one come.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong, Reason};
use tokio::sync::OwnedSemaphorePermit;

use super::io::{Heard, HearingIo};
use super::lane::{Attempt, Lane};
use crate::base::clock::Moment;
use crate::base::timers::{Alarm, Timers};
use crate::telemetry::metrics::UpstreamConnection;
use crate::upstream::connect::{self, ConnectFailed};
use crate::upstream::io::MAX_HEAD;
use crate::upstream::target::Target;

/// Streams at a time, whatever more the server allows: what one connection loses when it breaks.
pub(super) const STREAMS_MAX: usize = 100;

/// What an answer may send ahead of its client, for each stream. The connection's own window covers all streams, or a
/// few clients that read slowly would hold up everybody else's answers.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS_MAX as u32;

/// What one request's body may lie ahead of what the socket takes.
const SEND_BUFFER: usize = 128 * 1024;

/// What many small pieces of answers may cost beyond the window. h2 keeps about 256 bytes around each piece that is not read
/// yet, charges them to the connection, and ends it with all its calls when it has charged more: less than this, and a few
/// slow readers of tiny messages would end everybody's. The smallest message of gRPC has five bytes, so every stream may
/// have its whole window in pieces of that size: 13,108 of them on each of the 100, 320 MiB around them in all, and because
/// their list grows by doubling and stays, up to 512 MiB. An upstream can make us hold that much per connection, with 100
/// clients who read nothing; pieces of a single byte end the connection at a fifth of the windows.
const SMALL_FRAMES: usize = (STREAM_WINDOW as usize / SMALLEST_MESSAGE + 1) * PER_PIECE * STREAMS_MAX;
const SMALLEST_MESSAGE: usize = 5;
const PER_PIECE: usize = 256;

/// Streams that were reset here and may still be spoken of by the server, which does not know yet. One that speaks of a
/// forgotten stream is taken for a faulty one in the end, so there is room for many clients leaving at once.
const RESET_MAX: usize = 1024;

/// Streams that were ended here before their answer had. Servers that guard themselves against floods of resets
/// (CVE-2023-44487) end the connection, and everybody's calls with it, after some hundred; whoever sends requests and leaves
/// must not bring that about.
const GIVEN_UP_MAX: usize = 64;

/// With streams open and not a byte for so long, the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(60);

/// Servers of gRPC end connections that ask more often than every five minutes while there is nothing to say.
const PING_PAUSE: Duration = Duration::from_secs(310);

/// How long it may take to say so.
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection that nobody uses may take to say good-bye.
const LINGER: Duration = Duration::from_secs(2);

/// No server announces this many, so that as long as it stands nothing has been announced.
const UNANNOUNCED: usize = usize::MAX - 1;

type Wire = Connection<HearingIo, Bytes>;

/// An open connection, as its users see it.
pub(super) struct Link {
    lane: Weak<Lane>,
    /// Gone once it takes no new streams.
    sender: RefCell<Option<SendRequest<Bytes>>>,
    streams: Cell<usize>,
    given_up: Cell<usize>,
    /// Streams at a time, as the server has last announced.
    announced: Cell<usize>,
    /// Learned from refusals, where the server announces more than it takes.
    cap: Cell<usize>,
    target: Arc<Target>,
    address: Option<SocketAddr>,
    address_generation: Cell<u64>,
    unused_since: Cell<Moment>,
    used_since: Cell<Moment>,
    is_fresh: Cell<bool>,
    timers: Timers,
    shown: RefCell<UpstreamConnection>,
}

impl Link {
    /// How many more streams may begin now.
    pub(super) fn room(&self) -> usize {
        self.announced
            .get()
            .min(self.cap.get())
            .saturating_sub(self.streams.get())
    }

    /// How many streams it takes in all.
    pub(super) fn width(&self) -> usize {
        self.announced.get().min(STREAMS_MAX)
    }

    /// The server may have announced another limit.
    fn read_limit(&self) {
        if let Some(sender) = &*self.sender.borrow() {
            self.announced.set(sender.current_max_send_streams());
        }
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.get()
    }

    /// Whether new streams may begin here: the server has not said good-bye, and the name still leads to it.
    pub(super) fn is_usable(&self) -> bool {
        self.is_open() && self.is_at_home()
    }

    fn is_open(&self) -> bool {
        let mut sender = self.sender.borrow_mut();
        let mut nobody = Context::from_waker(Waker::noop());
        sender
            .as_mut()
            .is_some_and(|sender| matches!(sender.poll_ready(&mut nobody), Poll::Ready(Ok(()))))
    }

    fn is_at_home(&self) -> bool {
        let Some(address) = self.address else { return true };
        let generation = self.target.addresses().generation();
        if self.address_generation.get() != generation && self.target.addresses().contains(address) {
            self.address_generation.set(generation);
        }
        self.address_generation.get() == generation
    }

    /// Begin no more streams; those that run may finish, then the connection closes.
    pub(super) fn retire(&self) {
        if self.sender.borrow_mut().take().is_some() {
            self.announced.set(0);
            self.unused_since.set(self.timers.now());
        }
    }

    /// A handle to begin one stream with, also after the connection has been retired for others. A clone knows nothing of
    /// streams that others have begun and that still wait for the server to take them: those are counted here.
    pub(super) fn sender(&self) -> Option<SendRequest<Bytes>> {
        self.sender.borrow().clone()
    }

    /// A stream begins; how long the connection had carried none before.
    pub(super) fn enter(&self) -> Duration {
        let before = self.streams.replace(self.streams.get() + 1);
        if before > 0 {
            return Duration::ZERO;
        }
        let now = self.timers.now();
        self.used_since.set(now);
        self.shown.borrow_mut().work();
        if self.is_fresh.replace(false) {
            return Duration::ZERO;
        }
        now.since(self.unused_since.get())
    }

    /// A stream has ended.
    pub(super) fn leave(&self) {
        let left = self.streams.get().saturating_sub(1);
        self.streams.set(left);
        if left == 0 {
            self.unused_since.set(self.timers.now());
            self.shown.borrow_mut().rest();
        }
        if let Some(lane) = self.lane.upgrade() {
            lane.stir();
        }
    }

    /// A stream was ended here before its answer had ended.
    pub(super) fn gave_up(&self) {
        self.given_up.set(self.given_up.get() + 1);
        if self.given_up.get() >= GIVEN_UP_MAX {
            self.retire();
        }
    }

    /// The server took fewer streams than it had announced.
    pub(super) fn refused(&self) {
        self.cap.set(self.streams.get().saturating_sub(1).max(1));
    }

    pub(super) fn answered(&self) {
        let cap = self.cap.get();
        if cap < STREAMS_MAX {
            self.cap.set(cap + 1);
        }
    }
}

/// What opening a connection needs.
pub(super) struct Opening {
    pub(super) attempt: Attempt,
    pub(super) timers: Timers,
    pub(super) limit: Duration,
    pub(super) counted: OwnedSemaphorePermit,
    pub(super) shown: UpstreamConnection,
}

/// Open a connection and drive it to its end. The task outlives the request that wanted it: others wait for it too.
pub(super) fn start(opening: Opening) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a connection with many users belongs to none of their tasks"
    )]
    let _task = tokio::task::spawn_local(run(opening));
}

async fn run(opening: Opening) {
    let Opening {
        attempt,
        timers,
        limit,
        counted,
        shown,
    } = opening;
    let lane = attempt.lane();
    let opened = timers.within(limit, open(lane, &timers, limit)).await;
    let (sender, wire, heard, address) = match opened.unwrap_or(Err(ConnectFailed::TimedOut)) {
        Ok(opened) => opened,
        Err(failed) => {
            // First of all: whoever is told of the failure may try again at once.
            drop(counted);
            return attempt.fail(failed);
        }
    };
    let now = timers.now();
    let target = Arc::clone(lane.target());
    let link = Rc::new(Link {
        lane: Rc::downgrade(lane),
        announced: Cell::new(sender.current_max_send_streams()),
        sender: RefCell::new(Some(sender)),
        streams: Cell::new(0),
        given_up: Cell::new(0),
        cap: Cell::new(STREAMS_MAX),
        address,
        address_generation: Cell::new(target.addresses().generation()),
        target,
        unused_since: Cell::new(now),
        used_since: Cell::new(now),
        is_fresh: Cell::new(true),
        timers: timers.clone(),
        shown: RefCell::new(shown),
    });
    link.shown.borrow_mut().rest();
    let idle = lane.idle_limit();
    // The lane is held by those who use it: one that belongs to an earlier configuration goes.
    attempt.succeed(&link);
    let mut driver = Driver {
        wire,
        heard,
        heard_at: now,
        pings: None,
        pinged_at: None,
        answer_by: None,
        alarm: timers.alarm(),
        timers,
        idle,
        link,
    };
    driver.pings = driver.wire.ping_pong();
    std::future::poll_fn(|cx| driver.poll(cx)).await;
    drop(driver.wire);
    drop(counted);
    if let Some(lane) = driver.link.lane.upgrade() {
        lane.closed(&driver.link);
    }
}

type Opened = (SendRequest<Bytes>, Wire, Heard, Option<SocketAddr>);

/// Connect, and wait for the server to announce itself: what it takes at a time must be known before anything is sent,
/// and a server that does not speak HTTP/2 shows it before a request is lost on it.
async fn open(lane: &Lane, timers: &Timers, limit: Duration) -> Result<Opened, ConnectFailed> {
    let stream = connect::connect(lane.target(), limit, timers).await?;
    let address = stream.peer_address().ok().flatten();
    let (io, heard) = HearingIo::new(stream);
    let handshake = Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(UNANNOUNCED)
        .max_header_list_size(MAX_HEAD as u32)
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_reset_streams(RESET_MAX)
        .data_frame_budget(SMALL_FRAMES)
        .handshake::<_, Bytes>(io);
    let (sender, mut wire) = handshake.await.map_err(unopened)?;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut wire).poll(cx) {
            return Poll::Ready(Err(
                ended.map_or_else(unopened, |()| ConnectFailed::Left(Reason::NO_ERROR))
            ));
        }
        match sender.current_max_send_streams() {
            0 | UNANNOUNCED => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    })
    .await?;
    Ok((sender, wire, heard, address))
}

/// What ended the connection before it could be used. Only what the library itself objects to is no HTTP/2.
fn unopened(error: h2::Error) -> ConnectFailed {
    match error.reason() {
        Some(reason) if error.is_go_away() && error.is_remote() => ConnectFailed::Left(reason),
        _ if error.is_io() => {
            let broken = error.into_io().unwrap_or_else(|| io::ErrorKind::Other.into());
            ConnectFailed::Io(Arc::new(broken))
        }
        _ => ConnectFailed::Http2(Arc::new(error)),
    }
}

/// Moves one connection until it has ended.
struct Driver {
    wire: Wire,
    heard: Heard,
    heard_at: Moment,
    pings: Option<PingPong>,
    pinged_at: Option<Moment>,
    /// When the server must have answered a ping.
    answer_by: Option<Moment>,
    alarm: Alarm,
    timers: Timers,
    /// How long it may lie unused.
    idle: Duration,
    link: Rc<Link>,
}

/// What comes next when nothing happens before.
enum Next {
    Ping,
    Retire,
    GiveUp(&'static str),
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Poll::Ready(ended) = Pin::new(&mut self.wire).poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a shared upstream connection failed");
                }
                return Poll::Ready(());
            }
            self.listen(cx);
            self.notice();
            let (moment, next) = self.next();
            ready!(self.alarm.poll_past(cx, moment));
            match next {
                Next::Ping => self.ping(),
                Next::Retire => self.retire(),
                Next::GiveUp(why) => {
                    tracing::debug!(why, "a shared upstream connection is given up");
                    return Poll::Ready(());
                }
            }
        }
    }

    fn listen(&mut self, cx: &mut Context<'_>) {
        if self.heard.take() {
            self.heard_at = self.timers.now();
        }
        if let Some(pings) = &mut self.pings
            && self.answer_by.is_some()
            && pings.poll_pong(cx).is_ready()
        {
            self.answer_by = None;
        }
    }

    /// What the server has said may concern those who wait: it takes more streams than before, or none any more.
    fn notice(&mut self) {
        self.link.read_limit();
        if !self.link.is_open() {
            self.retire();
        } else if let Some(lane) = self.link.lane.upgrade() {
            self.idle = lane.idle_limit();
            lane.stir();
        }
    }

    fn next(&self) -> (Moment, Next) {
        let link = &self.link;
        if link.streams() == 0 {
            let unused = link.unused_since.get();
            return match *link.sender.borrow() {
                Some(_) => (unused + self.idle, Next::Retire),
                None => (unused + LINGER, Next::GiveUp("it does not close")),
            };
        }
        if let Some(moment) = self.answer_by {
            return (moment, Next::GiveUp("its server does not answer a ping"));
        }
        let silent = self.heard_at.max(link.used_since.get()) + SILENCE;
        let due = self.pinged_at.map_or(silent, |pinged| silent.max(pinged + PING_PAUSE));
        (due, Next::Ping)
    }

    fn ping(&mut self) {
        let now = self.timers.now();
        self.pinged_at = Some(now);
        self.answer_by = Some(now + PING_PATIENCE);
        if let Some(pings) = &mut self.pings {
            // Refused only while another one is on its way, and then that one is waited for.
            let _on_its_way = pings.send_ping(Ping::opaque());
        }
    }

    fn retire(&mut self) {
        self.link.retire();
        if let Some(lane) = self.link.lane.upgrade() {
            lane.retired(&self.link);
        }
    }
}
